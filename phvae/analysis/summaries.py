"""From the long table to statistics over seeds: one row a metric of a cell, alone and against a baseline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.results import RUN
from phvae.errors import ConfigError, nearest
from phvae.metrics.registry import lookup
from phvae.seeding import numpy_generator

__all__ = [
    "BETTER",
    "BEYOND",
    "CELL",
    "FLOOR",
    "KEY",
    "LESS",
    "MIN_PAIRS",
    "MIN_SPREAD_PAIRS",
    "MORE",
    "UNRESOLVED",
    "WORSE",
    "ZERO_INSIDE",
    "against",
    "at_floor",
    "best_of",
    "summary",
]

CELL = ["dataset", "n_train", "variant"]
KEY = [*CELL, "split", "metric"]
BETTER, WORSE, UNRESOLVED, FLOOR = "better", "worse", "not resolved", "both at the noise floor"
ZERO_INSIDE = "the interval of the difference holds zero"
BEYOND = "is beyond the value of the data: more is no merit"
MORE, LESS = "more reproducible", "less reproducible"

MIN_PAIRS = 3  # two differences say next to nothing about their spread
MIN_SPREAD_PAIRS = 10
Floats = float | np.ndarray
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
    higher_is_better, settings, points (examples a value was computed from), reason (where no seed has a value).
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
    difference (variant minus baseline), difference_low, difference_high (95 %), effect (mean over standard deviation
    of the differences), p_t, p_sign_flip, p_test (method of p_sign_flip), p_wilcoxon, smallest_p (what that many pairs
    can reach), p_improvement (share of pairs where the variant is better), word, why (a withheld or unresolved word),
    spread_ratio, spread_ratio_low, spread_ratio_high, p_spread, spread_word. p-values are
    descriptive: they are not adjusted for the number of lines.

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
    frame["difference_low"], frame["difference_high"] = s.mean_interval(difference, numpy_generator(0, "bootstrap"))
    frame["effect"] = np.divide(mean, sd, out=np.full_like(mean, np.nan), where=np.nan_to_num(sd) > 0)
    frame["p_t"] = s.paired_t(difference)
    frame["p_sign_flip"] = s.sign_flip(difference, generator)
    frame["p_test"] = np.where(pairs > 0, pd.Series(pairs).map({k: s.sign_flip_method(int(k)) for k in set(pairs)}), "")
    frame["p_wilcoxon"] = s.wilcoxon(difference, generator)
    frame["smallest_p"] = s.smallest_p(pairs)
    sign = frame["higher_is_better"].map({True: 1.0, False: -1.0}).astype("float64").to_numpy()
    frame["p_improvement"] = s.probability_of_improvement(sign[:, None] * difference)
    diverged = frame["diverged"].to_numpy() / np.maximum(frame["planned"].to_numpy(), 1)
    more_diverged = known & ~itself & (diverged > diverged[other])
    less_diverged = known & ~itself & (diverged < diverged[other])
    _words(frame, sign, other, known & ~itself, (more_diverged, less_diverged))
    spread = s.spread_ratio(compared, values)
    frame["spread_ratio"], frame["spread_ratio_low"], frame["spread_ratio_high"], frame["p_spread"] = spread
    resolved = (pairs >= MIN_SPREAD_PAIRS) & (np.nan_to_num(spread.p, nan=1.0) < 0.05)
    narrower = np.nan_to_num(spread.ratio, nan=1.0) < 1
    word = np.select(
        [resolved & narrower & ~more_diverged, resolved & ~narrower & ~less_diverged], [MORE, LESS], UNRESOLVED
    )
    frame["spread_word"] = np.where(known & ~itself, word, "")
    return frame


def _partner(keys: pd.DataFrame, baseline: str) -> tuple[np.ndarray, np.ndarray]:
    """For each row the row of the baseline with the same data set, size, split and metric, and whether there is one."""
    shared = ["dataset", "n_train", "split", "metric"]
    index = pd.MultiIndex.from_frame(keys[shared])
    rows = np.flatnonzero((keys["variant"] == baseline).to_numpy())
    found = index[rows].get_indexer(index)
    other = np.zeros(len(keys), dtype=int)
    other[found >= 0] = rows[found[found >= 0]]
    return other, found >= 0


def _words(
    frame: pd.DataFrame,
    sign: np.ndarray,
    other: np.ndarray,
    compared: np.ndarray,
    diverged: tuple[np.ndarray, np.ndarray],
) -> None:
    """Fill `word` and `why`: what the comparison says, and why it says no more.

    `diverged`: where the variant, and where the baseline, diverged more often; the side that did is not said to win,
    nor is one whose mean passes the value of the data.
    """
    low, high = frame["difference_low"].to_numpy(), frame["difference_high"].to_numpy()
    clear = ((low > 0) | (high < 0)) & (frame["pairs"].to_numpy() >= MIN_PAIRS)
    gain = sign * frame["difference"].to_numpy()
    won, lost = clear & (gain > 0), clear & (gain < 0)
    low_end = at_floor(frame["mean"].to_numpy(), frame["floor"].to_numpy(), frame["noise_sd"].to_numpy(), sign)
    both = low_end & low_end[other] & np.isfinite(sign)
    best = np.array([best_of(metric) for metric in frame["metric"]])
    beyond = sign * (frame["mean"].to_numpy() - best) > 0
    word = np.select(
        [
            ~compared | np.isnan(sign),
            both,
            won & ~diverged[0] & ~beyond,
            lost & ~diverged[1] & ~beyond[other],
        ],
        ["", FLOOR, BETTER, WORSE],
        UNRESOLVED,
    )
    few = np.where(frame["pairs"] == 0, "no complete pair", f"fewer than {MIN_PAIRS} complete pairs")
    why = np.select(
        [
            ~compared,
            np.isnan(sign),
            word != UNRESOLVED,
            (frame["pairs"] < MIN_PAIRS).to_numpy(),
            won & diverged[0],
            lost & diverged[1],
            won,
            lost,
        ],
        [
            "",
            "neither direction is better",
            "",
            few,
            "the variant diverged more often",
            "the baseline diverged more often",
            f"the variant {BEYOND}",
            f"the baseline {BEYOND}",
        ],
        ZERO_INSIDE,
    )
    frame["word"], frame["why"] = word, why


def best_of(metric: str) -> float:
    """The value of the data, beyond which more is no merit; NaN where a metric has none.

    >>> best_of("sharpness"), best_of("mse")
    (1.0, nan)
    """
    try:
        best = lookup(metric).best
    except KeyError:  # the registry no longer knows it
        best = None
    return np.nan if best is None else best


def at_floor(mean: Floats, floor: Floats, noise_sd: Floats, sign: Floats) -> np.ndarray:
    """Whether a mean cannot be told from the floor: what true samples give (distances), or what no information gives.

    A floor without a known noise is a mark of scale, not a resolution, and decides nothing.

    Args:
        mean: mean of the metric.
        floor: the metric's floor, NaN if none is known.
        noise_sd: standard deviation of the metric over redraws, NaN if not known.
        sign: 1 where higher is better, -1 where lower is; a distance below its floor is at it too.
    """
    above, noise = np.asarray(mean) - floor, 2 * np.asarray(noise_sd, dtype=float)
    found: np.ndarray = (np.abs(above) <= noise) | ((np.asarray(sign) < 0) & (above <= 0) & np.isfinite(noise))
    return found
