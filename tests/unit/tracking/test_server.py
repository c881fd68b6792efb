"""A real server of MLflow, addresses of servers, and what is refused as one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic import run_folder
from tracked import CELLS, RUNS, client, ids, reads_data, runs

from phvae.errors import PhvaeError
from phvae.files import read_json, write_json
from phvae.tracking import sync as tracking

pytestmark = pytest.mark.slow


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
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # half a dozen processes that nothing here asks for
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


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "mlruns", "/tmp/mlruns"])
def test_a_plain_folder_is_refused_with_what_to_do(results: Path, uri: str) -> None:
    with pytest.raises(PhvaeError, match=r"expected the address of a server .* unset it"):
        tracking.sync(results, uri)
