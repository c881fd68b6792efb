"""Downloads: resumed, retried, bounded, checked."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import select
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import CONTENT, SHA, serving

from phvae.data.files import fetch
from phvae.errors import DataError


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as found:
        yield found


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


@pytest.mark.parametrize(
    ("part", "address", "resume", "ranges"),
    [
        pytest.param(CONTENT[:1000], "/good", True, ["bytes=1000-"], id="goes on where an earlier call broke off"),
        pytest.param(b"x" * 1000, "/good", True, ["bytes=1000-", None], id="throws bytes of another version away"),
        pytest.param(CONTENT[:1000], "/good", False, [None], id="keeps nothing where no hash is known"),
        pytest.param(CONTENT, "/good", True, [f"bytes={len(CONTENT)}-"], id="asks no more for a whole part"),
        pytest.param(
            CONTENT[:1000], "/norange", True, ["bytes=1000-"], id="takes everything where there are no ranges"
        ),
    ],
)
def test_what_an_earlier_call_left(
    server: Any, tmp_path: Path, part: bytes, address: str, resume: bool, ranges: list[str | None]
) -> None:
    (tmp_path / "file.bin.part").write_bytes(part)
    path, _ = download(tmp_path / "file.bin", server.url + address, resume=resume)
    assert path.read_bytes() == CONTENT
    assert server.seen == [(address, asked) for asked in ranges]
    assert os.listdir(tmp_path) == ["file.bin"]


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


@pytest.mark.parametrize(
    "error",
    [
        OSError(113, "No route to host"),
        OSError(101, "Network is unreachable"),
        ssl.SSLError("bad record"),
        TimeoutError(),
    ],
)
def test_a_network_that_fails_while_bytes_come_is_tried_again(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    read, calls = http.client.HTTPResponse.read, []

    def fail_once(self: http.client.HTTPResponse, amount: int) -> bytes:
        calls.append(amount)
        if len(calls) == 2:
            raise error
        return read(self, amount)

    monkeypatch.setattr(http.client.HTTPResponse, "read", fail_once)
    path, waits = download(tmp_path / "file.bin", server.url + "/good")
    assert path.read_bytes() == CONTENT
    assert len(waits) == 1
    assert [r for _, r in server.seen] == [None, f"bytes={calls[0]}-"]


def test_a_full_disk_is_no_network_failure(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"file\.bin\.part: No space left on device; is the disk full\?"):
        download(tmp_path / "file.bin", server.url + "/good")
    assert len(server.seen) == 1


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x"])
def test_other_schemes_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="only http and https"):
        download(tmp_path / "file.bin", url)


FETCH = """
import sys
from pathlib import Path
from phvae.data.files.fetch import download

def check(path):
    print("checking", flush=True)
    sys.stdin.readline()

print("begun", flush=True)
download((sys.argv[1],), Path(sys.argv[2]), check, limit=1 << 24)
"""


@pytest.mark.slow
def test_processes_that_fetch_at_once_fetch_once(server: Any, tmp_path: Path) -> None:
    """The second begins while the first has all bytes and no file yet."""
    command = [sys.executable, "-c", FETCH, server.url + "/good", str(tmp_path / "f.bin")]
    with contextlib.ExitStack() as stack:
        jobs = []
        for expected in (["begun\n", "checking\n"], ["begun\n"]):
            job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            jobs.append(stack.enter_context(job))
            stack.callback(job.kill)
            assert job.stdout is not None
            assert [job.stdout.readline() for _ in expected] == expected
        assert not select.select([jobs[1].stdout], [], [], 0.5)[0], "the second does not wait for the first"
        assert [job.communicate("go\n")[0] for job in jobs] == ["", ""]
        assert [job.returncode for job in jobs] == [0, 0]
    assert len(server.seen) == 1
    assert os.listdir(tmp_path) == ["f.bin"]
