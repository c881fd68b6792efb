"""The table of claims, and whether the claims are those that held when the runs were made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.schema import Claim, Claims
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import number
from phvae.analysis.statistics.seeds_needed import MOST_SEEDS
from phvae.analysis.statistics.verdict import SKEWED
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import ShownIn, Table, TableBlock, TableCell, number_cell

__all__ = ["ERRORS", "SPREADS", "ClaimTables", "claims_table", "unchanged"]

ERRORS, SPREADS = 0.26, 0.13  # the largest shares in benchmarks/coverage.csv; a test holds them against it


@dataclass(frozen=True)
class ClaimTables:
    """The table to read, and the verdicts, contests and tally behind it."""

    table: Table
    verdicts: pd.DataFrame
    contests: pd.DataFrame
    tally: pd.DataFrame
    state: str


def unchanged(recorded: Iterable[str], sha256: str) -> str:
    """Whether the claims are the ones that the runs recorded when they were trained.

    >>> unchanged(["a", "a"], "a"), unchanged([], "a")
    ('unchanged since before the runs', 'not recorded by the runs')
    """
    found = list(recorded)
    hashes = [text for text in found if text]
    other = [text for text in hashes if text != sha256]
    if not hashes:
        return "not recorded by the runs"
    if other:
        names = ", ".join(sorted({text[:12] for text in other}))
        return f"EDITED: {len(other)} of {len(hashes)} runs were made under other claims (sha256 {names})"
    without = f"; {len(found) - len(hashes)} of {len(found)} runs did not record it" if len(hashes) < len(found) else ""
    return f"unchanged since before the runs{without}"


def claims_table(inputs: TableInputs, claims: Claims, sha256: str) -> ClaimTables:
    """Verdicts on every data set, and the tally of each claim."""
    binary = inputs.binary()
    details = ledger.contests(inputs.table, claims, binary=binary)
    verdicts = ledger.decide(details, claims)
    tally = ledger.tally(verdicts)
    state = unchanged(inputs.runs["claims_sha256"], sha256)
    verdicts["claims_sha256"], verdicts["claims_written"], verdicts["claims_state"] = sha256, str(claims.written), state
    table = Table("claims", "Claims", _caption(claims, sha256, state) + (f" {inputs.varies}" if inputs.varies else ""))
    summary = [
        [
            TableCell(row["claim"]),
            TableCell(row["text"]),
            TableCell(row["summary"], bold=row[ledger.SUPPORTED] > 0, word=row["summary"]),
        ]
        for _, row in tally.iterrows()
    ]
    table.blocks.append(TableBlock("In short", ["claim", "in words", "verdict"], summary, widths=[0.25, 0.45, 0.24]))
    for name, rows in verdicts.groupby("claim", sort=False):
        block = _of_claim(inputs, rows, str(name), claims.claims[str(name)])
        if block.rows:
            table.blocks.append(block)
    return ClaimTables(table, verdicts, details, tally, state)


def _caption(claims: Claims, sha256: str, state: str) -> str:
    return (
        f"Claims written {claims.written}, file with sha256 {sha256}, {state}. A claim is supported on a data set if "
        f"its challenger beats all its controls there, each one-sided at {claims.level:g} (on paired seeds the "
        "larger of Student's and Hall's p-values; for spreads Student's on their absolute deviations from the median), "
        "after Holm's adjustment for the claims tested on that data set; it is contradicted if a control beats the "
        "challenger itself, after the same adjustment and one for the number of controls. Against the β-VAE's curve a "
        "win must be larger than the curve's own error (`docs/method.md`, section 6). The effect is challenger "
        "minus the hardest control, for a contradiction the control that beats it (a ratio for spreads), with its 95 % "
        "interval, which is not adjusted; a smaller variant that stands in for the challenger is named in brackets. "
        "Seeds needed: for a half-width below the effect that matters against that control. The level is nominal: at "
        f".05, where only one side is skewed, up to {ERRORS:.2f} of equal means were called supported or contradicted "
        f"in simulation, and up to {SPREADS:.2f} of equal spreads were told apart (benchmarks/coverage.csv). Where "
        f'paired differences are skewed beyond a bound the claim says "{SKEWED}". What is said at fewer than '
        f"{ledger.NORMAL_BELOW} pairs rests on normality: no exact test of so few passes Holm over several claims."
    )


def _of_claim(inputs: TableInputs, verdicts: pd.DataFrame, name: str, claim: Claim) -> TableBlock:
    """The verdicts on one claim, a row a data set that could be tested."""
    untested = verdicts["verdict"] == ledger.NOT_TESTED
    tested = verdicts[~untested]
    what = "spread of " if claim.compare == "spread" else ""
    pages = "" if "{dataset}" in claim.figure else " (every page)"
    named = [f"{figure}{pages}" for figure in dict.fromkeys(tested["figure"]) if figure]
    figures = f"Figure{'s' if len(named) > 1 else ''}: {', '.join(named)}. " if named else ""
    return TableBlock(
        f"{name}: {what}{metric_label(claim.metric)}, {claim.direction}",
        ["data set", "verdict", "hardest control", "effect [95 %]", "seeds", "seeds needed"],
        [_line(inputs, row, claim.challenger) for _, row in tested.iterrows()],
        widths=[0.16, 0.24, 0.18, 0.2, None, None],
        note=figures + _not_tested(verdicts[untested]),
        shown_in=[ShownIn(row["figure"], row["dataset"]) for _, row in verdicts.iterrows() if row["figure"]],
    )


def _line(inputs: TableInputs, row: pd.Series, challenger: str) -> list[TableCell]:
    """One data set; `challenger` is the claim's own, and a stand-in for it is named beside the control."""
    decided = row["verdict"] in (ledger.SUPPORTED, ledger.CONTRADICTED)
    said = row["verdict"] + (f" ({row['reason']})" if row["reason"] else "")
    size = "" if row["n_train"] == "all" else f", {row['n_train']}"
    start = [TableCell(f"{row['dataset']}{size}"), TableCell(said, bold=decided, word=row["verdict"])]
    n, incomplete = int(row["n"]), int(row["incomplete"])
    if row["verdict"] == ledger.NOT_TESTABLE:
        return [*start, TableCell("–"), TableCell("–"), number_cell(n, str(n)), TableCell("–")]
    effect = f"{number(row['effect'])} [{number(row['low'])}, {number(row['high'])}]"
    control = f"{inputs.labels.get(row['control'], row['control'])}"
    if row["challenger"] != challenger:
        control += f" (against {inputs.labels.get(row['challenger'], row['challenger'])})"
    return [
        *start,
        TableCell(control),
        number_cell(row["effect"], effect),
        number_cell(n, f"{n}/{n + incomplete}" if incomplete else str(n)),
        _seeds_needed(row["seeds_needed"]),
    ]


def _seeds_needed(seeds: float | None) -> TableCell:
    if pd.isna(seeds):
        return number_cell(MOST_SEEDS + 1, f"more than {MOST_SEEDS:,}")
    return number_cell(seeds, str(int(seeds)))


def _not_tested(rows: pd.DataFrame) -> str:
    """The data sets that were not tested, by reason."""
    reasons: dict[str, list[str]] = {}
    for dataset, reason in rows[["dataset", "reason"]].itertuples(index=False):
        plain = "no runs" if reason == f"no runs on {dataset}" else str(reason)
        reasons.setdefault(plain, []).append(str(dataset))
    return " ".join(f"Not tested ({reason}): {', '.join(names)}." for reason, names in reasons.items())
