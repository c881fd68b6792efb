"""Runs that were trained elsewhere: outputs checked and recorded in place of training, read in place of encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.data.files.arrays import Rows
from phvae.encoding.external import layout, opened
from phvae.errors import DataError
from phvae.experiment.keys import external_key
from phvae.files import sha256
from phvae.records import current, write_record
from phvae.words import listed, plural

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.experiment.grid import Cell
    from phvae.records import Key

__all__ = ["check_alike", "ingest", "outputs"]


def ingest(
    cell: Cell, folders: Mapping[int, Path], data: Prepared, claims: Callable[[], str | None] = lambda: None
) -> None:
    """Check the outputs of all seeds of a cell, then write each run.json; what is recorded already stays.

    Args:
        cell: an external cell.
        folders: seed -> the run's folder.
        data: the prepared set.
        claims: keeps the claims that the runs are judged under, and gives their hash.

    Raises:
        DataError: outputs that are absent, damaged or not what they should be; nothing is written then.
    """
    assert cell.external is not None
    files = {seed: cell.external.file(cell.dataset, cell.n_train, seed) for seed in folders}
    if absent := [file for file in files.values() if not file.is_file()]:
        found = plural(len(files) - len(absent), "seed")
        raise DataError(
            f"{absent[0]}: absent; found the outputs of {found} of {cell.name}, expected all {len(files)}: "
            f"{listed([str(seed) for seed in files])}"
        )
    given = {file: opened(file, data) for file in files.values()}
    check_alike(given)
    hashes = {seed: sha256(file) for seed, file in files.items()}
    keys = {seed: external_key(cell, seed, hashes[seed], data.sha256) for seed in files}
    todo = [seed for seed in files if current(folders[seed] / "run.json", keys[seed]) is None]
    for seed in todo:
        layout(given[files[seed]], files[seed], data, cell.evaluation)
    claims_sha256 = claims() if todo else None
    for seed in todo:
        about = {"file": str(files[seed]), "sha256": hashes[seed], "outputs": list(given[files[seed]])}
        reads = {"data": data.sha256, "external": hashes[seed]}
        write_record(folders[seed] / "run.json", _record(cell, seed, keys[seed], about, reads, claims_sha256))


def check_alike(given: Mapping[Path, Mapping[str, Rows]]) -> None:
    """Refuse seeds of one model that give other outputs, or codes of other sizes.

    Raises:
        DataError: names two files and what differs.
    """
    (first, known), *others = given.items()
    for file, rows in others:
        if set(rows) != set(known):
            raise DataError(f"{file}: found {listed(rows)}, expected {listed(known)}, as in {first}")
        if "mean" in rows and rows["mean"].shape[1:] != known["mean"].shape[1:]:
            raise DataError(
                f"{rows['mean'].what}: found codes of size {rows['mean'].shape[1:]}, expected "
                f"{known['mean'].shape[1:]}, as in {first}: seeds of one model"
            )


def outputs(cell: Cell, seed: int, data: Prepared, digest: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Codes and arrays of a recorded run, from its file.

    Raises:
        DataError: it is not the file that was recorded.
    """
    assert cell.external is not None
    file = cell.external.file(cell.dataset, cell.n_train, seed)
    if not file.is_file() or sha256(file) != digest:
        what = "changed since its run was recorded" if file.is_file() else "absent"
        raise DataError(f"{file}: {what}; run `phvae train` of this cell again, or the workflow")
    return layout(opened(file, data), file, data, cell.evaluation)


def _record(
    cell: Cell, seed: int, key: Key, about: dict[str, Any], reads: dict[str, str], claims_sha256: str | None
) -> dict[str, Any]:
    """run.json: what is known of the run, and what its author states; nothing of the machine that judges it."""
    assert cell.external is not None
    stated = cell.external
    return {
        "dataset": cell.dataset,
        "n_train": cell.n_train,
        "variant": cell.variant,
        "label": cell.label,
        "seed": seed,
        "config": cell.resolved(),
        "external": about,
        "commit": f"external: {stated.code or 'not stated'}",
        "reads": reads,
        "claims_sha256": claims_sha256,
        **key.fields(),
        "run_key": key.sha256,
        "status": "ok",
        "parameters": {"total": stated.parameters},
        "seconds_train": stated.seconds_train,
        "files": {},
    }
