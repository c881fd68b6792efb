"""Damage to prepared sets: every byte of it is noticed, named, and mended by `prepare`."""

from __future__ import annotations

import json
import logging
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phvae import data
from phvae.data import prepared
from phvae.data.card import read_card
from phvae.errors import DataError
from phvae.files import write_json
from phvae.records import write_record

CLAW = {"kind": "claw", "n_train": 100, "n_validation": 10, "n_test": 20}
# all splits of one size, so that files can be exchanged
SPRITES = {"kind": "sprites", "n_train": 20, "n_validation": 20, "n_test": 20, "resolution": 16}
FILES = [f"{split}{what}.npy" for split in ("train", "validation", "test") for what in ("", "_factors")]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.prepare("a", SPRITES, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / pristine.name))


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def swap(path: Path) -> None:
    """With the file of the same kind and size of another split."""
    other = path.with_name(FILES[(FILES.index(path.name) + 2) % len(FILES)])
    one, two = path.read_bytes(), other.read_bytes()
    assert len(one) == len(two)
    path.write_bytes(two)
    other.write_bytes(one)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flip in the header": lambda path: flip(path, 60),
    "flip in the middle": lambda path: flip(path, path.stat().st_size // 2),
    "flip at the end": lambda path: flip(path, -1),
    "truncate": lambda path: path.write_bytes(path.read_bytes()[:-8]),
    "lengthen": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "empty": lambda path: path.write_bytes(b""),
    "delete": lambda path: path.unlink(),
    "a folder instead": lambda path: (path.unlink(), path.mkdir()),
    "swap": swap,
}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_and_prepared_again(folder: Path, damage: str, file: str) -> None:
    before = data.load(folder, verify=True).sha256
    DAMAGE[damage](folder / file)
    with pytest.raises(DataError, match=r"\.npy: .*; do this$") as refused:
        data.load(folder, verify=True, remedy="do this")
    assert damage == "swap" or str(folder / file) in str(refused.value)
    mended = data.prepare("a", SPRITES, cache=folder.parent)
    assert mended == folder
    assert data.load(folder, verify=True).sha256 == before
    assert list(folder.parent.iterdir()) == [folder]


def test_damage_that_prepare_mends_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    flip(folder / "test.npy", -1)
    with caplog.at_level(logging.WARNING, logger="phvae"):
        data.prepare("a", SPRITES, cache=folder.parent)
    assert f"{folder / 'test.npy'}: its content changed since it was prepared; the set is prepared again" in caplog.text


@pytest.mark.slow
def test_every_altered_byte_of_a_card_shows(tmp_path: Path) -> None:
    folder = data.prepare("a", CLAW, cache=tmp_path)
    path = folder / "card.json"
    content, card = path.read_bytes(), read_card(folder)
    same = []
    for at in range(len(content)):
        flip(path, at)
        try:
            assert read_card(folder) == card
            same.append(at)
        except DataError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            assert str(error).endswith("; prepare the set again")  # noqa: PT017
        path.write_bytes(content)
    assert len(same) <= 2, same  # the 17th digit of offset or scale, where both texts are the same number


@pytest.mark.parametrize("damage", ["digit", "no seal", "no JSON", "empty", "delete", "deep"])
def test_a_damaged_card_is_named_and_prepared_again(folder: Path, damage: str) -> None:
    card, before = folder / "card.json", data.load(folder).card
    if damage == "digit":
        card.write_text(card.read_text().replace('"resolution": 16', '"resolution": 17'))
    elif damage == "no seal":  # as earlier versions wrote it
        write_json(card, {key: value for key, value in before.items() if key != "seal"})
    elif damage == "delete":
        card.unlink()
    else:
        card.write_text({"no JSON": '{"files": ', "empty": "", "deep": "[" * 100_000}[damage])
    with pytest.raises(DataError, match=r"card\.json: .*; prepare the set again$"):
        data.load(folder)
    assert data.prepare("a", SPRITES, cache=folder.parent) == folder
    assert data.load(folder, verify=True).card == before


