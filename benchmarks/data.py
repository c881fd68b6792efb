"""How long preparing and loading takes: 70,000 pictures of 28x28, JPEGs small and large, sprites.

`python -m benchmarks.data`, about a minute. Needs no files: what it reads it writes first.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.common import record
from phvae import data
from phvae.data.files.published import Published
from phvae.data.kinds import idx


def timed(run: Callable[[int], object], repeats: int = 3) -> float:
    """The median wall-clock seconds of `repeats` calls; each gets its own number."""
    seconds = []
    for i in range(repeats):
        start = time.perf_counter()
        run(i)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def write_idx(folder: Path) -> None:
    """60,000 + 10,000 digits-like pictures in MNIST's layout: mostly background, so that gzip has its usual work."""
    generator = np.random.default_rng(0)
    files = []
    for published, n in zip(idx.Mnist.files, (60_000, 60_000, 10_000, 10_000), strict=True):
        if "images" in published.name:
            array = generator.integers(0, 256, (n, 28, 28), dtype=np.uint8) * (generator.random((n, 28, 28)) < 0.2)
        else:
            array = generator.integers(0, 10, n, dtype=np.uint8)
        content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
        (folder / published.name).write_bytes(gzip.compress(content, 6))
        files.append(Published(published.name, ("mnist",), sha256=hashlib.sha256(content).hexdigest()))
    idx.Mnist.files = tuple(files)


def write_jpegs(path: Path, n: int, size: tuple[int, int]) -> None:
    """A zip of JPEGs in ten label folders."""
    generator = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(n):
            coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            stream = io.BytesIO()
            coarse.resize(size).save(stream, "JPEG", quality=90)
            archive.writestr(f"{i % 10}/{i:05d}.jpg", stream.getvalue())


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mnist").mkdir()
        write_idx(folder / "mnist")
        prepare = timed(lambda i: data.prepare("mnist", None, cache=folder / f"idx{i}", search=[folder]))
        record("prepare 70,000 28x28 images (IDX, gzip)", "s", prepare, repeats=3)
        again = timed(lambda i: data.prepare("mnist", None, cache=folder / "idx0", search=[folder]))
        record("find them prepared", "s", again, repeats=3)
        prepared = data.prepare("mnist", None, cache=folder / "idx0", search=[folder])
        record("load them", "s", timed(lambda i: data.load(prepared)), repeats=3)
        record("load them and touch every byte", "s", timed(lambda i: int(data.load(prepared).train.sum())), repeats=3)
        write_jpegs(folder / "jpegs.zip", 20_000, (32, 32))
        options = {"kind": "images", "path": str(folder / "jpegs.zip")}
        jpegs = timed(lambda i: data.prepare("jpegs", options, cache=folder / f"jpeg{i}"))
        record("prepare 20,000 JPEGs of 32x32", "s", jpegs, repeats=3)
        sized = {**options, "size": 64}
        resized = timed(lambda i: data.prepare("jpegs", sized, cache=folder / f"sized{i}"))
        record("prepare 20,000 JPEGs, resized to 64x64", "s", resized, repeats=3)
        write_jpegs(folder / "photos.zip", 1_000, (500, 375))
        photos = {"kind": "images", "path": str(folder / "photos.zip"), "size": 64}
        large = timed(lambda i: data.prepare("photos", photos, cache=folder / f"photos{i}"))
        record("prepare 1,000 JPEGs of 500x375, to 64x64", "s", large, repeats=3)
        for resolution in (32, 64):
            sprites = {"kind": "sprites", "resolution": resolution}
            rendered = timed(lambda i, o=sprites: data.prepare("sprites", o, cache=folder / f"sprites{i}"))
            record(f"render 9,000 sprites of {resolution}x{resolution}", "s", rendered, repeats=3)


if __name__ == "__main__":
    main()
