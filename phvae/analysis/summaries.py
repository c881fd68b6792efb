"""From the long table to statistics over seeds: one row a metric of a cell, alone and against a baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.results import RUN
from phvae.analysis.verdict import (
    BETTER,
    LEVEL,
    MIN_PAIRS,
    UNRESOLVED,
    WORSE,
    Comparison,
    Side,
    best_of,
    commonest,
    judge,
)
from phvae.determinism.seeding import numpy_generator
from phvae.errors import ConfigError, nearest

__all__ = [
    "CELL",
    "KEY",
    "LESS",
    "MIN_SPREAD_PAIRS",
    "MORE",
    "against",
    "summary",
]

CELL = ["dataset", "n_train", "variant"]
KEY = [*CELL, "split", "metric"]
MORE, LESS = "more reproducible", "less reproducible"

MIN_SPREAD_PAIRS = 10
GROUP_SEED = -1  # column of rows that stand for all seeds together (groups)


@dataclass(frozen=True)
class _Matrix:
    """The long table as values (rows of KEY x seeds), and which seeds each row's cell planned."""

    keys: pd.DataFrame
    values: np.ndarray
    planned: np.ndarray
    seeds: np.ndarray


def _matrix(table: pd.DataFrame) -> _Matrix:
    seed = table["seed"].fillna(GROUP_SEED).astype("int64").to_numpy()
    seeds, column = np.unique(seed, return_inverse=True)
    numbers = (table["metric"] != RUN).to_numpy()
    rows = table[numbers]
    grouped = rows.groupby(KEY, sort=False)
    code = grouped.ngroup().to_numpy()
    keys = rows[KEY][~rows.duplicated(KEY)].reset_index(drop=True)
    values = np.full((len(keys), len(seeds)), np.nan)
    values[code, column[numbers]] = np.where(rows["status"] == "ok", rows["value"], np.nan)
    cell_code = table.groupby(CELL, sort=False).ngroup().to_numpy()
    by_cell = np.zeros((cell_code.max(initial=-1) + 1, len(seeds)), dtype=bool)
    by_cell[cell_code, column] = True
    by_cell[:, seeds == GROUP_SEED] = False
    first = np.flatnonzero(numbers)[(~rows.duplicated(KEY)).to_numpy()]
    planned = by_cell[cell_code[first]]
    grouped_rows = seed[first] == GROUP_SEED
    planned[grouped_rows] = seeds == GROUP_SEED
    return _Matrix(keys, values, planned, seeds)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Statistics over seeds of every metric of every cell.

    Columns beside the key: what the variant is, n (seeds with a value), planned, diverged, failed, missing, empty,
    mean, sd, median, low, high, interval (its method), iqm (from 8 seeds), ceiling, floor, noise_sd, unit,
    higher_is_better, settings, points (examples a value was computed from), reason (where no seed has a value), caution
    (why the values decide nothing, or empty: the commonest of the seeds').
    """
    matrix = _matrix(table)
    return _summary(table, matrix)


def _summary(table: pd.DataFrame, matrix: _Matrix) -> pd.DataFrame:
    frame = matrix.keys.copy()
    rows = table[table["metric"] != RUN]
    grouped = rows.groupby(KEY, sort=False)
    described = ["order", "basis", "encoder_width", "coupling", "prior", "divergence", "beta"]
    firsts = rows[~rows.duplicated(KEY)].reset_index(drop=True)
    for name in described:
        frame[name] = firsts[name]
    n, mean, sd = s.moments(matrix.values)
    frame["n"] = n
    frame["planned"] = matrix.planned.sum(-1)
    for status, count in _lost_runs(table, matrix).items():
        frame[status] = count
    for status in ("failed", "empty"):
        of_metric = (rows["status"] == status).groupby([rows[k] for k in KEY], sort=False).sum().to_numpy()
        frame[status] = frame.get(status, 0) + of_metric
    frame["missing"] = (frame["planned"] - frame[["n", "diverged", "failed", "empty"]].sum(axis=1)).clip(lower=0)
    low, high = s.mean_interval(matrix.values, numpy_generator(0, "bootstrap"))
    frame["mean"], frame["sd"], frame["median"] = mean, sd, s.median(matrix.values)
    frame["low"], frame["high"] = low, high
    methods = {int(count): s.interval_method(int(count)) for count in np.unique(n)}
    over_seeds = matrix.planned[:, matrix.seeds == GROUP_SEED].any(-1)
    frame["interval"] = np.where(over_seeds, "none (one value for all seeds)", pd.Series(n).map(methods))
    frame["iqm"] = s.interquartile_mean(matrix.values)
    for name in ("ceiling", "floor", "noise_sd"):
        frame[name] = grouped[name].mean().to_numpy()
    for name in ("unit", "higher_is_better"):
        known = grouped[name].first()
        frame[name] = known.array
    frame["settings"] = firsts["settings"]
    frame["points"] = grouped["n"].max().array
    reasons = rows[rows["reason"] != ""].drop_duplicates(KEY).set_index(KEY)["reason"]
    frame["reason"] = np.where(n == 0, reasons.reindex(pd.MultiIndex.from_frame(matrix.keys)).fillna(""), "")
    warned = rows[rows["caution"] != ""].groupby(KEY)["caution"].agg(commonest)
    frame["caution"] = (
        warned.reindex(pd.MultiIndex.from_frame(matrix.keys)).fillna("").to_numpy() if len(warned) else ""
    )
    return frame


def _lost_runs(table: pd.DataFrame, matrix: _Matrix) -> dict[str, np.ndarray]:
    """Seeds of each row's cell that diverged, and whose run failed as a whole (none for rows over all seeds)."""
    diverged = table["status"] == "diverged"
    failed = (table["metric"] == RUN) & (table["status"] == "failed")
    cells = pd.MultiIndex.from_frame(matrix.keys[CELL])
    over_seeds = matrix.planned[:, matrix.seeds == GROUP_SEED].any(-1)
    counts = {}
    for status, chosen in (("diverged", diverged), ("failed", failed)):
        found = table[chosen & table["seed"].notna()].groupby(CELL, sort=False)["seed"].nunique()
        known = found.reindex(cells).fillna(0).to_numpy() if len(found) else np.zeros(len(cells))
        counts[status] = np.where(over_seeds, 0, known).astype("int64")
    return counts


def against(table: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """`summary` with every variant held against `baseline`, paired by seed.

    More columns: baseline, baseline_mean, pairs, incomplete (planned seeds without a value on both sides),
    difference (variant minus baseline), difference_low, difference_high (95 %, `statistics.paired_interval`), effect
    (mean over standard deviation of the differences), skew (of the differences), p_t, p_paired (`statistics.paired_p`),
    p_sign_flip, p_test (method of p_sign_flip), p_wilcoxon, smallest_p (what that many pairs can reach),
    p_improvement (share of pairs where the variant is better), word and why (`verdict.judge`), with_best (whether it is
    not told from the best mean, NA where nothing is compared), spread_ratio, spread_ratio_low, spread_ratio_high,
    p_spread, spread_word. p-values are descriptive: they are not adjusted for the number of lines.

    Raises:
        ConfigError: the table has no such variant.
    """
    variants = list(table["variant"].unique())
    if baseline not in variants:
        hint = nearest(baseline, variants)
        raise ConfigError(f"baseline: found {baseline!r}, expected one of the table's variants{hint}")
    matrix = _matrix(table)
    frame = _summary(table, matrix)
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
    frame["with_best"] = _with_best(frame, matrix.values, sign)
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


def _with_best(frame: pd.DataFrame, values: np.ndarray, sign: np.ndarray) -> pd.arrays.BooleanArray:
    """Which variants are not told from the one with the best mean of their data set, size and metric.

    Each is held against it, paired by seed, one-sided at .05 over the number of comparisons: by Bonferroni's inequality
    the variant that is truly best is among them in 95 % of cases (multiple comparisons with the best, Hsu 1984).
    NA where it cannot be asked: no value, a caution, neither direction better, a mean beyond the value of the data, or
    fewer than three seeds.
    """
    mean = frame["mean"].to_numpy()
    best = frame["metric"].map({metric: best_of(metric) for metric in frame["metric"].unique()}).to_numpy(dtype=float)
    asked = np.isfinite(mean) & np.isfinite(sign) & (frame["caution"] == "").to_numpy() & (frame["n"] >= MIN_PAIRS)
    asked &= ~(sign * (mean - best) > 0)
    found = pd.array([pd.NA] * len(frame), dtype="boolean")
    rows = np.flatnonzero(asked)
    if not len(rows):
        return found
    group = frame.loc[rows].groupby(["dataset", "n_train", "split", "metric"], sort=False).ngroup()
    score = pd.Series(sign[rows] * mean[rows], index=rows)
    leader = score.groupby(group).transform("idxmax").to_numpy()
    count = group.groupby(group).transform("size").to_numpy()
    difference = values[rows] - values[leader]
    comparison = _comparison(frame, difference, rows, leader, sign, ("the variant", "the best"))
    word, _ = judge(comparison, 2 * LEVEL / np.maximum(count - 1, 1))
    found[rows] = (word != WORSE) | (rows == leader)
    return found


def _partner(keys: pd.DataFrame, baseline: str) -> tuple[np.ndarray, np.ndarray]:
    """For each row the row of the baseline with the same data set, size, split and metric, and whether there is one."""
    shared = ["dataset", "n_train", "split", "metric"]
    index = pd.MultiIndex.from_frame(keys[shared])
    rows = np.flatnonzero((keys["variant"] == baseline).to_numpy())
    found = index[rows].get_indexer(index)
    other = np.zeros(len(keys), dtype=int)
    other[found >= 0] = rows[found[found >= 0]]
    return other, found >= 0
