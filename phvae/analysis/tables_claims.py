"""The table of claims, and whether the claims are those that held when the runs were made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from phvae.analysis import ledger
from phvae.analysis.claims import Claims
from phvae.analysis.render import Block, Cell, Table, number
from phvae.analysis.style import metric_label
from phvae.analysis.tables_source import Source
from phvae.analysis.verdict import SKEWED

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


def claims_table(source: Source, claims: Claims, sha256: str) -> ClaimTables:
    """Verdicts on every data set, and the tally of each claim."""
    binary = source.binary()
    details = ledger.contests(source.table, claims, binary=binary)
    verdicts = ledger.decide(details, claims)
    tally = ledger.tally(verdicts)
    state = unchanged(source.runs["claims_sha256"], sha256)
    verdicts["claims_sha256"], verdicts["claims_written"], verdicts["claims_state"] = sha256, str(claims.written), state
    caption = (
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
    ) + (f" {source.varies}" if source.varies else "")
    table = Table("claims", "Claims", caption)
    summary: list[list[Cell | str]] = [
        [row["claim"], row["text"], Cell(row["summary"], bold=row[ledger.SUPPORTED] > 0)] for _, row in tally.iterrows()
    ]
    table.blocks.append(Block("In short", ["claim", "in words", "verdict"], summary, widths=[0.25, 0.45, 0.24]))
    for _, line in tally.iterrows():
        rows = verdicts[verdicts["claim"] == line["claim"]]
        tested = rows[rows["verdict"] != ledger.NOT_TESTED]
        body = [_line(source, row, claims.claims[row["claim"]].challenger) for _, row in tested.iterrows()]
        header = ["data set", "verdict", "hardest control", "effect [95 %]", "seeds", "seeds needed"]
        pages = "" if "{dataset}" in claims.claims[line["claim"]].figure else " (every page)"
        shown = [f"{name}{pages}" for name in dict.fromkeys(tested["figure"]) if name]
        figures = f"Figure{'s' if len(shown) > 1 else ''}: {', '.join(shown)}. " if shown else ""
        note = figures + _not_tested(rows[rows["verdict"] == ledger.NOT_TESTED])
        if body:
            first = rows.iloc[0]
            what = "spread of " if first["compare"] == "spread" else ""
            subject = f"{line['claim']}: {what}{metric_label(first['metric'])}, {first['direction']}"
            widths = [0.16, 0.24, 0.18, 0.2, None, None]
            table.blocks.append(Block(subject, header, body, widths=widths, note=note))
    return ClaimTables(table, verdicts, details, tally, state)


def _line(source: Source, row: pd.Series, challenger: str) -> list[Cell | str]:
    """One data set; `challenger` is the claim's own, and a stand-in for it is named beside the control."""
    verdict = row["verdict"] + (f" ({row['reason']})" if row["reason"] else "")
    size = "" if row["n_train"] == "all" else f", {row['n_train']}"
    if row["verdict"] == ledger.NOT_TESTABLE:
        return [f"{row['dataset']}{size}", verdict, "–", "–", str(row["n"]), "–"]
    effect = f"{number(row['effect'])} [{number(row['low'])}, {number(row['high'])}]"
    control = f"{source.labels.get(row['control'], row['control'])}"
    if row["challenger"] != challenger:
        control += f" (against {source.labels.get(row['challenger'], row['challenger'])})"
    return [
        f"{row['dataset']}{size}",
        Cell(verdict, bold=row["verdict"] in (ledger.SUPPORTED, ledger.CONTRADICTED)),
        control,
        effect,
        f"{row['n']}/{row['n'] + row['incomplete']}" if row["incomplete"] else str(row["n"]),
        "more than 100,000" if pd.isna(row["seeds_needed"]) else str(int(row["seeds_needed"])),
    ]


def _not_tested(rows: pd.DataFrame) -> str:
    """The data sets that were not tested, by reason."""
    reasons: dict[str, list[str]] = {}
    for dataset, reason in rows[["dataset", "reason"]].itertuples(index=False):
        plain = "no runs" if reason == f"no runs on {dataset}" else str(reason)
        reasons.setdefault(plain, []).append(str(dataset))
    return " ".join(f"Not tested ({reason}): {', '.join(names)}." for reason, names in reasons.items())
