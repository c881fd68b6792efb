"""The IDX family: MNIST, Fashion-MNIST, KMNIST."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from idx_files import write_idx

from phvae import data
from phvae.data.files import published
from phvae.data.files.published import Published
from phvae.data.kinds import idx
from phvae.errors import DataError

SHARED = [Path(p) for p in os.environ.get("PHVAE_DATA_PATH", "").split(os.pathsep) if p]
PUBLISHED = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}
pytestmark = pytest.mark.usefixtures("no_usual_places")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["mnist", "MNIST/raw"])
def test_idx_files_are_read_packed_and_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool, place: str
) -> None:
    arrays = write_idx(tmp_path / place, monkeypatch, packed)
    folder = data.prepare("mnist", {"n_validation": 10}, cache=tmp_path / "cache", search=[tmp_path])
    mnist = data.load(folder)
    assert mnist.shape == (1, 28, 28)
    # the test part is whole, in one fixed random order: as published, MNIST's first half is the easier one
    order = [int(np.flatnonzero((arrays[2] == x).all(axis=(1, 2)))[0]) for x in mnist.test[:, 0]]
    assert sorted(order) == list(range(20)) != order
    assert np.array_equal(mnist.labels["test"], arrays[3][order])
    both = np.concatenate([mnist.train, mnist.validation])[:, 0]
    labels = np.concatenate([mnist.labels["train"], mnist.labels["validation"]])
    assert (len(mnist.train), len(mnist.validation)) == (50, 10)
    order = [int(np.flatnonzero((arrays[0] == x).all(axis=(1, 2)))[0]) for x in both]
    assert sorted(order) == list(range(60))
    assert np.array_equal(labels, arrays[1][order])
    assert all(i["verified"] for i in mnist.card["inputs"])


def test_the_key_is_that_of_the_content_not_of_the_packing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "a" / "mnist", monkeypatch, packed=True)
    first = data.prepare("mnist", {"n_validation": 5}, cache=tmp_path / "cache", search=[tmp_path / "a"])
    write_idx(tmp_path / "b" / "mnist", monkeypatch, packed=False)
    assert data.prepare("mnist", {"n_validation": 5}, cache=tmp_path / "cache", search=[tmp_path / "b"]) == first


def test_labels_and_images_of_different_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "mnist", monkeypatch, cut=59)
    with pytest.raises(DataError, match=r"60 images, but train-labels-idx1-ubyte\.gz has 59 labels"):
        data.prepare("mnist", {"n_validation": 5}, cache=tmp_path / "cache", search=[tmp_path])
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_validation_split_larger_than_the_training_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "mnist", monkeypatch)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: n_validation is 60, but there are 60"):
        data.prepare("mnist", {"n_validation": 60}, cache=tmp_path / "cache", search=[tmp_path])


def test_a_part_without_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "mnist", monkeypatch)
    read = idx.read_idx
    monkeypatch.setattr(idx, "read_idx", lambda path: read(path)[: 0 if "t10k" in str(path) else None])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz: images need 3 dimensions and labels 1, none"):
        data.prepare("mnist", {"n_validation": 5}, cache=tmp_path / "cache", search=[tmp_path])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (struct.pack(">HBBI", 0, 8, 1, 5) + b"1234", "truncated: 5 bytes expected, 4 found"),
        (struct.pack(">HBBI", 0, 8, 1, 5) + b"123456", "more bytes than its stated shape"),
        (struct.pack(">HBBI", 0, 9, 1, 5) + b"12345", "wrong magic number 00000901"),
        (b"\x89PNG\r\n\x1a\n", "wrong magic number"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31), f"truncated: {2**93} bytes expected, 0 found"),
        (gzip.compress(bytes(1000), mtime=0)[:-20], "damaged|wrong magic"),
        (gzip.compress(struct.pack(">HBBI", 0, 8, 1, 5) + b"12345", mtime=0)[:-6], "damaged"),
    ],
)
def test_bad_idx_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        idx.read_idx(path)


def test_a_compression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idx, "_LIMIT", 1 << 16)
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(struct.pack(">HBBI", 0, 8, 1, 60_000) + bytes(1 << 20)))
    with pytest.raises(DataError, match="refused as a compression bomb"):
        idx.read_idx(path)
    with pytest.raises(DataError, match="refused as a compression bomb"):
        published.check(Published("file.gz", ("x",), sha256="5" * 64, limit=1 << 16), path)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: Any, **keywords: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # a mode of 000 does not stop root
    with pytest.raises(DataError, match="file: not readable; check its permissions"):
        idx.read_idx(tmp_path / "file")


@pytest.mark.parametrize("what", ["absent", "folder"])
def test_a_path_that_is_no_file(tmp_path: Path, what: str) -> None:
    if what == "folder":
        (tmp_path / what).mkdir()
    with pytest.raises(DataError, match=what):
        idx.read_idx(tmp_path / what)


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.slow
def test_real_sets_have_the_published_mean_and_deviation(kind: str, tmp_path: Path) -> None:
    if not any((root / kind).is_dir() for root in SHARED):
        pytest.skip(f"PHVAE_DATA_PATH names no folder that holds {kind}")
    real = data.load(data.prepare(kind, None, cache=tmp_path, search=SHARED))
    assert (len(real.train), len(real.validation), len(real.test)) == (55_000, 5_000, 10_000)
    pixels = np.concatenate([real.train, real.validation])
    mean, deviation = PUBLISHED[kind]
    assert pixels.mean() / 255 == pytest.approx(mean, abs=5e-5)
    assert pixels.std() / 255 == pytest.approx(deviation, abs=5e-5)
    assert all(i["verified"] for i in real.card["inputs"])
    counts = np.bincount(np.concatenate([real.labels["train"], real.labels["validation"]]))
    assert counts.sum() == 60_000
    assert len(counts) == 10
    if kind == "fashion-mnist":
        assert set(counts) == {6000}
