"""What `make run` says when it does not reach the end: failed jobs, a lock, Ctrl-C, a dry run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from checkout import REPOSITORY, call, copy, environment

GRID = """
name: tiny
seeds: 1
device: cpu
model: {latent_size: 2, network: {name: dense, hidden: [4]}}
training: {epochs: 100000}
variants: {vae: {}}
"""
GO_ON = "the same command goes on"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy in which `make run` finds an environment, and two folders that hold no picture."""
    folder = copy(tmp_path / "a checkout")
    shutil.copy(REPOSITORY / "Makefile", folder)
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("bin/activate", "installed"):
        (folder / ".venv" / name).touch()
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "notes.txt").touch()
    mine = "".join(f"  {name}: {{data: {{kind: images, path: {name}}}}}\n" for name in ("one", "two"))
    (folder / "config/mine.yaml").write_text(f"{GRID}datasets:\n{mine}")
    (folder / "config/claw.yaml").write_text(f"{GRID}datasets: {{claw: {{n_train: [20]}}}}\n")
    return folder


def make(folder: Path, config: str, more: str = "") -> subprocess.CompletedProcess[str]:
    words = ("make", "run", f"CONFIG=config/{config}.yaml", "CORES=1", f"SNAKEMAKE_ARGS={more}")
    return call(folder, *words, check=False)


@pytest.mark.parametrize("keep_going", [False, True])
def test_a_failed_job_says_why_on_the_screen(checkout: Path, keep_going: bool):
    done = make(checkout, "mine", "--keep-going" if keep_going else "")
    assert done.returncode
    last = done.stderr.rpartition(f"{1 + keep_going} job{'s' * keep_going} failed:\n")[2]
    told = [line.strip() for line in last.splitlines()]
    failed = [name for name in ("one", "two") if f"log      results/tiny/logs/prepare/{name}.log" in told]
    assert len(failed) == 1 + keep_going
    for name in failed:
        assert any(line.startswith(f"phvae: {name}: holds no picture") for line in told)
        by_hand = rf"by hand  phvae prepare --config results/tiny/configs/\w+\.json --dataset {name}"
        assert any(re.fullmatch(by_hand, line) for line in told), told
    assert any(GO_ON in line for line in told)
    assert "not finished" not in done.stdout, "closing lines are for a run that ended well"


def started(folder: Path, *command: str) -> subprocess.Popen[str]:
    """A workflow in a session of its own, as in a terminal, that is training."""
    process = subprocess.Popen(
        command, cwd=folder, env=environment(folder), start_new_session=True, text=True, stderr=subprocess.PIPE
    )
    log = folder / "results/tiny/logs/train/claw/n-20/0.log"
    end = time.monotonic() + 120
    while not (log.is_file() and "epoch 2/" in log.read_text()):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < end
        time.sleep(0.1)
    return process


def test_after_ctrl_c_it_says_how_to_go_on(checkout: Path):
    process = started(checkout, "make", "run", "CONFIG=config/claw.yaml", "CORES=1")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode
    assert GO_ON in said
    assert list((checkout / "results/tiny/runs").rglob("checkpoint-*"))


def closes(done: subprocess.CompletedProcess[str]) -> None:
    """The closing lines name no file that is not there."""
    assert done.returncode == 0, done.stderr
    last = done.stdout[done.stdout.index("tiny: 1 data set, 1 cell, 1 run; 1 missing") :]
    assert "report.html" not in last
    assert "to go on: make run CONFIG=config/claw.yaml" in last


def test_a_lock_that_a_kill_left_is_explained_in_the_words_of_make(checkout: Path):
    process = started(checkout, "make", "run", "CONFIG=config/claw.yaml", "CORES=1")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)
    done = make(checkout, "claw")
    assert done.returncode
    assert "make run CONFIG=config/claw.yaml SNAKEMAKE_ARGS=--unlock, then the same command again" in done.stderr
    closes(make(checkout, "claw", "--unlock"))
    done = make(checkout, "claw", "-n")
    closes(done)
    assert "unlock" not in done.stderr
