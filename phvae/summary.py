"""What a finished run prints last: where everything lies, what it cost, what to do next."""

from __future__ import annotations

import time
from pathlib import Path

from phvae.files import read_json
from phvae.grid import Grid

__all__ = ["summary"]


def summary(grid: Grid, since: float | None = None) -> str:
    """The closing lines of `make run`; `since` is when it began, in seconds since 1970."""
    root = grid.paths.root
    compute = 0.0
    diverged = []
    for cell, seed in grid.runs():
        folder = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)
        costs = folder / "costs.json"
        if costs.is_file():
            compute += sum(value for key, value in read_json(costs).items() if key.startswith("seconds_"))
        run = folder / "run.json"
        if run.is_file() and read_json(run)["status"] == "diverged":
            diverged.append(f"{cell.name}/seed-{seed}")
    lines = [
        "",
        f"{grid.config.name}: {len(grid.cells)} cells, {len(grid.runs())} runs",
        f"  report    {root / 'report.html'}",
        f"  tables    {root / 'tables'}",
        f"  figures   {root / 'figures'}",
        f"  numbers   {root / 'metrics.csv'}",
        f"  tracking  {_tracking(root)}",
        "  open the MLflow page with: make ui   (http://127.0.0.1:5000)",
    ]
    if diverged:
        lines.insert(2, f"  diverged  {', '.join(diverged[:5])}{' ...' if len(diverged) > 5 else ''}")
    if since is not None:
        wall = time.time() - since
        lines.append(f"  time      {wall:.0f} s; training, encoding and metrics themselves {compute:.0f} CPU s")
    return "\n".join(lines)


def _tracking(root: Path) -> str:
    path = root / "tracking.json"
    return read_json(path)["uri"] if path.is_file() else "not synced"
