"""One metric on several data sets, on one scale: in units of what matters, or of the spread of the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from phvae.analysis.claims.schema import Matters
from phvae.analysis.statistics.moments import Array
from phvae.analysis.statistics.verdict import MIN_PAIRS, best_of

__all__ = ["set_scores", "units_of"]


def units_of(rows: pd.DataFrame, baseline: str, matters: Matters | None) -> dict[str, float]:
    """Data set -> the unit of a metric there; data sets without one are left out.

    Args:
        rows: of one metric, a run each, as the long table has them.
        baseline: the variant whose mean a relative effect is a share of.
        matters: the smallest effect that matters; without one the unit is the interquartile range of all runs.
    """
    found = {}
    for dataset, here in rows.groupby("dataset", sort=False):
        size = abs(here.loc[here["variant"] == baseline, "value"].mean())
        if matters is None:
            unit = float(np.subtract(*np.quantile(here["value"], [0.75, 0.25])))
        else:
            unit = matters.absolute or (matters.relative or 0.0) * size
        if size >= 0 and unit > 0:  # the baseline has runs
            found[str(dataset)] = unit
    return found


def set_scores(
    rows: pd.DataFrame, variants: Sequence[str], baseline: str, units: Mapping[str, float]
) -> dict[str, Array]:
    """Data set -> (variants, seeds): how much better than the mean of `baseline` each run is, in the data set's unit.

    Of a metric with a value of the data themselves, being past it is no gain. A data set is left out where a value
    carries a caution, or where fewer than three seeds have a value of every variant; elsewhere other seeds are.

    Args:
        rows: of one metric that has a better direction, a run each.
        variants: with `baseline` among them.
        baseline: whose mean is 0.
        units: as `units_of` gives them.
    """
    found = {}
    for dataset, here in rows[rows["variant"].isin(variants)].groupby("dataset", sort=False):
        wide = here.pivot(index="variant", columns="seed", values="value").reindex(list(variants)).dropna(axis=1)
        if str(dataset) not in units or wide.shape[1] < MIN_PAIRS or (here["caution"] != "").any():
            continue
        sign = 1.0 if here["higher_is_better"].iloc[0] else -1.0
        gains = np.fmin(sign * wide.to_numpy(dtype=float), sign * best_of(str(here["metric"].iloc[0])))
        found[str(dataset)] = (gains - gains[list(variants).index(baseline)].mean()) / units[str(dataset)]
    return found
