"""Published files: the search path, copies, hashes, first use."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import CONTENT, SHA, serving

from phvae import cli as command_line
from phvae import data
from phvae.data.files import obtain, places
from phvae.data.files.published import Published
from phvae.data.kinds import idx
from phvae.data.recipe import Sources
from phvae.data.registry import kind_class
from phvae.errors import DataError

FIVE = "5" * 64
pytestmark = pytest.mark.usefixtures("no_usual_places")


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as found:
        yield found


def file(**changes: Any) -> Published:
    return Published(**{"name": "a.bin", "folders": ("set", "SET/raw"), "sha256": SHA, "limit": 1 << 24, **changes})


def test_the_search_path_is_ordered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHVAE_DATA_PATH", f"/b{os.pathsep}/c{os.pathsep}/a")
    assert [str(p) for p in places.search_path([Path("/a")])] == [
        "/a",
        "/b",
        "/c",
        str(tmp_path / "home" / "phvae" / "data"),
        "/usr/local/share/datasets",
        "/usr/share/datasets",
    ]


@pytest.mark.parametrize("place", ["set/a.bin", "SET/raw/a.bin"])
def test_a_copy_is_found_below_and_in_its_folder(tmp_path: Path, place: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    for root in (tmp_path, path.parent):
        [(found, checked)] = obtain.obtain((file(),), Sources(search=(root,), cache=tmp_path))
        assert found == path
        assert checked.verified


@pytest.mark.parametrize("other", ["fashion-mnist", "FashionMNIST/raw", "KMNIST/raw"])
def test_another_sets_folder_is_not_taken_for_ones_own(tmp_path: Path, other: str) -> None:
    (tmp_path / other).mkdir(parents=True)
    (tmp_path / other / "a.bin").write_bytes(CONTENT)
    assert places.find(file(folders=("mnist", "MNIST/raw")), [tmp_path / other]) == []
    assert places.find(file(folders=(other,)), [tmp_path / other]) == [tmp_path / other / "a.bin"]


def test_a_home_folder_that_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"~nouser/x\.zip: no home folder is known.*give an absolute path"):
        data.prepare("mine", {"kind": "images", "path": "~nouser/x.zip"}, cache=tmp_path / "cache")
    monkeypatch.setenv("PHVAE_DATA_PATH", "~nouser/data")
    with pytest.raises(DataError, match="~nouser/data: no home folder"):
        places.search_path()
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # a container run under a number without a name
    assert places.cache_folder() == tmp_path / "home/phvae/data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(DataError, match=r"set HOME \(or XDG_CACHE_HOME"):
        places.cache_folder()


def test_a_bad_copy_is_passed_over_for_a_good_one(tmp_path: Path) -> None:
    for place, content in (("set", b"bad"), ("SET/raw", CONTENT)):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "a.bin").write_bytes(content)
    [(found, _)] = obtain.obtain((file(),), Sources(search=(tmp_path,), cache=tmp_path))
    assert found == tmp_path / "SET/raw/a.bin"


def test_a_wrong_hash_is_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.bin").write_bytes(CONTENT)
    with pytest.raises(DataError, match=f"set/a.bin.*{SHA}.*expected {FIVE}"):
        obtain.obtain((file(sha256=FIVE),), Sources(search=(tmp_path,), cache=tmp_path))


def test_absent_files_say_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data.prepare("kmnist", None, cache=tmp_path / "cache")
    text = str(caught.value)
    assert all(f.name in text for f in idx.Kmnist.files)
    assert str(tmp_path / "home/phvae/data/kmnist") in text
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", [kind for kind in data.KINDS if kind_class(kind).files])
def test_the_command_that_absent_files_name_is_one(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data.prepare(kind, None, cache=tmp_path)
    [words] = re.findall(r"`phvae (data fetch [^`]+)`", str(caught.value))
    assert command_line._parser().parse_args(words.split()).name == kind


def test_download_happens_only_when_asked_and_goes_to_the_cache_folder(server: Any, tmp_path: Path) -> None:
    wanted = (file(urls=(server.url + "/good",)),)
    with pytest.raises(DataError, match="not found"):
        obtain.obtain(wanted, Sources(cache=tmp_path))
    assert server.seen == []
    [(found, checked)] = obtain.obtain(wanted, Sources(cache=tmp_path, download=True))
    assert found == tmp_path / "home/phvae/data/set/a.bin"
    assert checked.verified


def test_what_is_fetched_must_have_the_published_hash(server: Any, tmp_path: Path) -> None:
    for changes in ({"sha256": FIVE}, {"sha256": None, "md5": "5" * 32}, {"sha256": None, "magic": b"PK"}):
        with pytest.raises(DataError, match="not the published"):
            obtain.obtain(
                (file(urls=(server.url + "/good",), **changes),), Sources(cache=tmp_path / "c", download=True)
            )
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_without_a_hash_the_first_use_is_recorded_and_later_ones_compared(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.bin").write_bytes(CONTENT)
    unknown, sources = (file(sha256=None),), Sources(search=(tmp_path,), cache=tmp_path / "cache")
    with pytest.warns(UserWarning, match=f"a.bin is unverified.*{SHA}"):
        [(_, checked)] = obtain.obtain(unknown, sources)
    assert not checked.verified
    obtain.obtain(unknown, sources)  # silent now
    (tmp_path / "set/a.bin").write_bytes(CONTENT[1:])
    with pytest.raises(DataError, match=f"differs from {SHA}, recorded at first use"):
        obtain.obtain(unknown, sources)


@pytest.mark.parametrize("content", ["{", "[]", "null", "{}", "\x00"])
def test_a_damaged_record_of_first_use_is_named(tmp_path: Path, content: str) -> None:
    for place in ("set", "first-use"):
        (tmp_path / place).mkdir()
    (tmp_path / "set/a.bin").write_bytes(CONTENT)
    (tmp_path / "first-use/set-a.bin.json").write_text(content)
    with pytest.raises(DataError, match=r"first-use/set-a\.bin\.json: unreadable.*remove this file"):
        obtain.obtain((file(sha256=None),), Sources(search=(tmp_path,), cache=tmp_path))
