"""Published files: the search path, hashes, downloads from a server on loopback, the IDX family."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import os
import re
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phvae import data
from phvae.data import cli, fetch, idx, published
from phvae.data.published import Published
from phvae.data.recipe import Sources
from phvae.errors import ConfigError, DataError

CONTENT = bytes(range(256)) * 4096  # 1 MB
SHA = hashlib.sha256(CONTENT).hexdigest()
FIVE = "5" * 64
SHARED = [Path(p) for p in os.environ.get("PHVAE_DATA_PATH", "").split(os.pathsep) if p]


@pytest.fixture(autouse=True)
def no_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path: what a good, a cutting, a busy, a lying or an endless server does."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers.get("Range")))
        calls = sum(path == self.path for path, _ in server.seen)
        start = 0
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if self.path.startswith("/missing"):
            return self.answer(404, b"no such file")
        if self.path.startswith("/busy") and calls < 3:
            return self.answer(503, b"later")
        if self.path.startswith("/never"):
            return self.answer(503, b"later")
        if asked and not self.path.startswith("/norange"):
            start = int(asked[1])
            if start >= len(CONTENT):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(CONTENT)}"})
        body = CONTENT if not self.path.startswith("/wrong") else CONTENT[::-1]
        stop = len(body)
        if self.path.startswith("/cut") and calls < 4:
            stop = start + 300_000
        if self.path.startswith("/deaf"):
            stop = start
        length = {} if self.path.startswith("/endless") else {"Content-Length": str(len(body) - start)}
        if self.path.startswith("/endless"):
            body, stop = CONTENT * 8, len(CONTENT) * 8
        span = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        self.send_response(206 if start else 200)
        for key, value in {**length, **span, "ETag": '"1"', "Connection": "close"}.items():
            self.send_header(key, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body[start:stop])
        self.close_connection = True

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Any]:
    found: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.seen = []
    found.url = f"http://127.0.0.1:{found.server_address[1]}"
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def check(path: Path) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA:
        raise DataError("wrong hash")


def download(target: Path, *urls: str, limit: int = 1 << 24, **keywords: Any) -> tuple[Path, list[float]]:
    waits: list[float] = []
    return fetch.download(urls, target, check, limit=limit, wait=waits.append, **keywords), waits


def test_a_good_file_arrives_once(server: Any, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.bin"
    path, waits = download(target, server.url + "/good")
    assert path.read_bytes() == CONTENT
    assert waits == []
    assert os.listdir(target.parent) == ["file.bin"]
    download(target, server.url + "/good")
    assert len(server.seen) == 1


def test_a_broken_answer_is_resumed(server: Any, tmp_path: Path) -> None:
    path, waits = download(tmp_path / "file.bin", server.url + "/cut")
    assert path.read_bytes() == CONTENT
    assert [r for _, r in server.seen] == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert len(waits) == 3
    assert waits == sorted(waits)  # each wait longer than the one before


def test_a_later_call_goes_on_where_the_first_broke_off(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    path, _ = download(tmp_path / "file.bin", server.url + "/good")
    assert path.read_bytes() == CONTENT
    assert server.seen == [("/good", "bytes=1000-")]
    assert os.listdir(tmp_path) == ["file.bin"]


def test_old_bytes_of_another_version_are_thrown_away(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(b"x" * 1000)
    assert download(tmp_path / "file.bin", server.url + "/good")[0].read_bytes() == CONTENT
    assert [r for _, r in server.seen] == ["bytes=1000-", None]


def test_old_bytes_are_not_kept_where_no_hash_is_known(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    download(tmp_path / "file.bin", server.url + "/good", resume=False)
    assert server.seen == [("/good", None)]


def test_a_whole_part_needs_no_more_bytes(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    assert download(tmp_path / "file.bin", server.url + "/good")[0].read_bytes() == CONTENT


def test_a_server_without_ranges_sends_everything_again(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    assert download(tmp_path / "file.bin", server.url + "/norange")[0].read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Any, tmp_path: Path) -> None:
    _, waits = download(tmp_path / "file.bin", server.url + "/busy")
    assert len(waits) == 2


def test_the_second_address_is_tried(server: Any, tmp_path: Path) -> None:
    path, waits = download(tmp_path / "file.bin", server.url + "/missing", server.url + "/good")
    assert path.read_bytes() == CONTENT
    assert waits == []  # a 404 is not tried again


@pytest.mark.parametrize(
    ("address", "message"),
    [("/missing", "HTTP status 404"), ("/wrong", "wrong hash"), ("/never", "gave up after 5 tries")],
)
def test_failures_are_told_and_leave_nothing(server: Any, tmp_path: Path, address: str, message: str) -> None:
    with pytest.raises(DataError, match=f"file.bin could not be fetched.*{message}"):
        download(tmp_path / "file.bin", server.url + address)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("address", ["/good", "/endless"])
def test_the_size_limit_holds_with_and_without_a_stated_length(server: Any, tmp_path: Path, address: str) -> None:
    with pytest.raises(DataError, match="larger than the limit of 500000 bytes"):
        download(tmp_path / "file.bin", server.url + address, limit=500_000)
    assert os.listdir(tmp_path) == []


def test_a_server_that_never_goes_on_leaves_only_the_part(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    with pytest.raises(DataError, match=r"1000 bytes received are kept in file\.bin\.part"):
        download(tmp_path / "file.bin", server.url + "/deaf")
    assert os.listdir(tmp_path) == ["file.bin.part"]


def test_a_folder_that_cannot_be_made(server: Any, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(DataError, match="home/data: cannot be made"):
        download(tmp_path / "home/data/file.bin", server.url + "/good")


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gave up"):
        download(tmp_path / "file.bin", "http://127.0.0.1:9/x")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_other_schemes_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="only http and https"):
        download(tmp_path / "file.bin", url)


def test_processes_that_fetch_at_once_fetch_once(server: Any, tmp_path: Path) -> None:
    results: list[Path] = []
    jobs = [
        threading.Thread(target=lambda: results.append(download(tmp_path / "f.bin", server.url + "/good")[0]))
        for _ in range(4)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(results) == 4
    assert len(server.seen) == 1
    assert os.listdir(tmp_path) == ["f.bin"]


# ---- published files and the search path ----
def file(**changes: Any) -> Published:
    return Published(**{"name": "a.bin", "folders": ("set", "SET/raw"), "sha256": SHA, "limit": 1 << 24, **changes})


def test_the_search_path_is_ordered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PHVAE_DATA_PATH", f"/b{os.pathsep}/c{os.pathsep}/a")
    assert [str(p) for p in published.search_path([Path("/a")])] == [
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
        [(found, checked)] = published.obtain((file(),), Sources(search=(root,), cache=tmp_path))
        assert found == path
        assert checked.verified


def test_a_bad_copy_is_passed_over_for_a_good_one(tmp_path: Path) -> None:
    for place, content in (("set", b"bad"), ("SET/raw", CONTENT)):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "a.bin").write_bytes(content)
    [(found, _)] = published.obtain((file(),), Sources(search=(tmp_path,), cache=tmp_path))
    assert found == tmp_path / "SET/raw/a.bin"


def test_a_wrong_hash_is_an_error_that_names_both(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.bin").write_bytes(CONTENT)
    with pytest.raises(DataError, match=f"set/a.bin.*{SHA}.*expected {FIVE}"):
        published.obtain((file(sha256=FIVE),), Sources(search=(tmp_path,), cache=tmp_path))


def test_absent_files_say_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data.prepare("kmnist", None, cache=tmp_path / "cache")
    text = str(caught.value)
    assert all(f.name in text for f in idx.Kmnist.files)
    assert str(tmp_path / "home/phvae/data/kmnist") in text
    assert "phvae data fetch kmnist" in text
    assert not (tmp_path / "cache").exists()


def test_download_happens_only_when_asked_and_goes_to_the_cache_folder(server: Any, tmp_path: Path) -> None:
    wanted = (file(urls=(server.url + "/good",)),)
    with pytest.raises(DataError, match="not found"):
        published.obtain(wanted, Sources(cache=tmp_path))
    assert server.seen == []
    [(found, checked)] = published.obtain(wanted, Sources(cache=tmp_path, download=True))
    assert found == tmp_path / "home/phvae/data/set/a.bin"
    assert checked.verified


def test_what_is_fetched_must_have_the_published_hash(server: Any, tmp_path: Path) -> None:
    for changes in ({"sha256": FIVE}, {"sha256": None, "md5": "5" * 32}, {"sha256": None, "magic": b"PK"}):
        with pytest.raises(DataError, match="not the published"):
            published.obtain(
                (file(urls=(server.url + "/good",), **changes),), Sources(cache=tmp_path / "c", download=True)
            )
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_without_a_hash_the_first_use_is_recorded_and_later_ones_compared(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.bin").write_bytes(CONTENT)
    unknown, sources = (file(sha256=None),), Sources(search=(tmp_path,), cache=tmp_path / "cache")
    with pytest.warns(UserWarning, match=f"a.bin is unverified.*{SHA}"):
        [(_, checked)] = published.obtain(unknown, sources)
    assert not checked.verified
    published.obtain(unknown, sources)  # silent now
    (tmp_path / "set/a.bin").write_bytes(CONTENT[1:])
    with pytest.raises(DataError, match=f"differs from {SHA}, recorded at first use"):
        published.obtain(unknown, sources)


# ---- the IDX family ----
def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, monkeypatch: pytest.MonkeyPatch, packed: bool = True, cut: int | None = None) -> list[Any]:
    """Small files in MNIST's layout, and a Mnist that expects them."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    arrays = [
        generator.integers(0, 256, (60, 28, 28), dtype=np.uint8),
        generator.integers(0, 10, 60, dtype=np.uint8),
        generator.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        generator.integers(0, 10, 20, dtype=np.uint8),
    ]
    if cut is not None:
        arrays[1] = arrays[1][:cut]
    files = []
    for original, array in zip(idx.Mnist.files, arrays, strict=True):
        content = idx_bytes(array)
        name = original.name if packed else original.name.removesuffix(".gz")
        (folder / name).write_bytes(gzip.compress(content) if packed else content)
        sha256 = hashlib.sha256(content).hexdigest()
        files.append(Published(original.name, original.folders, sha256=sha256))
    monkeypatch.setattr(idx.Mnist, "files", tuple(files))
    return arrays


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("place", ["mnist", "MNIST/raw"])
def test_idx_files_are_read_packed_and_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool, place: str
) -> None:
    arrays = write_idx(tmp_path / place, monkeypatch, packed)
    folder = data.prepare("mnist", {"n_validation": 10}, cache=tmp_path / "cache", search=[tmp_path])
    mnist = data.load(folder)
    assert mnist.shape == (1, 28, 28)
    assert np.array_equal(mnist.test[:, 0], arrays[2])
    assert np.array_equal(mnist.labels["test"], arrays[3])
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
    with pytest.raises(DataError, match="n_validation is 60, but there are 60"):
        data.prepare("mnist", {"n_validation": 60}, cache=tmp_path / "cache", search=[tmp_path])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "truncated"),
        (struct.pack(">HBBI", 0, 8, 1, 5) + b"1234", "truncated: 5 bytes expected, 4 found"),
        (struct.pack(">HBBI", 0, 8, 1, 5) + b"123456", "more bytes than its stated shape"),
        (struct.pack(">HBBI", 0, 9, 1, 5) + b"12345", "wrong magic number 00000901"),
        (b"\x89PNG\r\n\x1a\n", "wrong magic number"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31), "more than 268435456 bytes"),
        (gzip.compress(bytes(1000))[:-20], "damaged|wrong magic"),
        (gzip.compress(struct.pack(">HBBI", 0, 8, 1, 5) + b"12345")[:-6], "damaged"),
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
        published.check(Published("file.gz", ("x",), sha256=FIVE, limit=1 << 16), path)


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


