"""Results that change, move, grow or are synced by two at once: MLflow follows."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from synthetic import run_folder
from tracked import CELLS, RUNS, client, ids, runs

from phvae.files import read_json, write_json
from phvae.metrics.stored import stored
from phvae.tracking import sync as tracking

pytestmark = pytest.mark.slow


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
    assert "addresses of quick corrected" in capsys.readouterr().out
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
    assert "corrected" not in capsys.readouterr().out


def test_a_deleted_experiment_comes_back(results: Path) -> None:
    tracking.sync(results)
    server = client(results)
    server.delete_experiment(server.get_experiment_by_name("quick").experiment_id)
    tracking.sync(results)
    assert set(ids(results)) == CELLS | RUNS | {"summary"}
