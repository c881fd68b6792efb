"""Variants against a baseline, paired by seed, as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.render import number, plus_minus
from phvae.analysis.style import metric_label
from phvae.analysis.tables_metrics import CAUTION
from phvae.analysis.tables_source import Source, read_source
from phvae.analysis.verdict import UNRESOLVED, ZERO_INSIDE

__all__ = ["aligned", "compare"]

HEADLINES = (
    "w1_samples_mean", "sliced_w1_samples_mean", "mse", "fid_samples", "fd_classifier_samples", "mig",
    "knn_accuracy", "nll",
)  # fmt: skip
_DIRECTION = {True: "higher is better", False: "lower is better"}


def compare(root: Path, baseline: str | None = None) -> str:
    """The headline metrics of every data set at its largest training size, each variant against `baseline`.

    Args:
        root: results folder with the long table.
        baseline: a variant; by default the configuration's.

    Raises:
        DataError: no long table.
        ConfigError: the table has no such variant.
    """
    source = read_source(Path(root), baseline=baseline)
    lines = [
        f"Against {source.labels[source.baseline]} ({source.baseline}), paired by seed; at the largest training size.",
        f"mean ± half of its 95 % interval: Student t below {s.BOOTSTRAP_FROM} seeds, studentised bootstrap from "
        "there; difference [95 %]: the wider of Student's and Hall's;",
        "p: sign flips, not adjusted for the number of lines; better in: share of pairs; spread: ratio of mean "
        "absolute deviations from the median over seeds;",
        f"≈ not told from the best mean of all variants; {CAUTION}.",
        *([source.varies] if source.varies else []),
    ]
    for dataset in source.datasets():
        lines += _dataset(source, dataset, source.sizes(dataset)[-1])
    return "\n".join(lines) + "\n"


def _dataset(source: Source, dataset: str, size: str) -> list[str]:
    stats = source.statistics
    rows = stats[(stats["dataset"] == dataset) & (stats["n_train"] == size) & (stats["split"] == "test")]
    examples = "all training examples" if size == "all" else f"{int(size):,} training examples"
    lines = ["", f"== {dataset}, {examples}"]
    lost = [f"{source.labels[v]}: {words}" for (d, n, v), words in source.losses.items() if (d, n) == (dataset, size)]
    if lost:
        lines.append(f"   runs without numbers: {'; '.join(lost)}")
    for metric in HEADLINES:
        found = rows[(rows["metric"] == metric) & (rows["planned"] > 0)]
        if not (found["n"] > 0).any():
            continue
        known = found["higher_is_better"].dropna()
        direction = f", {_DIRECTION[bool(known.iloc[0])]}" if len(known) else ""
        smallest = number(float(s.smallest_p(int(found["pairs"].max()))))
        lines += ["", f"{metric_label(metric)}{direction}; p cannot fall below {smallest}"]
        lines += [f"  {line}" for line in aligned(_lines(source, found))]
    if len(lines) == 2 + bool(lost):
        lines.append("   no headline metric has a value")
    return lines


def _lines(source: Source, rows: pd.DataFrame) -> list[list[str]]:
    lines = [["variant", "seeds", "mean", "difference", "p", "better in", "spread", ""]]
    for _, row in rows.iterrows():
        half = (row["high"] - row["low"]) / 2
        line = [row["label"], f"{row['n']}/{row['planned']}", _marked(row, half)]
        if row["variant"] == source.baseline:
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
    """The mean, ≈ where it is with the best, § where it decides nothing."""
    near = " ≈" if row["with_best"] is True else ""
    return plus_minus(row["mean"], half) + near + (" §" if row["caution"] else "")


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words under each other, two blanks between columns.

    >>> aligned([["a", "bb"], ["ccc", "d"]])
    ['a    bb', 'ccc  d']
    """
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
