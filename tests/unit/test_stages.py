"""The stages by hand: one called too early says which comes before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from phvae.cli import main


def test_more_training_pictures_than_there_are_is_refused_before_any_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Pictures are not counted when the configuration is read."""
    (tmp_path / "pictures").mkdir()
    for number in range(12):
        Image.new("L", (8, 8), 20 * number).save(tmp_path / "pictures" / f"{number}.png")
    config = {
        "name": "small",
        "results": str(tmp_path / "results"),
        "device": "cpu",
        "datasets": {"mine": {"data": {"kind": "images", "path": str(tmp_path / "pictures")}, "n_train": [1000]}},
        "variants": {"vae": {"model": {"divergence": "kl"}}},
    }
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps(config))
    assert main(["prepare", "--config", str(path), "--dataset", "mine"]) == 2
    assert "1000" in capsys.readouterr().err
    assert not (tmp_path / "results/small/data/mine.json").exists()


def test_a_stage_before_training_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = {
        "name": "small",
        "results": str(tmp_path / "results"),
        "device": "cpu",
        "model": {"latent_size": 2},
        "datasets": {"claw": {"data": {"n_train": 20, "n_validation": 5, "n_test": 5}}},
        "variants": {"vae": {"model": {"divergence": "kl"}}},
    }
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps(config))
    assert main(["prepare", "--config", str(path), "--dataset", "claw"]) == 0
    for stage in ("encode", "evaluate", "groups"):
        batch = ["--dataset", "claw", "--n-train", "all", "--batch", "0"]
        assert main([stage, "--config", str(path), *batch]) == 2
        message = capsys.readouterr().err
        assert "run.json: absent; train claw/n-all/vae first: phvae train" in message, stage
