"""`phvae doctor`: a line a check, and a status that says whether the main job could run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml

from phvae import cli
from phvae.grid import read_yaml

CHECKS = ["python", "packages", "snakemake", "repository", "config", "data", "weights", "disk", "profile", "device"]
CHECKS += ["determinism"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment is active, and no published file is within reach."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)


def findings(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, str], str]:
    """State of each check, in order, and the last line."""
    *lines, last = capsys.readouterr().out.splitlines()
    return {line.split()[1]: line.split()[0] for line in lines}, last


def test_a_healthy_checkout_is_ready(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["doctor", "--config", "config/smoke.yaml"]) == 0
    states, last = findings(capsys)
    assert list(states) == CHECKS
    assert set(states.values()) <= {"ok", "note"}
    assert states["determinism"] == states["config"] == states["data"] == "ok"
    assert last.startswith("ready")


def test_an_absent_data_set_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content = read_yaml("config/smoke.yaml") | {"datasets": {"celeba64": {"n_train": [100]}}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    assert cli.main(["doctor", "--config", str(path)]) == 1
    states, last = findings(capsys)
    assert list(states) == CHECKS
    assert [name for name, state in states.items() if state == "FAIL"] == ["data"]
    assert last.startswith("the main job cannot run here")


def test_a_configuration_that_cannot_be_read_is_a_finding_not_a_crash(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["doctor", "--config", "config/absent.yaml"]) == 1
    assert findings(capsys)[0]["config"] == "FAIL"
