"""Distances of samples from a known density: W1, KS, CvM, AD in one dimension, sliced W1 and MMD in two."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.data.columns import columns_of, to_user
from phvae.determinism.seeding import numpy_generator
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.mmd import bandwidth, mmd2
from phvae.metrics.redraws import finite, redrawn
from phvae.metrics.rows import Inputs, Row, Undefined, at_least, without_value
from phvae.metrics.transport import PROJECTIONS, sliced_w1

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = [
    "METRICS",
    "anderson_darling",
    "applies",
    "cramer_von_mises",
    "integration_grid",
    "kolmogorov_smirnov",
    "modules",
    "reference",
    "rows",
    "w1_exact",
]


def _plane(inputs: Inputs) -> bool:
    return len(inputs.data.shape) == 1 and inputs.data.shape[0] > 1


def _line(inputs: Inputs) -> bool:
    return not _plane(inputs)


METRICS = (
    Metric(
        name="w1_{output}",
        group="density",
        label="W1",
        definition="Wasserstein-1 distance between the empirical distribution and the exact cdf, in original units "
        "over the true interquartile range (one dimension)",
        unit="interquartile ranges",
        higher_is_better=False,
        source="Villani 2009, ch. 6",
        when=_line,
        shown=(
            Shown(name="w1_samples_mean", table=10, sizes=10, orders=10, matched=70, headline=10, panel=10),
            Shown(name="w1_samples_model", table=20, matched=80, panel=20),
            Shown(name="w1_reconstructions", table=80),
        ),
    ),
    Metric(
        name="ks_{output}",
        group="density",
        label="KS",
        definition="Kolmogorov-Smirnov distance, the largest gap between the empirical and the exact cdf (one "
        "dimension)",
        unit="1",
        higher_is_better=False,
        source="Kolmogorov 1933",
        when=_line,
        shown=(Shown(name="ks_samples_mean", table=30, panel=30),),
    ),
    Metric(
        name="cvm_{output}",
        group="density",
        label="CvM",
        definition="Cramer-von Mises statistic against the exact cdf over n: the mean squared gap between the "
        "empirical and the exact cdf (one dimension)",
        unit="1",
        higher_is_better=False,
        source="Cramer 1928; von Mises 1931",
        when=_line,
        shown=(Shown(name="cvm_samples_mean", table=40, panel=210),),
    ),
    Metric(
        name="ad_{output}",
        group="density",
        label="AD",
        definition="two-sample Anderson-Darling statistic against draws of the true density (one dimension); "
        "reconstructions are compared with the draws they reconstruct, so that they have no floor",
        unit="1",
        higher_is_better=False,
        source="Scholz and Stephens 1987",
        when=_line,
    ),
    Metric(
        name="sliced_w1_{output}",
        group="density",
        label="sliced W1",
        definition="mean Wasserstein-1 distance over fixed projections, against draws of the true density, over the "
        "true interquartile range (two dimensions); reconstructions are compared with the draws they reconstruct, so "
        "that they have no floor",
        unit="interquartile ranges",
        higher_is_better=False,
        source="Rabin et al. 2011",
        when=_plane,
        shown=(
            Shown(name="sliced_w1_samples_mean", table=50, sizes=20, orders=20, headline=20, panel=40),
            Shown(name="sliced_w1_samples_model", table=60),
        ),
    ),
    Metric(
        name="mmd_{output}",
        group="density",
        label="MMD",
        definition="squared maximum mean discrepancy, Gaussian kernel, against draws of the true density (two "
        "dimensions); the U-statistic, unbiased for samples, below 0 for a perfect reconstruction; reconstructions are "
        "compared with the draws they reconstruct, so that they have no floor",
        unit="1",
        higher_is_better=False,
        source="Gretton et al. 2012, eq. 3",
        when=_plane,
        shown=(Shown(name="mmd_samples_mean", table=70, panel=50),),
    ),
)

GRID = 16_384  # points of the integration grid of W1, beside the samples themselves
MMD_POINTS = 2_000  # the kernel matrix is quadratic in this
DRAWS = 20  # sets of true samples behind a noise floor

Cdf = Callable[[np.ndarray], np.ndarray]


def integration_grid(support: tuple[float, float], centre: float, scale: float) -> np.ndarray:
    """16,384 points over the support, close around the centre and geometrically wider in the tails."""
    low, high = (np.arcsinh((edge - centre) / scale) for edge in support)
    return centre + scale * np.sinh(np.linspace(low, high, GRID))


def w1_exact(x: np.ndarray, cdf: Cdf, grid: np.ndarray) -> float:
    """Wasserstein-1 distance between the samples and a density, the integral of |F_n - F|, in units of x.

    Args:
        x: (n,) samples.
        cdf: the exact cumulative distribution function.
        grid: ascending points that span practically all of the density's mass; between them and the samples the cdf
            is taken as linear.

    >>> round(w1_exact(np.array([0.5]), lambda t: np.clip(t, 0, 1), np.linspace(0, 1, 3)), 6)
    0.25
    """
    x = np.sort(np.asarray(x, dtype=np.float64).ravel())
    t = np.union1d(grid, x)
    gap = cdf(t)
    level = np.searchsorted(x, t[:-1], side="right") / len(x)
    left, right, width = gap[:-1] - level, gap[1:] - level, np.diff(t)
    total = np.abs(left) + np.abs(right)
    crossing = left * right < 0
    area = np.where(crossing, (left**2 + right**2) / np.where(crossing, total, 1.0), total) / 2
    return float(np.sum(width * area))


def kolmogorov_smirnov(x: np.ndarray, cdf: Cdf) -> float:
    """The largest gap between the empirical and the exact cdf.

    >>> kolmogorov_smirnov(np.array([0.25, 0.5]), lambda t: np.clip(t, 0, 1))
    0.5
    """
    f = cdf(np.sort(np.asarray(x, dtype=np.float64).ravel()))
    n = len(f)
    steps = np.arange(1, n + 1) / n
    return float(max((steps - f).max(), (f - steps + 1 / n).max()))


def cramer_von_mises(x: np.ndarray, cdf: Cdf) -> float:
    """The Cramer-von Mises distance: the integral of (F_n - F)^2 dF, which is scipy's statistic over n.

    >>> round(cramer_von_mises(np.array([0.5]), lambda t: np.clip(t, 0, 1)), 6)
    0.083333
    """
    f = cdf(np.sort(np.asarray(x, dtype=np.float64).ravel()))
    n = len(f)
    middle = (2 * np.arange(1, n + 1) - 1) / (2 * n)
    return float(1 / (12 * n**2) + np.mean((middle - f) ** 2))


def anderson_darling(x: np.ndarray, y: np.ndarray) -> float:
    """The normalised two-sample Anderson-Darling statistic (Scholz and Stephens 1987, eq. 7, midranks).

    About 0 on average for samples of one distribution, with standard deviation 1.

    Raises:
        Undefined: all values of both samples are equal.
    """
    from scipy.stats import anderson_ksamp

    x, y = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    at_least(2, min(len(x), len(y)), "values of a sample for the Anderson-Darling statistic")
    if np.ptp(np.concatenate([x, y])) == 0:
        raise Undefined("all values are equal: the Anderson-Darling statistic needs two different ones")
    with warnings.catch_warnings():
        # the p-value, which nobody reads here, is capped with a warning; newer scipy announces other defaults
        warnings.simplefilter("ignore")
        return float(anderson_ksamp([x, y]).statistic)


@dataclass(frozen=True)
class _Measure:
    """A distance of (n, D) samples in original units from the truth."""

    distance: Callable[[np.ndarray], float]
    settings: str
    most: int | None = None  # how many of the samples it reads; all by default

    def __call__(self, x: np.ndarray) -> float:
        return self.distance(finite("samples", x[: self.most], 2))

    def count(self, n: int) -> int:
        """How many of n samples it reads."""
        return n if self.most is None else min(n, self.most)


_FROM_DRAWS = ("ad", "sliced_w1", "mmd")  # families that compare with the test draws, not with the exact cdf


def _measures(data: Prepared, truth: np.ndarray) -> dict[str, _Measure]:
    """The distances of a density's dimension, by family."""
    density: Any = data.density
    if data.shape == (1,):
        iqr, cdf = density.iqr, density.cdf
        grid = integration_grid(density.support, float(density.quantile(0.5)), iqr)
        return {
            "w1": _Measure(lambda x: w1_exact(x, cdf, grid) / iqr, f"exact cdf; over the IQR {iqr:.6g}"),
            "ks": _Measure(lambda x: kolmogorov_smirnov(x, cdf), "exact cdf"),
            "cvm": _Measure(lambda x: cramer_von_mises(x, cdf), "exact cdf; statistic over n"),
            "ad": _Measure(lambda x: anderson_darling(x, truth), f"against {len(truth)} test draws, normalised"),
        }
    spans = np.asarray(density.iqr, dtype=np.float64)
    scaled = truth / spans
    part = scaled[:MMD_POINTS]
    width = bandwidth(part) if len(part) > 1 else math.nan  # of one draw there is no MMD either
    units = f"test draws; each axis over its IQR ({', '.join(f'{span:.4g}' for span in spans)})"
    return {
        "sliced_w1": _Measure(
            lambda x: sliced_w1(x / spans, scaled), f"{PROJECTIONS} projections, against {len(scaled)} {units}"
        ),
        "mmd": _Measure(
            lambda x: mmd2(x / spans, part, width),
            f"Gaussian kernel of the median distance {width:.4g}, against {len(part)} {units}",
            MMD_POINTS,
        ),
    }


