"""The ledger: every claim on every data set it names, decided by an intersection-union test over all its controls."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.claims import CURVE, Claim, Claims, Control
from phvae.analysis.rate_distortion import RATE, curve_variants, matched
from phvae.analysis.results import size_key
from phvae.analysis.summaries import FLOOR, MIN_SPREAD_PAIRS, at_floor, pairs_of
from phvae.errors import ConfigError

__all__ = [
    "CONTRADICTED",
    "MIN_CLAIM_PAIRS",
    "NOT_TESTABLE",
    "NOT_TESTED",
    "SUPPORTED",
    "UNRESOLVED",
    "contests",
    "evaluate",
    "tally",
]

SUPPORTED, CONTRADICTED, UNRESOLVED = "supported", "contradicted", "not resolved"
NOT_TESTABLE, NOT_TESTED = "not testable", "not tested"
MIN_CLAIM_PAIRS = 5  # the fewest pairs at which an exact one-sided sign-flip test can reach .05


@dataclass(frozen=True)
class Contest:
    """One comparison of a claim on one data set: challenger against one control, paired by seed."""

    claim: str
    dataset: str
    n_train: str
    metric: str
    compare: str
    direction: str
    challenger: str
    control: str
    verdict: str = ""  # set where it cannot be tested
    reason: str = ""
    n: int = 0
    incomplete: int = 0
    challenger_value: float = np.nan
    control_value: float = np.nan
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    p_opposite: float = np.nan
    p_sign_flip: float = np.nan
    withheld: str = ""
    matters: float = np.nan
    half_width: float = np.nan
    seeds_needed: int | None = None


def evaluate(table: pd.DataFrame, claims: Claims, *, binary: Collection[str] = ()) -> pd.DataFrame:
    """The verdict on every (claim, data set).

    A claim is supported on a data set if the challenger beats ALL its controls there: the largest of the one-sided
    p-values (Student's test on paired differences; Pitman-Morgan for spreads) is at most the level after Holm's
    adjustment for the number of claims tested on that data set (Berger 1982; Holm 1979). It is contradicted if, with
    as much care, some control beats the challenger. Data sets are not adjusted for: they are counted, by `tally`.

    Args:
        table: the long table.
        claims: the claims, as read before the runs.
        binary: data sets with pixels 0 and 1 only, where powers change nothing.

    Returns:
        One row a (claim, data set): claim, dataset, n_train, verdict, reason, metric, compare, direction, challenger,
        control (the hardest one), controls (their number), n, incomplete, challenger_value, control_value, effect
        (challenger minus control; ratio of spreads for compare: spread), low, high (95 %), p, p_holm, p_sign_flip,
        matters, half_width, seeds_needed (for a half-width below `matters`), figure, text.

    Raises:
        ConfigError: a claim's direction goes against the metric's own.
    """
    details = contests(table, claims, binary=binary)
    rows = []
    for (name, dataset), group in details.groupby(["claim", "dataset"], sort=False):
        claim = claims.claims[str(name)]
        stopped = group[group["verdict"] != ""]
        hardest = stopped.iloc[0] if len(stopped) else group.iloc[int(group["p"].argmax())]
        row: dict[str, Any] = {str(k): v for k, v in hardest.items() if k not in ("withheld", "p_opposite")}
        row |= {"claim": name, "dataset": dataset, "controls": len(claim.controls)}
        row |= {"figure": claim.figure.replace("{dataset}", str(dataset)), "text": claim.text}
        row["p_contradicted"] = min(1.0, len(group) * group["p_opposite"].min()) if not len(stopped) else np.nan
        row["withheld"] = next((text for text in group["withheld"] if text), "")
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame["p_holm"], frame["_against"] = np.nan, np.nan
    for _, group in frame.groupby("dataset"):
        frame.loc[group.index, "p_holm"] = s.holm(group["p"].to_numpy())
        frame.loc[group.index, "_against"] = s.holm(group["p_contradicted"].to_numpy())
    decided = frame["verdict"] == ""
    won = decided & (frame["p_holm"] <= claims.level)
    supported = won & (frame["withheld"] == "")
    contradicted = decided & (frame["_against"] <= claims.level) & ~won
    frame.loc[decided, "verdict"] = UNRESOLVED
    frame.loc[won & ~supported, "reason"] = frame["withheld"]
    frame.loc[supported, "verdict"] = SUPPORTED
    frame.loc[contradicted, "verdict"] = CONTRADICTED
    small = supported & (_size(frame) < frame["matters"])
    frame.loc[small, "reason"] = "smaller than the effect that matters"
    none = (frame["verdict"] == UNRESOLVED) & (frame["reason"] == "")
    frame.loc[none, "reason"] = [_unresolved(row) for _, row in frame[none].iterrows()]
    columns = [
        "claim", "dataset", "n_train", "verdict", "reason", "metric", "compare", "direction", "challenger", "control",
        "controls", "n", "incomplete", "challenger_value", "control_value", "effect", "low", "high", "p", "p_holm",
        "p_sign_flip", "matters", "half_width", "seeds_needed", "figure", "text",
    ]  # fmt: skip
    return frame[columns]


def tally(frame: pd.DataFrame) -> pd.DataFrame:
    """Each claim over its data sets: "supported on k of m", with the number of every verdict.

    m counts the data sets where the claim could be tested.
    """
    rows = []
    for name, group in frame.groupby("claim", sort=False):
        counts = group["verdict"].value_counts()
        tested = int(sum(counts.get(word, 0) for word in (SUPPORTED, CONTRADICTED, UNRESOLVED)))
        said = f"supported on {counts.get(SUPPORTED, 0)} of {tested}"
        if not tested:
            said = NOT_TESTABLE if NOT_TESTABLE in counts else NOT_TESTED
        numbers = {
            word: int(counts.get(word, 0)) for word in (SUPPORTED, CONTRADICTED, UNRESOLVED, NOT_TESTABLE, NOT_TESTED)
        }
        rows.append({"claim": name, "summary": said, **numbers, "text": group["text"].iloc[0]})
    return pd.DataFrame(rows)


def _unresolved(row: pd.Series) -> str:
    """Why an undecided claim is undecided: as good as equal, or not enough seeds."""
    spread = row["compare"] == "spread"
    ends = np.log([row["low"], row["high"]]) if spread else np.array([row["low"], row["high"]])
    limit = -np.log1p(-row["matters"]) if spread else row["matters"]
    if (np.abs(ends) < limit).all():
        return "the difference is smaller than the effect that matters"
    return f"not told from {row['control']} at {row['n']} seeds"


def _size(frame: pd.DataFrame) -> pd.Series:
    """The effect on the scale of `matters`: a difference, or one minus the ratio of spreads."""
    return frame["effect"].where(frame["compare"] == "mean", 1 - frame["effect"]).abs()


def contests(table: pd.DataFrame, claims: Claims, *, binary: Collection[str] = ()) -> pd.DataFrame:
    """Every single comparison behind the verdicts: one row a (claim, data set, control), columns as in `Contest`."""
    by_dataset = {str(name): rows for name, rows in table.groupby("dataset", sort=False)}
    nothing = table.iloc[:0]
    found = [
        _contest(by_dataset.get(dataset, nothing), name, claim, dataset, control, dataset in binary)
        for name, claim in claims.claims.items()
        for dataset in claim.datasets
        for control in claim.controls
    ]
    return pd.DataFrame([asdict(contest) for contest in found])


def _contest(rows: pd.DataFrame, name: str, claim: Claim, dataset: str, control: Control, binary: bool) -> Contest:
    challenger = control.challenger or claim.challenger
    sizes = sorted(rows["n_train"].unique(), key=size_key)
    size = sizes[0 if claim.n_train == "smallest" else -1] if sizes else ""
    base = Contest(name, dataset, size, claim.metric, claim.compare, claim.direction, challenger, control.variant)
    rows = rows[rows["n_train"] == size]
    trouble = _untested(rows, claim, dataset, challenger, control.variant, len(sizes))
    if trouble:
        return replace(base, verdict=NOT_TESTED, reason=trouble)
    if binary and _polynomial(rows, challenger):
        return replace(base, verdict=NOT_TESTABLE, reason="binary data")
    if claim.direction == ("lower" if _better_is_higher(rows, claim.metric) else "higher") and (
        _better_is_higher(rows, claim.metric) is not None and claim.compare == "mean"
    ):
        raise ConfigError(
            f"claims.{name}.direction: found {claim.direction!r}, but {claim.metric} is better the other way; "
            f"expected a claim that the challenger is better"
        )
    return _compare(rows, claim, base)


def _untested(rows: pd.DataFrame, claim: Claim, dataset: str, challenger: str, control: str, sizes: int) -> str:
    """Why there is nothing to test, or an empty text."""
    if not sizes:
        return f"no runs on {dataset}"
    if claim.n_train == "smallest" and sizes < 2:
        return "one training size only"
    present = set(rows[rows["status"] != "missing"]["variant"])
    for variant in (challenger, *([] if control == CURVE else [control])):
        if variant not in present:
            return f"no runs of {variant}"
    if control == CURVE and len(curve_variants(rows)) < 2:
        return "no beta curve: fewer than two variants of order 1"
    of_metric = rows[(rows["metric"] == claim.metric) & (rows["split"] == claim.split)]
    if not len(of_metric):
        return f"{claim.metric} was not computed"
    valued = of_metric[of_metric["variant"].isin([challenger, control])]
    if not (valued["status"] == "ok").any() and len(valued):
        return f"{claim.metric} has no value: {valued['reason'].iloc[0] or valued['status'].iloc[0]}"
    return ""


def _polynomial(rows: pd.DataFrame, variant: str) -> bool:
    """Whether a variant feeds powers to its encoders (on binary data they are all the same)."""
    described = rows[(rows["variant"] == variant) & rows["order"].notna()]
    return bool(((described["order"] > 1) & (described["basis"] != "copies")).any())


def _better_is_higher(rows: pd.DataFrame, metric: str) -> bool | None:
    known = rows[(rows["metric"] == metric) & rows["higher_is_better"].notna()]["higher_is_better"]
    return bool(known.iloc[0]) if len(known) else None


def _compare(rows: pd.DataFrame, claim: Claim, base: Contest) -> Contest:
    """The test itself; `rows` are those of one data set and size."""
    dataset, size, challenger, control = base.dataset, base.n_train, base.challenger, base.control
    ours = pairs_of(rows, dataset, size, claim.metric, challenger, split=claim.split)
    if control == CURVE:
        points = matched(rows, claim.metric, [challenger], split=claim.split).set_index("seed")
        theirs = points["curve"]
        outside = int((points["value"].notna() & points["curve"].isna()).sum())
        few = f"rate ({RATE}) outside the beta curve at {outside} of {len(points)} seeds" if outside else ""
    else:
        theirs, few = pairs_of(rows, dataset, size, claim.metric, control, split=claim.split), ""
    both = pd.concat([ours, theirs], axis=1).to_numpy(dtype=float)
    complete = np.isfinite(both).all(1)
    n, incomplete = int(complete.sum()), int((~complete).sum())
    a, b = both[complete].T if n else np.empty((2, 0))
    needed = MIN_SPREAD_PAIRS if claim.compare == "spread" else MIN_CLAIM_PAIRS
    if n < needed:
        reason = few or f"too few seeds: {n} complete pairs with {control}, {needed} needed"
        return replace(base, verdict=NOT_TESTABLE, reason=reason, n=n, incomplete=incomplete)
    test = _spread if claim.compare == "spread" else _mean
    withheld = _withheld(rows, claim, challenger, control, float(a.mean()), float(b.mean()))
    return replace(base, n=n, incomplete=incomplete, withheld=withheld, **test(a, b, claim))


def _mean(a: np.ndarray, b: np.ndarray, claim: Claim) -> dict[str, Any]:
    difference = a - b
    _, mean, sd = s.moments(difference)
    low, high = s.t_interval(difference)
    less, greater = float(s.paired_t(difference, "less")), float(s.paired_t(difference, "greater"))
    lower = claim.direction == "lower"
    matters = claim.matters.absolute or abs(b.mean()) * (claim.matters.relative or 0)
    return {
        "challenger_value": float(a.mean()),
        "control_value": float(b.mean()),
        "effect": float(mean),
        "low": float(low),
        "high": float(high),
        "p": less if lower else greater,
        "p_opposite": greater if lower else less,
        "p_sign_flip": float(s.sign_flip(difference, np.random.default_rng(0))),
        "matters": float(matters),
        "half_width": float(high - low) / 2,
        "seeds_needed": s.seeds_for_mean(float(sd), float(matters)),
    }


def _spread(a: np.ndarray, b: np.ndarray, claim: Claim) -> dict[str, Any]:
    ratio, low, high, p = (float(x) for x in s.pitman_morgan(a, b, "less"))
    share = claim.matters.relative or 0
    rho = float(np.corrcoef(a, b)[0, 1]) if np.isfinite(ratio) else np.nan
    return {
        "challenger_value": float(a.std(ddof=1)),
        "control_value": float(b.std(ddof=1)),
        "effect": ratio,
        "low": low,
        "high": high,
        "p": p if np.isfinite(p) else 1.0,
        "p_opposite": 1 - p if np.isfinite(p) else 1.0,
        "matters": share,
        "half_width": (high - low) / 2,
        "seeds_needed": s.seeds_for_ratio(rho, 1 - share) if np.isfinite(rho) else None,
    }


def _withheld(rows: pd.DataFrame, claim: Claim, challenger: str, control: str, ours: float, theirs: float) -> str:
    """Why "supported" would not be said even if the test were passed."""
    if control != CURVE and _diverged(rows, challenger) > _diverged(rows, control):
        return f"{challenger} diverged more often than {control}"
    if control == CURVE and _diverged(rows, challenger) > max(_diverged(rows, name) for name in curve_variants(rows)):
        return f"{challenger} diverged more often than the beta curve"
    of_metric = rows[(rows["metric"] == claim.metric) & (rows["split"] == claim.split)]
    marks = []
    for variant, value in ((challenger, ours), (control, theirs)):
        own = of_metric[of_metric["variant"] == variant]
        better = _better_is_higher(rows, claim.metric)
        sign = 0.0 if better is None else 1.0 if better else -1.0
        marks.append(bool(len(own)) and bool(at_floor(value, own["floor"].mean(), own["noise_sd"].mean(), sign)))
    return FLOOR if all(marks) and claim.compare == "mean" else ""


def _diverged(rows: pd.DataFrame, variant: str) -> float:
    """Share of a variant's seeds that diverged."""
    seeds = rows[(rows["variant"] == variant) & rows["seed"].notna()]
    lost = seeds[seeds["status"] == "diverged"]["seed"].nunique()
    return float(lost / max(seeds["seed"].nunique(), 1))
