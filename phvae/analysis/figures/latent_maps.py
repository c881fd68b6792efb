"""Figures of the code: KL by level, maps of the latent space, which code carries which factor, what a level draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.style import COLOURS, DOUBLE, grid_of, new_figure, row_labels, shared_legend, styled, wrap

__all__ = ["factor_maps", "kl_levels", "latent_maps", "level_drop", "principal"]

_HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++", "oo", "--")

POINTS = 1500  # of a map: the first examples


def _level_colours(count: int) -> list[tuple[float, ...]]:
    """Dark to light, so that levels keep their order in grey print."""
    import matplotlib as mpl

    return [tuple(colour) for colour in mpl.colormaps["cividis"](np.linspace(0.05, 0.9, max(count, 2)))][:count]


def _level_table(table: pd.DataFrame, pattern: str) -> pd.DataFrame:
    """Rows whose metric follows `pattern`, with the level (and band) in columns of their own."""
    found = table["metric"].str.extract(pattern)
    chosen = table[found.notna().all(axis=1) & table["value"].notna()].copy()
    for name in found.columns:
        chosen[name] = found.loc[chosen.index, name]
    chosen["level"] = chosen["level"].astype(int)
    return chosen


def kl_levels(table: pd.DataFrame, labels: Mapping[str, str] | None = None) -> Figure:
    """KL(q||p) of each variant as a bar, split into its levels; mean over seeds, the whisker their standard deviation.

    Args:
        table: long table with rows kl_level_{k}; a panel for each data set.
        labels: variant -> name shown.
    """
    rows = _level_table(table, r"^kl_level_(?P<level>\d+)$")
    names = dict(labels or {})
    datasets = list(dict.fromkeys(rows["dataset"]))
    variants = list(dict.fromkeys(rows["variant"]))
    levels = int(rows["level"].max())
    colours = _level_colours(levels)
    shown, height = row_labels([names.get(v, v) for v in variants])
    with styled():
        figure = new_figure(DOUBLE, 0.75 + 1.05 * height * max(len(variants), 3) * -(-len(datasets) // 4))
        axes = grid_of(figure, len(datasets), 4)
        for ax, dataset in zip(axes, datasets, strict=True):
            cell = rows[rows["dataset"] == dataset]
            means = cell.pivot_table(index="variant", columns="level", values="value").reindex(variants)
            totals = cell.groupby(["variant", "seed"])["value"].sum().groupby("variant").std().reindex(variants)
            left, at = np.zeros(len(variants)), np.arange(len(variants))
            for level in means.columns:
                width = means[level].fillna(0).to_numpy()
                ax.barh(
                    at, width, left=left, height=0.74, color=colours[level - 1], edgecolor="white", linewidth=0.4,
                    hatch=_HATCHES[(level - 1) % len(_HATCHES)], label=f"level {level}",
                )  # fmt: skip
                left += width
            ran = means.notna().any(axis=1).to_numpy()
            ax.errorbar(
                left[ran], at[ran], xerr=totals.fillna(0).to_numpy()[ran],
                fmt="none", ecolor="black", elinewidth=0.7, capsize=1.5,
            )  # fmt: skip
            for position in at[~ran]:  # not run or diverged: an empty place would read as a KL of 0
                ax.annotate("no value", (0, position), (2, 0), textcoords="offset points", va="center", fontsize=6)
            ax.set_yticks(at, shown)
            ax.invert_yaxis()
            ax.set_title(dataset)
            ax.set_xlabel("KL [nats]")
            if not ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.tick_params(labelleft=False)
        shared_legend(figure, axes, 8)
    return figure


def principal(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components of codes (N, L): scores (N, 2) and their shares of the variance (2,).

    Signs are fixed (the largest loading is positive), so that equal codes give an equal map. A code of one coordinate
    gets a second one of zero; a row that is not finite has no scores (NaN); codes that are all alike have shares of 0.
    """
    codes = np.pad(codes, ((0, 0), (0, max(0, 2 - codes.shape[1])))).astype(np.float64)
    scores = np.full((len(codes), 2), np.nan)
    finite = np.isfinite(codes).all(axis=1)
    if not finite.any():
        return scores, np.zeros(2)
    kept = codes[finite]
    centred = (kept - kept.mean(axis=0)) * (np.ptp(kept, axis=0) > 0)  # a mean of equal numbers may be off by a bit
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(2)])
    scores[finite] = centred @ axes
    return scores, np.clip(values[::-1][:2], 0, None) / (values.sum() or 1)


