"""What decides a run's numbers, hashed; and where those numbers came from, recorded (loads no torch)."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.files import sha256, sha256_text

if TYPE_CHECKING:
    from phvae.grid import Cell

__all__ = ["MODULES", "commit", "describe", "module_files", "run_key", "stage_key", "versions"]

PACKAGE = Path(__file__).resolve().parent

_METHOD = ("coefficients.py", "polynomial.py", "posterior.py", "divergences.py", "likelihoods.py", "networks.py", "model.py")

# The modules whose content decides the numbers of each stage. Checkpoints, paths, logs and plots are not
# here: an edit of theirs must not retrain anything.
MODULES: dict[str, tuple[str, ...]] = {
    "prepare": ("data/*.py",),
    "train": (*_METHOD, "seeding.py", "stacking.py", "training.py"),
    "encode": (*_METHOD, "seeding.py", "encoding.py"),
    "reference": ("metrics/*.py", "seeding.py"),
    "evaluate": ("metrics/*.py",),
    "groups": ("metrics/groups.py",),
    "collect": ("analysis/results.py",),
    "tables": (
        "analysis/tables.py",
        "analysis/statistics.py",
        "analysis/claims.py",
        "analysis/rate_distortion.py",
    ),
    "figures": ("analysis/figures*.py", "analysis/style.py"),
    "report": ("analysis/report.py", "analysis/templates/*"),
    "track": ("tracking.py",),
}

# Distributions whose version is recorded with every run.
RECORDED = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "torch-fidelity", "torchmetrics", "snakemake", "mlflow")


def module_files(stage: str) -> list[Path]:
    """The source files that a stage's numbers depend on, sorted."""
    files = {path for pattern in MODULES[stage] for path in PACKAGE.glob(pattern)}
    return sorted(files)


@functools.cache
def _science(stage: str) -> str:
    return sha256_text("\n".join(f"{path.relative_to(PACKAGE)} {sha256(path)}" for path in module_files(stage)))


def run_key(cell: Cell, seed: int, data_sha256: str, device: str, threads: int) -> str:
    """The hash of everything that decides the numbers of a trained run.

    Not the repository's commit: an edit of a figure does not make a run another run.
    """
    content = {
        "cell": cell.science(),
        "seed": seed,
        "modules": _science("train"),
        "data": data_sha256,
        "torch": importlib.metadata.version("torch"),
        "device": device,
        "threads": threads,
    }
    return sha256_text(json.dumps(content, sort_keys=True))


def stage_key(stage: str, *ingredients: Any) -> str:
    """The hash of a later stage: its modules and the given ingredients (keys, settings)."""
    return sha256_text(json.dumps([_science(stage), *ingredients], sort_keys=True))


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers may depend on."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    try:
        found["phvae"] = importlib.metadata.version("phvae")
    except importlib.metadata.PackageNotFoundError:
        found["phvae"] = "uninstalled"
    return found


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(PACKAGE), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@functools.cache
def commit() -> tuple[str | None, bool | None]:
    """The repository's commit and whether tracked files differ from it; (None, None) outside a repository."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None, None
    return head, bool(_git("status", "--porcelain", "--untracked-files=no"))


def describe(cell: Cell, seed: int, key: str, inputs: dict[str, str], device: str, threads: int) -> dict[str, Any]:
    """The part of run.json that is known before training: where the run comes from."""
    head, dirty = commit()
    return {
        "run_key": key,
        "dataset": cell.dataset,
        "n_train": cell.n_train,
        "variant": cell.variant,
        "label": cell.label,
        "seed": seed,
        "config": cell.resolved(),
        "versions": versions(),
        "platform": f"{sys.platform} {platform.machine()}",
        "commit": head,
        "dirty": dirty,
        "inputs": inputs,
        "device": device,
        "threads": threads,
    }