def _truth(data: Prepared) -> np.ndarray:
    """The test split in original units, (N, D) float64."""
    if data.scaling is None:
        raise Undefined(f"{data.kind} is no density: it has no exact distribution to compare with")
    return to_user(data.test, data)


def _sets(inputs: Inputs, output: str) -> list[np.ndarray]:
    array = inputs.arrays[output]
    return [np.asarray(one, dtype=np.float64) for one in ([array] if output == "reconstructions" else array)]


def applies(data: Prepared) -> bool:
    """On densities alone."""
    return data.is_density and not columns_of(data)


def modules(data: Prepared) -> list[str]:
    """The exact density is computed by the data's own kind."""
    from phvae.data.registry import kind_class

    return [kind_class(data.kind).__module__, type(data.density).__module__]


def rows(inputs: Inputs) -> list[Row]:
    """Distances of samples_mean, samples_model and reconstructions from the exact density."""
    measures = _measures(inputs.data, _truth(inputs.data))
    decoded = {"reconstructions": "posterior means decoded; "}
    found: list[Row] = []
    for output in ("samples_mean", "samples_model", "reconstructions"):
        try:
            sets = _sets(inputs, output)
        except Undefined as error:
            found += [without_value(f"{family}_{output}", "empty", str(error)) for family in measures]
            continue
        for family, measure in measures.items():
            settings, n = decoded.get(output, "") + measure.settings, measure.count(len(sets[0]))
            found.append(redrawn(f"{family}_{output}", measure, sets, n=n, settings=settings))
    return found


