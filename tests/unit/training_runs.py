"""Training into run folders as tests do it, and dying on the way."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import cell, images, runs

from phvae.experiment.grid import Cell
from phvae.jobs import training
from phvae.training import loop

RESULT = ("model.safetensors", "model.json", "history.csv")


def train(
    root: Path, tiny: Cell | None = None, seeds: Any = (0, 1), data: Any = None, code: str = "code"
) -> dict[int, dict[str, Any]]:
    return training.train(tiny or cell(), runs(root, seeds, code, label="v"), data or images(), device="cpu", threads=1)


def results(root: Path, seed: int) -> dict[str, bytes]:
    return {name: (root / f"seed-{seed}" / name).read_bytes() for name in RESULT}


def history(root: Path, seed: int = 0) -> list[dict[str, float]]:
    with (root / f"seed-{seed}" / "history.csv").open() as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


class Died(Exception):
    """Stands for a kill: nothing after it is written."""


def act_at_step(monkeypatch: pytest.MonkeyPatch, wanted: int, act: Callable[[], None]) -> None:
    plain = loop.Trainer._one_step

    def step(self: loop.Trainer) -> None:
        plain(self)
        if self.step == wanted:
            act()

    monkeypatch.setattr(loop.Trainer, "_one_step", step)


def die() -> None:
    raise Died
