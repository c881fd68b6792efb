"""The MLflow view beside a grid that runs: finished runs as they finish, curves of those that train."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from phvae.experiment.grid import Grid
from phvae.experiment.questions import Questions
from phvae.jobs import checkpoint
from phvae.jobs.lease import NAME, STALE, workflow_silence
from phvae.tracking.sync import Running, sync

__all__ = ["running_seeds", "watch"]

EVERY = 20.0  # seconds
SHARE = 3  # it rests at least so many times as long as it works


def watch(grid: Grid, every: float = EVERY) -> None:
    """Sync again and again, until the grid's report is there; Ctrl-C ends it sooner, and nothing is lost.

    Jobs write nothing for it: curves come from checkpoints. One sync at a time holds the view's lock, so the workflow's
    own at the end waits for this one.
    """
    root = grid.paths.root
    print(f"watching {root}; Ctrl-C ends it", flush=True)
    while True:
        done = _done(grid)
        began = time.monotonic()
        sync(root, running=dict(running_seeds(root)))
        if done:
            print("all is there")
            return
        try:
            time.sleep(max(every, SHARE * (time.monotonic() - began)))
        except KeyboardInterrupt:
            print("\nno longer watching; the view stays as it is")
            return


def running_seeds(root: Path) -> Iterator[tuple[str, Running]]:
    """The seeds that train, or were killed while they did: the path of each below runs/, and its history so far."""
    for folder in sorted({path.parent for name in (NAME, "checkpoint-*") for path in _runs(root, name)}):
        if (folder / "run.json").exists():
            continue
        found = checkpoint.newest(folder)
        rows, seconds = (found[1]["rows"], found[1]["seconds"]) if found else ([], 0.0)
        with suppress(FileNotFoundError):  # finished meanwhile
            sign = (checkpoint.location(folder, found[0]) if found else folder / NAME).stat().st_mtime
            if rows or time.time() - sign < STALE:
                yield folder.relative_to(root / "runs").as_posix(), Running(rows, int(1000 * (sign - seconds)))


def _runs(root: Path, name: str) -> Iterator[Path]:
    return root.glob(f"runs/*/n-*/*/seed-*/{name}")


def _done(grid: Grid) -> bool:
    """Whether all is there and nobody is at work: at the start of a rerun the manifests of the last one are there."""
    silent = workflow_silence(grid.paths.root)
    return (silent is None or silent > STALE) and all(
        grid.paths.manifest(stage, *where).is_file() for stage, where in Questions(grid).jobs() if stage != "track"
    )
