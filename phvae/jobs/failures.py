"""What people read when a workflow stops before its end: what each failed job said, and how to go on."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from phvae.own.named import assignment
from phvae.words import plural

__all__ = ["failures", "said"]

SHOWN = 5  # jobs
LINES = 8  # of a message
TAIL = 1 << 16  # bytes of a log that are read


def failures(jobs: Iterable[tuple[str, str]], since: float) -> str:
    """The closing lines of a workflow that did not finish.

    Args:
        jobs: log file and shell command of each job that failed; none where the workflow was interrupted.
        since: when the workflow began, by the clock of the file system; an older log is not this job's.
    """
    failed = sorted(jobs)
    if not failed:
        return "\nstopped before the end; what is done is kept: the same command goes on"
    lines = ["", f"{plural(len(failed), 'job')} failed:"]
    for log, command in failed[:SHOWN]:
        lines += ["", *(f"  {line}" for line in said(Path(log), since))]
        lines += [f"    log      {log}", f"    by hand  {_by_hand(command)}"]
    if len(failed) > SHOWN:
        lines += ["", f"  and {len(failed) - SHOWN} more"]
    return "\n".join([*lines, "", "when the cause is removed, the same command goes on with what is left"])


def _by_hand(command: str) -> str:
    """A rule's command without `exec` and the way into the log."""
    words = shlex.split(os.path.expandvars(command))
    start = 1 if words[:1] == ["exec"] else 0
    end = next((i for i, word in enumerate(words) if word.startswith(">")), len(words))
    return assignment() + shlex.join(words[start:end])


def said(log: Path, since: float) -> list[str]:
    """The message at the end of a log: of phvae, else of Python; else its last line."""
    try:
        fresh = log.stat().st_mtime >= since
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - TAIL))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        fresh, lines = False, []
    lines = [line for line in lines if line.strip()]
    if not fresh or not lines:
        return ["it ended before it said anything: Snakemake's lines above may say why"]
    if (start := _last(lines, "phvae: ")) is not None:
        return lines[start:][:LINES]
    if (start := _last(lines, "Traceback ")) is not None:
        return [line for line in lines[start + 1 :] if not line.startswith(" ")][:LINES] or lines[-1:]
    return [f"it ended without a message (killed, perhaps for want of memory or time); its last line: {lines[-1]}"]


def _last(lines: list[str], beginning: str) -> int | None:
    return next((i for i in reversed(range(len(lines))) if lines[i].startswith(beginning)), None)
