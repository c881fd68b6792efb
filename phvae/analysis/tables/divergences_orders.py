"""The table of divergences and orders."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import BY_ORDER
from phvae.analysis.results.divergences import divergence_words, is_weighted_kl, short_number
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell
from phvae.analysis.tables.score_cells import CSV_COLUMNS, legend, places, rules, score_cell

__all__ = ["by_order"]


def by_order(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Divergences, by their weight, x orders: the plain polynomial variants (monomial, whole encoders) of each set.

    A divergence of one order has nothing to compare, but for KL itself.
    """
    stats = inputs.statistics.assign(weight=inputs.statistics["beta"].fillna(1))
    plain = stats[(stats["basis"] == "monomial") & (stats["encoder_width"] == "full") & (stats["split"] == "test")]
    orders_of = plain.groupby(["dataset", "n_train", "divergence", "weight"])["order"].transform("nunique")
    plain = plain[(orders_of > 1) | (plain["weight"].eq(1) & plain["divergence"].map(is_weighted_kl))]
    caption = (
        "At order 1 KL is the VAE, and so would be any normalised level weights: where their place is empty, nothing "
        "is missing. The log-ratio polynomial of order 1 is another model."
    )
    table = Table("divergences-orders", "Divergences and orders", caption, rules=rules(inputs))
    for dataset in inputs.datasets():
        size = inputs.sizes(dataset)[-1]
        rows = plain[(plain["dataset"] == dataset) & (plain["n_train"] == size)]
        orders = sorted(int(order) for order in rows["order"].unique())
        divergences = list(rows[["divergence", "weight"]].drop_duplicates().itertuples(index=False, name=None))
        if len(orders) < 2:
            continue
        for metric in BY_ORDER:
            of_metric = rows[(rows["metric"] == metric)]
            if not (of_metric["n"] > 0).any():
                continue
            known = {
                (int(row["order"]), row["divergence"], row["weight"]): row
                for _, row in of_metric[::-1].iterrows()  # where several variants are alike, the first stays
            }
            decimals = places(of_metric)
            body: list[list[TableCell]] = [
                [
                    number_cell(order, str(order)),
                    *(score_cell(known.get((order, *column)), decimals) for column in divergences),
                ]
                for order in orders
            ]
            header = ["order", *(_words(*column) for column in divergences)]
            table.blocks.append(TableBlock(f"{dataset}, {metric_label(metric)}", header, body))
    table.legend = legend(table.blocks, inputs.labels[inputs.baseline])
    return table, plain[["order", "divergence", "beta", "coupling", "prior", *CSV_COLUMNS]]


def _words(divergence: str, weight: float) -> str:
    """A column's name: the divergence, and its weight where that is not 1."""
    return divergence_words(divergence) + (f", β {short_number(weight)}" if weight != 1 else "")
