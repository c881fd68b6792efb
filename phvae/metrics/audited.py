"""What the audit found of each score (docs/audit.md), and whether a score can decide a claim."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from phvae.metrics.registry import pattern_of
from phvae.words import listed

__all__ = ["FAILS", "FILE", "HOLDS", "NO_VALUE", "Verdict", "number", "told", "verdicts", "why_undecided"]

HOLDS, FAILS, NO_VALUE = "holds", "fails", "no value"
FILE = Path(__file__).with_suffix(".csv")  # written by `phvae audit --accept`


class Verdict(NamedTuple):
    """What one check says of one score at one size.

    Attributes:
        score: its name in the registry, with placeholders.
        check: as `phvae.audit.checks` calls it.
        n: examples.
        topic: what claims the check is about.
        required: whether a score that fails it decides none of them.
        effect: how much worse the case made the score, in `unit`; of a spread or bias, how large it is.
        amount: what the check asks for, or allows.
        unit: range (from the clean code's value to the noise code's) or noise (standard deviations over draws).
        verdict: holds, fails, or no value.
    """

    score: str
    check: str
    n: int
    topic: str
    required: bool
    effect: float
    amount: float
    unit: str
    verdict: str


@cache
def verdicts() -> dict[str, list[Verdict]]:
    """The accepted verdicts of each score that was audited."""
    found: dict[str, list[Verdict]] = {}
    with FILE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            verdict = Verdict(
                row["score"],
                row["check"],
                int(row["n"]),
                row["topic"],
                row["required"] == "True",
                float(row["effect"] or math.nan),
                float(row["amount"]),
                row["unit"],
                row["verdict"],
            )
            found.setdefault(verdict.score, []).append(verdict)
    return found


def why_undecided(metric: str, n: float) -> str:
    """Why a metric of n examples can decide no claim: the required checks that it does not pass; else an empty text.

    The size audited that is nearest to n, as a ratio, counts. A metric that was not audited is not held back.

    >>> why_undecided("kl", 300)
    ''
    """
    try:
        found = verdicts().get(pattern_of(metric), [])
    except KeyError:  # the registry does not know it
        return ""
    if not found:
        return ""
    known = {one.n for one in found}
    size = min(known, key=lambda one: abs(math.log(one / n))) if n > 0 else min(known)
    failed = [f"'{one.check}'" for one in found if one.n == size and one.required and one.verdict != HOLDS]
    if not failed:
        return ""
    checks = "check" if len(failed) == 1 else "checks"
    return f"at {size:,} examples {metric} fails the {checks} {listed(failed)}: it cannot decide this claim"


def number(value: float) -> str:
    """An effect in few digits.

    >>> number(0.0312), number(-12.34), number(999.0), number(float("nan"))
    ('.03', '-12', '> 99', '-')
    """
    if value != value:
        return "-"
    if abs(value) > 99:
        return "> 99" if value > 0 else "< -99"
    text = f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
    text = "0" if float(text) == 0 else text
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def told(failed: Iterable[Verdict]) -> str:
    """Names of checks that are not passed, each with its effect at every size.

    >>> told([Verdict("mig", "rotation", 3_000, "disentanglement", True, 0.1, 0.25, "range", FAILS)])
    'rotation (.10 at 3,000)'
    """
    found: dict[str, list[str]] = {}
    for one in failed:
        found.setdefault(one.check, []).append(f"{number(one.effect)} at {one.n:,}")
    return "; ".join(f"{name} ({', '.join(effects)})" for name, effects in found.items())
