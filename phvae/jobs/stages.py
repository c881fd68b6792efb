"""One function a stage: reads the files of the stage before, calls the science, writes a manifest."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from phvae.errors import ConfigError, DataError, PhvaeError, nearest
from phvae.experiment import provenance
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.stages import CLAIMS, PUBLISHED
from phvae.files import read_object, sha256, write_json
from phvae.words import plural

if TYPE_CHECKING:
    from phvae.data import Prepared

__all__ = [
    "collect",
    "encode",
    "evaluate",
    "figures",
    "groups",
    "prepare",
    "reference",
    "report",
    "tables",
    "track",
    "train",
]


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


def _folder(grid: Grid, cell: Cell, seed: int) -> Path:
    return grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)


def _trained(grid: Grid, cell: Cell) -> dict[int, Path]:
    """The run folders of the seeds that did not diverge.

    Raises:
        PhvaeError: a seed is not trained yet, or its run.json is damaged.
    """
    where = ["--dataset", cell.dataset, "--n-train", str(cell.n_train), "--variant", cell.variant]
    found = {}
    for stack, seeds in grid.stacks(cell).items():
        command = _command(grid, "train", *where, "--stack", stack)
        for seed in seeds:
            path = _folder(grid, cell, seed) / "run.json"
            if not path.is_file():
                raise PhvaeError(f"{path}: absent; train {cell.name} first: {command}")
            if read_object(path, f"train it again: {command}", status=str, run_key=str)["status"] != "diverged":
                found[seed] = path.parent
    return found


def train(grid: Grid, dataset: str, n_train: int | str, variant: str, stack: str) -> None:
    """Train a stack of seeds of one cell; seeds that are done are left alone."""
    from phvae.determinism.device import resolve
    from phvae.experiment.keys import training_key
    from phvae.jobs.run import Run
    from phvae.jobs.training import train as train_runs

    cell = grid.cell(dataset, n_train, variant)
    device = resolve(grid.config.device)
    stacks = grid.stacks(cell)
    if stack not in stacks:
        raise ConfigError(f"{grid.source}: {cell.name} has no stack {stack!r}, only {', '.join(stacks)}")
    data, threads = _data(grid, cell.dataset), grid.config.threads
    runs = [
        Run(
            seed,
            _folder(grid, cell, seed),
            training_key(cell, seed, data.sha256, device, threads),
            provenance.describe(cell, seed, {"data": data.sha256}, device, threads),
        )
        for seed in stacks[stack]
    ]
    records = train_runs(cell, runs, data, device=device, threads=threads)
    manifest = {
        str(run.seed): {
            "run_key": run.key.sha256,
            "status": records[run.seed]["status"],
            "files": records[run.seed]["files"] | {"run.json": sha256(run.record)},
        }
        for run in runs
    }
    path = grid.paths.stack(cell.dataset, cell.n_train, cell.variant, stack)
    write_json(path, {"cell": cell.name, "runs": manifest})


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


def encode(grid: Grid, dataset: str, n_train: int | str, batch: int) -> None:
    """Codes, reconstructions and samples of every run of a batch of cells: all that needs the model."""
    from phvae.determinism.device import resolve
    from phvae.jobs.encode import encode as encode_run

    device = resolve(grid.config.device)
    cells = _batch(grid, dataset, n_train, batch)
    data = _data(grid, dataset)
    names = {}
    for cell in cells:
        for seed, folder in _trained(grid, cell).items():
            encode_run(folder, cell, seed, data, device=device)
            names[f"{cell.variant}/{seed}"] = sha256(folder / "encode.json")
    _manifest(grid, "encode", (dataset, n_train, batch), names)


def reference(grid: Grid, dataset: str) -> None:
    """What all runs on a data set share: classifier, reference features, ceilings, floors, noise floors."""
    from phvae.jobs.reference import build
    from phvae.metrics.weights import with_inception

    folder = grid.paths.reference(dataset)
    cells = _cells(grid, dataset)
    device = grid.scoring_device(cells)
    build(
        folder,
        _data(grid, dataset),
        with_inception(cells[0].evaluation, grid.config.data_path),
        device=device,
        threads=grid.config.threads,
    )


def evaluate(grid: Grid, dataset: str, n_train: int | str, batch: int, threads: int = 1) -> None:
    """Scores of every run of a batch of cells, from the encoded arrays alone; no value depends on `threads`."""
    from phvae.jobs.evaluate import evaluate as evaluate_run
    from phvae.metrics.weights import with_inception

    cells = _batch(grid, dataset, n_train, batch)
    data = _data(grid, dataset)
    names = {}
    device = grid.scoring_device(cells)
    for cell in cells:
        cell = dataclasses.replace(cell, evaluation=with_inception(cell.evaluation, grid.config.data_path))
        for seed, folder in _trained(grid, cell).items():
            evaluate_run(folder, cell, seed, data, grid.paths.reference(dataset), device=device, threads=threads)
            names[f"{cell.variant}/{seed}"] = sha256(folder / "metrics.json")
    _manifest(grid, "evaluate", (dataset, n_train, batch), names)


def groups(grid: Grid, dataset: str, n_train: int | str, batch: int) -> None:
    """Scores that need several seeds, for every cell of a batch."""
    from phvae.jobs.groups import evaluate as evaluate_seeds

    names = {}
    for cell in _batch(grid, dataset, n_train, batch):
        path = grid.paths.groups(dataset, n_train, cell.variant)
        evaluate_seeds(path, cell, list(_trained(grid, cell).values()))
        names[cell.variant] = sha256(path)
    _manifest(grid, "groups", (dataset, n_train, batch), names)


def collect(grid: Grid) -> None:
    """One long table from every run of the grid."""
    from phvae.analysis.results.collect import collect as collect_runs

    expected = [(cell.dataset, cell.n_train, cell.variant, seed) for cell, seed in grid.runs()]
    try:
        table = collect_runs(grid.paths.root, expected, grid.labels, grid.off_curve, grid.config.baseline)
        print(plural(len(table), "row"))
    except FileNotFoundError as error:
        raise PhvaeError(f"{error.filename}: absent; run the stages before first") from None


def tables(grid: Grid, claims: str = CLAIMS, published: str = PUBLISHED) -> None:
    """Statistics, claims and tables from the long table."""
    from phvae.analysis.tables.write import write_tables

    write_tables(grid.paths.root, Path(claims), Path(published), baseline=grid.config.baseline)


def figures(grid: Grid) -> None:
    """Figures from the long table and the stored arrays."""
    from phvae.analysis.figures.write import write_figures

    write_figures(grid.paths.root, baseline=grid.config.baseline)


def report(grid: Grid) -> None:
    """One offline page."""
    from phvae.analysis.report.write import write_report

    write_report(grid.paths.root)
    print(grid.paths.root / "report.html")


def track(grid: Grid) -> None:
    """The MLflow view, brought up to date."""
    from phvae.tracking.sync import mask, sync

    write_json(grid.paths.root / "tracking.json", {"uri": mask(sync(grid.paths.root))})
