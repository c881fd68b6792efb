"""Every variant held against a baseline, paired by seed: one row a metric of a cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.statistics.summary import seed_matrix, summary_of
from phvae.analysis.statistics.verdict import (
    BETTER,
    LEVEL,
    MIN_PAIRS,
    UNRESOLVED,
    WORSE,
    ZERO_INSIDE,
    Comparison,
    Side,
    best_of,
    judge,
)
from phvae.determinism.seeding import numpy_generator
from phvae.errors import ConfigError, nearest

__all__ = ["LESS", "MIN_SPREAD_PAIRS", "MORE", "against"]

MORE, LESS = "more reproducible", "less reproducible"
MIN_SPREAD_PAIRS = 10


def against(table: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """`summary` with every variant held against `baseline`, paired by seed.

    More columns: baseline, baseline_mean, pairs, incomplete (planned seeds without a value on both sides),
    difference (variant minus baseline), difference_low, difference_high (95 %, `statistics.paired_interval`), effect
    (mean over standard deviation of the differences), skew (of the differences), p_t, p_paired (`statistics.paired_p`),
    p_sign_flip, p_test (method of p_sign_flip), p_wilcoxon, smallest_p (what that many pairs can reach),
    p_improvement (share of pairs where the variant is better), word and why (`verdict.judge`), with_best (whether it is
    not distinguishable from the best mean, NA where nothing is compared), best (whether it has that mean),
    spread_ratio, spread_ratio_low, spread_ratio_high, p_spread, spread_word. p-values are descriptive: they are not
    adjusted for the number of lines.

    Raises:
        ConfigError: the table has no such variant.
    """
    variants = list(table["variant"].unique())
    if baseline not in variants:
        hint = nearest(baseline, variants)
        raise ConfigError(f"baseline: found {baseline!r}, expected one of the table's variants{hint}")
    matrix = seed_matrix(table)
    frame = summary_of(table, matrix)
    other, known = _partner(matrix.keys, baseline)
    itself = (matrix.keys["variant"] == baseline).to_numpy()
    values = np.where(known[:, None], matrix.values[other], np.nan)
    frame["baseline"] = np.where(known, baseline, "")
    frame["baseline_mean"] = np.where(known, frame["mean"].to_numpy()[other], np.nan)
    compared = matrix.values.copy()
    compared[itself] = np.nan
    difference = compared - values
    pairs = np.isfinite(difference).sum(-1)
    planned = (matrix.planned | (matrix.planned[other] & known[:, None])).sum(-1)
    frame["pairs"] = pairs
    frame["incomplete"] = np.where(itself, 0, planned - pairs)
    _, mean, sd = s.moments(difference)
    generator = numpy_generator(0, "sign-flip")
    frame["difference"] = mean
    frame["difference_low"], frame["difference_high"] = s.paired_interval(difference)
    frame["effect"] = np.divide(mean, sd, out=np.full_like(mean, np.nan), where=np.nan_to_num(sd) > 0)
    frame["skew"] = s.skewness(difference)
    frame["p_t"], frame["p_paired"] = s.paired_t(difference), s.paired_p(difference)
    frame["p_sign_flip"] = s.sign_flip(difference, generator)
    frame["p_test"] = np.where(pairs > 0, pd.Series(pairs).map({k: s.sign_flip_method(int(k)) for k in set(pairs)}), "")
    frame["p_wilcoxon"] = s.wilcoxon(difference, generator)
    frame["smallest_p"] = s.smallest_p(pairs)
    sign = frame["higher_is_better"].map({True: 1.0, False: -1.0}).astype("float64").to_numpy()
    frame["p_improvement"] = s.probability_of_improvement(sign[:, None] * difference)
    compared_here = known & ~itself
    names = "the variant", "the baseline"
    comparison = _comparison(frame, difference, np.arange(len(frame)), other, sign, names)
    for name, texts in zip(("word", "why"), judge(comparison), strict=True):
        frame[name] = np.where(compared_here, texts, "")
    frame["with_best"], frame["best"] = _with_best(frame, matrix.values, sign)
    spread = s.spread_ratio(compared, values)
    frame["spread_ratio"], frame["spread_ratio_low"], frame["spread_ratio_high"], frame["p_spread"] = spread
    said, _ = judge(_of_spreads(comparison, spread), fewest=MIN_SPREAD_PAIRS)
    word = pd.Series(said).map({BETTER: MORE, WORSE: LESS, UNRESOLVED: UNRESOLVED}).to_numpy()
    frame["spread_word"] = np.where(compared_here, word, "")
    return frame


def _comparison(
    frame: pd.DataFrame,
    difference: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    sign: np.ndarray,
    names: tuple[str, str],
) -> Comparison:
    """Rows `one` of the summary against rows `other`; differences are (rows, seeds), named as reasons say them."""

    def side(rows: np.ndarray, name: str) -> Side:
        columns = ("n", "planned", "diverged", "mean", "floor", "noise_sd", "caution")
        n, planned, diverged, mean, floor, noise, caution = (frame[c].to_numpy()[rows] for c in columns)
        seeds = np.maximum(planned, 1)
        return Side(name, diverged / seeds, 1 - n / seeds, mean, floor, noise, caution)

    above, below = s.paired_p(difference, "greater"), s.paired_p(difference, "less")
    best = frame["metric"].map({metric: best_of(metric) for metric in frame["metric"].unique()}).to_numpy(dtype=float)
    pairs = np.isfinite(difference).sum(-1)
    sides = side(one, names[0]), side(other, names[1])
    return Comparison(*sides, pairs, sign[one], above, below, s.skewness(difference), best[one])


def _of_spreads(c: Comparison, spread: s.Spread) -> Comparison:
    """The same sides, compared by their spreads: less is better, and neither a floor nor the data's value bounds it."""
    sides = (replace(side, mean=np.nan, floor=np.nan) for side in (c.one, c.other))
    narrower = np.nan_to_num(spread.ratio, nan=1.0) < 1
    half = np.nan_to_num(spread.p, nan=1.0) / 2
    wide, narrow = np.where(narrower, 1 - half, half), np.where(narrower, half, 1 - half)
    return replace(
        c, one=next(sides), other=next(sides), sign=-1.0, p_above=wide, p_below=narrow, skew=0.0, best=np.nan
    )


