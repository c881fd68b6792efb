"""One function a stage: checks and reads the files of the stages before, calls the science, writes a manifest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from phvae.errors import ConfigError, nearest
from phvae.experiment import provenance
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.manifests import external_stamp, needed, trained_files, write_manifest
from phvae.experiment.questions import Questions
from phvae.experiment.stages import PUBLISHED, command
from phvae.files import write_json, write_text
from phvae.records import read_record, verify
from phvae.words import listed, plural

if TYPE_CHECKING:
    from phvae.data import Prepared

Place = tuple[str, int | str, int]
Part = TypeVar("Part")

__all__ = [
    "collect",
    "encode",
    "evaluate",
    "figures",
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


def _data(questions: Questions, dataset: str) -> Prepared:
    """The prepared data set, every byte as it was written."""
    from phvae.data import load

    grid = questions.grid
    known, remedy = needed(questions, "prepare", dataset), f"run again: {command(grid.source, 'prepare', dataset)}"
    return load(_cache(grid) / known["folder"], verify=True, remedy=remedy, known=known["sha256"])


def prepare(grid: Grid, dataset: str) -> None:
    """Prepare a data set in the shared cache; write its manifest."""
    from phvae.data import load
    from phvae.data import prepare as prepare_data
    from phvae.data.stamp import stamp

    cells, search = _cells(grid, dataset), [Path(folder) for folder in grid.config.data_path]
    before = stamp(cells[0].data, search)  # so that a change meanwhile is seen later
    folder = prepare_data(
        dataset, cells[0].data, cache=_cache(grid), search=search, download=grid.config.download, progress=True
    )
    data = load(folder)
    for cell in cells:
        data.subset(cell.n_train, None)  # too large a training size is refused here, before any training
    write_manifest(
        Questions(grid),
        "prepare",
        (dataset,),
        [],  # the cache may lie anywhere; its card holds the hashes
        dataset=dataset,
        folder=folder.name,
        stamp=before or stamp(cells[0].data, search),  # after a download
        sha256=data.sha256,
        shape=list(data.shape),
        binary=data.binary,  # claims about polynomials cannot be tested on zeros and ones
    )


def _folder(grid: Grid, cell: Cell, seed: int) -> Path:
    return grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed)


def _is_record(name: str) -> bool:
    return name.endswith("/run.json")


def _trained(questions: Questions, cell: Cell) -> dict[int, Path]:
    """The run folders of the seeds that did not diverge.

    Raises:
        PhvaeError: a seed is not trained yet, or its run.json is damaged.
    """
    grid, found = questions.grid, {}
    runs = f"{grid.paths.cell(cell.dataset, cell.n_train, cell.variant).relative_to(grid.paths.root).as_posix()}/"
    for lot in questions.lots([cell]):
        needed(questions, "train", *lot, read=lambda name: name.startswith(runs) and _is_record(name))
        for seed in (seed for its, seeds in questions.stacks(lot) if its.name == cell.name for seed in seeds):
            path = _folder(grid, cell, seed) / "run.json"
            remedy = f"remove it and run again: {command(grid.source, 'train', *lot)}"
            if read_record(path, remedy, status=str, files=dict)["status"] != "diverged":
                found[seed] = path.parent
    return found


def train(grid: Grid, dataset: str, n_train: int | str, lot: int) -> None:
    """Train a lot of stacks of seeds, or record outputs of a model trained elsewhere; what is done is left alone."""
    questions, where = Questions(grid), (dataset, n_train, lot)
    stacks = _named(grid, grid.lots(), "lot", where)
    data = _data(questions, dataset)
    stamp = external_stamp(questions, where)  # so that a change meanwhile is seen later
    for cell, seeds in stacks:
        (_ingest if cell.external else _train)(grid, cell, seeds, data)
    write_manifest(questions, "train", where, trained_files(questions, where), **({"stamp": stamp} if stamp else {}))


def _ingest(grid: Grid, cell: Cell, seeds: list[int], data: Prepared) -> None:
    from phvae.jobs.external import ingest

    ingest(cell, {seed: _folder(grid, cell, seed) for seed in seeds}, data, lambda: provenance.keep_claims(grid))


def _train(grid: Grid, cell: Cell, seeds: list[int], data: Prepared) -> None:
    from phvae.determinism.device import resolve
    from phvae.experiment.keys import training_key
    from phvae.jobs.adopt import adopt
    from phvae.jobs.run import Run
    from phvae.jobs.training import train as train_runs

    device, threads = resolve(grid.config.device), grid.config.threads
    claims = provenance.keep_claims(grid)
    runs = [
        Run(
            seed,
            _folder(grid, cell, seed),
            training_key(cell, seed, data.sha256, device, threads),
            provenance.describe(cell, seed, {"data": data.sha256}, device, threads, claims),
        )
        for seed in seeds
    ]
    for run in runs:
        adopt(run)
    train_runs(cell, runs, data, device=device, threads=threads)


def _batch(grid: Grid, dataset: str, n_train: int | str, index: int) -> list[Cell]:
    return _named(grid, grid.batches(), "batch", (dataset, n_train, index))


def _named(grid: Grid, there: Mapping[Place, list[Part]], what: str, place: Place) -> list[Part]:
    """The lot or the batch of that name.

    Raises:
        ConfigError: the grid has none of it; names those that it has.
    """
    if place not in there:
        wanted, *known = [f"{dataset}/n-{n_train}/{index}" for dataset, n_train, index in (place, *there)]
        raise ConfigError(
            f"{grid.source}: the grid has no {what} {wanted}, expected one of {listed(known)}{nearest(wanted, known)}"
        )
    return there[place]


def encode(grid: Grid, dataset: str, n_train: int | str, batch: int) -> None:
    """Codes, reconstructions and samples of every run of a batch of cells: all that needs the model."""
    from phvae.determinism.device import resolve
    from phvae.jobs.encode import encode as encode_run

    device, questions = resolve(grid.config.device), Questions(grid)
    cells = _batch(grid, dataset, n_train, batch)
    data = _data(questions, dataset)
    records = []
    for cell in cells:
        for seed, folder in _trained(questions, cell).items():
            encode_run(folder, cell, seed, data, device=device)
            records.append(folder / "encode.json")
    write_manifest(questions, "encode", (dataset, n_train, batch), records)


def reference(grid: Grid, dataset: str) -> None:
    """What all runs on a data set share: classifier, reference features, ceilings, floors, noise floors."""
    from phvae.jobs.reference import build
    from phvae.metrics.weights import with_inception

    cells, questions = _cells(grid, dataset), Questions(grid)
    record = build(
        grid.paths.reference(dataset),
        _data(questions, dataset),
        with_inception(cells[0].evaluation, grid.config.data_path),
        device=grid.scoring_device(cells),
        threads=grid.config.threads,
    )
    write_manifest(questions, "reference", (dataset,), [record])


def evaluate(grid: Grid, dataset: str, n_train: int | str, batch: int, threads: int = 1) -> None:
    """Scores of every run of a batch of cells, and of each cell's seeds together, from the encoded arrays alone.

    No value depends on `threads`.
    """
    from phvae.jobs.evaluate import evaluate as evaluate_run
    from phvae.jobs.groups import evaluate as evaluate_seeds
    from phvae.metrics.weights import with_inception

    cells, questions = _batch(grid, dataset, n_train, batch), Questions(grid)
    data = _data(questions, dataset)
    needed(questions, "encode", dataset, n_train, batch)
    needed(questions, "reference", dataset)
    records = []
    device = grid.scoring_device(cells)
    for cell in cells:
        cell = dataclasses.replace(cell, evaluation=with_inception(cell.evaluation, grid.config.data_path))
        trained = _trained(questions, cell)
        for seed, folder in trained.items():
            evaluate_run(folder, cell, seed, data, grid.paths.reference(dataset), device=device, threads=threads)
            records.append(folder / "metrics.json")
        together = grid.paths.groups(dataset, n_train, cell.variant)
        evaluate_seeds(together, cell, list(trained.values()))
        records.append(together)
    write_manifest(questions, "evaluate", (dataset, n_train, batch), records)


def _is_collected(name: str) -> bool:
    return name.endswith((".json", "/history.csv")) and not name.endswith("/model.json")


def _scored(questions: Questions, read: Callable[[str], bool] = _is_collected) -> Iterator[tuple[Cell, int, str]]:
    """The runs whose scores are not there yet, and why: what the jobs of the others left, and is read, was checked.

    Raises:
        PhvaeError: results of another question.
        DataError: damaged results.
    """
    grid = questions.grid
    for where, cells in grid.batches().items():
        jobs = [("evaluate", where), *(("train", lot) for lot in questions.lots(cells))]
        absent = [path for job in jobs if not (path := grid.paths.manifest(job[0], *job[1])).is_file()]
        if grid.paths.manifest("encode", *where).is_file():  # else as `clean` left it
            jobs.append(("encode", where))
        for stage, place in [] if absent else jobs:
            needed(questions, stage, *place, read=read)
        for cell in cells if absent else []:
            yield from ((cell, seed, f"not finished: {absent[0]} is absent") for seed in cell.seeds)


def collect(grid: Grid) -> None:
    """One long table from every run of the grid."""
    from phvae.analysis.results.collect import TABLES
    from phvae.analysis.results.collect import collect as collect_runs

    questions, root = Questions(grid), grid.paths.root
    expected = [(cell.dataset, cell.n_train, cell.variant, seed) for cell, seed in grid.runs()]
    late: dict[tuple[str, int | str, str, int], str] = {
        (cell.dataset, str(cell.n_train), cell.variant, seed): why for cell, seed, why in _scored(questions)
    }
    table = collect_runs(root, expected, grid.labels, grid.off_curve, grid.config.baseline, late, grid.external)
    print(plural(len(table), "row"))
    write_manifest(questions, "collect", (), [root / name for name in TABLES])


def _keep_configuration(grid: Grid) -> None:
    """Write what pages show of the configuration, unless it is there: it has no hash that a later stage could check."""
    text = grid.dump()
    if not grid.paths.config.is_file() or grid.paths.config.read_bytes() != text.encode():
        write_text(grid.paths.config, text)


def tables(grid: Grid, published: str = PUBLISHED) -> None:
    """Statistics, claims and tables from the long table; outside a checkout the default file need not be there."""
    from phvae.analysis.tables.write import write_tables

    questions, root = Questions(grid), grid.paths.root
    held = Path(published) if published != PUBLISHED or Path(published).is_file() else None
    needed(questions, "collect")
    _keep_configuration(grid)
    write_tables(root, grid.claims, held, baseline=grid.config.baseline, tuning=grid.config.tuning)
    write_manifest(questions, "tables", (), _files(root / "tables"))


def figures(grid: Grid, threads: int = 1) -> None:
    """Figures from the long table, the claims and the stored arrays; no byte depends on `threads`."""
    from phvae.analysis.figures.write import write_figures

    questions, root = Questions(grid), grid.paths.root
    needed(questions, "collect")
    for dataset in grid.config.datasets:
        folder = _cache(grid) / needed(questions, "prepare", dataset)["folder"]
        if folder.is_dir():  # figures go without, once it is gone
            _data(questions, dataset)
    _keep_configuration(grid)
    config = grid.config
    write_figures(root, claims=grid.claims, baseline=config.baseline, tuning=config.tuning, threads=threads)
    write_manifest(questions, "figures", (), _files(root / "figures"))


def report(grid: Grid) -> None:
    """One offline page."""
    from phvae.analysis.report.write import write_report

    questions, root = Questions(grid), grid.paths.root
    for stage in ("tables", "figures"):
        needed(questions, stage)
    _keep_configuration(grid)
    page = write_report(root)
    write_manifest(questions, "report", (), [page])
    print(page)


def track(grid: Grid, watch: bool = False) -> None:
    """The MLflow view, brought up to date: once, when all is there, or beside a grid that runs."""
    if watch:
        from phvae.jobs import watch as beside  # checkpoints need torch, which the view alone does not

        beside.watch(grid)
        return
    from phvae.tracking.sync import mask, sync

    questions, root = Questions(grid), grid.paths.root
    for stage in ("collect", "tables", "figures", "report"):
        needed(questions, stage)
    late = {(cell.name, seed) for cell, seed, _ in _scored(questions, read=lambda name: True)}
    for cell, seed in grid.runs():
        if (cell.name, seed) not in late:
            _check_pictures(_folder(grid, cell, seed))
    _keep_configuration(grid)
    address = root / "tracking.json"
    view = sync(root)
    write_json(address, {"uri": mask(view.uri), "page": view.page})
    write_manifest(questions, "track", (), [address])


def _check_pictures(folder: Path) -> None:
    """Refuse pictures of a run that are not those of its encoding."""
    record, remedy = folder / "encode.json", f"remove {folder / 'encode.json'} and run the workflow again"
    if record.is_file():
        files = read_record(record, remedy, files=dict)["files"]
        verify(folder, {name: known for name, known in files.items() if name.startswith("pictures/")}, remedy)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
