"""The closing lines of a workflow that stopped: what each failed job said, where, and how to try it by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from phvae.jobs.failures import failures

COMMAND = "exec phvae train --config 'my results/config.json' --variant vae >{} 2>&1"


def told(tmp_path: Path, text: str | None, since: float = 0.0) -> str:
    """What is said of one job that left this log."""
    log = tmp_path / "train.log"
    if text is not None:
        log.write_text(text)
    return failures([(str(log), COMMAND.format(f"'{log}'"))], since)


def test_the_message_of_the_job_comes_first_then_its_log_and_its_command(tmp_path: Path):
    assert told(tmp_path, "epoch 1/2\nphvae: a.npz: found 3 columns\n").splitlines() == [
        "",
        "1 job failed:",
        "",
        "  phvae: a.npz: found 3 columns",
        f"    log      {tmp_path}/train.log",
        "    by hand  phvae train --config 'my results/config.json' --variant vae",
        "",
        "when the cause is removed, the same command goes on with what is left",
    ]


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ("warning\nphvae: one\nphvae: a: b\na: c\n\n", ["phvae: a: b", "a: c"]),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1\n    x\nKeyError: 1\n\nDuring the handling\n\n'
            'Traceback (most recent call last):\n  File "b.py", line 2\nValueError: Axis limits\n',
            ["ValueError: Axis limits"],
        ),
        ("phvae: warned\n" + "epoch\n" * 20_000 + "phvae: at its end\n", ["phvae: at its end"]),
        (
            "epoch 1/9\nepoch 2/9\n",
            ["it ended without a message (killed, perhaps for want of memory or time); its last line: epoch 2/9"],
        ),
        ("", ["it ended before it said anything: Snakemake's lines above may say why"]),
        (None, ["it ended before it said anything: Snakemake's lines above may say why"]),
    ],
)
def test_what_a_log_says(tmp_path: Path, log: str | None, lines: list[str]):
    found = told(tmp_path, log).splitlines()
    assert found[3 : found.index(f"    log      {tmp_path}/train.log")] == [f"  {line}" for line in lines]


def test_the_log_of_an_earlier_run_is_not_this_jobs(tmp_path: Path):
    told(tmp_path, "phvae: of last week\n")
    since = (tmp_path / "train.log").stat().st_mtime
    assert "of last week" in told(tmp_path, None, since)
    os.utime(tmp_path / "train.log", (since - 9, since - 9))
    assert "of last week" not in told(tmp_path, None, since)
    assert "before it said anything" in told(tmp_path, None, since)


def test_of_many_jobs_some_are_shown_and_all_are_counted(tmp_path: Path):
    jobs = []
    for index in range(9):
        (tmp_path / f"{index}.log").write_text(f"phvae: number {index}\n")
        jobs.append((str(tmp_path / f"{index}.log"), "exec phvae collect >log 2>&1"))
    text = failures(reversed(jobs), 0)
    assert "9 jobs failed" in text
    assert [line for line in text.splitlines() if "number" in line] == [f"  phvae: number {i}" for i in range(5)]
    assert "and 4 more" in text


def test_a_long_message_is_cut(tmp_path: Path):
    text = told(tmp_path, "phvae: first\n" + "".join(f"line {i}\n" for i in range(50)))
    assert "line 6" in text
    assert "line 7" not in text


def test_without_a_failed_job_it_was_interrupted():
    assert failures([], 0) == "\nstopped before the end; what is done is kept: the same command goes on"
