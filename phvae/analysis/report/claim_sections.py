"""A section a claim: what it asks and the answers, its contest figure, its verdicts, and every contest behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from phvae.analysis.claims.answers import Answers, ClaimAnswers
from phvae.analysis.presentation.numbers import number
from phvae.analysis.report.pictures import ShownFigure
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell

__all__ = ["ClaimSection", "claim_sections"]

_CONTESTS = "claim-contests.csv"
_HEADER = [
    "data set",
    "challenger",
    "control",
    "effect [95 %]",
    "effect that matters",
    "p",
    "p, opposite",
    "pairs",
    "said",
]


@dataclass(frozen=True)
class ClaimSection:
    """What the page shows of a claim; `figure` is None where no contest was drawn."""

    answers: ClaimAnswers
    figure: ShownFigure | None
    verdicts: list[TableBlock]
    contests: TableBlock

    @property
    def tested(self) -> bool:
        """Whether it was tested on any data set."""
        return any(one.word != "not tested" for question in self.answers.questions for one in question.answers)


def claim_sections(
    folder: Path, answers: Answers | None, tables: Sequence[Table], figures: Sequence[ShownFigure],
    labels: Mapping[str, str],
) -> list[ClaimSection]:  # fmt: skip
    """The sections of all claims that have answers, in their order.

    Args:
        folder: of the tables, with the file of contests.
        answers: None where no claim was tested; then there are no sections.
        tables: those of claims; a block whose heading begins with a claim's name is that claim's.
        figures: those of the page; the contest of a claim is named contest-{claim}.
        labels: variant -> how the page calls it.
    """
    if answers is None:
        return []
    drawn = {figure.drawn.name: figure for figure in figures}
    contests = _contests(folder)
    return [
        ClaimSection(
            one,
            drawn.get(f"contest-{one.claim}"),
            [block for table in tables for block in table.blocks if block.heading.startswith(f"{one.claim}: ")],
            _block(contests[contests["claim"] == one.claim], labels),
        )
        for family in answers.families
        for one in family.claims
    ]


def _contests(folder: Path) -> pd.DataFrame:
    """Every contest that was fought; those of data sets that were not tested have no pairs."""
    frame = pd.read_csv(folder / _CONTESTS, keep_default_na=False, na_values=[""])
    return frame[frame["n"] > 0]


def _block(contests: pd.DataFrame, labels: Mapping[str, str]) -> TableBlock:
    rows = [_row(row, labels) for row in contests.to_dict("records")]
    widths = [0.16, 0.16, 0.16, *[None] * (len(_HEADER) - 4), 0.3]
    return TableBlock("", _HEADER, rows, widths=widths)


def _row(row: Mapping[Any, Any], labels: Mapping[str, str]) -> list[TableCell]:
    effect = f"{number(row['effect'])} [{number(row['low'])}, {number(row['high'])}]"
    said = [str(row[name]) for name in ("verdict", "reason", "withheld", "caution") if not pd.isna(row[name])]
    size = "" if row["n_train"] == "all" else f", {row['n_train']}"
    return [
        TableCell(f"{row['dataset']}{size}"),
        *(TableCell(labels.get(row[side], row[side])) for side in ("challenger", "control")),
        number_cell(row["effect"], effect),
        *(number_cell(row[name]) for name in ("matters", "p", "p_opposite")),
        number_cell(row["n"], str(int(row["n"]))),
        TableCell("; ".join(dict.fromkeys(said))),
    ]
