"""Jobs, hours and disk of a grid before anything is submitted, from a cost model measured on the quick grid."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from phvae.data.registry import kind_class
from phvae.grid import Cell, Grid

__all__ = ["Cost", "cell_cost", "multiply_adds", "plan", "plan_error"]

# Measured on two cores of the machine that README names, without a GPU; `phvae plan FILE --measured FOLDER` holds them
# against a finished results folder. A GPU was never measured: its hours are the CPU's divided by an assumed factor.
RATE = 1.2e10  # multiply-adds a second of one core in a training step
STEP = 2.5e-4  # seconds of a training step that do not depend on the network's size, a level and seed
START = 4.0  # seconds of imports and start-up a job
ENCODE = 0.5  # seconds a run, and
SCORE = 1.0  # seconds a run of scoring on a CPU
BOOSTING = 420.0  # CPU seconds a run of protocol DCI at 10,000 + 5,000 points
DEEP = 0.05  # CPU seconds an image through Inception
GPU = 30.0  # assumed, not measured: one GPU does the work of so many cores

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """What one cell asks for: seconds of one CPU core, or of a GPU where it has one, and bytes."""

    train: float
    encode: float
    evaluate: float
    disk: float


def multiply_adds(cell: Cell, shape: Shape) -> float:
    """Multiply-adds of one example through all encoders and the decoder.

    Args:
        cell: a cell of the grid.
        shape: of one example, (C, H, W) or (D,).
    """
    network = cell.model.network
    if network.name == "dense":
        widths = [math.prod(shape), *network.hidden, 2 * cell.model.latent_size]
        one = float(sum(a * b for a, b in itertools.pairwise(widths)))
    else:  # four stride-2 convolutions of 4x4 with 32, 32, 64, 64 channels and two dense layers
        channels, side = [shape[0], 32, 32, 64, 64], max(32, shape[-1])
        one = sum(16 * a * b * (side / 2 ** (i + 1)) ** 2 for i, (a, b) in enumerate(itertools.pairwise(channels)))
        one += 64 * (side / 16) ** 2 * 256
    encoders = cell.model.order if cell.model.encoder_width == "full" else 1
    return one * (encoders + 1)


def _steps(cell: Cell, examples: int) -> int:
    per_pass = math.ceil(examples / cell.training.batch_size)
    return cell.training.steps or cell.training.epochs * per_pass


def cell_cost(cell: Cell, shape: Shape, examples: int) -> Cost:
    """Seconds and bytes of all seeds of a cell, on one CPU core."""
    seeds = len(cell.seeds)
    work = multiply_adds(cell, shape)
    steps = _steps(cell, examples)
    step = STEP * (1 + cell.model.order) + 3 * work * cell.training.batch_size / RATE
    images = cell.evaluation.redraws * cell.evaluation.n_samples + cell.evaluation.n_reconstructions
    score = SCORE + (BOOSTING if "boosting" in cell.evaluation.dci and _labelled(cell) == "factors" else 0)
    score += DEEP * images if cell.deep_features and len(shape) == 3 and cell.evaluation.inception_weights else 0
    draws = cell.evaluation.n_likelihood * cell.evaluation.importance_samples
    encode = ENCODE + work * (images + draws) / RATE
    weights = 4 * work if cell.model.network.name == "dense" else 4e6
    return Cost(seeds * steps * step, seeds * encode, seeds * score, seeds * (2e6 + weights))


def _labelled(cell: Cell) -> str:
    return "factors" if cell.data["kind"] in ("dsprites", "shapes3d", "sprites", "factors") else "labels"


# Shape of an example and number of training examples, where the options do not say.
SHAPES: dict[str, tuple[Shape, int]] = {
    "digits": ((1, 8, 8), 1258),
    "mnist": ((1, 28, 28), 55_000),
    "fashion-mnist": ((1, 28, 28), 55_000),
    "kmnist": ((1, 28, 28), 55_000),
    "cifar10": ((3, 32, 32), 45_000),
    "celeba64": ((3, 64, 64), 162_770),
    "dsprites": ((1, 64, 64), 700_000),
    "shapes3d": ((3, 64, 64), 450_000),
}


def _shape(cell: Cell) -> tuple[Shape, int]:
    """Shape and training size; the user's own sets are taken for 50,000 colour images of their chosen size."""
    kind = cell.data["kind"]
    if kind in SHAPES:
        shape, full = SHAPES[kind]
    elif kind == "sprites":
        side = cell.data["resolution"]
        shape, full = (1, side, side), cell.data["n_train"]
    elif kind in ("images", "factors"):
        side = cell.data.get("size") or 64
        side = side if isinstance(side, int) else side[0]
        shape, full = (3, side, side), 50_000
    else:
        about = kind_class(kind).__module__
        shape, full = ((2,) if about.endswith("plane") or kind in ("moons", "rings", "pinwheel") else (1,)), 10_000
    return shape, full if cell.n_train == "all" else min(int(cell.n_train), full)


