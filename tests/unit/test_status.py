"""`phvae status`: how far a grid is, from its files alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from phvae.errors import DataError
from phvae.experiment.grid import Grid, parse_grid
from phvae.files import write_json, write_text
from phvae.jobs.status import status

GRID = {"name": "tiny", "seeds": 2, "datasets": {"claw": {}}, "variants": {"vae": {"model": {"order": 1}}}}


@pytest.fixture
def grid(tmp_path: Path) -> Grid:
    found = parse_grid(GRID | {"results": str(tmp_path)}, "a")
    write_text(found.paths.config, found.dump())
    return found


def test_counts_jobs_and_runs_and_names_what_failed(grid: Grid) -> None:
    paths = grid.paths
    write_json(paths.manifest("prepare", "claw"), {})
    write_json(paths.run("claw", "all", "vae", 0) / "run.json", {"status": "diverged"})
    write_text(paths.log("train", "claw", "n-all", "0"), "epoch 1\nphvae: the disk is full\n")
    text = status(paths.root)
    lines = [line.split() for line in text.splitlines()]
    assert ["prepare", 24 * "#", "1", "of", "1"] in lines
    assert ["train", 24 * ".", "0", "of", "1"] in lines
    assert "1 diverged, 1 missing" in text
    assert f"failed    phvae: the disk is full\n            {paths.log('train', 'claw', 'n-all', '0')}" in text
    assert "logs/train/claw/n-all/0.log\n            phvae: the disk is full" in text
    write_text(paths.log("train", "claw", "n-all", "0"), "epoch 1\nphvae: interrupted\n")
    assert "failed" not in status(paths.root), "what was stopped by hand is no failure"
    write_text(paths.log("train", "claw", "n-all", "0"), "epoch 1\nphvae: the disk is full\n")
    write_json(paths.manifest("train", "claw", "all", 0), {})
    assert "failed" not in status(paths.root), "what was done again is no failure"


def test_says_whether_a_workflow_is_at_work(grid: Grid) -> None:
    root = grid.paths.root
    assert "no workflow is at work" in status(root)
    (root / "workflow.lease").touch()
    assert "; a workflow is at work" in status(root)
    old = time.time() - 1200
    os.utime(root / "workflow.lease", (old, old))
    assert "a workflow was killed 20 min ago" in status(root)


def test_a_moved_folder_is_read_where_it_lies(grid: Grid) -> None:
    write_json(grid.paths.run("claw", "all", "vae", 0) / "run.json", {"status": "ok"})
    moved = grid.paths.root.rename(grid.paths.root.with_name("else where"))
    assert "1 trained, 1 missing" in status(moved)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"found no config\.json"):
        status(tmp_path)
