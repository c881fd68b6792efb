"""The paper's grid: what it holds, what it would submit, and each of its data sets and variants in miniature."""

from __future__ import annotations

import copy as copying
import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import announced, call, copy
from grids import run_through
from layouts import TEST, write_all

from phvae.analysis.results.long_table import read_runs, read_table
from phvae.config.reader import read_yaml
from phvae.data.registry import KINDS, kind_class
from phvae.experiment.grid import Grid, load_grid, parse_grid
from phvae.metrics import classifier
from phvae.planning.plan import LOCAL, jobs

PAPER = "config/paper.yaml"
JOBS = {"prepare": 16, "reference": 16, "train": 1586, "encode": 312, "evaluate": 312}
BETAS = {0.25, 0.5, 1.0, 2.0, 4.0}


@pytest.fixture(scope="module")
def paper() -> Grid:
    return load_grid(PAPER)


def test_holds_what_it_promises(paper: Grid):
    kinds = {cell.data["kind"] for cell in paper.cells}
    densities = {name for name, kind in KINDS.items() if len(kind.about.shape or ()) == 1}
    assert len(densities) >= 10
    assert kinds == densities | {"mnist", "fashion-mnist", "cifar10", "celeba64", "dsprites", "shapes3d"}
    for dataset in paper.config.datasets:
        cells = paper.dataset_cells(dataset)
        models = [cell.model for cell in cells]
        assert {cell.seeds for cell in cells} == {tuple(range(10))}
        assert {model.order for model in models} == {1, 2, 3, 4, 6}
        assert {model.divergence.name for model in models} == {"kl", "hierarchical", "log_polynomial"}
        assert {model.divergence.beta for model in models if model.order == 1} == BETAS
        assert len({model.latent_size for model in models}) == 1, "the same size of code for all"
        assert any(model.encoder_width == "matched" for model in models)
        controls = {model.order for model in models if model.basis == "copies"}
        assert controls == (set() if cells[0].data["kind"] == "dsprites" else {2, 3, 4, 6})
        budgets = {(cell.n_train, cell.training.steps, cell.training.epochs) for cell in cells}
        assert len(budgets) == len({cell.n_train for cell in cells}), "the same budget for all"
    small = {cell.dataset: cell.subset for cell in paper.cells if cell.n_train != "all"}
    assert {"mnist", "fashion-mnist"} < set(small)
    assert set(small.values()) == {"by_seed"}
    assert paper.config.device == "cuda"


def dry_run(folder: Path, config: str) -> tuple[dict[str, int], Counter[str]]:
    """Jobs that the literal command would submit, and how many of each rule ask for a GPU: in its partition alone."""
    gres = os.environ["PHVAE_GRES"]
    output = call(folder, "snakemake", "--cores", "8", "--profile", "slurm", "-n", "--configfile", config).stdout
    asked: Counter[str] = Counter()
    for rule, line in re.findall(r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", output, re.MULTILINE):
        found = dict(item.split("=", 1) for item in line.split(", ") if "=" in item)
        on_gpu = found["slurm_partition"] == "gpuq"
        assert on_gpu or found["slurm_partition"] == "cpuq"
        assert found.get("gpu", "0") == ("1" if on_gpu and not gres else "0"), line
        assert found.get("gres", "") == (gres if on_gpu else ""), line
        asked[rule] += on_gpu
    return announced(output), +asked


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout on a site that has a partition of GPUs, asked for by `--gpus`; Snakemake speaks for itself."""
    for name, value in (("PARTITION", "cpuq"), ("GPU_PARTITION", "gpuq"), ("GRES", "")):
        monkeypatch.setenv(f"PHVAE_{name}", value)
    folder = copy(tmp_path / "a checkout")
    profile = folder / "slurm/config.yaml"
    profile.write_text(profile.read_text().replace("?if logger:", "?if False:"))
    return folder


def test_dry_run_submits_what_the_plan_says(paper: Grid, site: Path):
    found, asked = dry_run(site, PAPER)
    assert found == JOBS | dict.fromkeys(LOCAL, 1)
    assert Counter(job.stage for job in jobs(paper)) == JOBS
    assert sum(JOBS.values()) <= 0.2 * len(paper.runs())
    assert asked == Counter(job.stage for job in jobs(paper) if job.gpu)
    assert asked["reference"]
    assert asked["evaluate"]


def test_every_gpu_is_asked_for_in_the_words_of_the_site(site: Path, monkeypatch: pytest.MonkeyPatch):
    """By `--gres`, on a part of the grid."""
    monkeypatch.setenv("PHVAE_GRES", "gpu:a100:1")
    content = read_yaml(PAPER)
    datasets = content["datasets"]
    content["datasets"] = {"cifar10": datasets["cifar10"], "claw": datasets["claw"] | {"n_train": [100]}}
    (site / "config/part.yaml").write_text(yaml.safe_dump(content))
    _, asked = dry_run(site, "config/part.yaml")
    assert asked == Counter(job.stage for job in jobs(parse_grid(content, "part")) if job.gpu)
    assert asked["reference"]
    assert asked["evaluate"]


def miniature(folder: Path) -> Grid:
    """The paper's grid with one seed, four steps and tiny data; every variant on one set, one variant on the others."""
    content: dict[str, Any] = copying.deepcopy(read_yaml(PAPER))
    content |= {"name": "miniature", "seeds": 1, "device": "cpu", "results": str(folder / "results")}
    content["data_path"] = [str(folder / "published")]
    small = {
        "n_codes": TEST, "n_samples": 32, "n_reconstructions": 32, "redraws": 2, "n_likelihood": 2,
        "importance_samples": 32, "votes": 100, "cells_per_job": 30,
    }  # fmt: skip
    for name, entry in content["datasets"].items():
        entry = content["datasets"][name] = copying.deepcopy(entry)
        options = dict(entry.get("data") or {})
        kind = kind_class(options.get("kind", name))
        counts = {"n_train": 100, "n_validation": 20, "n_test": TEST}
        entry["data"] = options | {key: value for key, value in counts.items() if key in kind.model_fields}
        entry |= {"n_train": ["all"], "training": {"steps": 4, "epochs": 2}}
        entry["evaluation"] = entry.get("evaluation", {}) | small
        if name != "claw":
            entry["variants"] = ["ph-vae-3"]
    return parse_grid(content, "miniature")


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.filterwarnings("ignore:.*is unverified")
def test_in_miniature(paper: Grid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every stage of each of its data sets with one variant, and of each of its variants with one data set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
    monkeypatch.setattr(classifier, "train_classifier", partial(classifier.train_classifier, steps=4))
    write_all(tmp_path / "published", monkeypatch)
    grid = miniature(tmp_path)
    assert {cell.variant for cell in grid.dataset_cells("claw")} == set(paper.config.variants)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*binary.*")  # dSprites with order > 1 says what it cannot test
        run_through(grid, until="collect")

    runs = read_runs(grid.paths.root)
    assert list(runs["status"]) == ["ok"] * len(grid.cells)
    table = read_table(grid.paths.root)
    failed = table[table["status"] == "failed"]
    assert failed.empty, failed[["dataset", "variant", "metric", "reason"]].to_string()
    for cell in grid.cells:
        mine = table[(table["dataset"] == cell.dataset) & (table["variant"] == cell.variant)]
        assert mine["value"].notna().sum() >= 10, cell.name
    for path in (tmp_path / "results").rglob("*"):
        assert not path.stat().st_mode & (stat.S_IWOTH | stat.S_IWGRP), f"{path} can be written by others"
