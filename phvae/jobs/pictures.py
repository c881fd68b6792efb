"""Pictures of one run on images, in Pillow alone so that the stage starts quickly; densities have figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phvae.files import atomic

__all__ = ["grid", "save_png"]

TILE = 48  # smallest edge of one image on paper, in pixels
GAP = 2


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


def save_png(path: Path, page: np.ndarray) -> None:
    """Write (height, width, 3) uint8 as PNG; equal pages give equal bytes."""
    from PIL import Image

    with atomic(path) as temporary:
        Image.fromarray(page).save(temporary, format="PNG")
