"""One writer a run: a living holder is waited for, a dead one loses its lease by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from phvae import cli
from phvae.jobs import lease, stages
from phvae.jobs.interrupts import Interrupted, Stop
from phvae.jobs.lease import LeaseLost, Leases

HOLDER = """
import sys, time
from pathlib import Path
from phvae.jobs.lease import Leases
with Leases([Path(sys.argv[1])], heartbeat=0.05):
    print("held", flush=True)
    while not Path(sys.argv[1], "go").exists():
        time.sleep(0.01)
    Path(sys.argv[1], "done").touch()
"""


def _holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds a folder's lease until a file `go` lies there."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_for_the_first_and_says_for_whom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    stop = Stop()
    monkeypatch.setattr(stop, "check", (tmp_path / "go").touch)  # asked while it waits
    with _holder(tmp_path) as first, Leases([tmp_path], stop, heartbeat=0.05):
        done = (tmp_path / "done").exists()
        (tmp_path / "go").touch()
        assert done
        assert f"process {first.pid}" in caplog.text
        assert "waiting" in caplog.text
    assert not (tmp_path / "run.lease").exists()


def test_a_killed_holder_is_recognised_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with _holder(tmp_path) as first:
        first.kill()
        first.wait()
        started = time.monotonic()
        with Leases([tmp_path], heartbeat=0.05, stale=1000):
            assert time.monotonic() - started < 20
        assert "taken over" in caplog.text


def test_a_killed_holder_that_nobody_waited_for_is_recognised_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stop, looks = Stop(), iter(range(400))
    monkeypatch.setattr(stop, "check", lambda: next(looks))
    with _holder(tmp_path) as first:
        first.kill()
        with Leases([tmp_path], stop, heartbeat=0.05, stale=1000):
            pass


def test_a_number_given_to_another_process_does_not_keep_a_lease_alive(tmp_path: Path):
    with Leases([tmp_path], heartbeat=0.05):
        content = json.loads((tmp_path / "run.lease").read_text())
    (tmp_path / "run.lease").write_text(json.dumps(content | {"start": "1", "token": "another"}))
    with Leases([tmp_path], heartbeat=0.05, stale=1000):
        pass


def test_a_holder_on_another_machine_counts_as_dead_after_its_silence_only(tmp_path: Path):
    lease = tmp_path / "run.lease"
    lease.write_text(json.dumps({"token": "x", "pid": 1, "start": "", "place": "elsewhere"}))
    stop = Stop()
    timer = threading.Timer(0.5, lambda: setattr(stop, "requested", "SIGTERM"))
    timer.start()
    with pytest.raises(Interrupted), Leases([tmp_path], stop, heartbeat=0.05, stale=60):
        pass
    assert lease.exists()
    os.utime(lease, (time.time() - 61, time.time() - 61))
    with Leases([tmp_path], heartbeat=0.05, stale=60):
        assert json.loads(lease.read_text())["pid"] == os.getpid()


def test_a_dead_holder_whose_last_sign_lies_ahead_is_not_waited_for_until_then(tmp_path: Path):
    """The file system's clock was put back after it died."""
    lease = tmp_path / "run.lease"
    lease.write_text(json.dumps({"token": "x", "pid": 1, "start": "", "place": "elsewhere"}))
    os.utime(lease, (time.time() + 86400, time.time() + 86400))
    stop = Stop()
    timer = threading.Timer(20, lambda: setattr(stop, "requested", "SIGTERM"))
    timer.start()
    started = time.monotonic()
    with Leases([tmp_path], stop, heartbeat=0.05, stale=0.5):
        assert time.monotonic() - started > 0.5
    timer.cancel()


def test_a_living_holder_whose_signs_lie_ahead_keeps_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lease = tmp_path / "run.lease"
    lease.write_text(json.dumps({"token": "x", "pid": 1, "start": "", "place": "elsewhere"}))
    signs = iter(range(1, 100))

    def another_sign() -> None:
        ahead = time.time() + 86400 + (number := next(signs))
        os.utime(lease, (ahead, ahead))
        if number == 20:
            stop.requested = "SIGTERM"
            Stop.check(stop)

    stop = Stop()
    monkeypatch.setattr(stop, "check", another_sign)  # asked while it waits, every 0.05 s
    with pytest.raises(Interrupted), Leases([tmp_path], stop, heartbeat=0.05, stale=0.5):
        pass
    assert json.loads(lease.read_text())["token"] == "x"


