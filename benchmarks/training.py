"""Speed of training against pythae 0.1.2, hand-written peers and our own one seed a process: `make bench`, ten minutes.

Both sides train the same network with Adam on batches of 64 and use two cores. Ours as the workflow does: two jobs of
one thread, each training 8 seeds stacked (dense) or one seed (convolutional). The peer in two ways: as it is used, one
process with two threads, and as a patient user would, two processes with one thread each. Rates are medians over
alternating repeats; a first call of each warms up. What a fast user would write by hand (a plain torch loop,
torch.func's ensembling, JAX mapped over seeds, scanned and jitted) runs beside ours on one core. `--cpu` counts CPU
seconds of one process a side instead of seconds, for a machine that is not idle.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.common import alternate, median, record, table  # noqa: E402

PEER = "pythae 0.1.2"
ENVIRONMENT = ROOT / ".cache" / "peer"
BATCH = 64
SEEDS = 8

# case -> (name in the table, images of one peer call, images a seed of one call of ours, precision)
CASES = {
    "dense-8": ("dense 8x8, 8 seeds", 12_800, 6_400, "float32"),
    "dense-28": ("dense 28x28, 8 seeds", 6_400, 3_200, "float32"),
    "conv-64": ("conv 64x64, float32", 640, 640, "float32"),
    "conv-64-bf16": ("conv 64x64, bfloat16", 640, 640, "bfloat16"),
}


# ---- our side: a worker that trains when it is told to ----
def trainer_for(case: str, images: int):
    """A trainer of the case's stack, as `phvae train` builds it."""
    from phvae.api.phvae import PHVAE
    from phvae.model.options import ModelConfig
    from phvae.training.batches import Batches
    from phvae.training.loop import Progress, Trainer
    from phvae.training.options import TrainingConfig
    from phvae.training.stacking import Stack

    kind, side = case.split("-")[0], int(case.split("-")[1])
    shape = (1, side, side)
    seeds = list(range(SEEDS if kind == "dense" else 1))
    network = {"name": "dense", "hidden": [256, 256]} if kind == "dense" else "conv_locatello"
    config = ModelConfig(order=1, latent_size=12, divergence="kl", network=network)
    training = TrainingConfig(epochs=1, batch_size=BATCH, learning_rate=1e-4, precision=CASES[case][3])
    states = [dict(PHVAE(shape, config, seed=seed).named_parameters()) for seed in seeds]
    together = config.network.stacks("cpu")
    stack = Stack(PHVAE(shape, config), states, learning_rate=1e-4, precision=training.precision, together=together)
    data = np.random.default_rng(0).integers(0, 256, (images, *shape), dtype=np.uint8)
    batches = Batches(data, [np.arange(images)] * len(seeds), seeds, batch_size=BATCH, levels=(1, 12))
    progress, best = [Progress(seed) for seed in seeds], [{} for _ in seeds]
    return Trainer(stack, batches, data[:BATCH], training, progress, best), len(seeds)


def worker(case: str) -> None:
    """Answer each line, a number of images a seed, with the number of images trained on, seconds and CPU seconds."""
    from phvae.determinism.device import session

    with session("cpu", threads=1):
        for line in sys.stdin:
            trainer, seeds = trainer_for(case, int(line))
            started, cpu = time.perf_counter(), time.process_time()
            trainer.run(lambda *_: None, lambda: None, lambda: None)
            print(int(line) * seeds, time.perf_counter() - started, time.process_time() - cpu, flush=True)


