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
from phvae.analysis.claims.schema import CURVE_CONTROL, Claim, Claims
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import range_text
from phvae.analysis.presentation.reasons import without_advice
from phvae.analysis.statistics.rate_distortion import CURVE_NAME
from phvae.analysis.statistics.seeds_needed import MOST_SEEDS
from phvae.analysis.statistics.verdict import SKEWED
from phvae.analysis.tables.claims_in_short import in_short, instead, none_tested, not_tested
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import ShownIn, Table, TableBlock, TableCell, number_cell
from phvae.analysis.tables.score_cells import places

__all__ = ["ERRORS", "SPREADS", "ClaimTables", "claims_table", "no_claims"]

LEGEND = (
    "The effect is the challenger's value minus that of the control which it is hardest to beat; it is open where "
    "neither side is shown to be better."
)
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
    details = ledger.contests(inputs.table, claims, binary=binary, labels=inputs.labels)
    verdicts = ledger.decide(details, claims, inputs.labels)
    tally = ledger.tally(verdicts)
    before = registered(inputs.runs, claims, sha256, root)
    verdicts["reason"] = [_reason(row, before.marks) for _, row in verdicts.iterrows()]
    answered = answers(inputs.table, claims, verdicts, inputs.baseline, inputs.labels, binary=binary)
    verdicts["claims_sha256"], verdicts["claims_written"] = sha256, str(claims.written)
    verdicts["claims_state"] = before.state
    table = Table("claims", "Claims", f"Claims written {claims.written}, {before.state}.")
    if (tally["summary"] == ledger.NOT_TESTED).all():
        table.caption = f"{none_tested(claims, sha256, tally)} {instead(inputs, root)}"
        return ClaimTables(table, verdicts, details, tally, before.state, answered)
    table.legend, table.rules = LEGEND, _rules(claims, sha256) + ([inputs.varies] if inputs.varies else [])
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


def _rules(claims: Claims, sha256: str) -> list[str]:
    return [
        f"The claims are those of the file with sha256 {sha256}.",
        "Supported on a data set: the challenger beats all its controls there, each one-sided at "
        f"{claims.level:g} (on paired seeds the larger of Student's and Hall's p-values; for spreads Student's on "
        "their absolute deviations from the median), after Holm's adjustment for the claims tested on that data set.",
        "Contradicted: a control beats the challenger itself, after the same adjustment and one for the number of "
        "controls.",
        "Against the β-VAE's curve a win must be larger than the curve's own error (`docs/method.md`, section 6).",
        "Hardest control: the one with the largest p-value; of a contradiction the one that beats the challenger. A "
        "smaller variant that stands in for the challenger against it is named in brackets.",
        "Effect: challenger minus that control (their ratio for spreads), with its 95 % interval, which is not "
        "adjusted.",
        "Seeds that would settle it: as many as bring half the width of that interval below the effect that matters.",
        f"The level is nominal: at .05, where only one side is skewed, up to {ERRORS:.2f} of equal means were called "
        f"supported or contradicted in simulation, and up to {SPREADS:.2f} of equal spreads were called unequal "
        "(benchmarks/coverage.csv).",
        f'Where paired differences are skewed beyond a bound, the claim says "{SKEWED}".',
        f'At fewer than {ledger.NORMAL_BELOW} pairs a verdict says "{ledger.NORMALITY}": no exact test of so few '
        "passes Holm's adjustment over several claims.",
    ]


def _of_claim(inputs: TableInputs, verdicts: pd.DataFrame, name: str, claim: Claim) -> TableBlock:
    """The verdicts on one claim, a row a data set that could be tested."""
    untested = verdicts["verdict"] == ledger.NOT_TESTED
    tested = verdicts[~untested]
    what = "spread of " if claim.compare == "spread" else ""
    contest = f"contest-{name}" if verdicts["verdict"].isin(ledger.TESTED).any() else ""
    pages = "" if "{dataset}" in claim.figure else " (every page)"
    named = [contest, *(f"{figure}{pages}" for figure in dict.fromkeys(tested["figure"]) if figure)]
    named = list(filter(None, named))
    figures = f"Figure{'s' if len(named) > 1 else ''}: {', '.join(named)}. " if named else ""
    return TableBlock(
        f"{name}: {what}{metric_label(claim.metric)}, {claim.direction}",
        ["data set", "verdict", "hardest control", "effect [95 %]", "seeds", "what would settle it"],
        [_line(inputs, row, claim.challenger, places(tested, "effect")) for _, row in tested.iterrows()],
        widths=[0.16, 0.24, 0.18, 0.2, None, None],
        note=figures + not_tested(zip(verdicts["dataset"][untested], verdicts["reason"][untested], strict=True)),
        shown_in=[
            ShownIn(figure, row["dataset"])
            for _, row in tested.iterrows()
            for figure in (contest, row["figure"])
            if figure
        ],
    )


def _line(inputs: TableInputs, row: pd.Series, challenger: str, places: int) -> list[TableCell]:
    """One data set; `challenger` is the claim's own, and a stand-in for it is named beside the control."""
    decided = row["verdict"] in (ledger.SUPPORTED, ledger.CONTRADICTED)
    said = row["verdict"] + (f" ({without_advice(row['reason'])})" if row["reason"] else "")
    size = "" if row["n_train"] == "all" else f", {int(row['n_train']):,}"
    start = [TableCell(f"{row['dataset']}{size}"), TableCell(said, bold=decided, word=row["verdict"])]
    n, incomplete = int(row["n"]), int(row["incomplete"])
    if row["verdict"] == ledger.NOT_TESTABLE:
        return [*start, TableCell("–"), TableCell("–"), number_cell(n, str(n)), TableCell("–")]
    names = inputs.labels | {CURVE_CONTROL: CURVE_NAME}
    stands_in = f" (against {names[row['challenger']]})" if row["challenger"] != challenger else ""
    return [
        *start,
        TableCell(names[row["control"]] + stands_in),
        number_cell(row["effect"], range_text(row["effect"], row["low"], row["high"], places)),
        number_cell(n, f"{n}/{n + incomplete}" if incomplete else str(n)),
        _settled_by(row),
    ]


def _settled_by(row: pd.Series) -> TableCell:
    """How many seeds would settle what is open, in words; it sorts by their number."""
    seeds = MOST_SEEDS + 1 if pd.isna(row["seeds_needed"]) else int(row["seeds_needed"])
    if row["verdict"] != ledger.UNRESOLVED or row["reason"].startswith(ledger.EQUIVALENT):
        return number_cell(0, "settled")
    if seeds <= row["n"]:
        return number_cell(seeds, "not open for lack of seeds")
    return number_cell(seeds, f"more than {MOST_SEEDS:,} seeds" if seeds > MOST_SEEDS else f"about {seeds:,} seeds")
