"""Where numbers came from: versions, commit, machine, configuration (loads no torch)."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.determinism.device import hardware
from phvae.files import atomic

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell, Grid

__all__ = ["commit", "describe", "keep_claims", "versions"]

PACKAGE = Path(__file__).resolve().parent.parent

# Distributions whose version is recorded with every run.
RECORDED = (
    "torch",
    "numpy",
    "scipy",
    "pandas",
    "scikit-image",
    "scikit-learn",
    "torch-fidelity",
    "snakemake",
    "mlflow",
)


@functools.cache  # of a process: a run's record asks for them, and each takes milliseconds to read
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
    if _git("ls-files", "--error-unmatch", "experiment/provenance.py") is None:  # outside, or ignored as in .venv
        return None, None
    head = _git("rev-parse", "HEAD")
    edits = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results")
    unknown = _git("status", "--porcelain", "--", ".")
    return head, None if edits is None or unknown is None else bool(edits + unknown)


def keep_claims(grid: Grid) -> str | None:
    """Keep the claims that a grid's runs are trained under among its results; the hash of their file, None without one.

    A claim that is edited or added after the runs is seen to be, and what was said before them can be read.
    """
    if grid.claims is None or not grid.claims.is_file():
        return None
    content = grid.claims.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if not grid.paths.claims(digest).is_file():
        with atomic(grid.paths.claims(digest)) as temporary:
            temporary.write_bytes(content)
    return digest


def describe(
    cell: Cell,
    seed: int,
    reads: dict[str, str],
    device: str,
    threads: int,
    claims_sha256: str | None = None,
) -> dict[str, Any]:
    """The part of run.json that is known before training: where the run comes from.

    Args:
        claims_sha256: of the claims that it is trained under; see `keep_claims`.
    """
    head, dirty = commit()
    return {
        "dataset": cell.dataset,
        "n_train": cell.n_train,
        "variant": cell.variant,
        "label": cell.label,
        "seed": seed,
        "config": cell.resolved(),
        "versions": dict(versions()),
        "platform": f"{sys.platform} {platform.machine()}",
        "hardware": hardware(device),
        "commit": head,
        "dirty": dirty,
        "reads": reads,
        "claims_sha256": claims_sha256,
        "device": device,
        "threads": threads,
    }
