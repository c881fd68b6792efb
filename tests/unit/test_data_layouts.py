"""CIFAR-10, CelebA, dSprites, 3D Shapes and the user's factor tables, from small files in their published layouts."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from phvae import data
from phvae.data import arrays, celeba, cifar, grids
from phvae.data.published import Published
from phvae.errors import DataError

RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def no_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)


def prepare(tmp_path: Path, kind: str, **options: Any) -> data.Prepared:
    folder = data.prepare(kind, options, cache=tmp_path / "cache", search=[tmp_path])
    return data.load(folder, verify=True)


def nothing_left(tmp_path: Path) -> bool:
    cache = tmp_path / "cache"
    return not cache.exists() or [p.name for p in cache.iterdir() if p.name != "first-use"] == []


# ---- CIFAR-10 ----
def python2_batch(
    images: np.ndarray, labels: list[int], reconstruct: bytes = b"numpy.core.multiarray\n_reconstruct\n"
) -> bytes:
    """A batch as Python 2 and NumPy 1 pickled it (protocol 2)."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    raw = images.tobytes()
    array = b"c" + reconstruct + b"q\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
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


def write_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> dict[str, tuple[np.ndarray, list[int]]]:
    batches, contents = {}, {}
    for name in cifar.MD5:
        images, labels = RNG.integers(0, 256, (20, 3072), dtype=np.uint8), RNG.integers(0, 10, 20).tolist()
        batches[name] = images, labels
        contents[name] = python2_batch(images, labels)
    monkeypatch.setattr(cifar, "MD5", {n: hashlib.md5(c).hexdigest() for n, c in contents.items()})
    folder = tmp_path / "cifar10"
    folder.mkdir()
    if form == "folder":
        (folder / "cifar-10-batches-py").mkdir()
        for name, content in contents.items():
            (folder / "cifar-10-batches-py" / name).write_bytes(content)
    else:
        with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
            for name, content in contents.items():
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return batches


@pytest.mark.parametrize("form", ["folder", "archive"])
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
    with pytest.raises(DataError, match=r"CIFAR-10 data_batch_3: md5 .* expected"):
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


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({b"data": Evil()}, protocol=2),
        pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]}, protocol=4),
        b"cos\nsystem\n(U\x10touch /tmp/pwnedtR.",
        python2_batch(np.zeros((2, 3072), np.uint8), [1, 2], b"builtins\neval\n"),
    ],
)
def test_a_pickle_that_names_anything_else_is_refused(content: bytes, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        cifar.read_batch(content, "batch")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 3071), np.uint8), [1, 2], "rows of 3072"),
        (np.zeros((2, 3072), np.uint8), [1], "2 images, but 1 labels"),
        (np.zeros((2, 3072), np.uint8), [1, 10], r"integers 0\.\.9"),
    ],
)
def test_a_batch_of_another_shape_is_refused(images: np.ndarray, labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        cifar.read_batch(python2_batch(images, labels), "batch")


# ---- CelebA ----
def write_celeba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, lacking: str = "") -> dict[str, int]:
    folder = tmp_path / "celeba"
    folder.mkdir()
    names = [f"{i:06d}.jpg" for i in range(1, 13)]
    (folder / "list_eval_partition.txt").write_text(
        "".join(f"{n} {i // 6 if i < 9 else 2}\n" for i, n in enumerate(names))
    )
    smiles = {n: int(v) for n, v in zip(names, RNG.integers(0, 2, 12), strict=True)}
    attributes = [f"{n} -1 {'1' if smiles[n] else '-1'}  1\n" for n in names]
    (folder / "list_attr_celeba.txt").write_text(f"{len(names)}\nMale Smiling Young \n" + "".join(attributes))
    pictures = {}
    for i, name in enumerate(names):
        pixels = np.full((218, 178, 3), 20 * i, np.uint8)
        pixels[35:183, 15:163] = 255 - 20 * i  # the central 148 x 148
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=95)
        pictures[name] = stream.getvalue()
    pictures.pop(lacking, None)
    if form == "folder":
        (folder / "img_align_celeba").mkdir()
        for name, content in pictures.items():
            (folder / "img_align_celeba" / name).write_bytes(content)
    else:
        with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
            for name, content in pictures.items():
                archive.writestr(f"img_align_celeba/{name}", content)
    files = [
        Published(f.name, f.folders, md5=hashlib.md5((folder / f.name).read_bytes()).hexdigest())
        if (folder / f.name).exists()
        else f
        for f in celeba.Celeba64.files
    ]
    monkeypatch.setattr(celeba.Celeba64, "files", tuple(files))
    return smiles


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_celeba_from_its_published_layouts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    smiles = write_celeba(tmp_path, monkeypatch, form)
    prepared = prepare(tmp_path, "celeba64")
    assert prepared.shape == (3, 64, 64)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (6, 3, 3)
    values = list(smiles.values())
    assert [prepared.labels[s].tolist() for s in ("train", "validation", "test")] == [
        values[:6],
        values[6:9],
        values[9:],
    ]
    grey = [int(p.mean().round()) for s in ("train", "validation", "test") for p in getattr(prepared, s)]
    np.testing.assert_allclose(grey, [255 - 20 * i for i in range(12)], atol=3)  # only the central square is left
    assert prepared.card["label_names"] == ["not Smiling", "Smiling"]


