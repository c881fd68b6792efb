"""Checkpoints of one seed's training: whole or not at all, checked when read, the last two kept (no pickle)."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from phvae.files import atomic

__all__ = ["Damaged", "available", "location", "newest", "owners", "read", "remove", "write"]

log = logging.getLogger(__name__)

MAGIC = b"phvae checkpoint 1\n"
KEPT = 2
PROGRESS = "progress"


class Damaged(ValueError):
    """A checkpoint whose bytes are not the ones that were written."""


def location(folder: Path, step: int) -> Path:
    """The file of a step's checkpoint."""
    return folder / f"checkpoint-{step:010d}"


def _steps(folder: Path) -> list[int]:
    """Steps of the checkpoints in a folder, newest first."""
    names = (path.name.removeprefix("checkpoint-") for path in folder.glob("checkpoint-*"))
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)


def write(folder: Path, step: int, key: str, progress: dict[str, Any], tensors: dict[str, Tensor]) -> Path:
    """Write the checkpoint of a step, then remove all but this key's newest two; for who holds the run's lease.

    The file is a line of magic, the SHA-256 of the rest in hexadecimal, and a safetensors archive whose tensor
    `progress` holds the JSON text of everything that is not a tensor. It appears under its name only when it is
    complete on the disk, so an older one is never harmed.

    Raises:
        OSError: the disk is full or cannot be written; names the file. Older checkpoints are intact.
    """
    text = json.dumps({"key": key, "step": step, "progress": progress}).encode()
    content = {name: value.contiguous() for name, value in tensors.items()}
    content[PROGRESS] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
    body = save(content)
    path = location(folder, step)
    try:
        with atomic(path) as temporary, temporary.open("wb") as stream:
            stream.write(MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n")
            stream.write(body)
    except OSError as error:
        message = (
            f"{error.strerror or error}: no checkpoint can be written; older ones are intact. Free space, run again"
        )
        raise OSError(error.errno, message, str(path)) from error
    _flush_folder(folder)
    for old in available(folder, key)[KEPT:]:
        location(folder, old).unlink(missing_ok=True)
    return path


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _verify(path: Path) -> bytes:
    """The archive inside a checkpoint.

    Raises:
        Damaged: says how.
    """
    content = path.read_bytes()
    start = len(MAGIC) + 65
    if not content:
        raise Damaged("the file is empty")
    if len(content) < start or not content.startswith(MAGIC):
        raise Damaged("it is cut short or no checkpoint")
    if hashlib.sha256(content[start:]).hexdigest().encode() + b"\n" != content[len(MAGIC) : start]:
        raise Damaged("its checksum does not match its content")
    return content[start:]


def read(folder: Path, step: int) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    """The checkpoint of a step: the run's key, the progress and the tensors.

    Raises:
        Damaged: the content is not what was written.
    """
    try:
        tensors = load(_verify(location(folder, step)))
        record = json.loads(tensors.pop(PROGRESS).numpy().tobytes())
        return record["key"], record["progress"], tensors
    except (SafetensorError, KeyError, ValueError) as error:
        raise error if isinstance(error, Damaged) else Damaged(f"it cannot be read ({error})") from error


def newest(folder: Path) -> tuple[int, dict[str, Any]] | None:
    """The step and the progress of the newest checkpoint that can be read, whoever it is of; None without one."""
    for step in _steps(folder):
        with suppress(OSError, Damaged):
            _, progress, _ = read(folder, step)
            return step, progress
    return None


def owners(folder: Path) -> dict[int, str]:
    """The key of every checkpoint in a folder, by step, newest first; empty where the file is damaged.

    What cannot be read for now (no permission, a file system that is away) is left out.
    """
    found = {}
    for step in _steps(folder):
        path = location(folder, step)
        try:
            found[step], _, _ = read(folder, step)
        except Damaged as error:
            log.warning("%s: damaged checkpoint: %s", path, error)
            found[step] = ""
        except OSError as error:
            log.warning("%s: cannot be read (%s); left where it is", path, error.strerror or error)
    return found


def available(folder: Path, key: str) -> list[int]:
    """Steps of the intact checkpoints of this very run, newest first; damaged and foreign ones are removed.

    For who holds the run's lease: to another process they may be what it goes on from.
    """
    found = owners(folder)
    for step, owner in found.items():
        if owner != key:
            what = "checkpoint of another configuration, code or data" if owner else "damaged checkpoint"
            log.warning("%s: %s removed", location(folder, step), what)
            location(folder, step).unlink(missing_ok=True)
    return [step for step, owner in found.items() if owner == key]


def remove(folder: Path) -> None:
    """Remove all checkpoints of a run, and what a killed process left half written."""
    for path in [*folder.glob("checkpoint-*"), *folder.glob(".checkpoint-*")]:
        path.unlink(missing_ok=True)