def _with_best(frame: pd.DataFrame, values: np.ndarray, sign: np.ndarray) -> tuple[pd.arrays.BooleanArray, np.ndarray]:
    """Which variants are not distinguishable from the one with the best mean of their data set, size and metric.

    Each is held against it, paired by seed, one-sided at .05 over the number of comparisons: by Bonferroni's inequality
    the variant that is truly best is among them in 95 % of cases (multiple comparisons with the best, Hsu 1984).
    NA where it cannot be asked: no value, a caution, neither direction better, a mean past the data's own value, fewer
    than three seeds, or no other variant; and where a difference from the best is beyond that level but does not count
    (`verdict.withheld`: skewed, or the best diverged more often).

    Returns:
        Whether each is among them, and whether it is the best itself.
    """
    mean = frame["mean"].to_numpy()
    best = frame["metric"].map({metric: best_of(metric) for metric in frame["metric"].unique()}).to_numpy(dtype=float)
    asked = np.isfinite(mean) & np.isfinite(sign) & (frame["caution"] == "").to_numpy() & (frame["n"] >= MIN_PAIRS)
    asked &= ~(sign * (mean - best) > 0)
    keys = ["dataset", "n_train", "split", "metric"]
    asked &= asked.groupby([frame[key] for key in keys], sort=False).transform("sum") > 1
    found, leads = pd.array([pd.NA] * len(frame), dtype="boolean"), np.zeros(len(frame), dtype=bool)
    rows = np.flatnonzero(asked)
    if not len(rows):
        return found, leads
    group = frame.loc[rows].groupby(keys, sort=False).ngroup()
    score = pd.Series(sign[rows] * mean[rows], index=rows)
    leader = score.groupby(group).transform("idxmax").to_numpy()
    count = group.groupby(group).transform("size").to_numpy()
    difference = values[rows] - values[leader]
    comparison = _comparison(frame, difference, rows, leader, sign, ("the variant", "the best"))
    word, why = judge(comparison, 2 * LEVEL / (count - 1))
    leads[rows] = score == score.groupby(group).transform("max")
    near = pd.array(word != WORSE, dtype="boolean")
    near[(word == UNRESOLVED) & (why != ZERO_INSIDE)] = pd.NA
    near[leads[rows]] = True
    found[rows] = near
    return found, leads


def _partner(keys: pd.DataFrame, baseline: str) -> tuple[np.ndarray, np.ndarray]:
    """For each row the row of the baseline with the same data set, size, split and metric, and whether there is one."""
    shared = ["dataset", "n_train", "split", "metric"]
    index = pd.MultiIndex.from_frame(keys[shared])
    rows = np.flatnonzero((keys["variant"] == baseline).to_numpy())
    found = index[rows].get_indexer(index)
    other = np.zeros(len(keys), dtype=int)
    other[found >= 0] = rows[found[found >= 0]]
    return other, found >= 0
