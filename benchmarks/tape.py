"""What it buys to record a training step and replay it, over deriving it anew, on the cells of the quick grid.

`python -m benchmarks.tape`, three minutes on one core: milliseconds of CPU time per step of every cell, for one seed,
for eight, and for the stacks that the grid trains; medians of alternating repeats. `the whole quick grid` weighs each
cell by its steps. Validation and uneven last batches are left out. Deriving does without the rules that give equal bits
in any company (`phvae.training.tape`); they cost the replay up to a fifth on densities.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from unittest import mock

import torch

from benchmarks.common import alternate, machine, median, record
from phvae.api.phvae import PHVAE
from phvae.determinism.device import session
from phvae.experiment.grid import Cell, load_grid
from phvae.training import stacking
from phvae.training.loop import epoch_ends

STEPS, REPEATS = 20, 5


def stepper(cell: Cell, seeds: int, recorder: Callable[..., object]) -> Callable[[], float]:
    """What trains some seeds of a cell for a few steps and tells the milliseconds of CPU time per step."""
    shape, model, batch = cell.facts.shape, cell.model, cell.training.batch_size
    states = [dict(PHVAE(shape, model, seed=seed).named_parameters()) for seed in range(seeds)]
    stack = stacking.Stack(PHVAE(shape, model), states)
    x = torch.rand(seeds, batch, *shape)
    eps = torch.randn(seeds, batch, model.order, model.latent_size // model.order)
    with mock.patch.object(stacking, "record", recorder):
        stack.step(x, eps)

    def milliseconds() -> float:
        started = time.process_time()
        for _ in range(STEPS):
            stack.step(x, eps)
        return 1000 * (time.process_time() - started) / STEPS

    return milliseconds


def derived(function: Callable[..., object], fixed: object, inputs: list[torch.Tensor]) -> tuple[object, object]:
    """In place of a recording: the function itself."""
    return function, function(*inputs)


def measured(cell: Cell, seeds: int) -> tuple[float, float]:
    """Milliseconds per step: replayed, derived."""
    sides = {"replayed": stepper(cell, seeds, stacking.record), "derived": stepper(cell, seeds, derived)}
    found = alternate(sides, REPEATS)
    return median(found["replayed"]), median(found["derived"])


def main() -> None:
    """Measure, record, print."""
    grid = load_grid("config/quick.yaml")
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])  # steps, seconds replayed, seconds derived

    def add(case: str, steps: int, times: tuple[float, float]) -> None:
        sums[case] = [total + steps * more for total, more in zip(sums[case], (1, *times), strict=True)]

    with session("cpu", threads=1):
        for cell in grid.cells:
            of = partial(measured, cell)
            add(f"{cell.dataset}, 1 seed", 1, of(1))
            add(f"{cell.dataset}, 8 seeds", 1, of(8))
            n_train = cell.facts.counts[0] if cell.n_train == "all" else int(cell.n_train)
            for stack in grid.stacks(cell):
                steps, times = epoch_ends(cell.training, n_train)[-1], of(len(stack))
                add(f"{cell.dataset}, the grid's {len(stack)} seeds", steps, times)
                add("the whole quick grid", steps, times)
    print(f"{machine()}; milliseconds per step: replayed, derived, ratio")
    for case in sorted(sums):
        steps, replayed, anew = sums[case]
        record(f"tape: {case}", "steps/s", 1000 * steps / replayed, "derived anew", 1000 * steps / anew, REPEATS)
        print(f"{case:40}{replayed / steps:8.2f}{anew / steps:8.2f}{anew / replayed:8.2f}")


if __name__ == "__main__":
    main()
