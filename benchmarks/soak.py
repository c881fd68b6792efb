"""Kill a small grid at many moments, start it again each time, and compare its metrics.csv with an untouched run's.

`python -m benchmarks.soak` kills with SIGKILL at 5 fixed places of the code and at 20 random moments (two minutes);
`--signal SIGTERM` asks politely instead, and checks that the process leaves within 10 seconds. Exits 1 on a difference.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

# With this learning rate the best epoch of a seed lies well before its last, so that losing it would show.
CONFIG: dict[str, Any] = {
    "name": "soak",
    "seeds": 3,
    "device": "cpu",
    "baseline": "vae",
    "model": {"latent_size": 6, "network": {"name": "dense", "hidden": [17]}},
    "training": {
        "epochs": 24,
        "checkpoint_minutes": 0.0005,
        "learning_rate": 0.4,
        "batch_size": 32,
        "seeds_per_job": 3,
    },
    "evaluation": {
        "n_codes": 100,
        "n_samples": 64,
        "n_reconstructions": 64,
        "n_likelihood": 8,
        "importance_samples": 32,
        "metrics": ["density", "likelihood"],
    },
    "datasets": {"claw": {"n_train": [100]}},
    "variants": {"vae": {"model": {"order": 1, "divergence": "kl"}}, "ph-vae-3": {"model": {"order": 3}}},
}

# Functions before whose n-th call a process kills itself: the first step, amid an epoch, amid writing a checkpoint
# (before its rename is made to last), amid validation, between the results of two seeds.
PLACES = [
    ("phvae.training.loop", "Trainer._one_step", 1),
    ("phvae.training.loop", "Trainer._one_step", 60),
    ("phvae.jobs.checkpoint", "_flush_folder", 4),
    ("phvae.training.loop", "Trainer._validation_losses", 9),
    ("phvae.jobs.checkpoint", "remove", 2),
]
PATIENCE = 10.0  # seconds within which a process that is asked to stop must be gone


def pipeline(results: Path) -> None:
    """All stages of the grid, as the workflow runs them."""
    from phvae.experiment.grid import parse_grid
    from phvae.jobs import stages

    grid = parse_grid(CONFIG | {"results": str(results)}, "soak")
    stages.prepare(grid, "claw")
    stages.reference(grid, "claw")
    for cell in grid.cells:
        for stack in grid.stacks(cell):
            stages.train(grid, cell.dataset, cell.n_train, cell.variant, stack)
    stages.encode(grid, "claw", 100, 0)
    stages.evaluate(grid, "claw", 100, 0)
    stages.groups(grid, "claw", 100, 0)
    stages.collect(grid)


def kill_before(module: str, name: str, call: int) -> None:
    """Make this process kill itself before the given call of a function."""
    holder: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        holder = getattr(holder, part)
    plain, count = getattr(holder, last), 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*args, **options)

    setattr(holder, last, counted)


def child(results: Path, before: Callable[[], None] = lambda: None) -> int:
    """Run the pipeline in a forked process (the libraries are loaded already); its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        with (results.parent / "log").open("a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        before()
        pipeline(results)
        status = 0
    except SystemExit as left:
        status = int(left.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def finish(results: Path) -> bytes:
    """Run to the end; the table's bytes."""
    status = os.waitstatus_to_exitcode(os.waitpid(child(results), 0)[1])
    if status:
        raise SystemExit(f"the run ended with {status}:\n{(results.parent / 'log').read_text()[-3000:]}")
    return (results / "soak" / "metrics.csv").read_bytes()


def struck(results: Path, moment: float, number: signal.Signals) -> str:
    """Start, strike after some seconds, wait for the end; how it ended."""
    process = child(results)
    time.sleep(moment)
    os.kill(process, number)
    started = time.monotonic()
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    seconds = time.monotonic() - started
    if seconds > PATIENCE:
        raise SystemExit(f"after {number.name} the process needed {seconds:.1f} s, expected at most {PATIENCE:.0f} s")
    return f"{number.name} after {moment:.2f} s: status {status}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=20, help="number of random moments")
    parser.add_argument("--fixed", type=int, default=len(PLACES), help="number of fixed places")
    parser.add_argument("--signal", choices=["SIGKILL", "SIGTERM", "SIGINT", "SIGUSR1"], default="SIGKILL")
    parser.add_argument("--seed", type=int, default=None, help="of the random moments; the clock's by default")
    arguments = parser.parse_args()
    seed = time.time_ns() % 10**6 if arguments.seed is None else arguments.seed
    generator = np.random.default_rng(seed)
    for name in (
        "phvae.jobs.stages",
        "phvae.jobs.training",
        "phvae.encoding.encoder",
        "phvae.jobs.evaluate",
        "phvae.jobs.reference",
    ):
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "untouched" / "results"
        first.parent.mkdir()
        started = time.monotonic()
        expected = finish(first)
        duration = time.monotonic() - started
        print(
            f"untouched: {duration:.2f} s, {len(expected.splitlines()) - 1} rows; random moments of seed {seed}",
            flush=True,
        )
        trials: list[Callable[[Path], str]] = []
        for module, name, call in PLACES[: arguments.fixed]:

            def at_place(results: Path, module: str = module, name: str = name, call: int = call) -> str:
                process = child(results, lambda: kill_before(module, name, call))
                status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
                if status != -signal.SIGKILL:
                    raise SystemExit(f"{module}.{name}: call {call} was never made (status {status})")
                return f"before call {call} of {name}"

            trials.append(at_place)
        for moment in generator.uniform(0, duration, arguments.random):
            trials.append(lambda results, m=float(moment): struck(results, m, signal.Signals[arguments.signal]))
        different = 0
        for index, trial in enumerate(trials, 1):
            results = Path(folder) / str(index) / "results"
            results.parent.mkdir()
            shutil.copytree(first / "data", results / "data")  # the prepared data are shared by grids
            how = trial(results)
            same = finish(results) == expected
            different += not same
            print(f"{index:3d}  {'same bytes' if same else 'DIFFERENT'}  {how}", flush=True)
            shutil.rmtree(results.parent)
    print(f"{len(trials) - different} of {len(trials)} runs ended with the bytes of the untouched one")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
