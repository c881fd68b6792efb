"""Scores from points that share a factor: FactorVAE and BetaVAE."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.factors import CodesAndFactors, applies, bounds_of, require, rows_of
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.rows import Row, Undefined, attempt

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = ["METRICS", "PRUNE", "SHARED", "applies", "beta_vae", "factor_vae", "reference", "rows", "scores"]

METRICS = (
    Metric(
        name="factor_vae",
        group="disentanglement",
        label="FactorVAE score",
        definition="test accuracy of the majority vote that maps the code of smallest relative variance, among 64 "
        "points that share a factor, to that factor; codes of standard deviation below .05 left out",
        unit="1",
        higher_is_better=True,
        source="Kim and Mnih 2018, sec. 4",
        comparable_from=1_500,
        invariances=("yes", "yes", "no", "yes", "nearly", "nearly"),
        shown=(Shown(table=80, panel=130),),
    ),
    Metric(
        name="beta_vae",
        group="disentanglement",
        label="BetaVAE score",
        definition="test accuracy of a logistic regression that tells the shared factor from the mean absolute "
        "difference of 64 pairs of codes",
        unit="1",
        higher_is_better=True,
        source="Higgins et al. 2017, sec. 3",
        comparable_from=900,
        invariances=("nearly", "no", "no", "nearly", "nearly", "nearly"),
        shown=(Shown(table=90),),
    ),
)

SHARED = 64
PRUNE = 0.05
_CHUNK = 2000


class _Rows:
    """The rows of a table by the value of each factor, to draw rows that share one."""

    def __init__(self, factors: np.ndarray, generator: np.random.Generator) -> None:
        self.generator = generator
        self.order, self.start, self.size = [], [], []
        for column in factors.T:
            counts = np.bincount(column)
            order = np.argsort(column, kind="stable")
            self.order.append(order)
            # by sorted position: where the group of that row starts, and how many rows it has
            self.start.append((np.cumsum(counts) - counts)[column[order]])
            self.size.append(counts[column[order]])

    def first(self, factor: int, shape: tuple[int, ...]) -> np.ndarray:
        """Sorted positions of uniformly drawn rows."""
        return self.generator.integers(len(self.order[factor]), size=shape)

    def fellows(self, factor: int, positions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Rows drawn from the groups of `positions`, any row of the group."""
        drawn = (self.generator.random(shape) * self.size[factor][positions]).astype(np.int64)
        return self.order[factor][self.start[factor][positions] + drawn]

    def others(self, factor: int, positions: np.ndarray) -> np.ndarray:
        """One row from the group of each position, never the position's own row."""
        start, size = self.start[factor][positions], self.size[factor][positions]
        step = 1 + (self.generator.random(positions.shape) * (size - 1)).astype(np.int64)
        return self.order[factor][start + (positions - start + step) % size]


def _require_fellows(table: CodesAndFactors) -> None:
    """Every row must share each factor's value with another row of its part: a value of one row is never voted on."""
    for part, factors in (("fitting", table.fit_factors), ("test", table.test_factors)):
        shared = [int((np.bincount(column) > 1).sum()) for column in factors.T]
        require(table.names, shared, table.values, f"votes need two {part} rows of each value of a factor")


