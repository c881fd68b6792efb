"""The encode job: the arrays of a trained run written for the metrics, a few of them and pictures for people."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.api.saving import load
from phvae.determinism.device import session
from phvae.encoding.encoder import STEPS, Arrays, Encoder
from phvae.encoding.external import original
from phvae.experiment.keys import encoding_key
from phvae.files import atomic, sha256
from phvae.jobs.costs import note_costs
from phvae.jobs.external import outputs
from phvae.jobs.pictures import grid, save_png
from phvae.records import current, read_record, verify, write_record

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.experiment.grid import Cell

__all__ = ["KEPT_POINTS", "encode", "write_arrays"]

KEPT_IMAGES = 64
KEPT_POINTS, KEPT_ROWS = 4096, 500  # of densities; of a table of very many columns
KEPT_BYTES = 1_500_000  # of samples.npz before compression
MODEL = ("model.safetensors", "model.json")


def encode(folder: Path, cell: Cell, seed: int, data: Prepared, *, device: str) -> dict[str, Any]:
    """Encode the test split, reconstruct, sample and score with a trained run, also on some of its training examples.

    Writes codes.npz, arrays.npz, samples.npz (a selection), pictures/*.png (of images) and, last, encode.json with
    the hashes of what was read and written. Equal inputs give equal bytes; a run that is encoded already is left alone.
    The noise comes from (seed, "evaluation", ...), alike for all variants. The time it took goes to costs.json.

    Returns:
        The content of encode.json.

    Raises:
        DataError: the run has no model.
    """
    run = read_record(folder / "run.json", "train it again", files=dict)
    reads = {"external": run["reads"]["external"]} if cell.external else {n: run["files"].get(n, "") for n in MODEL}
    threads = run.get("threads", 1)
    key = encoding_key(cell, seed, reads, data.sha256, device, threads)
    if done := current(folder / "encode.json", key):
        return done
    started = time.perf_counter()
    if cell.external:
        codes, arrays = outputs(cell, seed, data, reads["external"])
        originals = original(data.test[:KEPT_POINTS], data)
    else:
        codes, arrays, originals = _encoded(folder, cell, seed, data, reads, device, threads)
    files = write_arrays(folder, codes, arrays, originals)
    record = key.fields() | {"device": device, "threads": threads, "reads": reads, "files": files}
    write_record(folder / "encode.json", record)
    if not cell.external:  # reading outputs is no cost of a model
        note_costs(folder, seconds_encode=round(time.perf_counter() - started, 3))
    return record


def _encoded(
    folder: Path, cell: Cell, seed: int, data: Prepared, reads: dict[str, str], device: str, threads: int
) -> tuple[Arrays, Arrays, np.ndarray]:
    """Codes and arrays of a model that was trained here, and the first test examples in their units."""
    known = {name: digest for name, digest in reads.items() if digest}
    verify(folder, known, f"remove {folder / 'run.json'} and train it again")
    with session(device, threads):
        model = load(folder, device)
        model.scaling = None  # the prepared arrays are in the model's units; the encoder maps what it writes
        trained = data.subset(cell.n_train, seed if cell.subset == "by_seed" else None)
        encoder = Encoder(model, data, seed, cell.evaluation, trained)
        codes, arrays = encoder.codes(), {}
        for name, value in encoder.arrays(codes):
            arrays[name] = value
    return codes, arrays, encoder.original(data.test[:KEPT_POINTS])


def write_arrays(folder: Path, codes: Arrays, arrays: Arrays, originals: np.ndarray) -> dict[str, str]:
    """Write codes, arrays, a selection of them and pictures of images; the hash of each file.

    Args:
        originals: the first test examples, at least as many as are kept, as `arrays` has them.
    """
    kept = _selection(arrays, originals)
    _write(folder / "codes.npz", codes, compress=True)
    _write(folder / "arrays.npz", arrays, compress=False)
    _write(folder / "samples.npz", kept, compress=True)
    names = ["codes.npz", "arrays.npz", "samples.npz", *(_pictures(folder, kept) if originals.ndim == 4 else [])]
    return {name: sha256(folder / name) for name in names}


def _selection(arrays: Arrays, originals: np.ndarray) -> Arrays:
    """The few examples that are kept with a run for good."""
    example = originals[:1].nbytes
    least, most = (KEPT_ROWS, KEPT_POINTS) if originals.ndim == 2 else (8, KEPT_IMAGES)
    count = min(most, max(least, KEPT_BYTES // (4 * example)))
    kept: Arrays = {name: arrays[name][0, :count] for name in ("samples_mean", "samples_model") if name in arrays}
    if "reconstructions" in arrays:
        kept["reconstructions"] = arrays["reconstructions"][:count]
    kept["originals"] = originals[:count]
    further = ("traversals", "interpolations", "nearest")
    return kept | {name: arrays[name] for name in further if name in arrays}


def _write(path: Path, arrays: Arrays, *, compress: bool) -> None:
    with atomic(path) as temporary:
        (np.savez_compressed if compress else np.savez)(temporary, **arrays)  # type: ignore[arg-type]


def _pictures(folder: Path, kept: Arrays) -> list[str]:
    """Draw what a person wants to see first of images; returns the names written."""
    shape, pages = kept["originals"].shape[1:], {}
    if "samples_mean" in kept:
        pages["samples"] = grid(kept["samples_mean"], 8)
    if "reconstructions" in kept:
        count = min(24, len(kept["originals"]), len(kept["reconstructions"]))
        pairs = np.stack([kept["originals"][:count], kept["reconstructions"][:count]], 1).reshape(-1, *shape)
        pages["reconstructions"] = grid(pairs, 8)
    if "traversals" in kept:
        pages["traversals"] = grid(kept["traversals"].reshape(-1, *shape), STEPS)
    for name, page in pages.items():
        save_png(folder / "pictures" / f"{name}.png", page)
    return [f"pictures/{name}.png" for name in pages]
