"""The compact table of a family of claims as LaTeX (booktabs), at text width in one- and two-column classes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from phvae.analysis.presentation.metric_labels import direction, metric_label
from phvae.analysis.presentation.numbers import column_places
from phvae.analysis.tables.family_tables import FamilyPanel, FamilyRow, FamilyTable
from phvae.analysis.tables.latex_pages import LINES, PagePart, caption_of, floats, pages
from phvae.analysis.tables.latex_text import escape_latex
from phvae.analysis.tables.score_cells import BEST, CAUTION, INTERVAL, MARKS, NEAR_BEST, standing

__all__ = ["FAMILY", "family_latex"]

FAMILY = "family-{}.tex"  # the file of a family
DECIMALS, DIGITS = 3, 4  # more are long
LETTERS = 12  # of a line in a column's head
HEAD = 6  # lines: the head of a page, and its rules
STRETCH = 1.15  # of lines, so that what is underlined keeps away from the row below
SETTING = f"\\centering\\scriptsize\\setlength{{\\tabcolsep}}{{1pt}}\\renewcommand{{\\arraystretch}}{{{STRETCH}}}"


def family_latex(table: FamilyTable) -> str:
    """The table for \\input; the best mean is bold, what is not distinguishable from it underlined."""
    panels = [PagePart("\n".join(lines), 1 + len(lines)) for lines in map(_panel, table.panels)]
    caption = caption_of(_caption(table), f"family-{table.name}")
    bodies = pages(panels, int((LINES - HEAD - caption.height) / STRETCH))
    contents = [[*([] if i else [caption.text]), _tabular(table, body)] for i, body in enumerate(bodies)]
    lines = floats(_title(table), contents, "tbp", SETTING)
    return "\n".join([r"% In the preamble: \usepackage{booktabs}", *lines, ""])


def _title(table: FamilyTable) -> str:
    return table.name.replace("_", " ").capitalize()


def _caption(table: FamilyTable) -> str:
    rows = [row for panel in table.panels for row in panel.rows]
    scores = [score for row in rows for score in row.scores if score is not None]
    said = {
        f"{_title(table)}: {' '.join(table.texts)}": True,
        f"{INTERVAL}, on the test split.": True,
        "Bold: the best mean of all variants; underlined: not distinguishable from it.": any(map(standing, scores)),
        "Published: as the paper prints it, ± its standard deviation.": any(any(row.published) for row in rows),
        f"{CAUTION}: {MARKS[CAUTION]}.": any(score["caution"] for score in scores),
        "Raised: seeds with a value, of all.": any(score["n"] < score["planned"] for score in scores),
    }
    return " ".join(text for text, so in said.items() if so)


def _tabular(table: FamilyTable, panels: Sequence[str]) -> str:
    columns = f"@{{\\extracolsep{{\\fill}}}}l{'r' * len(table.labels)}@{{}}"
    lines = [f"\\begin{{tabular*}}{{\\textwidth}}{{{columns}}}", r"\toprule", _line("", map(_head, table.labels))]
    for panel in panels:
        lines += [r"\midrule", panel]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular*}"])


def _head(label: str) -> str:
    """A variant's label over several short lines."""
    lines = map(escape_latex, textwrap.wrap(label.replace(" = ", "\u00a0=\u00a0"), LETTERS))
    return r"\shortstack[r]{" + r" \\ ".join(lines) + "}"


def _panel(panel: FamilyPanel) -> list[str]:
    """What is measured, and a row a data set: numbers in one power of ten, with as many decimals in each row."""
    scores = [[score for score in row.scores if score is not None] for row in panel.rows]
    exponent, better = _exponent(scores), scores[0][0]["higher_is_better"]
    power = f"$10^{{{exponent}}}$" if exponent else ""
    way = direction(None if pd.isna(better) else bool(better))
    title = ", ".join(filter(None, (escape_latex(metric_label(panel.metric)), power, way)))
    lines = [f"\\multicolumn{{{1 + len(panel.rows[0].scores)}}}{{@{{}}l}}{{\\textit{{{title}}}}} \\\\"]
    for row, known in zip(panel.rows, scores, strict=True):
        lines += _row(row, 10.0**-exponent, _places(known, 10.0**-exponent))
    return lines


def _exponent(found: Sequence[Sequence[pd.Series]]) -> int:
    """The power of ten in the head of a panel, a multiple of three: where numbers are small or large, and long."""
    size = float(np.median([abs(score["mean"]) for row in found for score in row]))
    long = any(column_places(*zip(*map(_numbers, row), strict=True)) > DECIMALS for row in found)
    return 3 * math.floor(math.log10(size) / 3) if size >= 1e4 or (0 < size < 1 and long) else 0


def _places(scores: Sequence[pd.Series], scale: float) -> int:
    """The decimals of a row: to the second digit of the middle half-width, to the first where numbers get long."""
    means, halves = ([scale * value for value in values] for values in zip(*map(_numbers, scores), strict=True))
    places, digits = column_places(means, halves), len(f"{np.median(means):.0f}".lstrip("0"))  # a minus is one, too
    return max(places - 1, 0) if places + digits > DIGITS else places


def _numbers(score: pd.Series) -> tuple[float, float]:
    """Mean, and half of its interval."""
    return float(score["mean"]), float(score["high"] - score["low"]) / 2


def _row(row: FamilyRow, scale: float, places: int) -> list[str]:
    """A data set, and below it what the paper prints."""
    lines = [_line(escape_latex(row.name), ["--" if one is None else _cell(one, scale, places) for one in row.scores])]
    if any(row.published):
        values = ["--" if one is None else _value(one, scale, places) for one in row.published]
        lines.append(_line(r"\quad published", values))
    return lines


def _line(name: str, cells: Iterable[str]) -> str:
    return " & ".join([name, *cells]) + r" \\"


def _cell(score: pd.Series, scale: float, places: int) -> str:
    """Mean and half an interval, with its marks."""
    text = _value(_numbers(score), scale, places)
    command = {BEST: "textbf", NEAR_BEST: "underline"}.get(standing(score))
    text = f"\\{command}{{{text}}}" if command else text
    few = f"{score['n']}/{score['planned']}" if score["n"] < score["planned"] else ""
    marks = ", ".join(filter(None, (CAUTION if score["caution"] else "", few)))
    return text + (f"\\textsuperscript{{{escape_latex(marks)}}}" if marks else "")


def _value(numbers: tuple[float, float], scale: float, places: int) -> str:
    """A mean and what stands behind ±, where it is known."""
    mean, spread = (scale * number for number in numbers)
    digits = escape_latex(f"{round(mean, places) + 0.0:,.{places}f}")  # no minus before a zero
    return digits + (f"$\\pm${spread:,.{places}f}" if math.isfinite(spread) else "")
