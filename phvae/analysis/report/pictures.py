"""The figures with their pictures, as addresses that hold the picture itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phvae.analysis.figures.index import DrawnFigure

__all__ = ["Picture", "ShownFigure", "with_pictures"]

MOST_BYTES = 20_000_000  # of all pictures together; base64 adds a third
_TYPES = {".png": "image/png", ".gif": "image/gif"}


@dataclass(frozen=True)
class Picture:
    """A picture's address, which holds its bytes, and whether it moves."""

    address: str
    moving: bool


@dataclass(frozen=True)
class ShownFigure:
    """A figure with the pictures of it that lie in its folder."""

    drawn: DrawnFigure
    pictures: list[Picture]


def with_pictures(folder: Path, figures: Sequence[DrawnFigure]) -> list[ShownFigure]:
    """The figures of which a picture lies in `folder`, and those that could not be drawn.

    Too many bytes in all make every picture smaller.
    """
    files = {
        name: (folder / name).read_bytes()
        for figure in figures
        for name in figure.files
        if Path(name).suffix in _TYPES and (folder / name).is_file()
    }
    total = sum(len(data) for data in files.values())
    if total > MOST_BYTES:
        files = {name: _smaller(name, data, MOST_BYTES / total) for name, data in files.items()}
    shown = []
    for figure in figures:
        pictures = [Picture(_address(n, files[n]), n.endswith(".gif")) for n in figure.files if files.get(n)]
        if pictures or figure.reason:
            shown.append(ShownFigure(figure, pictures))
    return shown


def _address(name: str, data: bytes) -> str:
    return f"data:{_TYPES[Path(name).suffix]};base64,{base64.b64encode(data).decode()}"


def _smaller(name: str, data: bytes, share: float) -> bytes:
    """A picture in about `share` of its bytes; moving pictures are left out (they lie beside the page)."""
    from PIL import Image

    if name.endswith(".gif"):
        return b""
    with Image.open(io.BytesIO(data)) as image:
        scale = min(1.0, 0.9 * share**0.5)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(128)
    out = io.BytesIO()
    small.save(out, "png", optimize=True)
    return min(out.getvalue(), data, key=len)