def test_celeba_without_a_picture_or_attribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_celeba(tmp_path, monkeypatch, "folder", lacking="000004.jpg")
    with pytest.raises(DataError, match=r"lacks 1 pictures of the partition, such as 000004\.jpg"):
        prepare(tmp_path, "celeba64")
    with pytest.raises(DataError, match=r"no attribute 'Bald'; known: Male, Smiling, Young"):
        prepare(tmp_path, "celeba64", label="Bald")
    assert nothing_left(tmp_path)


# ---- full grids: dSprites and 3D Shapes ----
def grid(sizes: list[int]) -> np.ndarray:
    return np.array(list(itertools.product(*(range(n) for n in sizes))))


def write_dsprites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    sizes = {"shape": 3, "scale": 2, "orientation": 4, "x": 3, "y": 3}
    monkeypatch.setattr(grids.Dsprites, "factors", sizes)
    classes = grid([1, *sizes.values()])
    images = RNG.integers(0, 2, (len(classes), 64, 64), dtype=np.uint8)
    values = classes.astype(np.float64)
    (tmp_path / "dsprites").mkdir()
    np.savez_compressed(
        tmp_path / "dsprites" / grids.Dsprites.files[0].name,
        imgs=images,
        latents_values=values,
        latents_classes=classes,
        metadata=np.array({"author": "lmatthey"}, dtype=object),  # the published file has such a member, never read
        allow_pickle=True,
    )
    return images, classes


def test_dsprites_from_its_published_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, classes = write_dsprites(tmp_path, monkeypatch)
    with pytest.warns(UserWarning, match="unverified"):
        prepared = prepare(tmp_path, "dsprites", n_test=40, n_validation=20)
    assert prepared.binary
    assert prepared.shape == (1, 64, 64)
    assert prepared.factor_names == ("shape", "scale", "orientation", "x", "y")
    assert prepared.factor_sizes == (3, 2, 4, 3, 3)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (156, 20, 40)
    lookup = {tuple(c[1:]): image for c, image in zip(classes, images, strict=True)}
    seen = set()
    for split in ("train", "validation", "test"):
        for picture, factors in zip(getattr(prepared, split), prepared.factors[split], strict=True):
            assert np.array_equal(picture[0], lookup[tuple(factors)] * 255)
            seen.add(tuple(factors))
    assert len(seen) == 216  # without replacement
    assert not prepared.card["inputs"][0]["verified"]


def test_dsprites_of_another_grid_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_dsprites(tmp_path, monkeypatch)
    monkeypatch.setattr(grids.Dsprites, "factors", {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32})
    with (
        pytest.warns(UserWarning, match="unverified"),
        pytest.raises(DataError, match=r"\[3, 2, 4, 3, 3\] values, expected \[3, 6, 40, 32, 32\]"),
    ):
        prepare(tmp_path, "dsprites")


def test_shapes3d_from_its_published_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"floor_hue": 2, "wall_hue": 3, "object_hue": 2, "scale": 2, "shape": 4, "orientation": 3}
    monkeypatch.setattr(grids.Shapes3d, "factors", sizes)
    monkeypatch.setattr(arrays, "_BLOCK", 64 * 64 * 3 * 50)  # several blocks
    classes = grid(list(sizes.values()))
    images = RNG.integers(0, 256, (len(classes), 64, 64, 3), dtype=np.uint8)
    (tmp_path / "3dshapes").mkdir()
    with h5py.File(tmp_path / "3dshapes/3dshapes.h5", "w") as file:
        file["images"] = images
        file["labels"] = classes * np.array([0.1, 0.1, 0.1, 1 / 7, 1, 30 / 7]) - np.array([0, 0, 0, -0.75, 0, 30])
    with pytest.warns(UserWarning, match="unverified"):
        prepared = prepare(tmp_path, "shapes3d", n_test=30, n_validation=10, n_train=100)
    assert prepared.shape == (3, 64, 64)
    assert prepared.factor_sizes == tuple(sizes.values())
    assert len(prepared.train) == 100
    lookup = {tuple(c): image for c, image in zip(classes, images, strict=True)}
    for split in ("train", "validation", "test"):
        for picture, factors in zip(getattr(prepared, split), prepared.factors[split], strict=True):
            assert np.array_equal(picture.transpose(1, 2, 0), lookup[tuple(factors)])


