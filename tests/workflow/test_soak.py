"""A small grid, killed at any moment and started again, ends with the bytes of one that was left alone."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("options", "trials"),
    [
        (("--fixed", "5", "--random", "5"), 10),
        (("--fixed", "0", "--random", "3", "--signal", "SIGTERM"), 3),
    ],
    ids=["killed", "asked to stop"],
)
def test_same_bytes(options: tuple[str, ...], trials: int):
    """The random moments change with each call; a failure prints their seed."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{trials} of {trials} runs ended with the bytes of the untouched one" in done.stdout
