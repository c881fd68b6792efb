"""Training into run folders as tests do it, and dying on the way."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import cell, images, keys, run_dirs

from phvae.experiment.grid import Cell
from phvae.jobs import training
from phvae.training import loop

RESULT = ("model.safetensors", "model.json", "history.csv")


def train(
    root: Path, tiny: Cell | None = None, seeds: Any = (0, 1), data: Any = None, run_keys: Any = None
) -> dict[int, dict[str, Any]]:
    return training.train(
        tiny or cell(),
        list(seeds),
        data or images(),
        run_dirs(root, seeds),
        run_keys or keys(seeds),
        device="cpu",
        threads=1,
        provenance={seed: {"label": "v"} for seed in seeds},
    )


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
