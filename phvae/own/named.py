"""Which files hold the user's own parts: said on the command line or in the environment, never by a configuration."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from phvae.errors import ConfigError

__all__ = ["HOW", "VARIABLE", "assignment", "name_files", "named", "spelt"]

VARIABLE = "PHVAE_PARTS"
HOW = f"; a part of your own is in a file that you name: --parts FILE, or {VARIABLE}=FILE"


def name_files(files: Sequence[str]) -> None:
    """Name the files of this process, and of those that it starts, in place of those in the environment."""
    os.environ[VARIABLE] = os.pathsep.join(files)


def spelt() -> list[str]:
    """The files as the environment has them."""
    return [text for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text]


def assignment() -> str:
    """What a command begins with that is to find the same files; empty where none is named."""
    return f"{VARIABLE}={shlex.quote(os.pathsep.join(files))} " if (files := spelt()) else ""


def named() -> list[Path]:
    """The files, absolute, also in the environment: a job that starts in another folder finds them.

    Raises:
        ConfigError: one is absent or no Python file, or two have one name.
    """
    files = list(dict.fromkeys(_file(text) for text in spelt()))
    for place, file in enumerate(files):
        if other := next((before for before in files[:place] if before.stem == file.stem), None):
            raise ConfigError(f"{VARIABLE}: found {other} and {file}, expected files of different names")
    if files:
        name_files([str(file) for file in files])
    return files


def _file(text: str) -> Path:
    file = Path(os.path.abspath(os.path.expanduser(text)))
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise ConfigError(
            f"{VARIABLE}: found {text!r}, expected a Python file whose name is letters, digits and _: my_parts.py"
        )
    if not file.is_file():
        raise ConfigError(f"{VARIABLE}: found {text!r}, expected a Python file: {file} does not exist")
    return file
