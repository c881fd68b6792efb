"""A grid taken through all its stages in this process."""

from __future__ import annotations

from phvae.experiment.grid import Grid
from phvae.jobs import stages

__all__ = ["run_through"]


def run_through(grid: Grid) -> None:
    """Every stage but the tracking, in the workflow's order."""
    for dataset in grid.config.datasets:
        stages.prepare(grid, dataset)
        stages.reference(grid, dataset)
    for cell in grid.cells:
        for stack in grid.stacks(cell):
            stages.train(grid, cell.dataset, cell.n_train, cell.variant, stack)
    for where in grid.batches():
        stages.encode(grid, *where)
        stages.evaluate(grid, *where)
        stages.groups(grid, *where)
    for stage in (stages.collect, stages.tables, stages.figures, stages.report):
        stage(grid)
