"""A grid taken through all its stages in this process."""

from __future__ import annotations

from phvae.experiment.grid import Grid
from phvae.experiment.questions import Questions
from phvae.jobs import stages

__all__ = ["run_through"]


def run_through(grid: Grid, until: str = "report") -> None:
    """Every job in the workflow's order, up to a stage."""
    for stage, where in Questions(grid).jobs():
        getattr(stages, stage)(grid, *where)
        if stage == until:
            return
