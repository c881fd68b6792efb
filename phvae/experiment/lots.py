"""Which stacks one training job takes: a lot, of about a minute (loads no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from phvae.experiment.training_cost import train_seconds

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["Lots", "SeedStack", "cut"]

SECONDS = 60.0  # of a lot; a job takes four or five to start
LEAST_JOBS = 8  # of a grid, where it has as many stacks: two per core of four


class SeedStack(NamedTuple):
    """Seeds of a cell that train in lockstep."""

    cell: Cell
    seeds: list[int]


Lots = dict[tuple[str, int | str, int], list[SeedStack]]


def cut(stacks: Sequence[SeedStack], device: str) -> Lots:
    """Neighbouring stacks of one data set and training size in lots: (data set, n_train, index) -> stacks.

    They follow from the configuration and the constants of the cost model alone, not from the machine: a login node
    and a compute node agree. Cells that were trained elsewhere are lots of their own.
    """
    seconds = [0.0 if stack.cell.external else _seconds(stack, device) for stack in stacks]
    limit = min(SECONDS, sum(seconds) / LEAST_JOBS)
    lots: Lots = {}
    counts: dict[tuple[str, int | str], int] = {}
    filled = 0.0
    last: tuple[str, int | str, int] | None = None
    for stack, its in zip(stacks, seconds, strict=True):
        cell = stack.cell
        place = (cell.dataset, cell.n_train)
        if last is None or last[:2] != place or filled + its > limit or cell.external or lots[last][0].cell.external:
            last = (*place, counts.get(place, 0))
            counts[place], lots[last], filled = last[2] + 1, [], 0.0
        lots[last].append(stack)
        filled += its
    return lots


def _seconds(stack: SeedStack, device: str) -> float:
    """Of a stack, or of its seeds one after the other where they do not train as one."""
    together = stack.cell.model.network.stacks(device)
    seeds = len(stack.seeds)
    return train_seconds(stack.cell, device, seeds) if together else seeds * train_seconds(stack.cell, device, 1)
