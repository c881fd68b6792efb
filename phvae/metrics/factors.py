"""Codes against factors: the table behind every supervised disentanglement score, its rows and bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.codes import MIN_POINTS
from phvae.metrics.metric import Metric
from phvae.metrics.naming import expected
from phvae.metrics.rows import Inputs, Row, Status, Undefined, at_least, without_value

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["CodesAndFactors", "Scores", "applies", "bounds_of", "make_table", "require", "rows_of", "typical_rows"]

# test points of a class; in random order all points of so many lie in the last third once in 3^10 classes
FREQUENT = 10


@dataclass(frozen=True)
class CodesAndFactors:
    """Codes and factors of the same examples: the first two thirds fit a score, the last third tests it.

    Attributes:
        fit_codes: (M, L) float64.
        fit_factors: (M, F) class indices of the factors that vary.
        test_codes: (T, L) float64.
        test_factors: (T, F).
        names: the F factors that vary over the whole test split.
        values: how many values each of them takes there.
        constant: factors left out, because they take one value only there.
        order: number of levels, of equally many codes each.
    """

    fit_codes: np.ndarray
    fit_factors: np.ndarray
    test_codes: np.ndarray
    test_factors: np.ndarray
    names: tuple[str, ...]
    values: tuple[int, ...]
    constant: tuple[str, ...]
    order: int = 1

    @property
    def levels(self) -> list[np.ndarray]:
        """The columns of each level's codes."""
        return np.split(np.arange(self.fit_codes.shape[1]), self.order)

    @property
    def settings(self) -> str:
        """Sizes, and the factors that are left out, for the column of that name."""
        text = f"fit {len(self.fit_codes)}, test {len(self.test_codes)}, {len(self.names)} factors"
        return f"{text}, constant and left out: {' '.join(self.constant)}" if self.constant else text


def require(names: Sequence[str], found: Sequence[float], needed: Sequence[float], rule: str) -> None:
    """Refuse a score that some factors, or some of their values, could not be part of.

    The mean over the rest would be shown as if over all, and models of other data or sizes leave out others.

    >>> require(["shape", "x"], [200, 37.5], [100, 100], "100 rows a value needed")
    Traceback (most recent call last):
    phvae.metrics.rows.Undefined: 100 rows a value needed; found x 37.5 of 100

    Raises:
        Undefined: the rule, and every factor of which there is less than needed.
    """
    short = [f"{name} {f:g} of {n:g}" for name, f, n in zip(names, found, needed, strict=True) if f < n]
    if short:
        raise Undefined(f"{rule}; found {', '.join(short)}")


def typical_rows(table: CodesAndFactors) -> list[float]:
    """The fitting rows of each factor's typical value: the median over its values, absent ones too."""
    found = []
    for column, values in zip(table.fit_factors.T, table.values, strict=True):
        counts = np.unique(column, return_counts=True)[1]
        found.append(float(np.median(np.pad(counts, (0, values - len(counts))))))
    return found


