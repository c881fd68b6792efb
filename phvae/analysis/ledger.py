"""The ledger: every claim on every data set it names, decided by an intersection-union test over all its controls."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.book import Book, Scores, open_book
from phvae.analysis.claims import CURVE, Claim, Claims, Control
from phvae.analysis.curve_margin import NOT_KNOWN, WITHIN, curve_margin
from phvae.analysis.rate_distortion import RATE
from phvae.analysis.summaries import FLOOR, MIN_SPREAD_PAIRS, at_floor, best_of
from phvae.errors import ConfigError

__all__ = [
    "CONTRADICTED",
    "MIN_CLAIM_PAIRS",
    "NOT_TESTABLE",
    "NOT_TESTED",
    "SUPPORTED",
    "UNRESOLVED",
    "contests",
    "decide",
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
    withheld: str = ""  # why the challenger's win would not be called support
    withheld_loss: str = ""  # why the control's win would not be called a contradiction
    matters: float = np.nan
    margin: float = 0.0  # of the curve as a control: how far it may be off
    half_width: float = np.nan
    seeds_needed: int | None = None


def evaluate(table: pd.DataFrame, claims: Claims, *, binary: Collection[str] = ()) -> pd.DataFrame:
    """The verdict on every (claim, data set).

    A claim is supported on a data set if the challenger beats ALL its controls there: the largest of the one-sided
    p-values (Student's test on paired differences; on absolute deviations from the median for spreads) is at most the
    level after Holm's adjustment for the number of claims tested on that data set (Berger 1982; Holm 1979). It is
    contradicted if, with as much care, some control beats the claim's own challenger (the smallest p-value, times the
    number of its contests, is at most the level after Holm's adjustment): that a smaller stand-in loses refutes
    nothing said of the challenger. A contest that cannot be tested leaves support open, a contradiction not. Neither
    is said where the winner diverged more often or has a value at fewer seeds, where the challenger's rate leaves the
    beta curve at some seeds, where both are at the noise floor, or where it wins by passing the value of the data.
    Against the curve a win must be larger than the curve's own error (`curve_margin`); where that is not known of a
    metric, the contest cannot be tested. Data sets are not adjusted for: they are counted, by `tally`.

    Args:
        table: the long table.
        claims: the claims, as read before the runs.
        binary: data sets with pixels 0 and 1 only, where powers change nothing.

    Returns:
        One row a (claim, data set): claim, dataset, n_train, verdict, reason, metric, compare, direction, challenger,
        control (the hardest contest, stand-ins included; the one that contradicts where one does), controls (their
        number), n, incomplete, challenger_value, control_value, effect (challenger minus control; ratio of spreads for
        compare: spread), low, high (95 %), p (of that contest), p_holm (of the claim), p_contradicted (the same for the
        contradiction), p_sign_flip, matters, margin, half_width, seeds_needed (for a half-width below `matters`),
        figure, text.

    Raises:
        ConfigError: a claim's direction goes against the metric's own.
    """
    return decide(contests(table, claims, binary=binary), claims)


def decide(details: pd.DataFrame, claims: Claims) -> pd.DataFrame:
    """The verdicts that follow from the contests; see `evaluate`."""
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
        more = {"p_contradicted": against, "withheld": withheld, "spared": spared, "own": own_row, "least": least}
        rows.append(row | more)
    frame = pd.DataFrame(rows)
    frame["p_holm"] = np.nan
    for _, together in frame.groupby("dataset"):
        for name, p in (("p_holm", "p"), ("p_contradicted", "p_contradicted")):
            frame.loc[together.index, name] = s.holm(together[p].to_numpy())
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
    frame.loc[(supported & (frame["least"] < 1)) | by_little, "reason"] = "smaller than the effect that matters"
    none = (frame["verdict"] == UNRESOLVED) & (frame["reason"] == "")
    frame.loc[none, "reason"] = [row["spared"] or _unresolved(row) for _, row in frame[none].iterrows()]
    columns = [
        "claim", "dataset", "n_train", "verdict", "reason", "metric", "compare", "direction", "challenger", "control",
        "controls", "n", "incomplete", "challenger_value", "control_value", "effect", "low", "high", "p", "p_holm",
        "p_contradicted", "p_sign_flip", "matters", "margin", "half_width", "seeds_needed", "figure", "text",
    ]  # fmt: skip
    return frame[columns]


def tally(frame: pd.DataFrame) -> pd.DataFrame:
    """Each claim over its data sets: "supported on k of m, contradicted on l", with the number of every verdict.

    m counts the data sets where the claim could be tested.
    """
    rows = []
    for name, group in frame.groupby("claim", sort=False):
        counts = group["verdict"].value_counts()
        tested = int(sum(counts.get(word, 0) for word in (SUPPORTED, CONTRADICTED, UNRESOLVED)))
        said = f"supported on {counts.get(SUPPORTED, 0)} of {tested}"
        if counts.get(CONTRADICTED, 0):
            said += f", contradicted on {counts[CONTRADICTED]}"
        if not tested:
            said = NOT_TESTABLE if NOT_TESTABLE in counts else NOT_TESTED
        numbers = {
            word: int(counts.get(word, 0)) for word in (SUPPORTED, CONTRADICTED, UNRESOLVED, NOT_TESTABLE, NOT_TESTED)
        }
        rows.append({"claim": name, "summary": said, **numbers, "text": group["text"].iloc[0]})
    return pd.DataFrame(rows)


def _unresolved(row: pd.Series) -> str:
    """Why an undecided claim is undecided: as good as equal, not beyond the correction, or not enough seeds."""
    spread = row["compare"] == "spread"
    ends = np.array([row["low"], row["high"]])
    if spread:
        with np.errstate(divide="ignore"):
            ends = np.log(ends)
    limit = -np.log1p(-row["matters"]) if spread else row["matters"]
    if np.isnan(ends).any():
        return f"no ratio of spreads: that of {row['challenger']} or {row['control']} is zero"
    if (np.abs(ends) < limit).all():
        return "the difference is smaller than the effect that matters"
    if ends[0] * ends[1] <= 0:
        return f"not told from {row['control']} at {row['n']} seeds"
    if np.abs(ends).min() <= row["margin"]:
        return f"{WITHIN} at {row['n']} seeds"
    word = "better" if (ends[0] < 0) == (row["direction"] == "lower") else "worse"
    if not row["own"] and word == "worse":
        return f"its stand-in is worse than {row['control']}"
    return f"{word} than {row['control']}, not beyond the correction for many tests"


def _size(contest: dict[str, Any]) -> float:
    """The effect on the scale of `matters`: a difference, or how far the ratio of spreads is from one.

    A ratio and its inverse are equally far: 4/3 counts as 3/4.
    """
    effect = float(contest["effect"])
    return abs(effect) if contest["compare"] == "mean" else 1 - min(effect, 1 / effect)


def contests(table: pd.DataFrame, claims: Claims, *, binary: Collection[str] = ()) -> pd.DataFrame:
    """Every single comparison behind the verdicts: one row a (claim, data set, control), columns as in `Contest`.

    Raises:
        ConfigError: a claim's direction goes against the metric's own.
    """
    book = open_book(table, {claim.metric for claim in claims.claims.values()})
    for name, claim in claims.claims.items():
        better = book.directions.get(claim.metric)
        if claim.compare == "mean" and better is not None and claim.direction != ("higher" if better else "lower"):
            raise ConfigError(
                f"claims.{name}.direction: found {claim.direction!r}, but {claim.metric} is better the other way; "
                f"expected a claim that the challenger is better"
            )
    found = [
        _contest(book, name, claim, dataset, control, dataset in binary)
        for name, claim in claims.claims.items()
        for dataset in claim.datasets
        for control in claim.controls
    ]
    # not dataclasses.asdict: it copies every value, and there may be thousands
    return pd.DataFrame([vars(contest) for contest in found])


def _contest(book: Book, name: str, claim: Claim, dataset: str, control: Control, binary: bool) -> Contest:
    challenger = control.challenger or claim.challenger
    sizes = book.sizes(dataset)
    size = sizes[0 if claim.n_train == "smallest" else -1] if sizes else ""
    base = Contest(name, dataset, size, claim.metric, claim.compare, claim.direction, challenger, control.variant)
    if binary and book.entry((dataset, size, challenger)).polynomial:
        return replace(base, verdict=NOT_TESTABLE, reason="binary data")
    trouble = _untested(book, base, claim, len(sizes))
    if trouble:
        return replace(base, verdict=NOT_TESTED, reason=trouble)
    return _compare(book, claim, base)


def _untested(book: Book, base: Contest, claim: Claim, sizes: int) -> str:
    """Why there is nothing to test, or an empty text."""
    if not sizes:
        return f"no runs on {base.dataset}"
    if claim.n_train == "smallest" and sizes < 2:
        return "one training size only"
    named = [base.challenger] if base.control == CURVE else [base.challenger, base.control]
    for variant in named:
        if not book.entry((base.dataset, base.n_train, variant)).found:
            return f"no runs of {variant}"
    if base.control == CURVE and len(book.curve(base.dataset, base.n_train)) < 2:
        return f"no beta curve: fewer than two variants of order 1 with a rate ({RATE})"
    scores = [book.scores.get(((base.dataset, base.n_train, v), claim.split, claim.metric)) for v in named]
    known = [score for score in scores if score is not None]
    if not known:
        return f"{claim.metric} was not computed"
    if not any(score.values for score in known):
        return f"{claim.metric} has no value: {known[0].reason}"
    return ""


def _compare(book: Book, claim: Claim, base: Contest) -> Contest:
    """The test itself."""
    ours_key = (base.dataset, base.n_train, base.challenger)
    theirs_key = (base.dataset, base.n_train, base.control)
    ours = book.scores.get((ours_key, claim.split, claim.metric), Scores())
    planned = set(book.entry(ours_key).planned)
    few = ""
    if base.control == CURVE:
        values, outside = book.on_curve(ours_key, claim.metric, claim.split)
        theirs = Scores(values, ours.floors, ours.noises)  # the same metric on the same data
        planned = planned.union(*(book.entry((*ours_key[:2], v)).planned for v in book.curve(*ours_key[:2])))
        if outside:
            few = f"rate ({RATE}) outside the beta curve at {outside} of {len(planned)} seeds"
    else:
        theirs = book.scores.get((theirs_key, claim.split, claim.metric), Scores())
        planned |= book.entry(theirs_key).planned
    seeds = sorted(ours.values.keys() & theirs.values.keys())
    n, incomplete = len(seeds), len(planned) - len(seeds)
    needed = MIN_SPREAD_PAIRS if claim.compare == "spread" else MIN_CLAIM_PAIRS
    if n < needed:
        reason = few or f"too few seeds: {n} complete pairs with {base.control}, {needed} needed"
        return replace(base, verdict=NOT_TESTABLE, reason=reason, n=n, incomplete=incomplete)
    a, b = (np.array([scores.values[seed] for seed in seeds]) for scores in (ours, theirs))
    margin = curve_margin(claim.metric, float(b.mean())) if base.control == CURVE else 0.0
    if np.isnan(margin):
        return replace(base, verdict=NOT_TESTABLE, reason=NOT_KNOWN, n=n, incomplete=incomplete)
    one, other = _side(book, claim, base, base.challenger, a, ours), _side(book, claim, base, base.control, b, theirs)
    return replace(
        base,
        n=n,
        incomplete=incomplete,
        withheld=few or _withheld(book, claim, one, other),
        withheld_loss=few or _withheld(book, claim, other, one),
        **(_spread(a, b, claim) if claim.compare == "spread" else _mean(a, b, claim, margin)),
    )


def _mean(a: np.ndarray, b: np.ndarray, claim: Claim, margin: float) -> dict[str, Any]:
    """Each side must win by more than the margin."""
    difference = a - b
    _, mean, sd = s.moments(difference)
    low, high = s.t_interval(difference)
    less = float(s.paired_t(difference + margin, "less"))
    greater = float(s.paired_t(difference - margin, "greater"))
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
        "margin": margin,
        "half_width": float(high - low) / 2,
        "seeds_needed": s.seeds_for_mean(float(sd), float(matters)),
    }


def _spread(a: np.ndarray, b: np.ndarray, claim: Claim) -> dict[str, Any]:
    ratio, low, high, p = (float(x) for x in s.spread_ratio(a, b, "less"))
    share = claim.matters.relative or 0
    spread = [float(np.abs(side - np.median(side)).mean()) for side in (a, b)]
    return {
        "challenger_value": spread[0],
        "control_value": spread[1],
        "effect": ratio,
        "low": low,
        "high": high,
        "p": p if np.isfinite(p) else 1.0,
        "p_opposite": 1 - p if np.isfinite(p) else 1.0,
        "matters": share,
        "half_width": (high - low) / 2,
        "seeds_needed": s.seeds_for_ratio(a, b, 1 - share) if np.isfinite(ratio) else None,
    }


@dataclass(frozen=True)
class _Side:
    """One side of a contest, as far as it decides whether its win may be told."""

    name: str
    diverged: float  # share of the planned seeds; of the curve the worst of its variants, also below
    lost: float  # share of the planned seeds without a value, for whatever reason
    mean: float
    floor: float
    noise: float


def _side(book: Book, claim: Claim, base: Contest, variant: str, values: np.ndarray, scores: Scores) -> _Side:
    variants = book.curve(base.dataset, base.n_train) if variant == CURVE else [variant]
    shares = [book.lost((base.dataset, base.n_train, one), claim.metric, claim.split) for one in variants]
    diverged, lost = (max(share) for share in zip(*shares, strict=True))
    floor, noise = (float(np.mean(x)) if x else np.nan for x in (scores.floors, scores.noises))
    return _Side("the beta curve" if variant == CURVE else variant, diverged, lost, float(values.mean()), floor, noise)


def _withheld(book: Book, claim: Claim, winner: _Side, loser: _Side) -> str:
    """Why no verdict would be said even if the winner's test were passed."""
    if winner.diverged > loser.diverged:
        return f"{winner.name} diverged more often than {loser.name}"
    if winner.lost > loser.lost:
        return f"{winner.name} has a value at fewer seeds than {loser.name}"
    if claim.compare == "spread":
        return ""
    sign = {True: 1.0, False: -1.0, None: 0.0}[book.directions.get(claim.metric)]
    best = best_of(claim.metric)
    if sign * (winner.mean - best) > 0:
        return f"{winner.name} is at {winner.mean:.3g}, beyond {best:g}, the value of the data: more is no merit"
    return FLOOR if all(at_floor(side.mean, side.floor, side.noise, sign) for side in (winner, loser)) else ""
