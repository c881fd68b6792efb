"""Care of a results folder: what is accepted and what is not; what is removed and what never is."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from phvae.errors import DataError, PhvaeError
from phvae.experiment import provenance
from phvae.experiment.grid import Grid, parse_grid
from phvae.files import read_json, sha256, write_json
from phvae.jobs import checkpoint
from phvae.jobs.lease import Leases
from phvae.jobs.training import finished
from phvae.jobs.upkeep import accept, clean

DATA = "d" * 64
OLD = "made by earlier code"


def _grid(root: Path, **more: Any) -> Grid:
    content = {
        "name": "small",
        "results": str(root),
        "device": "cpu",
        "seeds": 2,
        "model": {"latent_size": 2},
        "datasets": {"claw": {}},
        "variants": {"vae": {"model": {"divergence": "kl"}}},
    }
    return parse_grid(content | more, "small.yaml")


def _folder(grid: Grid, seed: int = 0) -> Path:
    return grid.paths.run("claw", "all", "vae", seed)


def _finish(grid: Grid, seed: int = 0, key: str = OLD, changed: dict[str, Any] | None = None) -> Path:
    """Leave what a finished run leaves, with its arrays; returns its run.json (with some entries changed)."""
    write_json(grid.paths.data("claw"), {"sha256": DATA})
    folder, cell = _folder(grid, seed), grid.cells[0]
    folder.mkdir(parents=True)
    for name in ("history.csv", "model.safetensors", "codes.npz", "arrays.npz", "metrics.json"):
        (folder / name).write_text(name)
    write_json(folder / "metrics.json", {"asked": ["latent"], "scores": {"latent": {"rows": []}}})
    files = {name: sha256(folder / name) for name in ("history.csv", "model.safetensors")}
    described = provenance.describe(cell, seed, key, {"data": DATA}, "cpu", 1)
    write_json(folder / "run.json", described | {"files": files} | (changed or {}))
    return folder / "run.json"


def _key(grid: Grid, seed: int = 0, device: str = "cpu") -> str:
    return provenance.run_key(grid.cells[0], seed, DATA, device, 1)


# ---- accept ----
def test_an_accepted_run_counts_as_finished_and_says_so(tmp_path: Path):
    grid = _grid(tmp_path)
    path = _finish(grid)
    _finish(grid, 1, key=_key(grid, 1))
    assert "accepted 1 runs; 1 were up to date; 0 differ" in accept(grid, "a comment in model.py")
    assert finished(path.parent, _key(grid))
    [record] = read_json(path)["accepted"]
    assert (record["from"], record["to"], record["reason"]) == (OLD, _key(grid), "a comment in model.py")
    assert "accepted 0 runs; 2 were up to date" in accept(grid, "again")


def test_a_machine_without_a_gpu_accepts_what_was_trained_on_one(tmp_path: Path):
    grid = _grid(tmp_path, device="auto")
    path = _finish(grid, changed={"device": "cuda"})
    assert "accepted 1 runs" in accept(grid, "a comment")
    assert finished(path.parent, _key(grid, device="cuda"))
    assert not finished(path.parent, _key(grid, device="cpu"))


OTHER = {
    "threads": {"threads": 4},
    "device": {"device": "cuda"},
    "torch": {"versions": {"torch": "1.0"}},
    "data": {"inputs": {"data": "e" * 64}},
    "seed": {"seed": 7},
    "configuration": {"config": {}},
}


@pytest.mark.parametrize("what", OTHER)
def test_a_run_that_differs_in_more_than_code_is_left_as_it_is(tmp_path: Path, what: str):
    grid = _grid(tmp_path)
    path = _finish(grid, changed=OTHER[what])
    before = path.read_bytes()
    assert "accepted 0 runs; 0 were up to date; 1 differ" in accept(grid, "a comment")
    assert path.read_bytes() == before


def test_a_way_of_carrying_out_is_no_difference(tmp_path: Path):
    grid = _grid(tmp_path)
    _finish(grid)
    again = _grid(tmp_path, training={"checkpoint_minutes": 1.0, "seeds_per_job": 1})
    assert "accepted 1 runs" in accept(again, "a comment")


def test_a_run_that_is_not_finished_is_not_counted(tmp_path: Path):
    grid = _grid(tmp_path)
    _finish(grid).unlink()
    assert "accepted 0 runs; 0 were up to date; 0 differ" in accept(grid, "a comment")


def test_a_reason_must_be_given(tmp_path: Path):
    with pytest.raises(PhvaeError, match="--reason is empty"):
        accept(_grid(tmp_path), " ")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"run_key": "a"})])
def test_a_damaged_record_is_named(tmp_path: Path, content: str):
    grid = _grid(tmp_path)
    path = _finish(grid)
    path.write_text(content)
    for call in (lambda: accept(grid, "a comment"), lambda: clean(grid)):
        with pytest.raises(PhvaeError, match=f"{path}: .*remove it, and the run is trained again"):
            call()


@pytest.mark.parametrize(
    "changed", [{"config": {"training": 3}}, {"config": 3}, {"inputs": []}, {"versions": "2"}, {"accepted": 3}]
)
def test_a_record_with_another_kind_of_value_is_named(tmp_path: Path, changed: dict[str, Any]):
    grid = _grid(tmp_path)
    path = _finish(grid, changed=changed)
    with pytest.raises(DataError, match=f"{path}: .*found .*remove it, and the run is trained again"):
        accept(grid, "a comment")


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"sha256": 3}'])
def test_a_damaged_manifest_of_data_is_named(tmp_path: Path, content: str):
    grid = _grid(tmp_path)
    _finish(grid)
    grid.paths.data("claw").write_text(content)
    with pytest.raises(DataError, match=f"{grid.paths.data('claw')}: .*remove it and run `phvae prepare` again"):
        accept(grid, "a comment")


# ---- clean ----
def test_arrays_and_left_checkpoints_of_finished_runs_go_the_rest_stays(tmp_path: Path):
    grid = _grid(tmp_path)
    folder = _finish(grid).parent
    checkpoint.write(folder, 10, OLD, {}, {})
    before = {path.name for path in folder.iterdir()}
    manifest = grid.paths.batch("encode", "claw", "all", 0)
    write_json(manifest, {})
    assert clean(grid, dry_run=True).startswith("would remove 3 files")
    assert {path.name for path in folder.iterdir()} == before
    assert clean(grid).startswith("removed 3 files")
    assert {path.name for path in folder.iterdir()} == before - {"arrays.npz", "checkpoint-0000000010"}
    assert not manifest.is_file()  # else a later edit of a metric would look for the arrays in vain


def test_arrays_that_no_score_has_read_stay(tmp_path: Path):
    grid = _grid(tmp_path)
    folder = _finish(grid).parent
    write_json(grid.paths.batch("encode", "claw", "all", 0), {})
    for content in ("{", "{}", '{"asked": ["latent", "sap"], "scores": {"latent": {"rows": []}}}'):
        (folder / "metrics.json").write_text(content)
        assert clean(grid).startswith("removed 0 files")
    (folder / "metrics.json").unlink()
    assert clean(grid).startswith("removed 0 files")
    assert grid.paths.batch("encode", "claw", "all", 0).is_file()


def test_temporary_files_of_a_kill_go_those_of_a_job_at_work_stay(tmp_path: Path):
    grid = _grid(tmp_path)
    folder = _finish(grid).parent
    left, young = folder / ".arrays-abcd.npz", folder / ".codes-efgh.npz"
    for path in (left, young):
        path.write_text("half")
    os.utime(left, (time.time() - 7200, time.time() - 7200))
    clean(grid)
    assert (left.exists(), young.exists()) == (False, True)


def test_the_checkpoints_of_a_retraining_stay(tmp_path: Path):
    """After an edit the old run.json lies beside the checkpoints of the new training, until that ends."""
    grid = _grid(tmp_path)
    folder = _finish(grid).parent
    checkpoint.write(folder, 10, _key(grid), {}, {})
    clean(grid)
    assert checkpoint.available(folder, _key(grid)) == [10]


def test_the_checkpoints_of_a_run_whose_model_was_damaged_stay(tmp_path: Path):
    """It is trained again under the same key."""
    grid = _grid(tmp_path)
    folder = _finish(grid).parent
    (folder / "model.safetensors").write_text("damaged")
    checkpoint.write(folder, 10, OLD, {}, {})
    assert clean(grid).startswith("removed 0 files")
    assert checkpoint.available(folder, OLD) == [10]


def test_a_run_that_is_being_trained_is_left_alone(tmp_path: Path):
    grid = _grid(tmp_path)
    folder = _finish(grid).parent
    with Leases([folder]) as leases:
        before = {path.name for path in folder.iterdir()}
        assert clean(grid).startswith("removed 0 files")
        assert {path.name for path in folder.iterdir()} == before
        leases.check()
    assert clean(grid).startswith("removed 1 files")


def test_an_unfinished_run_keeps_what_it_goes_on_from(tmp_path: Path):
    grid = _grid(tmp_path)
    _finish(grid).unlink()
    checkpoint.write(_folder(grid), 10, OLD, {}, {})
    assert clean(grid).startswith("removed 0 files")
