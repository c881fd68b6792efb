"""The table of weights: every weight of every tuned family, and which was chosen."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import HEADLINES
from phvae.analysis.results.long_table import CELL
from phvae.analysis.results.tuned import Tuned, tuned
from phvae.analysis.statistics.rate_distortion import RATE
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_column
from phvae.analysis.tables.score_cells import heading
from phvae.experiment.tuning import VALIDATION_ELBO, TuningConfig
from phvae.words import listed

__all__ = ["about", "compared_by", "reported", "weights"]


def weights(inputs: TableInputs, tuning: TuningConfig) -> tuple[Table, pd.DataFrame]:
    """Every weight of every family: the criterion at the selection seeds, rate and scores at the others."""
    found = tuned(inputs.table, inputs.costs, tuning)
    frame = found.weights.assign(label=found.weights["variant"].map(inputs.labels))
    rows = found.report[(found.report["split"] == "test") & (found.report["status"] == "ok")]
    shown = [metric for metric in (RATE, *compared_by(tuning)) if metric in set(rows["metric"])]
    means = rows[rows["metric"].isin(shown)].groupby([*CELL, "metric"])["value"].mean().unstack("metric")
    frame = frame.join(means, on=CELL)
    table = Table("weights", "Weights", f"{about(tuning)} Rate (KL) and scores are means over the other seeds.")
    for dataset in inputs.datasets():
        size = inputs.sizes(dataset)[-1]
        here = frame[(frame["dataset"] == dataset) & (frame["n_train"] == size)]
        columns = [metric for metric in shown if here[metric].notna().any()]
        header = ["family", "variant", "chosen", f"by {_criterion(tuning)}", *map(metric_label, columns)]
        if len(here):
            table.blocks.append(TableBlock(reported(found, dataset, size), header, _body(here, columns)))
    return table, frame


def compared_by(tuning: TuningConfig) -> list[str]:
    """The metrics that families are compared by."""
    chosen_by = [] if tuning.criterion == VALIDATION_ELBO else [tuning.criterion]
    return list(dict.fromkeys([*chosen_by, *HEADLINES]))


def about(tuning: TuningConfig) -> str:
    """How weights were chosen, in words."""
    count = len(next(iter(tuning.families.values())))
    of = "" if tuning.criterion == VALIDATION_ELBO else " of the test split"
    return (
        f"Each family has {count} weights. Chosen is the one with the best mean of {_criterion(tuning)}{of} over the "
        f"selection seeds ({listed(map(str, tuning.seeds))}), which are left out of every comparison."
    )


def reported(found: Tuned, dataset: str, size: str) -> str:
    """A block's heading: data set, training size, number of seeds that chose nothing."""
    rows = found.report[(found.report["dataset"] == dataset) & (found.report["n_train"] == size)]
    return heading(dataset, size, rows["seed"].nunique())


def _criterion(tuning: TuningConfig) -> str:
    return "−ELBO, validation" if tuning.criterion == VALIDATION_ELBO else metric_label(tuning.criterion)


def _body(rows: pd.DataFrame, columns: list[str]) -> list[list[TableCell]]:
    families = [TableCell(family) for family in rows["family"]]
    variants = [
        TableCell(label, bold=bool(chosen)) for label, chosen in zip(rows["label"], rows["chosen"], strict=True)
    ]
    marks = [TableCell("yes" if chosen else "") for chosen in rows["chosen"]]
    numbers = [number_column(rows[name]) for name in ("criterion", *columns)]
    return [list(cells) for cells in zip(families, variants, marks, *numbers, strict=True)]
