"""Folders, zips and tars, file by file: hostile, damaged, linked in circles."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from pictures_on_disk import encoded, many, nothing_left, pixels, prepare, write

from phvae import data
from phvae.data.files import archives
from phvae.errors import DataError


@pytest.mark.parametrize("name", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "c:\\evil.png"])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_a_member_outside_the_archive_is_refused(tmp_path: Path, form: str, name: str) -> None:
    path = write(tmp_path, {name: b"x"}, form)
    with pytest.raises(DataError, match="points outside the archive; refused"):
        list(archives.walk(path, lambda name: True))


def test_a_member_outside_the_archive_ends_the_preparation(tmp_path: Path) -> None:
    path = write(tmp_path / "a", {**many(), "../../evil.png": encoded(pixels(1))}, "tar")
    with pytest.raises(DataError, match="points outside the archive; refused"):
        prepare(tmp_path, path, broken="skip")
    assert nothing_left(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


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


def test_a_sparse_member_of_a_tar_is_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "set.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a.png")  # four bytes, then a hole of a megabyte that costs the tar nothing
        member.size, member.pax_headers = 4, {"GNU.sparse.map": "0,4", "GNU.sparse.size": str(1 << 20)}
        archive.addfile(member, io.BytesIO(b"data"))
    [(name, content)] = archives.walk(tmp_path / "set.tar", lambda name: True)
    assert name == "a.png"
    assert "or sparse; it is not read" in str(content)


def test_links_in_a_zip_are_not_followed(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("label0/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="is a link; links in archives are not followed"):
        prepare(tmp_path, path)


@pytest.mark.parametrize("to", ["", "label1"])
def test_a_link_to_a_folder_of_the_set_is_refused(tmp_path: Path, to: str) -> None:
    """Copies of one picture would lie in train and test; six folders that link to each other had 1,584 ways."""
    path = write(tmp_path, many(), "folder")
    (path / "label0" / "loop").symlink_to(path / to, target_is_directory=True)
    with pytest.raises(DataError, match=r"set/label(0/loop|1): is the folder .* again, by a link; .* remove the link"):
        prepare(tmp_path, path)
    assert nothing_left(tmp_path)


def test_a_link_to_a_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    path = write(tmp_path, {f"{s}/{i}.png": encoded(pixels(i)) for s in ("real", "test") for i in range(2)}, "folder")
    (path / "real").rename(tmp_path / "real")
    (path / "train").symlink_to(tmp_path / "real", target_is_directory=True)
    found = [name for name, _ in archives.walk(path, lambda name: True)]
    assert found == [f"{s}/{i}.png" for s in ("test", "train") for i in range(2)]


@pytest.mark.parametrize("kind", ["images", "factors"])
def test_only_regular_files_and_folders_are_opened(tmp_path: Path, kind: str) -> None:
    """To open a pipe that nobody writes to would never end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: neither a regular file nor a folder"):
        data.prepare("mine", {"kind": kind, "path": str(tmp_path / "pipe")}, cache=tmp_path / "cache")


def test_a_pipe_among_the_pictures_is_a_broken_file(tmp_path: Path) -> None:
    path = write(tmp_path, many(), "folder")
    os.mkfifo(path / "label0" / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png: no regular file"):
        prepare(tmp_path, path)


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
