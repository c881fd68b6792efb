"""What is recorded of where a run comes from."""

from __future__ import annotations

import subprocess

import pytest
from small_grid import SMALL

from phvae.experiment import provenance
from phvae.experiment.grid import parse_grid
from phvae.files import sha256


def test_what_is_recorded_beside_a_run():
    cell = parse_grid(SMALL, "a").cells[0]
    record = provenance.describe(cell, 3, {"data": "d"}, "cpu", 1)
    assert record["seed"] == 3
    assert record["reads"] == {"data": "d"}
    assert record["config"]["model"]["order"] == cell.model.order
    assert record["versions"]["torch"]
    assert record["hardware"].endswith(")"), "the CPU's model and its instructions"
    assert record["claims_sha256"] is None
    assert provenance.describe(cell, 3, {}, "cpu", 1, "c" * 64)["claims_sha256"] == "c" * 64


def test_the_claims_that_runs_are_trained_under_are_kept_by_their_hash(tmp_path):
    ledger = tmp_path / "mine-claims.yaml"
    grid = parse_grid(SMALL | {"results": str(tmp_path), "claims": str(ledger)}, "a")
    assert provenance.keep_claims(grid) is None
    ledger.write_text("one")
    first = provenance.keep_claims(grid)
    ledger.write_text("two")
    assert provenance.keep_claims(grid) != first
    assert first == sha256(grid.paths.claims(first))
    assert sorted(path.read_text() for path in grid.paths.root.glob("claims/*")) == ["one", "two"]
    assert provenance.keep_claims(parse_grid(SMALL | {"claims": "none"}, "a")) is None


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package folder of a repository of one commit."""
    for name in (
        "phvae/experiment/provenance.py",
        "phvae/model/model.py",
        "results/reference/config.json",
        ".gitignore",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(".venv\n__pycache__\n")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "phvae")
    return tmp_path / "phvae"


def _dirty():
    provenance.commit.cache_clear()
    head, dirty = provenance.commit()
    provenance.commit.cache_clear()
    assert head is None or len(head) == 40
    return dirty


def test_results_written_over_committed_ones_are_no_edit(package):
    (package / "__pycache__").mkdir()
    (package / "__pycache__/model.pyc").write_text("compiled")
    (package.parent / "mine.yaml").write_text("a configuration of one's own")
    (package.parent / "results/reference/config.json").write_text("written over")
    assert _dirty() is False


@pytest.mark.parametrize("name", ["phvae/model/model.py", "phvae/new.py", ".gitignore"])
def test_an_edited_or_unknown_module_is_an_edit(package, name):
    (package.parent / name).write_text("edited")
    assert _dirty() is True


def test_a_package_installed_inside_a_foreign_repository_has_no_commit(package, monkeypatch):
    inside = package.parent / ".venv/phvae"
    inside.mkdir(parents=True)
    (inside / "experiment").mkdir()
    (inside / "experiment/provenance.py").write_text("installed")
    monkeypatch.setattr(provenance, "PACKAGE", inside)
    assert _dirty() is None
