"""The table of claims, and whether the claims are those that held when the runs were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.answering import answers
from phvae.analysis.claims.answers import Answers
from phvae.analysis.claims.contests import COLUMNS as CONTEST_COLUMNS
from phvae.analysis.claims.contests import binary_sets
from phvae.analysis.claims.registered import registered
from phvae.analysis.claims.schema import Claim, Claims
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import number
from phvae.analysis.statistics.seeds_needed import MOST_SEEDS
from phvae.analysis.statistics.verdict import SKEWED
from phvae.analysis.tables.claims_in_short import in_short, instead, none_tested, not_tested
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import ShownIn, Table, TableBlock, TableCell, number_cell

__all__ = ["ERRORS", "SPREADS", "ClaimTables", "claims_table", "no_claims"]

ERRORS, SPREADS = 0.26, 0.13  # the largest shares in benchmarks/coverage.csv; a test holds them against it


@dataclass(frozen=True)
class ClaimTables:
    """The table to read, and the verdicts, contests and tally behind it; the answers where a claim was tested."""

    table: Table
    verdicts: pd.DataFrame
    contests: pd.DataFrame
    tally: pd.DataFrame
    state: str
    answers: Answers | None = None


def claims_table(inputs: TableInputs, claims: Claims, sha256: str, root: Path) -> ClaimTables:
    """Verdicts on every data set, and the tally of each claim; where none was tested, a sentence that says why.

    Args:
        inputs: the results.
        claims: the claims.
        sha256: the hash of their file.
        root: the results folder, which keeps the claims that its runs were trained under.
    """
    binary = binary_sets(inputs.runs)
    details = ledger.contests(inputs.table, claims, binary=binary)
    verdicts = ledger.decide(details, claims)
    tally = ledger.tally(verdicts)
    before = registered(inputs.runs, claims, sha256, root)
    verdicts["reason"] = [_reason(row, before.marks) for _, row in verdicts.iterrows()]
    answered = answers(inputs.table, claims, verdicts, inputs.baseline, inputs.labels, binary=binary)
    verdicts["claims_sha256"], verdicts["claims_written"] = sha256, str(claims.written)
    verdicts["claims_state"] = before.state
    table = Table("claims", "Claims", f"{_caption(claims, sha256, before.state)} {inputs.varies}".rstrip())
    if (tally["summary"] == ledger.NOT_TESTED).all():
        table.caption = f"{none_tested(claims, sha256, tally)} {instead(inputs, root)}"
        return ClaimTables(table, verdicts, details, tally, before.state, answered)
    table.blocks.append(in_short(claims, tally, before.marks, inputs.datasets()))
    for name, rows in verdicts.groupby("claim", sort=False):
        block = _of_claim(inputs, rows, str(name), claims.claims[str(name)])
        if block.rows:
            table.blocks.append(block)
    return ClaimTables(table, verdicts, details, tally, before.state, answered)


def no_claims(inputs: TableInputs, root: Path) -> ClaimTables:
    """The same of results that test no claims."""
    caption = f"This grid tests no claims. {instead(inputs, root)}"
    columns = (ledger.COLUMNS, CONTEST_COLUMNS, ["claim", "summary"])
    verdicts, details, tally = (pd.DataFrame(columns=names) for names in columns)
    return ClaimTables(Table("claims", "Claims", caption), verdicts, details, tally, "")


def _reason(row: pd.Series, marks: Mapping[tuple[str, str], str]) -> str:
    """Why the verdict is as it is, and what was done to the claim after the runs."""
    mark = marks.get((row["claim"], row["dataset"]), "") if row["verdict"] != ledger.NOT_TESTED else ""
    return "; ".join(filter(None, (row["reason"], mark)))


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
    contest = f"contest-{name}" if verdicts["verdict"].isin(ledger.TESTED).any() else ""
    own = "" if claim.figure.startswith("forest") else claim.figure  # the contests say more, and of every control
    pages = "" if "{dataset}" in own else " (every page)"
    named = [contest, *(f"{figure}{pages}" for figure in dict.fromkeys(tested["figure"]) if own)]
    named = list(filter(None, named))
    figures = f"Figure{'s' if len(named) > 1 else ''}: {', '.join(named)}. " if named else ""
    return TableBlock(
        f"{name}: {what}{metric_label(claim.metric)}, {claim.direction}",
        ["data set", "verdict", "hardest control", "effect [95 %]", "seeds", "seeds needed"],
        [_line(inputs, row, claim.challenger) for _, row in tested.iterrows()],
        widths=[0.16, 0.24, 0.18, 0.2, None, None],
        note=figures + not_tested(zip(verdicts["dataset"][untested], verdicts["reason"][untested], strict=True)),
        shown_in=[
            ShownIn(figure, row["dataset"])
            for _, row in verdicts.iterrows()
            for figure in (contest, row["figure"] if own else "")
            if figure
        ],
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
