"""Two long tables number by number: which agree within the spread of the seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phvae.analysis.results.long_table import CELL, KEY, RUN
from phvae.analysis.results.run_status import run_status
from phvae.analysis.statistics.student import above
from phvae.analysis.statistics.summary import summary

__all__ = ["LEVEL", "SHARE", "Agreement", "compare_tables"]

LEVEL = 0.001  # a number that chance would move this far once in a thousand times differs
SHARE = 0.01  # share of numbers that may differ before the whole is not reproduced
TOGETHER = 0.01  # level at which as many numbers moving as far at once are beyond chance
SAME = 1e-6  # relative difference below which values of one seed count as equal
FAILED = "not comparable: mine failed"
# Which level or coordinate codes is a seed's own choice where a model has several that would do: some seeds near 0, the
# others near the whole. No test of means fits such a number, and all seeds of one side may have chosen alike by chance.
CHOSEN = r"kl_level_\d+(_coordinate_\d+)?"


@dataclass(frozen=True)
class Agreement:
    """Every common number with its verdict, the runs that the reference alone finished, and the data sets not run."""

    numbers: pd.DataFrame
    runs: pd.DataFrame
    not_run: list[str]
    only_mine: int
    only_reference: int

    @property
    def differing(self) -> int:
        """How many comparable numbers differ."""
        return int((self.numbers["verdict"] == "differs").sum())

    @property
    def comparable(self) -> int:
        """How many numbers could be compared."""
        return int((~self.numbers["verdict"].str.startswith("not comparable")).sum())

    @property
    def impossible(self) -> int:
        """How many numbers differ by more than chance allows among so many."""
        return int(self.numbers["beyond"].sum())

    @property
    def failed(self) -> int:
        """How many numbers the reference has where mine is an error."""
        return int((self.numbers["verdict"] == FAILED).sum())

    @property
    def good(self) -> bool:
        """Whether no more numbers differ than chance explains, and as many runs and scores ended well."""
        few = self.differing <= SHARE * self.comparable and not self.impossible
        return self.comparable > 0 and few and not len(self.runs) and not self.failed


def compare_tables(mine: pd.DataFrame, reference: pd.DataFrame) -> Agreement:
    """Compare two long tables number by number."""
    columns = [*KEY, "n", "mean", "sd", "settings", "points", "caution"]
    both = summary(mine)[columns].merge(
        summary(reference)[columns], on=KEY, how="outer", suffixes=("", "_ref"), indicator=True
    )
    sides = both["_merge"].value_counts()
    numbers = both[(both["_merge"] == "both") & ((both["n"] > 0) | (both["n_ref"] > 0))].drop(columns="_merge")
    numbers = numbers.reset_index(drop=True)
    equal = _equal_seeds(numbers, mine, reference)
    n, n_ref = numbers["n"].to_numpy(), numbers["n_ref"].to_numpy()
    spread, spread_ref = numbers["sd"].fillna(0).to_numpy(), numbers["sd_ref"].fillna(0).to_numpy()
    sums = np.maximum(n - 1, 0) * spread**2 + np.maximum(n_ref - 1, 0) * spread_ref**2
    freedom = n + n_ref - 2
    difference = numbers["mean"].to_numpy() - numbers["mean_ref"].to_numpy()
    known = (n > 0) & (n_ref > 0) & (freedom > 0)
    error = np.sqrt(sums / np.maximum(freedom, 1) * (1 / np.maximum(n, 1) + 1 / np.maximum(n_ref, 1)))
    t = np.divide(np.abs(difference), error, out=np.zeros(len(numbers)), where=error > 0)
    p = np.where(known & (error > 0), 2 * above(t, np.maximum(freedom, 1)), np.nan)
    scale = numbers[["mean", "mean_ref"]].abs().max(axis=1).to_numpy()
    close = np.abs(difference) <= SAME * scale
    alike = (_deciding(numbers["settings"]) == _deciding(numbers["settings_ref"])) & (
        numbers["points"].fillna(-1) == numbers["points_ref"].fillna(-1)
    )
    numbers["difference"], numbers["p"] = difference, np.where(close | equal, 1.0, p)
    cautioned = ((numbers["caution"] != "") | (numbers["caution_ref"] != "")).to_numpy()
    chosen = numbers["metric"].str.fullmatch(CHOSEN).to_numpy()
    judged = known & alike.to_numpy() & ~cautioned & ~chosen & np.isfinite(numbers["p"].to_numpy())
    numbers["beyond"] = _beyond(numbers["p"].where(judged).to_numpy())
    numbers["verdict"] = np.select(
        [
            (n == 0) & (n_ref > 0) & _failed(numbers, mine),
            (n == 0) | (n_ref == 0),
            cautioned,
            ~alike,
            equal,
            close,
            chosen,
            ~known,
            (p < LEVEL) | (error == 0) | numbers["beyond"],
        ],
        [
            FAILED,
            "not comparable: one side has no value",
            "not comparable: shown with a caution",
            "not comparable: settings differ",
            "same",
            "agrees",
            "not comparable: which level or coordinate codes is up to the seed",
            "not comparable: one seed on each side",
            "differs",
        ],
        "agrees",
    )
    runs = run_status(mine).merge(run_status(reference), on=[*CELL, "seed"], suffixes=("", "_ref"))
    tried = runs["dataset"].isin(runs.loc[runs["status"] != "missing", "dataset"])
    worse = runs[tried & (runs["status"] != "ok") & (runs["status_ref"] == "ok")]
    not_run = [str(name) for name in runs.loc[~tried, "dataset"].unique()]
    return Agreement(numbers, worse, not_run, int(sides.get("left_only", 0)), int(sides.get("right_only", 0)))


def _beyond(p: np.ndarray) -> np.ndarray:
    """Which of the p-values are told from chance at a false discovery rate of TOGETHER; NaN is none and not counted.

    >>> _beyond(np.array([0.004, 0.004, 0.9, np.nan])), _beyond(np.array([0.006, 0.9]))
    (array([ True,  True, False, False]), array([False, False]))
    """
    ranked = np.sort(p[np.isfinite(p)])
    passed = ranked[ranked <= TOGETHER * np.arange(1, len(ranked) + 1) / max(len(ranked), 1)]
    return p <= (passed[-1] if len(passed) else -1.0)


def _failed(numbers: pd.DataFrame, mine: pd.DataFrame) -> np.ndarray:
    """For each number: whether a score of mine is an error, rather than empty for a reason."""
    failed = mine[mine["status"] == "failed"][KEY].drop_duplicates().assign(failed=True)
    return numbers[KEY].merge(failed, on=KEY, how="left")["failed"].eq(True).to_numpy(dtype=bool)


def _deciding(settings: pd.Series) -> pd.Series:
    """Settings without what they say of a floor, and without what was found, not set.

    That is how many draws a likelihood took to settle, and which weights training gave the grid's own classifier: from
    one kind of CPU to another they differ in their last digits.
    """
    for found in (r"(^|; )floor: .*$", r", \d+ draws per example, k up to [^;]*", r"(?<=\bclassifier) \(weights \w+\)"):
        settings = settings.str.replace(found, "", regex=True)
    return settings


def _values(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[(table["status"] == "ok") & (table["metric"] != RUN)]
    return rows.assign(seed=rows["seed"].fillna(-1).astype("int64"))[[*KEY, "seed", "value"]]


def _equal_seeds(numbers: pd.DataFrame, mine: pd.DataFrame, reference: pd.DataFrame) -> np.ndarray:
    """For each number: whether the sides share all seeds of the one with fewer, and all those values are equal."""
    both = _values(mine).merge(_values(reference), on=[*KEY, "seed"], suffixes=("", "_ref"))
    values = both[["value", "value_ref"]]
    near = (values["value"] - values["value_ref"]).abs() <= SAME * values.abs().max(axis=1)
    alike = both[KEY].assign(equal=near).groupby(KEY, as_index=False)["equal"].agg(["all", "size"])
    found = numbers[[*KEY, "n", "n_ref"]].merge(alike, on=KEY, how="left")
    return (found["all"].eq(True) & (found["size"] == found[["n", "n_ref"]].min(axis=1))).to_numpy(dtype=bool)
