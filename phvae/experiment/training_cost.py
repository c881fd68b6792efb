"""What the training of a stack costs in seconds: a small model with few constants (loads no torch).

Those of a CPU are measured; training and encoding on a GPU, too (an NVIDIA H200, benchmarks/gpu.csv).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["RATES", "Rates", "sizes", "train_seconds", "trained_on", "work"]


@dataclass(frozen=True)
class Rates:
    """A device: seconds of a training step per level, and per level and seed; multiply-adds per second beyond.

    `weighed`: seconds per example of the likelihood that the products do not count (fits on the CPU, launches).
    `deep_features`: images per second through Inception; that of a GPU is assumed.
    """

    level: float
    level_seed: float
    training: float
    inference: float
    weighed: float
    deep_features: float


# CPU: between one core of an Intel Xeon (AVX-512) and one of an AMD EPYC (AVX2), both cores at work: about a
# fifth above what the quick grid took on the one, and below what it took on the other.
RATES = {
    "cpu": Rates(1.1e-3, 9e-5, 3.4e10, 1.4e10, 0.0, 4.0),
    "cuda": Rates(2.2e-4, 0.0, 1.5e13, 4e12, 7.7e-3, 1500.0),
}
PAIR = 3e-8  # seconds per coordinate of a pair of examples (benchmarks/objectives.py)
RECORDING = 0.1  # seconds per level until a stack's computations are recorded


def sizes(cell: Cell) -> tuple[int, int]:
    """About how many parameters all encoders have, and the decoder, which mirrors one of full width."""
    model, shape = cell.model, cell.facts.shape
    size, widths = model.network.encoder_size, model.network.widths
    if model.encoder_width == "matched":
        encoders = size(shape, 2 * model.latent_size, widths)  # together as large as the one of a VAE
    else:
        encoders = model.order * size(shape, 2 * model.latent_size // model.order, widths)
    return encoders, size(shape, model.latent_size, widths)


def work(cell: Cell) -> tuple[float, float]:
    """Multiply-adds per example of all encoders, and of the decoder."""
    encoders, decoder = sizes(cell)
    return cell.model.network.reuse * encoders, cell.model.network.reuse * decoder


def trained_on(cell: Cell) -> int:
    """The number of training examples."""
    return cell.facts.counts[0] if cell.n_train == "all" else int(cell.n_train)


def train_seconds(cell: Cell, device: str, seeds: int) -> float:
    """One stack of seeds, validation included."""
    training, rates = cell.training, RATES[device]
    computed = max(seeds, cell.model.network.stacked["cuda"]) if device == "cuda" else seeds  # see `Resident`
    products = sum(work(cell)) * computed / rates.training
    steps = training.steps or -(-training.epochs * trained_on(cell) // training.batch_size)  # as in loop.epoch_ends
    looks = min(training.epochs, steps) * cell.facts.counts[1]
    overhead = (rates.level + rates.level_seed * seeds) * cell.model.order
    step = overhead + 6 * training.batch_size * products + _critic(cell) * seeds
    pairs = (steps * training.batch_size + looks) * _pairs(cell) * seeds
    return RECORDING * cell.model.order + steps * step + 2 * looks * products + pairs


def _critic(cell: Cell) -> float:
    """Of one seed's step: 8 products a weight, where a layer has 3."""
    size = cell.model.divergence.critic_size(cell.model.latent_size)
    return 16 * cell.training.batch_size * size / RATES["cpu"].training


def _pairs(cell: Cell) -> float:
    """Per example of one seed, where each meets all others of its batch."""
    return PAIR * cell.training.batch_size * cell.model.latent_size if cell.model.divergence.pairs else 0.0
