"""What a training says: a line an epoch, and on a terminal a bar between the lines."""

from __future__ import annotations

import sys
import time

__all__ = ["Meter", "epoch_line"]

EVERY = 0.2  # seconds between two drawings of the bar
WIDTH = 30


class Meter:
    """Writes to standard error; into a file or a pipe only whole lines.

    Args:
        label: begins every line.
        total: number of steps of the whole training.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        self.terminal = sys.stderr.isatty()
        self._drawn = 0.0

    def step(self, step: int) -> None:
        """Draw the bar, if this is a terminal and it is time."""
        if self.terminal and (now := time.monotonic()) - self._drawn > EVERY:
            self._drawn = now
            full = WIDTH * step // self.total
            bar = "#" * full + "-" * (WIDTH - full)
            sys.stderr.write(f"\r{self.label} [{bar}] {step}/{self.total}\x1b[K")
            sys.stderr.flush()

    def line(self, text: str) -> None:
        """Write one line, over the bar."""
        start = "\r\x1b[K" if self.terminal else ""
        sys.stderr.write(f"{start}{self.label}  {text}\n")
        sys.stderr.flush()


def epoch_line(rows: list[dict[str, float]], epochs: int) -> str:
    """One epoch in words: means over the seeds' rows of history.

    >>> epoch_line([{"epoch": 1, "step": 9, "train_loss": 2.0, "validation_loss": 3.0,
    ...              "validation_reconstruction": 2.5, "validation_kl": 0.5}], 4)
    'epoch 1/4  step 9  train loss 2  validation loss 3  validation reconstruction 2.5  validation kl 0.5'
    """
    parts = [f"epoch {rows[0]['epoch']}/{epochs}", f"step {rows[0]['step']}"]
    for name in ("train_loss", "validation_loss", "validation_reconstruction", "validation_kl"):
        parts.append(f"{name.replace('_', ' ')} {sum(row[name] for row in rows) / len(rows):.5g}")
    return "  ".join(parts)
