"""The table of epochs: which was kept, by what, and what the last one would have given."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.results.long_table import CELL
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell, number_column
from phvae.analysis.tables.score_cells import heading, row_name

__all__ = ["epochs"]

_SHOWN = {"kept_elbo": "−ELBO, kept", "last_elbo": "−ELBO, last", "kept_kl": "KL, kept", "last_kl": "KL, last"}
_MEANS = ["kept_elbo", "last_elbo", "kept_reconstruction", "last_reconstruction", "kept_kl", "last_kl"]
CAPTION = "Which epoch was kept, and what the last would have given on the validation split: means over seeds, in nats."
RULES = [
    "Chosen by loss (training.select): the lowest validation loss, which is each objective's own, so that variants "
    "with other divergences are chosen by other numbers.",
    "Chosen by reconstruction: the lowest reconstruction term. By elbo: the lowest −ELBO, which is reconstruction + "
    "KL(q‖p) whatever the divergence. By last: no choice.",
]


def epochs(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Validation terms of the epoch that was kept and of the last: means over the seeds of a cell."""
    frame = _by_cell(inputs)
    table = Table("epochs", "Epochs", CAPTION, rules=RULES)
    for dataset in inputs.datasets():
        size = inputs.sizes(dataset)[-1]
        rows = frame[(frame["dataset"] == dataset) & (frame["n_train"] == size)]
        if len(rows):
            header = ["variant", "chosen by", "median epoch", "of", "seeds at the last", *_SHOWN.values()]
            table.blocks.append(
                TableBlock(heading(dataset, size, int(rows["runs"].max())), header, _body(inputs, rows))
            )
    return table, frame


def _by_cell(inputs: TableInputs) -> pd.DataFrame:
    """A row a cell whose runs keep their epochs; runs that diverged kept none."""
    costs = inputs.costs[(inputs.costs["status"] == "ok") & inputs.costs["kept_kl"].notna()]
    for epoch in ("kept", "last"):
        costs = costs.assign(**{f"{epoch}_elbo": costs[f"{epoch}_reconstruction"] + costs[f"{epoch}_kl"]})
    grouped = costs.assign(at_last=costs["best_epoch"] == costs["epochs"]).groupby(CELL, sort=False)
    frame = grouped.agg(
        runs=("seed", "size"),
        select=("select", "first"),
        best_epoch=("best_epoch", "median"),
        epochs=("epochs", "max"),
        at_last=("at_last", "sum"),
        **{name: (name, "mean") for name in _MEANS},
    ).reset_index()
    frame.insert(3, "label", frame["variant"].map(inputs.labels))
    return frame


def _body(inputs: TableInputs, rows: pd.DataFrame) -> list[list[TableCell]]:
    names = [row_name(inputs, row["dataset"], row["n_train"], row["variant"]) for _, row in rows.iterrows()]
    chosen = [TableCell(select) for select in rows["select"]]
    counts = [
        [number_cell(float(count), f"{count:g}") for count in rows[name]]
        for name in ("best_epoch", "epochs", "at_last")
    ]
    terms = [number_column(rows[name]) for name in _SHOWN]
    return [list(cells) for cells in zip(names, chosen, *counts, *terms, strict=True)]
