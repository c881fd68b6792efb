"""Speed and exactness of training on a GPU: `python -m benchmarks.gpu`; with all peers it was never run in one call.

Images per second of our stacks, as one CUDA graph and launch by launch, of 1 to 40 models, against pythae 0.1.2 (its
DataLoader as it comes, and the whole set on the device), a plain torch loop, torch.func's ensembling and a jitted JAX
VAE, all on the same GPU, in turn. Then the share of what memory and arithmetic allow, the error of each precision
against float64, and the time from a process's start to its first step. `--part` runs one of these alone.

Peers that are not installed are named and left out. Results go to gpu.csv beside this file, or to `--output`.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BATCH, LATENT, RATE = 64, 12, 1e-4
COLUMNS = ("case", "models", "side", "unit", "value", "low", "high", "repeats", "device", "torch", "date")
# case -> options of the network, side of the image, steps of a repeat, models in a stack
CASES: dict[str, tuple[Any, int, int, tuple[int, ...]]] = {
    "dense-8": ({"name": "dense", "hidden": [256, 256]}, 8, 1000, (1, 4, 10, 40)),
    "dense-28-512-256": ({"name": "dense", "hidden": [512, 256]}, 28, 600, (1, 4, 10, 40)),
    "conv-64": ("conv_locatello", 64, 60, (1, 4, 8)),
}
# case, whether it is the size looked at closely -> ways of ours: see `trainer`
WAYS = {
    ("dense-8", False): ["graph", "graph+tf32"],
    ("dense-8", True): ["graph", "graph+serial", "launches", "graph+tf32", "graph+bfloat16", "graph+order3"],
    ("dense-28-512-256", False): ["graph", "graph+tf32"],
    ("dense-28-512-256", True): ["graph", "graph+serial", "launches", "graph+tf32", "graph+bfloat16", "graph+order3"],
    ("conv-64", False): ["graph", "graph+apart+tf32"],
    ("conv-64", True): ["graph", "graph+serial", "launches", "graph+tf32", "graph+apart+tf32", "graph+apart+bfloat16"],
}


def where() -> tuple[str, str, str]:
    """Device, torch's version, date."""
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return name, torch.__version__, datetime.datetime.now(datetime.UTC).date().isoformat()


# ---- our side: a process that trains when it is told to ----
def trainer(case: str, models: int, how: str, device: str) -> Any:
    """A trainer of the case's stack; `how`: words of graph, serial, apart, compile, tf32, bfloat16, order3, and +."""
    from phvae.api.phvae import PHVAE
    from phvae.model.options import ModelConfig
    from phvae.training.batches import Batches
    from phvae.training.loop import Progress, Trainer
    from phvae.training.options import TrainingConfig
    from phvae.training.stacking import Stack

    network, side, *_ = CASES[case]
    words = set(how.split("+"))
    shape, seeds = (1, side, side), list(range(models))
    variant = {"order": 3, "divergence": "hierarchical"} if "order3" in words else {"order": 1, "divergence": "kl"}
    config = ModelConfig(latent_size=LATENT, network=network, **variant)
    precision = next((word for word in ("tf32", "bfloat16", "float64") if word in words), "float32")
    training = TrainingConfig(epochs=1, steps=10**8, batch_size=BATCH, learning_rate=RATE, precision=precision)
    states = [dict(PHVAE(shape, config, seed=seed).named_parameters()) for seed in seeds]
    stack = Stack(
        PHVAE(shape, config),
        states,
        learning_rate=RATE,
        device=device,
        precision=precision,
        width=models,
        graph="graph" in words,
        apart="apart" in words,
        compile="compile" in words,
        branch="serial" not in words,
    )
    data = np.random.default_rng(0).integers(0, 256, (12_800, *shape), dtype=np.uint8)
    batches = Batches(
        data,
        [np.arange(len(data))] * models,
        seeds,
        batch_size=BATCH,
        levels=(config.order, LATENT // config.order),
        device=device,
        dtype=stack.dtype,
    )
    return Trainer(stack, batches, data[:BATCH], training, [Progress(seed) for seed in seeds], [{} for _ in seeds])


def worker(case: str, models: int, how: str, device: str) -> None:
    """Answer each line, a number of steps, with images, seconds and CPU seconds."""
    import torch

    from phvae.determinism.device import session

    precision = "tf32" if "tf32" in how else "float32"
    with session(device, 1, precision):
        found = trainer(case, models, how, device)
        for line in sys.stdin:
            started, cpu = time.perf_counter(), time.process_time()
            for step in range(int(line)):
                found._one_step()
                if step % 100 == 99:
                    found.look()
            found.look()
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
            peak = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else 0.0
            print(int(line) * BATCH * models, seconds, cpu_seconds, peak, flush=True)


def replays(case: str, models: int, how: str) -> float:
    """Seconds of the device alone per step: replays of the graph, nothing between."""
    import torch

    from phvae.determinism.device import session

    with session("cuda", 1, "tf32" if "tf32" in how else "float32"):
        found = trainer(case, models, how, "cuda")
        for _ in range(3):
            found._one_step()
        graph = found.stack._resident[True, BATCH].graph
        steps = 200 if case != "conv-64" else 30
        torch.cuda.synchronize()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        times = []
        for _ in range(5):
            begin.record()
            for _ in range(steps):
                graph.replay()
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) / 1000 / steps)
    return statistics.median(times)


