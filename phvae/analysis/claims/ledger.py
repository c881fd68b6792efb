"""The ledger: every claim on every data set it names, decided by an intersection-union test over all its controls."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.claims.contests import NOT_TESTABLE, NOT_TESTED, contests, without_runs
from phvae.analysis.claims.schema import CURVE_CONTROL, Claims
from phvae.analysis.statistics.curve_margin import WITHIN
from phvae.analysis.statistics.rate_distortion import CURVE_NAME
from phvae.analysis.statistics.verdict import UNRESOLVED

__all__ = [
    "COLUMNS",
    "CONTRADICTED",
    "EQUIVALENT",
    "INDISTINCT",
    "NORMALITY",
    "NORMAL_BELOW",
    "NOT_BEYOND",
    "NOT_TESTABLE",
    "NOT_TESTED",
    "SMALL",
    "SUPPORTED",
    "TESTED",
    "UNRESOLVED",
    "contests",
    "decide",
    "evaluate",
    "tally",
]

SUPPORTED, CONTRADICTED = "supported", "contradicted"
TESTED = (SUPPORTED, CONTRADICTED, UNRESOLVED)
COLUMNS = [
    "claim", "dataset", "n_train", "verdict", "reason", "metric", "compare", "direction", "challenger", "control",
    "controls", "n", "incomplete", "challenger_value", "control_value", "effect", "low", "high", "p", "p_holm",
    "p_contradicted", "p_sign_flip", "skew", "matters", "margin", "half_width", "seeds_needed", "figure", "text",
]  # fmt: skip
# parts of reasons: of what is said, and of what is left open
SMALL, NORMALITY = "smaller than what matters", "assumes normal differences"
EQUIVALENT, INDISTINCT = f"the difference is {SMALL}", "not distinguishable from"
NOT_BEYOND = "not after the correction for many tests"
NORMAL_BELOW = 10  # pairs: no exact test of fewer, whose p-value is 2^-n at least, passes Holm over a dozen claims


def evaluate(
    table: pd.DataFrame, claims: Claims, *, binary: Collection[str] = (), labels: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The verdict on every (claim, data set).

    A claim is supported on a data set if the challenger beats ALL its controls there: the largest of the one-sided
    p-values (`statistics.paired_p` of paired differences; Student's of absolute deviations from the median for
    spreads) is at most the level after Holm's adjustment for the number of claims tested on that data set (Berger
    1982; Holm 1979). It is contradicted if, with as much care, some control beats the claim's own challenger (the
    smallest p-value, times the number of its contests, is at most the level after Holm's adjustment): that a
    smaller stand-in loses refutes nothing said of the challenger. A contest that cannot be tested leaves support open,
    a contradiction not. Neither is said where `verdict.withheld` has something against it, or the challenger's rate
    leaves the beta curve at some seeds. A value with a caution, and a metric that fails a check of the audit
    (docs/audit.md), leave all open: that both are as good, too. With fewer than ten pairs what is said assumes normal
    differences, and says so. Against the curve a win must be larger than the curve's own error (`curve_margin`); where
    that is not known of a metric, the contest cannot be tested. Data sets are not adjusted for: they are counted, by
    `tally`.

    Args:
        table: the long table.
        claims: the claims, as read before the runs.
        binary: data sets with pixels 0 and 1 only, where powers change nothing.
        labels: variant -> what reasons call it.

    Returns:
        One row a (claim, data set): claim, dataset, n_train, verdict, reason, metric, compare, direction,
        challenger, control (the hardest contest, stand-ins included; the one that contradicts where one does),
        controls (their number), n, incomplete, challenger_value, control_value, effect (challenger minus control;
        ratio of spreads for compare: spread), low, high (95 %), p (of that contest), p_holm (of the claim),
        p_contradicted (the same for the contradiction), p_sign_flip, skew (of the differences), matters,
        margin, half_width, seeds_needed (for a half-width below `matters`), figure, text.

    Raises:
        ConfigError: a claim's direction goes against the metric's own.
    """
    return decide(contests(table, claims, binary=binary, labels=labels), claims, labels)