# ---- both sides, from here ----
class Side:
    """Processes that wait for work and do it at the same time."""

    def __init__(self, command: list[str], processes: int, images: int, cpu: bool) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": command[-1] if command[-1].isdigit() else "1"}
        self.images, self.column = images, 2 if cpu else 1
        self.processes = [
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
            for _ in range(processes)
        ]

    def __call__(self) -> float:
        """Images a second of all processes together."""
        for process in self.processes:
            process.stdin.write(f"{self.images}\n")
            process.stdin.flush()
        answers = []
        for process in self.processes:
            line = process.stdout.readline().split()
            if not line:
                raise SystemExit(f"{' '.join(process.args)} ended with {process.wait()}")
            answers.append([float(value) for value in line])
        return sum(answer[0] for answer in answers) / max(answer[self.column] for answer in answers)

    def close(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.wait()


def peer_python() -> str:
    """The Python of the peer's environment, made on first use: it shares this one's packages, pythae comes on top."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print(f"installing {PEER} into {ENVIRONMENT}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        site = next((ENVIRONMENT / "lib").glob("python*")) / "site-packages"
        own = next(path for path in sys.path if path.endswith("site-packages"))
        (site / "base.pth").write_text(f"{own}\n")
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "pythae==0.1.2"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "jax"], check=True)
    return str(python)


def _medians(sides: dict[str, Side], repeats: int) -> dict[str, float]:
    """Rates of each side in turn, after a warm-up; the processes end."""
    try:
        alternate(dict(sides), 1)
        return {name: median(values) for name, values in alternate(dict(sides), repeats).items()}
    finally:
        for side in sides.values():
            side.close()


def against_the_peer(case: str, repeats: int, cpu: bool) -> None:
    name, peer_images, images, _ = CASES[case]
    script = [peer_python(), str(ROOT / "benchmarks" / "peer.py"), case.removesuffix("-bf16")]
    ours = [sys.executable, str(Path(__file__).resolve()), "--worker", case]
    sides = {"ours": Side(ours, 1 if cpu else 2, images, cpu)}
    if cpu:
        sides[f"{PEER}, CPU s"] = Side([*script, "1"], 1, peer_images, cpu)
    else:
        sides[f"{PEER}, 2 threads"] = Side([*script, "2"], 1, peer_images, cpu)
        sides[f"{PEER}, 2 processes"] = Side([*script, "1"], 2, peer_images, cpu)
    rates = _medians(sides, repeats)
    value = rates.pop("ours")
    for index, (peer, rate) in enumerate(rates.items()):
        suffix = ", one core" if cpu else ", against two processes" if index else ""
        record(f"training: {name}{suffix}", "images/s", value, peer, rate, repeats)


def against_hand_written(case: str, repeats: int, cpu: bool) -> None:
    """What a fast user would write, one process of one thread on each side; a plain loop trains one model."""
    name, _, images, precision = CASES[case]
    if precision != "float32":
        return
    kind, seeds = case.split("-")[0], SEEDS if case.startswith("dense") else 1
    python, folder, steps = peer_python(), ROOT / "benchmarks", images // BATCH
    sides = {
        "ours": Side([sys.executable, str(Path(__file__).resolve()), "--worker", case], 1, images, cpu),
        "a torch loop": Side([python, str(folder / "peer_torch.py"), "loop", case, "1", "cpu"], 1, steps, cpu),
    }
    if kind == "dense":
        func = [python, str(folder / "peer_torch.py"), "func", case, str(seeds), "cpu"]
        jax = [python, str(folder / "peer_jax.py"), case, str(seeds), "cpu", "highest"]
        sides |= {"torch.func": Side(func, 1, steps, cpu), "JAX, jitted": Side(jax, 1, max(steps, 100), cpu)}
    rates = _medians(sides, repeats)
    value = rates.pop("ours")
    for peer, rate in rates.items():
        record(f"training: {name}, one core, against {peer}", "images/s", value, peer, rate, repeats)


# ---- our stacks against our own single seeds ----
GRID = """
name: {name}
results: {results}
seeds: 8
device: cpu
baseline: vae
datasets:
  trimodal: {{n_train: [2000]}}
model: {{latent_size: 12, network: {{name: dense, hidden: [32, 32], activation: silu}}}}
training: {{epochs: 40, seeds_per_job: {size}}}
variants:
  vae: {{model: {{order: 1, divergence: kl}}}}
"""


def density_jobs(repeats: int) -> None:
    """Eight seeds of a density in one process, and in eight, one after the other; everything counted."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "phvae.cli"]

        def seconds(size: int) -> float:
            config = Path(folder) / f"{size}.yaml"
            config.write_text(GRID.format(name=f"size-{size}", results=folder, size=size))
            options = ["--config", str(config), "--dataset", "trimodal"]
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            subprocess.run([*command, "prepare", *options], check=True, env=environment, stderr=subprocess.DEVNULL)
            subprocess.run(["rm", "-rf", f"{folder}/size-{size}/runs"], check=True)
            started = time.perf_counter()
            for lot in range(8 // size):
                stack = ["--n-train", "2000", "--lot", str(lot)]
                subprocess.run(
                    [*command, "train", *options, *stack], check=True, env=environment, stderr=subprocess.DEVNULL
                )
            return time.perf_counter() - started

        found = alternate({"stack": lambda: seconds(8), "single": lambda: seconds(1)}, repeats)
    images = 8 * 40 * 2000
    rate, peer = images / median(found["stack"]), images / median(found["single"])
    record(
        "training: density 1-D, 8 seeds, start-up counted", "images/s", rate, "ours, a process a seed", peer, repeats
    )


def memory(seeds: int) -> None:
    """Print the growth of the resident set by training a stack, in MB (runs in a process of its own)."""
    global SEEDS
    SEEDS = seeds
    trainer_for("dense-8", BATCH)[0].run(lambda *_: None, lambda: None, lambda: None)  # load the libraries
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trainer_for("dense-28", 6_400)[0].run(lambda *_: None, lambda: None, lambda: None)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10)


def memory_of_a_stack() -> None:
    command = [sys.executable, str(Path(__file__).resolve()), "--memory"]
    found = {}
    for seeds in (1, SEEDS):
        done = subprocess.run([*command, str(seeds)], capture_output=True, text=True, check=True)
        found[seeds] = float(done.stdout)
    record("training: memory of 8 seeds stacked, 28x28", "MB", found[SEEDS], "8 times one seed", SEEDS * found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cpu", action="store_true", help="CPU seconds of one process a side")
    parser.add_argument("--only", choices=[*CASES, "density", "memory"], action="append")
    parser.add_argument("--worker", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker)
    elif arguments.memory:
        memory(arguments.memory)
    else:
        wanted = arguments.only or [*CASES, "density", "memory"]
        for case in CASES:
            if case in wanted:
                against_the_peer(case, arguments.repeats, arguments.cpu)
                against_hand_written(case, arguments.repeats, arguments.cpu)
        if "density" in wanted:
            density_jobs(arguments.repeats)
        if "memory" in wanted:
            memory_of_a_stack()
        print(table("training:"))


if __name__ == "__main__":
    main()
