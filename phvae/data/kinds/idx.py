"""The IDX family: MNIST, Fashion-MNIST and KMNIST, 28x28 grey images with ten labels.

torchvision's reader knows no gzip, bounds no size and loads torch: hence `read_idx`.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from phvae.data.builder import Builder
from phvae.data.files.obtain import obtain
from phvae.data.files.published import Published
from phvae.data.files.safe import open_unpacked, read_exactly, reading
from phvae.data.recipe import About, Count, Kind, Recipe, Sources
from phvae.data.splits import hold_out
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError

__all__ = ["FashionMnist", "IdxSet", "Kmnist", "Mnist", "read_idx"]

_LIMIT = 1 << 28  # bytes of one unpacked file; the largest published one has 47 million


def read_idx(path: str | Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Returns:
        uint8, of the shape that the file states: (N,) for labels, (N, H, W) for images.

    Raises:
        DataError: on a wrong magic number, a truncated file, trailing bytes, or more than 2^28 unpacked bytes.
    """
    path = Path(path)
    with reading(path), open_unpacked(path, _LIMIT) as stream:
        zero, kind, dimensions = struct.unpack(">HBB", read_exactly(stream, 4, path))
        if zero != 0 or kind != 8 or not 1 <= dimensions <= 3:
            raise DataError(
                f"{path}: wrong magic number {zero:04x}{kind:02x}{dimensions:02x}; "
                "an IDX file of bytes begins with 00000801 (labels) or 00000803 (images)"
            )
        shape = struct.unpack(f">{dimensions}I", read_exactly(stream, 4 * dimensions, path))
        content = read_exactly(stream, math.prod(shape), path)
        if stream.read(1):
            raise DataError(f"{path}: has more bytes than its stated shape {shape}")
        return np.frombuffer(content, dtype=np.uint8).reshape(shape)


class IdxSet(Kind):
    """Four IDX files: images and labels of a training and a test part."""

    n_validation: Count = Field(5_000, description="examples taken from the training part")

    revision: ClassVar[int] = 2
    files: ClassVar[tuple[Published, ...]]
    label_names: ClassVar[tuple[str, ...]] = tuple(str(i) for i in range(10))

    def read(self, sources: Sources) -> Recipe:
        """Find and check the four files."""
        checked = obtain(self.files, sources)

        def write(builder: Builder) -> None:
            arrays = [read_idx(path) for path, _ in checked]
            self._write(builder, arrays, [path for path, _ in checked])

        return Recipe(tuple(found for _, found in checked), write)

    def _write(self, builder: Builder, arrays: list[np.ndarray], paths: list[Path]) -> None:
        for images, labels, where in ((0, 1, paths[0]), (2, 3, paths[2])):
            if arrays[images].ndim != 3 or arrays[labels].ndim != 1 or not arrays[images].size:
                raise DataError(f"{where}: images need 3 dimensions and labels 1, none of them empty")
            if len(arrays[images]) != len(arrays[labels]):
                raise DataError(
                    f"{where}: {len(arrays[images])} images, but {paths[labels].name} has {len(arrays[labels])} labels"
                )
            if arrays[labels].max(initial=0) >= len(self.label_names):
                raise DataError(f"{paths[labels]}: label {arrays[labels].max()} above {len(self.label_names) - 1}")
        x, y, x_test, y_test = arrays
        train, validation = hold_out(len(x), self.n_validation, "idx", where=paths[0])
        builder.put("train", x[train, None], labels=y[train])
        builder.put("validation", x[validation, None], labels=y[validation])
        # as published, the first half of MNIST's is the easier one, and scores read the first n
        order = numpy_generator(0, "order", "idx").permutation(len(x_test))
        builder.put("test", x_test[order, None], labels=y_test[order])
        builder.facts["label_names"] = list(self.label_names)
        builder.facts["split"] = (
            "canonical test part in one fixed random order; validation taken from the training part with one fixed seed"
        )


_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _files(
    folders: tuple[str, ...], mirrors: tuple[str, ...], md5s: tuple[str, ...], sha256s: tuple[str, ...] = ()
) -> tuple[Published, ...]:
    return tuple(
        Published(
            name,
            folders,
            urls=tuple(mirror + name for mirror in mirrors),
            md5=md5,
            sha256=sha256s[i] if sha256s else None,
            hashes_from="md5 of the packed files: torchvision"
            + ("; sha256 of the unpacked files: computed from files whose md5 this is" if sha256s else ""),
            limit=_LIMIT,
        )
        for i, (name, md5) in enumerate(zip(_NAMES, md5s, strict=True))
    )


class Mnist(IdxSet):
    """Handwritten digits, 60,000 + 10,000."""

    name: ClassVar[str] = "mnist"
    about: ClassVar[About] = About(
        title="MNIST handwritten digits",
        source="http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Proc. IEEE 86(11), 2278-2324",
        shape=(1, 28, 28),
        counts=(55_000, 5_000, 10_000),
    )
    files: ClassVar[tuple[Published, ...]] = _files(
        ("mnist", "MNIST/raw", "MNIST"),
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    )


class FashionMnist(IdxSet):
    """Articles of clothing, 60,000 + 10,000."""

    name: ClassVar[str] = "fashion-mnist"
    about: ClassVar[About] = About(
        title="Fashion-MNIST",
        source="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
        citation="H. Xiao, K. Rasul, R. Vollgraf (2017), arXiv:1708.07747",
        shape=(1, 28, 28),
        counts=(55_000, 5_000, 10_000),
    )
    label_names: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    files: ClassVar[tuple[Published, ...]] = _files(
        ("fashion-mnist", "FashionMNIST/raw", "FashionMNIST"),
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    )


class Kmnist(IdxSet):
    """Cursive Japanese characters, 60,000 + 10,000."""

    name: ClassVar[str] = "kmnist"
    about: ClassVar[About] = About(
        title="Kuzushiji-MNIST",
        source="http://codh.rois.ac.jp/kmnist/",
        licence="CC BY-SA 4.0",
        citation="T. Clanuwat et al. (2018), Deep learning for classical Japanese literature, arXiv:1812.01718",
        shape=(1, 28, 28),
        counts=(55_000, 5_000, 10_000),
    )
    label_names: ClassVar[tuple[str, ...]] = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    files: ClassVar[tuple[Published, ...]] = _files(
        ("kmnist", "KMNIST/raw", "KMNIST"),
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    )
