"""What every table of scores shares: the cell of a score with its marks, the legend, the columns of the CSV file."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.presentation.numbers import column_places, plus_minus
from phvae.analysis.statistics.verdict import BETTER, FLOOR, MIN_PAIRS, UNRESOLVED, WORSE
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import TableBlock, TableCell
from phvae.words import plural

__all__ = [
    "BEST",
    "CAUTION",
    "CSV_COLUMNS",
    "INTERVAL",
    "MARKS",
    "NEAR_BEST",
    "OPEN",
    "difference_cell",
    "heading",
    "legend",
    "marks",
    "places",
    "row_name",
    "rules",
    "score_cell",
    "standing",
]

BEST, NEAR_BEST, CAUTION = "●", "○", "§"
WORD_MARKS = {BETTER: "▲", WORSE: "▼", FLOOR: "‡", UNRESOLVED: "", "": ""}
# mark -> what it means; {other} is what is compared with
MARKS = {
    BEST: "best mean",
    NEAR_BEST: "not distinguishable from the best",
    "▲": "better than {other}",
    "▼": "worse than {other}",
    "‡": "as good as real data, both this and {other}",
    CAUTION: "not compared: too few examples, or an estimate that has not settled",
    "/": "in brackets: how many seeds it is of, where not of all",
}
INTERVAL = "Mean over seeds ± half of its 95 % interval"
OPEN = (
    "Without ▲ or ▼ the difference is open: its interval contains zero, or nothing is said because the better side "
    "diverged more often, lacks a value at more seeds or is past the data's own value, or because the differences are "
    "too skewed. The column `why` of the CSV file names the reason."
)

CSV_COLUMNS = [
    "dataset", "n_train", "variant", "label", "split", "metric", "n", "planned", "diverged", "failed", "missing",
    "empty", "mean", "sd", "median", "low", "high", "interval", "iqm", "baseline", "baseline_mean", "pairs",
    "incomplete", "difference", "difference_low", "difference_high", "effect", "skew", "p_paired", "p_sign_flip",
    "p_test", "p_wilcoxon", "smallest_p", "p_improvement", "word", "why", "with_best", "spread_ratio",
    "spread_ratio_low", "spread_ratio_high", "p_spread", "spread_word", "unit", "higher_is_better", "ceiling",
    "floor", "noise_sd", "points", "settings", "reason", "caution",
]  # fmt: skip


def legend(blocks: Iterable[TableBlock], other: str, numbers: str = INTERVAL) -> str:
    """What the numbers and the marks in some blocks mean, in a line.

    Args:
        blocks: those of the table.
        other: what the variants are compared with.
        numbers: what the numbers are.
    """
    used = {mark for block in blocks for row in block.rows for cell in row for mark in cell.mark}
    told = [f"{mark} {text.format(other=other)}".removeprefix("/ ") for mark, text in MARKS.items() if mark in used]
    return f"{'; '.join([numbers, *told])}."


def rules(inputs: TableInputs) -> list[str]:
    """How the numbers and marks of the score tables come about."""
    return [
        f"Intervals of means: Student's t below {s.BOOTSTRAP_FROM} seeds, a studentised bootstrap from there on.",
        f"▲ and ▼: paired by seed with {inputs.labels[inputs.baseline]}, at {MIN_PAIRS} pairs or more, the 95 % "
        "interval of the difference (the wider of Student's and Hall's) leaves zero out.",
        OPEN,
        f"{BEST} and {NEAR_BEST}, both in bold: of all variants with {MIN_PAIRS} seeds or more, that with the best "
        "mean, and those of which the difference from it, paired by seed, may be zero after a correction for the "
        "number of variants.",
        *([inputs.varies] if inputs.varies else []),
    ]


def standing(row: pd.Series) -> str:
    """The mark of the best mean, or of one that is not distinguishable from it."""
    if "with_best" not in row or row["with_best"] is not True:
        return ""
    return BEST if row["best"] else NEAR_BEST


def marks(row: pd.Series) -> str:
    """The marks of a comparison: its word, and a caution."""
    return WORD_MARKS[row["word"]] + (CAUTION if row["caution"] else "")


def heading(dataset: str, size: str, planned: int) -> str:
    """A block's heading: data set, training size, seeds."""
    examples = "all training examples" if size == "all" else f"{int(size):,} training examples"
    return f"{dataset}, {examples}, {plural(planned, 'seed')}"


def row_name(inputs: TableInputs, dataset: str, size: str, variant: str) -> TableCell:
    """A variant's label with its runs that gave no numbers."""
    lost = inputs.losses.get((dataset, size, variant), "")
    return TableCell(inputs.labels[variant] + (f" ({lost})" if lost else ""))


def places(rows: pd.DataFrame, value: str = "mean", low: str = "low", high: str = "high") -> int:
    """The decimals of a column of values with intervals, a row each."""
    return column_places(rows[value], (rows[high] - rows[low]) / 2)


def score_cell(row: pd.Series | None, places: int | None = None) -> TableCell:
    """A mean with its interval and marks; a dash where there is none."""
    if row is None or not np.isfinite(row["mean"]):
        return TableCell("–")
    count = f"({row['n']}/{row['planned']})" if row["n"] < row["planned"] else ""
    text = plus_minus(row["mean"], (row["high"] - row["low"]) / 2, places)
    best = standing(row)
    return _cell(text, bool(best), best + marks(row), count, row["mean"])


def difference_cell(row: pd.Series | None, places: int | None = None) -> TableCell:
    """A paired difference with its interval and marks; from a curve, how many rates lie on it where some do not."""
    if row is None or not row["pairs"] > 0:
        return TableCell("–")
    pairs, outside, lost = (int(row.get(name, 0)) for name in ("pairs", "outside", "no_curve"))
    count = f"({pairs}/{pairs + outside}{f', {lost} lost' if lost else ''})" if outside or lost else ""
    text = plus_minus(row["difference"], (row["difference_high"] - row["difference_low"]) / 2, places)
    return _cell(text, False, marks(row), count, row["difference"])


def _cell(text: str, bold: bool, signs: str, count: str, value: float) -> TableCell:
    return TableCell(text, bold=bold, mark=" ".join(filter(None, (signs, count))), value=float(value))
