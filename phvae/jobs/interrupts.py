"""Signals that ask a training to stop: it writes a checkpoint and leaves with a status of its own."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["EXIT_STATUS", "Interrupted", "Stop"]

# EX_TEMPFAIL of sysexits.h: "try again later". Running the same command again goes on from the checkpoint.
EXIT_STATUS = 75

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class Interrupted(SystemExit):
    """Training stopped by a signal after its checkpoint was written; exits with status 75."""

    def __init__(self, name: str) -> None:
        super().__init__(EXIT_STATUS)
        self.signal = name


class Stop:
    """While entered, SIGTERM, SIGINT and SIGUSR1 only set `requested`; the handlers before are put back at the end.

    Outside the main thread, where Python allows no handlers, it never becomes requested.
    """

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = signal.Signals(number).name

    def check(self) -> None:
        """Leave if a signal came.

        Raises:
            Interrupted: a signal came.
        """
        if self.requested:
            raise Interrupted(self.requested)
