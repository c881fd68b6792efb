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


def test_large_arrays_come_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "_BLOCK", 1000)
    for ending in ("npz", "h5"):
        path = write_factors(tmp_path / f"own.{ending}", PIXELS, TABLE)
        blocks = list(arrays.open_rows(path, "images").blocks())
        assert max(b.nbytes for b in blocks) <= 1000
        assert np.array_equal(np.concatenate(blocks), PIXELS)
