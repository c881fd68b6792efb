"""The one rule of every comparison: what is said of one side against another, and why no more is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from phvae.analysis.statistics.moments import skew_bound
from phvae.metrics.registry import lookup

__all__ = [
    "BETTER",
    "FLOOR",
    "LEVEL",
    "MIN_PAIRS",
    "NO_DIRECTION",
    "SKEWED",
    "UNRESOLVED",
    "WORSE",
    "ZERO_INSIDE",
    "Comparison",
    "Side",
    "at_floor",
    "best_of",
    "commonest",
    "judge",
    "withheld",
]

BETTER, WORSE, UNRESOLVED, FLOOR = "better", "worse", "not resolved", "both as good as real data"
ZERO_INSIDE = "the interval of the difference contains zero"
NO_DIRECTION = "neither direction is better"
SKEWED = "the differences are too skewed to decide"

LEVEL = 0.025  # of each end: a 95 % interval that leaves zero out
MIN_PAIRS = 3  # two differences say next to nothing about their spread
Floats = float | np.ndarray


@dataclass(frozen=True)
class Side:
    """One side of some comparisons; every field is a value for all of them or an array with one each.

    Attributes:
        name: how reasons call it.
        diverged: share of its planned seeds that diverged.
        lost: share of its planned seeds without a value, for whatever reason.
        mean: mean over the complete pairs or over its seeds, in the metric's unit.
        floor: the metric's floor, NaN if none is known.
        noise: standard deviation of the metric over redraws, NaN if not known.
        caution: why its value is not compared, or an empty text.
    """

    name: Any
    diverged: Any = 0.0
    lost: Any = 0.0
    mean: Any = np.nan
    floor: Any = np.nan
    noise: Any = np.nan
    caution: Any = ""


@dataclass(frozen=True)
class Comparison:
    """Comparisons of one side with another, paired by seed; every field is a value or an array with one each.

    Attributes:
        pairs: number of complete pairs.
        sign: 1 where higher is better, -1 where lower is, NaN where neither.
        p_above, p_below: one-sided p-values that `one` is above, or below, `other`; NaN without a test.
        skew: skewness of the differences, `one` minus `other`.
        best: the data's own value, past which further is not better; NaN where there is none.
        barred: why no win of either side counts, or an empty text.
        unclear: why nothing is said where neither p-value is small.
    """

    one: Side
    other: Side
    pairs: Any
    sign: Any
    p_above: Any
    p_below: Any
    skew: Any = 0.0
    best: Any = np.nan
    barred: Any = ""
    unclear: Any = ZERO_INSIDE

    def __len__(self) -> int:
        return int(np.size(self.pairs))

    def each(self, value: Any) -> np.ndarray:
        """A field as an array with one value a comparison."""
        kind = object if isinstance(value, str) else None
        found: np.ndarray = np.broadcast_to(np.asarray(value, dtype=kind), (len(self),))
        return found


def judge(c: Comparison, level: Floats = LEVEL, fewest: int = MIN_PAIRS) -> tuple[np.ndarray, np.ndarray]:
    """The word on each comparison (of `one`), and why it is no clearer: arrays of texts.

    The word is better or worse where the one-sided p-value is at most `level` at `fewest` pairs or more and nothing of
    `withheld` stands against the winner; both as good as real data, where they are; else not resolved. It is empty
    where neither direction is better.
    """
    sign, pairs = c.each(c.sign), c.each(c.pairs)
    against_one, against_other = withheld(c)
    above, below = (np.nan_to_num(c.each(p), nan=1.0) <= level for p in (c.p_above, c.p_below))
    enough = pairs >= fewest
    won = enough & np.where(sign > 0, above, below)
    lost = enough & np.where(sign > 0, below, above)
    cautioned = _cautions(c)
    word = np.select(
        [np.isnan(sign), cautioned != "", _both_at_floor(c), won & (against_one == ""), lost & (against_other == "")],
        ["", UNRESOLVED, FLOOR, BETTER, WORSE],
        UNRESOLVED,
    )
    few = np.where(pairs == 0, "no complete pair", f"fewer than {fewest} complete pairs")
    told = [np.isnan(sign), word != UNRESOLVED, cautioned != "", ~enough, won, lost]
    why = np.select(told, [NO_DIRECTION, "", cautioned, few, against_one, against_other], c.each(c.unclear))
    return word.astype(object), why.astype(object)


def withheld(c: Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Why a win of `one`, and why one of `other`, does not count whatever its p-value: texts, empty where it does.

    A winner must not carry a caution (nor the loser), nor have diverged more often or have a value at a smaller share
    of its seeds, nor win by passing the value of the data; the differences must not be skewed, beyond `skew_bound`,
    towards the end at which a sample errs (the far tail on the loser's side); and not both may be as good as real data.
    """
    return _against(c, c.one, c.other, 1.0), _against(c, c.other, c.one, -1.0)


