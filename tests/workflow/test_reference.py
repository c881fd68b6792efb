"""The committed reference results: whole, small, drawn again, and reproduced in a part by a run of today's code."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from checkout import REPOSITORY, call, copy, run_stages
from PIL import Image

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.claims.registered import registered
from phvae.analysis.figures import write
from phvae.analysis.figures.style import save
from phvae.analysis.results.archived import check_archive
from phvae.analysis.results.long_table import read_runs, read_table
from phvae.analysis.terminal.check import check
from phvae.config.reader import read_yaml
from phvae.data.registry import stated_options
from phvae.experiment.grid import load_grid
from phvae.files import read_json
from phvae.jobs.redraw import redraw
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


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    return read_runs(REFERENCE)


def whole(config: dict[str, Any]) -> dict[str, Any]:
    """A recorded cell with the options that came later, at their defaults."""
    sections = {"model": ModelConfig, "training": TrainingConfig, "evaluation": EvaluationConfig}
    options = {name: section(**config[name]).model_dump() for name, section in sections.items()}
    return config | options | {"data": stated_options(config["data"])}


def test_is_an_archive_of_the_shipped_grid():
    check_archive(REFERENCE)
    kept, shipped = (read_yaml(path) for path in (REFERENCE / "config.json", "config/reference.yaml"))
    assert load_grid(REFERENCE / "config.json").dump() == load_grid("config/reference.yaml").dump(), shipped["name"]
    assert kept["source"] == "config/reference.yaml"


def test_holds_every_run_of_its_data_sets(runs: pd.DataFrame):
    grid, held = load_grid(REFERENCE / "config.json"), set(runs["dataset"])
    found = set(zip(runs["dataset"], runs["n_train"].astype(str), runs["variant"], runs["seed"], strict=True))
    cells = {(c.dataset, str(c.n_train), c.variant): c for c in grid.cells if c.dataset in held}
    assert found == {(*name, seed) for name, cell in cells.items() for seed in cell.seeds}
    assert min(runs["seed"]) >= 100, "seeds of the first edition"
    records = [read_json(path) for path in REFERENCE.glob("runs/*/*/*/*/run.json")]
    assert len(records) == len(cells)
    for record in records:
        cell = cells[record["dataset"], str(record["n_train"]), record["variant"]]
        assert whole(record["config"]) == whole(cell.resolved()), f"{cell.name} was made with another configuration"


def test_comes_from_one_clean_commit_and_each_data_set_from_one_machine(runs: pd.DataFrame):
    assert set(runs["dirty"]) == {False}
    assert runs["commit"].nunique() == 1
    assert (runs.groupby("dataset")["hardware"].nunique() == 1).all()


def test_its_claims_are_those_that_were_fixed_before_its_runs(runs: pd.DataFrame):
    found = registered(runs, *read_claims(REPOSITORY / "config/claims.yaml"), REFERENCE)
    assert found.state == "unchanged since before the runs"
    assert not found.marks


@pytest.mark.timeout(1200)  # all figures of up to fifteen data sets
def test_its_tables_and_figures_can_be_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PHVAE_DATA_PATH", f"{tmp_path}{os.pathsep}{os.environ.get('PHVAE_DATA_PATH', '')}")
    subprocess.run([sys.executable, "-m", "benchmarks.copula_table", str(tmp_path)], cwd=REPOSITORY, check=True)
    again = tmp_path / "results/reference"
    shutil.copytree(REFERENCE, again, ignore=shutil.ignore_patterns("figures", "tables", "paper.pdf"))
    # vector figures take as long as the pictures, and no archive holds them; the paper is made of them
    monkeypatch.setattr(write, "save", partial(save, suffixes=("png",)))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    print(text := redraw(again))
    # figures of images, and errors per pixel, need a data set that may have to be fetched first
    absent = set(re.findall(r"^(\S+): not drawn where data are needed", text, re.MULTILINE))
    entries = read_json(REFERENCE / "figures/index.json")["figures"]
    needing = {f"{entry['name']}.png" for entry in entries if absent & set(entry["datasets"])}
    committed, drawn = ({path.name for path in (root / "figures").glob("*.png")} for root in (REFERENCE, again))
    assert committed - needing <= drawn <= committed
    differing = {
        name: apart
        for name in committed - needing
        if (apart := _apart(*(root / "figures" / name for root in (REFERENCE, again)))) > 0.01
    }
    assert not differing
    for name in ("densities.md", "matched-rate.md"):
        assert (again / "tables" / name).read_text() == (REFERENCE / "tables" / name).read_text(), name
    # all digits: the last ones are the CPU's
    claims = (pd.read_csv(root / "tables/claims.csv") for root in (again, REFERENCE))
    pd.testing.assert_frame_equal(*claims, rtol=1e-6, atol=1e-9)


def _apart(*paths: Path) -> float:
    """The share of pixels that differ visibly; 1 where the sizes do."""
    one, two = (np.asarray(Image.open(path).convert("RGB"), dtype=int) for path in paths)
    return float((np.abs(one - two).max(axis=-1) > 40).mean()) if one.shape == two.shape else 1.0


def renew() -> Any:
    """docs/renew.py, which is no module of the package."""
    spec = importlib.util.spec_from_file_location("renew", REPOSITORY / "docs/renew.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_holds_what_todays_rules_answer():
    found = renew().reference_answers()
    assert read_answers(REFERENCE / "tables") == found, "run `make docs`"
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert f"<!-- answers -->\n{renew().answers_table(found)}\n<!-- /answers -->" in readme, "run `make docs`"


def test_every_number_of_the_page_is_computed_from_the_committed_table():
    assert (REPOSITORY / "docs/results.md").read_text(encoding="utf-8") == renew().results_page(), "run `make docs`"


def test_is_small():
    listed = subprocess.run(["git", "ls-files", "-z", "results"], cwd=REPOSITORY, capture_output=True, check=True)
    committed = [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]
    assert 0 < sum(path.stat().st_size for path in committed) < 25e6
