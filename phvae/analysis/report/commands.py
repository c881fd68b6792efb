"""The commands that make the page's parts again, quoted and relative, to be copied into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

__all__ = ["commands"]


def commands(root: Path, source: str, own: Iterable[str]) -> dict[str, str]:
    """What is made -> the command that makes it.

    Args:
        root: the results folder; relative to the working folder where it lies within.
        source: the configuration's file.
        own: the files of the user's own parts.
    """
    here, config = Path.cwd(), shlex.quote(source)
    folder = root.resolve()
    folder = folder.relative_to(here) if folder.is_relative_to(here) else root
    parts = list(own)
    first = (
        {"first of all, where they are files": f"export PHVAE_PARTS={shlex.quote(':'.join(parts))}"} if parts else {}
    )
    return first | {
        "everything": f"snakemake --cores 2 --configfile {config}",
        "a lot of runs": f"phvae train --config {config} --dataset DATASET --n-train N --lot INDEX",
        "the long table": f"phvae collect --config {config}",
        "tables and claims": f"phvae tables --config {config}",
        "a comparison": f"phvae compare {shlex.quote(folder.as_posix())} --baseline VARIANT",
        "figures": f"phvae figures --config {config}",
        "this page": f"phvae report --config {config}",
        "the tracking page": f"phvae track --config {config} && make ui",
    }
