"""The figures of several data sets at once: which metrics, variants and data sets they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis.claims.reading import read_claims
from phvae.analysis.claims.schema import Matters
from phvae.analysis.claims.set_scores import set_scores, units_of
from phvae.analysis.figures.choosing import choose_variants
from phvae.analysis.figures.interval_plot import IntervalPlot
from phvae.analysis.figures.panels import present
from phvae.analysis.figures.rank_matrix import RankMatrix
from phvae.analysis.figures.stored import Stored
from phvae.analysis.presentation.metrics_shown import HEADLINES
from phvae.analysis.results.long_table import RUN
from phvae.analysis.statistics.against_baseline import against
from phvae.analysis.statistics.over_sets import improvement, mean_rank, middle_mean, stratified
from phvae.analysis.statistics.verdict import BETTER, WORSE
from phvae.determinism.seeding import numpy_generator

__all__ = ["MOST_VARIANTS", "across_sets"]

MOST_VARIANTS = 8


def across_sets(stored: Stored) -> Iterator[tuple[IntervalPlot | RankMatrix, list[str]]]:
    """Figures, each with its data sets, of every metric that all variants drawn have on two data sets at least.

    Fewer say nothing of several data sets, and of fewer than eight runs the middle half is not shown.
    """
    for metric, matters in _metrics(stored).items():
        table = stored.largest[stored.largest["metric"].isin([metric, RUN])]
        rows = present(table[(table["split"] == "test") & table["higher_is_better"].notna()], [metric])
        variants = _variants(rows, stored.baseline)
        rows = rows[rows["variant"].isin(variants)]
        units = units_of(rows, stored.baseline, matters)
        scores = set_scores(rows, variants, stored.baseline, units)
        if len(scores) < 2 or len(variants) < 2:
            continue
        generator = numpy_generator(0, "figures", "across-sets")
        shown: dict[str, Any] = {"unit": _in_words(stored, matters), "matters": matters is not None}
        shown |= {"looks": stored.looks, "labels": stored.labels}
        middle = stratified([values[1:] - values[[0]] for values in scores.values()], middle_mean, generator)
        if np.isfinite(middle.value).all():
            better = stratified([*scores.values()], improvement, generator)
            yield IntervalPlot(metric, variants[0], variants[1:], middle, better, [*scores], **shown), [*scores]
        ranks = stratified([*scores.values()], mean_rank, generator)
        table = table[table["variant"].isin(variants) & table["dataset"].isin(units)]
        gains, resolved = _gains(against(table, stored.baseline), metric, variants, units)
        yield RankMatrix(metric, gains, resolved, ranks, [*scores], **shown), [*gains.columns]


def _metrics(stored: Stored) -> dict[str, Matters | None]:
    """The metrics of claims about means at the largest size, with what matters; without claims the headlines."""
    if stored.claims is None:
        return dict.fromkeys(HEADLINES)
    claims = read_claims(stored.claims)[0].claims.values()
    found: dict[str, Matters | None] = {}
    for claim in claims:
        if (claim.compare, claim.n_train) == ("mean", "largest"):
            found.setdefault(claim.metric, claim.matters)
    return found


def _variants(rows: pd.DataFrame, baseline: str) -> list[str]:
    """The usual choice, among the variants on more than half of the data sets of the baseline."""
    rows = rows[rows["dataset"].isin(rows.loc[rows["variant"] == baseline, "dataset"])]
    sets = rows.groupby("variant")["dataset"].nunique()
    return choose_variants(rows, baseline, MOST_VARIANTS, sets.index[2 * sets > rows["dataset"].nunique()])


def _gains(
    judged: pd.DataFrame, metric: str, variants: list[str], units: Mapping[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gains in units, and whether they are resolved: variants by data sets."""
    judged = judged[(judged["metric"] == metric) & (judged["split"] == "test")]
    sign = np.where(judged["higher_is_better"].astype(bool), 1.0, -1.0)
    gain = sign * judged["difference"] / judged["dataset"].map(units)
    own = judged["variant"] == variants[0]
    judged = judged.assign(gain=gain.mask(own, 0.0), resolved=judged["word"].isin([BETTER, WORSE]))
    gains, resolved = (
        judged.pivot(index="variant", columns="dataset", values=name).reindex(index=variants, columns=list(units))
        for name in ("gain", "resolved")
    )
    return gains, resolved.eq(True)  # not where nothing was compared


def _in_words(stored: Stored, matters: Matters | None) -> str:
    """What the unit is."""
    if matters is None:
        return "the interquartile range of all runs"
    name = stored.labels[stored.baseline]
    return f"{100 * matters.relative:g} % of {name}'s mean" if matters.relative else f"{matters.absolute:g}"
