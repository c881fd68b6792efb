"""One's own results against reference results: which numbers agree, as text for a terminal."""

from __future__ import annotations

from pathlib import Path

from phvae.analysis.presentation.numbers import aligned, number
from phvae.analysis.results.archived import check_archive
from phvae.analysis.results.long_table import read_table
from phvae.analysis.statistics.agreement import LEVEL, SHARE, Agreement, compare_tables
from phvae.words import listed

__all__ = ["check"]

LISTED = 40


def check(mine: Path, reference: Path) -> tuple[str, bool]:
    """Hold the results in `mine` against those in `reference`; the text says what agrees, the flag whether enough does.

    A number is the mean over seeds of one metric of one cell. It is the same where the seeds are shared (all those of
    the side with fewer) and have the same values (to 1e-6), agrees where the difference is within what chance allows at
    the seeds' own spread (Student's test, p > .001), and differs otherwise; without any spread it differs, but no
    chance can be given. At most 1 % of the numbers may differ, and none by more than chance allows among so many: one
    number far outside, or many a little at once (Benjamini and Hochberg 1995, at .01: a level for normal spreads, which
    skewed seeds exceed). A score that failed where the reference has one is not reproduced. A number with a caution
    decides nothing here either. Cells and metrics that only one side has are counted and not judged, and data sets
    of which no run is there are named and not judged, so a part can be checked. Numbers of other settings are not
    compared; how many draws a likelihood took, and the weights of the grid's own classifier, are none.

    Raises:
        DataError: one of the folders has no long table, or is an archive that is not whole.
    """
    for root in (mine, reference):
        check_archive(root)
    found = compare_tables(read_table(mine), read_table(reference))
    return _text(found, mine, reference), found.good


def _text(found: Agreement, mine: Path, reference: Path) -> str:
    numbers = found.numbers
    counts = numbers["verdict"].value_counts()
    lines = [f"{mine} against {reference}: {len(numbers)} numbers (mean over seeds of a metric of a cell) in common"]
    lines += [f"  {count:6d}  {verdict}" for verdict, count in counts.items()]
    if found.only_mine or found.only_reference:
        lines.append(
            f"  {found.only_mine} numbers only in {mine}, {found.only_reference} only in {reference}: not judged"
        )
    if found.not_run:
        lines.append(f"  not judged, since no run of theirs is there: {listed(found.not_run)}")
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
