"""The tables of scores: densities, images, disentanglement, latent codes; variants by metrics of each data set."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import DENSITY_MARKERS, SCORE_TABLES
from phvae.analysis.presentation.numbers import number, plus_minus
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell
from phvae.analysis.tables.score_cells import CSV_COLUMNS, heading, legend, row_name, score_cell

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
    table = Table(name, kind.title, legend(inputs))
    for dataset in datasets:
        size = inputs.sizes(dataset)[-1]
        block = _scores(inputs, dataset, size, kind.shown)
        if block:
            table.blocks.append(block)
    rows = stats[stats["dataset"].isin(datasets) & stats["group"].isin(kind.groups)]
    return table, _with_published(rows, inputs)[[*CSV_COLUMNS, "published", "published_sd", "published_source"]]


def _with_published(rows: pd.DataFrame, inputs: TableInputs) -> pd.DataFrame:
    printed = inputs.published.rename(
        columns={"value": "published", "sd": "published_sd", "source": "published_source"}
    )
    return rows.merge(printed, how="left", on=["dataset", "n_train", "variant", "metric"])


def _scores(inputs: TableInputs, dataset: str, size: str, shown: Sequence[str]) -> TableBlock | None:
    """Variants by metrics of one data set and size."""
    stats = inputs.statistics
    rows = stats[(stats["dataset"] == dataset) & (stats["n_train"] == size) & (stats["split"] == "test")]
    valued = set(rows[rows["n"] > 0]["metric"])
    metrics = [metric for metric in shown if metric in valued]
    if not metrics:
        return None
    known = {(row["variant"], row["metric"]): row for _, row in rows[rows["metric"].isin(metrics)].iterrows()}
    variants = list(inputs.table[inputs.table["dataset"] == dataset]["variant"].unique())
    body: list[list[TableCell]] = [
        [row_name(inputs, dataset, size, variant), *(score_cell(known.get((variant, metric))) for metric in metrics)]
        for variant in variants
    ]
    for name in ("floor", "ceiling"):
        level = rows[rows["metric"].isin(metrics)].groupby("metric")[name].median()
        if level.notna().any():
            body.append([TableCell(name), *(number_cell(level.get(metric)) for metric in metrics)])
    body += _published_rows(inputs, dataset, size, metrics)
    planned = int(rows["planned"].max())
    return TableBlock(
        heading(dataset, size, planned),
        ["variant", *(metric_label(metric) for metric in metrics)],
        body,
        note=_note(rows, shown),
    )


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
    """Which metrics have no value, and why; how small a p-value can be."""
    texts = []
    pairs = int(rows["pairs"].max())
    if pairs > 0:
        texts.append(f"At {pairs} pairs the sign-flip p-value cannot fall below {number(float(s.smallest_p(pairs)))}.")
    empty = rows[rows["metric"].isin(shown) & (rows["n"] == 0) & (rows["reason"] != "")]
    reasons: dict[str, list[str]] = {}
    for metric, reason in empty.drop_duplicates("metric")[["metric", "reason"]].itertuples(index=False):
        if not (rows[rows["metric"] == metric]["n"] > 0).any():
            reasons.setdefault(str(reason), []).append(metric_label(str(metric), unit=False))
    texts += [f"No value for {', '.join(names)}: {reason}." for reason, names in reasons.items()]
    return " ".join(texts)
