"""CIFAR-10 from its published Python batches: only bytes whose hash is the published one are unpickled."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from phvae.data.builder import Builder
from phvae.data.files.archives import walk
from phvae.data.files.obtain import obtain
from phvae.data.files.places import find_unpacked, search_path
from phvae.data.files.published import Published
from phvae.data.recipe import About, Count, Input, Kind, Recipe, Sources
from phvae.data.splits import hold_out
from phvae.errors import DataError

__all__ = ["Cifar10", "published_batches", "read_batch"]

_FOLDER = "cifar-10-batches-py"
# md5 of the unpacked batches and of the archive: torchvision.datasets.CIFAR10
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
_ARCHIVE = Published(
    "cifar-10-python.tar.gz",
    ("cifar10", "CIFAR10", "."),
    urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
    md5="c58f30108f718f92721af3b95e74349a",
    hashes_from="md5 of the archive and of its batches: torchvision",
    limit=1 << 28,
    members_checked=True,
    unpacked=(f"cifar10/{_FOLDER}", _FOLDER, f"CIFAR10/{_FOLDER}"),
    members=tuple(MD5),
)
LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10(Kind):
    """Small colour photographs of ten kinds of things, 50,000 + 10,000."""

    n_validation: Count = Field(5_000, description="examples taken from the training part")

    name: ClassVar[str] = "cifar10"
    about: ClassVar[About] = About(
        title="CIFAR-10",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated; free for research by custom",
        citation="A. Krizhevsky (2009), Learning multiple layers of features from tiny images",
        shape=(3, 32, 32),
        counts=(45_000, 5_000, 10_000),
    )
    files: ClassVar[tuple[Published, ...]] = (_ARCHIVE,)

    def read(self, sources: Sources) -> Recipe:
        """Find the unpacked batches (torchvision's layout) or the archive, and check every batch."""
        path, batches = published_batches(sources)
        inputs = [Input(name, hashlib.sha256(content).hexdigest(), verified=True) for name, content in batches.items()]
        return Recipe(tuple(inputs), lambda builder: self._write(builder, batches, path))

    def _write(self, builder: Builder, batches: dict[str, bytes], path: Path) -> None:
        parts = {name: read_batch(name, content) for name, content in batches.items()}
        test = parts.pop("test_batch")
        x, y = (np.concatenate([part[i] for part in parts.values()]) for i in (0, 1))
        train, validation = hold_out(len(x), self.n_validation, "cifar10", where=path)
        builder.put("train", x[train], labels=y[train])
        builder.put("validation", x[validation], labels=y[validation])
        builder.put("test", test[0], labels=test[1])
        builder.facts["label_names"] = list(LABELS)
        builder.facts["split"] = "canonical test part; validation taken from the training part with one fixed seed"


def published_batches(sources: Sources) -> tuple[Path, dict[str, bytes]]:
    """The checked bytes of the published batches, in the order of `MD5`, and the folder or archive that holds them.

    Nothing is unpacked to disk.

    Raises:
        DataError: they are absent or damaged.
    """
    path = find_unpacked(_ARCHIVE, search_path(sources.search)) or obtain((_ARCHIVE,), sources)[0][0]
    found = {name.rsplit("/", 1)[-1]: content for name, content in walk(path, lambda n: n.rsplit("/", 1)[-1] in MD5)}
    if missing := [name for name in MD5 if name not in found]:
        raise DataError(f"{path}: lacks {', '.join(missing)}")
    return path, {name: _checked(name, found[name], path) for name in MD5}


def _checked(name: str, content: bytes | DataError, where: object = "CIFAR-10") -> bytes:
    """The bytes of a batch, if they are the published ones."""
    if isinstance(content, DataError):
        raise content
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != MD5[name]:
        raise DataError(f"{where}: {name}: md5 {md5}, expected {MD5[name]}; the copy is damaged: replace it")
    return content


def read_batch(name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Read one published batch.

    Returns:
        images uint8 (N, 3, 32, 32) and labels int64 (N,).

    Raises:
        DataError: if the bytes are not the published ones: they are not unpickled, since a pickle may run code.
    """
    batch = pickle.loads(_checked(name, content), encoding="bytes")
    return batch[b"data"].reshape(-1, 3, 32, 32), np.array(batch[b"labels"], dtype=np.int64)
