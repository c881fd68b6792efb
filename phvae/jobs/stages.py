"""One function a stage: reads the files of the stage before, calls the science, writes a manifest."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.errors import ConfigError, DataError, PhvaeError, nearest
from phvae.experiment import provenance
from phvae.experiment.grid import Cell, Grid
from phvae.files import read_json, read_object, sha256, write_json

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["collect", "encode", "evaluate", "groups", "prepare", "reference", "train"]


def _cache(grid: Grid) -> Path:
    """Prepared data are shared between configurations, so they lie beside the grids."""
    return Path(grid.config.results) / "data"


def _cells(grid: Grid, dataset: str) -> list[Cell]:
    cells = grid.dataset_cells(dataset)
    if not cells:
        known = list(dict.fromkeys(cell.dataset for cell in grid.cells))
        hint = nearest(dataset, known)
        raise ConfigError(
            f"{grid.source}: the grid has no data set {dataset!r}, expected one of {', '.join(known)}{hint}"
        )
    return cells


def _command(grid: Grid, *words: str) -> str:
    """A command of this grid, to be copied into a shell."""
    return shlex.join(["phvae", words[0], "--config", grid.source, *words[1:]])


def _data(grid: Grid, dataset: str) -> Prepared:
    from phvae.data import load

    manifest = grid.paths.data(dataset)
    command = _command(grid, "prepare", "--dataset", dataset)
    if not manifest.is_file():
        raise DataError(f"{manifest}: absent; prepare the data set first: {command}")
    remedy = f"remove it and prepare the data set again: {command}"
    return load(_cache(grid) / read_object(manifest, remedy, folder=str)["folder"])


def prepare(grid: Grid, dataset: str) -> None:
    """Prepare a data set in the shared cache; write its manifest."""
    from phvae.data import load
    from phvae.data import prepare as prepare_data

    cells = _cells(grid, dataset)
    folder = prepare_data(
        dataset,
        cells[0].data,
        cache=_cache(grid),
        search=[Path(folder) for folder in grid.config.data_path],
        download=grid.config.download,
        progress=True,
    )
    data = load(folder)
    for cell in cells:
        data.subset(cell.n_train, None)  # too large a training size is refused here, before any training
    manifest = {
        "dataset": dataset,
        "folder": folder.name,
        "sha256": data.sha256,
        "shape": list(data.shape),
        "binary": data.binary,  # claims about polynomials cannot be tested on zeros and ones
    }
    write_json(grid.paths.data(dataset), manifest)


def _keys(grid: Grid, cell: Cell, seeds: list[int], data: Prepared, device: str) -> dict[int, str]:
    return {seed: provenance.run_key(cell, seed, data.sha256, device, grid.config.threads) for seed in seeds}


def _run_dirs(grid: Grid, cell: Cell) -> dict[int, Path]:
    return {seed: grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed) for seed in cell.seeds}


def _trained(grid: Grid, cell: Cell) -> dict[int, Path]:
    """The run folders of the seeds that did not diverge.

    Raises:
        PhvaeError: a seed is not trained yet, or its run.json is damaged.
    """
    where = ["--dataset", cell.dataset, "--n-train", str(cell.n_train), "--variant", cell.variant]
    dirs, found = _run_dirs(grid, cell), {}
    for stack, seeds in grid.stacks(cell).items():
        command = _command(grid, "train", *where, "--stack", stack)
        for seed in seeds:
            path = dirs[seed] / "run.json"
            if not path.is_file():
                raise PhvaeError(f"{path}: absent; train {cell.name} first: {command}")
            if read_object(path, f"train it again: {command}", status=str, run_key=str)["status"] != "diverged":
                found[seed] = dirs[seed]
    return found


def train(grid: Grid, cell: Cell, stack: str) -> None:
    """Train a stack of seeds of one cell; seeds that are done are left alone."""
    from phvae.determinism.device import resolve
    from phvae.jobs.training import train as train_stack

    device = resolve(grid.config.device)
    stacks = grid.stacks(cell)
    if stack not in stacks:
        raise ConfigError(f"{grid.source}: {cell.name} has no stack {stack!r}, only {', '.join(stacks)}")
    data = _data(grid, cell.dataset)
    seeds = stacks[stack]
    keys = _keys(grid, cell, seeds, data, device)
    dirs = _run_dirs(grid, cell)
    inputs = {"data": data.sha256}
    records = {seed: provenance.describe(cell, seed, keys[seed], inputs, device, grid.config.threads) for seed in seeds}
    train_stack(
        cell,
        seeds,
        data,
        {s: dirs[s] for s in seeds},
        keys,
        device=device,
        threads=grid.config.threads,
        provenance=records,
    )
    files = ("run.json", "history.csv", "model.safetensors", "model.json")
    runs = {
        str(seed): {
            "run_key": keys[seed],
            "status": read_json(dirs[seed] / "run.json")["status"],
            "files": {name: sha256(dirs[seed] / name) for name in files if (dirs[seed] / name).is_file()},
        }
        for seed in seeds
    }
    write_json(grid.paths.stack(cell.dataset, cell.n_train, cell.variant, stack), {"cell": cell.name, "runs": runs})


def _batch(grid: Grid, dataset: str, n_train: int | str, index: int) -> list[Cell]:
    batches = grid.batches()
    if (dataset, n_train, index) not in batches:
        wanted, known = f"{dataset}/n-{n_train}/{index}", [f"{d}/n-{n}/{i}" for d, n, i in batches]
        most = 12  # of a large grid
        listed = ", ".join(known[:most]) + (f" and {len(known) - most} more" if len(known) > most else "")
        raise ConfigError(
            f"{grid.source}: the grid has no batch {wanted}, expected one of {listed}{nearest(wanted, known)}"
        )
    return batches[dataset, n_train, index]


def _manifest(grid: Grid, stage: str, where: tuple[str, int | str, int], names: dict[str, str]) -> None:
    write_json(grid.paths.batch(stage, *where), {"stage": stage, "files": names})


def encode(grid: Grid, dataset: str, n_train: int | str, index: int) -> None:
    """Codes, reconstructions and samples of every run of a batch of cells: all that needs the model."""
    from phvae.determinism.device import resolve
    from phvae.encoding.encoder import encode as encode_run

    device = resolve(grid.config.device)
    cells = _batch(grid, dataset, n_train, index)
    data = _data(grid, dataset)
    names = {}
    for cell in cells:
        for seed, folder in _trained(grid, cell).items():
            encode_run(folder, cell, seed, data, device=device, settings=cell.evaluation)
            names[f"{cell.variant}/{seed}"] = sha256(folder / "encode.json")
    _manifest(grid, "encode", (dataset, n_train, index), names)


def _scored(grid: Grid, cell: Cell) -> EvaluationConfig:
    """The cell's evaluation with the file of Inception weights found along `data_path`, if there is one."""
    from phvae.metrics.weights import inception_weights

    path, _ = inception_weights(cell.evaluation, grid.config.data_path)
    return cell.evaluation if path is None else cell.evaluation.model_copy(update={"inception_weights": str(path)})


