"""From the audit's numbers to verdicts: one rule, whatever the score."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phvae.audit.checks import BEYOND, CHECKS, SIZES, UNITS, Check, Topic
from phvae.metrics.audited import FAILS, HOLDS, NO_VALUE, Verdict
from phvae.metrics.registry import METRICS, lookup

__all__ = ["Numbers", "judge"]

_SMALLEST = 1e-9  # of a unit: a score that never moves has no noise
_MOST = 999.0  # of an effect that is shown


class Numbers:
    """The audit's numbers (the columns of docs/audit.csv) of one topic; NaN where there is none."""

    def __init__(self, table: pd.DataFrame, topic: Topic) -> None:
        part = table[table["topic"] == topic]
        keys = list(zip(part["score"], part["n"], part["case"], strict=True))
        self.topic: Topic = topic
        self._means = dict(zip(keys, part["mean"], strict=True))
        self._spreads = dict(zip(keys, part["sd"], strict=True))

    @property
    def scores(self) -> list[str]:
        """The scores, in the registry's order."""
        found = {score for score, _, _ in self._means}
        return [name for name in METRICS if name in found]

    def mean(self, score: str, n: int, case: str) -> float:
        """Mean over the draws."""
        return float(self._means.get((score, n, case), np.nan))

    def sd(self, score: str, n: int, case: str) -> float:
        """Standard deviation over the draws."""
        return float(self._spreads.get((score, n, case), np.nan))

    def unit(self, score: str, n: int, against: str) -> float:
        """What effects against a case are counted in (`phvae.audit.checks.UNITS`)."""
        if UNITS[self.topic] == "noise":
            return max(self.sd(score, n, against), _SMALLEST)
        return abs(self.mean(score, n, "clean") - self.mean(score, n, "noise"))


def judge(table: pd.DataFrame) -> list[Verdict]:
    """The verdict of every check on every score of its topic, at each size of the grids, from docs/audit.csv."""
    return [
        _verdict(numbers, check, score, n)
        for topic in SIZES
        for numbers in [Numbers(table, topic)]
        for score in numbers.scores
        for check in CHECKS
        if check.topic == topic
        for n in SIZES[topic]
    ]


def _verdict(numbers: Numbers, check: Check, score: str, n: int) -> Verdict:
    effect = _effect(numbers, check, score, n)
    word = NO_VALUE if not np.isfinite(effect) else HOLDS if _holds(check, effect) else FAILS
    shown = float(f"{np.clip(effect, -_MOST, _MOST):.3g}")
    unit = UNITS[check.topic]
    return Verdict(score, check.name, n, check.topic, check.required, shown, check.amount, unit, word)


def _effect(numbers: Numbers, check: Check, score: str, n: int) -> float:
    """How much worse the case is than what it is held against, in the topic's unit; a spread's or shift's size."""
    unit, value = numbers.unit(score, n, check.against), numbers.mean(score, n, check.case)
    if check.rule == "spread":
        return numbers.sd(score, n, check.case) / unit
    if check.rule == "settled":
        return abs(value - numbers.mean(score, max(BEYOND[check.topic]), check.case)) / unit
    # the scores of memorisation have no direction: lower is nearer to copies
    worse = value - numbers.mean(score, n, check.against)
    return (worse if lookup(score).higher_is_better is False else -worse) / unit


def _holds(check: Check, effect: float) -> bool:
    if check.rule == "worsens":
        return effect >= check.amount
    if check.rule == "does not improve":
        return effect >= -check.amount
    return abs(effect) <= check.amount
