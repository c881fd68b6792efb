"""The pictures of docs/audit.md: the cases, the verdicts, bias and spread by n."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, styled
from phvae.audit.cases_generation import images
from phvae.audit.checks import BEYOND, CHECKS, SIZES, TOPICS, TRUTH, Topic
from phvae.audit.judge import Numbers
from phvae.files import atomic
from phvae.metrics.audited import FAILS, NO_VALUE, Verdict, number
from phvae.metrics.registry import lookup

__all__ = ["write_pictures"]

_DPI = 100
_SHOWN = 16  # images of a case
_COLOURS = {"holds": "#D5E8F7", "fails": "#F6C9B5", "no value": "#EEEEEE"}


def write_pictures(folder: Path, table: pd.DataFrame, verdicts: Sequence[Verdict]) -> None:
    """Write audit-cases.png, audit-verdicts.png and audit-n.png."""
    with styled():
        for name, figure in (("cases", _cases()), ("verdicts", _verdicts(verdicts)), ("n", _by_n(table))):
            with atomic(folder / f"audit-{name}.png") as temporary, mpl.rc_context():
                figure.savefig(temporary, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})


def _cases() -> Figure:
    """Generated images of each case, a row each."""
    rows = {name: generated[:_SHOWN] for name, (generated, _) in images(SIZES["generation"][0], 0).items()}
    rows = {name: one for name, one in rows.items() if "," not in name}
    figure = new_figure(DOUBLE, 0.31 * len(rows) + 0.1)
    ax = figure.subplots()
    strips = [
        np.pad(np.hstack([image[0] for image in one]), ((1, 1), (0, 0)), constant_values=255) for one in rows.values()
    ]
    ax.imshow(np.vstack(strips), cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="equal")
    height = len(strips[0])
    ax.set_yticks([(i + 0.5) * height for i in range(len(rows))], list(rows))
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def _verdicts(verdicts: Sequence[Verdict]) -> Figure:
    """A field a score and check, at the smallest size of the grids."""
    heights = [len({v.score for v in verdicts if v.topic == topic}) for topic in TOPICS]
    figure = new_figure(DOUBLE, 0.19 * sum(heights) + 1.25 * len(TOPICS))
    axes = figure.subplots(len(TOPICS), 1, height_ratios=heights)
    for ax, topic in zip(axes, TOPICS, strict=True):
        _fields(ax, topic, [v for v in verdicts if v.topic == topic and v.n == min(SIZES[topic])])
    return figure


def _fields(ax: Axes, topic: Topic, verdicts: Sequence[Verdict]) -> None:
    scores, checks = (
        list(dict.fromkeys(values)) for values in ([v.score for v in verdicts], [v.check for v in verdicts])
    )
    required = {check.name for check in CHECKS if check.topic == topic and check.required}
    for v in verdicts:
        x, y = checks.index(v.check), scores.index(v.score)
        ax.add_patch(mpl.patches.Rectangle((x, y), 1, 1, facecolor=_COLOURS[v.verdict], edgecolor="white"))
        weight = "bold" if v.verdict == FAILS else "normal"
        text = "" if v.verdict == NO_VALUE else number(v.effect)
        ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=5.5, weight=weight)
    ax.set_xlim(0, len(checks))
    ax.set_ylim(len(scores), 0)
    names = [name + ("*" if name in required else "") for name in checks]
    ax.set_xticks(np.arange(len(checks)) + 0.5, names, rotation=30, ha="left", rotation_mode="anchor")
    ax.xaxis.tick_top()
    ax.set_yticks(np.arange(len(scores)) + 0.5, [lookup(score).label for score in scores])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"{topic}, {min(SIZES[topic]):,} examples", loc="left", weight="bold")


def _by_n(table: pd.DataFrame) -> Figure:
    """The truth's mean and spread by n; of codes over the range from the noise code to the clean one."""
    figure = new_figure(DOUBLE, 3.6)
    axes = grid_of(figure, 3, 3)
    for ax, topic in zip(axes, TOPICS[:3], strict=True):
        numbers, sizes = Numbers(table, topic), sorted({*SIZES[topic], *BEYOND[topic]})
        for i, score in enumerate(numbers.scores):
            mean, sd = (np.array([find(score, n, TRUTH[topic]) for n in sizes]) for find in (numbers.mean, numbers.sd))
            unit = numbers.unit(score, min(SIZES[topic]), TRUTH[topic])
            style: dict[str, Any] = {"color": mpl.colormaps["tab20"](i % 20), "ls": "-" if i < 10 else "--"}
            label = lookup(score).label
            ax.errorbar(sizes, (mean - mean[-1]) / unit, sd / unit, lw=0.8, elinewidth=0.6, label=label, **style)
        ax.axhline(0, color="black", lw=0.4)
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{n:,}" for n in sizes], rotation=30)
        ax.set_xticks([], minor=True)
        ax.set_title(f"{topic}: {TRUTH[topic]}")
        ax.set_xlabel("examples")
        ax.legend(fontsize=4.5, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.3))
    axes[0].set_ylabel("less its value at most examples, in units")
    return figure
