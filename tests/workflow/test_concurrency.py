"""Two workflows and one results folder: one ends with its own numbers, the other is refused or waits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import call, copy, environment

CONFIG = {
    "name": "shared",
    "device": "cpu",
    "seeds": 2,
    "baseline": "vae",
    "model": {"latent_size": 2, "network": {"name": "dense", "hidden": [8]}},
    "training": {"epochs": 2, "batch_size": 30},
    "datasets": {"claw": {"data": {"kind": "claw", "n_train": 300, "n_validation": 30, "n_test": 30}}},
    "variants": {"vae": {"model": {"order": 1, "divergence": "kl"}}},
}
TRAINED = "batches/train/claw/n-all/0.json"


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two checkouts."""
    folder = tmp_path_factory.mktemp("concurrency")
    return copy(folder / "one"), copy(folder / "two")


def configured(checkout: Path, results: Path, epochs: int, name: str = "shared") -> str:
    """A configuration of a checkout, with its results elsewhere; its name."""
    content = CONFIG | {"name": name, "results": str(results), "training": {"epochs": epochs, "batch_size": 30}}
    (checkout / "config/shared.yaml").write_text(json.dumps(content))
    return "config/shared.yaml"


def workflow(config: str, results: Path) -> list[str]:
    """The command that trains."""
    return [
        "snakemake",
        "--cores",
        "1",
        "--configfile",
        config,
        "--rerun-incomplete",
        "--",
        str(results / "shared" / TRAINED),
    ]


@contextlib.contextmanager
def started(checkout: Path, words: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A command at work in a checkout, in a group of processes that ends with the test."""
    process = subprocess.Popen(
        words, cwd=checkout, env=environment(checkout), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def appears(path: Path, process: subprocess.Popen[str], words: str = "") -> None:
    """Wait for a file that a process is to write, and for words in it."""
    deadline = time.monotonic() + 120
    while True:
        with contextlib.suppress(FileNotFoundError):  # Snakemake takes a log away before its job begins anew
            if words in path.read_text():
                return
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"{path} did not appear, or without {words!r}"
        time.sleep(0.05)


def epochs(results: Path) -> list[int]:
    """How long each seed was trained."""
    records = sorted((results / "shared/runs/claw/n-all/vae").glob("seed-*/run.json"))
    return [json.loads(path.read_text())["epochs"] for path in records]


def paused(results: Path, process: subprocess.Popen[str]) -> int:
    """The number of the process that trains, once it has begun; it stands still."""
    lease = results / "shared/runs/claw/n-all/vae/seed-1/run.lease"
    appears(lease, process)
    job = int(json.loads(lease.read_text())["pid"])
    os.kill(job, signal.SIGSTOP)
    return job


@pytest.mark.slow
def test_a_second_workflow_is_refused_and_an_edit_reaches_no_job(checkouts: tuple[Path, Path], tmp_path: Path):
    """With another configuration or with the same; the first ends with what its file said when it started."""
    one, two = checkouts
    with started(one, workflow(configured(one, tmp_path, 200), tmp_path)) as first:
        appears(tmp_path / "shared/workflow.lease", first)
        configured(one, tmp_path, 3)  # edited before the training starts
        job = paused(tmp_path, first)
        for other in (3, 200):
            done = call(two, *workflow(configured(two, tmp_path, other), tmp_path), check=False)
            assert done.returncode != 0
            assert f"process {first.pid} on " in done.stdout + done.stderr
            assert "is at work in this folder" in done.stdout + done.stderr
        os.kill(job, signal.SIGCONT)
        said = first.communicate(timeout=200)[1]
    assert first.returncode == 0, said
    assert epochs(tmp_path) == [200, 200]


@pytest.mark.slow
def test_a_killed_workflow_leaves_nothing_in_the_next_ones_results(checkouts: tuple[Path, Path], tmp_path: Path):
    """Its job trains on; the next workflow, of another configuration, waits for it and trains its own."""
    one, two = checkouts
    log = tmp_path / "shared/logs/train/claw/n-all/0.log"
    with started(one, workflow(configured(one, tmp_path, 200), tmp_path)) as first:
        job = paused(tmp_path, first)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        with started(two, workflow(configured(two, tmp_path, 3), tmp_path)) as second:
            appears(log, second, f"process {job} on")  # it waits for the job of the first
            os.kill(job, signal.SIGCONT)
            said = second.communicate(timeout=200)[1]
        assert second.returncode == 0, said
    assert epochs(tmp_path) == [3, 3]
    assert "Nothing to be done" in call(two, *workflow("config/shared.yaml", tmp_path)).stderr


@pytest.mark.slow
def test_two_grids_prepare_one_set_at_once(checkouts: tuple[Path, Path], tmp_path: Path):
    words = [
        ["phvae", "prepare", "--config", configured(checkout, tmp_path, 2, name), "--dataset", "claw"]
        for checkout, name in zip(checkouts, ("first", "second"), strict=True)
    ]
    with started(checkouts[0], words[0]) as first, started(checkouts[1], words[1]) as second:
        for process in (first, second):
            said = process.communicate(timeout=100)[1]
            assert process.returncode == 0, said
    found = [json.loads((tmp_path / name / "data/claw.json").read_text()) for name in ("first", "second")]
    assert found[0] == found[1]
    assert [path.name for path in (tmp_path / "data").iterdir()] == [found[0]["folder"]]
