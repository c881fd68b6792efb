"""The compact table of a family of claims as LaTeX: data sets x headline metrics x at most six variants."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phvae.analysis.claims.ledger import TESTED
from phvae.analysis.claims.schema import Claims, family_of
from phvae.analysis.presentation.metric_labels import direction, metric_label
from phvae.analysis.presentation.metrics_shown import HEADLINES
from phvae.analysis.presentation.numbers import column_places
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.latex_text import escape_latex
from phvae.analysis.tables.score_cells import BEST, INTERVAL, NEAR_BEST, standing

__all__ = ["FAMILY", "family_tables"]

FAMILY = "family-{}.tex"  # the file of a family
VARIANTS = 6
_LETTERS = 12  # of a line in a column's head
Rows = Mapping[tuple[str, str, str, str], pd.Series]  # (data set, n_train, variant, metric) -> its statistics


@dataclass(frozen=True)
class _Panel:
    """One metric: what it is, and its rows, as LaTeX."""

    title: str
    lines: list[str]


def family_tables(inputs: TableInputs, claims: Claims, verdicts: pd.DataFrame) -> dict[str, str]:
    """The tables of the families of which a claim was tested: name -> LaTeX to \\input, as wide as the page's text.

    A family has the metrics of its claims and those of the headlines, on the data sets where it was tested. Of the
    variants that its claims name the challengers and the baseline are shown, then those that were hardest to beat.

    Args:
        inputs: the results.
        claims: the claims.
        verdicts: `ledger.decide` of them.
    """
    stats = inputs.statistics[(inputs.statistics["split"] == "test") & (inputs.statistics["n"] > 0)]
    keys = zip(*(stats[name] for name in ("dataset", "n_train", "variant", "metric")), strict=True)
    known = dict(zip(keys, (row for _, row in stats.iterrows()), strict=True))
    tested = verdicts[verdicts["verdict"].isin(TESTED)]
    found = {}
    for family, rows in tested.groupby(tested["claim"].map(family_of), sort=False):
        named = {name: claim for name, claim in claims.claims.items() if name in set(rows["claim"])}
        variants = _variants(inputs, claims.model_copy(update={"claims": named}), rows)
        metrics = list(dict.fromkeys([*(claim.metric for claim in named.values()), *HEADLINES]))
        cells = [(d, size) for d in inputs.datasets() for size in rows[rows["dataset"] == d]["n_train"].unique()]
        panels = [_panel(inputs, known, cells, variants, metric) for metric in metrics]
        texts = [claim.text for claim in named.values()]
        found[str(family)] = _latex(inputs, str(family), texts, variants, [panel for panel in panels if panel.lines])
    return found


def _variants(inputs: TableInputs, claims: Claims, verdicts: pd.DataFrame) -> list[str]:
    """Challengers and baseline, then the controls that were hardest most often, then the others; in the table's order."""
    hardest = verdicts["control"].value_counts(sort=True).index
    named = [variant for claim in claims.claims.values() for variant in claim.variants()]
    first = [*(claim.challenger for claim in claims.claims.values()), inputs.baseline, *hardest, *named]
    have = list(inputs.table["variant"].unique())
    chosen = [variant for variant in dict.fromkeys(first) if variant in have][:VARIANTS]
    return sorted(chosen, key=lambda variant: (variant != inputs.baseline, have.index(variant)))


def _panel(
    inputs: TableInputs, known: Rows, cells: Sequence[tuple[str, str]], variants: Sequence[str], metric: str
) -> _Panel:
    """A row a data set; numbers in the panel's power of ten, with as many decimals in each row."""
    found = {cell: [known.get((*cell, variant, metric)) for variant in variants] for cell in cells}
    shown = {cell: rows for cell, rows in found.items() if any(row is not None for row in rows)}
    sizes = [np.median([abs(row["mean"]) for row in rows if row is not None]) for rows in shown.values()]
    exponent = _exponent(min(sizes, default=0.0))
    lines = [line for cell, rows in shown.items() for line in _lines(inputs, cell, rows, variants, metric, exponent)]
    better = next((row["higher_is_better"] for rows in shown.values() for row in rows if row is not None), None)
    power = f"$10^{{{exponent}}}$" if exponent else ""
    title = filter(
        None, (escape_latex(metric_label(metric)), power, direction(None if pd.isna(better) else bool(better)))
    )
    return _Panel(", ".join(title), lines)


