"""One writer a run, one workflow a results folder: a lease file with a heartbeat, which a dead holder loses."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from phvae.errors import PhvaeError
from phvae.jobs.interrupts import Stop

__all__ = ["LeaseLost", "Leases", "workflow_lease", "workflow_silence"]

log = logging.getLogger(__name__)

NAME, WORKFLOW = "run.lease", "workflow.lease"
HEARTBEAT = 15.0  # seconds between two signs of life
STALE = 120.0  # seconds of silence after which a holder on another machine counts as dead


class LeaseLost(OSError):
    """Another process took this run over while this one was silent (suspended, or its file system away)."""


def workflow_silence(root: Path) -> float | None:
    """Seconds since the workflow of a results folder gave a sign of life; None where none is at work."""
    try:
        return time.time() - (root / WORKFLOW).stat().st_mtime
    except FileNotFoundError:
        return None


def _start_of(pid: object) -> str:
    """When a process started, in clock ticks since boot; empty if it is dead or this cannot be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return ""


def _place() -> str:
    """The machine, boot and process namespace, within which process numbers can be compared."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _read(path: Path) -> dict[str, Any]:
    """What a lease says; empty if it is damaged.

    Raises:
        OSError: it is absent or cannot be read.
    """
    try:
        content = json.loads(path.read_text())
    except (ValueError, RecursionError):
        content = None
    return content if isinstance(content, dict) else {}


def _put(path: Path, content: dict[str, Any]) -> bool:
    """Write a lease if there is none: a complete file appears at once, under a link that cannot overwrite."""
    own, text = path.with_name(f".{path.name}.{uuid.uuid4().hex}"), json.dumps(content)
    try:
        own.write_text(text)
        try:
            os.link(own, path)
        except FileExistsError:
            raise
        except OSError:  # no hard links here: others find it damaged until it is whole, and wait
            with path.open("x") as stream:
                stream.write(text)
    except FileExistsError:
        return False
    finally:
        own.unlink(missing_ok=True)
    return True


class Leases:
    """Leases on several run folders, held while entered.

    After the main process of a workflow was killed, its old jobs may still run; a restarted workflow submits them
    again. The second process waits until the first ends or dies, and then finds the work done or goes on with it.
    A holder is dead when its process is gone (same machine) or silent for `stale` seconds (elsewhere): by the file
    system's clock, or by this process's own where that clock was put back and the last sign of life lies ahead.

    Args:
        folders: the run folders; they are created.
        stop: ends the wait.
        name: of the files.
        wait: whether to wait for a living holder, or to refuse.
        heartbeat: seconds between two signs of life.
        stale: seconds of silence after which a lease may be taken over.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        stop: Stop | None = None,
        *,
        name: str = NAME,
        wait: bool = True,
        heartbeat: float = HEARTBEAT,
        stale: float = STALE,
    ) -> None:
        self.wait = wait
        self.paths = sorted(folder / name for folder in folders)  # one order for all: no two wait for each other
        self.stop, self.heartbeat, self.stale = stop or Stop(), heartbeat, stale
        self.token = uuid.uuid4().hex
        self.lost: Path | None = None
        self._held: list[Path] = []
        self._seen: tuple[Path | None, float, float] = (None, 0.0, 0.0)  # a lease waited for, its last sign, since when
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Leases:
        self._thread.start()
        try:
            for path in self.paths:
                self._acquire(path)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def check(self) -> None:
        """See that the leases are still held.

        Raises:
            LeaseLost: another process took one.
        """
        if self.lost:
            raise LeaseLost(
                f"{self.lost}: another process took over this run while this one showed no sign of life for "
                f"{self.stale:.0f} s; this one stops so that they do not both write. Nothing is lost"
            )

    def _acquire(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        told = 0.0
        while not self._create(path):
            holder = self._holder(path)
            if holder is not None and self._dead(holder):
                log.warning("%s: taken over from a process that is gone (pid %s)", path, holder.get("pid"))
                self._take_away(path, holder)
                continue
            if holder is not None and not self.wait:
                raise PhvaeError(self._refusal(path, holder))
            if holder is not None and time.monotonic() >= told:
                log.warning(
                    "%s: process %s on %s is training this run; waiting for it to end (to stop it: scancel or kill it)",
                    path,
                    holder.get("pid"),
                    str(holder.get("place")).split()[0],
                )
                told = time.monotonic() + 300
            self.stop.check()
            time.sleep(min(1.0, self.heartbeat))

    def _refusal(self, path: Path, holder: dict[str, Any]) -> str:
        words = (
            f"{path.parent}: process {holder.get('pid')} on {str(holder.get('place')).split()[0]} is at work in this "
            "folder, perhaps under another configuration; wait for its end, or give this configuration another `name`"
        )
        if holder.get("place") == _place():
            return words
        return f"{words}. It last showed a sign of life {holder['age']:.0f} s ago; after {self.stale:.0f} s it is dead"

    def _create(self, path: Path) -> bool:
        """Create the lease if there is none."""
        content = {"token": self.token, "pid": os.getpid(), "start": _start_of(os.getpid()), "place": _place()}
        if not _put(path, content):
            return False
        self._held.append(path)
        return True

    def _holder(self, path: Path) -> dict[str, Any] | None:
        """What a lease says, with its `age`, the seconds of silence; None if it has just gone."""
        clock = path.with_name(f".{path.name}.{self.token}")
        try:
            clock.touch()
            sign = path.stat().st_mtime
            if self._seen[:2] != (path, sign):
                self._seen = (path, sign, time.monotonic())
            return {**_read(path), "age": max(clock.stat().st_mtime - sign, time.monotonic() - self._seen[2])}
        except FileNotFoundError:
            return None
        finally:
            clock.unlink(missing_ok=True)

    def _dead(self, holder: dict[str, Any]) -> bool:
        if holder["age"] > self.stale:
            return True
        if holder.get("place") != _place():
            return False
        return _start_of(holder.get("pid")) != holder.get("start")

    def _take_away(self, path: Path, holder: dict[str, Any]) -> None:
        """Remove a dead holder's lease, unless another process has just replaced it."""
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            path.rename(aside)
        except FileNotFoundError:
            return
        with contextlib.suppress(OSError):
            found = _read(aside)
            if found.get("token") != holder.get("token"):
                _put(path, found)  # a living process's: give it back
        aside.unlink(missing_ok=True)

    def _owned(self, path: Path) -> bool:
        """Whether the lease is this process's; a file system that is away for a moment does not take it."""
        try:
            return bool(_read(path).get("token") == self.token)
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def _beat(self) -> None:
        while not self._end.wait(self.heartbeat):
            for path in list(self._held):
                if not self._owned(path):
                    self.lost = path
                    return
                with contextlib.suppress(OSError):
                    os.utime(path)

    def _release(self) -> None:
        self._end.set()
        self._thread.join()
        for path in self._held:
            if self._owned(path):
                path.unlink(missing_ok=True)
        self._held.clear()


def workflow_lease(root: Path) -> Leases:
    """The lease of the one workflow that may be at work in a results folder; entering refuses where another is.

    Jobs that a killed workflow left are no hindrance: each run has a lease of its own.
    """
    return Leases([root], name=WORKFLOW, wait=False)
