"""CIFAR-10 from its published Python batches, read without unpickling anything but bytes, lists and byte arrays."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from phvae.data.files.published import Published, find_unpacked, obtain, search_path
from phvae.data.files.safe import open_unpacked, read_exactly, reading
from phvae.data.kinds.idx import hold_out
from phvae.data.recipe import About, Builder, Count, Input, Kind, Recipe, Sources
from phvae.errors import DataError

__all__ = ["Cifar10", "read_batch"]

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
_BATCH_LIMIT = 1 << 26  # bytes; a published batch has 31 million
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


class _Array:
    """Stands for numpy.ndarray while unpickling: takes the pieces, builds nothing from names in the file."""

    def __init__(self, *ignored: Any) -> None:
        self.array = np.zeros(0, dtype=np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, content = state
        if not isinstance(kind, _Type) or kind.code != b"u1" or fortran:
            raise DataError("the array does not hold unsigned bytes in C order")
        self.array = np.frombuffer(content, dtype=np.uint8).reshape(shape)


class _Type:
    """Stands for numpy.dtype while unpickling."""

    def __init__(self, code: Any, *ignored: Any) -> None:
        self.code = code

    def __setstate__(self, state: Any) -> None:
        pass


# what Python 2 wrote a batch with; the pure-Python unpickler is used because its table of operations can be cut down
_OPERATIONS = (
    pickle.PROTO + pickle.MARK + pickle.STOP + pickle.NONE + pickle.NEWTRUE + pickle.NEWFALSE + pickle.GLOBAL
    + pickle.REDUCE + pickle.BUILD + pickle.BININT + pickle.BININT1 + pickle.BININT2 + pickle.BINSTRING
    + pickle.SHORT_BINSTRING + pickle.BINPUT + pickle.LONG_BINPUT + pickle.BINGET + pickle.LONG_BINGET
    + pickle.EMPTY_DICT + pickle.SETITEM + pickle.SETITEMS + pickle.EMPTY_LIST + pickle.APPEND + pickle.APPENDS
    + pickle.EMPTY_TUPLE + pickle.TUPLE + pickle.TUPLE1 + pickle.TUPLE2 + pickle.TUPLE3
)  # fmt: skip
_Pure: Any = pickle._Unpickler


class _Unpickler(_Pure):
    """Knows three names and the operations of a batch; all else is an error, so nothing of the file is ever run."""

    dispatch: ClassVar[dict[int, Any]] = {code: _Pure.dispatch[code] for code in _OPERATIONS}
    names: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Type,
    }

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name, or an error."""
        if (module, name) not in self.names:
            raise DataError(f"the pickle names {module}.{name}; refused, a batch holds byte arrays only")
        return self.names[module, name]


def read_batch(content: bytes, what: object) -> tuple[np.ndarray, np.ndarray]:
    """Read one batch of the Python version of CIFAR-10.

    Returns:
        images uint8 (N, 3, 32, 32) and labels int64 (N,).

    Raises:
        DataError: if the bytes are no such batch, or name anything but a byte array.
    """
    with reading(what):
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        images, labels = batch[b"data"], batch[b"labels"]
        if not isinstance(images, _Array) or images.array.shape[1:] != (3072,):
            raise DataError(f"{what}: `data` is no array of rows of 3072 bytes")
        if not isinstance(labels, list) or not all(type(v) is int and 0 <= v < 10 for v in labels):
            raise DataError(f"{what}: `labels` is no list of integers 0..9")
        if len(labels) != len(images.array) or not labels:
            raise DataError(f"{what}: {len(images.array)} images, but {len(labels)} labels")
        return images.array.reshape(-1, 3, 32, 32), np.array(labels, dtype=np.int64)


class Cifar10(Kind):
    """Small colour photographs of ten kinds of things, 50,000 + 10,000."""

    n_validation: Count = Field(5_000, description="examples taken from the training part")

    about: ClassVar[About] = About(
        title="CIFAR-10",
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated; free for research by custom",
        citation="A. Krizhevsky (2009), Learning multiple layers of features from tiny images",
        shape="3x32x32",
        counts="45,000 / 5,000 / 10,000",
    )
    files: ClassVar[tuple[Published, ...]] = (_ARCHIVE,)

    def read(self, sources: Sources) -> Recipe:
        """Find the unpacked batches (torchvision's layout) or the archive, and check every batch."""
        batches = _unpacked(sources) or _from_archive(obtain(self.files, sources)[0][0])
        inputs = []
        for name, content in batches.items():
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if md5 != MD5[name]:
                raise DataError(f"CIFAR-10 {name}: md5 {md5}, expected {MD5[name]}; the copy is damaged: replace it")
            inputs.append(Input(name, hashlib.sha256(content).hexdigest(), verified=True))
        return Recipe(tuple(inputs), lambda builder: self._write(builder, batches))

    def _write(self, builder: Builder, batches: dict[str, bytes]) -> None:
        parts = {name: read_batch(content, name) for name, content in batches.items()}
        test = parts.pop("test_batch")
        x, y = (np.concatenate([part[i] for part in parts.values()]) for i in (0, 1))
        train, validation = hold_out(len(x), self.n_validation, "cifar10")
        builder.put("train", x[train], labels=y[train])
        builder.put("validation", x[validation], labels=y[validation])
        builder.put("test", test[0], labels=test[1])
        builder.facts["label_names"] = list(LABELS)
        builder.facts["split"] = "canonical test part; validation taken from the training part with one fixed seed"


def _unpacked(sources: Sources) -> dict[str, bytes]:
    folder = find_unpacked(_ARCHIVE, search_path(sources.search))
    if folder is None:
        return {}
    found = {}
    for name in MD5:
        path = folder / name
        with reading(path), path.open("rb") as stream:
            found[name] = stream.read(_BATCH_LIMIT)
    return found


def _from_archive(path: Path) -> dict[str, bytes]:
    """The batches, read out of the archive member by member; nothing is unpacked to disk."""
    found = {}
    with (
        reading(path),
        open_unpacked(path, 1 << 29) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name in MD5 and member.isfile():
                content = archive.extractfile(member)
                if content is None or member.size > _BATCH_LIMIT:
                    raise DataError(f"{path}: {member.name} is no batch")
                found[name] = read_exactly(content, member.size, f"{path}: {member.name}")
    if missing := [name for name in MD5 if name not in found]:
        raise DataError(f"{path}: lacks {', '.join(missing)}")
    return {name: found[name] for name in MD5}
