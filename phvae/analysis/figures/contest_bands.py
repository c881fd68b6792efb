"""What the figure of a claim's contests shows: a band a data set, in it a point a control."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from phvae.analysis.claims.answer_reasons import answer_word
from phvae.analysis.claims.in_units import in_units
from phvae.analysis.claims.schema import CURVE_CONTROL, Claim
from phvae.analysis.figures.looks import Look
from phvae.analysis.statistics.rate_distortion import CURVE_NAME

__all__ = ["ContestBand", "ContestPoint", "contest_bands"]

CURVE = Look("#444444", "", "")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")


@dataclass(frozen=True)
class ContestPoint:
    """One contest.

    Attributes:
        control: the control's name, and that of a smaller variant that stands in for the challenger.
        look: how the control is drawn.
        stand_in: whether a smaller variant stands in for the challenger.
        hardest: whether it is the contest that the verdict names.
        position: the effect in units of the effect that matters; NaN where there is none.
        start: where its 95 % interval begins.
        end: where it ends.
        error: the curve's own error in the same units, 0 where the control is no curve.
        reason: why there is no effect; empty where there is one.
    """

    control: str
    look: Look
    stand_in: bool
    hardest: bool
    position: float
    start: float
    end: float
    error: float
    reason: str


@dataclass(frozen=True)
class ContestBand:
    """One data set: its name, the verdict in a word, the seeds of the hardest contest, and a point a control."""

    name: str
    word: str
    seeds: str
    points: list[ContestPoint]

    @property
    def hardest(self) -> ContestPoint:
        """The contest that the verdict names."""
        return next(point for point in self.points if point.hardest)


def contest_bands(
    claim: Claim,
    contests: pd.DataFrame,
    verdicts: pd.DataFrame,
    labels: Mapping[str, str],
    looks: Mapping[str, Look],
) -> list[ContestBand]:
    """A band for every verdict.

    Args:
        claim: the claim.
        contests: its contests, as `ledger.contests` gives them.
        verdicts: its verdicts, as `ledger.decide` gives them.
        labels: variant -> name shown.
        looks: variant -> how it is drawn.
    """
    known = pd.concat([contests, in_units(contests)], axis=1)
    controls = list(dict.fromkeys(known["control"]))
    own = {name: replace(looks.get(name, CURVE), marker=MARKERS[i % len(MARKERS)]) for i, name in enumerate(controls)}
    names = {**labels, CURVE_CONTROL: CURVE_NAME}

    def point(contest: dict[Hashable, Any], hardest: tuple[str, str]) -> ContestPoint:
        control, challenger = contest["control"], contest["challenger"]
        stand_in = challenger != claim.challenger
        missing = "no ratio of spreads" if claim.compare == "spread" else "no difference, and nothing matters"
        return ContestPoint(
            names[control] + (f" (against {names[challenger]})" if stand_in else ""),
            own[control],
            stand_in,
            (control, challenger) == hardest,
            float(contest["position"]),
            float(contest["start"]),
            float(contest["end"]),
            float(contest["error"]),
            "" if pd.notna(contest["position"]) else contest["verdict"] or missing,
        )

    bands = []
    for verdict in verdicts.to_dict("records"):
        hardest = verdict["control"], verdict["challenger"]
        rows = known[known["dataset"] == verdict["dataset"]].to_dict("records")
        n, planned = int(verdict["n"]), int(verdict["n"] + verdict["incomplete"])
        size = "" if verdict["n_train"] == "all" else f", {verdict['n_train']}"
        name, word = f"{verdict['dataset']}{size}", answer_word({str(key): value for key, value in verdict.items()})
        seeds = str(n) if n == planned else f"{n}/{planned}"
        bands.append(ContestBand(name, word, seeds, [point(row, hardest) for row in rows]))
    return bands
