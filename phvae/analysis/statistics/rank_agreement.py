"""Which scores order runs alike: rank correlations over all runs of a data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phvae.analysis.results.long_table import CELL

__all__ = ["LEAST_RUNS", "rank_agreement"]

LEAST_RUNS = 6  # that have both scores: of fewer, one in six pairs of unrelated scores has a correlation of 1 or -1


def rank_agreement(table: pd.DataFrame, metrics: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spearman's rank correlation of every two scores over the runs that have both, and how many runs these are.

    Scores of which lower is better are turned: 1 means that both call the same runs better, -1 that each calls better
    what the other calls worse. Scores without a direction, of fewer than six runs, or equal for all, are left out.
    Runs of one variant are alike, so that the runs are no independent examples, and no p-value is given. Locatello et
    al. (2019), fig. 2.

    Args:
        table: long table of one data set and training size; rows without a seed are no runs.
        metrics: the scores, in their order.

    Returns:
        Correlations, NaN where fewer than six runs have both, and numbers of runs; scores by scores.
    """
    rows = table[table["metric"].isin(metrics) & table["value"].notna() & table["seed"].notna()]
    rows = rows[rows["higher_is_better"].notna() & (rows["split"] == "test")]
    turned = rows["value"].where(rows["higher_is_better"].astype(bool), -rows["value"])
    wide = rows.assign(value=turned).pivot_table(index=[*CELL, "seed"], columns="metric", values="value")
    wide = wide.loc[:, (wide.count() >= LEAST_RUNS) & (wide.max() > wide.min())]
    wide = wide[[metric for metric in metrics if metric in wide.columns]].astype(np.float64)
    there = wide.notna().to_numpy(np.int64)  # of no scores, too, where all runs diverged
    runs = pd.DataFrame(there.T @ there, index=wide.columns, columns=wide.columns)
    return wide.corr(method="spearman", min_periods=LEAST_RUNS), runs