@pytest.mark.parametrize("value", [None, 5, {}])
@pytest.mark.parametrize("key", ["kind", "key", "shape", "dtype", "counts", "binary", "sha256", "files"])
def test_a_card_of_another_form_is_named(folder: Path, key: str, value: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    write_record(folder / "card.json", card | {key: value})
    with pytest.raises(DataError, match=rf"card\.json: damaged: .*{key}.*prepare the set again"):
        data.load(folder)


@pytest.mark.parametrize("content", ["[]", "null", "{}"])
def test_what_is_no_card_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(DataError, match=r"card\.json: .*prepare the set again"):
        data.load(tmp_path)


def test_another_set_under_this_name_is_prepared_again(folder: Path) -> None:
    cache = folder.parent
    other = data.prepare("a", SPRITES | {"n_train": 21}, cache=cache)
    shutil.rmtree(folder)
    other.rename(folder)
    assert len(data.load(folder, verify=True).train) == 21
    assert data.prepare("a", SPRITES, cache=cache) == folder
    assert len(data.load(folder, verify=True).train) == 20


@pytest.mark.parametrize("instead", ["file", "link"])
def test_what_is_no_folder_makes_way(folder: Path, instead: str) -> None:
    shutil.rmtree(folder)
    if instead == "file":
        folder.write_text("not a folder")
    else:
        folder.symlink_to("nowhere")
    assert data.load(data.prepare("a", SPRITES, cache=folder.parent), verify=True).kind == "sprites"


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), PermissionError(13, "Permission denied")])
def test_a_file_that_cannot_be_read_is_named(
    folder: Path, verify: bool, error: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **keywords: Any) -> Any:
        raise error

    monkeypatch.setattr(prepared, "sha256", fail)
    monkeypatch.setattr(np.lib.format, "open_memmap", fail)
    with pytest.raises(DataError, match=r"t[a-z_]+\.npy: .*; prepare the set again"):
        data.load(folder, verify=verify)


HEADERS = {
    "pickled objects": "{'descr': '|O', 'fortran_order': False, 'shape': (20, 1, 16, 16), }",
    "another shape": "{'descr': '|u1', 'fortran_order': False, 'shape': (10, 2, 16, 16), }",
    "another type": "{'descr': '|i1', 'fortran_order': False, 'shape': (20, 1, 16, 16), }",
    "fields": "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (20, 1, 16, 16), }",
    "too large": "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }",
    "negative": "{'descr': '|u1', 'fortran_order': False, 'shape': (-20, 1, 16, 16), }",
    "deep": "(" * 110,
    "code": "[].__class__.__mro__",
    "no key": "{'descr': '|u1'}",
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_hostile_header_is_refused_without_hashing_too(folder: Path, header: str) -> None:
    content = (folder / "test.npy").read_bytes()
    (folder / "test.npy").write_bytes(content[:10] + HEADERS[header].encode().ljust(117) + b"\n" + content[128:])
    with pytest.raises(DataError, match=r"test\.npy: .*; prepare the set again$"):
        data.load(folder)


def test_an_archive_in_place_of_an_array_is_refused(folder: Path) -> None:
    content = (folder / "test.npy").read_bytes()
    (folder / "test.npy").write_bytes(b"PK\x03\x04" + content[4:])
    with pytest.raises(DataError, match=r"test\.npy: .*; prepare the set again$"):
        data.load(folder)


@pytest.mark.slow
def test_random_damage_is_always_a_data_error(folder: Path) -> None:
    draw = random.Random(3)
    for _ in range(400):
        path = folder / draw.choice(FILES)
        content = path.read_bytes()
        damaged = bytearray(content)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(draw.choice([128, len(content)]))] ^= draw.randrange(1, 256)
        path.write_bytes(bytes(damaged))
        try:
            data.load(folder)  # unhashed: what it does not notice it must survive
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017
        if bytes(damaged) != content:
            with pytest.raises(DataError, match=r"\.npy: "):
                data.load(folder, verify=True)
        path.write_bytes(content)
