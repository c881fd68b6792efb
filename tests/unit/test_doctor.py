"""`phvae doctor`: a line a check, and a status that says whether the main job could run."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from phvae import cli
from phvae.config.reader import read_yaml

pytestmark = pytest.mark.slow

CHECKS = ["python", "packages", "snakemake", "repository", "config", "data", "weights", "disk", "profile", "device"]
CHECKS += ["determinism", "company"]


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
    assert states["determinism"] == states["company"] == states["config"] == states["data"] == "ok"
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


def test_own_pictures_that_are_nowhere_are_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    pictures = {"data": {"kind": "images", "path": "my pictures", "size": 32}}
    content = read_yaml("config/smoke.yaml") | {"datasets": {"mine": pictures}, "data_path": [str(tmp_path)]}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    assert cli.main(["doctor", "--config", str(path)]) == 1
    assert findings(capsys)[0]["data"] == "FAIL"
    (tmp_path / "my pictures").mkdir()
    cli.main(["doctor", "--config", str(path)])
    assert findings(capsys)[0]["data"] == "ok"


def _at(name: str, value: object) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda monkeypatch: monkeypatch.setattr(name, value)


BROKEN = {
    "python": _at("sys.version_info", (3, 10)),
    "packages": _at("phvae.experiment.provenance.versions", lambda: {"python": "3.11", "torch": "absent"}),
    "snakemake": _at("shutil.which", lambda name: None),
    "disk": _at("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 10**9)),
    "determinism": _at("phvae.determinism.seeding.derive", lambda *_: time.perf_counter_ns()),
}


@pytest.mark.parametrize("check", BROKEN)
def test_what_would_stop_the_main_job_is_found(
    check: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    BROKEN[check](monkeypatch)
    assert cli.main(["doctor", "--config", "config/smoke.yaml"]) == 1
    states, last = findings(capsys)
    assert [name for name, state in states.items() if state == "FAIL"] == [check]
    assert last.startswith("the main job cannot run here")


NOTED = {
    "repository": _at("phvae.experiment.provenance.commit", lambda: (None, None)),
    "profile": _at("pathlib.Path.is_file", lambda path, real=Path.is_file: path.parent.name != "slurm" and real(path)),
}


@pytest.mark.parametrize("check", NOTED)
def test_what_only_deserves_a_word_is_noted(
    check: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    NOTED[check](monkeypatch)
    assert cli.main(["doctor", "--config", "config/smoke.yaml"]) == 0
    assert findings(capsys)[0][check] == "note"


def test_weights_that_are_asked_for_and_nowhere_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    content = read_yaml("config/smoke.yaml")
    content["evaluation"] = content.get("evaluation", {}) | {"extractors": ["inception"]}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    assert cli.main(["doctor", "--config", str(path)]) == 0
    assert findings(capsys)[0]["weights"] == "note"


def test_a_check_that_breaks_is_a_finding_not_a_crash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("phvae.doctor._profile", lambda: 1 / 0)
    assert cli.main(["doctor", "--config", "config/smoke.yaml"]) == 1
    assert "FAIL profile      ZeroDivisionError: division by zero" in (out := capsys.readouterr().out)
    assert [line.split()[1] for line in out.splitlines()[:-1]] == CHECKS


def test_a_configuration_that_cannot_be_read_is_a_finding_not_a_crash(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["doctor", "--config", "config/absent.yaml"]) == 1
    out = capsys.readouterr().out
    assert out.count("no such file") == 1, "one error is said once"
    states = {line.split()[1]: line.split()[0] for line in out.splitlines()[:-1]}
    assert list(states) == CHECKS
    assert states["config"] == "FAIL"
    assert {states[name] for name in ("data", "weights", "disk")} == {"note"}
