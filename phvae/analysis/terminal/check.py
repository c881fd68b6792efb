"""One's own results against reference results: which numbers agree within the spread of the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from phvae.analysis.presentation.numbers import aligned, number
from phvae.analysis.results.long_table import CELL, KEY, RUN, read_table
from phvae.analysis.results.run_status import run_status
from phvae.analysis.statistics.summary import summary

__all__ = ["LEVEL", "SHARE", "Agreement", "check", "compare_tables"]

LEVEL = 0.001  # a number that chance would move this far once in a thousand times differs
SHARE = 0.01  # share of numbers that may differ before the whole is not reproduced
TOGETHER = 0.01  # level at which as many numbers moving as far at once are beyond chance
SAME = 1e-6  # relative difference below which values of one seed count as equal
LISTED = 40
FAILED = "not comparable: mine failed"


@dataclass(frozen=True)
class Agreement:
    """Every common number with its verdict, and the runs that one side finished and the other did not."""

    numbers: pd.DataFrame
    runs: pd.DataFrame
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


def check(mine: Path, reference: Path) -> tuple[str, bool]:
    """Hold the results in `mine` against those in `reference`; the text says what agrees, the flag whether enough does.

    A number is the mean over seeds of one metric of one cell. It is the same where the seeds are shared (all those of
    the side with fewer) and have the same values (to 1e-6), agrees where the difference is within what chance allows at
    the seeds' own spread (Student's test, p > .001), and differs otherwise; without any spread it differs, but no
    chance can be given. At most 1 % of the numbers may differ, and none by more than chance allows among so many: one
    number far outside, or many a little at once (Benjamini and Hochberg 1995, at .01: a level for normal spreads, which
    skewed seeds exceed). A score that failed where the reference has one is not reproduced. A number with a caution
    decides nothing here either. Cells and metrics that only one side has are counted and not judged, so a small part
    can be checked.

    Raises:
        DataError: one of the folders has no long table.
    """
    found = compare_tables(read_table(mine), read_table(reference))
    return _text(found, mine, reference), found.good


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
    p = np.where(known & (error > 0), 2 * stats.t.sf(t, np.maximum(freedom, 1)), np.nan)
    scale = numbers[["mean", "mean_ref"]].abs().max(axis=1).to_numpy()
    close = np.abs(difference) <= SAME * scale
    alike = (_deciding(numbers["settings"]) == _deciding(numbers["settings_ref"])) & (
        numbers["points"].fillna(-1) == numbers["points_ref"].fillna(-1)
    )
    numbers["difference"], numbers["p"] = difference, np.where(close | equal, 1.0, p)
    cautioned = ((numbers["caution"] != "") | (numbers["caution_ref"] != "")).to_numpy()
    judged = known & alike.to_numpy() & ~cautioned & np.isfinite(numbers["p"].to_numpy())
    numbers["beyond"] = _beyond(numbers["p"].where(judged).to_numpy())
    numbers["verdict"] = np.select(
        [
            (n == 0) & (n_ref > 0) & _failed(numbers, mine),
            (n == 0) | (n_ref == 0),
            cautioned,
            ~alike,
            equal,
            close,
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
            "not comparable: one seed on each side",
            "differs",
        ],
        "agrees",
    )
    runs = run_status(mine).merge(run_status(reference), on=[*CELL, "seed"], suffixes=("", "_ref"))
    worse = runs[(runs["status"] != "ok") & (runs["status_ref"] == "ok")]
    return Agreement(numbers, worse, int(sides.get("left_only", 0)), int(sides.get("right_only", 0)))


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
    """Settings without their last words on the floor, which decide no value."""
    return settings.str.replace(r"(^|; )floor: .*$", "", regex=True)


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


def _text(found: Agreement, mine: Path, reference: Path) -> str:
    numbers = found.numbers
    counts = numbers["verdict"].value_counts()
    lines = [f"{mine} against {reference}: {len(numbers)} numbers (mean over seeds of a metric of a cell) in common"]
    lines += [f"  {count:6d}  {verdict}" for verdict, count in counts.items()]
    if found.only_mine or found.only_reference:
        lines.append(
            f"  {found.only_mine} numbers only in {mine}, {found.only_reference} only in {reference}: not judged"
        )
    if len(found.runs):
        lines += ["", "runs that the reference finished and these results did not:"]
        lines += [
            f"  {row['dataset']}/n-{row['n_train']}/{row['variant']}/seed-{row['seed']}: {row['status']}"
            for _, row in found.runs.head(LISTED).iterrows()
        ]
    differing = numbers[numbers["verdict"] == "differs"].sort_values("p", kind="stable")
    if len(differing):
        rows = [["data set", "n_train", "variant", "metric", "mine", "reference", "difference", "p"]]
        rows += [
            [
                row["dataset"], row["n_train"], row["variant"], f"{row['metric']} ({row['split']})",
                f"{number(row['mean'], 4)} (n={row['n']:.0f})", f"{number(row['mean_ref'], 4)} (n={row['n_ref']:.0f})",
                number(row["difference"]), number(row["p"], 2),
            ]
            for _, row in differing.head(LISTED).iterrows()
        ]  # fmt: skip
        title = f"outside the seeds' spread (p < {LEVEL}, or too many at once for chance):"
        lines += ["", title, *(f"  {line}" for line in aligned(rows))]
        if len(differing) > LISTED:
            lines.append(f"  and {len(differing) - LISTED} more")
    lines += ["", _conclusion(found)]
    return "\n".join(lines)


def _conclusion(found: Agreement) -> str:
    if not len(found.numbers):
        return "NOT CHECKED: the two have no cell and metric in common"
    if not found.comparable:
        return "NOT CHECKED: no number can be compared"
    told = f"{found.comparable - found.differing} of {found.comparable} comparable numbers agree"
    if found.good:
        return f"REPRODUCED: {told} (chance explains up to {SHARE:.0%} that do not)"
    reasons = [f"{found.impossible} differ by more than chance allows among so many"] if found.impossible else []
    reasons += [f"{len(found.runs)} runs did not finish"] if len(found.runs) else []
    reasons += [f"{found.failed} numbers failed"] if found.failed else []
    return "; ".join([f"NOT REPRODUCED: {told}", *reasons])
