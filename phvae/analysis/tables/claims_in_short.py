"""The claims in short: a line each, and in words what was not tested and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.contests import without_runs
from phvae.analysis.claims.reading import init_command
from phvae.analysis.claims.schema import Claims
from phvae.analysis.presentation.reasons import without_advice
from phvae.analysis.results.configuration import kept_configuration
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import TableBlock, TableCell

__all__ = ["in_short", "instead", "none_tested", "not_tested"]


def in_short(
    claims: Claims, tally: pd.DataFrame, marks: Mapping[tuple[str, str], str], datasets: Sequence[str]
) -> TableBlock:
    """A line a claim that was tested, or stood before a test; below it the others, by reason.

    Args:
        claims: the claims.
        tally: `ledger.tally` of their verdicts.
        marks: (claim, data set) -> what was done to the claim after the runs.
        datasets: those of the results.
    """
    rows = []
    for _, row in tally[tally["summary"] != ledger.NOT_TESTED].iterrows():
        changed = [f"{what} on {dataset}" for (name, dataset), what in marks.items() if name == row["claim"]]
        said = "; ".join([": ".join(filter(None, (row["summary"], without_advice(row["reason"])))), *changed])
        bold = row[ledger.SUPPORTED] > 0
        rows.append([TableCell(row["claim"]), TableCell(row["text"]), TableCell(said, bold, word=row["summary"])])
    about = {name for claim in claims.claims.values() for name in claim.datasets}
    others = [name for name in datasets if name not in about]
    notes = [_untested(tally), f"No claim is about {', '.join(others)}." if others else ""]
    note = " ".join(filter(None, notes))
    return TableBlock("In short", ["claim", "in words", "verdict"], rows, widths=[0.25, 0.45, 0.24], note=note)


def none_tested(claims: Claims, sha256: str, tally: pd.DataFrame) -> str:
    """That no claim was tested, and why, in a line."""
    source = f" of {claims.source}" if claims.source else ""
    reasons = tally["reason"].map(without_advice).unique()
    why = f"{reasons[0].replace('that it names', 'that they name')}." if len(reasons) == 1 else _untested(tally)
    return f"These results test none of the {len(tally)} claims{source} (sha256 {sha256[:12]}): {why}"


def instead(inputs: TableInputs, root: Path) -> str:
    """What results without a verdict do answer, and how to state claims about them."""
    command = init_command(kept_configuration(root)[1] or "CONFIG")
    return (
        f"The tables below hold every variant against {inputs.labels.get(inputs.baseline, inputs.baseline)}, paired by "
        f"seed. Claims are fixed before the runs: {command} writes a first file of them for this grid."
    )


def not_tested(rows: Iterable[tuple[str, str]]) -> str:
    """What was not tested, claims or data sets with their reasons, by reason."""
    reasons: dict[str, list[str]] = {}
    for name, reason in rows:
        plain = "no runs" if reason == without_runs(name) else without_advice(reason)
        reasons.setdefault(plain, []).append(name)
    return " ".join(f"Not tested ({reason}): {', '.join(names)}." for reason, names in reasons.items())


def _untested(tally: pd.DataFrame) -> str:
    """The claims that were tested nowhere, by reason."""
    rows = tally[tally["summary"] == ledger.NOT_TESTED]
    return not_tested(zip(rows["claim"], rows["reason"], strict=True))
