"""What a finished run prints last: where everything lies, what it cost, what to do next."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from phvae.analysis.results.long_table import has_table, read_costs, read_table
from phvae.analysis.results.run_status import without_numbers
from phvae.experiment.grid import Grid
from phvae.files import read_object

__all__ = ["empty_variants", "summary"]


def summary(grid: Grid, since: float | None = None) -> str:
    """The closing lines of `make run`; `since` is when it began, in seconds since 1970.

    Raises:
        DataError: costs.parquet or tracking.json is damaged.
    """
    root = grid.paths.root
    costs = read_costs(root)
    compute = costs[["seconds_train", "seconds_encode", "seconds_evaluate"]].sum().sum()
    diverged = (
        costs.loc[costs["status"] == "diverged", ["dataset", "variant", "seed"]].astype(str).agg("/".join, axis=1)
    )
    lines = [
        "",
        f"{grid.config.name}: {grid.size}",
        f"  report    {root / 'report.html'}",
        f"  tables    {root / 'tables'}",
        f"  figures   {root / 'figures'}",
        f"  numbers   {root / 'metrics.csv'}",
        f"  tracking  {_tracking(root)}",
        f"  open the MLflow page with: {_page(Path(grid.config.results))}   (http://127.0.0.1:5000)",
    ]
    if len(diverged):
        lines.insert(2, f"  diverged  {', '.join(diverged[:5])}{' ...' if len(diverged) > 5 else ''}")
    if empty := empty_variants(grid):
        lines.insert(2, f"  empty     not a single number of {', '.join(empty)}: the report says why")
    if since is not None:
        wall = time.time() - since
        lines.append(f"  time      {wall:.0f} s; training, encoding and metrics themselves {compute:.0f} s of one core")
    return "\n".join(lines)


def empty_variants(grid: Grid) -> list[str]:
    """The variants that have no number on any data set, once the long table is there."""
    root = grid.paths.root
    empty = without_numbers(read_table(root)) if has_table(root) else {}
    numbers = {cell.variant for cell in grid.cells if (cell.dataset, str(cell.n_train), cell.variant) not in empty}
    return [variant for variant in grid.labels if variant not in numbers]


def _page(results: Path) -> str:
    """The command that opens the store of these results; `make ui` knows those in the checkout's own folder."""
    if results.resolve() == Path("results").resolve():
        return "make ui"
    store, artifacts = shlex.quote(f"sqlite:///{results}/mlflow/mlflow.db"), shlex.quote(f"{results}/mlflow/artifacts")
    where = f"--backend-store-uri {store} --default-artifact-root {artifacts}"
    return f"mlflow server --host 127.0.0.1 --port 5000 {where}"


def _tracking(root: Path) -> str:
    path = root / "tracking.json"
    if not path.is_file():
        return "not synced"
    return str(read_object(path, "run `phvae track` again", uri=str)["uri"])