def reference(grid: Grid, dataset: str) -> None:
    """What all runs on a data set share: classifier, reference features, ceilings, floors, noise floors."""
    from phvae.jobs.reference import build

    folder = grid.paths.reference(dataset)
    cells = _cells(grid, dataset)
    device = grid.scoring_device(cells)
    build(folder, _data(grid, dataset), _scored(grid, cells[0]), device=device, threads=grid.config.threads)


def evaluate(grid: Grid, dataset: str, n_train: int | str, index: int, threads: int = 1) -> None:
    """Scores of every run of a batch of cells, from the encoded arrays alone; no value depends on `threads`."""
    from phvae.jobs.evaluate import evaluate as evaluate_run

    cells = _batch(grid, dataset, n_train, index)
    data = _data(grid, dataset)
    names = {}
    device = grid.scoring_device(cells)
    for cell in cells:
        cell = dataclasses.replace(cell, evaluation=_scored(grid, cell))
        for seed, folder in _trained(grid, cell).items():
            evaluate_run(folder, cell, seed, data, grid.paths.reference(dataset), device=device, threads=threads)
            names[f"{cell.variant}/{seed}"] = sha256(folder / "metrics.json")
    _manifest(grid, "evaluate", (dataset, n_train, index), names)


def groups(grid: Grid, dataset: str, n_train: int | str, index: int) -> None:
    """Scores that need several seeds, for every cell of a batch."""
    from phvae.metrics.groups import evaluate as evaluate_group

    names = {}
    for cell in _batch(grid, dataset, n_train, index):
        path = grid.paths.groups(dataset, n_train, cell.variant)
        write_json(path, {"rows": evaluate_group(cell, list(_trained(grid, cell).values()))})
        names[cell.variant] = sha256(path)
    _manifest(grid, "groups", (dataset, n_train, index), names)


def collect(grid: Grid) -> dict[str, Any]:
    """One long table from every run of the grid."""
    from phvae.analysis.results.collect import collect as collect_runs

    expected = [(cell.dataset, cell.n_train, cell.variant, seed) for cell, seed in grid.runs()]
    try:
        return {"rows": len(collect_runs(grid.paths.root, expected, grid.labels, grid.off_curve, grid.config.baseline))}
    except FileNotFoundError as error:
        raise PhvaeError(f"{error.filename}: absent; run the stages before first") from None
