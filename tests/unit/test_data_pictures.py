"""One picture: every mode, turn and size; what is no picture."""

from __future__ import annotations

import os
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from pictures_on_disk import encoded, pixels
from PIL import Image

from phvae.data.files import pictures
from phvae.data.files.pictures import Rule, decode
from phvae.errors import DataError

RNG = np.random.default_rng(11)


def test_every_mode_becomes_rgb_or_grey() -> None:
    colours = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    image = Image.fromarray(colours)
    luma = np.asarray(image.convert("L")).astype(int)
    alpha = np.full((6, 9, 1), 255, np.uint8)
    cases: dict[str, tuple[bytes, Any, int]] = {
        "RGB": (encoded(image), colours, 0),
        "RGBA": (encoded(np.concatenate([colours, alpha], axis=2)), colours, 0),
        "L": (encoded(image.convert("L")), luma[..., None], 0),
        "LA": (encoded(image.convert("LA")), luma[..., None], 0),
        "P": (encoded(image.convert("P", palette=Image.Palette.ADAPTIVE)), colours, 0),
        "1": (encoded(image.convert("1", dither=Image.Dither.NONE)), np.where(luma > 127, 255, 0)[..., None], 0),
        "webp": (encoded(image, "WEBP", lossless=True), colours, 0),
    }
    for mode, (content, expected, tolerance) in cases.items():
        found = decode(content, Rule("rgb"))
        assert found.shape == (3, 6, 9)
        assert found.dtype == np.uint8
        want = np.broadcast_to(expected, (6, 9, 3)).transpose(2, 0, 1).astype(int)
        assert np.abs(found.astype(int) - want).max() <= tolerance, mode
        grey = decode(content, Rule("grey"))
        assert grey.shape == (1, 6, 9)
        assert (
            np.abs(grey[0].astype(int) - np.asarray(Image.fromarray(found.transpose(1, 2, 0)).convert("L"))).max() <= 1
        )


def test_sixteen_bits_keep_the_upper_eight() -> None:
    wide = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    assert np.array_equal(decode(encoded(Image.fromarray(wide)), Rule("grey"))[0].ravel(), np.arange(256))
    assert decode(encoded(Image.fromarray(wide)), Rule("rgb")).shape == (3, 16, 16)


def test_cmyk_jpeg_is_converted() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # red
    red = decode(encoded(image, "JPEG", quality=100), Rule("rgb")).mean(axis=(1, 2))
    assert red[0] > 240
    assert red[1:].max() < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_transparent_pixels_show_the_background(mode: str) -> None:
    if mode in ("RGBA", "LA"):
        image = Image.new(mode, (4, 4), (200,) * (len(mode) - 1) + (0,))
        content = encoded(image)
    else:
        image = Image.new(mode, (4, 4), 7 if mode != "RGB" else (7, 7, 7))
        if mode == "P":
            image.putpalette([200] * 768)
        content = encoded(image, transparency=7 if mode != "RGB" else (7, 7, 7))
    assert decode(content, Rule("grey", background=0)).max() == 0
    assert decode(content, Rule("rgb", background=90)).max() == 90


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation: int) -> None:
    upright = np.zeros((24, 16, 3), np.uint8)
    upright[:8, :8] = 255  # bright top left corner, taller than wide
    turn = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = Image.fromarray(upright) if turn is None else Image.fromarray(upright).transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(stored, "JPEG", quality=95, exif=exif), Rule("grey"))[0]
    assert found.shape == (24, 16)
    assert np.abs(found.astype(int) - upright[..., 0]).max() < 30


def test_size_fit_and_crop() -> None:
    wide = np.zeros((10, 20, 3), np.uint8)
    wide[:, 5:15] = 200  # the middle square
    content = encoded(wide)
    assert decode(content, Rule(size=(10, 10), fit="crop")).min() == 200
    assert decode(content, Rule(crop=(10, 10))).min() == 200
    padded = decode(content, Rule(size=(20, 20), fit="pad", background=50))
    assert padded.shape == (3, 20, 20)
    assert (padded[:, :5] == 50).all()
    assert (padded[:, 15:] == 50).all()
    assert np.array_equal(padded[:, 5:15], wide.transpose(2, 0, 1))
    stretched = decode(content, Rule(size=(10, 10), fit="stretch"))
    assert stretched[0, 5, 0] == 0
    assert stretched[0, 5, 5] == 200
    assert decode(content, Rule("grey", size=(4, 6))).shape == (1, 4, 6)
    with pytest.raises(DataError, match=r"dog\.png: 10 x 20 pixels are fewer than the crop of 12 x 12"):
        decode(content, Rule(crop=(12, 12)), "dog.png")


def test_too_many_pixels_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_MOST_PIXELS", 100)
    with pytest.raises(DataError, match="11 x 10 pixels, more than 100"):
        decode(encoded(pixels(1, 10, 11)), Rule())
    enormous = encoded(pixels(1))
    enormous = enormous[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + enormous[24:]  # width and height of the header
    with pytest.raises(DataError):
        decode(enormous, Rule())


def test_an_example_of_too_many_pixels_needs_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_MOST_KEPT", 100)
    with pytest.raises(DataError, match="11 x 10 pixels, more than the 100 of an example; set `size`"):
        decode(encoded(pixels(1, 10, 11)), Rule())
    assert decode(encoded(pixels(1, 10, 11)), Rule(size=(10, 10))).shape == (3, 10, 10)
    assert decode(encoded(pixels(1, 10, 11)), Rule(crop=(10, 10))).shape == (3, 10, 10)


def test_large_pictures_are_decoded_one_after_the_other_small_ones_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_room", pictures._Room(150))
    both, lock, at_work, most = threading.Barrier(2), threading.Lock(), 0, []
    original = pictures._decoded

    def watched(image: Image.Image, rule: Rule, what: object) -> np.ndarray:
        nonlocal at_work
        with lock:
            at_work += 1
            most.append(at_work)
        if image.width * image.height < 75:
            both.wait(20)  # broken unless two are here at once
        found = original(image, rule, what)
        with lock:
            at_work -= 1
        return found

    monkeypatch.setattr(pictures, "_decoded", watched)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(2))
    for side, at_once in ((8, 2), (10, 1)):
        most.clear()
        found = list(pictures.decode_all([(str(i), encoded(pixels(i, side, side))) for i in range(4)], Rule()))
        assert [(name, int(array.max())) for name, array in found] == [(str(i), i) for i in range(4)]
        assert max(most) == at_once


def test_sixteen_bits_take_little_memory() -> None:
    image = Image.fromarray(np.zeros((2000, 1000), np.uint16))
    tracemalloc.start()
    pictures._flat(image, Rule("grey"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2000 * 1000  # the wide array of all pixels


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        encoded(pixels(3))[:40],
        encoded(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8), "JPEG")[:-300],
        encoded(pixels(3), "GIF"),
        encoded(pixels(3), "TIFF"),
    ],
)
def test_what_is_no_whole_png_jpeg_or_webp_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.png: damaged"):
        decode(content, Rule(), "x.png")
