"""The single comparisons behind the verdicts on claims: a challenger against one control, paired by seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.claims.schema import CURVE_CONTROL, Claim, Claims, Control
from phvae.analysis.claims.scores_by_cell import Scores, ScoresByCell, scores_by_cell
from phvae.analysis.statistics.against_baseline import MIN_SPREAD_PAIRS
from phvae.analysis.statistics.curve_margin import NOT_KNOWN, curve_margin
from phvae.analysis.statistics.rate_distortion import CURVE_NAME, outside_curve
from phvae.analysis.statistics.verdict import Comparison, Side, best_of, withheld
from phvae.determinism.seeding import numpy_generator
from phvae.errors import ConfigError
from phvae.metrics.audited import why_undecided

__all__ = ["COLUMNS", "MIN_CLAIM_PAIRS", "NOT_TESTABLE", "NOT_TESTED", "binary_sets", "contests", "without_runs"]

NOT_TESTABLE, NOT_TESTED = "not testable", "not tested"
MIN_CLAIM_PAIRS = 5  # the fewest pairs at which an exact one-sided sign-flip test can reach .05
COLUMNS = [
    "claim", "dataset", "n_train", "metric", "compare", "direction", "challenger", "control", "verdict", "reason", "n",
    "incomplete", "challenger_value", "control_value", "effect", "low", "high", "p", "p_opposite", "p_sign_flip",
    "skew", "caution", "withheld", "withheld_loss", "matters", "margin", "half_width", "seeds_needed",
]  # fmt: skip
_TEXTS = ("verdict", "reason", "caution", "withheld", "withheld_loss")
_UNTESTED = dict.fromkeys(COLUMNS, np.nan) | dict.fromkeys(_TEXTS, "")


@dataclass(frozen=True)
class _Contest:
    """A comparison: its line so far, and where it can be tested the paired values and what is known of both sides."""

    line: dict[str, Any]
    claim: Claim
    ours: np.ndarray | None = None
    theirs: np.ndarray | None = None
    sides: tuple[Side, ...] = ()
    sign: float = 0.0
    barred: str = ""  # why no win counts
    margin: float = 0.0


def contests(
    table: pd.DataFrame, claims: Claims, *, binary: Collection[str] = (), labels: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Every single comparison behind the verdicts: one row a (claim, data set, control).

    Args:
        table: the long table.
        claims: the claims, as read before the runs.
        binary: data sets with pixels 0 and 1 only, where powers change nothing.
        labels: variant -> how reasons call it; by default by its own name.

    Returns:
        The columns COLUMNS. verdict and reason are filled where there is nothing to test; p is one-sided for the
        challenger (Student's or Hall's, the larger; on absolute deviations from the median for spreads), p_opposite
        for the control; withheld and withheld_loss say why a win of either does not count.

    Raises:
        ConfigError: a claim's direction goes against the metric's own.
    """
    known = scores_by_cell(table, {claim.metric for claim in claims.claims.values()}, labels)
    for name, claim in claims.claims.items():
        better = known.directions.get(claim.metric)
        if claim.compare == "mean" and better is not None and claim.direction != ("higher" if better else "lower"):
            raise ConfigError(
                f"claims.{name}.direction: found {claim.direction!r}, but {claim.metric} is better the other way; "
                f"expected a claim that the challenger is better"
            )
    found = [
        _contest(known, name, claim, dataset, control, dataset in binary)
        for name, claim in claims.claims.items()
        for dataset in claim.datasets
        for control in claim.controls
    ]
    for compare, test in (("mean", _means), ("spread", _spreads)):
        tested = [one for one in found if one.ours is not None and one.claim.compare == compare]
        if tested:
            test(tested)
    return pd.DataFrame([one.line for one in found])


def binary_sets(runs: pd.DataFrame) -> set[str]:
    """The data sets of zeros and ones, by what the runs (runs.parquet) say."""
    return set(runs.loc[runs["binary"].fillna(False).astype(bool), "dataset"])


def without_runs(dataset: str) -> str:
    """The reason of a contest on a data set that was not run."""
    return f"no runs on {dataset}"


