from __future__ import annotations

import json
import math
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from synthetic import VARIANTS, run_folder, write_results

import phvae
from phvae.analysis.claims.answers import AnswerFamily, Answers, ClaimAnswers, write_answers
from phvae.errors import DataError, PhvaeError
from phvae.files import read_json, write_json
from phvae.metrics.stored import stored
from phvae.tracking import sync as tracking
from phvae.tracking.cell_entry import cell_entry
from phvae.tracking.entry import Entry, mask
from phvae.tracking.run_entry import MOST_POINTS, read_run
from phvae.tracking.summary_entry import summary_entry

FEW = ("vae", "ph-vae-3")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database: its migrations take seconds, so they run once."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    tracking._import()
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def results(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = write_results(
        tmp_path / "some results" / "quick", datasets=("digits",), variants=FEW, seeds=2, diverged=("digits", "vae", 1)
    )
    (root / "tables").mkdir()
    (root / "tables" / "claims.csv").write_text(
        "claim,verdict,dataset,n_train,challenger,control,reason\na,supported,claw,all,x,y,\n"
        "b,not resolved,claw,all,x,y,\nc,supported,claw,all,x,,\n"
    )
    (root / "report.html").write_text("<p>report</p>")
    (root.parent / "mlflow").mkdir()
    shutil.copy(empty, root.parent / "mlflow" / "mlflow.db")
    return root


def client(root: Path, uri: str | None = None) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or tracking.default_uri(root))


def runs(root: Path, uri: str | None = None, name: str = "quick") -> dict[str, Any]:
    """path -> run; two runs under one path are an error."""
    server = client(root, uri)
    found = server.search_runs([server.get_experiment_by_name(name).experiment_id], max_results=1000)
    paths = [run.data.tags.get("phvae.path", run.info.run_id) for run in found]
    assert len(set(paths)) == len(paths)
    return dict(zip(paths, found, strict=True))


def ids(root: Path, uri: str | None = None) -> dict[str, str]:
    return {path: run.info.run_id for path, run in runs(root, uri).items()}


def reads_data(results: Path) -> None:
    """Let every run say which data it was trained on."""
    for path in results.rglob("run.json"):
        write_json(path, read_json(path) | {"reads": {"data": "0123456789abcdef" * 4}})


CELLS = {f"digits/n-all/{variant}" for variant in FEW}
RUNS = {f"{cell}/seed-{seed}" for cell in CELLS for seed in (0, 1)}


def test_every_run_lies_below_its_variant_with_all_it_holds(results: Path) -> None:
    reads_data(results)
    assert tracking.sync(results).uri == tracking.default_uri(results)
    found = runs(results)
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
    copied = server.download_artifacts(run.info.run_id, "run.json", str(results.parent))
    assert Path(copied).read_bytes() == (folder / "run.json").read_bytes()


def test_a_variants_run_holds_means_and_what_its_seeds_share(results: Path) -> None:
    tracking.sync(results)
    found = runs(results)
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


def test_seeds_that_train_show_their_curves_until_they_are_done(results: Path) -> None:
    folder = run_folder(results, "digits", "vae", 0)
    kept = folder.rename(results.parent / "kept")
    rows = [{"epoch": 1.0, "train_loss": 5.0, "validation_loss": math.nan}, {"epoch": 2.0, "train_loss": 4.0}]
    rows[1]["validation_loss"] = 4.5
    path = "digits/n-all/vae/seed-0"
    tracking.sync(results, running={path: tracking.Running(rows, 1_700_000_000_000)})
    found = runs(results)
    assert (found[path].info.status, found["digits/n-all/vae"].info.status) == ("RUNNING", "RUNNING")
    assert found[path].info.end_time is None
    server = client(results)
    assert [p.value for p in server.get_metric_history(found[path].info.run_id, "train/loss")] == [5.0, 4.0]
    assert [p.value for p in server.get_metric_history(found[path].info.run_id, "validation/loss")] == [4.5]
    assert found["digits/n-all/vae"].data.metrics["seeds"] == 2
    kept.rename(folder)
    tracking.sync(results, running={})
    found = runs(results)
    assert (found[path].info.status, found["digits/n-all/vae"].info.status) == ("FINISHED", "FINISHED")
    with closing(sqlite3.connect(results.parent / "mlflow" / "mlflow.db")) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] == len(found), (
            "no row of what was replaced"
        )


def test_a_diverged_run_is_shown_as_failed(results: Path) -> None:
    tracking.sync(results)
    run = runs(results)["digits/n-all/vae/seed-1"]
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


