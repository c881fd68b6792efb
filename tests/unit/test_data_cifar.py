"""CIFAR-10 from small files in its published layouts."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sets_on_disk import nothing_left, prepare

from phvae.data.kinds import cifar
from phvae.errors import DataError

RNG = np.random.default_rng(7)
pytestmark = pytest.mark.usefixtures("no_usual_places")


def python2_batch(images: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2 and NumPy 1 pickled it (protocol 2)."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    raw = images.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
    shape = number(images.shape[0]) + number(images.shape[1]) + b"\x86"
    dtype = b"cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNN" + number(-1) + number(-1) + b"K\x00tb"
    state = b"(K\x01" + shape + dtype + b"\x89" + b"T" + struct.pack("<I", len(raw)) + raw + b"tb"
    entries = [
        text(b"data") + array + state,
        text(b"labels") + b"](" + b"".join(b"K" + bytes([v]) for v in labels) + b"e",
        text(b"batch_label") + text(b"training batch 1 of 5"),
        text(b"filenames") + b"](" + b"".join(text(b"%d.png" % i) for i in range(len(labels))) + b"e",
    ]
    return b"\x80\x02}q\x00(" + b"".join(entries) + b"u."


def write_cifar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, evil: bytes = b""
) -> dict[str, tuple[np.ndarray, list[int]]]:
    batches, contents = {}, {}
    for name in cifar.MD5:
        images, labels = RNG.integers(0, 256, (20, 3072), dtype=np.uint8), RNG.integers(0, 10, 20).tolist()
        batches[name] = images, labels
        contents[name] = evil if evil and name == "data_batch_3" else python2_batch(images, labels)
    monkeypatch.setattr(cifar, "MD5", {n: hashlib.md5(c).hexdigest() for n, c in contents.items()})
    folder = tmp_path / "cifar10"
    folder.mkdir()
    if form == "folder":
        (folder / "cifar-10-batches-py").mkdir()
        for name, content in contents.items():
            (folder / "cifar-10-batches-py" / name).write_bytes(content)
    else:  # a published name may lack its .gz where somebody unpacked it
        name, mode = ("cifar-10-python.tar.gz", "w:gz") if form == "archive" else ("cifar-10-python.tar", "w:")
        with tarfile.open(folder / name, mode) as archive:
            for name, content in contents.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return batches


@pytest.mark.parametrize("form", ["folder", "archive", "tar"])
def test_cifar_from_its_published_layouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    batches = write_cifar(tmp_path, monkeypatch, form)
    prepared = prepare(tmp_path, "cifar10", n_validation=10)
    assert prepared.shape == (3, 32, 32)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (90, 10, 20)
    images, labels = batches["test_batch"]
    assert np.array_equal(prepared.test.reshape(20, -1), images)  # the rows are channel, row, column
    assert prepared.labels["test"].tolist() == labels
    known = {row.tobytes(): label for n in batches if n != "test_batch" for row, label in zip(*batches[n], strict=True)}
    for split in ("train", "validation"):
        for picture, label in zip(getattr(prepared, split), prepared.labels[split], strict=True):
            assert known[picture.tobytes()] == label
    assert prepared.card["label_names"][3] == "cat"
    assert all(i["verified"] for i in prepared.card["inputs"])


def test_cifar_with_a_changed_batch_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar(tmp_path, monkeypatch, "folder")
    path = tmp_path / "cifar10/cifar-10-batches-py/data_batch_3"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match=r"cifar.*data_batch_3: md5 .* expected"):
        prepare(tmp_path, "cifar10")
    assert nothing_left(tmp_path)


def test_a_cifar_archive_without_a_batch_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, "archive")
    monkeypatch.setattr(cifar, "MD5", {**cifar.MD5, "data_batch_6": "0"})
    with pytest.raises(DataError, match="lacks data_batch_6"):
        prepare(tmp_path, "cifar10")


class Evil:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return Path.touch, (Path("executed"),)  # type: ignore[return-value]


@pytest.mark.parametrize("form", ["folder", "archive", "tar"])
def test_a_pickle_that_is_not_the_published_one_is_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    published = cifar.MD5
    write_cifar(tmp_path, monkeypatch, form, evil=pickle.dumps(Evil(), protocol=2))
    monkeypatch.setattr(cifar, "MD5", {**cifar.MD5, "data_batch_3": published["data_batch_3"]})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"cifar.*data_batch_3: md5 .* expected 54ebc095f3ab1f03"):
        prepare(tmp_path, "cifar10")
    with pytest.raises(DataError, match=r"CIFAR-10: data_batch_3: md5 .* expected 54ebc095f3ab1f03"):
        cifar.read_batch("data_batch_3", pickle.dumps(Evil(), protocol=2))
    assert os.listdir(tmp_path) == ["cifar10"]
    assert pickle.loads(pickle.dumps(Evil(), protocol=2)) is None
    assert Path("executed").exists()  # had it been read, this is what it would have done


def test_a_truncated_archive_of_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, "archive")
    path = tmp_path / "cifar10/cifar-10-python.tar.gz"
    for content in (path.read_bytes()[:-5000], gzip.compress(b"x" * 600), b"hello"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz"):
            prepare(tmp_path, "cifar10")
    assert nothing_left(tmp_path)
