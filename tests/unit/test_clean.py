"""What is removed from a results folder, and what never is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from finished import finish, folder_of, key_of, small_grid

from phvae.errors import PhvaeError
from phvae.experiment.grid import Grid
from phvae.jobs import checkpoint
from phvae.jobs.clean import clean
from phvae.jobs.lease import Leases
from phvae.records import Key, write_record


def test_arrays_and_left_checkpoints_of_finished_runs_go_the_rest_stays(tmp_path: Path):
    grid = small_grid(tmp_path)
    folder = finish(grid).parent
    checkpoint.write(folder, 10, key_of(grid, code="earlier").sha256, {}, {})
    before = {path.name for path in folder.iterdir()}
    manifest = grid.paths.batch("encode", "claw", "all", 0)
    write_record(manifest, {})
    assert clean(grid, dry_run=True).startswith("would remove 3 files")
    assert {path.name for path in folder.iterdir()} == before
    assert clean(grid).startswith("removed 3 files")
    assert {path.name for path in folder.iterdir()} == before - {"arrays.npz", "checkpoint-0000000010"}
    assert not manifest.is_file()  # else a later edit of a metric would look for the arrays in vain


def test_arrays_that_no_score_has_read_stay(tmp_path: Path):
    grid = small_grid(tmp_path)
    folder = finish(grid).parent
    write_record(grid.paths.batch("encode", "claw", "all", 0), {})
    for content in ("{", "{}", '{"asked": ["latent", "sap"], "scores": {"latent": {"rows": []}}}'):
        (folder / "metrics.json").write_text(content)
        assert clean(grid).startswith("removed 0 files")
    (folder / "metrics.json").unlink()
    assert clean(grid).startswith("removed 0 files")
    assert grid.paths.batch("encode", "claw", "all", 0).is_file()


TEMPORARY = [".arrays-abcd_123.npz", ".metrics-abcdefgh", f".run.lease.{'0a' * 16}", "run.lease", "workflow.lease"]


@pytest.mark.parametrize("name", TEMPORARY)
@pytest.mark.parametrize("where", ["run", "another run", "tables"])
def test_temporary_files_of_a_kill_go_those_of_a_job_at_work_stay(tmp_path: Path, name: str, where: str):
    grid = small_grid(tmp_path)
    run = finish(grid).parent
    folder = {"run": run, "another run": run.parent / "seed-99", "tables": grid.paths.root / "tables"}[where]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("half")
    clean(grid)
    assert (folder / name).exists()
    os.utime(folder / name, (time.time() - 7200, time.time() - 7200))
    clean(grid)
    assert not (folder / name).exists()


@pytest.mark.parametrize(
    "name", [".hidden-notes", ".arrays-ABCDEFGH.npz", "arrays-abcdefgh.npz", ".run.lease", "my.lease"]
)
def test_what_is_no_temporary_file_of_ours_stays(tmp_path: Path, name: str):
    grid = small_grid(tmp_path)
    path = finish(grid).parent / name
    path.write_text("mine")
    os.utime(path, (0, 0))
    clean(grid)
    assert path.exists()


def test_a_lease_that_a_kill_left_keeps_nothing_from_going(tmp_path: Path):
    grid = small_grid(tmp_path)
    lease = finish(grid).parent / "run.lease"
    lease.write_text("{}")
    os.utime(lease, (time.time() - 7200, time.time() - 7200))
    assert clean(grid).startswith("removed 2 files")  # it, and the arrays


def kept(grid: Grid, *keys: Key) -> list[int]:
    """Write a checkpoint of each key, at steps 1, 2, ..., clean, and return the steps that are left."""
    folder = folder_of(grid)
    for step, key in enumerate(keys, 1):
        checkpoint.write(folder.parent / "elsewhere", step, key.sha256, {}, {})
        checkpoint.location(folder.parent / "elsewhere", step).rename(checkpoint.location(folder, step))
    clean(grid)
    return sorted(checkpoint.owners(folder))


def test_the_checkpoints_of_a_retraining_stay(tmp_path: Path):
    """After an edit the old run.json lies beside the checkpoints of the new training, until that ends."""
    grid = small_grid(tmp_path)
    finish(grid)
    assert kept(grid, key_of(grid, code="earlier"), key_of(grid), key_of(grid, code="other")) == [2]


@pytest.mark.parametrize("run", ["absent", "damaged", "of today"])
def test_an_unfinished_run_keeps_what_todays_training_goes_on_from(tmp_path: Path, run: str):
    grid = small_grid(tmp_path)
    record = finish(grid, code="" if run == "of today" else "earlier")
    if run == "absent":
        record.unlink()
    elif run == "damaged":
        (record.parent / "model.safetensors").write_text("damaged")
    other = key_of(small_grid(tmp_path, training={"epochs": 7}))
    assert kept(grid, key_of(grid), key_of(grid, code="earlier"), other) == ([] if run == "of today" else [1])


def test_under_device_auto_the_checkpoints_of_either_device_stay(tmp_path: Path):
    """A login node has no GPU, and cleans all the same."""
    grid = small_grid(tmp_path, device="auto")
    finish(grid)
    keys = [key_of(grid, device=device) for device in ("cpu", "cuda")]
    assert kept(grid, *keys, key_of(grid, device="cpu", threads=2)) == [1, 2]


def test_a_damaged_checkpoint_goes(tmp_path: Path):
    grid = small_grid(tmp_path)
    finish(grid)
    checkpoint.location(folder_of(grid), 9).write_bytes(b"cut short")
    assert kept(grid, key_of(grid)) == [1]


def test_checkpoints_stay_where_the_data_of_today_are_not_known(tmp_path: Path):
    grid = small_grid(tmp_path)
    finish(grid).unlink()
    grid.paths.data("claw").unlink()
    assert kept(grid, key_of(grid), key_of(grid, code="earlier")) == [1, 2]


def test_a_run_that_is_being_trained_is_left_alone(tmp_path: Path):
    grid = small_grid(tmp_path)
    folder = finish(grid).parent
    with Leases([folder]) as leases:
        before = {path.name for path in folder.iterdir()}
        assert clean(grid).startswith("removed 0 files")
        assert {path.name for path in folder.iterdir()} == before
        leases.check()
    assert clean(grid).startswith("removed 1 file,")


@pytest.mark.parametrize("content", ["{", "[]", "{}"])
def test_a_damaged_record_is_named(tmp_path: Path, content: str):
    grid = small_grid(tmp_path)
    path = finish(grid)
    path.write_text(content)
    with pytest.raises(PhvaeError, match=f"{path}: .*remove it, and the run is trained again"):
        clean(grid)
