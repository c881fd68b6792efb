"""Fuzzing of every reader: nothing but DataError, no hang, no file outside the folder, nothing half-written."""

from __future__ import annotations

import gzip
import io
import shutil
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from phvae import data
from phvae.data import store
from phvae.data.files import archives, arrays
from phvae.data.files.pictures import Rule, decode
from phvae.data.files.trees import tree_digest
from phvae.data.kinds import celeba, idx
from phvae.data.registry import KINDS
from phvae.errors import ConfigError, DataError

pytestmark = pytest.mark.slow

FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 256, (12, 6, 5), dtype=np.uint8)


def buffer(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def a_zip(stream: io.BytesIO) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"{i % 2}/{i}.png", PICTURES["PNG"])


def a_tar(stream: io.BytesIO, mode: str = "w") -> None:
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for i in range(3):
            member = tarfile.TarInfo(f"{i % 2}/{i}.png")
            member.size = len(PICTURES["PNG"])
            archive.addfile(member, io.BytesIO(PICTURES["PNG"]))


def an_hdf5(stream: io.BytesIO) -> None:
    with h5py.File(stream, "w") as file:
        file["images"] = PIXELS
        file.create_dataset("factors", data=np.arange(24).reshape(12, 2), compression="gzip")


PICTURES = {
    form: buffer(lambda s, form=form: Image.fromarray(PIXELS[0]).save(s, form))  # type: ignore[misc]
    for form in ("PNG", "JPEG", "WEBP")
}
IDX = struct.pack(">HBB3I", 0, 8, 3, *PIXELS.shape) + PIXELS.tobytes()
NPZ = buffer(lambda s: np.savez_compressed(s, images=PIXELS, factors=np.arange(24).reshape(12, 2)))
HDF5 = buffer(an_hdf5)
LARGE = {"images": RNG.integers(0, 256, (12, 24, 24), dtype=np.uint8), "factors": np.arange(24).reshape(12, 2)}
LARGE_NPZ = buffer(lambda s: np.savez(s, **LARGE))  # type: ignore[arg-type]
ZIP, TAR, TAR_GZ = buffer(a_zip), buffer(a_tar), buffer(lambda s: a_tar(s, "w:gz"))


def mutations(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Valid files with bytes changed, cut out, doubled or cut off, and arbitrary bytes."""

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        content = bytearray(draw(st.sampled_from(seeds)))
        for _ in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, max(0, len(content) - 1)))
            how = draw(st.sampled_from(["set", "cut", "drop", "insert", "word"]))
            if how == "set" and content:
                content[at] = draw(st.integers(0, 255))
            elif how == "cut":
                del content[at:]
            elif how == "drop":
                del content[at : at + draw(st.integers(1, 50))]
            elif how == "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=20))
            else:
                content[at : at + 4] = draw(st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]))
        return bytes(content)

    return st.one_of(changed(), st.binary(max_size=300))


@pytest.fixture
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "inside"


def survives(place: Path, content: bytes, read: Callable[[Path], object]) -> None:
    """Reading may fail with DataError and with nothing else, and leaves its folder as it was."""
    place.mkdir(exist_ok=True)
    path = place / "file"
    path.write_bytes(content)
    try:
        read(path)
    except DataError as error:
        assert str(error)  # noqa: PT017
    assert [p.name for p in place.iterdir()] == ["file"]
    assert [p.name for p in place.parent.iterdir()] == ["inside"]


@FUZZ
@given(content=mutations(IDX, gzip.compress(IDX)))
def test_idx(place: Path, content: bytes) -> None:
    survives(place, content, idx.read_idx)


@FUZZ
@given(content=mutations(NPZ))
def test_npz(place: Path, content: bytes) -> None:
    survives(place, content, lambda path: [arrays.read_array(path, key) for key in ("images", "factors")])


@FUZZ
@given(content=mutations(HDF5))
def test_hdf5(place: Path, content: bytes) -> None:
    survives(place, content, lambda path: [arrays.read_array(path, key) for key in ("images", "factors")])


@FUZZ
@given(content=mutations(*PICTURES.values()))
def test_pictures(content: bytes) -> None:
    try:
        assert decode(content, Rule("grey", size=(4, 4))).shape == (1, 4, 4)
    except DataError as error:
        assert str(error)  # noqa: PT017


@FUZZ
@given(content=mutations(ZIP, TAR, TAR_GZ))
def test_archives(place: Path, content: bytes) -> None:
    survives(place, content, lambda path: list(archives.walk(path, lambda name: True)))
    survives(place, content, lambda path: tree_digest(path, "skip"))


def test_the_unchanged_seeds_are_valid(place: Path) -> None:
    """Fuzzing around files that are refused anyway would show nothing."""
    place.mkdir()
    path = place / "file"
    for content in (IDX, gzip.compress(IDX)):
        path.write_bytes(content)
        assert np.array_equal(idx.read_idx(path), PIXELS)
    for content in (NPZ, HDF5):
        path.write_bytes(content)
        assert np.array_equal(arrays.read_array(path, "images"), PIXELS)
    for content in (ZIP, TAR, TAR_GZ):
        path.write_bytes(content)
        assert len(tree_digest(path, "fail")[0]) == 3
    for content in PICTURES.values():
        assert decode(content, Rule("grey")).shape == (1, 6, 5)


PARTITION = "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"
ATTRIBUTES = "2\nMale Smiling\n000001.jpg  1 -1\n000002.jpg -1  1\n"


@FUZZ
@given(content=mutations(PARTITION.encode(), ATTRIBUTES.encode()))
def test_celeba_lists(place: Path, content: bytes) -> None:
    survives(place, content, celeba.read_partition)
    survives(place, content, lambda path: celeba.read_attribute(path, "Smiling"))


def test_preparing_from_a_damaged_file_leaves_no_half_set(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large file the damage often shows only while the set is written."""
    place.mkdir()
    cache = place / "cache"
    options = {"kind": "factors", "path": str(place / "own"), "grid": False}
    begun, failed = [], []
    builder = store.Builder

    def spy(*arguments: Any, **keywords: Any) -> Any:
        begun.append(1)
        return builder(*arguments, **keywords)

    @FUZZ
    @given(content=mutations(NPZ, HDF5, LARGE_NPZ))
    def damaged(content: bytes) -> None:
        shutil.rmtree(cache, ignore_errors=True)
        (place / "own").write_bytes(content)
        begun.clear()
        try:
            data.load(data.prepare("own", options, cache=cache), verify=True)
        except DataError:
            failed.extend(begun)
        assert all(not p.name.startswith(".") and (p / "card.json").exists() for p in cache.glob("*"))

    monkeypatch.setattr(store, "Builder", spy)
    damaged()
    assert failed, "no example failed while the set was written"


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from([*KINDS, "unknown"]),
    options=st.dictionaries(
        st.sampled_from(["n_train", "path", "resolution", "noise", "df", "radii", "size", "kind", "sizes", "x"]),
        st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(), max_size=3)),
        max_size=3,
    ),
)
def test_options_are_accepted_or_refused_by_name(kind: str, options: dict[str, object]) -> None:
    try:
        resolved = data.validate(kind, options)
    except ConfigError as error:
        assert "datasets." in str(error)  # noqa: PT017
        return
    assert data.validate(kind, resolved) == resolved