def factor_vae(table: CodesAndFactors, votes: int, seed: int) -> float:
    """Test accuracy of the majority vote from the code of smallest relative variance to the factor held fixed.

    Each vote draws a factor, a value of it as frequent as in the table, and 64 rows (with replacement) that have
    that value; fitting votes come from the fitting rows, half as many test votes from the test rows. The original
    draws new images with that value: a table of uniformly drawn factors is as good, and needs no encoder.

    Raises:
        Undefined: no code has a standard deviation of at least .05, or some value of a factor has fewer than two rows
            of either part.

    Source: Kim and Mnih (2018), section 4; pruning and sizes of Locatello et al. (2019).
    """
    _require_fellows(table)
    spread = table.fit_codes.std(axis=0, ddof=1)
    active = spread >= PRUNE
    if not active.any():
        raise Undefined(f"no code has a standard deviation of at least {PRUNE}")
    counts = [
        _smallest(codes[:, active] / spread[active], factors, number, seed, part)
        for part, codes, factors, number in (
            ("fit", table.fit_codes, table.fit_factors, votes),
            ("test", table.test_codes, table.test_factors, votes // 2),
        )
    ]
    winner = counts[0].argmax(axis=1)
    return float(counts[1][np.arange(len(winner)), winner].sum() / counts[1].sum())


def _smallest(codes: np.ndarray, factors: np.ndarray, votes: int, seed: int, part: str) -> np.ndarray:
    """How often each code varied least while each factor was fixed, (L, F)."""
    generator = numpy_generator(seed, "factor_vae", part)
    rows = _Rows(factors, generator)
    codes = codes - codes.mean(axis=0)  # so that sums of squares lose no digits
    counts = np.zeros((codes.shape[1], factors.shape[1]), dtype=np.int64)
    for factor, number in enumerate(generator.multinomial(votes, np.full(factors.shape[1], 1 / factors.shape[1]))):
        for begin in range(0, number, _CHUNK):
            size = min(_CHUNK, number - begin)
            drawn = codes[rows.fellows(factor, rows.first(factor, (1, size)), (SHARED, size))]
            variance = np.einsum("svl,svl->vl", drawn, drawn) - drawn.sum(axis=0) ** 2 / SHARED
            counts[:, factor] += np.bincount(variance.argmin(axis=1), minlength=codes.shape[1])
    return counts


def beta_vae(table: CodesAndFactors, votes: int, seed: int) -> float:
    """Test accuracy of a logistic regression that tells which factor 64 pairs of rows share.

    Each point is the mean over 64 pairs of |code - code'|; the two rows of a pair share one factor's value. Fitting
    points come from the fitting rows, half as many test points from the test rows.

    Raises:
        Undefined: one factor only, or some value of a factor has fewer than two rows of either part.

    Source: Higgins et al. (2017), section 3; sizes of Locatello et al. (2019).
    """
    from sklearn.linear_model import LogisticRegression

    if len(table.names) < 2:
        raise Undefined("telling factors apart needs two, found 1 that varies")
    _require_fellows(table)
    fit, fit_labels = _differences(table.fit_codes, table.fit_factors, votes, seed, "fit")
    test, test_labels = _differences(table.test_codes, table.test_factors, votes // 2, seed, "test")
    model = LogisticRegression(max_iter=1000).fit(fit, fit_labels)
    return float(model.score(test, test_labels))


def _differences(
    codes: np.ndarray, factors: np.ndarray, votes: int, seed: int, part: str
) -> tuple[np.ndarray, np.ndarray]:
    generator = numpy_generator(seed, "beta_vae", part)
    rows = _Rows(factors, generator)
    points, labels = [], []
    for factor, number in enumerate(generator.multinomial(votes, np.full(factors.shape[1], 1 / factors.shape[1]))):
        labels.append(np.full(number, factor))
        for begin in range(0, number, _CHUNK):
            positions = rows.first(factor, (SHARED, min(_CHUNK, number - begin)))
            difference = codes[rows.order[factor][positions]]
            difference -= codes[rows.others(factor, positions)]
            points.append(np.abs(difference, out=difference).mean(axis=0))
    return np.concatenate(points), np.concatenate(labels)


def scores(table: CodesAndFactors, settings: EvaluationConfig, seed: int, threads: int = 1) -> list[Row]:
    """Both scores of a table, from as many votes as the settings ask."""
    n, votes = len(table.fit_codes) + len(table.test_codes), settings.votes
    text = f"{votes} and {votes // 2} votes of {SHARED} rows of the table; {table.settings}"
    return [
        *attempt(["factor_vae"], lambda: {"factor_vae": factor_vae(table, votes, seed)}, n=n, settings=text),
        *attempt(["beta_vae"], lambda: {"beta_vae": beta_vae(table, votes, seed)}, n=n, settings=text),
    ]


rows = partial(rows_of, METRICS, scores)
reference = partial(bounds_of, scores)
