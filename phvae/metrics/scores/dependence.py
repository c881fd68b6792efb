"""How dependent the codes are on one another: Gaussian total correlation, mean mutual information."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.codes import ACTIVE, MIN_POINTS
from phvae.metrics.information import BINS, equal_width_bins, mutual_information
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Inputs, Row, Undefined, at_least, attempt

__all__ = ["METRICS", "gaussian_total_correlation", "mean_mutual_information", "rows"]

METRICS = (
    Metric(
        name="gaussian_tc",
        group="latent",
        label="Gaussian total correlation",
        definition="total correlation of a normal with the covariance of the active codes (as in active_units), -1/2 "
        "log det of their correlation matrix",
        unit="nats",
        higher_is_better=False,
        source="Watanabe 1960; protocol of Locatello et al. 2019",
        comparable_from=300,
        invariances=("yes", "yes", "no", "yes", "", ""),
        shown=(Shown(table=70),),
    ),
    Metric(
        name="mean_code_mi",
        group="latent",
        label="mean MI of codes",
        definition="mean over pairs of different active codes of their mutual information, plug-in estimate with 20 "
        "equal-width bins",
        unit="nats",
        higher_is_better=False,
        source="protocol of Locatello et al. 2019",
        comparable_from=600,
        invariances=("yes", "yes", "no", "yes", "", ""),
        shown=(Shown(table=80),),
    ),
)


def _active(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, dtype=np.float64)
    if not np.isfinite(codes).all():
        raise ValueError("the table of codes holds values that are not finite")
    active = codes[:, codes.var(axis=0) > ACTIVE] if len(codes) else codes[:, :0]
    if active.shape[1] < 2:
        raise Undefined(
            f"dependence needs two active codes (variance above {ACTIVE}), found {active.shape[1]} of {codes.shape[1]}"
        )
    return active


def gaussian_total_correlation(codes: np.ndarray) -> float:
    """-1/2 log det of the correlation matrix of the active codes of (N, L), in nats.

    It is KL(N(m, C) || the product of its marginals), which depends on the correlations only. Collapsed codes are left
    out, as in `active_units`: the little by which they vary is often a function of the others.

    Raises:
        Undefined: fewer than two codes are active, or their covariance is singular (the value would be infinite).
        ValueError: codes that are not finite.

    >>> x = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [2.0, 2.0], [-2.0, -2.0]])
    >>> round(gaussian_total_correlation(x), 6)  # correlation 2/3: -1/2 log(1 - 4/9)
    0.293893
    """
    kept = _active(codes)
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(kept, rowvar=False))
    if eigenvalues[0] < 1e-12 * len(eigenvalues):
        raise Undefined("the codes' covariance is singular: some code is a linear function of the others")
    return float(-0.5 * np.log(eigenvalues).sum() + 0.0)


def mean_mutual_information(codes: np.ndarray) -> float:
    """Mean over pairs of different active codes of (N, L) of their plug-in mutual information in nats, 20 bins.

    Raises:
        Undefined: fewer than two codes are active.
        ValueError: codes that are not finite.
    """
    bins = equal_width_bins(_active(codes))
    found = mutual_information(bins, bins)
    return float(found[~np.eye(len(found), dtype=bool)].mean())


def rows(inputs: Inputs) -> list[Row]:
    """gaussian_tc and mean_code_mi of the whitened codes; their floor is the same of each code shuffled on its own.

    Both are larger than 0 on independent codes, the more so the fewer examples there are.
    """
    whitened = inputs.codes["whitened"]
    n = len(whitened)
    codes = whitened.reshape(n, -1)
    shuffled = numpy_generator(inputs.seed, "dependence").permuted(codes, axis=0)

    def one(metric: str, measure: Callable[[np.ndarray], float], settings: str) -> list[Row]:
        def of(one: np.ndarray) -> dict[str, float]:
            at_least(MIN_POINTS, n, "examples")
            return {metric: measure(one)}

        [floor] = attempt([metric], lambda: of(shuffled), n=n)
        return attempt([metric], lambda: of(codes), n=n, settings=settings, floor=floor.value)

    return [
        *one("gaussian_tc", gaussian_total_correlation, "floor: each code shuffled"),
        *one("mean_code_mi", mean_mutual_information, f"{BINS} equal-width bins; floor: each code shuffled"),
    ]
