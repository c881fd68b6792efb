"""Keys: what decides the numbers of each stage, hashed (loads no torch)."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence

from phvae.config.strict import stated
from phvae.data.registry import kind_class
from phvae.experiment.code import PACKAGE, code, parts
from phvae.experiment.grid import Cell
from phvae.experiment.stages import STAGES
from phvae.files import sha256
from phvae.metrics.registry import METRICS, SCORERS, SEED_SCORERS
from phvae.records import Key, inputs_sha256

__all__ = ["encoded", "encoding_key", "external_key", "stage_code", "training_key"]

# what the stages after the scores read of a metric's entry, which is no part of the code
_READ = {
    "collect": ("name", "unit", "higher_is_better", "comparable_from"),
    "tables": ("name", "label", "definition", "unit", "higher_is_better", "source", "best", "shown"),
    "figures": ("name", "label", "unit", "higher_is_better", "best", "shown"),
}
# what lays out the outputs of a model trained elsewhere, in the place of training and encoding
_LAID_OUT = ["phvae.encoding.external", "phvae.data.prepared"]
# the settings that decide what the encode stage writes
_ENCODED = {"n_codes", "n_samples", "n_reconstructions", "redraws", "importance_samples", "n_likelihood"}


def training_key(cell: Cell, seed: int, data_sha256: str, device: str, threads: int) -> Key:
    """The key of a trained run: the code common to all runs and that of its cell's parts; cell, seed, data, machine.

    Not the repository's commit: an edit of a figure does not make a run another run.
    """
    torch = importlib.metadata.version("torch")
    inputs = inputs_sha256(cell.in_effect(device).science(), seed, data_sha256, torch, device, threads)
    return Key(code([*STAGES["train"].code, *parts(cell.model)]), inputs)


def external_key(cell: Cell, seed: int, outputs: str, data_sha256: str) -> Key:
    """The key of a run that was trained elsewhere; `outputs` is the hash of its file."""
    assert cell.external is not None
    return Key(code(_LAID_OUT), inputs_sha256(stated(cell.external), outputs, seed, data_sha256))


def encoded(cell: Cell) -> dict[str, object]:
    """The settings that decide what the encode stage writes."""
    return {name: value for name, value in stated(cell.evaluation).items() if name in _ENCODED}


def encoding_key(cell: Cell, seed: int, model: dict[str, str], data_sha256: str, device: str, threads: int) -> Key:
    """The key of an encoded run; `model` holds the hashes of the model's files, whatever code trained it."""
    torch = importlib.metadata.version("torch")
    inputs = inputs_sha256(model, seed, data_sha256, encoded(cell), torch, device, threads)
    return Key(code(_LAID_OUT if cell.external else [*STAGES["encode"].code, *parts(cell.model)]), inputs)


def stage_code(stage: str, cells: Sequence[Cell] = ()) -> str:
    """The hash of the code behind a job of a stage that works on these cells: what its rule is run again for."""
    entry = STAGES[stage]
    modules = list(entry.code)
    if stage in ("train", "encode"):
        modules += [part for cell in cells for part in (_LAID_OUT if cell.external else parts(cell.model))]
    if stage in ("reference", "evaluate"):
        modules += [scorer.module for scorer in SCORERS]
    if stage == "evaluate":
        modules += [scorer.module for scorer in SEED_SCORERS]
    if stage == "prepare" or (stage in ("reference", "evaluate") and cells[0].facts.is_density):
        modules.append(kind_class(str(cells[0].data["kind"])).__module__)
    read = _READ.get(stage, ())
    entries = [[getattr(metric, name) for name in read] for metric in METRICS.values() if read]
    others = [sha256(path) for pattern in entry.files for path in sorted(PACKAGE.glob(pattern))]
    return inputs_sha256(code(modules, entry.rooms), repr(entries), others)
