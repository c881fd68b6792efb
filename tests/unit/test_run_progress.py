"""What a running grid says, from the records that Snakemake sends."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

import snakemake_logger_plugin_phvae as plugin
from phvae.experiment.grid import parse_grid
from phvae.files import write_json, write_text
from phvae.jobs.run_progress import RunProgress
from phvae.planning.plan import jobs

GRID = {"seeds": 2, "datasets": {"claw": {}, "digits": {}}, "variants": {"vae": {"model": {"order": 1}}}}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def started(root: Path) -> tuple[RunProgress, Clock]:
    """A start of a whole grid whose results lie in `root`."""
    grid = parse_grid(GRID | {"name": root.name, "results": str(root.parent)}, "a")
    write_text(root / "config.json", grid.dump())
    clock = Clock()
    progress = RunProgress(clock)
    counts = {stage: sum(job.stage == stage for job in jobs(grid)) for stage in ("prepare", "train", "encode")}
    progress.begin(counts)
    return progress, clock


def test_a_line_says_what_is_done_how_long_it_took_and_the_loss(tmp_path: Path) -> None:
    progress, clock = started(tmp_path / "tiny")
    log = tmp_path / "tiny" / "logs" / "train.log"
    write_text(log, "claw  epoch 1/2  train loss 3.25\nclaw  epoch 2/2  train loss 1.61803  validation loss 9\n")
    write_json(tmp_path / "tiny/runs/claw/n-all/vae/seed-0/run.json", {})
    progress.start(7, "train", {"dataset": "claw", "n_train": "all", "index": "0"}, str(log))
    clock.now = 12
    line = progress.finish(7)
    total = sum(progress.counts.values())
    assert line.startswith(f"[{1:>{len(str(total))}}/{total}] train     claw/all/0")
    assert "  12 s" in line
    assert "1 of 4 runs trained" in line
    assert line.endswith("loss 1.618")
    assert progress.finish(99) == ""
    assert progress.share == 1 / total


def test_what_is_left_follows_the_plan_at_the_speed_so_far(tmp_path: Path) -> None:
    progress, clock = started(tmp_path / "tiny")
    grid = parse_grid(GRID | {"name": "tiny", "results": str(tmp_path)}, "a")
    planned = {(job.stage, job.name): job.seconds for job in jobs(grid) if job.stage in progress.counts}
    progress.start(1, "train", {"dataset": "claw", "n_train": "all", "index": "0"}, str(tmp_path / "tiny/logs/a.log"))
    spent = planned.pop(("train", "claw/all/0"))
    clock.now = 100 * spent  # a machine that takes a hundred times as long
    progress.finish(1)
    assert progress.left() == f"about {100 * sum(planned.values()) / 60:.0f} min left"


def test_a_long_job_that_runs_alone_is_not_forgotten(tmp_path: Path) -> None:
    progress, clock = started(tmp_path / "tiny")
    log = str(tmp_path / "tiny/logs/a.log")
    progress.counts = {"train": 2, "encode": 1}
    for number, dataset in enumerate(("claw", "digits")):
        progress.start(number, "train", {"dataset": dataset, "n_train": "all", "index": "0"}, log)
    planned = {(job.stage, job.name): job.seconds for job in jobs(parse_grid(GRID | {"name": "a"}, "a"))}
    pace = 1000  # so much longer than the plan says
    clock.now = pace * planned["train", "claw/all/0"]
    progress.finish(0)
    progress.start(2, "encode", {"dataset": "digits", "n_train": "all", "index": "0"}, log)
    digits, encode = (pace * planned[stage, "digits/all/0"] for stage in ("train", "encode"))
    longest = max(digits - clock.now, encode)
    assert progress.left() == f"about {longest / 60:.0f} min left"
    clock.now += longest - 1
    assert progress.left() == "under a minute left"


def test_a_failed_job_says_why_and_where(tmp_path: Path) -> None:
    progress, _ = started(tmp_path / "tiny")
    log = tmp_path / "tiny" / "logs" / "evaluate.log"
    write_text(log, "noise\nphvae: the disk is full\n")
    progress.start(3, "evaluate", {"dataset": "claw", "n_train": "all", "index": "0"}, str(log))
    assert progress.fail(3) == ["FAILED evaluate  claw/all/0", "  phvae: the disk is full", f"  log {log}"]
    assert progress.fail(3) == []
    progress.start(4, "evaluate", {"dataset": "claw", "n_train": "all", "index": "0"}, str(log))
    progress.stopped = True
    assert progress.fail(4) == ["stopped evaluate  claw/all/0"]


def said(handler: plugin.LogHandler, capsys: pytest.CaptureFixture[str], level: int, text: str, **extra: Any) -> str:
    record = logging.LogRecord("snakemake", level, __file__, 1, text, None, None)
    record.__dict__.update(extra)
    handler.emit(record)
    return capsys.readouterr().err


def test_snakemakes_records_become_short_lines(capsys: pytest.CaptureFixture[str]) -> None:
    handler = plugin.LogHandler(SimpleNamespace(dryrun=False), None)  # type: ignore[arg-type]
    info, failed = logging.INFO, logging.ERROR
    stats = {"all": 1, "train": 2, "total": 3}
    assert said(handler, capsys, info, "Job stats", event=LogEvent.RUN_INFO, stats=stats) == "2 jobs: 2 train\n"
    assert said(handler, capsys, info, "Select jobs to execute...") == ""
    assert said(handler, capsys, info, "Job 17 has been submitted with SLURM jobid 19 (log: /x/19.log).") == ""
    assert "Nothing to be done" in said(handler, capsys, info, "Nothing to be done (all requested files are present).")
    job = {"jobid": 1, "rule_name": "train", "wildcards": {"dataset": "claw", "index": "0"}, "log": []}
    assert said(handler, capsys, info, "Rule", event=LogEvent.JOB_INFO, **job) == ""
    assert "[1/2] train     claw/0" in said(handler, capsys, info, "Finished", event=LogEvent.JOB_FINISHED, job_id=1)
    said(handler, capsys, info, "Rule", event=LogEvent.JOB_INFO, **job)
    assert (
        said(handler, capsys, failed, "Error in rule", event=LogEvent.JOB_ERROR, **job) == "FAILED train     claw/0\n"
    )
    assert "WorkflowError" in said(handler, capsys, failed, "WorkflowError: no", event=LogEvent.ERROR)
    assert said(handler, capsys, failed, "RuleException:\nCalledProcessError in file x", event=LogEvent.ERROR) == ""
    assert "nothing new" in said(handler, capsys, info, "Shutting down, this might take some time.")
    said(handler, capsys, info, "Rule", event=LogEvent.JOB_INFO, **job)
    assert "checkpoint" in said(handler, capsys, failed, "Terminating processes on user request, this might take")
    assert said(handler, capsys, failed, "Error", event=LogEvent.JOB_ERROR, **job) == "stopped train     claw/0\n"
    dry = plugin.LogHandler(SimpleNamespace(dryrun=True), None)  # type: ignore[arg-type]
    assert said(dry, capsys, info, "Rule", event=LogEvent.JOB_INFO, **job) == "would run train claw 0\n"
