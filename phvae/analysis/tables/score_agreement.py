"""The table of agreement: which score orders the runs of a data set most, and least, as each other does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import SCORES_SHOWN
from phvae.analysis.statistics.rank_agreement import LEAST_RUNS, rank_agreement
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell
from phvae.analysis.tables.score_cells import heading

__all__ = ["score_agreement"]

_COLUMNS = ["dataset", "n_train", "metric", "other", "correlation", "runs"]


def score_agreement(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """A block a data set at its largest training size; the CSV holds every pair of scores."""
    table = Table(
        "score-agreement",
        "Agreement of scores",
        "Spearman's rank correlation ρ of two scores over all runs, variants and seeds together: 1 where both call the "
        "same runs better, −1 where each calls better what the other calls worse.",
        rules=[
            f"Scores of which lower is better are turned. At least {LEAST_RUNS} runs have both.",
            "Runs of one variant are much the same: few variants make correlations large by chance.",
        ],
    )
    parts = []
    for dataset in inputs.datasets():
        size = inputs.sizes(dataset)[-1]
        rows = inputs.table[(inputs.table["dataset"] == dataset) & (inputs.table["n_train"] == size)]
        pairs = _pairs(*rank_agreement(rows, SCORES_SHOWN))
        if len(pairs):
            parts.append(pairs.assign(dataset=dataset, n_train=size))
            planned = int(rows.groupby("variant")["seed"].nunique().max())
            table.blocks.append(_block(heading(dataset, size, planned), pairs))
    return table, pd.concat(parts)[_COLUMNS] if parts else pd.DataFrame(columns=_COLUMNS)


def _pairs(correlations: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Every two different scores of which a correlation is known, both ways round."""
    names, values, counts = list(correlations.columns), correlations.to_numpy(), runs.to_numpy()
    known = zip(*np.nonzero(np.isfinite(values) & ~np.eye(len(names), dtype=bool)), strict=True)
    found = [(names[i], names[j], values[i, j], counts[i, j]) for i, j in known]
    return pd.DataFrame(found, columns=["metric", "other", "correlation", "runs"])


def _block(title: str, pairs: pd.DataFrame) -> TableBlock:
    rows = []
    for metric, others in pairs.groupby("metric", sort=False):
        most, least = (others.loc[others["correlation"].agg(end)] for end in ("idxmax", "idxmin"))
        rows.append(
            [
                TableCell(metric_label(str(metric), unit=False)),
                *_end(most),
                *_end(least),
                _correlation(others["correlation"].median()),
                number_cell(float(others["runs"].min()), str(others["runs"].min())),
            ]
        )
    header = ["score", "agrees most with", "ρ", "agrees least with", "ρ", "median ρ", "runs"]
    return TableBlock(title, header, rows, widths=[0.2, 0.19, None, 0.19, None, None, None])


def _end(row: pd.Series) -> list[TableCell]:
    return [TableCell(metric_label(str(row["other"]), unit=False)), _correlation(row["correlation"])]


def _correlation(value: float) -> TableCell:
    return number_cell(float(value), f"{value:.2f}")
