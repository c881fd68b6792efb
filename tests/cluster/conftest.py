"""A Slurm for the session, a checkout in which the literal command runs a small grid, and what it should give."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import threading
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from checkout import copy, run_stages
from cluster.lab import PATIENCE, Lab, temporary_lab

# Takes the default configuration's place, so that the command needs no argument. `device: auto` asks for a GPU and
# computes on a CPU where Slurm's GPUs are only counted. A training takes a few seconds.
GRID = """\
name: quick
seeds: 2
device: auto
results: {results}
model: {{latent_size: 6, network: {{name: dense, hidden: [16]}}}}
training: {{epochs: 20, steps: 4000, checkpoint_minutes: 0.01}}
evaluation:
  {{n_codes: 300, n_samples: 64, n_reconstructions: 64, n_likelihood: 8, importance_samples: 32, extractors: []}}
datasets:
  claw: {{n_train: [500]}}
variants:
  vae: {{model: {{order: 1, divergence: kl}}}}
  ph-vae-2: {{model: {{order: 2}}}}
  ph-vae-3: {{model: {{order: 3}}}}
"""
VARIANTS = ("vae", "ph-vae-2", "ph-vae-3")
LITERAL = ("snakemake", "--cores", "8", "--profile", "slurm")
# The same with an early first look at the jobs, to save time.
HURRIED = (*LITERAL, "--slurm-init-seconds-before-status-checks", "2")


def comment(variant: str) -> str:
    """What Slurm knows a variant's training by: each is a lot of its own here."""
    return f"rule_train_wildcards_claw_500_{VARIANTS.index(variant)}"


@dataclass
class Site:
    """A checkout on a cluster."""

    lab: Lab
    folder: Path
    results: Path
    variables: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """As with the checkout's own `.venv` active."""
        paths = f"{self.folder / '.venv/bin'}{os.pathsep}{self.lab.environment['PATH']}"
        return self.lab.environment | {"PATH": paths} | self.variables

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in the checkout, its output in a file of its own."""
        self.output = self.folder / f"output-{len(list(self.folder.glob('output-*')))}.txt"
        with self.output.open("w") as stream:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=stream, stderr=stream, text=True
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End what a failed test left running."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def finish(self, process: subprocess.Popen[str], seconds: float = 3 * PATIENCE) -> str:
        """Wait for a command; its output.

        Raises:
            AssertionError: it failed or took too long; holds its output.
        """
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        text = self.output.read_text()
        assert process.returncode == 0, f"{process.args} ended with {process.returncode}\n{text}\n{self.lab.tails()}"
        return text

    def run(self, variant: str, seed: int = 0) -> Path:
        """A run's folder."""
        return self.results / f"quick/runs/claw/n-500/{variant}/seed-{seed}"

    def manifest(self, variant: str) -> Path:
        """The manifest of a variant's training."""
        return self.results / f"quick/batches/train/claw/n-500/{VARIANTS.index(variant)}.json"

    def log(self, variant: str) -> str:
        """What a variant's newest training said; nothing where a new one is about to replace it."""
        path = self.results / f"quick/logs/train/claw/n-500/{VARIANTS.index(variant)}.log"
        return path.read_text() if path.exists() else ""

    def jobs(self, variant: str, state: str = "RUNNING") -> list[str]:
        """Numbers of a variant's training jobs in a state."""
        wanted = comment(variant)
        return [number for number, comment in self.lab.jobs(state).items() if comment == wanted]

    def job(self, variant: str) -> str:
        """The number of a variant's one running job."""
        self.lab.wait(lambda: len(self.jobs(variant)) == 1, f"{variant} has not one running job")
        return self.jobs(variant)[0]

    def step(self, variant: str) -> int:
        """The step of a variant's newest checkpoint, 0 without one."""
        found = self.run(variant, 1).glob("checkpoint-*")
        return max((int(path.name.removeprefix("checkpoint-")) for path in found), default=0)

    def signal(self, variant: str, number: signal.Signals) -> None:
        """Send a signal to the process that trains a variant, which its lease names."""
        os.kill(json.loads((self.run(variant) / "run.lease").read_text())["pid"], number)

    @contextlib.contextmanager
    def still(self) -> Iterator[dict[str, int]]:
        """Each variant's training stops at its first checkpoint, until released; yields those that did, and where.

        Slurm starts jobs in any order and machines differ in speed: so nothing ends before its turn has come. A
        process that stands still gives no sign of life, so one is given here for it: nobody shall think it dead.
        """
        held: dict[str, int] = {}
        end = threading.Event()

        def watch() -> None:
            while not end.wait(0.1):
                for variant in VARIANTS:
                    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                        if variant in held:
                            for seed in (0, 1):
                                os.utime(self.run(variant, seed) / "run.lease")
                        elif self.step(variant):
                            time.sleep(0.2)  # some steps on: the checkpoint that a later SIGTERM writes is a new one
                            self.signal(variant, signal.SIGSTOP)
                            held[variant] = self.step(variant)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield held
        finally:
            end.set()
            watcher.join()
            for variant in held:
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self.release(variant)

    def await_held(self, held: dict[str, int], count: int) -> None:
        """Wait until so many trainings stand still."""

        def enough() -> bool:
            assert self.processes[-1].poll() is None, f"Snakemake has ended\n{self.output.read_text()}"
            return len(held) == count

        self.lab.wait(enough, f"only {held} reached a checkpoint\n{self.output.read_text()}")

    def release(self, variant: str) -> None:
        """Let a held training go on."""
        self.signal(variant, signal.SIGCONT)


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is now, for every test alike, whatever happens to the original meanwhile."""
    return copy(tmp_path_factory.mktemp("sources") / "checkout")


@pytest.fixture(scope="session")
def undisturbed(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the grid, run without a cluster."""
    folder = tmp_path_factory.mktemp("local") / "checkout"
    place(sources, folder, "results")
    run_stages(folder, "config/quick.yaml", "collect")
    return folder / "results"