def _contest(known: ScoresByCell, name: str, claim: Claim, dataset: str, control: Control, binary: bool) -> _Contest:
    challenger = control.challenger or claim.challenger
    sizes = known.sizes(dataset)
    size = sizes[0 if claim.n_train == "smallest" else -1] if sizes else ""
    line = _UNTESTED | {
        "claim": name, "dataset": dataset, "n_train": size, "metric": claim.metric, "compare": claim.compare,
        "direction": claim.direction, "challenger": challenger, "control": control.variant, "n": 0, "incomplete": 0,
    }  # fmt: skip
    if binary and known.seeds((dataset, size, challenger)).polynomial:
        return _Contest(line | {"verdict": NOT_TESTABLE, "reason": "binary data"}, claim)
    trouble = _untested(known, line, claim, len(sizes))
    if trouble:
        return _Contest(line | {"verdict": NOT_TESTED, "reason": trouble}, claim)
    return _paired(known, claim, line)


def _untested(known: ScoresByCell, line: dict[str, Any], claim: Claim, sizes: int) -> str:
    """Why there is nothing to test, or an empty text."""
    if not sizes:
        return without_runs(line["dataset"])
    if claim.n_train == "smallest" and sizes < 2:
        return "one training size only"
    cell = line["dataset"], line["n_train"]
    named = [line["challenger"]] if line["control"] == CURVE_CONTROL else [line["challenger"], line["control"]]
    for variant in named:
        if not known.seeds((*cell, variant)).found:
            return f"no runs of {known.name(variant)}"
    if line["control"] == CURVE_CONTROL and len(known.curve(*cell)) < 2:
        return f"{CURVE_NAME} is not known: fewer than two variants of order 1 with a rate"
    scores = [known.scores.get(((*cell, v), claim.split, claim.metric)) for v in named]
    computed = [score for score in scores if score is not None]
    if not computed:
        return f"{claim.metric} was not computed"
    if not any(score.values for score in computed):
        return f"{claim.metric} has no value: {computed[0].reason}"
    return ""


def _paired(known: ScoresByCell, claim: Claim, line: dict[str, Any]) -> _Contest:
    """The values of both sides at the seeds that both have."""
    cell = line["dataset"], line["n_train"]
    ours_key, theirs_key = (*cell, line["challenger"]), (*cell, line["control"])
    ours = known.scores.get((ours_key, claim.split, claim.metric), Scores())
    planned = set(known.seeds(ours_key).planned)
    barred = ""
    if line["control"] == CURVE_CONTROL:
        values, outside = known.on_curve(ours_key, claim.metric, claim.split)
        theirs = Scores(values)
        planned = planned.union(*(known.seeds((*cell, v)).planned for v in known.curve(*cell)))
        barred = outside_curve(outside, len(planned))
    else:
        theirs = known.scores.get((theirs_key, claim.split, claim.metric), Scores())
        planned |= known.seeds(theirs_key).planned
    seeds = sorted(ours.values.keys() & theirs.values.keys())
    line |= {"n": len(seeds), "incomplete": len(planned) - len(seeds)}
    needed = MIN_SPREAD_PAIRS if claim.compare == "spread" else MIN_CLAIM_PAIRS
    if len(seeds) < needed:
        other = known.name(line["control"])
        reason = barred or f"too few seeds: {len(seeds)} complete pairs with {other}, {needed} needed"
        return _Contest(line | {"verdict": NOT_TESTABLE, "reason": reason}, claim)
    a, b = (np.array([scores.values[seed] for seed in seeds]) for scores in (ours, theirs))
    margin = curve_margin(claim.metric, float(b.mean())) if line["control"] == CURVE_CONTROL else 0.0
    if np.isnan(margin):
        return _Contest(line | {"verdict": NOT_TESTABLE, "reason": NOT_KNOWN}, claim)
    # the curve has no floor of its own: the same metric on the same data
    sides = tuple(
        known.side(key, claim.metric, claim.split, float(values.mean()), data, rate=line["control"] == CURVE_CONTROL)
        for key, values, data in ((ours_key, a, ours), (theirs_key, b, theirs if theirs.floors else ours))
    )
    if claim.compare == "spread":  # a spread is at no floor, and passes nothing
        sides = tuple(replace(side, mean=np.nan) for side in sides)
    sign = 1.0 if claim.direction == "higher" else -1.0
    # a caution: a score that is unfit says nothing, not even that both are as good
    unfit = why_undecided(claim.metric, min(ours.sizes))
    sides = tuple(replace(side, caution=side.caution or unfit) for side in sides)
    return _Contest(line, claim, a, b, sides, sign, barred, margin)


