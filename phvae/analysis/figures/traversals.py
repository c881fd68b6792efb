"""What each level changes: one moved at a time, as a figure and as a moving picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.figures.image_rows import coloured, image_rows
from phvae.files import atomic

__all__ = ["Traversals", "traversal_frames", "write_gif"]


@dataclass(frozen=True)
class Traversals:
    """One level of the code moved at a time, the others held: a strip a level, a block a variant.

    Attributes:
        original: (C, H, W) uint8, the test image whose code is moved.
        rows: label -> (levels, steps, C, H, W) uint8.
        steps: where on the way each column stands, as labels below.
        nats: of each level, label -> its rate in nats, where it is known.
    """

    kind: ClassVar[str] = "traversals"
    original: np.ndarray
    rows: Mapping[str, np.ndarray]
    steps: Sequence[float]
    nats: Sequence[Mapping[str, str]]

    def caption(self) -> str:
        """What to see in it."""
        return (
            f"Each level's most varying coordinate moved from {self.steps[0]:g} to {self.steps[-1]:g} standard "
            "deviations of the prior, the rest held at the code of the test image on the left, first seed; beside a "
            "level its rate, mean over seeds. A level that changes nothing is unused; levels that change the same "
            "thing are not separated."
        )

    def draw(self) -> Figure:
        """Draw it."""
        lines: list[tuple[str, np.ndarray]] = []
        groups = []
        for label, levels in self.rows.items():
            groups.append(len(lines))
            for k, images in enumerate(levels):
                rate = f", {self.nats[k][label]} nats" if label in self.nats[k] else ""
                name = f"level {k + 1}{rate}" if k else f"{label}\nlevel 1{rate}"
                lines.append((name, np.insert(images, 0, self.original, axis=0)))
        words = ["test image", *(f"{step:+g}".replace("-", "−") if step else "0" for step in self.steps)]
        return image_rows(lines, words, groups, apart=[1])

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
        tiles = coloured(levels[:, step]).repeat(zoom, 1).repeat(zoom, 2)
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
