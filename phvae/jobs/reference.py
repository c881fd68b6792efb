"""The reference stage: what all runs on a data set share, computed once (ceilings, floors, classifier, features)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.determinism.device import resolve
from phvae.experiment.code import code
from phvae.experiment.stages import STAGES
from phvae.files import read_json, sha256, write_json
from phvae.jobs.evaluate import MODULES
from phvae.metrics.expected import groups_of
from phvae.metrics.generation import learns
from phvae.metrics.registry import pattern_of
from phvae.metrics.weights import present
from phvae.records import inputs_sha256

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["build"]

# Settings that change how the evaluation is carried out, or only what is drawn from a run; weights go in by their hash.
_APART = {"cells_per_job", "importance_samples", "n_likelihood", "inception_weights"}


def build(
    folder: str | Path, data: Prepared, settings: EvaluationConfig, *, device: str = "cpu", threads: int = 1
) -> Path:
    """Write ``reference.json`` ({"key", "bounds", "files"}) and the files beside it; returns its path.

    "bounds" maps a metric's name, or its pattern in the registry, to {ceiling, floor, noise_sd}: each
    module of a group that means something on these data gives its own through ``reference(folder, data, settings,
    device=..., threads=...)``, where it has one. A folder with the same key, whose files are whole, is left alone.

    Raises:
        PhvaeError: data or settings that no reference can be built from.
    """
    from threadpoolctl import threadpool_limits

    folder = Path(folder)
    chosen = groups_of(data) if settings.metrics == "auto" else [g for g in groups_of(data) if g in settings.metrics]
    # a classifier's weights depend on where it is trained
    machine = [resolve(device), threads] if "generation" in chosen and learns(data, settings) else None
    key = inputs_sha256(
        code(STAGES["reference"].code), data.sha256, settings.model_dump(exclude=_APART), present(settings), machine
    )
    path = folder / "reference.json"
    if path.is_file() and _whole(folder, read_json(path), key):
        return path
    folder.mkdir(parents=True, exist_ok=True)
    bounds: dict[str, dict[str, Any]] = {}
    with threadpool_limits(1):
        for group in chosen:
            for name in MODULES[group]:
                make = getattr(importlib.import_module(name), "reference", None)
                if make is not None:
                    bounds |= make(folder, data, settings, device=device, threads=threads)
    for name in bounds:
        pattern_of(name.replace("{k}", "1"))  # a bound of an unknown metric would never be shown
    files = {
        file.relative_to(folder).as_posix(): sha256(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != "reference.json" and not file.name.startswith(".")
    }
    write_json(path, {"key": key, "bounds": bounds, "files": files})
    return path


def _whole(folder: Path, found: dict[str, Any], key: str) -> bool:
    return found.get("key") == key and all(
        (folder / name).is_file() and sha256(folder / name) == digest for name, digest in found["files"].items()
    )
