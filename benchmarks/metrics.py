"""How long the metrics take: supervised scores of one run, protocol DCI, a Frechet distance on 10,000 images.

`python -m benchmarks.metrics`, two minutes on one core; `--protocol` adds boosted DCI (minutes, two processes).
The aims: 20 s for all scores but protocol DCI at 10,000 and 5,000 points, 12 codes and dSprites' 5 factors; 4 minutes
for protocol DCI on two cores; 20 s for `fd_classifier` on 10,000 images of 28x28.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.common import record
from benchmarks.score_sizes import FACTOR_SCORES
from phvae.metrics.classifier import train_classifier
from phvae.metrics.factors import CodesAndFactors, make_table
from phvae.metrics.features import cached_features, extract, extractor
from phvae.metrics.fidelity import frechet
from phvae.metrics.manifold import density_coverage
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.scores import infomec, memorisation
from phvae.metrics.scores.dci import dci

DSPRITES = (3, 6, 40, 32, 32)
SPRITES = (3, 6, 12, 16, 16, 5)


def timed(run: Callable[[], object], repeats: int = 3) -> float:
    """The median CPU seconds of `repeats` calls: on one core the seconds they take where nothing else runs."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


def mixed_table(sizes: tuple[int, ...], points: int, codes: int = 12) -> CodesAndFactors:
    """Factors, noise codes and a rotation of both: harder for trees than a trained model's codes."""
    generator = np.random.default_rng(0)
    factors = np.stack([generator.integers(0, size, points) for size in sizes], axis=1)
    clean = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    noise = generator.standard_normal((points, codes - len(sizes)))
    rotation = np.linalg.qr(generator.standard_normal((codes, codes)))[0]
    whole = np.hstack([clean + 0.3 * generator.standard_normal(clean.shape), noise]) @ rotation
    return make_table(whole, factors, [f"factor{i}" for i in range(len(sizes))])


def scores(table: CodesAndFactors, votes: int) -> None:
    """All scores of a model of three levels, as the evaluate stage computes them."""
    table = replace(table, order=3)
    rows = [row for scorer in FACTOR_SCORES for row in scorer.scores(table, EvaluationConfig(votes=votes), 0)]
    assert all(row.status == "ok" for row in rows)


def distances() -> None:
    """Features of 10,000 new images and their Frechet distance to cached features of 10,000 real ones."""
    generator = np.random.default_rng(0)
    labels = np.arange(20_000) % 10
    patterns = generator.integers(0, 256, (10, 1, 28, 28))
    images = np.clip(patterns[labels] + generator.normal(0, 40, (20_000, 1, 28, 28)), 0, 255).astype(np.uint8)
    real, made = images[:10_000], images[10_000:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = timed(lambda: train_classifier(folder, real, labels[:10_000], made, labels[10_000:]), repeats=1)
        record("reference: classifier of 28x28 images", "CPU s", seconds, repeats=1)
        network = extractor("classifier", EvaluationConfig(), folder)
        seconds = timed(lambda: cached_features(folder, real, network), repeats=1)
        record("reference: features of 10,000 images 28x28", "CPU s", seconds, repeats=1)
        seconds = timed(lambda: frechet(extract(made, network), cached_features(folder, real, network)))
        record("fd_classifier of 10,000 images 28x28", "CPU s", seconds, repeats=3)
        one, two = (extract(some[:5_000], network) for some in (made, real))
        seconds = timed(lambda: density_coverage(one, two))
        record("density and coverage, both forms, of 5,000 images 28x28", "CPU s", seconds, repeats=3)
    few = memorisation.IMAGES
    seconds = timed(lambda: memorisation.authentic(made[:few], real), repeats=1)
    record("AuthPct of 2,000 images 28x28, 10,000 training images", "CPU s", seconds, repeats=1)
    seconds = timed(lambda: memorisation.copying(made[:few], made[-few:], real), repeats=1)
    record("C_T of 2,000 and 2,000 images 28x28, 10,000 training images", "CPU s", seconds, repeats=1)


def main() -> None:
    """Measure and record."""
    small, large = mixed_table(SPRITES, 3000), mixed_table(DSPRITES, 15_000)
    record("scores but protocol DCI, 2,000 + 1,000 points", "CPU s", timed(lambda: scores(small, 10_000)), repeats=3)
    record("scores but protocol DCI, 10,000 + 5,000 points", "CPU s", timed(lambda: scores(large, 10_000)), repeats=3)
    seconds = timed(lambda: infomec.scores(large, EvaluationConfig(), 0))
    record("InfoMEC, 10,000 points", "CPU s", seconds, repeats=3)
    distances()
    if "--protocol" in sys.argv[1:]:
        start = time.perf_counter()
        dci(large, "boosting", 0, threads=2)
        seconds = time.perf_counter() - start
        record("protocol DCI, 10,000 + 5,000 points, 2 processes", "s", seconds, repeats=1)


if __name__ == "__main__":
    main()
