"""What the tests marked browser, latex, cluster and gpu need; strict mode (PHVAE_STRICT=1) fails where it is absent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# Properties are tried on the same cases everywhere; `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parent.parent

# What a shell may hold for other work: a server, a cluster, a repository that is not the test's. On import, since
# fixtures of the session come before those of a function.
for _name in (
    "MLFLOW_TRACKING_URI", "SNAKEMAKE_PROFILE", "TORCH_HOME", "PHVAE_GRES", "PHVAE_PARTITION", "PHVAE_GPU_PARTITION",
    "PHVAE_ACCOUNT", "PHVAE_PARTS", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
):  # fmt: skip
    os.environ.pop(_name, None)
# The tests' own servers are not behind a proxy.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "127.0.0.1,localhost")))


def _programs(*names: str) -> str | None:
    missing = [name for name in names if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def _cluster() -> str | None:
    if os.geteuid() != 0:
        return "a throw-away Slurm can be started by root only"
    return _programs("slurmctld", "slurmd", "munged", "slurmdbd", "mariadbd")


def _gpu() -> str | None:
    import torch

    return None if torch.cuda.is_available() else "no CUDA device"


NEEDS = {
    "browser": lambda: _programs("chromium", "chromedriver"),
    "latex": lambda: _programs("pdflatex"),
    "cluster": _cluster,
    "gpu": _gpu,
}

# Folders of tests that take minutes: they start first, so that no core is left with one of them at the end.
LONG = ("cluster", "workflow", "browser")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, lacking in NEEDS.items():
        if item.get_closest_marker(marker) and (reason := lacking()):
            if os.environ.get("PHVAE_STRICT") == "1" and marker != "gpu":
                pytest.fail(f"{marker}: {reason} (strict mode)", pytrace=False)
            pytest.skip(f"{marker}: {reason}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, whole: pytest-xdist keeps the tests of a file together in this order (Makefile)."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (*(item.path.parent.name != name for name in LONG), item.path not in slow))


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests name shipped files relative to the checkout."""
    monkeypatch.chdir(REPOSITORY)


@pytest.fixture
def no_usual_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data of this machine: an empty cache folder, and no search path."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
