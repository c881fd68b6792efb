"""What the jobs of a grid cost in seconds, memory and disk: a small model with measured constants (loads no torch)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from phvae.experiment.grid import Cell
from phvae.model.networks.dense import Dense

__all__ = ["RATES", "START", "Rates", "disk", "memory_mb", "seconds", "together", "train_seconds"]

CONVOLUTIONAL = (32, 32, 64, 64, 256)  # widths of conv_locatello, as in networks.py


@dataclass(frozen=True)
class Rates:
    """A device: seconds a training step takes at least (plus a part a level), and operations a second beyond that."""

    step: float
    step_level: float
    step_level_seed: float
    training: float
    inference: float
    deep_features: float  # images a second through Inception
    measured: str


# CPU: process time of one core of a 2-core virtual machine, torch 2.14.1, 64 examples a step, 1 to 10 seeds, orders
# 1 and 3, dense (1, 64 and 784 inputs) and convolutional (32 and 64 pixels); the fit is within 40 % of each.
RATES = {
    "cpu": Rates(3.5e-4, 4.5e-4, 9e-5, 7.5e10, 2.5e10, 5.0, "measured on one core of a 2-core machine"),
    "cuda": Rates(1.5e-3, 7e-4, 0.0, 4e12, 4e12, 1500.0, "assumed for one GPU of 2020 or later, NOT measured"),
}
USUAL_DRAWS = 2048  # per example of the likelihood, those that fit its proposal among them, on quick grids
START = 6.0  # of any job: Python, torch, two Snakemakes


def _products(sizes: Sequence[int]) -> int:
    return sum(a * b for a, b in itertools.pairwise(sizes))


def operations(cell: Cell) -> tuple[float, float]:
    """Multiply-adds an example of all encoders, and of the decoder."""
    model, about = cell.model, cell.facts
    network = model.network
    if isinstance(network, Dense):
        hidden = network.hidden
        encoder = _products((about.size, *hidden, 2 * model.latent_size // model.order))
        decoder = _products((model.latent_size, *reversed(hidden), about.size))
    else:
        channels, side = about.shape[0], -(-about.shape[1] // 16) * 16
        *filters, dense = CONVOLUTIONAL
        sides = [side // 2 ** (i + 1) for i in range(4)]
        encoder = (
            sum(16 * a * b * s**2 for (a, b), s in zip(itertools.pairwise((channels, *filters)), sides, strict=True))
            + filters[-1] * sides[-1] ** 2 * dense
        )
        decoder = encoder
    encoders = encoder * (1 if model.encoder_width == "matched" else model.order)
    return float(encoders), float(decoder)


def parameters(cell: Cell) -> float:
    """About how many parameters a model has."""
    if isinstance(cell.model.network, Dense):
        return sum(operations(cell))
    flat = 64 * (-(-cell.facts.shape[1] // 16)) ** 2
    one = 120_000 + 256 * flat
    return one * (1 + (1 if cell.model.encoder_width == "matched" else cell.model.order))


def n_train(cell: Cell) -> int:
    """Training examples of a cell."""
    return cell.facts.counts[0] if cell.n_train == "all" else int(cell.n_train)


def together(cell: Cell, device: str, threads: int) -> bool:
    """Whether a cell's seeds train as one stack."""
    return cell.model.network.stacks(device, threads)


