"""The figures with their pictures, as addresses that hold the picture itself: WebP, lossless while there is room."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from phvae.analysis.figures.index import DrawnFigure

__all__ = ["Picture", "ShownFigure", "with_pictures"]

MOST_BYTES = 5_500_000  # of all pictures together; base64 adds a third
LOSSLESS = {"lossless": True, "method": 1, "quality": 20}  # a tenth of a second a figure, little larger than the best
LOSSY = {"quality": 85, "method": 2}


@dataclass(frozen=True)
class Picture:
    """A picture's address, which holds its bytes, its size in pixels, and the address of it moving if it moves."""

    address: str
    width: int
    height: int
    moving: str = ""


@dataclass(frozen=True)
class ShownFigure:
    """A figure with the pictures of it that lie in its folder."""

    drawn: DrawnFigure
    pictures: list[Picture]

    @property
    def seen(self) -> str:
        """What is seen, for those who do not see it; figures of before December 2026 do not say."""
        if self.drawn.alt:
            return self.drawn.alt
        first = self.drawn.caption.split(". ")[0].rstrip(".")
        return f"{self.drawn.kind.replace('_', ' ')} of {', '.join(self.drawn.datasets)}: {first}."


def with_pictures(folder: Path, figures: Sequence[DrawnFigure]) -> list[ShownFigure]:
    """The figures of which a picture lies in `folder`, and those that could not be drawn.

    Too many bytes in all: the heaviest pictures are no longer lossless; then all are made smaller, and none moves.
    """
    files = [
        folder / name
        for figure in figures
        for name in figure.files
        if Path(name).suffix in (".png", ".gif") and (folder / name).is_file()
    ]
    names = [path.name for path in files]
    with ThreadPoolExecutor() as pool:  # Pillow holds no lock while it decodes and encodes
        stills = dict(zip(names, pool.map(lambda path: _webp(path, LOSSLESS), files), strict=True))
    moving = {path.name: path.read_bytes() for path in files if path.suffix == ".gif"}
    for name in sorted(stills, key=lambda name: -len(stills[name])):
        if _size(stills, moving) > MOST_BYTES:
            stills[name] = min(stills[name], _webp(folder / name, LOSSY), key=len)
    if (total := _size(stills, moving)) > MOST_BYTES:
        moving = {}
        stills = {name: _webp(folder / name, LOSSY, MOST_BYTES / total) for name in stills}
    shown = []
    for figure in figures:
        pictures = [_picture(stills[name], moving.get(name)) for name in figure.files if name in stills]
        if pictures or figure.reason:
            shown.append(ShownFigure(figure, pictures))
    return shown


def _size(*files: dict[str, bytes]) -> int:
    return sum(len(data) for group in files for data in group.values())


def _webp(path: Path, options: dict[str, int], share: float = 1.0) -> bytes:
    """A picture, of one that moves the first, as WebP; scaled to about `share` of its bytes."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    if share < 1:
        scale = 0.9 * share**0.5
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "webp", **options)
    return out.getvalue()


def _picture(still: bytes, moving: bytes | None) -> Picture:
    with Image.open(io.BytesIO(still)) as image:
        width, height = image.size
    return Picture(_address("webp", still), width, height, _address("gif", moving) if moving else "")


def _address(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
