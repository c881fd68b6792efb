"""What a run prints last: where everything lies, what it cost, what was found, what to do next."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.results.long_table import has_table, read_costs, read_table
from phvae.analysis.results.run_status import without_numbers
from phvae.analysis.terminal.answer_grid import answer_lines
from phvae.experiment.grid import Grid
from phvae.files import read_object
from phvae.jobs.status import run_counts
from phvae.own.named import assignment

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["empty_variants", "summary"]


def summary(grid: Grid, since: float | None = None, cores: int = 0) -> str:
    """The closing lines of `make run`: what is there, and the command that makes the rest.

    Args:
        since: when the run began, in seconds since 1970.
        cores: those of this machine that it had; 0 where they do not tell what it had.

    Raises:
        DataError: costs.parquet, tracking.json or tables/answers.json is damaged.
    """
    root = grid.paths.root
    costs = read_costs(root) if (root / "costs.parquet").is_file() else None
    answers = read_answers(root / "tables")
    lines = [
        "",
        *(answer_lines(answers) if answers else []),
        "",
        f"{grid.config.name}: {grid.size}; {run_counts(grid, grid.paths)}",
    ]
    if empty := empty_variants(grid):
        lines.append(f"  empty     not a single number of {', '.join(empty)}: the report says why")
    if costs is not None and (costs["status"] == "diverged").any():
        lines.append(f"  diverged  {_diverged(costs)}")
    places = {"report": "report.html", "tables": "tables", "figures": "figures", "numbers": "metrics.csv"}
    lines += [f"  {what:9} {root / name}" for what, name in places.items() if (root / name).exists()]
    if (root / "tracking.json").is_file():
        view = read_object(root / "tracking.json", "run `phvae track` again", uri=str)
        page = f"http://127.0.0.1:5000{view.get('page', '')}"
        lines.append(f"  MLflow    {view['uri']}")
        lines.append(f"            open it with: {_page(Path(grid.config.results))}   ({page})")
    if costs is not None and since is not None:
        lines.append(f"  time      {_time(grid, costs, since, cores)}")
    if answers is None and (root / "tables" / "claims.md").is_file():
        lines.append(f"  claims    none was tested; why stands in {root / 'tables' / 'claims.md'}")
    whole = all(record.is_file() for record in _records(grid)) and (root / "report.html").is_file()
    if whole:
        lines.append(f"  next      phvae compare {shlex.quote(str(root))}")
    else:
        there = "" if root.is_dir() else f" (there is no {root.resolve()})"
        lines.append(f"  not finished{there}; to go on: {_go_on(grid.source)}")
    return "\n".join(lines)


def _records(grid: Grid) -> Iterator[Path]:
    return (grid.paths.run(c.dataset, c.n_train, c.variant, seed) / "run.json" for c, seed in grid.runs())


def _time(grid: Grid, costs: pd.DataFrame, since: float, cores: int) -> str:
    """What a run took, and how much of it was the work itself, where all of it was done since then."""
    wall, spent = time.time() - since, costs[["seconds_train", "seconds_encode", "seconds_evaluate"]].sum().sum()
    text = f"{wall:.0f} s; training, encoding and metrics themselves {spent:.0f} s of one core"
    if cores and spent and all(path.is_file() and path.stat().st_mtime >= since for path in _records(grid)):
        text += f": {wall * cores / spent:.2f} times what {cores} busy cores would need"
    return text


def empty_variants(grid: Grid) -> list[str]:
    """The variants that have no number on any data set, once the long table is there."""
    root = grid.paths.root
    empty = without_numbers(read_table(root)) if has_table(root) else {}
    numbers = {cell.variant for cell in grid.cells if (cell.dataset, str(cell.n_train), cell.variant) not in empty}
    return [variant for variant in grid.labels if variant not in numbers]


def _diverged(costs: pd.DataFrame) -> str:
    names = costs.loc[costs["status"] == "diverged", ["dataset", "variant", "seed"]].astype(str).agg("/".join, axis=1)
    return f"{', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"


def _in_checkout() -> bool:
    return Path("Makefile").is_file() and Path("Snakefile").is_file()


def _go_on(source: str) -> str:
    command = f"{assignment()}make run CONFIG={shlex.quote(source)}"
    return command if _in_checkout() else f"{command}, in a checkout of the repository"


def _page(results: Path) -> str:
    """The command that opens the store of these results; `make ui` knows those in the checkout's own folder."""
    if _in_checkout() and results.resolve() == Path("results").resolve():
        return "make ui"
    store, artifacts = shlex.quote(f"sqlite:///{results}/mlflow/mlflow.db"), shlex.quote(f"{results}/mlflow/artifacts")
    where = f"--backend-store-uri {store} --default-artifact-root {artifacts}"
    return f"mlflow server --host 127.0.0.1 --port 5000 {where}"
