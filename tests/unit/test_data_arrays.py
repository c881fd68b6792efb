"""Arrays inside npz and hdf5 files: whole, in blocks, damaged, hostile."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from sets_on_disk import grid, write_factors

from phvae.data.files import arrays
from phvae.errors import DataError

TABLE = grid([5, 4, 3])
PIXELS = np.random.default_rng(7).integers(0, 256, (60, 12, 10), dtype=np.uint8)


def zipped(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def npy(array: np.ndarray, **changes: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **changes)
    return stream.getvalue()


def npy_header(text: str) -> bytes:
    header = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def test_bad_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    good = npy(TABLE)
    huge = npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000000000), }")
    cases: list[tuple[dict[str, bytes], str]] = [
        ({"factors": npy(np.array([{}], dtype=object), allow_pickle=True)}, "pickled objects; refused"),
        ({"factors": good[:-8]}, "its header states"),
        ({"factors": good + b"x"}, "its header states"),
        ({"factors": b"no numpy"}, "damaged"),
        ({"factors": huge}, "more than .* bytes; refused"),
        ({"factors": npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (5, -5), }")}, "has the shape"),
        ({"factors": npy_header("__import__('os').system('true')")}, "damaged"),
        ({"factors": npy(np.array(["a"]))}, "expected numbers"),
        ({"factors": npy(np.asfortranarray(TABLE))}, "Fortran order"),
        ({"other": good}, "no array 'factors'"),
    ]
    for members, message in cases:
        zipped(path, **members)
        with pytest.raises(DataError, match=message):
            arrays.read_array(path, "factors")
    zipped(path, factors=good)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="damaged"):
        arrays.read_array(path, "factors")
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="neither npz nor hdf5"):
        arrays.read_array(path, "factors")


def test_an_array_that_unpacks_to_more_than_it_states_is_not_unpacked(tmp_path: Path) -> None:
    """A bomb: a megabyte of zeros behind a header of 60 bytes of data."""
    path = tmp_path / "own.npz"
    zipped(path, factors=npy_header("{'descr': '|u1', 'fortran_order': False, 'shape': (20, 3), }") + bytes(1 << 20))
    with pytest.raises(DataError, match="1048704 bytes, but its header states 188"):
        arrays.open_rows(path, "factors")


def test_hdf5_links_to_other_places_are_refused(tmp_path: Path) -> None:
    secret = write_factors(tmp_path / "secret.h5", PIXELS, TABLE)
    raw = tmp_path / "raw.bin"
    raw.write_bytes(PIXELS.tobytes())
    path = tmp_path / "own.h5"
    with h5py.File(path, "w") as file:
        file["external"] = h5py.ExternalLink(str(secret), "factors")
        file["folder"] = h5py.ExternalLink(str(secret), "/")
        file["away"] = h5py.SoftLink("folder")
        file["real/way"] = h5py.SoftLink("/group")
        file["soft"] = h5py.SoftLink("/group/x")
        file["group/x"] = TABLE
        file.create_dataset("outside", (60, 12, 10), "u1", external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
        layout = h5py.VirtualLayout((60, 3), TABLE.dtype)
        layout[:] = h5py.VirtualSource(str(secret), "factors", (60, 3))
        file.create_virtual_dataset("virtual", layout)
        file["text"] = "hello"
        file.create_dataset("huge", (10**9, 10**9), "u1", chunks=(1, 1000))
    for key, message in {
        "external": "link",
        "folder/factors": "link",
        "/folder//factors": "link",
        "away/factors": "link",
        "real/way/x": "link",
        "group/x/y": "no array",
        "group/./x": "no array",
        "soft": "link",
        "outside": "no plain data set",
        "virtual": "no plain data set",
        "group": "no plain data set",
        "text": "holds object|pickled|expected",
        "huge": "more than",
        "absent": "no array",
    }.items():
        with pytest.raises(DataError, match=message):
            arrays.read_array(path, key)
    assert np.array_equal(arrays.read_array(path, "/group/x"), TABLE)


@pytest.mark.parametrize("ending", ["npz", "h5"])
def test_an_array_of_which_the_file_holds_nearly_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Chunks that were never written, or zeros packed: a few kB that would unpack to gigabytes."""
    path = tmp_path / f"own.{ending}"
    if ending == "npz":
        zipped(path, images=npy(np.zeros((2000, 64, 64), np.uint8)))
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("images", (2000, 64, 64), "u1", chunks=(10, 64, 64))
    assert arrays.open_rows(path, "images").shape == (2000, 64, 64)  # 8 MB may be anything
    monkeypatch.setattr(arrays, "_FLOOR", 1 << 16)
    monkeypatch.setattr(arrays, "_RATIO", 100)
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"images: holds \d+ bytes, but states the shape .* more than \d+ bytes; ref"):
        arrays.open_rows(path, "images")


def test_a_row_or_chunk_that_no_memory_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.create_dataset("chunk", (60, 12, 10), "u1", data=PIXELS, chunks=(10**6, 12, 10), maxshape=(None, 12, 10))
        file.create_dataset("row", data=PIXELS[:1])
    monkeypatch.setattr(arrays, "_PIECE", 100)
    with pytest.raises(DataError, match="one row has 120 bytes, more than 100"):
        arrays.open_rows(tmp_path / "own.h5", "row")
    monkeypatch.setattr(arrays, "_PIECE", 1000)
    assert arrays.open_rows(tmp_path / "own.h5", "row").shape == (1, 12, 10)
    with pytest.raises(DataError, match="one chunk has 120000000 bytes, more than 1000; save it in smaller ones"):
        arrays.open_rows(tmp_path / "own.h5", "chunk")


def test_large_arrays_come_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_BLOCK", 1000)
    for ending in ("npz", "h5"):
        path = write_factors(tmp_path / f"own.{ending}", PIXELS, TABLE)
        blocks = list(arrays.open_rows(path, "images").blocks())
        assert max(b.nbytes for b in blocks) <= 1000
        assert np.array_equal(np.concatenate(blocks), PIXELS)