def _exponent(size: float) -> int:
    """The power of ten in the head of numbers of this size; 0 where they are short without.

    >>> _exponent(0.0911), _exponent(0.2), _exponent(90.0), _exponent(12345.0)
    (-2, 0, 0, 4)
    """
    power = math.floor(math.log10(size)) if size > 0 and math.isfinite(size) else 0
    return power if power < -1 or power > 3 else 0


def _lines(
    inputs: TableInputs, cell: tuple[str, str], rows: Sequence[pd.Series | None], variants: Sequence[str], metric: str,
    exponent: int,
) -> Iterator[str]:  # fmt: skip
    """The row of a data set, and below it that of the numbers that the paper prints."""
    scale = 10.0**-exponent
    values = [(row["mean"] * scale, (row["high"] - row["low"]) / 2 * scale) for row in rows if row is not None]
    places = column_places(*zip(*values, strict=True))
    size = "" if cell[1] == "all" or len(inputs.sizes(cell[0])) == 1 else f", {int(cell[1]):,}"
    name = escape_latex(f"{cell[0]}{size}")
    yield _line(name, ["--" if row is None else _cell(row, scale, places) for row in rows])
    printed = inputs.published
    printed = printed[(printed["dataset"] == cell[0]) & (printed["n_train"] == cell[1]) & (printed["metric"] == metric)]
    by_variant = {
        row["variant"]: _value(row["value"] * scale, row["sd"] * scale, places) for _, row in printed.iterrows()
    }
    if by_variant.keys() & set(variants):
        yield _line(r"\quad published", [by_variant.get(variant, "--") for variant in variants])


def _line(name: str, cells: Sequence[str]) -> str:
    return " & ".join([name, *cells]) + r" \\"


def _cell(row: pd.Series, scale: float, places: int) -> str:
    """Mean and half an interval: the best bold, what is not distinguishable from it underlined."""
    text = _value(row["mean"] * scale, (row["high"] - row["low"]) / 2 * scale, places)
    command = {BEST: "textbf", NEAR_BEST: "underline"}.get(standing(row), "")
    text = f"\\{command}{{{text}}}" if command else text
    few = f"{row['n']}/{row['planned']}" if row["n"] < row["planned"] else ""
    marks = ", ".join(filter(None, (r"\S" if row["caution"] else "", few)))
    return text + (f"\\textsuperscript{{{marks}}}" if marks else "")


def _value(mean: float, half: float, places: int) -> str:
    """A mean with what stands behind ±, to the decimals of its row."""
    digits = escape_latex(f"{round(mean, places) + 0.0:,.{places}f}")  # no minus before a zero
    return digits + (f"\\,$\\pm$\\,{half:,.{places}f}" if math.isfinite(half) else "")


def _latex(
    inputs: TableInputs, family: str, texts: Sequence[str], variants: Sequence[str], panels: Sequence[_Panel]
) -> str:
    heads = [_head(inputs.labels[variant]) for variant in variants]
    lines = [
        r"% In the preamble: \usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
        f"\\caption{{{escape_latex(_caption(family, texts, panels))}}}\\label{{tab:family-{family}}}",
        f"\\begin{{tabular*}}{{\\textwidth}}{{@{{\\extracolsep{{\\fill}}}}l{'r' * len(variants)}@{{}}}}",
        r"\toprule",
        _line("", heads),
    ]
    for panel in panels:
        title = f"\\multicolumn{{{len(variants) + 1}}}{{@{{}}l}}{{\\textit{{{panel.title}}}}} \\\\"
        lines += [r"\midrule", title, *panel.lines]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular*}", r"\end{table*}", ""])


def _head(label: str) -> str:
    """A variant's label over several short lines."""
    lines = r" \\ ".join(map(escape_latex, textwrap.wrap(label, _LETTERS)))
    return f"\\shortstack[r]{{{lines}}}"


def _caption(family: str, texts: Sequence[str], panels: Sequence[_Panel]) -> str:
    body = " ".join(line for panel in panels for line in panel.lines)
    said = [
        f"{family.replace('_', ' ').capitalize()}: {' '.join(texts)}",
        f"{INTERVAL}, on the test split.",
        "Bold: the best mean of all variants; underlined: not distinguishable from it." if "\\textbf" in body else "",
        "Published: as the paper prints it, ± its standard deviation." if r"\quad published" in body else "",
        "§: not compared, too few examples or an estimate that has not settled." if r"\S" in body else "",
        "Raised: seeds with a value, of all." if re.search(r"\d/\d+}", body) else "",
    ]
    return " ".join(filter(None, said))
