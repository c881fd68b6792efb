"""The stages by hand: one called too early says which comes before it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

from phvae.cli import main
from phvae.errors import DataError
from phvae.files import read_json


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
    for stage, before in (("encode", "train"), ("evaluate", "encode")):
        batch = ["--dataset", "claw", "--n-train", "all", "--batch", "0"]
        assert main([stage, "--config", str(path), *batch]) == 2
        message = capsys.readouterr().err
        assert message.startswith(f"phvae: {tmp_path}/results/small/"), stage
        assert f"absent; run first: phvae {before} --config {path} --dataset claw" in message, stage


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A configuration whose path a shell would split."""
    config = {
        "name": "small",
        "results": str(tmp_path / "results"),
        "device": "cpu",
        "model": {"latent_size": 2},
        "seeds": [3, 4],
        "training": {"seeds_per_job": 1, "epochs": 1},
        "datasets": {"claw": {"data": {"n_train": 20, "n_validation": 5, "n_test": 5}}},
        "variants": {"vae": {"model": {"divergence": "kl"}}},
    }
    path = tmp_path / "my small.yaml"
    path.write_text(json.dumps(config))
    return path


CELL = ["--dataset", "claw", "--n-train", "all"]
STAGES = {
    "reference": ["--dataset", "claw"],
    "train": [*CELL, "--lot", "0"],
    "encode": [*CELL, "--batch", "0"],
    "evaluate": [*CELL, "--batch", "0"],
}
DAMAGED = {"empty": b"", "not UTF-8": b"\xff\xfe", "a list": b"[1]", "an empty object": b"{}"}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_manifest_of_data_is_named_by_every_stage(
    content: bytes, small: Path, capsys: pytest.CaptureFixture[str]
):
    manifest = small.parent / "results/small/data/claw.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(content)
    for stage in ("reference", "train", "encode", "evaluate"):
        assert main([stage, "--config", str(small), *STAGES[stage]]) == 2, stage
        message = capsys.readouterr().err
        assert message.startswith(f"phvae: {manifest}: "), stage
        assert f"phvae prepare --config '{small}' --dataset claw\n" in message, stage


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_of_a_run_is_named_by_every_stage(
    content: bytes, small: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["prepare", "--config", str(small), "--dataset", "claw"]) == 0
    for lot in ("0", "1"):
        assert main(["train", "--config", str(small), *CELL, "--lot", lot]) == 0
    assert main(["reference", "--config", str(small), *STAGES["reference"]]) == 0
    assert main(["encode", "--config", str(small), *STAGES["encode"]]) == 0
    path = small.parent / "results/small/runs/claw/n-all/vae/seed-4/run.json"
    path.write_bytes(content)
    capsys.readouterr()
    for stage in ("encode", "evaluate"):
        assert main([stage, "--config", str(small), *STAGES[stage]]) == 2, stage
        message = capsys.readouterr().err
        assert message.startswith(f"phvae: {path}: "), stage
        assert f"phvae train --config '{small}' {' '.join(CELL)} --lot 1\n" in message, stage


@pytest.mark.parametrize("name", ["empty", "not UTF-8"])
def test_json_that_cannot_be_read_is_named(name: str, tmp_path: Path):
    path = tmp_path / "encode.json"
    path.write_bytes(DAMAGED[name])
    with pytest.raises(DataError, match=r"encode.json: damaged \(.*\); remove it and run again"):
        read_json(path)


def test_what_is_absent_says_which_command_makes_it(small: Path, capsys: pytest.CaptureFixture[str]):
    for stage in ("reference", "train", "encode", "evaluate"):
        assert main([stage, "--config", str(small), *STAGES[stage]]) == 2
        message = capsys.readouterr().err
        assert "claw.json: absent; run first: " in message, stage
        command = shlex.split(message.partition("first: ")[2])
    assert main(command[1:]) == 0  # as printed
    assert main(["evaluate", "--config", str(small), *STAGES["evaluate"]]) == 2
    command = shlex.split(capsys.readouterr().err.partition("first: ")[2])
    assert command[1:] == ["encode", "--config", str(small), *STAGES["encode"]]
    assert main(command[1:]) == 2
    command = shlex.split(capsys.readouterr().err.partition("first: ")[2])
    assert command[1:] == ["train", "--config", str(small), *STAGES["train"]]


def test_an_unknown_data_set_or_batch_names_what_there_is(small: Path, capsys: pytest.CaptureFixture[str]):
    for stage in ("prepare", "reference"):
        assert main([stage, "--config", str(small), "--dataset", "clw"]) == 2
        message = capsys.readouterr().err
        assert "has no data set 'clw', expected one of claw; did you mean 'claw'?" in message, stage
    for stage in ("encode", "evaluate"):
        assert main([stage, "--config", str(small), *CELL, "--batch", "1"]) == 2
        message = capsys.readouterr().err
        assert "has no batch claw/n-all/1, expected one of claw/n-all/0; did you mean 'claw/n-all/0'?" in message, stage


@pytest.mark.slow
def test_one_seed_per_job_and_all_in_one_give_the_same_long_table(tmp_path: Path):
    """On a density of one number, whose products are the smallest there are."""
    config = {
        "name": "small",
        "device": "cpu",
        "seeds": 3,
        "model": {"latent_size": 2, "network": {"name": "dense", "hidden": [32]}},
        "training": {"epochs": 3},
        "evaluation": {"n_codes": 60, "n_samples": 20, "n_reconstructions": 20, "n_likelihood": 2},
        "datasets": {"claw": {"data": {"n_train": 300, "n_validation": 60, "n_test": 60}}},
        "variants": {"vae": {"model": {"divergence": "kl"}}},
    }
    tables = []
    for size, lots in ((1, 3), (3, 1)):
        path = tmp_path / f"{size}.yaml"
        config |= {"results": str(tmp_path / f"{size}")}
        config["training"] |= {"seeds_per_job": size}
        path.write_text(json.dumps(config))
        assert main(["prepare", "--config", str(path), "--dataset", "claw"]) == 0
        assert main(["reference", "--config", str(path), "--dataset", "claw"]) == 0
        for lot in range(lots):
            assert main(["train", "--config", str(path), *CELL, "--lot", str(lot)]) == 0
        for stage in ("encode", "evaluate"):
            assert main([stage, "--config", str(path), *CELL, "--batch", "0"]) == 0
        assert main(["collect", "--config", str(path)]) == 0
        tables.append((tmp_path / f"{size}/small/metrics.csv").read_bytes())
        root, claims = tmp_path / f"{size}/small", Path("config/claims.yaml").read_bytes()
        (digest,) = {read_json(path)["claims_sha256"] for path in root.glob("runs/*/*/*/*/run.json")}
        assert (root / f"claims/{digest}.yaml").read_bytes() == claims
    assert tables[0] == tables[1]