def make_table(
    codes: np.ndarray, factors: np.ndarray, names: Sequence[str], split: np.ndarray | None = None
) -> CodesAndFactors:
    """Split codes (N, L) and class indices (N, F) into the two parts; leave constant factors out.

    Args:
        codes: one row an example.
        factors: class indices of the same examples.
        names: of the F factors.
        split: class indices of the whole test split, (>= N, F): a factor that varies there belongs to every score. By
            default `factors`.

    Raises:
        ValueError: codes that are not finite, or lengths that differ.
        Undefined: fewer than 60 points, no code that varies, no factor that varies, one that varies in the split and
            not in the fitting points, or a class of 10 or more test points that the fitting points lack: examples
            sorted by that factor cannot be split by their order.
    """
    codes = np.asarray(codes, dtype=np.float64)
    factors = np.asarray(factors, dtype=np.int64)
    whole = factors if split is None else np.asarray(split, dtype=np.int64)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or factors.shape[1] != len(names):
        raise ValueError(f"codes {codes.shape} and factors {factors.shape} do not match, or not {len(names)} names")
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if len(bad):
        raise ValueError(f"the codes of {len(bad)} of {len(codes)} examples are not finite, the first is {bad[0]}")
    at_least(MIN_POINTS, len(codes), "examples")
    size = 2 * len(codes) // 3
    if not np.ptp(codes[:size], axis=0).any():
        raise Undefined("every code is constant over the examples")
    values = [len(np.unique(column)) for column in whole.T]
    varies = np.array(values) > 1
    if not varies.any():
        raise Undefined("every factor takes one value only")
    for name, known, tested in zip(names, factors[:size].T, factors[size:].T, strict=True):
        found, counts = np.unique(tested, return_counts=True)
        if unseen := sorted(set(found[counts >= FREQUENT].tolist()) - set(known.tolist())):
            raise Undefined(
                f"{name}: the last third holds the values {unseen}, the first two thirds do not: sorted rows"
            )
    kept = factors[:, varies]
    varying = tuple(name for name, keep in zip(names, varies, strict=True) if keep)
    there = [len(np.unique(column)) for column in kept[:size].T]
    require(varying, there, [2] * len(varying), f"a score needs two values of each factor in its {size} fitting rows")
    return CodesAndFactors(
        codes[:size],
        kept[:size],
        codes[size:],
        kept[size:],
        varying,
        tuple(value for value in values if value > 1),
        tuple(name for name, keep in zip(names, varies, strict=True) if not keep),
    )


# The rows of one table: its settings say how many votes and which regressors, the seed what is drawn; the number of
# threads changes no value.
Scores = Callable[[CodesAndFactors, "EvaluationConfig", int, int], list[Row]]


def applies(data: Prepared) -> bool:
    """Where the factors of the test examples are known."""
    return "test" in data.factors


def rows_of(metrics: Sequence[Metric], scores: Scores, inputs: Inputs) -> list[Row]:
    """The rows of a scorer: whitened posterior means against the factors of the same test examples."""
    whitened = inputs.codes["whitened"]
    count, order, _ = whitened.shape
    names = expected(metrics, inputs)
    split = np.asarray(inputs.data.factors["test"])
    try:
        table = make_table(whitened.reshape(count, -1), split[:count], inputs.data.factor_names, split)
    except ValueError as error:
        status: Status = "empty" if isinstance(error, Undefined) else "failed"
        return [without_value(name, status, str(error), n=count) for name in names]
    found = scores(replace(table, order=order), inputs.settings, inputs.seed, inputs.threads)
    given = {row.metric for row in found}
    reason = "the factor takes one value only over the test split"
    return found + [without_value(name, "empty", reason, n=count) for name in names if name not in given]


def bounds_of(
    scores: Scores, folder: Path, data: Prepared, settings: EvaluationConfig, *, device: str = "cpu", threads: int = 1
) -> dict[str, dict[str, Any]]:
    """Ceiling and floor of every score at the data and sample size of the runs.

    The ceiling is the score of the identity code (each factor that varies, standardised, is one code), the floor
    that of the noise code (as many independent standard normal codes). A perfect code need not score 1. Bounds of
    levels are those of a level that holds the whole code.

    Writes no file; `folder` and `device` are not needed.
    """
    count = min(settings.n_codes, len(data.test))
    split = np.asarray(data.factors["test"])
    factors = split[:count]
    varying = factors[:, np.ptp(factors, axis=0) > 0].astype(np.float64)
    if varying.shape[1] == 0:
        return {}
    identity = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    noise = numpy_generator(0, "noise code").standard_normal(identity.shape)
    bounds: dict[str, dict[str, Any]] = {}
    for kind, codes in (("ceiling", identity), ("floor", noise)):
        try:
            table = make_table(codes, factors, data.factor_names, split)
        except Undefined:  # too few examples, or a factor that varies beyond them: the runs' rows say so
            return {}
        for row in scores(table, settings, 0, threads):
            entry = bounds.setdefault(row.metric.replace("level_1_", "level_{k}_"), {"n": row.n})
            if row.value is not None:
                entry[kind] = row.value
    return bounds
