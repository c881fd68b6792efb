"""The stamp of a source: every change of it shows, and nothing else does; no folder makes it fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import many, write

from phvae import data
from phvae.data import stamp as module
from phvae.data.registry import KINDS
from phvae.data.stamp import stamp

LATER = 2_000_000_000


def of(path: object, kind: str = "images", search: tuple[Path, ...] = ()) -> str | None:
    return stamp(data.validate("mine", {"kind": kind, "path": str(path)}), search)


def overwrite(path: Path) -> None:
    """Other bytes, as many as before."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, (LATER, LATER))


def in_place(path: Path) -> None:
    """Other bytes, as many as before, of the same time."""
    times = path.stat()
    overwrite(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "overwrite": overwrite,
    "in place": in_place,
    "add": lambda path: shutil.copy2(path, path.with_name("new.png")),
    "remove": lambda path: path.unlink(),
    "rename": lambda path: path.rename(path.with_name("new.png")),
    "move": lambda path: path.rename(path.parents[1] / "label1" / "new.png"),
    "touch": lambda path: os.utime(path, (LATER, LATER)),
    "a link instead": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_a_folder_shows(tmp_path: Path, change: str, few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not few:
        monkeypatch.setattr(module, "_FEW", 39)
    folder = write(tmp_path, many(), "folder")
    before = of(folder)
    assert before is not None
    assert of(folder) == before
    CHANGES[change](folder / "label0" / "002.png")
    # of many files only size and time are read
    assert (of(folder) == before) == (change == "in place" and not few)


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_an_archive_that_is_replaced_shows(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, many(), form)
    before = of(path)
    in_place(path)
    assert of(path) != before
    monkeypatch.setattr(module, "_SMALL", 0)  # as if it were large
    before = of(path)
    in_place(path)
    assert of(path) == before
    overwrite(path)
    assert of(path) != before


def test_a_file_of_factors_that_is_replaced_shows(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    found = []
    for value in (0, 1):
        np.savez(path, images=np.full((12, 4, 4), value, np.uint8), factors=np.arange(24).reshape(12, 2))
        found.append(of(path, "factors"))
    assert None not in found
    assert found[0] != found[1]


def test_what_is_no_picture_of_the_set_does_not_count(tmp_path: Path) -> None:
    folder = write(tmp_path, many(), "folder")
    before = of(folder)
    for name in ("readme.txt", ".thumbs/1.png", "label0/__MACOSX/1.png", "label0/.hidden.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert of(folder) == before


def test_the_place_does_not_count_and_is_found_as_prepare_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, many(), "folder")
    monkeypatch.chdir(tmp_path.parent)
    assert of("set") is None
    assert of("set", search=(tmp_path,)) == of(folder)
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    assert of("set") == of(folder)
    shutil.copytree(folder, tmp_path / "first" / "set")  # times are kept
    overwrite(tmp_path / "first" / "set" / "label0" / "000.png")
    assert of("set", search=(tmp_path / "first",)) == of(tmp_path / "first" / "set") != of(folder)


@pytest.mark.parametrize("kind", [kind for kind, cls in KINDS.items() if not (cls.places or cls.files)])
def test_computed_sets_have_none(kind: str) -> None:
    assert stamp(data.validate(kind, None)) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("dsprites", "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"),
        ("shapes3d", "3dshapes/3dshapes.h5"),
        ("celeba64", "celeba/img_align_celeba/000001.jpg"),
    ],
)
def test_copies_that_no_hash_vouches_for_are_watched(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert stamp(data.validate(kind, None), (tmp_path,)) is None
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"some bytes")
    before = stamp(data.validate(kind, None), (tmp_path,))
    assert before is not None
    overwrite(tmp_path / name)
    assert stamp(data.validate(kind, None), (tmp_path,)) not in (before, None)


@pytest.mark.parametrize("kind", ["mnist", "cifar10"])
def test_copies_that_a_hash_vouches_for_are_not_watched(kind: str, tmp_path: Path) -> None:
    for file in KINDS[kind].files:
        (tmp_path / file.folders[0]).mkdir(exist_ok=True)
        (tmp_path / file.folders[0] / file.name).write_bytes(b"x")
    assert stamp(data.validate(kind, None), (tmp_path,)) is None


def test_an_unpacked_copy_of_kmnist_is_watched_once_all_of_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its packed files have a published hash."""
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "kmnist").mkdir()
    found = []
    for file in KINDS["kmnist"].files:
        (tmp_path / "kmnist" / file.name.removesuffix(".gz")).write_bytes(b"x")
        found.append(stamp(data.validate("kmnist", None), (tmp_path,)))
    assert [value is None for value in found] == [True, True, True, False]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    folder = write(tmp_path, many(), "folder")
    plain = of(folder)
    (folder / "label0").rename(tmp_path / "elsewhere")
    (folder / "label0").symlink_to(tmp_path / "elsewhere")
    assert of(folder) == plain
    for name, target in (("label1/up", folder), ("loop", "loop"), ("loop.png", "loop.png"), ("again", "label1")):
        (folder / name).symlink_to(target)
    before = of(folder)
    assert before not in (None, plain)
    overwrite(tmp_path / "elsewhere" / "002.png")
    assert of(folder) not in (None, before)


def test_a_pipe_does_not_block_and_a_name_of_other_bytes_does_not_fail(tmp_path: Path) -> None:
    folder = write(tmp_path, many(), "folder")
    before = of(folder)
    os.mkfifo(folder / "label0" / "pipe.png")
    shutil.copy(folder / "label0" / "002.png", os.fsencode(folder) + b"/label0/\xff\n.png")
    assert of(folder) not in (None, before)
    os.mkfifo(tmp_path / "pipe")
    assert of(tmp_path / "pipe") is None


@pytest.mark.parametrize("path", ["absent", "~nobody-of-this-name/x", "a\0b", "x" * 5000])
def test_what_is_not_here_has_none(path: str) -> None:
    assert of(path) is None


def test_a_folder_without_a_picture_has_none(tmp_path: Path) -> None:
    """Such is a disk that is not mounted."""
    assert of(tmp_path) is None


@pytest.mark.parametrize("call", ["stat", "walk"])
def test_what_cannot_be_read_has_none(tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, many(), "folder")

    def refuse(path: object, *arguments: object, **keywords: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(f"os.{call}", refuse)
    assert of(folder) is None


def test_it_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'pandas', 'sklearn', 'scipy', 'h5py', 'PIL'}"
    code = (
        "import sys; from phvae.data.stamp import stamp; stamp({'kind': 'images', 'path': 'docs'}); "
        f"print(*({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