def plan(grid: Grid) -> str:
    """What running the grid will take, in words."""
    costs = {cell.name: cell_cost(cell, *_shape(cell)) for cell in grid.cells}
    stacks = {cell.name: grid.chunks(cell) for cell in grid.cells}
    jobs = Counter(
        prepare=len(grid.config.datasets),
        reference=len(grid.config.datasets),
        train=sum(map(len, stacks.values())),
        encode=len(grid.batches()),
        evaluate=len(grid.batches()),
        groups=len(grid.batches()),
    )
    submitted, runs = sum(jobs.values()), len(grid.runs())
    train = sum(c.train for c in costs.values()) + START * jobs["train"]
    encode = sum(c.encode for c in costs.values()) + START * jobs["encode"]
    score = sum(c.evaluate for c in costs.values()) + START * (submitted - jobs["train"] - jobs["encode"])
    largest = max(
        (c.train * len(stack) / len(cell.seeds), cell.name)
        for cell in grid.cells
        for c in [costs[cell.name]]
        for stack in stacks[cell.name].values()
    )
    on_gpu = grid.config.device == "cuda"
    factor = GPU if on_gpu else 1.0
    lines = [
        f"{grid.config.name}: {len(grid.cells)} cells, {runs} runs",
        f"  jobs     {submitted} to submit ({submitted / runs:.2f} a run): "
        + ", ".join(f"{name} {count}" for name, count in jobs.items())
        + "; 5 more run where Snakemake runs",
    ]
    if on_gpu:
        lines += [
            f"  GPU      about {(train + encode) / GPU / 3600:.0f} GPU hours, if a GPU equals {GPU:.0f} cores",
            "           (assumed, not measured: train one cell first and correct it)",
            f"  CPU      about {score / 3600:.1f} core hours of scores",
        ]
    else:
        total = train + encode + score
        lines += [f"  CPU      about {total / 3600:.2f} core hours: training {train / 3600:.2f}, "
                  f"encoding {encode / 3600:.2f}, scores {score / 3600:.2f}"]  # fmt: skip
    lines += [
        f"  largest  {largest[1]}: about {max(1, round((largest[0] / factor + START) / 60))} min for one job"
        + (", one GPU" if on_gpu else ""),
        f"  disk     about {sum(c.disk for c in costs.values()) / 1e9:.1f} GB under {grid.paths.root}, and the data",
    ]
    return "\n".join(lines)


def plan_error(grid: Grid, costs: Path) -> str:
    """The model against what a finished grid took (costs.parquet): predicted over measured training seconds.

    Raises:
        OSError: the table is not there.
    """
    import numpy as np
    import pandas as pd

    taken = pd.read_parquet(costs).astype({"n_train": str})
    measured = taken.groupby(["dataset", "n_train", "variant"])["seconds_train"].sum()
    ratios = [
        cell_cost(cell, *_shape(cell)).train / measured[cell.dataset, str(cell.n_train), cell.variant]
        for cell in grid.cells
        if (cell.dataset, str(cell.n_train), cell.variant) in measured.index
    ]
    low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9])
    return (
        f"  model    training seconds predicted / measured over {len(ratios)} cells of {costs}: "
        f"median {middle:.2f}, 80 % between {low:.2f} and {high:.2f}"
    )
