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
from phvae.source import code_sha256

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["MODULES", "commit", "describe", "module_files", "run_key", "stage_key", "versions"]

PACKAGE = Path(__file__).resolve().parent.parent

_METHOD = (
    "model/coefficients.py",
    "model/polynomial.py",
    "model/posterior.py",
    "model/divergences.py",
    "model/likelihoods.py",
    "model/networks.py",
    "model/model.py",
    "model/inputs.py",
    "determinism/seeding.py",
    "determinism/device.py",
    "data/prepared.py",  # the training subset
)
_NAMES = (
    "metrics/registry.py",
    "metrics/metric.py",
    "metrics/definitions*.py",
    "metrics/rows.py",
    "determinism/seeding.py",
)
_NUMBERS = (
    "analysis/__init__.py",
    "analysis/presentation/*.py",
    "analysis/results/*.py",
    "analysis/statistics/*.py",
)
_DENSITIES = ("data/distributions/line.py", "data/distributions/plane.py")

# The modules whose content decides the output of each stage; a test holds them against the imports. What only
# decides how a job is carried out (checkpoints, leases, paths, logs) is not here: its edit must not retrain anything.
# The configuration's values are in the key, and the data's hash stands for the code that made them.
MODULES: dict[str, tuple[str, ...]] = {
    "prepare": ("data/*.py", "data/*/*.py"),
    "train": (
        *_METHOD,
        "training/batches.py",
        "training/loop.py",
        "api/fitting.py",
        "training/stacking.py",
        "training/tape.py",
        "jobs/training.py",
    ),
    "encode": (
        *_METHOD,
        "encoding/importance.py",
        "encoding/proposal.py",
        "encoding/encoder.py",
        "encoding/pictures.py",
    ),
    "reference": (
        "metrics/*.py",
        "jobs/evaluate.py",
        "jobs/reference.py",
        "determinism/seeding.py",
        "determinism/device.py",
        "data/prepared.py",
        *_DENSITIES,
    ),
    "evaluate": (
        "metrics/*.py",
        "jobs/evaluate.py",
        "jobs/reference.py",
        "determinism/seeding.py",
        "determinism/device.py",
        "data/prepared.py",
        *_DENSITIES,
    ),
    "groups": ("metrics/groups.py", "metrics/latent.py", "metrics/mmd.py", "metrics/redraws.py", *_NAMES),
    "collect": ("analysis/results/*.py",),
    "tables": (
        *_NUMBERS,
        *_NAMES,
        "analysis/claims/*.py",
        "analysis/tables/*.py",
    ),
    "figures": (
        *_NUMBERS,
        *_NAMES,
        *_DENSITIES,
        "analysis/figures/*.py",
        "metrics/disentanglement_information.py",
    ),
    "report": (
        "analysis/report/*.py",
        "analysis/report/templates/*",
        "analysis/results/*.py",
        "analysis/figures/index.py",
        "analysis/tables/layout.py",
        "analysis/presentation/*.py",
    ),
    "track": ("jobs/tracking*.py",),
}

# Distributions whose version is recorded with every run.
RECORDED = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "torch-fidelity",
    "torchmetrics",
    "snakemake",
    "mlflow",
)


def module_files(stage: str) -> list[Path]:
    """The source files that a stage's numbers depend on, sorted."""
    files = {path for pattern in MODULES[stage] for path in PACKAGE.glob(pattern)}
    return sorted(files)


@functools.cache
def _science(stage: str) -> str:
    return sha256_text("\n".join(f"{path.relative_to(PACKAGE)} {code_sha256(path)}" for path in module_files(stage)))


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
    """The repository's commit and whether sources differ from it; (None, None) where no repository holds this package.

    Results are not sources: a run that writes over committed ones stays a run of the commit. A module that the
    repository does not know is an edit.
    """
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:  # outside, or ignored as in .venv
        return None, None
    head = _git("rev-parse", "HEAD")
    edits = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results")
    unknown = _git("status", "--porcelain", "--", ".")
    return head, None if edits is None or unknown is None else bool(edits + unknown)


def describe(
    cell: Cell,
    seed: int,
    key: str,
    inputs: dict[str, str],
    device: str,
    threads: int,
    claims: str | Path = "config/claims.yaml",
) -> dict[str, Any]:
    """The part of run.json that is known before training: where the run comes from.

    The ledger of claims is recorded by its hash, so that a claim edited after the runs is seen to be.
    """
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
        "claims_sha256": sha256(claims) if Path(claims).is_file() else None,
        "device": device,
        "threads": threads,
    }
