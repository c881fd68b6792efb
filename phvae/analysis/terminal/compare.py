"""Variants against a baseline, paired by seed, as text for a terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.presentation.metric_labels import direction, metric_label
from phvae.analysis.presentation.metrics_shown import HEADLINES
from phvae.analysis.presentation.numbers import aligned, number, plus_minus
from phvae.analysis.statistics.verdict import UNRESOLVED, ZERO_INSIDE
from phvae.analysis.tables.inputs import TableInputs, read_inputs
from phvae.analysis.tables.score_cells import BEST, CAUTION, MARKS, NEAR_BEST, standing

__all__ = ["compare"]


def compare(root: Path, baseline: str | None = None) -> str:
    """The headline metrics of every data set at its largest training size, each variant against `baseline`.

    Args:
        root: results folder with the long table.
        baseline: a variant; by default the configuration's.

    Raises:
        DataError: no long table.
        ConfigError: the table has no such variant.
    """
    inputs = read_inputs(Path(root), baseline=baseline)
    lines = [
        f"Against {inputs.labels[inputs.baseline]} ({inputs.baseline}), paired by seed; at the largest training size.",
        f"mean ± half of its 95 % interval: Student t below {s.BOOTSTRAP_FROM} seeds, studentised bootstrap from "
        "there; difference [95 %]: the wider of Student's and Hall's;",
        "p: sign flips, not adjusted for the number of lines; better in: share of pairs; spread: ratio of mean "
        "absolute deviations from the median over seeds;",
        f"{'; '.join(f'{mark} {MARKS[mark]}' for mark in (BEST, NEAR_BEST, CAUTION))}.",
        *([inputs.varies] if inputs.varies else []),
    ]
    for dataset in inputs.datasets():
        lines += _dataset(inputs, dataset, inputs.sizes(dataset)[-1])
    return "\n".join(lines) + "\n"


def _dataset(inputs: TableInputs, dataset: str, size: str) -> list[str]:
    stats = inputs.statistics
    rows = stats[(stats["dataset"] == dataset) & (stats["n_train"] == size) & (stats["split"] == "test")]
    examples = "all training examples" if size == "all" else f"{int(size):,} training examples"
    lines = ["", f"== {dataset}, {examples}"]
    lost = [f"{inputs.labels[v]}: {words}" for (d, n, v), words in inputs.losses.items() if (d, n) == (dataset, size)]
    if lost:
        lines.append(f"   runs without numbers: {'; '.join(lost)}")
    for metric in HEADLINES:
        found = rows[(rows["metric"] == metric) & (rows["planned"] > 0)]
        if not (found["n"] > 0).any():
            continue
        known = found["higher_is_better"].dropna()
        way = f", {direction(bool(known.iloc[0]))}" if len(known) else ""
        smallest = number(float(s.smallest_p(int(found["pairs"].max()))))
        lines += ["", f"{metric_label(metric)}{way}; p cannot fall below {smallest}"]
        lines += [f"  {line}" for line in aligned(_lines(inputs, found))]
    if len(lines) == 2 + bool(lost):
        lines.append("   no headline metric has a value")
    return lines


def _lines(inputs: TableInputs, rows: pd.DataFrame) -> list[list[str]]:
    lines = [["variant", "seeds", "mean", "difference", "p", "better in", "spread", ""]]
    for _, row in rows.iterrows():
        half = (row["high"] - row["low"]) / 2
        line = [row["label"], f"{row['n']}/{row['planned']}", _marked(row, half)]
        if row["variant"] == inputs.baseline:
            lines.append([*line, "", "", "", "", f"baseline ({row['caution']})" if row["caution"] else "baseline"])
            continue
        difference = "–"
        if row["pairs"] > 1:
            low, high = number(row["difference_low"]), number(row["difference_high"])
            difference = f"{number(row['difference'])} [{low}, {high}]"
        share = f"{100 * row['p_improvement']:.0f} %" if pd.notna(row["p_improvement"]) else "–"
        words = [row["word"] + (f" ({row['why']})" if row["word"] and row["why"] not in ("", ZERO_INSIDE) else "")]
        if row["spread_word"] not in ("", UNRESOLVED):
            words.append(row["spread_word"])
        if row["incomplete"]:
            words.append(f"{row['incomplete']} incomplete pair{'s' if row['incomplete'] > 1 else ''}")
        lines.append(
            [
                *line,
                difference,
                number(row["p_sign_flip"], 2),
                share,
                number(row["spread_ratio"], 2),
                ", ".join(filter(None, words)),
            ]
        )
    return lines


def _marked(row: pd.Series, half: float) -> str:
    """The mean with its place among all variants, and a mark where it has a caution."""
    signs = standing(row) + (CAUTION if row["caution"] else "")
    return " ".join(filter(None, (plus_minus(row["mean"], half), signs)))