def test_a_lease_without_a_process_belongs_to_nobody(tmp_path: Path):
    with Leases([tmp_path], heartbeat=0.05):
        content = json.loads((tmp_path / "run.lease").read_text())
    del content["pid"]
    (tmp_path / "run.lease").write_text(json.dumps(content | {"token": "another"}))
    with Leases([tmp_path], heartbeat=0.05, stale=1000):
        assert json.loads((tmp_path / "run.lease").read_text())["pid"] == os.getpid()


def test_a_file_system_without_hard_links_holds_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with Leases([tmp_path], heartbeat=0.05) as leases:
        assert not Leases([tmp_path])._create(tmp_path / "run.lease")
        leases._take_away(tmp_path / "run.lease", {"token": "dead", "age": 1e9})
        assert json.loads((tmp_path / "run.lease").read_text())["token"] == leases.token
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}'])
def test_a_damaged_lease_is_recovered_after_the_silence(tmp_path: Path, content: str):
    lease = tmp_path / "run.lease"
    lease.write_text(content)
    os.utime(lease, (time.time() - 61, time.time() - 61))
    with Leases([tmp_path], heartbeat=0.05, stale=60):
        assert json.loads(lease.read_text())["pid"] == os.getpid()


def test_the_heartbeat_keeps_the_lease_young(tmp_path: Path):
    with Leases([tmp_path], heartbeat=0.02):
        os.utime(tmp_path / "run.lease", (0, 0))
        deadline = time.monotonic() + 20
        while (tmp_path / "run.lease").stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (tmp_path / "run.lease").stat().st_mtime > 0


def test_a_holder_that_lost_its_lease_notices_and_does_not_remove_the_others(tmp_path: Path):
    with Leases([tmp_path], heartbeat=0.02) as leases:
        leases.check()
        (tmp_path / "run.lease").write_text('{"token": "somebody else"}')
        deadline = time.monotonic() + 20
        while leases.lost is None and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(LeaseLost, match="another process took over"):
            leases.check()
    assert "somebody else" in (tmp_path / "run.lease").read_text()


def test_a_file_system_that_is_away_for_a_moment_takes_no_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    leases = Leases([tmp_path])
    with leases:
        monkeypatch.setattr(lease, "_read", lambda path: (_ for _ in ()).throw(OSError(116, "stale file handle")))
        assert leases._owned(tmp_path / "run.lease")
        monkeypatch.undo()
        assert leases._owned(tmp_path / "run.lease")
    assert not leases._owned(tmp_path / "run.lease")  # given back


def test_a_lost_lease_is_the_machines_fault_not_bad_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def lost(*_: object, **__: object) -> None:
        raise LeaseLost("run.lease: another process took over this run")

    monkeypatch.setattr(stages, "train", lost)
    lot = ["--dataset", "claw", "--n-train", "200", "--lot", "0"]
    assert cli.main(["train", "--config", "config/smoke.yaml", *lot]) == 1
    assert capsys.readouterr().err.startswith("phvae: run.lease: another process took over")


def test_a_lease_that_was_just_renewed_by_another_is_given_back(tmp_path: Path):
    """Between looking at a dead holder's lease and removing it, another waiting process may have taken it."""
    lease = tmp_path / "run.lease"
    lease.write_text(json.dumps({"token": "alive"}))
    leases = Leases([tmp_path])
    leases._take_away(lease, {"token": "dead", "age": 1e9})
    assert json.loads(lease.read_text()) == {"token": "alive"}
    leases._take_away(lease, {"token": "alive", "age": 1e9})
    assert not list(tmp_path.iterdir())


def test_all_leases_of_a_stack_are_given_back_when_one_cannot_be_had(tmp_path: Path):
    folders = [tmp_path / name for name in "ab"]
    folders[1].mkdir()
    (folders[1] / "run.lease").write_text(json.dumps({"token": "x", "pid": 1, "start": "", "place": "elsewhere"}))
    stop = Stop()
    stop.requested = "SIGTERM"
    with pytest.raises(Interrupted), Leases(folders, stop, heartbeat=0.05):
        pass
    assert not (folders[0] / "run.lease").exists()


def test_signals_are_noted_and_the_handlers_before_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with Stop() as stop:
        stop.check()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted) as left:
            stop.check()
    assert left.value.code == 75
    assert left.value.signal == "SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before
