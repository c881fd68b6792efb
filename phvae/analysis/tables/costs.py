"""The tables of cost and of parameters: means over the seeds of a cell."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from phvae.analysis.results.long_table import CELL
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, number_column
from phvae.analysis.tables.score_cells import heading, row_name

__all__ = ["cost", "parameters"]

_COST = {
    "seconds_train": "training, s",
    "images_per_second": "examples/s",
    "peak_memory_mb": "peak memory, MB",
    "seconds_encode": "encoding, s",
    "seconds_evaluate": "evaluation, s",
    "epochs": "epochs",
    "best_epoch": "best epoch",
    "late_gain": "late gain, %",
}
_PARAMETERS = {"parameters": "all", "parameters_encoder": "encoders", "parameters_decoder": "decoder"}
_RULES = [
    "Seeds that were trained together in a stack share its time and memory; machines differ, see provenance.",
    "Late gain: how much of the fall of the validation loss, first epoch to lowest, came in the last tenth of the "
    "epochs; near 0 where the curve has flattened.",
    "With a budget of steps an epoch is a look at the validation loss, not a pass over the training examples.",
]


def _means(inputs: TableInputs, columns: Sequence[str]) -> pd.DataFrame:
    """Mean over seeds of columns of the costs, a row a cell, with the number of runs."""
    costs = inputs.costs
    if not len(costs):
        return pd.DataFrame(columns=[*CELL, "label", "runs", *columns])
    grouped = costs.groupby(CELL, sort=False)
    frame = grouped[list(columns)].mean().astype("float64").reset_index()
    frame.insert(3, "label", frame["variant"].map(inputs.labels))
    frame.insert(4, "runs", grouped.size().to_numpy())
    return frame


def _blocks(inputs: TableInputs, frame: pd.DataFrame, columns: dict[str, str]) -> list[TableBlock]:
    """Variants by columns of each data set that has any of them, at its largest training size."""
    blocks = []
    for dataset in inputs.datasets():
        size = inputs.sizes(dataset)[-1]
        rows = frame[(frame["dataset"] == dataset) & (frame["n_train"] == size)]
        if not rows[list(columns)].notna().any(axis=None):
            continue
        names = [row_name(inputs, dataset, size, variant) for variant in rows["variant"]]
        body = zip(names, *(number_column(rows[name]) for name in columns), strict=True)
        title = heading(dataset, size, int(rows["runs"].max()))
        blocks.append(TableBlock(title, ["variant", *columns.values()], [list(cells) for cells in body]))
    return blocks


def cost(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Seconds, speed and memory: means over the seeds of a cell."""
    frame = _means(inputs, list(_COST))
    frame["late_gain"] *= 100
    return Table("cost", "Cost", "Means over seeds.", _blocks(inputs, frame, _COST), rules=_RULES), frame


def parameters(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Numbers of parameters, and their ratio to the baseline's."""
    frame = _means(inputs, list(_PARAMETERS))
    base = frame[frame["variant"] == inputs.baseline].set_index(["dataset", "n_train"])["parameters"]
    keys = pd.MultiIndex.from_frame(frame[["dataset", "n_train"]])
    frame["ratio"] = frame["parameters"].to_numpy() / base.reindex(keys).to_numpy(dtype="float64")
    columns = _PARAMETERS | {"ratio": f"all / {inputs.labels[inputs.baseline]}"}
    return Table("parameters", "Parameters", "Trainable numbers of each model.", _blocks(inputs, frame, columns)), frame