# ---- the user's own factors ----
def write_factors(path: Path, images: np.ndarray, factors: np.ndarray) -> Path:
    if path.suffix == ".npz":
        np.savez(path, images=images, factors=factors)
    else:
        with h5py.File(path, "w") as file:
            file["images"], file["factors"] = images, factors
    return path


TABLE = grid([5, 4, 3])
PIXELS = RNG.integers(0, 256, (60, 12, 10), dtype=np.uint8)


@pytest.mark.parametrize("ending", ["npz", "h5"])
@pytest.mark.parametrize("form", ["bytes", "unit", "hwc", "chw", "binary", "bool", "int64"])
def test_own_factors_of_every_form(tmp_path: Path, ending: str, form: str) -> None:
    images: np.ndarray = {
        "bytes": PIXELS,
        "unit": PIXELS.astype(np.float32) / 255,
        "hwc": np.stack([PIXELS] * 3, axis=-1),
        "chw": np.stack([PIXELS] * 3, axis=1),
        "binary": PIXELS >> 7,
        "bool": PIXELS > 127,
        "int64": PIXELS.astype(np.int64),
    }[form]
    write_factors(tmp_path / f"own.{ending}", images, TABLE * 0.5)
    prepared = prepare(tmp_path, "factors", path=f"own.{ending}", names=["a", "b", "c"], sizes=[5, 4, 3])
    assert prepared.shape == ((3, 12, 10) if form in ("hwc", "chw") else (1, 12, 10))
    assert prepared.factor_names == ("a", "b", "c")
    assert prepared.factor_sizes == (5, 4, 3)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (42, 6, 12)
    assert prepared.binary == (form in ("binary", "bool"))
    expected = np.where(PIXELS > 127, 255, 0) if prepared.binary else PIXELS
    for picture, factors in zip(prepared.test, prepared.factors["test"], strict=True):
        row = int(np.ravel_multi_index(tuple(factors), (5, 4, 3)))
        assert np.array_equal(picture[0], expected[row])
    assert "own" not in str(prepared.card["options"])  # the card can be shared: it names no path


@pytest.mark.parametrize(
    ("images", "factors", "options", "message"),
    [
        (PIXELS[:59], TABLE[:59], {}, r"59 rows do not form the grid 5 x 4 x 3 = 60"),
        (PIXELS, np.concatenate([TABLE[:59], TABLE[:1]]), {}, "1 combinations of factors occur more than once"),
        (PIXELS, TABLE, {"sizes": [4, 4, 3]}, "factor 0 has more values than the 4 stated"),
        (PIXELS, TABLE, {"sizes": [5, 12]}, "3 factors, but 2 sizes"),
        (PIXELS[:59], TABLE, {}, "59 images, but 60 rows of factors"),
        (PIXELS, TABLE[:, 0], {}, "expected .images, factors"),
        (PIXELS, TABLE + np.array([np.nan, 0, 0]), {}, "NaN"),
        (PIXELS.reshape(60, -1), TABLE, {}, "no set of images"),
        (PIXELS.astype(np.float32), TABLE, {}, r"expected 0\.\.1"),
        (np.full((60, 4, 4), np.nan, np.float32), TABLE, {}, r"expected 0\.\.1"),
        (PIXELS.astype(np.int16) - 1, TABLE, {}, r"expected 0\.\.255"),
        (PIXELS, TABLE, {"names": ["a", "b"]}, "3 factors need as many different names"),
        (PIXELS, TABLE, {"images": "imags"}, "no array 'imags'; did you mean 'images'"),
        (PIXELS, TABLE, {"n_test": 60}, "60 rows are too few"),
        (PIXELS[:0], TABLE[:0], {}, "at least one row"),
    ],
)
def test_factors_that_do_not_fit_are_refused(
    tmp_path: Path, images: np.ndarray, factors: np.ndarray, options: dict[str, Any], message: str
) -> None:
    write_factors(tmp_path / "own.npz", images, factors)
    with pytest.raises(DataError, match=message):
        prepare(tmp_path, "factors", path="own.npz", **options)
    assert nothing_left(tmp_path)


def test_a_table_that_is_no_grid_is_taken_when_asked(tmp_path: Path) -> None:
    write_factors(tmp_path / "own.npz", PIXELS[:50], TABLE[:50])
    assert prepare(tmp_path, "factors", path="own.npz", grid=False).factor_sizes == (5, 4, 3)


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


def test_a_truncated_archive_of_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, "archive")
    path = tmp_path / "cifar10/cifar-10-python.tar.gz"
    for content in (path.read_bytes()[:-5000], gzip.compress(b"x" * 600), b"hello"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz"):
            prepare(tmp_path, "cifar10")
    assert nothing_left(tmp_path)
