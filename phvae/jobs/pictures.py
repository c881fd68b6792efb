"""Pictures of one run, drawn with Pillow alone so that the stage starts quickly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phvae.files import atomic

__all__ = ["curve", "grid", "save_png"]

TILE = 48  # smallest edge of one image on paper, in pixels
GAP = 2
WIDTH, HEIGHT, MARGIN = 480, 300, 24


def grid(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (N, C, H, W) uint8 side by side, row by row, on white: (height, width, 3) uint8.

    >>> grid(np.zeros((3, 1, 48, 48), dtype=np.uint8), columns=2).shape
    (102, 102, 3)
    """
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)
    factor = -(-TILE // images.shape[-1])
    tiles = np.repeat(np.repeat(images.transpose(0, 2, 3, 1), factor, axis=1), factor, axis=2)
    height, width = (edge + GAP for edge in tiles.shape[1:3])
    rows = -(-len(tiles) // columns)
    page = np.full((rows * height + GAP, columns * width + GAP, 3), 255, dtype=np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (index // columns) * height + GAP, (index % columns) * width + GAP
        page[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return page


def curve(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Samples (grey) over true data (black outline), both (N, D), D = 1 or 2, as a histogram or a cloud of points."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(page)
    low, high = np.quantile(truth, 0.002, axis=0), np.quantile(truth, 0.998, axis=0)
    low, high = low - 0.1 * (high - low), high + 0.1 * (high - low)
    inner = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    if truth.shape[1] == 1:
        edges = np.linspace(low[0], high[0], 61)
        heights = [np.histogram(x[:, 0], edges)[0] / len(x) for x in (samples, truth)]
        top = max(float(max(h.max() for h in heights)), 1e-9)
        left = MARGIN + inner[0] * np.arange(61) / 60
        ends = [HEIGHT - MARGIN - inner[1] * h / top for h in heights]
        for x0, x1, y in zip(left[:-1], left[1:], ends[0], strict=True):
            draw.rectangle((round(x0), round(y), round(x1) - 1, HEIGHT - MARGIN), fill=(190, 190, 190))
        outline = [
            (x, y) for x0, x1, y in zip(left[:-1], left[1:], ends[1], strict=True) for x, y in ((x0, y), (x1, y))
        ]
        draw.line(outline, fill="black", width=1)
    else:
        for points, colour in ((truth[:2000], (0, 0, 0)), (samples[:2000], (215, 95, 0))):
            at = MARGIN + (points[:, :2] - low[:2]) / (high[:2] - low[:2]) * inner
            for x, y in at[np.isfinite(at).all(1)].round().astype(int).tolist():
                if 0 <= x < WIDTH and 0 <= y < HEIGHT:
                    draw.point((x, HEIGHT - y), fill=colour)
    return np.asarray(page)


def save_png(path: Path, page: np.ndarray) -> None:
    """Write (height, width, 3) uint8 as PNG; equal pages give equal bytes."""
    from PIL import Image

    with atomic(path) as temporary:
        Image.fromarray(page).save(temporary, format="PNG")
