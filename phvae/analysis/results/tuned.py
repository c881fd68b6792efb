"""Weights chosen on the selection seeds, and the long table of the seeds that are reported."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from phvae.analysis.results.long_table import CELL
from phvae.experiment.tuning import VALIDATION_ELBO, TuningConfig
from phvae.metrics.registry import lookup

__all__ = ["Tuned", "tuned"]


@dataclass(frozen=True)
class Tuned:
    """What the selection seeds choose, and what the others say of it.

    Attributes:
        weights: a row a variant of a family: dataset, n_train, family, variant, criterion (mean over the selection
            seeds), seeds (those with a value), chosen, at_end (whether it is the first or last of its family).
        report: the long table at all other seeds, of variants of a family.
    """

    weights: pd.DataFrame
    report: pd.DataFrame


def tuned(table: pd.DataFrame, costs: pd.DataFrame, tuning: TuningConfig) -> Tuned:
    """Choose each family's weight on every data set and training size.

    A variant without a value at one of the selection seeds is not chosen: it diverged there, or is not scored.
    """
    place = {variant: (name, i) for name, all_ in tuning.families.items() for i, variant in enumerate(all_)}
    cells = table.loc[table["variant"].isin(place), CELL].drop_duplicates()
    values = _criterion(table, costs, tuning)
    grouped = values[values["seed"].isin(tuning.seeds)].groupby(CELL)["value"]
    found = pd.DataFrame({"criterion": grouped.mean(), "seeds": grouped.count()}).reset_index()
    weights = cells.merge(found, on=CELL, how="left")
    weights["seeds"] = weights["seeds"].fillna(0).astype("int64")
    weights.insert(2, "family", [place[variant][0] for variant in weights["variant"]])
    last = {name: len(variants) - 1 for name, variants in tuning.families.items()}
    weights["at_end"] = [place[v][1] in (0, last[place[v][0]]) for v in weights["variant"]]
    sign = 1.0 if tuning.criterion != VALIDATION_ELBO and lookup(tuning.criterion).higher_is_better else -1.0
    score = (sign * weights["criterion"]).where(weights["seeds"] == len(tuning.seeds)).dropna()
    best = score.groupby([weights.loc[score.index, name] for name in ("dataset", "n_train", "family")]).idxmax()
    weights["chosen"] = weights.index.isin(best)
    report = table[table["variant"].isin(place) & ~table["seed"].isin(tuning.seeds) & table["seed"].notna()]
    return Tuned(weights, report)


def _criterion(table: pd.DataFrame, costs: pd.DataFrame, tuning: TuningConfig) -> pd.DataFrame:
    """The criterion of every run: dataset, n_train, variant, seed, value."""
    if tuning.criterion == VALIDATION_ELBO:
        kept = costs[costs["status"] == "ok"]
        return kept[[*CELL, "seed"]].assign(value=kept["kept_reconstruction"] + kept["kept_kl"])
    rows = table[(table["metric"] == tuning.criterion) & (table["split"] == "test") & (table["status"] == "ok")]
    return rows[[*CELL, "seed", "value"]]