def latent_maps(codes: Mapping[str, np.ndarray], target: np.ndarray, name: str, *, discrete: bool = True) -> Figure:
    """Whitened codes of the test set on their first two principal components, coloured by a label or a factor.

    Args:
        codes: label -> (N, L).
        target: (N,) class or value of each example.
        name: what the colour means.
        discrete: whether `target` is a class; the number of each class then stands at its median.
    """
    count = len(codes)
    rows = -(-count // 3)
    seen = np.asarray(target)[:POINTS]
    with styled():
        figure = new_figure(DOUBLE, 0.25 + 2.15 * rows)
        for ax, (label, code) in zip(grid_of(figure, count, 3), codes.items(), strict=True):
            scores, shares = principal(code.reshape(len(code), -1))
            kept = np.isfinite(scores[:POINTS, 0])
            scores, shown = scores[:POINTS][kept], seen[kept]
            if not kept.any():
                ax.text(0.5, 0.5, "no finite code", transform=ax.transAxes, ha="center", va="center", fontsize=6)
            if not discrete:
                drawn = ax.scatter(
                    scores[:, 0], scores[:, 1], c=shown, cmap="cividis", vmin=seen.min(), vmax=seen.max(), s=3,
                    linewidths=0, alpha=0.75, rasterized=True,
                )  # fmt: skip
            elif kept.any():
                _scatter_classes(ax, scores, shown)
            ax.set_title(wrap(label, 33))
            ax.set_xlabel(f"PC 1 ({shares[0]:.0%})")
            ax.set_ylabel(f"PC 2 ({shares[1]:.0%})")
        if not discrete:
            figure.colorbar(drawn, ax=figure.axes, shrink=0.7, label=name, pad=0.01)
    return figure


def _apart(points: np.ndarray, least: float) -> np.ndarray:
    """Push points (N, 2) that are closer than `least` away from each other."""
    for _ in range(60):
        gaps = points[:, None] - points[None]
        distance = np.linalg.norm(gaps, axis=-1) + np.eye(len(points))
        push = np.clip(least - distance, 0, None)[..., None] * gaps / np.maximum(distance, 1e-9)[..., None]
        points = points + 0.5 * push.sum(axis=1)
    return points


def _scatter_classes(ax: Axes, scores: np.ndarray, classes: np.ndarray) -> None:
    """Every point is its class's number, so that grey print can be read; a larger one stands at the class's median."""
    values = np.unique(classes)
    middles = np.array([np.median(scores[classes == value], axis=0) for value in values])
    for i, value in enumerate(values):
        points = scores[classes == value]
        colour = COLOURS[i % len(COLOURS)]
        ax.scatter(
            points[:, 0], points[:, 1], marker=f"${value}$", s=8, color=colour, linewidths=0, alpha=0.6, rasterized=True
        )
    span = np.maximum(np.ptp(scores, axis=0), 1e-9)
    middles = _apart(middles / span, 0.095) * span
    for i, (value, (x, y)) in enumerate(zip(values, middles.tolist(), strict=True)):
        ax.text(
            x, y, str(value), ha="center", va="center", fontsize=6.5, weight="bold",
            bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": COLOURS[i % len(COLOURS)], "lw": 1.0},
        )  # fmt: skip


def factor_maps(matrices: Mapping[str, np.ndarray], levels: Mapping[str, int], factor_names: Sequence[str]) -> Figure:
    """How much each code tells about each factor: mutual information over the factor's entropy, codes by level.

    Args:
        matrices: label -> (codes, factors) in [0, 1].
        levels: label -> number of levels; codes are ordered level by level.
        factor_names: names of the columns.
    """
    count = len(matrices)
    codes = max(len(m) for m in matrices.values())
    with styled():
        figure = new_figure(DOUBLE, 0.85 + 0.155 * codes * -(-count // 4))
        axes = grid_of(figure, count, 4)
        for ax, (label, matrix) in zip(axes, matrices.items(), strict=True):
            image = ax.imshow(matrix, vmin=0, vmax=1, cmap="magma_r", aspect="auto", interpolation="nearest")
            size = len(matrix) // levels[label]
            for k in range(1, levels[label]):
                ax.axhline(k * size - 0.5, color="#0072B2", linewidth=1)
            middles = [k * size + (size - 1) / 2 for k in range(levels[label])]
            ax.set_yticks(middles, [f"level {k + 1}" for k in range(levels[label])], rotation=90, va="center")
            ax.set_xticks(range(len(factor_names)), factor_names, rotation=45, ha="right", rotation_mode="anchor")
            ax.tick_params(length=0)
            ax.spines[:].set_visible(True)
            ax.set_title(wrap(label, 20))
        figure.colorbar(image, ax=axes, shrink=0.8, pad=0.01, label="MI(code, factor) / H(factor)")
    return figure


def level_drop(table: pd.DataFrame, labels: Mapping[str, str] | None = None) -> Figure:
    """Change of the reconstruction in each frequency band, over the data's power there, when one level is replaced.

    Args:
        table: long table of one data set with rows drop_level_{k}_{low,mid,high}; a panel for each variant.
        labels: variant -> name shown.
    """
    rows = _level_table(table, r"^drop_level_(?P<level>\d+)_(?P<band>low|mid|high)$")
    names = dict(labels or {})
    variants = list(dict.fromkeys(rows["variant"]))
    bands = ("low", "mid", "high")
    colours = ("#0B3C5D", "#D55E00", "#F0C75E")
    count = len(variants)
    with styled():
        figure = new_figure(DOUBLE, 0.45 + 1.5 * -(-count // 4))
        axes = grid_of(figure, count, 4, sharey=True)
        for ax, variant in zip(axes, variants, strict=True):
            cell = rows[rows["variant"] == variant]
            means = cell.pivot_table(index="level", columns="band", values="value", aggfunc="mean")
            low = cell.pivot_table(index="level", columns="band", values="value", aggfunc="min")
            high = cell.pivot_table(index="level", columns="band", values="value", aggfunc="max")
            for i, band in enumerate(bands):
                ax.bar(
                    means.index + (i - 1) * 0.27, means[band], width=0.27, color=colours[i], edgecolor="black",
                    linewidth=0.4, hatch=_HATCHES[i], yerr=[means[band] - low[band], high[band] - means[band]],
                    error_kw={"elinewidth": 0.7, "capsize": 1.5}, label=f"{band} frequencies",
                )  # fmt: skip
            ax.set_xticks(means.index)
            ax.set_xlabel("level replaced")
            ax.set_title(wrap(names.get(variant, variant), 22))
            ax.axhline(0, color="black", linewidth=0.5)
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("change / data power")
        shared_legend(figure, axes, 3)
    return figure
