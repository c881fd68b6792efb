"""What is tracked: runs, their cells, the summary, masked secrets."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from synthetic import VARIANTS, run_folder
from tracked import CELLS, RUNS, client, ids, runs

import phvae
from phvae.analysis.claims.answers import AnswerFamily, Answers, ClaimAnswers, write_answers
from phvae.errors import DataError
from phvae.files import read_json, write_json
from phvae.metrics.stored import stored
from phvae.tracking import sync as tracking
from phvae.tracking.cell_entry import cell_entry
from phvae.tracking.entry import Entry, mask
from phvae.tracking.run_entry import MOST_POINTS, read_run
from phvae.tracking.summary_entry import summary_entry

pytestmark = pytest.mark.slow


def test_every_run_lies_below_its_variant_with_all_it_holds(synced: Path, tmp_path: Path) -> None:
    results, found = synced, runs(synced)
    assert set(found) == CELLS | RUNS | {"summary"}
    run = found["digits/n-all/ph-vae-3/seed-0"]
    folder = run_folder(results, "digits", "ph-vae-3", 0)
    assert run.data.tags["mlflow.parentRunId"] == found["digits/n-all/ph-vae-3"].info.run_id
    assert run.data.tags["phvae.run_key"] == read_json(folder / "run.json")["run_key"]
    assert run.data.tags["phvae.commit"] == "0" * 40
    assert run.data.params["model.order"] == "3"
    assert run.data.params["model.divergence.name"] == VARIANTS["ph-vae-3"][1].divergence.name
    assert run.data.params["seed"] == "0"
    rows = {row["metric"]: row["value"] for row in stored(read_json(folder / "metrics.json"))}
    kept = {name: value for name, value in rows.items() if "_coordinate_" not in name}
    assert {name: run.data.metrics[f"test/{name}"] for name in kept} == kept
    assert not [name for name in run.data.metrics if "_coordinate_" in name]
    assert run.info.run_name == "ph-vae-3 · digits · seed 0"
    assert (run.data.tags["family"], run.data.tags["role"], run.data.tags["order"]) == ("PH-VAE", "challenger", "3")
    assert run.data.tags["mlflow.source.name"] == "phvae"
    assert run.info.user_id == run.data.tags["mlflow.user"] != ""
    record = read_json(folder / "run.json")
    assert run.info.end_time - run.info.start_time >= 1000 * record["seconds_train"]
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.name == "digits"
    assert record["reads"]["data"].startswith(used.dataset.digest)
    assert run.data.metrics["usage/parameters"] == 3 * 12345
    assert run.info.status == "FINISHED"
    server = client(results)
    files = {f.path for place in ("", "model", "pictures") for f in server.list_artifacts(run.info.run_id, place)}
    assert {"run.json", "model/model.safetensors", "model/model.json", "pictures/samples_mean.png"} <= files
    copied = server.download_artifacts(run.info.run_id, "run.json", str(tmp_path))
    assert Path(copied).read_bytes() == (folder / "run.json").read_bytes()


def test_a_variants_run_holds_means_and_what_its_seeds_share(synced: Path) -> None:
    found = runs(synced)
    above = found["digits/n-all/ph-vae-3"]
    values = [found[f"digits/n-all/ph-vae-3/seed-{seed}"].data.metrics["test/mse"] for seed in (0, 1)]
    assert above.data.metrics["test/mse"] == pytest.approx(sum(values) / 2)
    spread = float(np.std(values, ddof=1))
    assert above.data.metrics["test_sd/mse"] == pytest.approx(spread)
    low, high = stats.t.interval(0.95, 1, loc=sum(values) / 2, scale=spread / math.sqrt(2))
    assert above.data.metrics["test_low/mse"] == pytest.approx(low)
    assert above.data.metrics["test_high/mse"] == pytest.approx(high)
    assert above.data.params["dataset"] == "digits"
    assert not {"variant", "seed"} & set(above.data.params), "grouped by variant, a group counts seeds"
    lost = found["digits/n-all/vae"]
    assert (lost.data.metrics["seeds"], lost.data.metrics["seeds_without_numbers"]) == (2, 1)


def test_a_cells_first_model_reconstructs_in_mlflow(results: Path, tmp_path: Path) -> None:
    folder, images = run_folder(results, "digits", "ph-vae-3", 0), np.full((2, 1, 8, 8), 0.3, np.float32)
    model = phvae.PHVAE((1, 8, 8), order=3, latent_size=6, seed=1)
    model.save(folder)
    tracking.sync(results)
    server, above = client(results), runs(results)["digits/n-all/ph-vae-3"]
    logged = {one.source_run_id: one for one in server.search_logged_models([above.info.experiment_id])}
    assert set(logged) == {run.info.run_id for path, run in runs(results).items() if path in CELLS}
    first = logged[above.info.run_id]
    assert first.name == "ph-vae-3 · digits"
    assert [one.model_id for one in above.outputs.model_outputs] == [first.model_id]
    code = "import sys, numpy as np; from mlflow import pyfunc; model = pyfunc.load_model(sys.argv[1]); "
    code += "np.save(sys.argv[2], model.predict(np.full((2, 1, 8, 8), 0.3, np.float32)))"
    subprocess.run([sys.executable, "-c", code, first.artifact_location, str(tmp_path / "y.npy")], check=True)
    assert np.array_equal(np.load(tmp_path / "y.npy"), np.asarray(model.reconstruct(images)))
    write_json(folder / "run.json", read_json(folder / "run.json") | {"run_key": "a" * 64})
    tracking.sync(results)
    again = {one.source_run_id: one for one in server.search_logged_models([above.info.experiment_id])}
    assert len(again) == len(logged), "the model of the cell's old run is gone"
    assert first.model_id not in {one.model_id for one in again.values()}


def test_what_the_claims_say_of_a_cell_is_its_note(results: Path) -> None:
    row = "density,digits,all,supported,it is lower,mse,mean,lower,ph-vae-3,vae"
    head = "claim,dataset,n_train,verdict,reason,metric,compare,direction,challenger,control"
    (results / "tables" / "claims.csv").write_text(f"{head}\n{row}\n{row.replace('supported', 'not tested')}\n")
    tracking.sync(results)
    found = runs(results)
    note = found["digits/n-all/ph-vae-3"].data.tags["mlflow.note.content"]
    assert note == "    density: supported against vae (it is lower)"
    assert "mlflow.note.content" not in found["digits/n-all/vae"].data.tags


def test_the_page_opens_on_seeds_by_variant_with_headline_metrics_in_front(results: Path) -> None:
    family = AnswerFamily("fit", "PH is better.", [ClaimAnswers("fit", "It fits.", [])])
    write_answers(results / "tables", Answers(["digits"], [family]))
    tracking.sync(results)
    tags = client(results).get_experiment_by_name("quick").tags
    assert "PH is better." in tags["mlflow.note.content"]
    view = json.loads(tags["mlflow.sharedViewState.phvae"])
    assert view["columnOrder"][:2] == ["metrics.`test/mse`", "metrics.`test/fd_classifier_samples`"]
    assert {key["groupByData"] for key in view["groupBy"]["groupByKeys"]} == {"dataset", "n_train", "variant"}
    params = runs(results)["digits/n-all/vae/seed-0"].data.params
    assert {"dataset", "n_train", "variant", "seed"} <= set(params)


def test_a_diverged_run_is_shown_as_failed(synced: Path) -> None:
    run = runs(synced)["digits/n-all/vae/seed-1"]
    assert run.info.status == "FAILED"
    assert run.data.tags["phvae.status"] == "diverged"
    assert "not finite" in run.data.tags["phvae.reason"]
    assert not [name for name in run.data.metrics if name.startswith("test/")]


def test_a_cell_fails_where_every_seed_did() -> None:
    seeds = [Entry(f"digits/n-all/vae/seed-{i}", "run", f"seed-{i}", status="FAILED") for i in range(2)]
    assert cell_entry("digits/n-all/vae", seeds).failed
    one = cell_entry("digits/n-all/vae", [seeds[0], Entry("digits/n-all/vae/seed-1", "run", "seed-1")])
    assert not one.failed
    assert one.fingerprint != cell_entry("digits/n-all/vae", seeds).fingerprint


def test_the_summary_run_has_tables_figures_and_verdicts(synced: Path) -> None:
    run = runs(synced)["summary"]
    assert (run.data.metrics["claims/supported"], run.data.metrics["claims/not_resolved"]) == (2, 1)
    files = {f.path for place in ("", "tables") for f in client(synced).list_artifacts(run.info.run_id, place)}
    assert {"report.html", "metrics.csv", "tables/claims.csv"} <= files
    assert "mlflow.note.content" not in run.data.tags


def test_the_summary_says_what_the_claims_say_as_text(results: Path) -> None:
    family = AnswerFamily("fit", "Fit: <b>PH</b> is better.", [ClaimAnswers("fit", "It fits.", [])])
    write_answers(results / "tables", Answers(["digits"], [family]))
    note = summary_entry(results, []).tags["mlflow.note.content"]
    assert note.startswith("    - Fit: <b>PH</b> is better.")
    assert all(line.startswith("    ") for line in note.splitlines())  # code in Markdown
    write_answers(results / "tables", Answers(["digits"], [family] * 500))
    assert len(summary_entry(results, []).tags["mlflow.note.content"]) == 5000


def test_curves_are_thinned_to_fifty_points_with_both_ends(results: Path) -> None:
    folder = run_folder(results, "digits", "ph-vae-3", 0)
    lines = ["epoch,step,train_loss,validation_loss"] + [f"{i},{i},{i / 7},nan" for i in range(1, 301)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
    tracking.sync(results)
    run_id = ids(results)["digits/n-all/ph-vae-3/seed-0"]
    curve = client(results).get_metric_history(run_id, "train/loss")
    steps = sorted(point.step for point in curve)
    assert len(steps) == MOST_POINTS
    assert (steps[0], steps[-1]) == (1, 300)
    assert all(point.value == pytest.approx(point.step / 7) for point in curve)
    assert client(results).get_metric_history(run_id, "validation/loss") == []


def test_secrets_in_a_configuration_are_masked(results: Path) -> None:
    folder = run_folder(results, "digits", "vae", 0)
    record = read_json(folder / "run.json")
    record["config"]["data"] |= {"hf_token": "abc123", "url": "https://me:hunter2@example.org/x?access_token=q1w2&a=b"}
    write_json(folder / "run.json", record)
    text = json.dumps(read_run(folder, results).params)
    assert "abc123" not in text
    assert "hunter2" not in text
    assert "q1w2" not in text
    assert "example.org/x" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sqlite:////a b/mlflow.db", "sqlite:////a b/mlflow.db"),
        ("http://u:p@ss@host:5000/x", "http://***@host:5000/x"),
        ("postgresql://user:secret@db/mlflow?sslkey=1", "postgresql://***@db/mlflow?sslkey=1"),
        ("http://host/?api_key=1&x=2", "http://host/?api_key=***&x=2"),
        ("postgresql://me:p/ss@example.org/x", "postgresql://***@example.org/x"),
        ("mysql://me:p@s/s@host/x and sqlite:////a/b@c", "mysql://***@host/x and sqlite:////a/b@c"),
        ("http://host:5000/x", "http://host:5000/x"),
    ],
)
def test_mask(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_a_run_without_a_record_is_named(results: Path) -> None:
    folder = run_folder(results, "digits", "vae", 0)
    (folder / "run.json").write_text("{}")
    with pytest.raises(DataError, match=r"vae/seed-0/run.json: no record of a run"):
        tracking.sync(results)


@pytest.mark.parametrize(
    ("name", "again"), [("metrics.json", "evaluate"), ("costs.json", "evaluate"), ("history.csv", "train")]
)
def test_a_file_that_was_cut_is_named_with_what_to_do(results: Path, name: str, again: str) -> None:
    path = run_folder(results, "digits", "vae", 0) / name
    text = (
        '{"scores": {"a": {"rows": [{"value": 0.1}]}}, "seconds'
        if name.endswith("json")
        else "epoch,train_loss\n0,0.5\n1"
    )
    path.write_text(text)
    with pytest.raises(
        DataError, match=rf"vae/seed-0/{name}: cannot be read \(.*; remove it and {again} this run again"
    ):
        tracking.sync(results)
