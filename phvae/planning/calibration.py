"""The cost model held against finished results: how far it was off, and what that means for the next grid."""

from __future__ import annotations

import statistics
from pathlib import Path

from phvae.errors import PhvaeError
from phvae.experiment.grid import Cell, Grid, load_grid
from phvae.planning import costs

__all__ = ["STAGES", "Factors", "error", "measured"]

STAGES = ("train", "encode", "evaluate")
RUN = ["dataset", "n_train", "variant", "seed"]

# (stage, family of networks) -> measured seconds over the model's
Factors = dict[tuple[str, str], float]


def measured(folder: Path, device: str) -> Factors:
    """How many times longer than the model says each stage took in finished results, on the same kind of device.

    Args:
        folder: results of a grid, with config.json and costs.parquet.
        device: `cpu` or `cuda`; results of the other kind say nothing.

    Returns:
        The median over runs by (stage, network); empty if the results come from another device.

    Raises:
        PhvaeError: no finished results lie there.
    """
    found = _pairs(folder, device)
    return {key: statistics.median(real / model for model, real in pairs) for key, pairs in found.items()}


def error(folder: Path, device: str) -> list[tuple[str, float, float]]:
    """(stage, the built-in model's seconds, measured seconds), summed over all runs of finished results.

    Raises:
        PhvaeError: no finished results lie there.
    """
    sums: dict[str, tuple[float, float]] = {}
    for (stage, _), pairs in _pairs(folder, device).items():
        model, real = sums.get(stage, (0.0, 0.0))
        sums[stage] = model + sum(m for m, _ in pairs), real + sum(r for _, r in pairs)
    return [(stage, *sums[stage]) for stage in STAGES if stage in sums]


def _pairs(folder: Path, device: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """(model's, measured) seconds of each run on a device, by stage and network."""
    from phvae.analysis.results.long_table import read_costs, read_runs

    for name in ("config.json", "costs.parquet", "runs.parquet"):
        if not (folder / name).is_file():
            raise PhvaeError(f"{folder / name}: absent; give the folder of finished results, such as results/quick")
    grid = load_grid(folder / "config.json")
    runs = read_runs(folder)
    table = read_costs(folder).merge(runs.loc[runs["device"] == device, RUN], on=RUN)
    cells = {(cell.dataset, str(cell.n_train), cell.variant): cell for cell in grid.cells}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in table.to_dict("records"):
        cell = cells.get((row["dataset"], row["n_train"], row["variant"]))
        if cell is None:
            continue
        for stage, modelled in _modelled(grid, cell, device).items():
            real = float(row[f"seconds_{stage}"])
            if real > 0:  # neither absent nor NaN
                found.setdefault((stage, cell.model.network.name), []).append((modelled, real))
    return found


def _modelled(grid: Grid, cell: Cell, device: str) -> dict[str, float]:
    """Seconds of one run by stage, as the built-in constants have it."""
    seeds = max(len(stack) for stack in grid.stacks(cell).values())
    together = seeds if costs.together(cell, device, grid.config.threads) else 1
    return {
        "train": costs.train_seconds(cell, together, device) / together,
        "encode": costs.seconds("encode", cell, device),
        "evaluate": costs.seconds("evaluate", cell, grid.scoring_device([cell])),
    }
