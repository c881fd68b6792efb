"""What figures of images share: rows of images with a label each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE, new_figure, styled

__all__ = ["image_rows", "line_up"]

_LARGEST, _TALLEST = 0.52, 8.8  # inches: one image's side, one page


def line_up(images: np.ndarray, gap: int) -> np.ndarray:
    """(N, C, H, W) uint8 side by side, white between: (H, N * (W + gap) - gap, 3)."""
    rgb = np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images
    n, _, height, width = rgb.shape
    line = np.full((height, n * (width + gap) - gap, 3), 255, np.uint8)
    for i, image in enumerate(rgb):
        line[:, i * (width + gap) : i * (width + gap) + width] = image.transpose(1, 2, 0)
    return line


def image_rows(
    rows: Sequence[tuple[str, np.ndarray]], xlabels: Sequence[str] = (), groups: Sequence[int] = ()
) -> Figure:
    """Rows of images with a label each; `groups` are the row numbers above which a wider gap stands.

    The sizes are worked out here and not by the layout engine: images keep their aspect and fill what the labels leave.
    """
    zoom = -(-32 // rows[0][1].shape[-1])  # gaps are whole pixels: fine ones need fine pixels
    rows = [(label, images.repeat(zoom, axis=-1).repeat(zoom, axis=-2)) for label, images in rows]
    height, width = rows[0][1].shape[-2:]
    gap = max(1, round(width / 12))
    lines: list[np.ndarray] = []
    ticks, at = [], 0
    for i, (_, images) in enumerate(rows):
        if i:
            space = gap * (4 if i in groups else 1)
            lines.append(np.full((space, *lines[0].shape[1:]), 255, np.uint8))
            at += space
        lines.append(line_up(images, gap))
        ticks.append(at + height / 2 - 0.5)
        at += height
    mosaic = np.concatenate(lines)
    labels = [wrap(label, 16) for label, _ in rows]
    left, below, edge = 0.12 + 0.068 * max(len(line) for label in labels for line in label.split("\n")), 0.05, 0.05
    below += 0.2 if xlabels else 0.0
    scale = min((DOUBLE - left - edge) / mosaic.shape[1], _LARGEST / width, (_TALLEST - below - edge) / mosaic.shape[0])
    wide, tall = scale * mosaic.shape[1], scale * mosaic.shape[0]
    with styled():
        figure = new_figure(left + wide + edge, below + tall + edge)
        figure.set_layout_engine("none")
        ax = figure.add_axes(
            (
                left / (left + wide + edge),
                below / (below + tall + edge),
                wide / (left + wide + edge),
                tall / (below + tall + edge),
            )
        )
        ax.imshow(mosaic, interpolation="nearest", aspect="auto")
        ax.set_yticks(ticks, labels)
        positions = [i * (width + gap) + width / 2 - 0.5 for i in range(rows[0][1].shape[0])] if xlabels else []
        ax.set_xticks(positions, list(xlabels))
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    return figure
