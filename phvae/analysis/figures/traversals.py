"""What each level changes: one moved at a time, as a figure and as a moving picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import image_rows, line_up
from phvae.files import atomic

__all__ = ["Traversals", "traversal_frames", "write_gif"]


@dataclass(frozen=True)
class Traversals:
    """One level of the code moved at a time, the others held: a strip a level, a block a variant.

    Attributes:
        rows: label -> (levels, steps, C, H, W) uint8.
        steps: where on the way each column stands, as labels below; none by default.
    """

    kind: ClassVar[str] = "traversals"
    rows: Mapping[str, np.ndarray]
    steps: Sequence[float] = ()

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Each level's most varying coordinate moved from -3 to 3 standard deviations of the prior, the rest held "
            "at a test image's code, first seed. A level that changes nothing is unused; levels that change the same "
            "thing are not separated."
        )

    def draw(self) -> Figure:
        """Draw it."""
        lines: list[tuple[str, np.ndarray]] = []
        groups = []
        for label, levels in self.rows.items():
            groups.append(len(lines))
            lines.append((f"{label}\nlevel 1", levels[0]))
            lines += [(f"level {k}", images) for k, images in enumerate(levels[1:], start=2)]
        return image_rows(lines, [f"{step:+g}" for step in self.steps], groups)

    def animate(self, path: Path) -> None:
        """The variant with most levels as a GIF."""
        label, levels = max(self.rows.items(), key=lambda item: len(item[1]))
        write_gif(traversal_frames(levels, label), path)


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
        line = line_up(levels[:, step], 0)
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
