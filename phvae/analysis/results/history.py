"""What a run's history says of its epochs: how late its loss still fell, and the terms of the epoch that was kept."""

from __future__ import annotations

import csv
from pathlib import Path

from phvae.analysis.results.columns import Epochs

__all__ = ["of_epochs", "read_history"]

History = list[dict[str, float]]


def read_history(path: Path) -> History:
    """The rows of a history.csv; none where it is absent or damaged."""
    try:
        with path.open(newline="") as stream:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    except (OSError, ValueError, TypeError):  # a line that was cut has no such field
        return []


def of_epochs(history: History, kept: int | None) -> Epochs:
    """What the table of costs holds of a history; `kept`: the epoch whose weights were kept, from 1."""
    last = history[-1] if history else {}
    chosen = history[int(kept) - 1] if kept and kept <= len(history) else {}
    losses = [row["validation_loss"] for row in history if "validation_loss" in row]
    return Epochs(
        _late_gain(losses),
        *(row.get(f"validation_{term}") for row in (chosen, last) for term in ("reconstruction", "kl")),
    )


def _late_gain(losses: list[float]) -> float | None:
    """The share of the validation loss's whole fall, first epoch to lowest, that came in the last tenth of the epochs.

    Near 0 where the curve has flattened; None where it never fell, or there are fewer than ten epochs.
    """
    fall = losses[0] - min(losses) if len(losses) >= 10 else 0.0
    return (min(losses[: len(losses) - len(losses) // 10]) - min(losses)) / fall if fall > 0 else None
