"""Every variant against the baseline, a word on each data set: what a page without claims opens with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from phvae.analysis.presentation.metric_labels import direction, metric_label
from phvae.analysis.presentation.metrics_shown import FIGURES_FIRST, SCORES_SHOWN
from phvae.analysis.presentation.numbers import number
from phvae.analysis.results.long_table import size_key
from phvae.analysis.statistics.verdict import BETTER, FLOOR, UNRESOLVED, WORSE
from phvae.words import listed, plural

__all__ = ["Compared", "ComparedCell", "ComparedSet", "compared"]

_FILE = "statistics.csv"
_TEXT = {name: "str" for name in ("dataset", "n_train", "variant", "split", "metric", "word", "why")}
_WORDS = {BETTER: "better", WORSE: "worse", UNRESOLVED: "not distinguishable", FLOOR: "not distinguishable"}
NO_VALUE = "no value"
SYMBOLS = {"better": "✓", "worse": "✗", "not distinguishable": "?", NO_VALUE: "·"}


@dataclass(frozen=True)
class ComparedCell:
    """A variant on a data set: a word of SYMBOLS, and the difference behind it."""

    word: str
    reason: str


@dataclass(frozen=True)
class ComparedSet:
    """A data set with the first of its metrics that can be compared; `cells` are by the variant's label."""

    dataset: str
    metric: str
    sentence: str
    cells: dict[str, ComparedCell]


@dataclass(frozen=True)
class Compared:
    """All variants against the baseline."""

    baseline: str
    variants: list[str]
    sets: list[ComparedSet]


def compared(folder: Path, baseline: str, labels: Mapping[str, str]) -> Compared | None:
    """The words of the score tables on the first metric of each data set; None without statistics or comparisons.

    Args:
        folder: of the tables, with statistics.csv.
        baseline: the variant that others are compared with.
        labels: variant -> how the page calls it.
    """
    if not (folder / _FILE).is_file():
        return None
    frame = pd.read_csv(folder / _FILE, dtype=_TEXT, keep_default_na=False, na_values=dict.fromkeys(_NUMBERS, ""))
    frame = frame[(frame["split"] == "test") & (frame["variant"] != baseline)]
    sets = [
        one
        for dataset, rows in frame.groupby("dataset", sort=False)
        if (one := _of_dataset(str(dataset), rows, labels, labels.get(baseline, baseline)))
    ]
    variants = list(dict.fromkeys(name for one in sets for name in one.cells))
    return Compared(labels.get(baseline, baseline), variants, sets) if sets else None


_NUMBERS = ("difference", "difference_low", "difference_high", "pairs", "mean")


def _of_dataset(dataset: str, rows: pd.DataFrame, labels: Mapping[str, str], baseline: str) -> ComparedSet | None:
    """The largest training size of a data set."""
    rows = rows[rows["n_train"] == max(rows["n_train"].unique(), key=size_key)]
    known = set(rows["metric"][rows["word"] != ""])
    metric = next((name for name in (*FIGURES_FIRST, *SCORES_SHOWN) if name in known), None)
    if metric is None:
        return None
    here = rows[rows["metric"] == metric]
    cells = {labels.get(row["variant"], row["variant"]): _cell(row) for row in here.to_dict("records")}
    up = {"True": True, "False": False}.get(str(here["higher_is_better"].iloc[0]))
    named = ", ".join(filter(None, (metric_label(metric, unit=False), direction(up))))
    return ComparedSet(dataset, metric_label(metric, unit=False), _sentence(dataset, named, cells, baseline), cells)


def _cell(row: Mapping[Any, Any]) -> ComparedCell:
    word = _WORDS.get(row["word"], NO_VALUE)
    if word == NO_VALUE or pd.isna(row["difference"]):
        return ComparedCell(NO_VALUE, row["why"])
    difference = f"{number(row['difference'])} [{number(row['difference_low'])}, {number(row['difference_high'])}]"
    text = f"difference {difference}, {plural(int(row['pairs']), 'pair')}"
    return ComparedCell(word, "; ".join(filter(None, (text, row["why"]))))


def _sentence(dataset: str, metric: str, cells: Mapping[str, ComparedCell], baseline: str) -> str:
    said = {
        f"better than {baseline}": "better", f"worse than {baseline}": "worse",
        f"not distinguishable from {baseline}": "not distinguishable", "without a value": NO_VALUE,
    }  # fmt: skip
    parts = [
        f"{phrase}: {listed(names)}"
        for phrase, word in said.items()
        if (names := [name for name, cell in cells.items() if cell.word == word])
    ]
    return f"{dataset} ({metric}): {'; '.join(parts)}."
