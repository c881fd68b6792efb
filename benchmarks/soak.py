"""Kill a small grid at many moments, start it again each time, and compare what it leaves with an untouched run.

`python -m benchmarks.soak` kills with SIGKILL at 5 fixed places of the code, in each of the ten stages, between two
trainings of which the second has another key, and at 10 random moments (three minutes of an idle core).
`--signal SIGTERM` asks politely at the random moments instead, and checks that the process leaves within 10 seconds.
Exits 1 on a difference.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

Trial = tuple[bool, Callable[[Path], str]]

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
LOADED = (  # before a child is forked, so that it need not
    "phvae.jobs.stages",
    "phvae.jobs.training",
    "phvae.encoding.encoder",
    "phvae.jobs.evaluate",
    "phvae.jobs.reference",
    "phvae.analysis.figures.write",
    "phvae.tracking.sync",
)
PATIENCE = 10.0  # seconds within which a process that is asked to stop must be gone


LATE = ("tables", "figures", "report", "track")  # what these make lies beside the scores


def pipeline(results: Path, late: bool = False, **changed: Any) -> None:
    """The grid, with changed options of the training, up to its long table or to its end."""
    from phvae.experiment.grid import parse_grid
    from phvae.experiment.questions import Questions
    from phvae.jobs import stages

    grid = parse_grid(CONFIG | {"results": str(results), "training": CONFIG["training"] | changed}, "soak")
    with (results.parent / "seconds").open("a") as seconds:
        for stage, where in Questions(grid).jobs():
            if late or stage not in LATE:
                started = time.monotonic()
                getattr(stages, stage)(grid, *where)
                print(stage, time.monotonic() - started, file=seconds)


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


def kill_in(stage: str, seconds: float) -> None:
    """Make this process kill itself so long after a stage has begun; at its end, should that come before."""
    from phvae.jobs import stages

    plain = getattr(stages, stage)

    def timed(*args: Any) -> None:
        threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
        plain(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(stages, stage, timed)


def child(results: Path, before: Callable[[], None] = lambda: None, **how: Any) -> int:
    """Run the pipeline in a forked process (the libraries are loaded already); its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        with log_of(results).open("a") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        before()
        pipeline(results, **how)
        status = 0
    except SystemExit as left:
        status = int(left.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def log_of(results: Path) -> Path:
    return results.parent / "log"


def ended(process: int) -> int:
    """Wait for a process; its status."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed(results: Path, before: Callable[[], None], **how: Any) -> None:
    """Run a pipeline that kills itself."""
    status = ended(child(results, before, **how))
    if status != -signal.SIGKILL:
        raise SystemExit(f"the place of the kill was never reached (status {status}):\n{log_of(results).read_text()}")


def finish(results: Path, late: bool = False) -> dict[str, bytes]:
    """Run to the end; what it leaves that does not depend on the clock."""
    if status := ended(child(results, late=late)):
        raise SystemExit(f"the run ended with {status}:\n{log_of(results).read_text()[-3000:]}")
    root = results / "soak"
    found = {"metrics.csv": (root / "metrics.csv").read_bytes()}
    if late:
        paths = [*root.glob("report.html"), *root.glob("tables/*.csv"), *root.glob("figures/*.png")]
        found |= {str(path.relative_to(root)): path.read_bytes().replace(os.fsencode(results), b"") for path in paths}
        with contextlib.closing(sqlite3.connect(results / "mlflow/mlflow.db")) as store:
            rows = store.execute("SELECT name FROM runs WHERE lifecycle_stage = 'active' ORDER BY name").fetchall()
        found["runs in MLflow"] = repr(rows).encode()
    return found


def struck(results: Path, moment: float, number: signal.Signals) -> str:
    """Start, strike after some seconds, wait for the end; how it ended."""
    process = child(results)
    time.sleep(moment)
    os.kill(process, number)
    started = time.monotonic()
    status = ended(process)
    seconds = time.monotonic() - started
    if seconds > PATIENCE:
        raise SystemExit(f"after {number.name} the process needed {seconds:.1f} s, expected at most {PATIENCE:.0f} s")
    return f"{number.name} after {moment:.2f} s: status {status}"


def at_place(results: Path, module: str, name: str, call: int) -> str:
    killed(results, lambda: kill_before(module, name, call))
    return f"before call {call} of {name}"


def in_stage(results: Path, stage: str, seconds: float) -> str:
    killed(results, lambda: kill_in(stage, seconds), late=stage in LATE)
    return f"in {stage}, {seconds:.2f} s after its start"


def key_changed(results: Path) -> str:
    """The first training, of other options, comes further than the second: its checkpoints must not displace those."""
    step = ("phvae.training.loop", "Trainer._one_step")
    killed(results, lambda: kill_before(*step, 80), epochs=40)
    killed(results, lambda: kill_before(*step, 40))
    before = len(log_of(results).read_text())
    finish(results)
    if "going on from the checkpoint" not in log_of(results).read_text()[before:]:
        raise SystemExit("after a change of the key a training lost its checkpoints")
    return "in two trainings, the second of another key"


def trials_of(spent: dict[str, float], count: int, number: signal.Signals, seed: int) -> Iterator[Trial]:
    """Every trial: whether it begins where the scores are there, and the function that kills and says how."""
    generator = np.random.default_rng(seed)
    for module, name, call in PLACES:
        yield False, partial(at_place, module=module, name=name, call=call)
    yield False, key_changed
    for stage, seconds in spent.items():
        yield stage in LATE, partial(in_stage, stage=stage, seconds=float(generator.uniform(0, seconds)))
    early = sum(seconds for stage, seconds in spent.items() if stage not in LATE)
    for moment in generator.uniform(0, early, count):
        yield False, partial(struck, moment=float(moment), number=number)


def seconds_of(results: Path) -> dict[str, float]:
    """What each stage took in the first pipeline; of trainings, the last."""
    lines = (line.split() for line in (results.parent / "seconds").read_text().splitlines())
    return {stage: float(seconds) for stage, seconds in lines}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", type=int, default=10, help="number of random moments")
    parser.add_argument("--signal", choices=["SIGKILL", "SIGTERM", "SIGINT", "SIGUSR1"], default="SIGKILL")
    parser.add_argument("--seed", type=int, default=None, help="of the random moments; the clock's by default")
    arguments = parser.parse_args()
    seed = time.time_ns() % 10**6 if arguments.seed is None else arguments.seed
    for name in LOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "untouched" / "results"
        first.parent.mkdir()
        expected = finish(first, late=True)
        spent = seconds_of(first)
        print(f"untouched: {sum(spent.values()):.1f} s; random moments of seed {seed}", flush=True)
        trials = list(trials_of(spent, arguments.random, signal.Signals[arguments.signal], seed))
        different = 0
        for index, (late, trial) in enumerate(trials, 1):
            results = Path(folder) / str(index) / "results"
            results.parent.mkdir()
            if late:  # with its costs, which tables and report show
                made = ("mlflow", "tracking.json", "tables", "figures", "report.html")
                shutil.copytree(first, results, ignore=shutil.ignore_patterns(*made))
            how = trial(results)
            found = finish(results, late)
            wrong = sorted(
                name for name in found.keys() | (expected if late else {}) if found.get(name) != expected[name]
            )
            different += bool(wrong)
            print(f"{index:3d}  {f'DIFFERENT {wrong}' if wrong else 'same bytes'}  {how}", flush=True)
            shutil.rmtree(results.parent)
    print(f"{len(trials) - different} of {len(trials)} runs ended with the bytes of the untouched one")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
