"""What a training says: a line an epoch, and on a terminal a bar below the lines."""

from __future__ import annotations

import sys

from tqdm import tqdm

__all__ = ["Meter", "epoch_line"]


class Meter:
    """Writes to standard error; into a file or a pipe only whole lines.

    Args:
        label: begins every line.
        total: number of steps of the whole training.
    """

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self._bar = tqdm(total=total, desc=label, unit="step", leave=False, disable=None)  # None: unless a terminal

    def step(self, step: int) -> None:
        """Move the bar; tqdm draws it when it is time."""
        self._bar.update(step - self._bar.n)

    def line(self, text: str) -> None:
        """Write one line, above the bar."""
        tqdm.write(f"{self.label}  {text}", file=sys.stderr)


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
