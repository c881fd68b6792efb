"""What clusters do to jobs: the grid completes, and resumed runs equal undisturbed ones byte by byte."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from checkout import REPOSITORY
from cluster.conftest import HURRIED, Site, comment, same_runs
from cluster.lab import NODES, PATIENCE, Lab

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(6 * PATIENCE)]


def resumed(site: Site, variant: str) -> int:
    """The step from which a variant's last attempt went on; 0: from the start."""
    found = re.search(r"going on from the checkpoint at step (\d+)", site.log(variant))
    return int(found[1]) if found else 0


def test_cancelled_timed_out_node_down_controller_away(site: Site, slurm: Lab, undisturbed: Path):
    main = site.start(*HURRIED)
    with site.still() as held:
        site.await_held(held, 2)  # both GPUs are taken
        timed_out, lost = held
        slurm.kill("slurmctld")
        before = slurm.unanswered()
        slurm.wait(lambda: slurm.unanswered() > before, "Snakemake did not ask while the controller was away")
        slurm.start_controller()

        job = site.job(lost)
        node = slurm.run("squeue", "-h", "-j", job, "-o", "%N").strip()
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        slurm.wait(lambda: job not in slurm.jobs("RUNNING"), "the job on the lost node goes on")
        slurm.run("scontrol", "update", f"nodename={node}", "state=resume", check=False)  # it may be back by itself

        site.await_held(held, 3)
        cancelled = list(held)[2]
        slurm.run("scancel", site.job(cancelled))

        limit = (datetime.now() + timedelta(seconds=1)).isoformat(timespec="seconds")
        late = site.job(timed_out)
        slurm.run("scontrol", "update", f"jobid={late}", f"endtime={limit}")
        slurm.wait(lambda: late not in slurm.jobs("RUNNING"), "the time limit was not enforced")
    site.finish(main)

    ended = slurm.run("squeue", "-h", "-t", "all", "-o", "%T %k")
    for state, variant in (("TIMEOUT", timed_out), ("NODE_FAIL", lost), ("CANCELLED", cancelled)):
        assert f"{state} {comment(variant)}" in ended, ended
        assert resumed(site, variant), f"{variant} began anew:\n{site.log(variant)}"
    for variant in (timed_out, cancelled):
        assert resumed(site, variant) > held[variant], "no checkpoint was written on SIGTERM"
    same_runs(site.results, undisturbed)
    assert (site.results / "quick/metrics.csv").read_bytes() == (undisturbed / "quick/metrics.csv").read_bytes()


def test_main_process_killed_and_restarted(site: Site, slurm: Lab, undisturbed: Path):
    """Old jobs go on; the new ones wait for them, train nothing twice, and one message says what to do."""
    target = str(site.manifest("ph-vae-3").relative_to(site.folder))
    command = (HURRIED[0], target, *HURRIED[1:])
    main = site.start(*command)
    with site.still() as held:
        site.await_held(held, 1)
        first = site.job("ph-vae-3")
        main.kill()
        main.wait()

        refused = site.start(*command)
        assert refused.wait(timeout=PATIENCE) == 1
        assert "--unlock" in site.output.read_text()
        site.finish(site.start(*command, "--unlock"))
        again = site.start(*command)
        slurm.wait(lambda: len(site.jobs("ph-vae-3")) == 2, "the second job did not start beside the first")
        slurm.wait(lambda: "waiting for it to end" in site.log("ph-vae-3"), "the second job does not wait")
    site.finish(again)

    slurm.wait(lambda: first not in slurm.jobs(), "the first job did not end")
    assert slurm.run("squeue", "-h", "-t", "all", "-j", first, "-o", "%T").strip() == "COMPLETED"
    log = site.log("ph-vae-3")  # the second job's: Snakemake begins a new one
    assert "epoch" not in log, f"trained twice:\n{log}"
    assert "taken over" not in log
    same_runs(site.results, undisturbed, ("ph-vae-3",))


def test_the_pages_command_cancels_what_a_killed_main_process_left(site: Site, slurm: Lab):
    page = (REPOSITORY / "docs/cluster.md").read_text(encoding="utf-8")
    command = next(line.strip() for line in page.splitlines() if line.endswith("scancel"))
    nodes = f"nodename={','.join(NODES)}"
    slurm.run("scontrol", "update", nodes, "state=drain", "reason=test")  # so that nothing ends by itself
    try:
        slurm.run("sbatch", "--job-name", "not_phvae_", "--output", "/dev/null", "--wrap", "true")
        (other,) = slurm.jobs()
        main = site.start(*HURRIED)
        slurm.wait(lambda: len(slurm.jobs()) > 1, f"nothing was submitted\n{site.output.read_text()}")
        main.kill()
        main.wait()
        slurm.run("bash", "-c", command)
        slurm.wait(lambda: list(slurm.jobs()) == [other], f"{command}: expected {other} to be left alone, and alone")
    finally:
        slurm.clear()
        slurm.run("scontrol", "update", nodes, "state=resume")


def test_a_requeued_job_goes_on(site: Site, slurm: Lab, undisturbed: Path):
    """What a queue that preempts does: the same job is stopped, queued again and goes on from its checkpoint."""
    target = str(site.manifest("ph-vae-2").relative_to(site.folder))
    main = site.start(HURRIED[0], target, *HURRIED[1:])
    with site.still() as held:
        site.await_held(held, 1)
        job = site.job("ph-vae-2")
        slurm.run("scontrol", "update", f"jobid={job}", "requeue=1")
        slurm.run("scontrol", "requeue", job)
    site.finish(main)
    assert slurm.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T").strip() == "COMPLETED"
    assert resumed(site, "ph-vae-2") > held["ph-vae-2"]
    same_runs(site.results, undisturbed, ("ph-vae-2",))


def test_a_failed_job_says_why_where_snakemake_runs(site: Site):
    (site.folder / "mine").mkdir()
    (site.folder / "mine/notes.txt").touch()
    config = site.folder / "config/quick.yaml"
    own = "datasets:\n  mine: {data: {kind: images, path: mine}}\n"
    config.write_text(config.read_text().replace("datasets:\n", own))
    failed = site.start(HURRIED[0], "results/quick/data/mine.json", *HURRIED[1:], "--retries", "0")
    assert failed.wait(timeout=PATIENCE) == 1
    said = site.output.read_text().rpartition("1 job failed:\n")[2]
    assert "  phvae: mine: holds no picture" in said
    assert "    log      results/quick/logs/prepare/mine.log\n" in said
    assert re.search(r"    by hand  phvae prepare --config results/quick/configs/\w+\.json --dataset mine\n", said)
