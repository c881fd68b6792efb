"""The table of small data: variants by training size."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import BY_SIZE
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell
from phvae.analysis.tables.score_cells import CSV_COLUMNS, legend, places, rules, score_cell

__all__ = ["by_size"]


def by_size(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Small data: variants by training size, a block a metric of each data set that has several sizes."""
    stats = inputs.statistics
    table = Table("small-data", "Small data", "", rules=rules(inputs))
    several = [d for d in inputs.datasets() if len(inputs.sizes(d)) > 1]
    for dataset in several:
        sizes = inputs.sizes(dataset)
        rows = stats[(stats["dataset"] == dataset) & (stats["split"] == "test")]
        known = {(r["variant"], r["metric"], r["n_train"]): r for _, r in rows[rows["metric"].isin(BY_SIZE)].iterrows()}
        for metric in BY_SIZE:
            if not (rows[rows["metric"] == metric]["n"] > 0).any():
                continue
            values = rows[rows["metric"] == metric]
            decimals = {size: places(values[values["n_train"] == size]) for size in sizes}
            body: list[list[TableCell]] = [
                [
                    TableCell(inputs.labels[variant]),
                    *(score_cell(known.get((variant, metric, size)), decimals[size]) for size in sizes),
                ]
                for variant in rows["variant"].unique()
            ]
            header = ["variant", *(size if size == "all" else f"{int(size):,}" for size in sizes)]
            table.blocks.append(TableBlock(f"{dataset}, {metric_label(metric)}, by training size", header, body))
    table.legend = legend(table.blocks, inputs.labels[inputs.baseline])
    rows = stats[stats["dataset"].isin(several)]
    return table, rows[CSV_COLUMNS]