def _against(c: Comparison, winner: Side, loser: Side, turn: float) -> np.ndarray:
    """`turn`: 1 where the winner is `one`, whose gain over the loser is sign * difference, else -1."""
    sign = np.nan_to_num(c.each(c.sign))
    names = [str(name) for name in c.each(winner.name)], [str(name) for name in c.each(loser.name)]
    mean, best = c.each(winner.mean), c.each(c.best)
    cautioned, barred = _cautions(c), c.each(c.barred)
    rules: list[tuple[np.ndarray, Any]] = [
        (cautioned != "", lambda i: cautioned[i]),
        (barred != "", lambda i: barred[i]),
        (
            c.each(winner.diverged) > c.each(loser.diverged),
            lambda i: f"{names[0][i]} diverged more often than {names[1][i]}",
        ),
        (
            c.each(winner.lost) > c.each(loser.lost) + 1e-12,
            lambda i: f"{names[0][i]} has a value at fewer seeds than {names[1][i]}",
        ),
        (turn * sign * np.nan_to_num(c.each(c.skew)) < -skew_bound(c.each(c.pairs)), lambda i: SKEWED),
        (
            sign * (mean - best) > 0,
            lambda i: f"{names[0][i]} is at {mean[i]:.3g}, past the data's own value of {best[i]:g}: not better",
        ),
        (_both_at_floor(c), lambda i: FLOOR),
    ]
    found = np.full(len(c), "", dtype=object)
    for applies, text in rules:
        for i in np.flatnonzero(applies & (found == "")):
            found[i] = text(i)
    return found


def _cautions(c: Comparison) -> np.ndarray:
    one, other = c.each(c.one.caution), c.each(c.other.caution)
    return np.where(one != "", one, other)


def _both_at_floor(c: Comparison) -> np.ndarray:
    sign = c.each(c.sign)
    low = (at_floor(c.each(s.mean), c.each(s.floor), c.each(s.noise), sign) for s in (c.one, c.other))
    return np.logical_and(*low) & np.isfinite(sign)


def commonest(cautions: Iterable[str]) -> str:
    """The text that says most often why a value is not compared, the first of the alphabet among equals; or none.

    >>> commonest(["", "b", "a", "", "b", ""]), commonest(["", ""])
    ('b', '')
    """
    texts = [text for text in cautions if text]
    return max(sorted(set(texts)), key=texts.count) if texts else ""


@cache
def best_of(metric: str) -> float:
    """The data's own value, past which further is not better; NaN where a metric has none.

    >>> best_of("sharpness"), best_of("mse")
    (1.0, nan)
    """
    try:
        best = lookup(metric).best
    except KeyError:  # the registry no longer knows it
        best = None
    return np.nan if best is None else best


def at_floor(mean: Floats, floor: Floats, noise_sd: Floats, sign: Floats) -> np.ndarray:
    """Whether a mean is not distinguishable from the floor: what true samples give.

    A floor without a known noise is a mark of scale, not a resolution: no mean is at it.

    Args:
        mean: mean of the metric.
        floor: the metric's floor, NaN if none is known.
        noise_sd: standard deviation of the metric over redraws, NaN if not known.
        sign: 1 where higher is better, -1 where lower is; a distance below its floor is at it too.
    """
    above, noise = np.asarray(mean) - floor, 2 * np.asarray(noise_sd, dtype=float)
    found: np.ndarray = (np.abs(above) <= noise) | ((np.asarray(sign) < 0) & (above <= 0) & np.isfinite(noise))
    return found
