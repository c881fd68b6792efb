from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from phvae.experiment.grid import parse_grid
from phvae.experiment.questions import Questions
from phvae.jobs import checkpoint, watch
from phvae.training.loop import Progress


def seed(root: Path, number: int, epochs: int) -> Path:
    """The folder of a seed that trains, with its checkpoint."""
    folder = root / "runs" / "digits" / "n-all" / "vae" / f"seed-{number}"
    folder.mkdir(parents=True)
    rows = [{"epoch": float(i + 1), "train_loss": 2.0 - i} for i in range(epochs)]
    progress = asdict(Progress(number, rows=rows, seconds=60.0))
    checkpoint.write(folder, epochs, "key", progress, {"weight": torch.zeros(2)})
    return folder


def test_running_seeds_are_those_with_checkpoints_or_a_lease_and_no_record(tmp_path: Path) -> None:
    half = seed(tmp_path, 0, 2)
    finished = seed(tmp_path, 1, 3)
    (finished / "run.json").write_text("{}")
    begun, dead = tmp_path / "runs/digits/n-all/vae/seed-2", tmp_path / "runs/digits/n-all/vae/seed-3"
    for folder in (begun, dead):
        folder.mkdir()
        (folder / "run.lease").write_text("{}")
    os.utime(dead / "run.lease", (0, 0))
    found = dict(watch.running_seeds(tmp_path))
    assert list(found) == ["digits/n-all/vae/seed-0", "digits/n-all/vae/seed-2"]
    assert [row["train_loss"] for row in found["digits/n-all/vae/seed-0"].rows] == [2.0, 1.0]
    assert found["digits/n-all/vae/seed-0"].began == pytest.approx(1000 * (time.time() - 60), abs=20_000)
    assert found["digits/n-all/vae/seed-2"].rows == []
    checkpoint.location(half, 2).write_bytes(b"cut")
    assert list(dict(watch.running_seeds(tmp_path))) == ["digits/n-all/vae/seed-2"]


def test_watching_ends_when_all_but_the_view_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variants = {"vae": {"label": "VAE", "model": {"order": 1, "divergence": "kl"}}}
    datasets = {"digits": {"data": {"kind": "digits"}}}
    content = {"name": "g", "seeds": 1, "results": str(tmp_path), "baseline": "vae"}
    grid = parse_grid(content | {"datasets": datasets, "variants": variants}, "g.yaml")
    jobs = list(Questions(grid).jobs())
    calls = []

    def sync(root: Path, running: dict) -> None:
        calls.append(running)
        lease = grid.paths.root / "workflow.lease"
        if len(calls) == 4:
            lease.unlink()
        if len(calls) == 2:
            grid.paths.root.mkdir(parents=True)
            lease.write_text("{}")  # a rerun: what is there is of the last one
            for stage, where in jobs:
                path = grid.paths.manifest(stage, *where)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("{}") if stage != "track" else None

    monkeypatch.setattr(watch, "sync", sync)
    monkeypatch.setattr(watch, "SHARE", 0)
    watch.watch(grid, every=0.01)
    assert len(calls) == 5
    assert capsys.readouterr().out.endswith("all is there\n")
