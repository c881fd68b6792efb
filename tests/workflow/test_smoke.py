"""The whole way on the smoke grid: outputs, and what a second call does after each kind of change."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkout import call, copy, planned, run_stages, snakemake
from PIL import Image
from scoring import expected_of
from test_extending import SECTIONS, blocks, variable

from phvae.data import load
from phvae.experiment.grid import load_grid
from phvae.jobs.evaluate import chosen
from phvae.metrics.weights import INCEPTION_FILE

CONFIG = ("--configfile", "config/smoke.yaml")
ANALYSIS = {"figures": 1, "report": 1, "track": 1}

# The first test waits for the grid besides.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh copy, in a path with a space, in which the smoke grid has run once."""
    folder = copy(tmp_path_factory.mktemp("smoke") / "a checkout")
    snakemake(folder, *CONFIG, timeout=800)
    return folder


@pytest.fixture
def checkout(finished: Path, tmp_path: Path) -> Path:
    """The finished copy, free to be changed."""
    folder = tmp_path / "a checkout"
    shutil.copytree(finished, folder, symlinks=True)
    return folder


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), dtype=int)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results/smoke/metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_leaves_what_the_contract_promises(finished: Path):
    root = finished / "results/smoke"
    for name in ("metrics.parquet", "metrics.csv", "costs.parquet", "runs.parquet", "report.html"):
        assert (root / name).stat().st_size > 0
    for run in ("digits/n-200/ph-vae-3/seed-1", "claw/n-200/vae/seed-0", "sprites/n-all/ph-vae-3/seed-0"):
        folder = root / "runs" / run
        for name in ("history.csv", "metrics.json", "run.json", "codes.npz", "samples.npz", "model.safetensors"):
            assert (folder / name).stat().st_size > 0, f"{run}/{name}"
        assert any((folder / "pictures").glob("*.png")) != run.startswith("claw"), "of images"
        kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "arrays.npz")
        assert kept < 2_000_000 + (folder / "model.safetensors").stat().st_size
    run = json.loads((root / "runs/digits/n-200/ph-vae-3/seed-1/run.json").read_text())
    assert run["config"]["model"]["order"] == 3
    for key in (
        "run_key",
        "versions",
        "commit",
        "dirty",
        "seed",
        "reads",
        "hardware",
        "device",
        "threads",
        "parameters",
    ):
        assert key in run
    for suffix in ("csv", "md", "tex"):
        assert list((root / "tables").glob(f"*.{suffix}"))
    for suffix in ("png", "pdf"):
        assert list((root / "figures").glob(f"*.{suffix}"))
    assert (finished / "results/mlflow/mlflow.db").stat().st_size > 0
    assert not any((finished / "home").iterdir()), "something was written to the home folder"


def test_has_a_row_for_each_run_and_metric(finished: Path):
    table = rows(finished)
    grid = load_grid("config/smoke.yaml")
    for cell, seed in grid.runs():
        manifest = json.loads((finished / f"results/smoke/data/{cell.dataset}.json").read_text())
        data = load(finished / "results/data" / manifest["folder"])
        mine = [
            r["metric"]
            for r in table
            if (r["dataset"], r["variant"], r["seed"]) == (cell.dataset, cell.variant, str(seed))
        ]
        scorers = chosen(data, cell.evaluation)
        wanted = [name for one in scorers for name in expected_of(one, cell.evaluation, cell.model, data)]
        assert sorted(mine) == sorted(wanted), f"{cell.name}/seed-{seed}"
    fid = [row for row in table if row["metric"] == "fid_samples"]
    assert fid, "FID's column is there"
    assert all(row["value"] == "" and row["reason"] for row in fid)
    assert all(row["run_key"] for row in table if row["seed"])


REMARK = "\n# another remark\n"
CODE = "\nMORE = 1\n"
# what follows where scores change
SCORED = {"evaluate": 3, "collect": 1, "tables": 1, **ANALYSIS}


