"""Every variant or tuned family against the baseline, a word a data set: what a page without claims opens with."""

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

_FILE, _FAMILIES = "statistics.csv", "divergences.csv"
_TEXT = dict.fromkeys(
    ("dataset", "n_train", "variant", "family", "split", "metric", "word", "why", "equal_rate_word"), "str"
)
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
    """All variants against the baseline; `kind` is what they are called, `note` what a reader must know of them."""

    kind: str
    note: str
    baseline: str
    variants: list[str]
    sets: list[ComparedSet]


def compared(folder: Path, baseline: str, labels: Mapping[str, str]) -> Compared | None:
    """The words of the score tables on the first metric of each data set; None without statistics or comparisons.

    Where families of weights are tuned they stand in the place of variants, each at its chosen weight.

    Args:
        folder: of the tables, with statistics.csv and, of families, divergences.csv.
        baseline: the variant that others are compared with.
        labels: variant -> how the page calls it.
    """
    if (folder / _FAMILIES).is_file():
        frame = _read(folder / _FAMILIES)
        compared_ones = set(frame.loc[frame["pairs"] > 0, "family"])
        own = next((str(name) for name in frame.loc[frame["mean"].notna(), "family"] if name not in compared_ones), "")
        return _of_sets("family", FAMILIES, frame.assign(variant=frame["family"]), own, {})
    if (folder / _FILE).is_file():
        frame = _read(folder / _FILE)
        return _of_sets("variant", "", frame[frame["split"] == "test"], baseline, labels)
    return None


def _read(path: Path) -> pd.DataFrame:
    numbers = [*_NUMBERS, *(EQUAL + name for name in _NUMBERS)]
    return pd.read_csv(path, dtype=_TEXT, keep_default_na=False, na_values=dict.fromkeys(numbers, ""))


def _of_sets(kind: str, note: str, frame: pd.DataFrame, baseline: str, labels: Mapping[str, str]) -> Compared | None:
    frame, name = frame[frame["variant"] != baseline], labels.get(baseline, baseline)
    found = (_of_dataset(str(dataset), rows, labels, name) for dataset, rows in frame.groupby("dataset", sort=False))
    sets = [one for one in found if one]
    variants = list(dict.fromkeys(variant for one in sets for variant in one.cells))
    return Compared(kind, note, name, variants, sets) if sets else None


_NUMBERS = ("difference", "difference_low", "difference_high", "pairs", "mean")
EQUAL = "equal_rate_"
FAMILIES = (
    "Each family is shown at the weight that the selection seeds chose, on the other seeds. Differences at equal rate, "
    "wins and losses over data sets, and mean ranks are in the table of divergences."
)


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
    if row.get(EQUAL + "word"):
        text += f"; at equal rate {_WORDS[row[EQUAL + 'word']]}, {number(row[EQUAL + 'difference'])}"
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
