"""The literal command on a real Slurm: all compute through sbatch, GPUs counted, results as without a cluster."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cluster.conftest import HURRIED, LITERAL, Site, place, same_runs
from cluster.lab import GPUS, PATIENCE, Lab
from test_extending import blocks

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(6 * PATIENCE)]
JOBS = {"prepare": 1, "reference": 1, "train": 3, "encode": 1, "evaluate": 1}


@pytest.fixture
def read_only_home(tmp_path: Path) -> Iterator[Path]:
    """A home folder that even the superuser cannot write."""
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(home)], check=True)
    try:
        yield home
    finally:
        subprocess.run(["umount", str(home)], check=True)


@pytest.fixture
def other_file_system(tmp_path: Path) -> Iterator[Path]:
    """A folder that is not on the checkout's file system."""
    folder = Path(tempfile.mkdtemp(prefix="phvae results ", dir="/dev/shm"))
    assert folder.stat().st_dev != tmp_path.stat().st_dev
    yield folder
    shutil.rmtree(folder)


def jobs_of(lab: Lab) -> list[dict[str, str]]:
    """What the accounting knows of every job."""
    names = ("JobID", "Comment", "State", "ReqTRES", "AllocTRES", "NodeList", "Start", "End", "Account")
    lines = lab.run("sacct", "-X", "-P", "-n", "-o", ",".join(names)).splitlines()
    return [dict(zip(names, line.split("|"), strict=True)) for line in lines]


def test_the_literal_command(
    accounted: Lab, sources: Path, undisturbed: Path, read_only_home: Path, other_file_system: Path, tmp_path: Path
):
    """With accounting, from a path with a space, with a read-only home, into another file system."""
    folder = tmp_path / "a checkout"
    place(sources, folder, other_file_system)
    site = Site(accounted, folder, other_file_system, {"HOME": str(read_only_home), "PHVAE_ACCOUNT": "bench"})
    with contextlib.closing(site):
        main = site.start(*LITERAL)
        with site.still() as held:
            site.await_held(held, 2)  # so that no node is free again before the other is taken
        site.finish(main)

    same_runs(other_file_system, undisturbed)
    for name in ("metrics.csv", "metrics.parquet"):
        assert (other_file_system / "quick" / name).read_bytes() == (undisturbed / "quick" / name).read_bytes()
    assert (other_file_system / "quick/report.html").stat().st_size > 0
    assert not (folder / "results").exists()

    # slurmctld brings its last news to the database after a moment
    def told() -> bool:
        return sum(job["End"] != "Unknown" for job in jobs_of(accounted)) >= sum(JOBS.values())

    accounted.wait(told, "jobs have not ended, or are not in the database")
    jobs = jobs_of(accounted)
    rules = [job["Comment"].split("_")[1] for job in jobs]
    assert {rule: rules.count(rule) for rule in rules} == JOBS
    assert {job["State"] for job in jobs} == {"COMPLETED"}
    assert {job["Account"] for job in jobs} == {"bench"}
    for rule, job in zip(rules, jobs, strict=True):
        assert ("gres/gpu=1" in job["AllocTRES"]) == (rule in ("train", "encode")), job
        assert "node=1" in job["AllocTRES"]
    gpu_jobs = [job for job in jobs if "gres/gpu" in job["AllocTRES"]]
    for job, other in itertools.combinations(gpu_jobs, 2):
        assert GPUS == 1
        apart = span(job)[1] <= span(other)[0] or span(other)[1] <= span(job)[0]
        assert apart or job["NodeList"] != other["NodeList"], f"{job} and {other} share a GPU"
    trained = {job["NodeList"] for job, rule in zip(jobs, rules, strict=True) if rule == "train"}
    assert trained == {"n0", "n1"}, "both nodes were used"


def test_a_users_own_parts_reach_the_jobs(site: Site):
    """A data kind and an objective; named by relative paths where the workflow starts, absolute to the jobs."""
    for block in blocks():
        if block.file in ("comb.py", "wasserstein.py"):
            block.write(site.folder / "mine of old")
    (site.folder / "config/quick.yaml").write_text(
        "name: quick\nseeds: 1\ndevice: cpu\nresults: results\nbaseline: mine\ndatasets: {comb: {n_train: [100]}}\n"
        "model: {latent_size: 2, network: {name: dense, hidden: [8]}}\ntraining: {epochs: 1}\n"
        "variants: {mine: {model: {divergence: wasserstein}}}\n"
    )
    site.variables["PHVAE_PARTS"] = "mine of old/comb.py:mine of old/wasserstein.py"
    site.finish(site.start(*HURRIED, "results/quick/batches/train/comb/n-100/0.json"))
    run = json.loads((site.results / "quick/runs/comb/n-100/mine/seed-0/run.json").read_text())
    assert run["config"]["model"]["divergence"]["name"] == "wasserstein"


def span(job: dict[str, str]) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(job["Start"]), datetime.fromisoformat(job["End"])
