"""What all tables are made from: the long table, its statistics, labels, costs, origins, published numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from phvae.analysis.claims.published import COLUMNS as PUBLISHED
from phvae.analysis.claims.published import read_published
from phvae.analysis.results.configuration import default_baseline, seeds_vary
from phvae.analysis.results.hardware import across_hardware
from phvae.analysis.results.long_table import CELL, labels_of, read_costs, read_runs, read_table, size_key
from phvae.analysis.results.roles import EXTERNAL
from phvae.analysis.results.run_status import run_status
from phvae.analysis.statistics.against_baseline import against
from phvae.metrics.registry import lookup

__all__ = ["TableInputs", "group_of", "read_inputs"]

OUTSIDE = (
    "(external): trained elsewhere; the outputs are judged as they were given, and parameters, cost and code are as "
    "their author states."
)


@dataclass(frozen=True)
class TableInputs:
    """A results folder, read once.

    Attributes:
        table: the long table.
        statistics: `statistics.against` of it, with the columns `label` and `group` (of the metric).
        labels: variant -> how tables call it.
        losses: (data set, n_train, variant) -> its runs without numbers in words, empty if there are none.
        varies: what differs from seed to seed, whether pairs span different hardware, and what is said of models
            trained elsewhere, in words; empty if there is nothing to say.
    """

    baseline: str
    table: pd.DataFrame
    statistics: pd.DataFrame
    labels: dict[str, str]
    losses: dict[tuple[str, str, str], str]
    costs: pd.DataFrame
    runs: pd.DataFrame
    published: pd.DataFrame
    varies: str = ""

    def datasets(self) -> list[str]:
        """Data sets in the table's order."""
        return list(self.table["dataset"].unique())

    def sizes(self, dataset: str) -> list[str]:
        """Training sizes of a data set, ascending, "all" last."""
        return self._sizes[dataset]

    @cached_property
    def _sizes(self) -> dict[str, list[str]]:
        found = self.table.groupby("dataset", sort=False)["n_train"].unique()
        return {str(name): sorted(sizes, key=size_key) for name, sizes in found.items()}


def group_of(metric: str) -> str:
    """The group of a metric; "other" for one that the registry no longer knows."""
    try:
        return lookup(metric).group
    except KeyError:
        return "other"


def read_inputs(root: Path, published: Path | None = None, baseline: str | None = None) -> TableInputs:
    """Read a results folder and compute its statistics.

    Raises:
        DataError: no long table, or a damaged config.json.
        ConfigError: unknown baseline, or published numbers that cannot be read.
    """
    root = Path(root)
    table = read_table(root)
    runs = read_runs(root)
    baseline = baseline or default_baseline(root)
    statistics = against(table, baseline)
    labels = labels_of(table, runs)
    statistics["label"] = statistics["variant"].map(labels)
    statistics["group"] = statistics["metric"].map({m: group_of(m) for m in statistics["metric"].unique()})
    printed = read_published(published) if published else pd.DataFrame(columns=list(PUBLISHED))
    outside = OUTSIDE if (table["family"].str.startswith(EXTERNAL)).any() else ""
    varies = " ".join(filter(None, (seeds_vary(root, list(table["dataset"].unique())), across_hardware(runs), outside)))
    return TableInputs(baseline, table, statistics, labels, _losses(table), read_costs(root), runs, printed, varies)


def _losses(table: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    runs = run_status(table)
    lost = runs[runs["status"].isin(["diverged", "failed", "missing"])]
    counts = lost.groupby([*CELL, "status"], sort=True)["seed"].nunique()
    found: dict[tuple[str, str, str], str] = {}
    for row in counts.reset_index(name="count").to_dict("records"):
        cell = (str(row["dataset"]), str(row["n_train"]), str(row["variant"]))
        found[cell] = ", ".join(filter(None, [found.get(cell, ""), f"{row['count']} {row['status']}"]))
    return found
