"""Keys of runs: what changes them, what does not, and whether the modules named are the modules imported."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest
from test_grid import SMALL, changed

from phvae.experiment import provenance
from phvae.experiment.grid import parse_grid

ROOT = Path("phvae")
ENTRY = {
    "train": "phvae.jobs.training",
    "encode": "phvae.encoding.encoder",
    "reference": "phvae.jobs.reference",
    "evaluate": "phvae.jobs.evaluate",
    "groups": "phvae.metrics.groups",
    "collect": "phvae.analysis.results.collect",
    "tables": "phvae.analysis.tables.write",
    "figures": "phvae.analysis.figures.write",
    "report": "phvae.analysis.report.write",
    "track": "phvae.jobs.tracking",
}
# How a job is carried out, not what comes out of it; config's values are in the key, data's hash too.
MANNERS = {
    "checkpoint",
    "chunks",
    "config",
    "errors",
    "files",
    "grid",
    "interrupts",
    "lease",
    "meter",
    "paths",
    "provenance",
}
MANNERS |= {"saving"}
DATA = {
    "data",
    "data.fetch",
    "data.published",
    "data.recipe",
    "data.registry",
    "data.store",
    "data.prepared",
    "data.line",
    "data.plane",
}
# model.fit trains, encoding does not, and model.log_likelihood is asked by encoding alone
LAZY = {"train": {"importance", "proposal"}, "encode": {"fitting", "loop", "stacking", "tape", "batches"}}


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split(".")[1:])
    found = path.with_suffix(".py") if path != ROOT else ROOT / "__init__.py"
    return found if found.is_file() else path / "__init__.py" if (path / "__init__.py").is_file() else None


def _imports(module: str) -> set[str]:
    path = _file(module)
    assert path is not None
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "phvae":
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "phvae"}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("phvae.metrics."):
            found.add(node.value.partition(":")[0])  # loaded by name
    return {name for name in found if name != "phvae" and _file(name)}


def _closure(entry: str, stop: set[str]) -> set[str]:
    seen: set[str] = set()
    todo = [entry]
    while todo:
        module = todo.pop()
        if module.removeprefix("phvae.") in stop or module in seen:
            continue
        seen.add(module)
        todo += _imports(module)
    return seen


@pytest.mark.parametrize("stage", ENTRY)
def test_every_module_that_decides_a_stage_is_named(stage):
    stop = MANNERS | DATA | LAZY.get(stage, set())
    wanted = {_file(module).resolve() for module in _closure(ENTRY[stage], stop)}
    missing = wanted - {path.resolve() for path in provenance.module_files(stage)}
    # an empty __init__ decides nothing
    missing = {str(path.relative_to(ROOT.resolve())) for path in missing if path.name != "__init__.py"}
    assert not missing, f"add to provenance.MODULES[{stage!r}], or to MANNERS here with a reason: {sorted(missing)}"


@pytest.mark.parametrize("stage", provenance.MODULES)
def test_every_pattern_finds_a_file(stage):
    for pattern in provenance.MODULES[stage]:
        assert list(ROOT.glob(pattern)), f"{stage}: {pattern} names nothing"


def _key(content: dict, seed: int = 0, data: str = "d", device: str = "cpu", threads: int = 1) -> str:
    return provenance.run_key(parse_grid(content, "a").cells[0], seed, data, device, threads)


def test_the_key_of_a_run():
    key = _key(SMALL)
    assert _key(SMALL) == key
    assert _key(changed("training.checkpoint_minutes", 1.0)) == key
    assert _key(changed("evaluation.n_samples", 99)) == key
    assert _key(changed("variants.vae.curve", False)) == key  # whom it is held against trains nothing anew
    others = [
        _key(SMALL, seed=1),
        _key(SMALL, data="other"),
        _key(SMALL, device="cuda"),
        _key(SMALL, threads=2),
        _key(changed("training.epochs", 31)),
        _key(changed("datasets.claw.n_train", [101])),
    ]
    assert key not in others
    assert len(set(others)) == len(others)


def test_the_key_follows_the_modules(monkeypatch):
    before = _key(SMALL)
    monkeypatch.setitem(provenance.MODULES, "train", ("polynomial.py",))
    provenance._science.cache_clear()
    assert _key(SMALL) != before
    monkeypatch.undo()
    provenance._science.cache_clear()
    assert _key(SMALL) == before


def test_what_is_recorded_beside_a_run(tmp_path):
    cell = parse_grid(SMALL, "a").cells[0]
    record = provenance.describe(cell, 3, "key", {"data": "d"}, "cpu", 1)
    assert record["seed"] == 3
    assert record["config"]["model"]["order"] == cell.model.order
    assert record["versions"]["torch"]
    assert len(record["claims_sha256"]) == 64
    assert provenance.describe(cell, 3, "key", {}, "cpu", 1, claims=tmp_path / "none")["claims_sha256"] is None


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
    (inside / "provenance.py").write_text("installed")
    monkeypatch.setattr(provenance, "PACKAGE", inside)
    assert _dirty() is None
