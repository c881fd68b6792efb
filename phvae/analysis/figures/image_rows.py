"""Figures of images: reconstructions, samples, interpolations, and what each level changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.style import DOUBLE, new_figure, styled, wrap
from phvae.files import atomic

__all__ = ["interpolations", "reconstructions", "sample_images", "traversal_frames", "traversals", "write_gif"]


_LARGEST, _TALLEST = 0.52, 8.8  # inches: one image's side, one page


def _line_up(images: np.ndarray, gap: int) -> np.ndarray:
    """(N, C, H, W) uint8 side by side, white between: (H, N * (W + gap) - gap, 3)."""
    rgb = np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images
    n, _, height, width = rgb.shape
    line = np.full((height, n * (width + gap) - gap, 3), 255, np.uint8)
    for i, image in enumerate(rgb):
        line[:, i * (width + gap) : i * (width + gap) + width] = image.transpose(1, 2, 0)
    return line


def _rows(rows: Sequence[tuple[str, np.ndarray]], xlabels: Sequence[str] = (), groups: Sequence[int] = ()) -> Figure:
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
        lines.append(_line_up(images, gap))
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


def reconstructions(originals: np.ndarray, rows: Mapping[str, np.ndarray]) -> Figure:
    """Test images above, below them each variant's reconstructions of the same images.

    Args:
        originals: (N, C, H, W) uint8.
        rows: label -> (N, C, H, W) uint8.
    """
    return _rows([("original", originals), *rows.items()], groups=[1])


def sample_images(rows: Mapping[str, np.ndarray]) -> Figure:
    """Decoder means of draws from the prior, a row for each variant; rows: label -> (N, C, H, W) uint8."""
    return _rows(list(rows.items()))


def interpolations(rows: Mapping[str, np.ndarray]) -> Figure:
    """Straight lines between the codes of two test images, a row for each variant; label -> (8, C, H, W) uint8."""
    return _rows(list(rows.items()))


def traversals(rows: Mapping[str, np.ndarray], steps: Sequence[float] = ()) -> Figure:
    """One level of the code moved at a time, the others held: a strip a level, a block a variant.

    Args:
        rows: label -> (levels, steps, C, H, W) uint8.
        steps: where on the way each column stands, as labels below; none by default.
    """
    lines: list[tuple[str, np.ndarray]] = []
    groups = []
    for label, levels in rows.items():
        groups.append(len(lines))
        lines.append((f"{label}\nlevel 1", levels[0]))
        lines += [(f"level {k}", images) for k, images in enumerate(levels[1:], start=2)]
    return _rows(lines, [f"{step:+g}" for step in steps], groups)


def traversal_frames(levels: np.ndarray, title: str, side: int = 96) -> list[np.ndarray]:
    """The frames of a moving traversal: levels side by side, there and back; RGB uint8 (H, W, 3).

    Args:
        levels: (levels, steps, C, H, W) uint8.
        title: written above.
        side: pixels of one image, at least.
    """
    from PIL import Image, ImageDraw, ImageFont

    count, steps, _, height, width = levels.shape
    zoom = max(1, -(-side // max(height, width)))
    font = ImageFont.load_default(13)
    frames = []
    for step in [*range(steps), *range(steps - 2, 0, -1)]:
        line = _line_up(levels[:, step], 0)
        tiles = [line[:, k * width : (k + 1) * width].repeat(zoom, 0).repeat(zoom, 1) for k in range(count)]
        room = max(width * zoom, 64)
        canvas = Image.new("RGB", (max(count * (room + 8) + 8, 220), height * zoom + 48), "white")
        draw = ImageDraw.Draw(canvas)
        draw.text((8, 4), title, fill="black", font=font)
        for k, tile in enumerate(tiles):
            left = 8 + k * (room + 8)
            canvas.paste(Image.fromarray(tile), (left, 24))
            draw.text((left, height * zoom + 27), f"level {k + 1}", fill="black", font=font)
        frames.append(np.asarray(canvas))
    return frames


def write_gif(frames: Sequence[np.ndarray], path: Path, milliseconds: int = 160) -> None:
    """An endless GIF, written whole or not at all."""
    from PIL import Image

    images = [Image.fromarray(frame).quantize(64, dither=Image.Dither.NONE) for frame in frames]
    with atomic(path) as temporary:
        images[0].save(temporary, save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
