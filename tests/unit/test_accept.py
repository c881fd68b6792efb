"""What of a finished grid is carried across an edit of the code, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from finished import DATA, finish, folder_of, key_of, small_grid

from phvae.errors import DataError, PhvaeError
from phvae.files import read_json, write_json
from phvae.jobs.accept import _accept_reference, accept
from phvae.records import current


def test_an_accepted_run_counts_as_finished_and_says_so(tmp_path: Path):
    grid = small_grid(tmp_path)
    path = finish(grid)
    finish(grid, 1, code="")
    assert "accepted 1 run; 1 up to date before; 0 of another" in accept(grid, "a comment in model.py")
    assert current(path, key_of(grid))
    [record] = read_json(path)["accepted"]
    assert record["from"] == key_of(grid, code="earlier").sha256
    assert (record["to"], record["reason"]) == (key_of(grid).sha256, "a comment in model.py")
    assert read_json(path)["run_key"] == key_of(grid).sha256
    assert "accepted 0 runs; 2 up to date before" in accept(grid, "again")


def test_a_machine_without_a_gpu_accepts_what_was_trained_on_one(tmp_path: Path):
    grid = small_grid(tmp_path, device="auto")
    path = finish(grid, device="cuda")
    assert "accepted 1 run;" in accept(grid, "a comment")
    assert current(path, key_of(grid, device="cuda"))
    assert not current(path, key_of(grid))


OTHER: dict[str, dict[str, Any]] = {
    "threads": {"threads": 4},
    "device": {"device": "cuda"},
    "whatever decides its numbers but the code": {"inputs": "i" * 64},
}


@pytest.mark.parametrize("what", OTHER)
def test_a_run_that_differs_in_more_than_code_is_left_as_it_is(tmp_path: Path, what: str):
    grid = small_grid(tmp_path)
    path = finish(grid, **OTHER[what])
    before = path.read_bytes()
    assert "accepted 0 runs; 0 up to date before; 1 of another" in accept(grid, "a comment")
    assert path.read_bytes() == before


def older(path: Path, **changed: Any) -> None:
    """Make a record what it was before the two hashes of a key were apart."""
    run = read_json(path)
    del run["code"], run["seal"]
    write_json(path, run | {"run_key": "o" * 64, "inputs": {"data": DATA}} | changed)


def test_a_record_of_an_older_form_is_carried_over(tmp_path: Path):
    grid = small_grid(tmp_path)
    path = finish(grid)
    older(path)
    assert "accepted 1 run;" in accept(grid, "records hold two hashes")
    assert current(path, key_of(grid))
    assert read_json(path)["reads"] == {"data": DATA}
    assert read_json(path)["accepted"][0]["from"] == "o" * 64


@pytest.mark.parametrize(
    "changed", [{"versions": {"torch": "1.0"}}, {"inputs": {"data": "e" * 64}}, {"seed": 7}, {"config": {}}]
)
def test_a_record_of_an_older_form_that_differs_is_not(tmp_path: Path, changed: dict[str, Any]):
    grid = small_grid(tmp_path)
    path = finish(grid)
    older(path, **changed)
    assert "1 of another" in accept(grid, "records hold two hashes")


def test_a_way_of_carrying_out_is_no_difference(tmp_path: Path):
    finish(small_grid(tmp_path))
    again = small_grid(tmp_path, training={"checkpoint_minutes": 1.0, "seeds_per_job": 1})
    assert "accepted 1 run;" in accept(again, "a comment")


def test_a_run_that_is_not_finished_is_not_counted(tmp_path: Path):
    grid = small_grid(tmp_path)
    finish(grid).unlink()
    assert "accepted 0 runs; 0 up to date before; 0 of another" in accept(grid, "a comment")


def test_a_reason_must_be_given(tmp_path: Path):
    with pytest.raises(PhvaeError, match="--reason is empty"):
        accept(small_grid(tmp_path), " ")


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"run_key": "a"})])
def test_a_damaged_record_is_named(tmp_path: Path, content: str):
    grid = small_grid(tmp_path)
    path = finish(grid)
    path.write_text(content)
    with pytest.raises(PhvaeError, match=f"{path}: .*remove it, and the run is trained again"):
        accept(grid, "a comment")


@pytest.mark.parametrize(
    "changed", [{"config": {"training": 3}}, {"config": 3}, {"versions": "2"}, {"accepted": 3}, {"files": 3}]
)
def test_a_record_with_another_kind_of_value_is_named(tmp_path: Path, changed: dict[str, Any]):
    grid = small_grid(tmp_path)
    path = finish(grid, **changed)
    with pytest.raises(DataError, match=f"{path}: .*found .*remove it, and the run is trained again"):
        accept(grid, "a comment")


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"sha256": 3}'])
def test_a_damaged_manifest_of_data_is_named(tmp_path: Path, content: str):
    grid = small_grid(tmp_path)
    finish(grid)
    grid.paths.data("claw").write_text(content)
    with pytest.raises(DataError, match=f"{grid.paths.data('claw')}: .*remove it and run `phvae prepare` again"):
        accept(grid, "a comment")


def test_nothing_is_left_where_nothing_was(tmp_path: Path):
    grid = small_grid(tmp_path)
    accept(grid, "a comment")
    assert not folder_of(grid).exists()


@pytest.mark.parametrize("vouched", [True, False])
def test_a_reference_of_an_older_form_needs_runs_of_its_settings(tmp_path: Path, vouched: bool):
    """It does not say what it was built with."""
    content = {"key": "k" * 64, "bounds": {"mig": {"ceiling": 1.0}}, "files": {}}
    write_json(tmp_path / "reference.json", content)
    keys = {"mutual_information": key_of(small_grid(tmp_path))}
    _accept_reference(tmp_path, keys, vouched)
    found = read_json(tmp_path / "reference.json")
    assert (found == content) is not vouched
    if vouched:
        assert found["scores"]["mutual_information"]["bounds"] == content["bounds"]
        assert current(tmp_path / "mutual_information/record.json", keys["mutual_information"])