def reference(
    folder: Path, data: Prepared, settings: EvaluationConfig, *, device: str = "cpu", threads: int = 1
) -> dict[str, dict[str, Any]]:
    """Noise floors: the mean of every distance over 20 sets of true samples, as many as the rows use.

    Distances of reconstructions from the very draws that were reconstructed have none: a perfect reconstruction lies
    below what independent draws give.

    Writes no file; `folder`, `device` and `threads` are not needed.
    """
    density: Any = data.density
    try:
        measures = _measures(data, _truth(data))
    except Undefined:
        return {}  # the rows say why
    counts = dict.fromkeys(("samples_mean", "samples_model"), settings.n_samples)
    counts["reconstructions"] = min(settings.n_reconstructions, len(data.test))
    found: dict[str, dict[str, Any]] = {}
    for n in sorted(set(counts.values())):
        generator = numpy_generator(0, "floor", "density", n)
        draws = [np.asarray(density.sample(n, generator)).reshape(n, -1) for _ in range(DRAWS)]
        for family, measure in measures.items():
            try:
                values = [measure(one) for one in draws]
            except Undefined:  # too few; the rows say why
                continue
            floor = {"floor": float(np.mean(values)), "noise_sd": float(np.std(values, ddof=1))}
            found |= {
                f"{family}_{output}": floor
                for output, count in counts.items()
                if count == n and not (output == "reconstructions" and family in _FROM_DRAWS)
            }
    return found