PUBLISHED = {"mnist": (0.1307, 0.3081), "fashion-mnist": (0.2860, 0.3530)}


@pytest.mark.parametrize("kind", PUBLISHED)
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


# ---- the commands ----
def test_list_and_show_print_the_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "mnist", monkeypatch)
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    lines = {line.split()[0]: line for line in cli.list_sets().splitlines()}
    assert set(lines) == {"NAME", *data.KINDS}
    assert re.search(r"1x28x28 .* found +sha256 +CC", lines["mnist"])
    assert " absent " in lines["kmnist"]
    assert " built in " in lines["claw"]
    data.prepare("mnist", {"n_validation": 7}, cache=tmp_path / "cache")
    text = cli.show("mnist", tmp_path / "cache")
    for part in (
        "licence   CC BY-SA",
        "LeCun",
        "n_validation: default 5000",
        "53 / 7 / 20",
        "(verified)",
        str(tmp_path),
    ):
        assert part in text
    assert idx.Mnist.files[0].sha256 is not None
    assert idx.Mnist.files[0].sha256 in text
    with pytest.raises(ConfigError, match="did you mean 'mnist'"):
        cli.show("mnits")


def test_fetch_gets_what_is_absent(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(idx.Kmnist, "files", (file(folders=("kmnist",), urls=(server.url + "/good",)),))
    cli.fetch_all("kmnist", None, tmp_path / "here")
    assert (tmp_path / "here/kmnist/a.bin").read_bytes() == CONTENT
    assert "kmnist: " + str(tmp_path / "here/kmnist/a.bin") in capsys.readouterr().out
    cli.fetch_all("kmnist", None, tmp_path / "here")
    assert len(server.seen) == 1
    cli.fetch_all(None, "config/quick.yaml", tmp_path / "here")
    assert "claw: nothing to fetch" in capsys.readouterr().out


def test_docs_hold_the_current_tables() -> None:
    text = Path("docs/data.md").read_text(encoding="utf-8")
    for name, table in (("cards", cli.cards_table()), ("files", cli.files_table())):
        inside = re.search(f"<!-- {name} -->\n(.*)\n<!-- /{name} -->", text, re.DOTALL)
        assert inside is not None
        assert inside[1] == table, f"docs/data.md: the table {name} is not that of phvae.data.cli.{name}_table()"
