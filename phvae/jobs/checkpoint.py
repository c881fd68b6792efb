"""Checkpoints of one seed's training: whole or not at all, checked when read, the last two kept (no pickle)."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from phvae.files import atomic

__all__ = ["Damaged", "available", "location", "read", "remove", "write"]

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
    """Write the checkpoint of a step, then remove all but the newest two.

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
    for old in _steps(folder)[KEPT:]:
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


def available(folder: Path, key: str) -> list[int]:
    """Steps of the intact checkpoints of this very run, newest first; damaged and foreign ones are named in the log."""
    found = []
    for step in _steps(folder):
        path = location(folder, step)
        try:
            owner, _, _ = read(folder, step)
        except (Damaged, OSError) as error:
            log.warning("%s: damaged checkpoint ignored: %s; falling back to the one before", path, error)
            continue
        if owner == key:
            found.append(step)
        else:
            log.warning("%s: checkpoint of another configuration, code or data ignored", path)
    return found


def remove(folder: Path) -> None:
    """Remove all checkpoints of a run, and what a killed process left half written."""
    for path in [*folder.glob("checkpoint-*"), *folder.glob(".checkpoint-*")]:
        path.unlink(missing_ok=True)