def train_seconds(cell: Cell, seeds: int, device: str) -> float:
    """Seconds to train a stack of seeds of a cell, validation included."""
    rates, training = RATES[device], cell.training
    steps = training.steps or -(-training.epochs * n_train(cell) // training.batch_size)  # as in loop.epoch_ends
    example = sum(operations(cell))
    order = cell.model.order
    level = rates.step_level + rates.step_level_seed * seeds
    step = rates.step + level * order + 6 * example * training.batch_size * seeds / rates.training
    looks = min(training.epochs, steps)
    return steps * step + looks * cell.facts.counts[1] * seeds * 2 * example / rates.training


def _inference_seconds(cell: Cell, device: str) -> float:
    settings, order = cell.evaluation, cell.model.order
    encoder, decoder = operations(cell)
    test = cell.facts.counts[2]
    codes, pictures = min(settings.n_codes, test), min(settings.n_reconstructions, test)
    draws = min(settings.n_likelihood, test) * min(settings.importance_samples, USUAL_DRAWS)
    decoded = pictures + settings.redraws * settings.n_samples + 500 * order + codes + draws
    work = 2 * (3 * codes * encoder + decoded * decoder) / RATES[device].inference
    return 0.1 + work + 2e-9 * decoded * cell.facts.size + 2e-7 * draws * order


def _score_seconds(cell: Cell, device: str) -> float:
    settings, about = cell.evaluation, cell.facts
    samples = settings.n_samples * (settings.redraws + 1)
    if about.is_density:
        return 0.1 + (1e-5 if about.size == 1 else 1e-4) * settings.n_samples
    codes = min(settings.n_codes, about.counts[2])
    total = 0.2 + 8e-8 * (samples + settings.n_reconstructions) * about.size
    if about.classes:
        total += 1.3e-3 * codes
        if "boosting" in settings.dci:
            # 450 s for 10 codes of 10,000 points and the 113 classes of dSprites
            total += 4e-5 * sum(about.classes) * cell.model.latent_size * codes * 2 / 3
    # without a file of weights there is no FID; on a GPU it is meant to be there
    if cell.deep_features and (device == "cuda" or settings.inception_weights):
        total += (samples + settings.n_reconstructions) / RATES[device].deep_features
    return total


def seconds(stage: str, cell: Cell, device: str) -> float:
    """Seconds of a stage: for one run (encode, evaluate), one cell (groups) or one data set (prepare, reference)."""
    about = cell.facts
    if stage == "encode":
        return _inference_seconds(cell, device)
    if stage == "evaluate":
        return _score_seconds(cell, device)
    if stage == "groups":
        return 0.01 + 2e-7 * len(cell.seeds) ** 2 * min(cell.evaluation.n_codes, about.counts[2])
    if stage == "prepare":
        return 0.2 + 1e-8 * sum(about.counts) * about.size
    return (0.5 if about.is_density else 2 + 1.5e-6 * about.counts[2] * about.size) + _score_seconds(cell, device)


def disk(cell: Cell) -> tuple[float, float]:
    """Bytes of one run: what is kept, and what `phvae clean` removes once the scores are there."""
    settings, about = cell.evaluation, cell.facts
    item = 4 if about.is_density else 1
    codes = min(settings.n_codes, about.counts[2])
    kept = 4 * parameters(cell) + 11 * codes * cell.model.latent_size + 1.5e6 + 5e4  # codes, samples, records
    pictures = min(settings.n_reconstructions, about.counts[2]) + 2 * settings.redraws * settings.n_samples
    arrays = (pictures + 500 * cell.model.order) * about.size * item + codes * 8 * (3 + cell.model.order)
    return kept, arrays


def memory_mb(stage: str, cell: Cell, seeds: int = 1) -> float:
    """Peak memory of a job of a stage, in MB."""
    about = cell.facts
    if stage == "train":
        data = min(n_train(cell), about.counts[0]) * about.size * (4 if about.is_density else 1)
        example = sum(operations(cell)) ** 0.5 * 200  # activations, about
        return 900 + (data + 44 * parameters(cell) * seeds + example * cell.training.batch_size * seeds) / 1e6
    if stage == "prepare":
        return 1500
    if stage == "groups":
        return 600 + 12 * len(cell.seeds) * cell.evaluation.n_codes * cell.model.latent_size / 1e6
    # the arrays of one run, some of them as floats for a while
    return 1200 + 3 * disk(cell)[1] / 1e6