def scores_of(variant: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((variant / "seed-0/metrics.json").read_text())["scores"]
    return found


def evaluated(dataset: str, batch: int = 0) -> str:
    """The scores of a batch, as a target: what holds for one data set holds for the others."""
    return f"results/smoke/batches/evaluate/{dataset}/n-200/{batch}.json"


def edit(checkout: Path, name: str, more: str = CODE) -> None:
    path = checkout / "phvae" / name
    path.write_text(path.read_text() + more)


def test_what_no_result_depends_on_redoes_nothing(checkout: Path):
    """Comments, docstrings, descriptions in every file; code that only carries runs out; what no variant here has."""
    for path in (checkout / "phvae").rglob("*.py"):
        lines = path.read_text().split("\n")
        at = next(i for i, line in enumerate(lines) if line.startswith('"""'))
        lines[at] = lines[at].replace('"""', '"""Indeed: ', 1)
        path.write_text("\n".join(lines) + REMARK)
    options = checkout / "phvae/training/options.py"
    options.write_text(options.read_text().replace("passes over the training subset", "rounds"))
    for name in ("jobs/training.py", "jobs/encode.py", "jobs/checkpoint.py", "api/fitting.py", "cli.py", "files.py"):
        edit(checkout, name)
    edit(checkout, "model/divergences/log_polynomial.py")
    assert planned(checkout, *CONFIG) == {}


def test_an_edit_of_a_figure_draws_only(checkout: Path):
    edit(checkout, "analysis/figures/paired_seeds.py")
    assert planned(checkout, *CONFIG) == ANALYSIS


def test_the_label_of_a_metric_reaches_tables_and_figures_only(checkout: Path):
    path = checkout / "phvae/metrics/scores/reconstruction.py"
    assert path.read_text().count('label="MSE"') == 1
    path.write_text(path.read_text().replace('label="MSE"', 'label="squared error"'))
    assert planned(checkout, *CONFIG) == ANALYSIS | {"tables": 1}


def test_an_edit_of_the_model_redoes_what_depends_on_it(checkout: Path):
    edit(checkout, "model/model.py")
    assert planned(checkout, *CONFIG) == SCORED | {"train": 7, "encode": 3}


def test_an_edit_of_a_divergence_redoes_its_own_variants(checkout: Path):
    edit(checkout, "model/divergences/hierarchical.py")
    jobs = planned(checkout, *CONFIG)
    grid = load_grid("config/smoke.yaml")
    assert jobs["train"] == sum(cell.model.divergence.name == "hierarchical" for cell in grid.cells)


def test_an_edit_of_a_score_computes_that_score_alone(checkout: Path):
    edit(checkout, "metrics/scores/reconstruction.py")
    assert planned(checkout, *CONFIG).keys() == {"reference", *SCORED}
    variant = checkout / "results/smoke/runs/digits/n-200/vae"
    before = scores_of(variant)
    snakemake(checkout, evaluated("digits"), *CONFIG)
    after = scores_of(variant)
    assert {name for name in after if after[name] != before[name]} == {"reconstruction"}
    assert after["reconstruction"]["rows"] == before["reconstruction"]["rows"]


def test_parts_that_are_named_leave_the_runs_that_exist_alone(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """The recipes of docs/extending.md, all but the metrics in one call."""
    files = {block.file: block.write(checkout / "mine") for block in blocks()}
    scores = [files.pop("tails.py"), files.pop("smoothness.py")]
    assert {block.section for block in blocks() if block.file in files} == {*SECTIONS} - {"A metric"}
    monkeypatch.setenv(*variable(list(files.values())).split("=", 1))
    assert planned(checkout, *CONFIG) == {}
    monkeypatch.setenv(*variable([*files.values(), *scores]).split("=", 1))
    jobs = planned(checkout, *CONFIG)
    assert jobs.keys() <= {"reference", *SCORED}, "the new scores have to be computed; nothing is trained or encoded"
    variant = checkout / "results/smoke/runs/digits/n-200/vae"
    before = scores_of(variant)
    snakemake(checkout, evaluated("digits"), *CONFIG)
    after = scores_of(variant)
    assert after.keys() - before.keys() == {"tails", "smoothness"}
    assert {name: after[name] for name in before} == before
    made = {row["metric"] for name in ("tails", "smoothness") for row in after[name]["rows"]}
    assert {"kurtosis", "decoder_step"} <= made


def test_an_edit_of_a_users_file_redoes_its_own_variants_and_scores(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    """One variant of an objective of the user's beside the others, and one file of scores."""
    files = {block.file: block.write(checkout / "mine") for block in blocks()}
    objective, scores = files["wasserstein.py"], files["tails.py"]
    config = checkout / "config/smoke.yaml"
    more = "  mine: {model: {order: 3, divergence: wasserstein}}\n"
    config.write_text(config.read_text() + more)
    monkeypatch.setenv(*variable([objective, scores]).split("=", 1))
    targets = (evaluated("claw"), evaluated("claw", 1))
    snakemake(checkout, *targets, *CONFIG)
    kept = {path: path.stat().st_mtime_ns for path in (checkout / "results/smoke/runs").rglob("model.safetensors")}
    one = checkout / "results/smoke/runs/claw/n-200"
    before = {name: scores_of(one / name) for name in ("vae", "mine")}

    objective.write_text(objective.read_text().replace("gamma: Weight", "# a remark\n    gamma: Weight"))
    scores.write_text(scores.read_text().replace('label="kurtosis"', 'label="excess kurtosis"'))
    assert planned(checkout, *CONFIG, "--", *targets) == {}, "remarks and labels"
    objective.write_text(objective.read_text().replace("(sigma - 1)", "(sigma - 1.5)"))
    assert planned(checkout, *CONFIG, "--", "results/smoke/metrics.csv")["train"] == 1
    scores.write_text(scores.read_text() + CODE)
    snakemake(checkout, *targets, *CONFIG)
    changed = {path.parent.parent.name for path, time in kept.items() if path.stat().st_mtime_ns != time}
    assert changed == {"mine"}
    after = {name: scores_of(one / name) for name in ("vae", "mine")}
    assert {name for name in after["vae"] if after["vae"][name] != before["vae"][name]} == {"tails"}
    assert after["mine"]["latent"] != before["mine"]["latent"]

    # without the file, whoever reads what was made with it is told which to name
    monkeypatch.delenv("PHVAE_PARTS")
    done = call(checkout, "phvae", "config", "results/smoke/config.json", check=False)
    assert done.returncode == 2
    assert f"PHVAE_PARTS={objective}" in done.stderr


def test_weights_that_appear_later_redo_the_reference(checkout: Path):
    weights = checkout / ".cache/phvae/data" / INCEPTION_FILE
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(b"weights")
    assert planned(checkout, *CONFIG)["reference"] == 3


def test_another_label_reaches_the_pages_and_trains_nothing(checkout: Path):
    config = checkout / "config/smoke.yaml"
    config.write_text(config.read_text().replace("label: PH-VAE 3,", "label: Third order,"))
    assert planned(checkout, *CONFIG) == ANALYSIS | {"collect": 1, "tables": 1}


def test_another_description_reaches_the_report_alone(checkout: Path):
    config = checkout / "config/smoke.yaml"
    config.write_text(config.read_text().replace("on next to nothing", "on nearly nothing"))
    assert planned(checkout, *CONFIG) == {"report": 1, "track": 1}


def test_one_more_seed_trains_that_seed_only(checkout: Path):
    config = checkout / "config/smoke.yaml"
    config.write_text(config.read_text().replace("seeds: 2", "seeds: 3"))
    assert planned(checkout, *CONFIG)["train"] == 7, "the new seed of every cell"
    root = checkout / "results/smoke/runs/claw"
    before = {path: path.stat().st_mtime_ns for path in root.rglob("model.safetensors")}
    old = {path: json.loads(path.read_text())["scores"] for path in root.rglob("metrics.json")}
    snakemake(checkout, evaluated("claw"), *CONFIG)
    after = {path: path.stat().st_mtime_ns for path in root.rglob("model.safetensors")}
    assert {path.parent.name for path in set(after) - set(before)} == {"seed-2"}
    assert len(after) == len(before) * 3 // 2
    assert all(after[path] == before[path] for path in before)
    assert {path: json.loads(path.read_text())["scores"] for path in old} == old
    assert len(list(root.rglob("metrics.json"))) == len(old) * 3 // 2


def test_a_harmless_edit_can_be_accepted(checkout: Path):
    for name in ("model/model.py", "encoding/encoder.py", "metrics/rows.py"):
        edit(checkout, name)
    runs = checkout / "results/smoke/runs"
    made = [path for name in ("model.safetensors", "codes.npz", "costs.json") for path in runs.rglob(name)]
    times = {path: path.stat().st_mtime_ns for path in made}
    values = [(row["metric"], row["value"]) for row in rows(checkout)]
    done = call(checkout, "phvae", "accept", "--config", "config/smoke.yaml", "--reason", "a remark")
    assert "accepted 18 runs" in done.stdout
    snakemake(checkout, "results/smoke/metrics.csv", *CONFIG)
    assert {path: path.stat().st_mtime_ns for path in made} == times, "trained, encoded or scored again"
    assert [(row["metric"], row["value"]) for row in rows(checkout)] == values
    run = json.loads(next(runs.rglob("run.json")).read_text())
    assert run["accepted"][0]["reason"] == "a remark"
    assert run["accepted"][0]["from"] != run["run_key"]


def test_after_cleaning_nothing_is_to_do_and_an_edited_metric_still_finds_its_arrays(checkout: Path):
    call(checkout, "phvae", "clean", "--config", "config/smoke.yaml")
    runs = checkout / "results/smoke/runs"
    assert not list(runs.rglob("arrays.npz"))
    assert "Nothing to be done" in snakemake(checkout, *CONFIG).stderr
    edit(checkout, "metrics/rows.py")
    jobs = planned(checkout, *CONFIG)
    assert jobs["encode"] == jobs["evaluate"] == 3
    assert "train" not in jobs
    variant = runs / "digits/n-200/vae"
    before = scores_of(variant)
    snakemake(checkout, evaluated("digits"), *CONFIG)
    after = scores_of(variant)
    assert {name: score["rows"] for name, score in after.items()} == {n: score["rows"] for n, score in before.items()}
    assert all(after[name] != before[name] for name in after), "each was computed again"
    assert list(runs.rglob("arrays.npz"))


def test_another_checkout_gives_the_same_bytes_in_one_process(finished: Path, tmp_path: Path):
    other = copy(tmp_path / "another checkout")
    run_stages(other, "config/smoke.yaml", "collect")
    assert (other / "results/smoke/metrics.csv").read_bytes() == (finished / "results/smoke/metrics.csv").read_bytes()


def test_a_run_that_diverges_is_recorded_and_stops_no_other(checkout: Path):
    """Beside it, another label."""
    config = checkout / "config/smoke.yaml"
    text = config.read_text().replace("label: PH-VAE 3,", "label: Third order,")
    config.write_text(text + "  broken: {model: {order: 2}, training: {learning_rate: 1.0e+30}}\n")
    snakemake(checkout, *CONFIG)
    table = rows(checkout)
    broken = [row for row in table if row["variant"] == "broken"]
    assert broken
    assert {row["status"] for row in broken if row["seed"]} == {"diverged"}
    assert all(row["value"] == "" for row in broken if row["seed"])
    assert {row["status"] for row in table if row["variant"] == "vae"} >= {"ok"}
    run = json.loads((checkout / "results/smoke/runs/claw/n-200/broken/seed-0/run.json").read_text())
    assert run["status"] == "diverged"
    assert run["step"] >= 0
    root = checkout / "results/smoke"
    assert "diverged" in (root / "report.html").read_text()
    assert "Third order" in (root / "report.html").read_text()
    assert any("Third order" in path.read_text() for path in (root / "tables").glob("*.md"))


def test_each_stage_is_a_command(checkout: Path):
    call(
        checkout,
        "phvae",
        "evaluate",
        "--config",
        "config/smoke.yaml",
        "--dataset",
        "claw",
        "--n-train",
        "200",
        "--batch",
        "0",
    )
    call(checkout, "phvae", "collect", "--config", "config/smoke.yaml")
    bad = call(
        checkout, "phvae", "train", "--config", "config/smoke.yaml", "--dataset", "claw", "--n-train", "200",
        "--lot", "7", check=False,
    )  # fmt: skip
    assert bad.returncode == 2
    assert "the grid has no lot claw/n-200/7, expected one of claw/n-200/0" in bad.stderr


def test_an_archive_alone_draws_its_pictures_again(checkout: Path):
    call(checkout, "phvae", "archive", "--config", CONFIG[1], "--to", "published/smoke")
    drawn = {path.name for path in (checkout / "results/smoke/figures").glob("*.png")}
    shutil.rmtree(checkout / "results")
    shutil.rmtree(checkout / "published/data")  # prepared again
    archive = checkout / "published/smoke"
    pictures = {path: pixels(path) for path in archive.glob("figures/*.png")}
    assert {path.name for path in pictures} == drawn
    assert sum(path.stat().st_size for path in archive.rglob("*") if path.is_file()) < 5e6
    tables = {path: path.read_text() for path in archive.glob("tables/*.md")}
    assert tables
    assert [path.name for path in archive.glob("tables/*.json")] == ["index.json"]  # this grid answers no claim
    for path in [*pictures, *tables]:
        path.unlink()
    call(checkout, "phvae", "redraw", "published/smoke")
    assert {path: path.read_text() for path in tables} == tables
    # the archive has 256 colours
    changed = {path.name: np.abs(pixels(path) - before).mean() for path, before in pictures.items()}
    assert max(changed.values()) < 1
