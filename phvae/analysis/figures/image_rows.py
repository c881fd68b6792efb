"""What figures of images share: rows of images with a label each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE, new_figure, styled

__all__ = ["coloured", "image_rows"]

_LARGEST, _TALLEST = 0.52, 8.8  # inches: one image's side, one page


def coloured(images: np.ndarray) -> np.ndarray:
    """(N, C, H, W) of one or three channels as (N, H, W, 3)."""
    return np.moveaxis(np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images, 1, -1)


def image_rows(
    rows: Sequence[tuple[str, np.ndarray]],
    xlabels: Sequence[str] = (),
    groups: Collection[int] = (),
    *,
    apart: Collection[int] = (),
    below: float = 0.0,
) -> Figure:
    """Rows of images (N, C, H, W) uint8 with a label each.

    The sizes are worked out here and not by the layout engine: images keep their aspect and fill what the labels leave.

    Args:
        rows: label and images, as many in each row.
        xlabels: words below the columns.
        groups: numbers of the rows above which a wider gap stands.
        apart: numbers of the columns left of which a wider gap stands.
        below: inches left free below.
    """
    zoom = -(-32 // rows[0][1].shape[-1])  # gaps are whole pixels: fine ones need fine pixels
    lines = [coloured(images).repeat(zoom, axis=1).repeat(zoom, axis=2) for _, images in rows]
    width = lines[0].shape[2]
    gap = max(1, round(width / 12))
    joined = [_joined(list(line), gap, apart, axis=1) for line in lines]
    mosaic, ticks = _joined([line for line, _ in joined], gap, groups, axis=0)
    labels = [wrap(label, 20) for label, _ in rows]
    left, edge = 0.12 + 0.055 * max(len(line) for label in labels for line in label.split("\n")), 0.05
    below += edge + (0.16 if xlabels else 0.0)
    scale = min((DOUBLE - left - edge) / mosaic.shape[1], _LARGEST / width, (_TALLEST - below - edge) / mosaic.shape[0])
    wide, tall = scale * mosaic.shape[1], scale * mosaic.shape[0]
    size = (left + wide + edge, below + tall + edge)
    with styled():
        figure = new_figure(*size)
        figure.set_layout_engine("none")
        ax = figure.add_axes((left / size[0], below / size[1], wide / size[0], tall / size[1]))
        ax.imshow(mosaic, interpolation="nearest", aspect="auto")
        ax.set_yticks(ticks, labels)
        ax.set_xticks(joined[0][1] if xlabels else [], list(xlabels))
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    return figure


def _joined(parts: Sequence[np.ndarray], gap: int, apart: Collection[int], axis: int) -> tuple[np.ndarray, list[float]]:
    """Parts (H, W, 3) beside (axis 1) or below (axis 0) each other on white; and where the middle of each is."""
    found: list[np.ndarray] = []
    middles, at = [], 0
    for i, part in enumerate(parts):
        if i:
            shape = list(part.shape)
            shape[axis] = gap * (4 if i in apart else 1)
            found.append(np.full(shape, 255, np.uint8))
            at += shape[axis]
        found.append(part)
        middles.append(at + part.shape[axis] / 2 - 0.5)
        at += part.shape[axis]
    return np.concatenate(found, axis=axis), middles