def test_the_summary_run_has_tables_figures_and_verdicts(results: Path) -> None:
    tracking.sync(results)
    run = runs(results)["summary"]
    assert (run.data.metrics["claims/supported"], run.data.metrics["claims/not_resolved"]) == (2, 1)
    files = {f.path for place in ("", "tables") for f in client(results).list_artifacts(run.info.run_id, place)}
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


def test_of_several_runs_under_one_path_one_is_left(results: Path) -> None:
    tracking.sync(results)
    server, before = client(results), runs(results)
    for path in ("digits/n-all/vae", "digits/n-all/vae/seed-0"):
        info = before[path].info
        server.create_run(info.experiment_id, start_time=info.start_time - 1000, tags={"phvae.path": path})
    tracking.sync(results)
    assert set(runs(results)) == set(before)  # `runs` takes no two


def test_syncing_twice_adds_nothing(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracking.sync(results)
    before = ids(results)
    files = sorted(path for path in (results.parent / "mlflow").rglob("*") if path.is_file())
    capsys.readouterr()
    tracking.sync(results)
    assert "0 runs new, 0 replaced, 7 unchanged, 0 removed" in capsys.readouterr().out
    assert ids(results) == before
    assert sorted(path for path in (results.parent / "mlflow").rglob("*") if path.is_file()) == files


def test_a_new_run_key_replaces_that_run_and_no_other(results: Path) -> None:
    tracking.sync(results)
    before = ids(results)
    path = "digits/n-all/ph-vae-3/seed-1"
    record = results / "runs" / path / "run.json"
    write_json(record, read_json(record) | {"run_key": "f" * 64})
    tracking.sync(results)
    after = runs(results)
    changed = {name for name, run in after.items() if run.info.run_id != before[name]}
    assert changed == {path, "digits/n-all/ph-vae-3"}
    assert after[path].data.tags["phvae.run_key"] == "f" * 64
    for seed in (0, 1):
        tags = after[f"digits/n-all/ph-vae-3/seed-{seed}"].data.tags
        assert tags["mlflow.parentRunId"] == after["digits/n-all/ph-vae-3"].info.run_id
    assert not list((results.parent / "mlflow" / "artifacts").rglob(before[path]))


def test_new_metrics_of_an_old_run_replace_it_too(results: Path) -> None:
    tracking.sync(results)
    before = ids(results)
    file = run_folder(results, "digits", "vae", 0) / "metrics.json"
    content = read_json(file)
    next(row for row in stored(content) if row["metric"] == "mse")["value"] = 0.5
    write_json(file, content)
    tracking.sync(results)
    after = runs(results)
    assert after["digits/n-all/vae/seed-0"].data.metrics["test/mse"] == 0.5
    assert after["digits/n-all/vae/seed-0"].info.run_id != before["digits/n-all/vae/seed-0"]


def test_runs_that_the_results_lost_are_removed_but_strangers_stay(results: Path) -> None:
    tracking.sync(results)
    server = client(results)
    stranger = server.create_run(server.get_experiment_by_name("quick").experiment_id, run_name="mine").info.run_id
    shutil.rmtree(results / "runs" / "digits" / "n-all" / "vae")
    tracking.sync(results)
    gone = {"digits/n-all/vae", "digits/n-all/vae/seed-0", "digits/n-all/vae/seed-1"}
    assert set(ids(results)) == (CELLS | RUNS | {"summary", stranger}) - gone


DIES = """
import os, sys
from pathlib import Path
from phvae.tracking import sync as tracking
tracking._import()
from mlflow.telemetry import get_telemetry_client
assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "true"
assert get_telemetry_client() is None
assert "torch" not in sys.modules
from phvae.tracking import writers
copy = writers.shutil.copyfile
def dying(source, target):
    copy(source, target)
    if "/vae/seed-0/pictures" in str(source):  # of the second cell
        os._exit(9)
writers.shutil.copyfile = dying
tracking.sync(Path(sys.argv[1]))
"""


def test_a_killed_sync_is_completed_by_the_next(results: Path) -> None:
    # MLflow also keeps quiet where it sees a test or CI: here it must be quiet because it was told to
    quiet = {"MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "PYTEST_CURRENT_TEST", "CI"}
    environment = {name: value for name, value in os.environ.items() if name not in quiet}
    done = subprocess.run([sys.executable, "-c", DIES, str(results)], capture_output=True, text=True, env=environment)
    assert done.returncode == 9, done.stderr
    half = runs(results)
    assert set(half) == {path for path in CELLS | RUNS if "/ph-vae-3" in path}
    artifacts = results.parent / "mlflow" / "artifacts" / "quick"
    assert {path.name for path in artifacts.iterdir()} - {run.info.run_id for run in half.values()}, "files of no run"
    tracking.sync(results)
    found = runs(results)
    assert set(found) == CELLS | RUNS | {"summary"}
    assert all(run.data.tags["phvae.synced"] for run in found.values())
    assert {run.info.status for run in found.values()} == {"FINISHED", "FAILED"}
    assert {path.name for path in artifacts.iterdir()} <= {"models", *(run.info.run_id for run in found.values())}


def test_two_syncs_at_once_on_no_database_agree(results: Path) -> None:
    """Also: a deleted database is rebuilt, and the files of the old one go."""
    tracking.sync(results)
    old = ids(results)
    (results.parent / "mlflow" / "mlflow.db").unlink()
    code = "import sys; from pathlib import Path; from phvae.tracking.sync import sync; sync(Path(sys.argv[1]))"
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(results)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sorted(out.decode().split(";")[0] for out, _ in said) == [
        "tracking: 0 runs new, 0 replaced, 7 unchanged, 0 removed",
        "tracking: 7 runs new, 0 replaced, 0 unchanged, 0 removed",
    ]
    # spelt otherwise, so that no connection to the deleted database is taken up again
    found = ids(results, f"sqlite:///{results.parent / 'mlflow'}/./mlflow.db")
    assert set(found) == set(old)
    listed = {path.name for path in (results.parent / "mlflow" / "artifacts" / "quick").iterdir()}
    assert listed <= {*found.values(), "models"}


@pytest.mark.parametrize("name", ["moved # here", "50%_off"])
def test_a_moved_folder_keeps_its_runs_and_their_files(
    results: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tracking.sync(results)
    old = ids(results)
    moved = results.parent.rename(results.parent.with_name(name)) / "quick"
    tracking.sync(moved)
    assert "addresses of quick mended" in capsys.readouterr().out
    assert ids(moved) == old
    for path, run in runs(moved).items():
        folder = moved.parent / "mlflow" / "artifacts" / "quick" / run.info.run_id / "artifacts"
        assert run.info.artifact_uri == folder.as_uri(), path
    server = client(moved)
    copied = server.download_artifacts(old["summary"], "report.html", str(results.parent.parent))
    assert Path(copied).read_text() == "<p>report</p>"
    experiment = server.get_experiment_by_name("quick")
    assert experiment.artifact_location == (moved.parent / "mlflow" / "artifacts" / "quick").as_uri()
    tracking.sync(moved)
    assert "mended" not in capsys.readouterr().out


def test_a_deleted_experiment_comes_back(results: Path) -> None:
    tracking.sync(results)
    server = client(results)
    server.delete_experiment(server.get_experiment_by_name("quick").experiment_id)
    tracking.sync(results)
    assert set(ids(results)) == CELLS | RUNS | {"summary"}


@pytest.fixture(scope="module")
def server(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on loopback that keeps the artifacts itself."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty, folder / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    command += ["--artifacts-destination", (folder / "files").as_uri(), "--serve-artifacts"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + 180
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_a_real_server_is_synced_through_the_environment(
    results: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reads_data(results)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert tracking.sync(results).uri == server
    before = ids(results, server)
    assert set(before) == CELLS | RUNS | {"summary"}
    tracking.sync(results)
    assert "0 runs new, 0 replaced, 7 unchanged" in capsys.readouterr().out
    assert ids(results, server) == before
    _equal(runs(results, server), runs(results_beside(results, monkeypatch)))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    files = client(results, server).list_artifacts(before["digits/n-all/ph-vae-3/seed-0"], "model")
    assert {file.path for file in files} == {"model/model.safetensors", "model/model.json"}
    record = run_folder(results, "digits", "vae", 0) / "run.json"
    write_json(record, read_json(record) | {"run_key": "e" * 64})
    shutil.rmtree(results / "runs" / "digits" / "n-all" / "ph-vae-3")
    tracking.sync(results)
    after = ids(results, server)
    assert set(after) == set(before), "runs of a shared server are not removed"
    assert after["digits/n-all/vae/seed-0"] != before["digits/n-all/vae/seed-0"]


def results_beside(results: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same results, synced into the local database."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    tracking.sync(results)
    return results


def _equal(server: dict[str, Any], local: dict[str, Any]) -> None:
    """What MLflow's own client wrote, and what was written into its tables, is read alike."""
    assert set(server) == set(local)
    for path, run in server.items():
        other = local[path]
        assert (run.data.metrics, run.data.params) == (other.data.metrics, other.data.params)
        assert run.data.tags | {"mlflow.parentRunId": ""} == other.data.tags | {"mlflow.parentRunId": ""}
        for name in ("run_name", "status", "start_time", "end_time", "lifecycle_stage"):
            assert getattr(run.info, name) == getattr(other.info, name), (path, name)
        made, too = ([one.step for one in each.outputs.model_outputs] for each in (run, other))
        assert made == too == ([0] if path in CELLS else [])
        used, also = ([one.dataset for one in each.inputs.dataset_inputs] for each in (run, other))
        assert [one.to_dictionary() for one in used] == [one.to_dictionary() for one in also]


def test_credentials_never_show(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(PhvaeError, match=rf"MLflow at http://\*\*\*@127.0.0.1:{port} cannot be synced") as caught:
        tracking.sync(results, f"http://me:hunter2@127.0.0.1:{port}")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


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


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "mlruns", "/tmp/mlruns"])
def test_a_plain_folder_is_refused_with_what_to_do(results: Path, uri: str) -> None:
    with pytest.raises(PhvaeError, match=r"expected the address of a server .* unset it"):
        tracking.sync(results, uri)


HALF_MADE = """
import os, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from phvae.tracking.sync import sync
def dying(connection, cursor, statement, *_):
    if statement.startswith("INSERT INTO _alembic_tmp_experiments"):  # MLflow does not go on from here
        os._exit(9)
event.listen(Engine, "before_cursor_execute", dying)
sync(Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def half_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The view's folder as a sync leaves it that was killed while MLflow made its tables."""
    root = tmp_path_factory.mktemp("half") / "quick"
    done = subprocess.run([sys.executable, "-c", HALF_MADE, str(root)], capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    return root.parent / "mlflow"


def begin_with(results: Path, folder: Path) -> Path:
    """Put another view's folder in place of the results' own; returns where."""
    own = results.parent / "mlflow"
    shutil.rmtree(own)
    return Path(shutil.copytree(folder, own))


def test_a_kill_while_the_database_is_made_leaves_none(results: Path, half_made: Path) -> None:
    folder = begin_with(results, half_made)
    assert not (folder / "mlflow.db").exists()
    assert list(folder.glob(".mlflow-*"))
    tracking.sync(results)
    assert set(runs(results)) == CELLS | RUNS | {"summary"}
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "artifacts", "sync.lock"}


def test_a_database_that_is_half_made_is_made_again(
    results: Path, half_made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = begin_with(results, half_made)
    for path in folder.glob(".mlflow-*"):  # the name that it had at once before November 2026
        path.rename(folder / f"mlflow.db{'-journal' * path.name.endswith('-journal')}")
    tracking.sync(results)
    assert "set aside as mlflow-broken.db, the view is made again" in capsys.readouterr().err
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to look like one" * 40)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero_a_page(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.seek(3 * 4096)
        stream.write(bytes(4096))


@pytest.mark.parametrize("damage", [overwrite, cut, zero_a_page])
def test_a_damaged_database_is_made_again(
    results: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None]
) -> None:
    path = results.parent / "mlflow" / "mlflow.db"
    damage(path)
    damaged = path.read_bytes()
    tracking.sync(results)
    assert "set aside as mlflow-broken.db, the view is made again" in capsys.readouterr().err
    assert (path.parent / "mlflow-broken.db").read_bytes() == damaged
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def test_a_database_that_another_program_holds_is_not_broken(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = results.parent / "mlflow" / "mlflow.db"
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, **more | {"timeout": 0.1}))
    with closing(connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(PhvaeError, match=r"cannot be synced: .*locked"):
            tracking.sync(results)
    assert not (path.parent / "mlflow-broken.db").exists()
    tracking.sync(results)
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def test_a_full_disk_leaves_no_half_of_a_database(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def small(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA max_page_count=40")

    folder = results.parent / "mlflow"
    (folder / "mlflow.db").unlink()
    event.listen(Engine, "connect", small)
    try:
        with pytest.raises(PhvaeError, match="disk is full"):
            tracking.sync(results)
    finally:
        event.remove(Engine, "connect", small)
    assert not (folder / "mlflow.db").exists()
    tracking.sync(results)
    assert set(runs(results)) == CELLS | RUNS | {"summary"}


def test_a_folder_that_a_database_address_cannot_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhvaeError, match="question mark"):
        tracking.sync(tmp_path / "what?" / "quick")


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