def decide(details: pd.DataFrame, claims: Claims, labels: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The verdicts that follow from the contests; see `evaluate`. Reasons call variants by their labels, if given."""
    names = {**(labels or {}), CURVE_CONTROL: CURVE_NAME}
    rows, losses = [], []
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for contest in details.to_dict("records"):
        groups.setdefault((contest["claim"], contest["dataset"]), []).append({str(k): v for k, v in contest.items()})
    for (name, dataset), group in groups.items():
        claim = claims.claims[name]
        stopped = [contest for contest in group if contest["verdict"]]
        row = dict(stopped[0] if stopped else max(group, key=lambda contest: contest["p"]))
        row |= {"controls": len(group), "figure": claim.figure.replace("{dataset}", dataset), "text": claim.text}
        own = [c for c in group if c["challenger"] == claim.challenger and not c["verdict"]]
        told_apart = [contest for contest in own if not contest["withheld_loss"]]
        loss = min(told_apart or group, key=lambda contest: contest["p_opposite"])
        against = min(1.0, len(own) * loss["p_opposite"]) if told_apart else 1.0 if own else np.nan
        losses.append(loss)
        withheld = next((contest["withheld"] for contest in group if contest["withheld"]), "")
        told = [c["withheld_loss"] for c in own if len(own) * c["p_opposite"] <= claims.level]
        spared = "" if "" in told else next(iter(told), "")
        least = min(
            (_size(contest) / contest["matters"] for contest in group if contest["matters"] > 0), default=np.inf
        )
        own_row = row["challenger"] == claim.challenger
        caution = next((contest["caution"] for contest in group if contest["caution"]), "")
        more = {"p_contradicted": against, "withheld": withheld, "spared": spared, "own": own_row, "least": least}
        more |= {"caution": caution, "fewest": min(contest["n"] for contest in group)}
        rows.append(row | more)
    frame = pd.DataFrame(rows)
    for name, p in (("p_holm", "p"), ("p_contradicted", "p_contradicted")):
        raw, adjusted = frame[p].to_numpy(dtype=float), np.full(len(frame), np.nan)
        for rows_of_set in frame.groupby("dataset").indices.values():
            adjusted[rows_of_set] = s.holm(raw[rows_of_set])
        frame[name] = adjusted
    decided = frame["verdict"] == ""
    won = decided & (frame["p_holm"] <= claims.level)
    supported = won & (frame["withheld"] == "")
    contradicted = (frame["p_contradicted"] <= claims.level) & ~won
    frame.loc[decided, "verdict"] = UNRESOLVED
    frame.loc[won & ~supported, "reason"] = frame["withheld"]
    frame.loc[supported, "verdict"] = SUPPORTED
    told = [column for column in details.columns if column not in ("verdict", "withheld")]
    frame.loc[contradicted, told] = pd.DataFrame(losses).loc[contradicted, told]
    frame.loc[contradicted, "verdict"] = CONTRADICTED
    by_little = contradicted & np.array([_size(loss) < loss["matters"] for loss in losses])
    normal = (supported & (frame["fewest"] < NORMAL_BELOW)) | (contradicted & (frame["n"] < NORMAL_BELOW))
    for said, applies in ((SMALL, (supported & (frame["least"] < 1)) | by_little), (NORMALITY, normal)):
        frame.loc[applies, "reason"] = frame["reason"].where(frame["reason"] == "", frame["reason"] + "; ") + said
    left = frame["verdict"] == UNRESOLVED
    frame.loc[left & (frame["caution"] != ""), "reason"] = frame["caution"]
    none = left & (frame["reason"] == "")
    frame.loc[none, "reason"] = [row["spared"] or _unresolved(row, names) for _, row in frame[none].iterrows()]
    return frame[COLUMNS]


def tally(frame: pd.DataFrame) -> pd.DataFrame:
    """Each claim over its data sets: "supported on k of m, contradicted on l", with the number of every verdict.

    m counts the data sets where the claim could be tested; where there are none, `reason` says why.
    """
    rows = []
    for name, group in frame.groupby("claim", sort=False):
        counts = group["verdict"].value_counts()
        tested = int(sum(counts.get(word, 0) for word in TESTED))
        said = f"supported on {counts.get(SUPPORTED, 0)} of {tested}"
        if counts.get(CONTRADICTED, 0):
            said += f", contradicted on {counts[CONTRADICTED]}"
        why = ""
        if not tested:
            said = NOT_TESTABLE if NOT_TESTABLE in counts else NOT_TESTED
            why = _untested(group[group["verdict"] == said])
        numbers = {word: int(counts.get(word, 0)) for word in (*TESTED, NOT_TESTABLE, NOT_TESTED)}
        rows.append({"claim": name, "summary": said, "reason": why, **numbers, "text": group["text"].iloc[0]})
    return pd.DataFrame(rows)


def _untested(rows: pd.DataFrame) -> str:
    """Why a claim was tested nowhere: what stood against it on the data sets that have runs."""
    told = [reason for one, reason in zip(rows["dataset"], rows["reason"], strict=True) if reason != without_runs(one)]
    return "; ".join(dict.fromkeys(told)) or "no runs on the data sets that it names"


def _unresolved(row: pd.Series, names: Mapping[str, str]) -> str:
    """Why an undecided claim is undecided: as good as equal, not beyond the correction, or not enough seeds."""
    challenger, control = (names.get(row[side], row[side]) for side in ("challenger", "control"))
    spread = row["compare"] == "spread"
    ends = np.array([row["low"], row["high"]])
    if spread:
        with np.errstate(divide="ignore"):
            ends = np.log(ends)
    limit = -np.log1p(-row["matters"]) if spread else row["matters"]
    if np.isnan(ends).any():
        return f"no ratio of spreads: that of {challenger} or {control} is zero"
    if (np.abs(ends) < limit).all():
        return EQUIVALENT
    if ends[0] * ends[1] <= 0:
        return f"{INDISTINCT} {control} at {row['n']} seeds"
    if np.abs(ends).min() <= row["margin"]:
        return f"{WITHIN} at {row['n']} seeds"
    word = "better" if (ends[0] < 0) == (row["direction"] == "lower") else "worse"
    if not row["own"] and word == "worse":
        return f"{challenger}, which stands in for the challenger, is worse than {control}"
    return f"{word} than {control}, but {NOT_BEYOND}"


def _size(contest: dict[str, Any]) -> float:
    """The effect on the scale of `matters`: a difference, or how far the ratio of spreads is from one.

    A ratio and its inverse are equally far: 4/3 counts as 3/4.
    """
    effect = float(contest["effect"])
    return abs(effect) if contest["compare"] == "mean" else 1 - min(effect, 1 / effect)
