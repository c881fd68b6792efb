"""What a results folder keeps of the configuration that it was made with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phvae.experiment.paths import Paths
from phvae.files import read_object

__all__ = ["default_baseline", "kept_configuration", "own_parts", "seeds_vary"]


def kept_configuration(root: Path) -> tuple[dict[str, Any], str]:
    """The configuration that the results were made with, and the name of its file; both empty if it is not kept.

    Raises:
        DataError: its file is damaged.
    """
    path = Paths(Path(root)).config
    if not path.is_file():
        return {}, ""
    kept = _kept(path)
    return kept["config"], kept.get("source", "")


def own_parts(root: Path) -> dict[str, str]:
    """The files of parts of the user's own that the results were made with, and their hashes.

    Raises:
        DataError: the file of the configuration is damaged.
    """
    path = Paths(Path(root)).config
    return dict(_kept(path).get("parts", {})) if path.is_file() else {}


def _kept(path: Path) -> dict[str, Any]:
    return read_object(path, "remove it and run the workflow again", config=dict)


def default_baseline(root: Path) -> str:
    """The baseline of the configuration that the results were made with; `vae` if that is not kept.

    Raises:
        DataError: its file is damaged.
    """
    return str(kept_configuration(root)[0].get("baseline", "vae"))


def seeds_vary(root: Path, datasets: Sequence[str]) -> str:
    """What differs from seed to seed on these data sets, as a sentence; empty where the configuration is not kept.

    Raises:
        DataError: its file is damaged.
    """
    config, _ = kept_configuration(root)
    if not config:
        return ""
    entries = {name: config.get("datasets", {}).get(name) or {} for name in datasets}
    drawn = [
        name
        for name, entry in entries.items()
        if entry.get("subset") == "by_seed" and any(size != "all" for size in entry.get("n_train", ["all"]))
    ]
    start = "Over seeds vary initialisation and order of the examples"
    if not drawn:
        return f"{start}, not the data."
    if len(drawn) == len(entries):
        return f"{start}, and which examples are trained on."
    return f"{start}, and on {', '.join(drawn)} which examples are trained on; elsewhere not the data."
