"""How close the rows that a model draws are to the rows of a table: by column, in pairs of columns, in all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.data.columns import columns_of, keys_of, spread_of, to_user
from phvae.determinism.seeding import numpy_generator
from phvae.metrics.correlations import correlations
from phvae.metrics.energy import energy
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.mmd import bandwidth, mmd2
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt
from phvae.metrics.transport import PROJECTIONS, sliced_w1, w1

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "applies", "correlation_error", "ks", "reference", "rows"]


def _several(inputs: Inputs) -> bool:
    return len(columns_of(inputs.data)) > 1


METRICS = (
    Metric(
        name="w1_columns_{output}",
        group="table",
        label="W1 of columns",
        definition="mean over columns of `w1_column_{column}_{output}`, each over the column's standard deviation "
        "among the training rows",
        unit="standard deviations",
        higher_is_better=False,
        source="Villani 2009, ch. 6",
        shown=(
            Shown(name="w1_columns_samples_model", table=20, sizes=46, orders=46, matched=75, headline=46, panel=25),
            Shown(name="w1_columns_samples_mean", table=30),
        ),
    ),
    Metric(
        name="ks_columns_{output}",
        group="table",
        label="KS of columns",
        definition="mean over columns of `ks_column_{column}_{output}`",
        unit="1",
        higher_is_better=False,
        source="Smirnov 1939",
        shown=(Shown(name="ks_columns_samples_model", table=40, panel=35),),
    ),
    Metric(
        name="sliced_w1_columns_{output}",
        group="table",
        label="sliced W1 of columns",
        definition="mean Wasserstein-1 distance from the test rows over fixed projections, each column over its "
        "standard deviation among the training rows",
        unit="standard deviations",
        higher_is_better=False,
        source="Rabin et al. 2011",
        when=_several,
        shown=(
            Shown(name="sliced_w1_columns_samples_model", table=10, sizes=44, orders=44, headline=44, panel=15),
            Shown(name="sliced_w1_columns_samples_mean", table=15),
        ),
    ),
    Metric(
        name="mmd_columns_{output}",
        group="table",
        label="MMD of rows",
        definition="squared maximum mean discrepancy from the test rows, Gaussian kernel, each column over its "
        "standard deviation among the training rows; the U-statistic, unbiased for samples",
        unit="1",
        higher_is_better=False,
        source="Gretton et al. 2012, eq. 3",
        shown=(Shown(name="mmd_columns_samples_model", table=50),),
    ),
    Metric(
        name="energy_columns_{output}",
        group="table",
        label="energy distance of rows",
        definition="energy distance from the test rows, each column over its standard deviation among the training "
        "rows; the U-statistic, unbiased for samples",
        unit="standard deviations",
        higher_is_better=False,
        source="Székely and Rizzo 2013",
        shown=(Shown(name="energy_columns_samples_model", table=60, panel=45),),
    ),
    Metric(
        name="correlation_error_{output}",
        group="table",
        label="correlation error",
        definition="mean over pairs of columns of the absolute difference between their correlation and that among "
        "the test rows; a constant column has the correlation 0",
        unit="1",
        higher_is_better=False,
        source="Pearson 1895",
        when=_several,
        shown=(Shown(name="correlation_error_samples_model", table=70, panel=55),),
    ),
    Metric(
        name="w1_column_{column}_{output}",
        group="table",
        label="W1 of {column}",
        definition="Wasserstein-1 distance between a column and that of the test rows",
        unit="unit of the column",
        higher_is_better=False,
        source="Villani 2009, ch. 6",
    ),
    Metric(
        name="ks_column_{column}_{output}",
        group="table",
        label="KS of {column}",
        definition="Kolmogorov-Smirnov distance between a column and that of the test rows",
        unit="1",
        higher_is_better=False,
        source="Smirnov 1939",
    ),
)

POINTS = 2_000  # of the distances over all pairs
FLOOR_DRAWS = 20

Distance = Callable[[np.ndarray, np.ndarray], float]


def ks(x: np.ndarray, y: np.ndarray) -> float:
    """The largest gap between the empirical cdfs of two ascending samples, (n,) and (m,).

    >>> ks(np.array([0.0, 1.0]), np.array([0.5, 2.0]))
    0.5
    """
    both = np.concatenate([x, y])
    return float(np.abs(np.searchsorted(x, both, "right") / len(x) - np.searchsorted(y, both, "right") / len(y)).max())


def correlation_error(x: np.ndarray, y: np.ndarray) -> float:
    """Mean absolute difference of the correlations of all pairs of columns, of (n, D) and (m, D)."""
    pairs = np.triu_indices(x.shape[1], 1)
    return float(np.abs(correlations(x) - correlations(y))[pairs].mean())


@dataclass(frozen=True)
class _Distances:
    """A distance of rows (n, D) in original units from the test rows: one number for each of its names.

    Attributes:
        names: of its metrics, with {output} still open.
        settings: of each of them.
        most: how many of the rows it reads; all by default.
    """

    names: Sequence[str]
    settings: Sequence[str]
    distance: Callable[[np.ndarray], Sequence[float]]
    most: int | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.array(self.distance(finite("rows", x[: self.most], 2)))


def _measures(data: Prepared, n: int) -> Iterator[_Distances]:
    """All distances from the first n test rows."""
    columns, spread, truth = columns_of(data), spread_of(data), to_user(data.test[:n], data)
    ascending, scaled, part = np.sort(truth, axis=0).T, truth / spread, truth[:POINTS] / spread
    against, few, over = f"against {n} test rows", f"against {len(part)} test rows", "each column over its deviation"

    def by_column(name: str, distance: Distance, unit: np.ndarray, settings: str) -> _Distances:
        def each(x: np.ndarray) -> list[float]:
            found = [distance(one, other) for one, other in zip(np.sort(x, axis=0).T, ascending, strict=True)]
            return [float(np.mean(found / unit)), *found]

        names = [f"{name}_columns", *(f"{name}_column_{key}" for key in keys_of(columns))]
        return _Distances(names, [settings, *(f"{column}; {against}" for column in columns)], each)

    yield by_column("w1", w1, spread, f"{against}; {over}")
    yield by_column("ks", ks, np.ones(len(columns)), against)
    if len(columns) > 1:
        text = f"{PROJECTIONS} projections, {against}; {over}"
        yield _Distances(["sliced_w1_columns"], [text], lambda x: [sliced_w1(x / spread, scaled)])
        yield _Distances(["correlation_error"], [against], lambda x: [correlation_error(x, truth)])
    kernel = f"Gaussian kernel of the test rows' median distance, {few}; {over}"
    yield _Distances(["mmd_columns"], [kernel], lambda x: [mmd2(x / spread, part, bandwidth(part))], POINTS)
    yield _Distances(["energy_columns"], [f"{few}; {over}"], lambda x: [energy(x / spread, part)], POINTS)


def _count(data: Prepared, wanted: int) -> int:
    """Rows on both sides of a distance: as many as there are drawn, test and training rows (these give the floor)."""
    return min(wanted, len(data.test), len(data.train))


def applies(data: Prepared) -> bool:
    """On tables."""
    return bool(columns_of(data))


def rows(inputs: Inputs) -> list[Row]:
    """Distances of samples_mean, samples_model and reconstructions from the test rows."""
    arrays, data = inputs.arrays, inputs.data
    found: list[Row] = []
    for output, decoded in (
        ("samples_mean", ""),
        ("samples_model", ""),
        ("reconstructions", "posterior means decoded; "),
    ):
        sets = arrays[output] if output != "reconstructions" else arrays[output][None]
        n = _count(data, sets.shape[1])
        for measure in _measures(data, n):
            found += _redrawn(measure, output, [np.asarray(one[:n], dtype=np.float64) for one in sets], decoded)
    return found


def _redrawn(measure: _Distances, output: str, sets: Sequence[np.ndarray], decoded: str) -> list[Row]:
    """The mean over the sets of each number, with its standard deviation over them."""
    names, n = [f"{name}_{output}" for name in measure.names], min(len(sets[0]), measure.most or len(sets[0]))
    values: list[np.ndarray] = []

    def compute() -> dict[str, float]:
        values.extend(measure(one) for one in sets)
        return dict(zip(names, np.mean(values, axis=0).tolist(), strict=True))

    found = attempt(names, compute, n=n)
    spread = np.std(values, axis=0, ddof=1).tolist() if len(values) > 1 else [None] * len(names)
    return [
        replace(row, settings=decoded + text, noise_sd=sd if row.status == "ok" else None)
        for row, text, sd in zip(found, measure.settings, spread, strict=True)
    ]


def reference(
    folder: Path, data: Prepared, settings: EvaluationConfig, *, device: str = "cpu", threads: int = 1
) -> dict[str, dict[str, Any]]:
    """Floors: the mean of every distance of samples over 20 sets of training rows, as many as the rows use.

    Reconstructions have none: they are compared with the very rows that were reconstructed.

    Writes no file; `folder`, `device` and `threads` are not needed.
    """
    n = _count(data, settings.n_samples)
    generator = numpy_generator(0, "floor", "columns", n)
    chosen = [np.sort(generator.permutation(len(data.train))[:n]) for _ in range(FLOOR_DRAWS)]
    found: dict[str, dict[str, Any]] = {}
    for measure in _measures(data, n):
        try:
            values = np.array([measure(to_user(data.train[rows], data)) for rows in chosen])
        except Undefined:  # too few; the rows say why
            continue
        for name, mean, sd in zip(measure.names, values.mean(0), values.std(0, ddof=1), strict=True):
            floor = {"floor": float(mean), "noise_sd": float(sd)}
            found |= {f"{name}_{output}": floor for output in ("samples_mean", "samples_model")}
    return found
