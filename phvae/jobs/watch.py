"""The MLflow view beside a grid that runs: finished runs as they finish, curves of those that train."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from phvae.experiment.grid import Grid
from phvae.experiment.questions import Questions
from phvae.jobs import checkpoint
from phvae.jobs.lease import NAME, STALE
from phvae.tracking.sync import Running, sync

__all__ = ["running_seeds", "watch"]

EVERY = 20.0  # seconds
SHARE = 3  # of the time it takes at most one part in so many plus one


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
        steps, rows, seconds = checkpoint.owners(folder), [], 0.0
        newest = folder / NAME
        for step, owner in steps.items():
            with suppress(OSError, checkpoint.Damaged):
                if owner:
                    newest = checkpoint.location(folder, step)
                    _, progress, _ = checkpoint.read(folder, step)
                    rows, seconds = progress["rows"], progress["seconds"]
                    break
        with suppress(FileNotFoundError):  # finished meanwhile
            began = newest.stat().st_mtime - seconds
            if rows or time.time() - newest.stat().st_mtime < STALE:
                yield folder.relative_to(root / "runs").as_posix(), Running(rows, int(1000 * began))


def _runs(root: Path, name: str) -> Iterator[Path]:
    return root.glob(f"runs/*/n-*/*/seed-*/{name}")


def _done(grid: Grid) -> bool:
    return all(
        grid.paths.manifest(stage, *where).is_file() for stage, where in Questions(grid).jobs() if stage != "track"
    )
