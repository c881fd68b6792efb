"""What the jobs of a grid cost in seconds, memory and disk: a small model with few constants (loads no torch).

Those of a CPU are measured; of a GPU training and encoding are (`phvae.experiment.training_cost`).
"""

from __future__ import annotations

from phvae.experiment.grid import Cell
from phvae.experiment.training_cost import RATES, Rates, sizes, train_seconds, trained_on, work

__all__ = ["START", "data_bytes", "disk", "memory_mb", "seconds", "start"]

USUAL_DRAWS = 2048  # per example of the likelihood, those that fit its proposal among them, on quick grids
START, START_WITHOUT_TORCH = 4.0, 1.5  # of a job; 3 to 5 s on either kind of CPU, and 1 to 3


def start(stage: str) -> float:
    """Seconds until a job begins to compute."""
    return START_WITHOUT_TORCH if stage == "prepare" else START


def _item(cell: Cell) -> int:
    return 4 if cell.facts.is_density else 1  # bytes of a number


def _codes(cell: Cell) -> int:
    return min(cell.evaluation.n_codes, cell.facts.counts[2])


def _encode(cell: Cell, rates: Rates) -> float:
    """One run."""
    settings, (encoders, decoder) = cell.evaluation, work(cell)
    weighed = min(settings.n_likelihood, cell.facts.counts[2]) + min(settings.n_likelihood, trained_on(cell))
    draws = weighed * min(settings.importance_samples, USUAL_DRAWS)
    decoded = settings.n_reconstructions + settings.redraws * settings.n_samples + _codes(cell) + draws
    densities = 250 * draws * (cell.facts.size + 20 * cell.model.order)  # of each draw, in multiply-adds
    products = 2 * (3 * _codes(cell) * encoders + decoded * decoder) + densities
    return 0.3 + products / rates.inference + weighed * rates.weighed


def _scores(cell: Cell, rates: Rates, device: str) -> float:
    """One run."""
    settings, about = cell.evaluation, cell.facts
    if about.is_density:
        return 0.1 + (1e-5 if about.size == 1 else 5e-5 * about.size) * settings.n_samples
    images = settings.n_samples * (settings.redraws + 1) + settings.n_reconstructions
    total = 0.2 + 7e-8 * images * about.size + (1.1e-3 * _codes(cell) if about.classes else 0.0)
    seen, held = min(trained_on(cell), 10_000), min(about.counts[2], 2_000)  # as memorisation takes them
    total += seen * (4.5e-5 + 1.4e-10 * about.size * (min(settings.n_samples, 2_000) + held))
    if "boosting" in settings.dci:  # 450 s for 10 codes of 10,000 points and the 113 classes of dSprites
        total += 2.7e-5 * sum(about.classes) * cell.model.latent_size * _codes(cell)
    # without a file of weights there is no FID; on a GPU it is meant to be there
    if cell.deep_features and (device == "cuda" or settings.inception_weights):
        total += images / rates.deep_features
    return total


def seconds(stage: str, cell: Cell, device: str, seeds: int = 1) -> float:
    """Seconds of one cell's share of a job: that many seeds of it (train: as one stack), or the cell or data set."""
    rates, about = RATES[device], cell.facts
    if cell.external and stage in ("train", "encode"):
        return 0.1 + seeds * (0.5 + 2e-8 * disk(cell)[1])  # its outputs are read
    if stage == "train":
        return train_seconds(cell, device, seeds)
    if stage == "encode":
        return seeds * _encode(cell, rates)
    if stage == "evaluate":
        return seeds * _scores(cell, rates, device)
    if stage == "prepare":
        return 0.2 + 1e-8 * sum(about.counts) * about.size
    return (0.8 if about.is_density else 2.5 + 1.5e-6 * about.counts[2] * about.size) + _scores(cell, rates, device)


def data_bytes(cell: Cell) -> int:
    """Bytes of the prepared data set."""
    return sum(cell.facts.counts) * cell.facts.size * _item(cell)


def disk(cell: Cell) -> tuple[float, float]:
    """Bytes of one run: what is kept, and what `phvae clean` removes once the scores are there."""
    settings, about = cell.evaluation, cell.facts
    weights = 0 if cell.external else 4 * sum(sizes(cell))
    kept = weights + 11 * _codes(cell) * cell.model.latent_size + 1.55e6  # model, codes, samples, records
    images = settings.n_reconstructions + 2 * settings.redraws * settings.n_samples + 500 * cell.model.order
    return kept, images * about.size * _item(cell) + 8 * _codes(cell) * (3 + cell.model.order)


def memory_mb(stage: str, cell: Cell, seeds: int = 1) -> float:
    """Peak memory of a job of a stage in MB; `seeds` train as one stack."""
    if stage == "train" and not cell.external:
        data = trained_on(cell) * cell.facts.size * _item(cell)
        activations = 200 * sum(work(cell)) ** 0.5 * cell.training.batch_size  # about
        return 900 + (data + (44 * sum(sizes(cell)) + activations) * seeds) / 1e6
    if stage == "prepare":
        return 1500
    codes = 12e-6 * len(cell.seeds) * cell.evaluation.n_codes * cell.model.latent_size  # of all seeds, for `groups`
    return max(1200 + 3e-6 * disk(cell)[1], 600 + codes)  # the arrays of one run, some of them as floats for a while
