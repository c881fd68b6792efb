"""Maps of the latent space: codes on their first two principal components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.looks import CLASSES
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled

__all__ = ["LatentMaps", "principal"]


POINTS = 1500  # of a map: the first examples


@dataclass(frozen=True)
class LatentMaps:
    """Whitened codes of the test set on their first two principal components, coloured by a label or a factor.

    Attributes:
        codes: label -> (N, L).
        target: (N,) class or value of each example.
        name: what the colour means.
        discrete: whether `target` is a class; the number of each class then stands at its median.
        classes: names of the classes from 0 on, where they say more than the number.
    """

    kind: ClassVar[str] = "latent_maps"
    codes: Mapping[str, np.ndarray]
    target: np.ndarray
    name: str
    discrete: bool = True
    classes: Sequence[str] = ()

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Whitened codes of test images on their first two principal components (the axes are scaled apart), first "
            f"seed, coloured by {self.name}. Look for classes that lie apart and for gaps. Where two components hold a "
            "small share of the variance, what overlaps here may lie apart in the others."
        )

    def draw(self) -> Figure:
        """Draw it."""
        count = len(self.codes)
        columns = -(-count // -(-count // 3))  # at most three, in rows equally full
        seen = np.asarray(self.target)[:POINTS]
        with styled():
            figure = new_figure(DOUBLE, 0.45 + 2.25 * -(-count // columns))
            axes = grid_of(figure, count, columns)
            for ax, (label, code) in zip(axes, self.codes.items(), strict=True):
                scores, shares = principal(code.reshape(len(code), -1))
                kept = np.isfinite(scores[:POINTS, 0])
                scores, shown = scores[:POINTS][kept], seen[kept]
                if not kept.any():
                    ax.text(0.5, 0.5, "no finite code", transform=ax.transAxes, ha="center", va="center")
                if not self.discrete:
                    drawn = ax.scatter(
                        scores[:, 0], scores[:, 1], c=shown, cmap="cividis", vmin=seen.min(), vmax=seen.max(), s=3,
                        linewidths=0, alpha=0.75, rasterized=True,
                    )  # fmt: skip
                elif kept.any():
                    self._classes(ax, scores, shown)
                ax.set_title(f"{wrap(label, 33)}\n{shares.sum():.0%} of the variance", linespacing=1.25)
                ax.set_xlabel(f"PC 1 ({shares[0]:.0%})")
                ax.set_ylabel(f"PC 2 ({shares[1]:.0%})")
            if not self.discrete:
                figure.colorbar(drawn, ax=figure.axes, shrink=0.7, label=self.name, pad=0.01)
            elif self.classes:
                shared_legend(figure, axes, 5)
        return figure

    def _classes(self, ax: Axes, scores: np.ndarray, classes: np.ndarray) -> None:
        """A point per code in its class's colour; the class's number, which grey print needs, at its median."""
        values = np.unique(classes).tolist()
        colours = {value: CLASSES[i % len(CLASSES)] for i, value in enumerate(values)}
        ax.scatter(
            scores[:, 0], scores[:, 1], c=[colours[value] for value in classes.tolist()], s=5, linewidths=0,
            alpha=0.65, rasterized=True,
        )  # fmt: skip
        span = np.maximum(np.ptp(scores, axis=0), 1e-9)
        middles = np.array([np.median(scores[classes == value], axis=0) for value in values])
        middles = _apart(middles / span, 0.095) * span
        for value, (x, y) in zip(values, middles.tolist(), strict=True):
            ax.text(
                x, y, str(value), ha="center", va="center", fontsize=6.5, weight="bold",
                bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": colours[value], "lw": 1.2},
            )  # fmt: skip
            if self.classes:
                ax.plot([], [], "o", color=colours[value], label=f"{value} {self.classes[value]}")


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


def _apart(points: np.ndarray, least: float) -> np.ndarray:
    """Push points (N, 2) that are closer than `least` away from each other."""
    for _ in range(60):
        gaps = points[:, None] - points[None]
        distance = np.linalg.norm(gaps, axis=-1) + np.eye(len(points))
        push = np.clip(least - distance, 0, None)[..., None] * gaps / np.maximum(distance, 1e-9)[..., None]
        points = points + 0.5 * push.sum(axis=1)
    return points
