"""The compact tables of the families of claims, as data: data sets x headline metrics x at most six variants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from phvae.analysis.claims.ledger import TESTED
from phvae.analysis.claims.schema import Claim, Claims, family_of
from phvae.analysis.presentation.metrics_shown import HEADLINES
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.score_cells import BEST, NEAR_BEST, standing

__all__ = ["FamilyPanel", "FamilyRow", "FamilyTable", "family_tables"]

VARIANTS = 6
Cell = tuple[str, str]  # a data set and its training size
Known = Mapping[tuple[str, str, str, str], pd.Series]  # (data set, n_train, variant, metric) -> its statistics


@dataclass(frozen=True)
class FamilyRow:
    """A data set: of each variant the statistics, and what the paper prints (value, standard deviation)."""

    name: str
    scores: list[pd.Series | None]
    published: list[tuple[float, float] | None]


@dataclass(frozen=True)
class FamilyPanel:
    """A metric, on the data sets that have it."""

    metric: str
    rows: list[FamilyRow]


@dataclass(frozen=True)
class FamilyTable:
    """A family: its claims in their own words, the labels of the variants, and a panel a metric."""

    name: str
    texts: list[str]
    labels: list[str]
    panels: list[FamilyPanel]


def family_tables(inputs: TableInputs, claims: Claims, verdicts: pd.DataFrame) -> list[FamilyTable]:
    """The tables of the families of which a claim was tested.

    A family has the metrics of its claims and those of the headlines, on the data sets where it was tested. Shown are
    the challengers, the baseline, the controls that were hardest to beat, and the variants that are best most often.

    Args:
        inputs: the results.
        claims: the claims.
        verdicts: `ledger.decide` of them.
    """
    stats = inputs.statistics[(inputs.statistics["split"] == "test") & (inputs.statistics["n"] > 0)]
    keys = zip(*(stats[name] for name in ("dataset", "n_train", "variant", "metric")), strict=True)
    known = dict(zip(keys, (row for _, row in stats.iterrows()), strict=True))
    tested = verdicts[verdicts["verdict"].isin(TESTED)]
    families = tested.groupby(tested["claim"].map(family_of), sort=False)
    return [_family(inputs, claims, known, str(name), rows) for name, rows in families]


def _family(inputs: TableInputs, claims: Claims, known: Known, name: str, verdicts: pd.DataFrame) -> FamilyTable:
    asked = [claim for one, claim in claims.claims.items() if one in set(verdicts["claim"])]
    metrics = list(dict.fromkeys([*(claim.metric for claim in asked), *HEADLINES]))
    sizes = {dataset: verdicts[verdicts["dataset"] == dataset]["n_train"].unique() for dataset in inputs.datasets()}
    cells = [(dataset, str(size)) for dataset in sizes for size in sizes[dataset]]
    judged = [row for (*cell, _, metric), row in known.items() if tuple(cell) in cells and metric in metrics]
    variants = _variants(inputs, asked, verdicts["control"].value_counts().index, judged)
    panels = [FamilyPanel(metric, _rows(inputs, known, cells, variants, metric)) for metric in metrics]
    return FamilyTable(
        name,
        [claim.text for claim in asked],
        [inputs.labels[variant] for variant in variants],
        [panel for panel in panels if panel.rows],
    )


def _variants(
    inputs: TableInputs, claims: Iterable[Claim], hardest: Iterable[str], judged: Iterable[pd.Series]
) -> list[str]:
    """Challengers and baseline, the hardest controls, then what is best, or not distinguishable from it, most often."""
    have = list(inputs.table["variant"].unique())
    marks = Counter((row["variant"], standing(row)) for row in judged)
    often = sorted(have, key=lambda variant: (-marks[variant, BEST], -marks[variant, NEAR_BEST]))
    first = [*(claim.challenger for claim in claims), inputs.baseline, *hardest, *often]
    chosen = [variant for variant in dict.fromkeys(first) if variant in have][:VARIANTS]
    return sorted(chosen, key=lambda variant: (variant != inputs.baseline, have.index(variant)))


def _rows(
    inputs: TableInputs, known: Known, cells: Iterable[Cell], variants: Sequence[str], metric: str
) -> list[FamilyRow]:
    found = []
    for dataset, size in cells:
        scores = [known.get((dataset, size, variant, metric)) for variant in variants]
        own = inputs.published[["dataset", "n_train", "metric"]].eq([dataset, size, metric]).all(axis=1)
        values = inputs.published[own][["variant", "value", "sd"]].itertuples(index=False, name=None)
        printed = {str(variant): (float(value), float(sd)) for variant, value, sd in values}
        name = dataset if size == "all" or len(inputs.sizes(dataset)) == 1 else f"{dataset}, {int(size):,}"
        if any(row is not None for row in scores):
            found.append(FamilyRow(name, scores, [printed.get(variant) for variant in variants]))
    return found
