"""Checkpoints: whole or not at all, checked when read, the last two kept."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from phvae.jobs import checkpoint

TENSORS = {"w": torch.arange(6.0).view(2, 3), "best/w": torch.ones(2), "exp_avg/w": torch.zeros(0)}


def _write(folder: Path, *steps: int, key: str = "k") -> None:
    for step in steps:
        checkpoint.write(folder, step, key, {"seed": 1, "rows": [0.1 + 0.2], "best_loss": float("inf")}, TENSORS)


def test_what_is_read_is_what_was_written_to_the_last_bit(tmp_path: Path):
    _write(tmp_path, 10)
    key, progress, tensors = checkpoint.read(tmp_path, 10)
    assert key == "k"
    assert progress == {"seed": 1, "rows": [0.30000000000000004], "best_loss": float("inf")}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)


def test_the_last_two_are_kept_and_remove_leaves_nothing(tmp_path: Path):
    _write(tmp_path, 5, 10, 1000)
    assert checkpoint.available(tmp_path, "k") == [1000, 10]
    (tmp_path / ".checkpoint-0000002000-x1y2").write_bytes(b"half written by a killed process")
    (tmp_path / "run.json").touch()
    checkpoint.remove(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("harm", ["empty", "truncated", "one bit", "no header", "truncated header"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
):
    _write(tmp_path, 10, 20)
    newest = tmp_path / "checkpoint-0000000020"
    content = bytearray(newest.read_bytes())
    if harm == "one bit":
        content[len(content) // 2] ^= 16
    changed = {"empty": b"", "truncated": content[:-1], "no header": content[9:], "truncated header": content[:30]}
    newest.write_bytes(changed.get(harm, bytes(content)))
    with pytest.raises(checkpoint.Damaged):
        checkpoint.read(tmp_path, 20)
    assert checkpoint.available(tmp_path, "k") == [10]
    assert f"{newest}: damaged checkpoint" in caplog.text
    assert not newest.exists()


@pytest.mark.slow
def test_every_single_flipped_bit_is_noticed(tmp_path: Path):
    _write(tmp_path, 10)
    path = tmp_path / "checkpoint-0000000010"
    content = path.read_bytes()
    for place in range(len(content)):
        harmed = bytearray(content)
        harmed[place] ^= 1 << place % 8
        path.write_bytes(harmed)
        with pytest.raises(checkpoint.Damaged):
            checkpoint.read(tmp_path, 10)


def test_a_checkpoint_of_another_run_is_removed_when_it_is_seen(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    _write(tmp_path, 10, key="before the edit")
    assert checkpoint.owners(tmp_path) == {10: "before the edit"}
    assert checkpoint.available(tmp_path, "after the edit") == []
    assert "checkpoint of another configuration, code or data removed" in caplog.text
    assert not list(tmp_path.iterdir())


def test_checkpoints_of_another_run_at_later_steps_do_not_displace_new_ones(tmp_path: Path):
    _write(tmp_path, 100, 200, key="before the edit")
    _write(tmp_path, 5, key="after the edit")
    assert checkpoint.owners(tmp_path) == {5: "after the edit"}


def test_a_file_that_cannot_be_read_for_now_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _write(tmp_path, 10)

    def away(_: Path) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", away)
        assert checkpoint.available(tmp_path, "k") == []
    assert checkpoint.available(tmp_path, "k") == [10]


def test_a_full_disk_is_told_and_harms_no_older_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    _write(tmp_path, 10)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device: no checkpoint can be written; older ones") as error:
        _write(tmp_path, 20)
    assert error.value.filename == str(tmp_path / "checkpoint-0000000020")
    monkeypatch.undo()
    assert checkpoint.available(tmp_path, "k") == [10]
    assert len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A file system of 64 kB; only the superuser may mount one."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_really_full_disk(small_disk: Path):
    _write(small_disk, 10)
    with pytest.raises(OSError, match="older ones are intact") as error:
        checkpoint.write(small_disk, 20, "k", {}, {"w": torch.zeros(40_000)})
    assert error.value.errno == errno.ENOSPC
    assert checkpoint.available(small_disk, "k") == [10]


@pytest.mark.slow
def test_a_kill_between_writing_and_renaming_leaves_the_older_one(tmp_path: Path):
    _write(tmp_path, 10)
    script = (
        "import os, signal, sys; from pathlib import Path; from phvae.jobs import checkpoint\n"
        "Path.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.write(Path(sys.argv[1]), 20, 'k', {}, {})"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert checkpoint.available(tmp_path, "k") == [10]
