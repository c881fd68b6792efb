"""How far a grid is, from its files alone: of one that runs here, on a cluster, or ended long ago."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from phvae.errors import DataError
from phvae.experiment.grid import Grid, load_grid
from phvae.experiment.paths import Paths
from phvae.experiment.questions import Questions, Where
from phvae.experiment.stages import PLACE, STAGES
from phvae.jobs.failures import said
from phvae.jobs.lease import STALE, workflow_silence
from phvae.words import listed

__all__ = ["run_counts", "status"]

SHOWN = 5  # failures


def status(root: Path) -> str:
    """Jobs done of all by stage, runs that exist, diverged or are missing, the last sign of life, and what failed.

    Args:
        root: folder of a grid's results.

    Raises:
        DataError: it holds no config.json.
    """
    if not (root / "config.json").is_file():
        raise DataError(f"{root}: found no config.json, expected a folder that a workflow has begun to fill")
    grid, paths = load_grid(root / "config.json"), Paths(root)  # which may have been moved
    questions = Questions(grid)
    done: Counter[str] = Counter()
    every = Counter(stage for stage, _ in questions.jobs())
    failed = []
    for stage, where in questions.jobs():
        if paths.manifest(stage, *where).is_file():
            done[stage] += 1
        elif (log := _log(paths, stage, where)).is_file():
            message = said(log, 0.0)
            if message[0].startswith("phvae: ") and message[0] != "phvae: interrupted":
                failed.append((log, message))
    lines = [f"{grid.config.name}: {grid.size}; {_at_work(root)}", ""]
    lines += [f"  {stage:10}{_bar(done[stage], count)} {done[stage]:>5} of {count}" for stage, count in every.items()]
    lines += ["", f"  runs      {run_counts(grid, paths)}", *_last_sign(root)]
    for log, message in failed[:SHOWN]:
        lines += ["", f"  failed    {message[0]}", f"            {log}"]
    if len(failed) > SHOWN:
        lines.append(f"            and {len(failed) - SHOWN} more")
    return "\n".join(lines)


def _log(paths: Paths, stage: str, where: Where) -> Path:
    named = zip(PLACE[STAGES[stage].unit], where, strict=True)
    return paths.log(stage, *(f"n-{value}" if name == "n_train" else str(value) for name, value in named))


def _bar(done: int, count: int, width: int = 24) -> str:
    """A bar of a share.

    >>> _bar(1, 2, 8)
    '####....'
    """
    full = width * done // count
    return "#" * full + "." * (width - full)


def _at_work(root: Path) -> str:
    """Whether a workflow gave a sign of life lately."""
    silent = workflow_silence(root)
    if silent is None:
        return "no workflow is at work"
    return "a workflow is at work" if silent < STALE else f"a workflow was killed {_ago(silent)}"


def run_counts(grid: Grid, paths: Paths) -> str:
    """How many runs are trained, diverged, missing."""
    found: Counter[str] = Counter()
    for cell, seed in grid.runs():
        record = paths.run(cell.dataset, cell.n_train, cell.variant, seed) / "run.json"
        try:
            found["diverged" if b'"status": "diverged"' in record.read_bytes() else "trained"] += 1
        except FileNotFoundError:
            found["missing"] += 1
    return listed(f"{found[word]:,} {word}" for word in ("trained", "diverged", "missing") if found[word])


def _last_sign(root: Path) -> Iterator[str]:
    """What a job wrote last into its log, and when."""
    logs = [(path.stat().st_mtime, path) for path in (root / "logs").rglob("*.log")]
    if logs:
        when, path = max(logs)
        lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        yield f"  last sign {_ago(time.time() - when)}, {path.relative_to(root)}"
        yield from (f"            {line}" for line in lines[-1:])


def _ago(seconds: float) -> str:
    """A time in the past.

    >>> _ago(40), _ago(400), _ago(40_000)
    ('40 s ago', '7 min ago', '11 h ago')
    """
    for limit, unit in ((90, 1), (5400, 60)):
        if seconds < limit:
            return f"{seconds / unit:.0f} {'s' if unit == 1 else 'min'} ago"
    return f"{seconds / 3600:.0f} h ago"
