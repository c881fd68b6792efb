"""A renamed variant: its runs are copied, not trained again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tiny import runs
from training_runs import RESULT, results, train

from phvae.files import read_json
from phvae.jobs.adopt import adopt
from phvae.records import current


def test_a_run_of_the_same_key_is_copied_under_the_new_name(tmp_path: Path):
    train(tmp_path / "old", seeds=(0, 1))
    [_, run] = runs(tmp_path / "new", (0, 1), variant="new", label="New")
    adopt(run)
    assert results(tmp_path / "new", 1) == results(tmp_path / "old", 1)
    assert current(run.record, run.key)
    before, after = (read_json(tmp_path / name / "seed-1/run.json") for name in ("old", "new"))
    differs = {name for name in after if after[name] != before.get(name)}
    assert (after["variant"], after["label"], differs) == ("new", "New", {"variant", "label", "seal"})


def test_another_key_a_damaged_model_or_a_run_that_is_there_is_left_alone(tmp_path: Path):
    train(tmp_path / "old", seeds=(0, 1))
    [run, other] = runs(tmp_path / "new", (0, 1), variant="new", label="New")
    adopt(dataclasses.replace(run, key=other.key))
    assert not run.folder.exists()
    (tmp_path / "old/seed-1/model.safetensors").write_bytes(b"damaged")
    adopt(other)
    assert not other.folder.exists()
    run.folder.mkdir(parents=True)
    run.record.write_text("{}")
    adopt(run)
    assert run.record.read_text() == "{}"
    assert not any((run.folder / name).exists() for name in RESULT)
