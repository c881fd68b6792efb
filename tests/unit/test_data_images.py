"""The user's own pictures: every mode, every archive, every kind of broken file."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from phvae import data
from phvae.data import archives, pictures
from phvae.data.images import layout_of
from phvae.data.pictures import Rule, decode
from phvae.errors import DataError

RNG = np.random.default_rng(11)
SHARED = [Path(p) for p in os.environ.get("PHVAE_DATA_PATH", "").split(os.pathsep) if p]


def encoded(pixels: np.ndarray | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, form, **options)
    return stream.getvalue()


def pixels(value: int, height: int = 8, width: int = 8) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def many(n: int = 40, labels: int = 2) -> dict[str, bytes]:
    """n small pictures in label folders; each is one grey value, its own number."""
    return {f"label{i % labels}/{i:03d}.png": encoded(pixels(i)) for i in range(n)}


def write(root: Path, files: dict[str, bytes], form: str) -> Path:
    root.mkdir(exist_ok=True)
    if form == "folder":
        for name, content in files.items():
            (root / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (root / "set" / name).write_bytes(content)
        return root / "set"
    if form == "zip":
        with zipfile.ZipFile(root / "set.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return root / "set.zip"
    path = root / f"set.{form}"
    with tarfile.open(path, "w:" + form.removeprefix("tar").removeprefix(".")) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def prepare(tmp_path: Path, path: Path, **options: Any) -> data.Prepared:
    return data.load(data.prepare("mine", {"kind": "images", "path": str(path), **options}, cache=tmp_path / "cache"))


def nothing_left(tmp_path: Path) -> bool:
    return not (tmp_path / "cache").exists() or list((tmp_path / "cache").iterdir()) == []


# ---- one picture ----
def test_every_mode_becomes_rgb_or_grey() -> None:
    colours = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    image = Image.fromarray(colours)
    luma = np.asarray(image.convert("L")).astype(int)
    alpha = np.full((6, 9, 1), 255, np.uint8)
    cases: dict[str, tuple[bytes, Any, int]] = {
        "RGB": (encoded(image), colours, 0),
        "RGBA": (encoded(np.concatenate([colours, alpha], axis=2)), colours, 0),
        "L": (encoded(image.convert("L")), luma[..., None], 0),
        "LA": (encoded(image.convert("LA")), luma[..., None], 0),
        "P": (encoded(image.convert("P", palette=Image.Palette.ADAPTIVE)), colours, 0),
        "1": (encoded(image.convert("1", dither=Image.Dither.NONE)), np.where(luma > 127, 255, 0)[..., None], 0),
        "webp": (encoded(image, "WEBP", lossless=True), colours, 0),
    }
    for mode, (content, expected, tolerance) in cases.items():
        found = decode(content, Rule("rgb"))
        assert found.shape == (3, 6, 9)
        assert found.dtype == np.uint8
        want = np.broadcast_to(expected, (6, 9, 3)).transpose(2, 0, 1).astype(int)
        assert np.abs(found.astype(int) - want).max() <= tolerance, mode
        grey = decode(content, Rule("grey"))
        assert grey.shape == (1, 6, 9)
        assert (
            np.abs(grey[0].astype(int) - np.asarray(Image.fromarray(found.transpose(1, 2, 0)).convert("L"))).max() <= 1
        )


def test_sixteen_bits_keep_the_upper_eight() -> None:
    wide = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    assert np.array_equal(decode(encoded(Image.fromarray(wide)), Rule("grey"))[0].ravel(), np.arange(256))
    assert decode(encoded(Image.fromarray(wide)), Rule("rgb")).shape == (3, 16, 16)


def test_cmyk_jpeg_is_converted() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # red
    red = decode(encoded(image, "JPEG", quality=100), Rule("rgb")).mean(axis=(1, 2))
    assert red[0] > 240
    assert red[1:].max() < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "RGB"])
def test_transparent_pixels_show_the_background(mode: str) -> None:
    if mode in ("RGBA", "LA"):
        image = Image.new(mode, (4, 4), (200,) * (len(mode) - 1) + (0,))
        content = encoded(image)
    else:
        image = Image.new(mode, (4, 4), 7 if mode != "RGB" else (7, 7, 7))
        if mode == "P":
            image.putpalette([200] * 768)
        content = encoded(image, transparency=7 if mode != "RGB" else (7, 7, 7))
    assert decode(content, Rule("grey", background=0)).max() == 0
    assert decode(content, Rule("rgb", background=90)).max() == 90


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation: int) -> None:
    upright = np.zeros((24, 16, 3), np.uint8)
    upright[:8, :8] = 255  # bright top left corner, taller than wide
    turn = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = Image.fromarray(upright) if turn is None else Image.fromarray(upright).transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(stored, "JPEG", quality=95, exif=exif), Rule("grey"))[0]
    assert found.shape == (24, 16)
    assert np.abs(found.astype(int) - upright[..., 0]).max() < 30


def test_size_fit_and_crop() -> None:
    wide = np.zeros((10, 20, 3), np.uint8)
    wide[:, 5:15] = 200  # the middle square
    content = encoded(wide)
    assert decode(content, Rule(size=(10, 10), fit="crop")).min() == 200
    assert decode(content, Rule(crop=(10, 10))).min() == 200
    padded = decode(content, Rule(size=(20, 20), fit="pad", background=50))
    assert padded.shape == (3, 20, 20)
    assert (padded[:, :5] == 50).all()
    assert (padded[:, 15:] == 50).all()
    assert np.array_equal(padded[:, 5:15], wide.transpose(2, 0, 1))
    stretched = decode(content, Rule(size=(10, 10), fit="stretch"))
    assert stretched[0, 5, 0] == 0
    assert stretched[0, 5, 5] == 200
    assert decode(content, Rule("grey", size=(4, 6))).shape == (1, 4, 6)
    with pytest.raises(DataError, match="10 x 20 pixels are fewer than the crop of 12 x 12"):
        decode(content, Rule(crop=(12, 12)))


def test_too_many_pixels_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_MOST_PIXELS", 100)
    with pytest.raises(DataError, match="11 x 10 pixels, more than 100"):
        decode(encoded(pixels(1, 10, 11)), Rule())
    enormous = encoded(pixels(1))
    enormous = enormous[:16] + b"\x7f\xff\xff\xff\x7f\xff\xff\xff" + enormous[24:]  # width and height of the header
    with pytest.raises(DataError):
        decode(enormous, Rule())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        encoded(pixels(3))[:40],
        encoded(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8), "JPEG")[:-300],
        encoded(pixels(3), "GIF"),
        encoded(pixels(3), "TIFF"),
    ],
)
def test_what_is_no_whole_png_jpeg_or_webp_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"x\.png: damaged"):
        decode(content, Rule(), "x.png")


# ---- sets ----
@pytest.mark.parametrize("form", ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_set_is_the_same_whatever_it_is_packed_in(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "a", {"readme.txt": b"x", "__MACOSX/._000.png": b"x", **many()}, form)
    prepared = prepare(tmp_path, path)
    assert prepared.shape == (3, 8, 8)
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (32, 4, 4)
    numbers = []
    for split in ("train", "validation", "test"):
        for picture, label in zip(getattr(prepared, split), prepared.labels[split], strict=True):
            assert picture.min() == picture.max()
            assert picture.max() % 2 == label
            numbers.append(int(picture.max()))
    assert sorted(numbers) == list(range(40))
    assert prepared.card["label_names"] == ["label0", "label1"]
    assert prepare(tmp_path, write(tmp_path / "b", many(), "folder")).sha256 == prepared.sha256
    assert len(list((tmp_path / "cache").iterdir())) == 1  # one prepared set, whatever the packing


def test_folders_named_train_and_test_are_the_splits(tmp_path: Path) -> None:
    files = {f"top/{s}/{k}": v for s, n in (("train", 20), ("test", 6)) for k, v in many(n).items()}
    prepared = prepare(tmp_path, write(tmp_path, files, "zip"))
    assert (len(prepared.train), len(prepared.validation), len(prepared.test)) == (18, 2, 6)
    assert sorted(int(x.max()) for x in prepared.test) == list(range(6))
    assert prepared.card["source_counts"] == {"train": 20, "test": 6}
    own = prepare(tmp_path, write(tmp_path / "v", {**files, "top/val/label0/x.png": encoded(pixels(99))}, "folder"))
    assert (len(own.train), len(own.validation), len(own.test)) == (20, 1, 6)
    assert own.validation.max() == 99


def test_layouts() -> None:
    assert layout_of(["a.png", "b.png"]) == [(None, None)] * 2
    assert layout_of(["x/a.png", "x/b.png"]) == [(None, None)] * 2  # one folder around all says nothing
    assert layout_of(["x/1/a.png", "x/2/b.png"]) == [(None, "1"), (None, "2")]
    assert layout_of(["x/1/a.png", "x/2/b.png"], labelled=False) == [(None, None)] * 2
    assert layout_of(["Train/a.png", "TEST/b.png"]) == [("train", None), ("test", None)]
    assert layout_of(["train/a.png", "other/b.png"]) == [(None, "train"), (None, "other")]
    with pytest.raises(DataError, match=r"1/a\.png lies in a label folder, b\.png does not"):
        layout_of(["1/a.png", "b.png"])


def test_mixed_sizes_need_a_rule(tmp_path: Path) -> None:
    files = {**many(20), "label0/large.png": encoded(pixels(1, 9, 12))}
    path = write(tmp_path, files, "folder")
    with pytest.raises(
        DataError, match=r"mixed size: label0/000\.png has 8 x 8 pixels, label0/large\.png 9 x 12; set `size`"
    ):
        prepare(tmp_path, path, broken="skip")
    assert nothing_left(tmp_path)
    assert prepare(tmp_path, path, size=8).shape == (3, 8, 8)
    assert prepare(tmp_path, path, size=[6, 4], colour="grey").shape == (1, 6, 4)


@pytest.mark.parametrize("form", ["folder", "zip", "tar.gz"])
def test_a_broken_file_is_named_and_skipped_or_fatal(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, {**many(), "label1/broken.jpg": b"\xff\xd8\xff no picture"}, form)
    with pytest.raises(DataError, match=r"label1/broken\.jpg.*set `broken: skip`"):
        prepare(tmp_path, path)
    assert nothing_left(tmp_path)
    prepared = prepare(tmp_path, path, broken="skip")
    assert prepared.card["skipped"] == ["label1/broken.jpg"]
    assert sum(prepared.card["counts"].values()) == 40


def test_an_unreadable_file_is_named_and_skipped_or_fatal(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "folder")
    (path / "label0" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"gone\.png"):
        prepare(tmp_path, path)
    assert prepare(tmp_path, path, broken="skip").card["skipped"] == ["label0/gone.png"]


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
def test_a_set_without_pictures(tmp_path: Path, form: str) -> None:
    path = write(tmp_path, {"a.txt": b"x", "b.txt": b"x", "c.gif": b"x"}, form)
    with pytest.raises(DataError, match=r"holds no picture \(.png, .jpg, .jpeg, .webp\); found 2 .txt, 1 .gif"):
        prepare(tmp_path, path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"holds no picture.*found nothing"):
        prepare(tmp_path, empty)


def test_only_broken_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the 2 pictures could be decoded"):
        prepare(tmp_path, write(tmp_path, {"a.png": b"x", "b.png": b"y"}, "zip"), broken="skip")
    assert nothing_left(tmp_path)


def test_too_few_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="4 pictures are too few: the validation split would be empty"):
        prepare(tmp_path, write(tmp_path, many(4), "zip"))


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.zip: not found"):
        prepare(tmp_path, tmp_path / "nowhere.zip")


def test_a_relative_path_is_found_along_the_search_path(tmp_path: Path) -> None:
    write(tmp_path, many(), "zip")
    folder = data.prepare("mine", {"kind": "images", "path": "set.zip"}, cache=tmp_path / "cache", search=[tmp_path])
    assert folder == prepare(tmp_path, tmp_path / "set.zip").folder


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "c:\\evil.png"])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_a_member_outside_the_archive_is_refused(tmp_path: Path, form: str, name: str) -> None:
    path = write(tmp_path, {**many(), name: encoded(pixels(1))}, form)
    with pytest.raises(DataError, match="points outside the archive; refused"):
        prepare(tmp_path, path, broken="skip")
    assert nothing_left(tmp_path)
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path, kind: bytes) -> None:
    path = write(tmp_path, many(), "tar")
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("label0/link.png")
        member.type, member.linkname = kind, "label1/001.png"
        archive.addfile(member)
    with pytest.raises(DataError, match=r"link\.png: is a link or a device"):
        prepare(tmp_path, path)
    assert prepare(tmp_path, path, broken="skip").card["skipped"] == ["label0/link.png"]


def test_links_in_a_zip_are_not_followed(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("label0/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="is a link; links in archives are not followed"):
        prepare(tmp_path, path)


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "folder")
    (path / "label0" / "loop").symlink_to(path, target_is_directory=True)
    assert sum(prepare(tmp_path, path).card["counts"].values()) == 40


def test_a_name_given_twice(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "tar")
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("label0/000.png")
        archive.addfile(member)
    with pytest.raises(DataError, match=r"holds label0/000\.png twice"):
        prepare(tmp_path, path)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_a_compression_bomb_is_refused(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_FLOOR", 1 << 16)
    path = tmp_path / f"bomb.{form}"
    zeros = bytes(1 << 22)
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("a.png", zeros)
    else:
        with tarfile.open(path, "w:gz", compresslevel=1) as tar:
            member = tarfile.TarInfo("a.png")
            member.size = len(zeros)
            tar.addfile(member, io.BytesIO(zeros))
    assert path.stat().st_size < 1 << 15
    with pytest.raises(DataError, match="refused as a compression bomb"):
        prepare(tmp_path, path, broken="skip")
    assert nothing_left(tmp_path)


def test_a_zip_member_that_lies_about_its_size_is_a_broken_file(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "zip")
    content = bytearray(path.read_bytes())
    real = len(encoded(pixels(0)))
    entry = content.index(b"PK\x01\x02")  # the first entry of the directory
    content[entry + 24 : entry + 28] = (real - 10).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"label0/000\.png"):
        prepare(tmp_path, path)


def test_a_truncated_archive(tmp_path: Path) -> None:
    for form in ("zip", "tar", "tar.gz"):
        path = write(tmp_path, many(), form)
        path.write_bytes(path.read_bytes()[:-4000] if form == "tar" else path.read_bytes()[:-200])
        if form == "tar":
            path.write_bytes(path.read_bytes()[:20_000])
        with pytest.raises(DataError, match=path.name):
            prepare(tmp_path, path, broken="skip")
    assert nothing_left(tmp_path)


def test_walk_reads_only_what_is_wanted(tmp_path: Path) -> None:
    for form in ("folder", "zip", "tar"):
        found = dict(archives.walk(write(tmp_path, many(6), form), lambda name: name.endswith("3.png")))
        assert list(found) == ["label1/003.png"]
        assert found["label1/003.png"] == encoded(pixels(3))


def test_pictures_that_vanish_between_the_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from phvae.data import images

    path = write(tmp_path, many(), "folder")
    original = images.tree_digest

    def then_remove(*args: Any) -> Any:
        result = original(*args)
        (path / "label0" / "000.png").unlink()
        return result

    monkeypatch.setattr(images, "tree_digest", then_remove)
    with pytest.raises(DataError, match=r"label0/000\.png vanished"):
        prepare(tmp_path, path)


def test_real_cifar10_jpegs(tmp_path: Path) -> None:
    name = "cifar10-jpeg/cifar10-jpeg-25k.zip"
    if not any((root / name).is_file() for root in SHARED):
        pytest.skip(f"PHVAE_DATA_PATH names no folder that holds {name}")
    folder = data.prepare("cifar10-jpeg", {"kind": "images", "path": name}, cache=tmp_path, search=SHARED)
    real = data.load(folder)
    assert real.shape == (3, 32, 32)
    assert real.card["source_counts"] == {"train": 20_000, "test": 5_000}
    assert (len(real.train), len(real.validation), len(real.test)) == (18_000, 2_000, 5_000)
    assert len(real.card["label_names"]) == 10
    assert set(np.bincount(real.labels["train"])) == {1800}
    assert set(np.bincount(real.labels["test"])) == {500}