@pytest.fixture(scope="session")
def slurm() -> Iterator[Lab]:
    """A Slurm without accounting."""
    with temporary_lab(accounting=False) as lab:
        yield lab


@pytest.fixture(scope="session")
def accounted() -> Iterator[Lab]:
    """A Slurm with accounting."""
    with temporary_lab(accounting=True) as lab:
        yield lab


def place(sources: Path, folder: Path, results: Path | str) -> None:
    """Make a checkout that has not run yet, with a `.venv` of its own that borrows this one's packages."""
    shutil.copytree(sources, folder, symlinks=True)
    venv.create(folder / ".venv", with_pip=False)
    packages = next((folder / ".venv/lib").glob("python*/site-packages"))
    (packages / "here.pth").write_text(f"{folder}\n{sysconfig.get_path('purelib')}\n")
    for name, module in (("snakemake", "snakemake"), ("phvae", "phvae.cli")):
        script = folder / ".venv/bin" / name
        script.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/python" -m {module} "$@"\n')
        script.chmod(0o755)
    (folder / "config/quick.yaml").write_text(GRID.format(results=results))


@pytest.fixture
def site(slurm: Lab, sources: Path, tmp_path: Path) -> Iterator[Site]:
    """A checkout on a Slurm without accounting; no job is left for the next one."""
    folder = tmp_path / "a checkout"
    place(sources, folder, "results")
    with contextlib.closing(Site(slurm, folder, folder / "results")) as site:
        yield site
    slurm.clear()


def same_runs(results: Path, expected: Path, variants: tuple[str, ...] = VARIANTS) -> None:
    """Compare models and histories byte by byte."""
    for variant in variants:
        for seed in (0, 1):
            for name in ("model.safetensors", "model.json", "history.csv"):
                part = f"quick/runs/claw/n-500/{variant}/seed-{seed}/{name}"
                assert (results / part).read_bytes() == (expected / part).read_bytes(), part
