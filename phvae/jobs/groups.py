"""The groups stage: scores that need the codes of several seeds of one cell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.errors import PhvaeError
from phvae.experiment.code import code
from phvae.files import sha256
from phvae.jobs.scores import kept, plain, save
from phvae.metrics.given import Given
from phvae.metrics.registry import SEED_SCORERS
from phvae.metrics.rows import Undefined, without_value
from phvae.records import Key, inputs_sha256, read_record, verify

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["evaluate", "keys"]


def keys(cell: Cell, run_dirs: Sequence[Path]) -> dict[str, Key]:
    """The key of each scorer of a cell's seeds: its own code, the codes that it reads, the prior.

    Raises:
        PhvaeError: a run is not encoded yet.
    """
    chosen = cell.evaluation.metrics
    if chosen != "auto" and "disentanglement" not in chosen:
        return {}
    for folder in run_dirs:
        if not (folder / "codes.npz").is_file():
            raise PhvaeError(f"{folder / 'codes.npz'}: absent; {_remedy(folder)}")
    inputs = inputs_sha256([sha256(folder / "codes.npz") for folder in run_dirs], _prior(cell))
    return {scorer.name: Key(code([scorer.module]), inputs) for scorer in SEED_SCORERS}


def _prior(cell: Cell) -> str:
    """The prior of a cell's codes; those of a model trained elsewhere come with the standard one."""
    return cell.own_model.prior if cell.own_model else "standard"


def _remedy(folder: Path) -> str:
    return f"remove {folder / 'encode.json'} and encode it again"


def evaluate(path: str | Path, cell: Cell, run_dirs: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Compute the scores of a cell's seeds together whose keys are not today's, and write ``groups.json``.

    Args:
        path: the file, as `phvae.jobs.scores` has it.
        cell: the cell.
        run_dirs: folders of its runs that did not diverge, each with codes.npz of the same test examples.

    Raises:
        PhvaeError: a run is not encoded yet.
    """
    path, folders = Path(path), [Path(folder) for folder in run_dirs]
    asked = keys(cell, folders)
    sections = kept(path, asked)
    todo = [scorer for scorer in SEED_SCORERS if scorer.name in asked.keys() - sections.keys()]
    if todo:
        for folder in folders:
            known = read_record(folder / "encode.json", "remove it and encode the run again", files=dict)["files"]
            verify(folder, {"codes.npz": known.get("codes.npz", "")}, _remedy(folder))
        codes = [dict(np.load(folder / "codes.npz")) for folder in folders]
        for scorer in todo:
            try:
                found = scorer.rows([Given(one) for one in codes] if cell.external else codes, _prior(cell))
            except Undefined as error:
                found = [without_value(metric.name, "empty", str(error)) for metric in scorer.metrics]
            rows = plain(scorer, found)
            sections[scorer.name] = asked[scorer.name].fields() | {"rows": rows}
    save(path, sections, list(asked))
    return [row for name in asked for row in sections[name]["rows"]]