def _means(tested: list[_Contest]) -> None:
    """Fill in the tests of means: each side must win by more than the margin."""
    ours, theirs = _matrix([one.ours for one in tested]), _matrix([one.theirs for one in tested])
    differences = ours - theirs
    _, mean, sd = s.moments(differences)
    low, high = s.paired_interval(differences)
    margin = np.array([one.margin for one in tested])[:, None]
    below, above = s.paired_p(differences + margin, "less"), s.paired_p(differences - margin, "greater")
    lower = np.array([one.claim.direction == "lower" for one in tested])
    control = s.moments(theirs).mean
    matters = [
        one.claim.matters.absolute or abs(b) * (one.claim.matters.relative or 0)
        for one, b in zip(tested, control, strict=True)
    ]
    skew = s.skewness(differences)
    _fill(
        tested,
        {
            "challenger_value": s.moments(ours).mean, "control_value": control, "effect": mean, "low": low,
            "high": high, "p": np.where(lower, below, above), "p_opposite": np.where(lower, above, below),
            "p_sign_flip": s.sign_flip(differences, numpy_generator(0, "sign-flip")), "skew": skew, "matters": matters,
            "margin": margin[:, 0],
            "half_width": (high - low) / 2, "seeds_needed": list(map(s.seeds_for_mean, sd.tolist(), matters)),
        },
        above, below, skew,
    )  # fmt: skip


def _spreads(tested: list[_Contest]) -> None:
    """Fill in the tests of spreads."""
    ours, theirs = _matrix([one.ours for one in tested]), _matrix([one.theirs for one in tested])
    ratio, low, high, p = s.spread_ratio(ours, theirs, "less")
    narrower = np.nan_to_num(p, nan=1.0)
    wider = np.where(np.isfinite(p), 1 - p, 1.0)
    spread = [np.nanmean(np.abs(side - s.median(side)[:, None]), axis=-1) for side in (ours, theirs)]
    share = [one.claim.matters.relative or 0.0 for one in tested]
    needed = [
        s.seeds_for_ratio(one.ours, one.theirs, 1 - part) if np.isfinite(r) else None  # type: ignore[arg-type]
        for one, part, r in zip(tested, share, ratio, strict=True)
    ]
    _fill(
        tested,
        {
            "challenger_value": spread[0], "control_value": spread[1], "effect": ratio, "low": low, "high": high,
            "p": narrower, "p_opposite": wider, "matters": share, "margin": np.zeros(len(tested)),
            "half_width": (high - low) / 2, "seeds_needed": needed,
        },
        wider, narrower, np.zeros(len(tested)),
    )  # fmt: skip


def _matrix(rows: list[np.ndarray | None]) -> np.ndarray:
    """Rows of several lengths as one array (rows, most seeds), NaN after the end of each."""
    known = [row for row in rows if row is not None]
    matrix = np.full((len(known), max(map(len, known))), np.nan)
    for line, row in zip(matrix, known, strict=True):
        line[: len(row)] = row
    return matrix


def _fill(tested: list[_Contest], columns: dict[str, Any], above: np.ndarray, below: np.ndarray, skew: Any) -> None:
    """Write the columns into the contests' lines, and why a win of either side does not count."""

    def side(index: int) -> Side:
        texts = ("name", "caution")
        fields = ("name", "diverged", "lost", "mean", "floor", "noise", "caution")
        columns = ([getattr(one.sides[index], name) for one in tested] for name in fields)
        kinds = (object if name in texts else float for name in fields)
        return Side(*(np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)))

    comparison = Comparison(
        one=side(0),
        other=side(1),
        pairs=np.array([one.line["n"] for one in tested]),
        sign=np.array([one.sign for one in tested]),
        p_above=above,
        p_below=below,
        skew=skew,
        best=np.array([best_of(one.claim.metric) for one in tested]),
        barred=np.array([one.barred for one in tested], dtype=object),
    )
    columns["withheld"], columns["withheld_loss"] = withheld(comparison)
    columns["caution"] = [one.sides[0].caution or one.sides[1].caution for one in tested]
    for i, one in enumerate(tested):
        one.line.update({name: values[i] for name, values in columns.items()})
