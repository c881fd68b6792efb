"""The tables of scores: densities, images, disentanglement, latent codes; variants by metrics of each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import DENSITY_MARKERS, HEADLINES, SCORE_TABLES
from phvae.analysis.presentation.numbers import number, plus_minus
from phvae.analysis.presentation.reasons import without_advice
from phvae.analysis.presentation.references import MEANINGS, REFERENCES, reference_name
from phvae.analysis.statistics.verdict import best_of
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell
from phvae.analysis.tables.score_cells import CSV_COLUMNS, heading, legend, places, row_name, rules, score_cell

__all__ = ["score_table"]


def score_table(inputs: TableInputs, name: str) -> tuple[Table, pd.DataFrame]:
    """One of SCORE_TABLES: a block a data set at its largest training size; the CSV holds every size and metric."""
    kind = SCORE_TABLES[name]
    stats = inputs.statistics
    present = {d: set(stats[stats["dataset"] == d]["metric"]) for d in inputs.datasets()}
    datasets = [d for d, metrics in present.items() if metrics & set(kind.markers)]
    if name == "disentanglement":  # densities and tables have no factors to find
        without = {*DENSITY_MARKERS, *SCORE_TABLES["columns"].markers}
        datasets = [d for d in datasets if not present[d] & without]
    table = Table(name, kind.title, "", rules=rules(inputs))
    for dataset in datasets:
        size = inputs.sizes(dataset)[-1]
        block = _scores(inputs, dataset, size, kind.shown)
        if block:
            table.blocks.append(block)
    table.legend = legend(table.blocks, inputs.labels[inputs.baseline])
    table.rules += _meanings(table.blocks)
    rows = stats[stats["dataset"].isin(datasets) & stats["group"].isin(kind.groups)]
    return table, _with_published(rows, inputs)[[*CSV_COLUMNS, "published", "published_sd", "published_source"]]


def _with_published(rows: pd.DataFrame, inputs: TableInputs) -> pd.DataFrame:
    printed = inputs.published.rename(
        columns={"value": "published", "sd": "published_sd", "source": "published_source"}
    )
    return rows.merge(printed, how="left", on=["dataset", "n_train", "variant", "metric"])


def _scores(inputs: TableInputs, dataset: str, size: str, shown: Sequence[str]) -> TableBlock | None:
    """Variants by metrics of one data set and size, those of a headline first."""
    stats = inputs.statistics
    rows = stats[(stats["dataset"] == dataset) & (stats["n_train"] == size) & (stats["split"] == "test")]
    valued = set(rows[rows["n"] > 0]["metric"])
    first = [metric for metric in HEADLINES if metric in shown and metric in valued]
    metrics = first + [metric for metric in shown if metric in valued and metric not in first]
    if not metrics:
        return None
    known = {(row["variant"], row["metric"]): row for _, row in rows[rows["metric"].isin(metrics)].iterrows()}
    decimals = {metric: places(rows[rows["metric"] == metric]) for metric in metrics}
    body = [
        [
            row_name(inputs, dataset, size, variant),
            *(score_cell(known.get((variant, metric)), decimals[metric]) for metric in metrics),
        ]
        for variant in inputs.table[inputs.table["dataset"] == dataset]["variant"].unique()
    ]
    return TableBlock(
        heading(dataset, size, int(rows["planned"].max())),
        ["variant", *(metric_label(metric) for metric in metrics)],
        body,
        note=_note(rows, shown),
        reference=_references(rows, decimals) + _published_rows(inputs, dataset, size, metrics),
        headline=len(first) + 1 if first else 0,
    )


def _references(rows: pd.DataFrame, decimals: Mapping[str, int]) -> list[list[TableCell]]:
    """Floors, ceilings and the data's own values, a row for each kind; `decimals`: metric -> its column's."""
    found: dict[str, dict[str, float]] = {}
    for metric in decimals:
        of_metric = rows[rows["metric"] == metric]
        ceiling = of_metric["ceiling"].median()
        ends = {"floor": of_metric["floor"].median(), "ceiling": best_of(metric) if np.isnan(ceiling) else ceiling}
        for end, value in ends.items():
            if np.isfinite(value):
                found.setdefault(reference_name(metric, end, of_metric["settings"].iloc[0]), {})[metric] = value
    return [
        [TableCell(name), *(_number(found[name].get(metric), places) for metric, places in decimals.items())]
        for name in REFERENCES
        if name in found
    ]


def _number(value: float | None, places: int) -> TableCell:
    return number_cell(value, number(value, places=places))


def _meanings(blocks: Sequence[TableBlock]) -> list[str]:
    """What the rows of references in some blocks are."""
    names = {row[0].text for block in blocks for row in block.reference}
    return [f"{name[0].upper()}{name[1:]}: {text}." for name, text in MEANINGS.items() if name in names]


def _published_rows(inputs: TableInputs, dataset: str, size: str, metrics: Sequence[str]) -> list[list[TableCell]]:
    printed = inputs.published
    printed = printed[(printed["dataset"] == dataset) & (printed["n_train"] == size) & printed["metric"].isin(metrics)]
    found: list[list[TableCell]] = []
    for (variant, where), group in printed.groupby(["variant", "source"], sort=False):
        values = {
            row["metric"]: number_cell(row["value"], plus_minus(row["value"], row["sd"])) for _, row in group.iterrows()
        }
        label = inputs.labels.get(str(variant), str(variant))
        name = TableCell(f"{label}, published ({where}; ± sd)")
        found.append([name, *(values.get(metric, TableCell("–")) for metric in metrics)])
    return found


def _note(rows: pd.DataFrame, shown: Sequence[str]) -> str:
    """Which metrics have no value, and why."""
    empty = rows[rows["metric"].isin(shown) & (rows["n"] == 0) & (rows["reason"] != "")]
    reasons: dict[str, list[str]] = {}
    for metric, reason in empty.drop_duplicates("metric")[["metric", "reason"]].itertuples(index=False):
        if not (rows[rows["metric"] == metric]["n"] > 0).any():
            reasons.setdefault(without_advice(str(reason)), []).append(metric_label(str(metric), unit=False))
    return " ".join(f"No value for {', '.join(names)}: {reason}." for reason, names in reasons.items())