# ---- both sides ----
class Side:
    """A process that waits for work."""

    def __init__(self, name: str, command: list[str], steps: int) -> None:
        self.name, self.steps, self.rates, self.peak = name, steps, [], 0.0
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def __call__(self, keep: bool = True) -> bool:
        """Run once; whether it lives."""
        try:
            self.process.stdin.write(f"{self.steps}\n")
            self.process.stdin.flush()
            answer = [float(value) for value in self.process.stdout.readline().split()]
        except BrokenPipeError:
            answer = []
        if not answer:
            print(f"left out: {self.name}: {self.process.stderr.read()[-600:]}", file=sys.stderr, flush=True)
            return False
        if keep:
            self.rates.append(answer[0] / answer[1])
            self.peak = answer[3] if len(answer) > 3 else 0.0
        return True

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Table:
    """Rows, written after each."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, []

    def add(self, case: str, models: int, side: str, unit: str, values: list[float]) -> None:
        middle, low, high = statistics.median(values), min(values), max(values)
        row = (case, models, side, unit, *(f"{v:.4g}" for v in (middle, low, high)), len(values), *where())
        self.rows.append(row)
        print("  ".join(str(part) for part in row[:7]), flush=True)
        with self.path.open("w", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([COLUMNS, *self.rows])


def speed(
    table: Table, device: str, repeats: int, cases: list[str], sizes: list[int] | None, wanted: list[str] | None
) -> None:
    """Ours and the peers in turn."""
    python, here = sys.executable, "benchmarks.gpu"
    for case in cases:
        steps = CASES[case][2] if device == "cuda" else 20
        for models in sizes or CASES[case][3]:
            ways = wanted or WAYS[case, models == max(CASES[case][3][:3])]
            sides = []
            for how in ways:
                command = [python, "-m", here, "--worker", case, str(models), how, device]
                sides.append(Side(f"ours, {how}", command, steps if how != "launches" else steps // 4))
            peer = [python, "benchmarks/peer_torch.py"]
            if models == 1:
                sides.append(Side("torch loop", [*peer, "loop", case, "1", device], steps // 4))
                for name in ("loader", "resident"):
                    command = [python, "benchmarks/peer.py", case, "1", device, name]
                    sides.append(Side(f"pythae 0.1.2, {name}", command, max(steps // 10, 50) * BATCH))
            else:
                sides.append(Side("torch.func", [*peer, "func", case, str(models), device], steps // 4))
            if case != "conv-64":
                for name, precision in (("tf32", "default"), ("float32", "highest")):
                    command = [python, "benchmarks/peer_jax.py", case, str(models), device, precision]
                    sides.append(Side(f"jax, {name}", command, steps))
            sides = [side for side in sides if side(keep=False)]
            for _ in range(repeats):
                for side in sides:
                    side()
            for side in sides:
                table.add(case, models, side.name, "images/s", side.rates)
                if side.peak:
                    table.add(case, models, side.name, "MB", [side.peak])
                side.close()


def ceilings() -> tuple[float, float, float]:
    """Bytes per second of a copy (read and written); operations per second of a product in float32, and in tf32."""
    import torch

    a = torch.empty(2**29, device="cuda").normal_()
    b = torch.empty_like(a)
    m = torch.randn(8192, 8192, device="cuda")

    def timed(call: Callable[..., Any], *inputs: Any) -> float:
        call(*inputs)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(5):
            call(*inputs)
        torch.cuda.synchronize()
        return (time.perf_counter() - started) / 5

    bandwidth, rates = 8 * a.numel() / timed(b.copy_, a), []
    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        rates.append(2 * 8192**3 / timed(torch.mm, m, m))
    torch.backends.cuda.matmul.allow_tf32 = False
    return bandwidth, *rates


def floors(table: Table, cases: list[str], sizes: list[int] | None) -> None:
    """Device time per step of a stack, and the least that bytes and operations allow on this device."""
    bandwidth, product, product_tf32 = ceilings()
    table.add("copy", 0, "device", "GB/s", [bandwidth / 1e9])
    table.add("product, float32", 0, "device", "TFLOP/s", [product / 1e12])
    table.add("product, tf32", 0, "device", "TFLOP/s", [product_tf32 / 1e12])
    for case in cases:
        network, side, _, several = CASES[case]
        if case == "conv-64":
            for how in ("graph", "graph+apart", "graph+tf32", "graph+apart+tf32", "graph+bfloat16"):
                table.add(case, 8, how, "us per step", [1e6 * replays(case, 8, how)])
            continue
        wide, narrow = network["hidden"]
        size = side * side
        weights = 2 * size * wide + 2 * wide * narrow + narrow * 3 * LATENT
        for models in sizes or (*several, 100):
            bytes_moved = 10 * 4 * weights * models  # read twice, gradient written; Adam reads 4, writes 3
            operations = 6 * weights * BATCH * models
            for how, rate in (("graph", product), ("graph+tf32", product_tf32)):
                seconds = replays(case, models, how)
                table.add(case, models, how, "us per step", [1e6 * seconds])
                floor = bytes_moved / bandwidth
                table.add(case, models, how, "% of the floor by bytes", [100 * floor / seconds])
                table.add(case, models, how, "% of bytes, then products", [100 * (floor + operations / rate) / seconds])


def errors(table: Table, cases: list[str], sizes: list[int] | None) -> None:
    """The largest relative error of a step's loss, and of the gradients as seen in Adam's first moments."""
    import torch

    from phvae.determinism.device import session

    for case in cases:
        found = {}
        for how in ("graph+float64", "graph", "graph+tf32", "graph+bfloat16"):
            with session("cuda", 1, "tf32" if "tf32" in how else "float32"):
                one = trainer(case, 4, how, "cuda")
                one._one_step()
                terms = one._pending[0].double().cpu()
                moments = [m.double().cpu() for m in one.stack.moments["exp_avg"]]
                found[how] = terms, torch.cat([m.flatten() for m in moments])
        terms, moments = found.pop("graph+float64")
        for how, (t, m) in found.items():
            table.add(case, 4, how, "relative error of the loss", [float((t[:, 0] / terms[:, 0] - 1).abs().max())])
            error = float((m - moments).norm() / moments.norm())
            table.add(case, 4, how, "relative error of the gradient", [error])


def start(table: Table, cases: list[str], sizes: list[int] | None) -> None:
    """From a process's start to its end after ten steps, the graph captured."""
    for case in cases:
        times = []
        for _ in range(3):
            command = [sys.executable, "-m", "benchmarks.gpu", "--worker", case, "8", "graph", "cuda"]
            began = time.perf_counter()
            subprocess.run(command, input="10\n", text=True, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
            times.append(time.perf_counter() - began)
        table.add(case, 8, "from start to end of 10 steps", "s", times)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=["speed", "floors", "errors", "start"], action="append")
    parser.add_argument("--case", choices=CASES, action="append")
    parser.add_argument("--models", type=int, action="append")
    parser.add_argument("--ways", nargs="+", help="of ours, in the place of the usual")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda", help="cpu: to try the script")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "gpu.csv")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        case, models, how, device = arguments.worker
        worker(case, int(models), how, device)
        return
    table = Table(arguments.output)
    kinds = {"floors": floors, "errors": errors, "start": start}
    cases = arguments.case or list(CASES)
    for part in arguments.part or [*kinds, "speed"]:
        if part == "speed":
            speed(table, arguments.device, arguments.repeats, cases, arguments.models, arguments.ways)
        else:
            kinds[part](table, cases, arguments.models)


if __name__ == "__main__":
    main()
