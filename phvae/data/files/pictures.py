"""PNG, JPEG and WebP pictures turned into equal arrays: orientation, colour, crop and size."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from phvae.data.files.safe import reading
from phvae.errors import DataError

__all__ = ["ENDINGS", "Rule", "decode", "decode_all"]

ENDINGS = (".png", ".jpg", ".jpeg", ".webp")
_MOST_PIXELS = 1 << 26  # of one picture


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
        DataError: if the bytes are no whole PNG, JPEG or WebP picture, or have more than 2^26 pixels.
    """
    from PIL import Image, ImageOps

    with reading(what):
        # the pixel limit is checked below, on every picture, before anything is decoded
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(f"{what}: {image.width} x {image.height} pixels, more than {_MOST_PIXELS}")
            image.load()
            picture = _flat(ImageOps.exif_transpose(image), rule)
        array = np.asarray(_fitted(picture, rule, what))
        return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _flat(image: Any, rule: Rule) -> Any:
    """The picture in mode L or RGB, without transparency."""
    from PIL import Image

    mode = "L" if rule.colour == "grey" else "RGB"
    if image.mode.startswith("I"):  # 16 bits of grey, as I;16 or I
        grey = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8), "L").convert(mode)
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
            if len(waiting) > 16 * threads:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
