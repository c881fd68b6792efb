"""PNG, JPEG and WebP pictures turned into equal arrays: orientation, colour, crop and size."""

from __future__ import annotations

import io
import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from phvae.data.files.safe import reading
from phvae.errors import DataError

__all__ = ["ENDINGS", "Rule", "decode", "decode_all"]

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_MOST_PIXELS = 1 << 26  # of one picture, and of all that are decoded at once: 1.3 GB at worst
_MOST_KEPT = 1 << 24  # of an example: the largest `size`


@dataclass(frozen=True)
class Rule:
    """How a picture becomes an array.

    Attributes:
        colour: grey (one channel, ITU-R 601-2 luma) or rgb (three).
        size: (height, width) of the result; None leaves the picture's own.
        fit: how a picture of another shape comes to `size`: crop (shorter side fits, the middle is kept), pad (longer
            side fits, `background` around), stretch.
        crop: (height, width) of a central piece, cut out before all else.
        background: grey value behind transparent and padded pixels.
    """

    colour: Literal["grey", "rgb"] = "rgb"
    size: tuple[int, int] | None = None
    fit: Literal["crop", "pad", "stretch"] = "crop"
    crop: tuple[int, int] | None = None
    background: int = 0


def decode(content: bytes, rule: Rule, what: object = "picture") -> np.ndarray:
    """Decode one picture.

    CMYK, palette, transparent, one-bit and 16-bit pictures are converted; the EXIF orientation is applied; of an
    animation the first frame is taken.

    Returns:
        uint8 (C, H, W).

    Raises:
        DataError: if the bytes are no whole PNG, JPEG or WebP picture, or have more than 2^26 pixels (2^24 where
            neither `size` nor `crop` makes them fewer).
    """
    from PIL import Image

    with reading(what), Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
        _bounded(image.width, image.height, rule, what)  # nothing is decoded yet
        with _room.of(image.width * image.height):
            return _decoded(image, rule, what)


def _bounded(width: int, height: int, rule: Rule, what: object) -> None:
    if width * height > _MOST_PIXELS:
        raise DataError(f"{what}: {width} x {height} pixels, more than {_MOST_PIXELS}")
    if width * height > _MOST_KEPT and not (rule.size or rule.crop):
        raise DataError(f"{what}: {width} x {height} pixels, more than the {_MOST_KEPT} of an example; set `size`")


def _decoded(image: Any, rule: Rule, what: object) -> np.ndarray:
    from PIL import ImageOps

    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    array = np.asarray(_fitted(_flat(image, rule), rule, what))
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


class _Room:
    """How many pixels may be decoded at once, by all threads together."""

    def __init__(self, pixels: int) -> None:
        self._left, self._change = pixels, threading.Condition()

    @contextmanager
    def of(self, pixels: int) -> Iterator[None]:
        """Wait for room for so many, and keep it meanwhile."""
        with self._change:
            self._change.wait_for(lambda: self._left >= pixels)
            self._left -= pixels
        try:
            yield
        finally:
            with self._change:
                self._left += pixels
                self._change.notify_all()


_room = _Room(_MOST_PIXELS)


def _flat(image: Any, rule: Rule) -> Any:
    """The picture in mode L or RGB, without transparency."""
    from PIL import Image

    mode = "L" if rule.colour == "grey" else "RGB"
    if image.mode.startswith("I"):  # 16 bits of grey, as I;16 or I
        grey = np.empty((image.height, image.width), np.uint8)
        for out, row in zip(grey, np.asarray(image), strict=True):  # row by row: eight bytes a pixel are many
            out[:] = (row.astype(np.int64).clip(0, 65535) + 128) // 257
        return Image.fromarray(grey, "L").convert(mode)
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        front = image.convert("RGBA")
        behind = Image.new("RGBA", front.size, (rule.background,) * 3 + (255,))
        return Image.alpha_composite(behind, front).convert("RGB").convert(mode)
    if image.mode == "P":
        image = image.convert("RGB")
    return image if image.mode == mode else image.convert(mode)


def _fitted(image: Any, rule: Rule, what: object) -> Any:
    from PIL import Image, ImageOps

    if rule.crop is not None:
        height, width = rule.crop
        if image.height < height or image.width < width:
            raise DataError(
                f"{what}: {image.height} x {image.width} pixels are fewer than the crop of {height} x {width}"
            )
        left, top = (image.width - width) // 2, (image.height - height) // 2
        image = image.crop((left, top, left + width, top + height))
    if rule.size is None or image.size == rule.size[::-1]:
        return image
    size, method = rule.size[::-1], Image.Resampling.BICUBIC
    if rule.fit == "stretch":
        return image.resize(size, method)
    if rule.fit == "pad":
        return ImageOps.pad(image, size, method, color=(rule.background,) * len(image.getbands()))
    return ImageOps.fit(image, size, method)


def decode_all(
    items: Iterable[tuple[str, bytes | DataError]], rule: Rule
) -> Iterator[tuple[str, np.ndarray | DataError]]:
    """Decode pictures with a thread per core; yield each, or the DataError it gave, in the order of `items`."""
    threads = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    waiting: deque[tuple[str, Future[np.ndarray | DataError]]] = deque()

    def work(name: str, content: bytes | DataError) -> np.ndarray | DataError:
        if isinstance(content, DataError):
            return content
        try:
            return decode(content, rule, name)
        except DataError as error:
            return error

    with ThreadPoolExecutor(threads) as pool:
        for name, content in items:
            waiting.append((name, pool.submit(work, name, content)))
            while waiting and (waiting[0][1].done() or len(waiting) > 4 * threads):
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
