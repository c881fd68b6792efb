"""The committed reference results: whole, small, and reproduced in a part by a run of today's code."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import REPOSITORY, call, copy, run_stages

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.claims.registered import registered
from phvae.analysis.results.long_table import read_runs, read_table
from phvae.analysis.terminal.check import check
from phvae.config.reader import read_yaml
from phvae.data.registry import stated_options
from phvae.experiment.grid import load_grid
from phvae.files import read_json
from phvae.metrics.options import EvaluationConfig
from phvae.model.options import ModelConfig
from phvae.training.options import TrainingConfig

REFERENCE = REPOSITORY / "results/reference"
pytestmark = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="results/reference is absent: the source distribution leaves it to the repository"
)


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two variants of the reference grid on one density, ten seeds."""
    folder = copy(tmp_path_factory.mktemp("reference") / "checkout")
    content = read_yaml("config/reference.yaml")
    small = content["datasets"]["trimodal"] | {"n_train": [100], "variants": ["vae", "ph-vae-3"]}
    content |= {"name": "mine", "datasets": {"trimodal": small}}
    content["variants"] = {name: content["variants"][name] for name in small["variants"]}
    (folder / "config/mine.yaml").write_text(yaml.safe_dump(content))
    run_stages(folder, "config/mine.yaml", "collect")
    return folder / "results/mine"


def test_todays_code_agrees_with_the_reference(mine: Path):
    done = call(mine.parents[1], "phvae", "check", "results/mine", "--against", str(REFERENCE))
    assert done.returncode == 0
    counted = re.search(r"REPRODUCED: \d+ of (\d+) comparable numbers agree", done.stdout)
    assert counted, done.stdout
    assert int(counted[1]) > 50


def test_a_model_that_is_worse_would_be_seen(mine: Path, tmp_path: Path):
    shutil.copytree(mine, tmp_path / "mine", ignore=shutil.ignore_patterns("runs"))
    table = read_table(mine)
    worse = (table["variant"] == "ph-vae-3") & table["metric"].str.startswith("w1_")
    table.loc[worse, "value"] *= 1.5
    table.to_parquet(tmp_path / "mine/metrics.parquet")
    text, good = check(tmp_path / "mine", REFERENCE)
    assert not good, text


def whole(config: dict[str, Any]) -> dict[str, Any]:
    """A recorded cell with the options that came later, at their defaults."""
    sections = {"model": ModelConfig, "training": TrainingConfig, "evaluation": EvaluationConfig}
    options = {name: section(**config[name]).model_dump() for name, section in sections.items()}
    return config | options | {"data": stated_options(config["data"])}


def test_holds_every_run_of_its_configuration():
    grid = load_grid(REFERENCE / "config.json")
    runs = read_runs(REFERENCE)
    found = set(zip(runs["dataset"], runs["n_train"].astype(str), runs["variant"], runs["seed"], strict=True))
    wanted = {(cell.dataset, str(cell.n_train), cell.variant, seed) for cell, seed in grid.runs()}
    assert found == wanted
    records = [read_json(path) for path in REFERENCE.glob("runs/*/*/*/*/run.json")]
    assert len(records) == len(grid.cells)
    assert len({record["claims_sha256"] for record in records}) == 1, "trained under several claims"
    cells = {(cell.dataset, str(cell.n_train), cell.variant): cell for cell in grid.cells}
    for record in records:
        cell = cells[record["dataset"], str(record["n_train"]), record["variant"]]
        assert whole(record["config"]) == whole(cell.resolved()), f"{cell.name} was made with another configuration"


def test_its_claims_are_those_that_were_fixed_before_its_runs():
    found = registered(read_runs(REFERENCE), *read_claims(REPOSITORY / "config/claims.yaml"), REFERENCE)
    assert found.state.startswith("unchanged since before the runs")
    assert not found.marks


def test_readme_holds_what_todays_rules_answer():
    spec = importlib.util.spec_from_file_location("renew", REPOSITORY / "docs/renew.py")
    assert spec is not None
    assert spec.loader is not None
    renew = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(renew)
    found = renew.reference_answers()
    assert read_answers(REFERENCE / "tables") == found, "run `make docs`"
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert f"<!-- answers -->\n{renew.answers_table(found)}\n<!-- /answers -->" in readme, "run `make docs`"


def test_is_small():
    listed = subprocess.run(["git", "ls-files", "-z", str(REFERENCE)], cwd=REPOSITORY, capture_output=True, check=True)
    committed = [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    assert 0 < sum(path.stat().st_size for path in committed) < 20e6
