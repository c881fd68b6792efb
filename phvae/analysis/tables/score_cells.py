"""What every table of scores shares: the cell of a score with its marks, the legend, the columns of the CSV file."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.presentation.numbers import plus_minus
from phvae.analysis.statistics.verdict import BETTER, FLOOR, MIN_PAIRS, UNRESOLVED, WORSE
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import TableCell
from phvae.words import plural

__all__ = [
    "CAUTION",
    "CSV_COLUMNS",
    "UNMARKED",
    "difference_cell",
    "heading",
    "legend",
    "marks",
    "row_name",
    "score_cell",
]

WORD_MARKS = {BETTER: "", WORSE: "†", FLOOR: "‡", UNRESOLVED: "", "": ""}
CAUTION = "§ shown, but decides nothing (too few examples, or an estimate that has not settled)"
UNMARKED = (
    "no mark is not resolved (also where the better side diverged more often, lacks a value at more seeds or passes "
    "the value of the data, and where the differences are skewed)"
)

CSV_COLUMNS = [
    "dataset", "n_train", "variant", "label", "split", "metric", "n", "planned", "diverged", "failed", "missing",
    "empty", "mean", "sd", "median", "low", "high", "interval", "iqm", "baseline", "baseline_mean", "pairs",
    "incomplete", "difference", "difference_low", "difference_high", "effect", "skew", "p_paired", "p_sign_flip",
    "p_test", "p_wilcoxon", "smallest_p", "p_improvement", "word", "why", "with_best", "spread_ratio",
    "spread_ratio_low", "spread_ratio_high", "p_spread", "spread_word", "unit", "higher_is_better", "ceiling",
    "floor", "noise_sd", "points", "settings", "reason", "caution",
]  # fmt: skip


def legend(inputs: TableInputs) -> str:
    """What the numbers and marks of the score tables mean."""
    return (
        f"Mean over seeds ± half the width of its 95 % interval (Student t below {s.BOOTSTRAP_FROM} seeds, studentised "
        f"bootstrap from there). Against {inputs.labels[inputs.baseline]}, paired by seed: bold is better, † is worse "
        "(the 95 % interval of the difference, the wider of Student's and Hall's, leaves zero out, at "
        f"{MIN_PAIRS} pairs or more), ‡ both at the noise floor, {CAUTION} (the CSV says why), {UNMARKED}. ≈ not told "
        f"from the best mean of any variant, at {MIN_PAIRS} seeds or more (after a correction for the number of "
        "variants). A count in brackets: seeds with a value of those planned."
    ) + (f" {inputs.varies}" if inputs.varies else "")


def marks(row: pd.Series) -> str:
    """The marks after a value: ≈ with the best, † worse, ‡ at the noise floor, § with a caution."""
    near = "≈" if "with_best" in row and row["with_best"] is True else ""
    return near + WORD_MARKS[row["word"]] + ("§" if row["caution"] else "")


def heading(dataset: str, size: str, planned: int) -> str:
    """A block's heading: data set, training size, seeds."""
    examples = "all training examples" if size == "all" else f"{int(size):,} training examples"
    return f"{dataset}, {examples}, {plural(planned, 'seed')}"


def row_name(inputs: TableInputs, dataset: str, size: str, variant: str) -> TableCell:
    """A variant's label with its runs that gave no numbers."""
    lost = inputs.losses.get((dataset, size, variant), "")
    return TableCell(inputs.labels[variant] + (f" ({lost})" if lost else ""))


def score_cell(row: pd.Series | None) -> TableCell:
    """A mean with its interval and marks; a dash where there is none."""
    if row is None or not np.isfinite(row["mean"]):
        return TableCell("–")
    text = plus_minus(row["mean"], (row["high"] - row["low"]) / 2)
    if row["n"] < row["planned"]:
        text += f" ({row['n']}/{row['planned']})"
    return TableCell(text, bold=row["word"] == BETTER, mark=marks(row), value=float(row["mean"]))


def difference_cell(row: pd.Series | None) -> TableCell:
    """A paired difference with its interval and marks; from a curve, how many rates lie on it where some do not."""
    if row is None or not row["pairs"] > 0:
        return TableCell("–")
    text = plus_minus(row["difference"], (row["difference_high"] - row["difference_low"]) / 2)
    pairs, outside, lost = (int(row.get(name, 0)) for name in ("pairs", "outside", "no_curve"))
    if outside or lost:
        text += f" ({pairs}/{pairs + outside}{f', {lost} lost' if lost else ''})"
    return TableCell(text, bold=row["word"] == BETTER, mark=marks(row), value=float(row["difference"]))
