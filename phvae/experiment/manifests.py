"""Manifests: what a job leaves for the workflow: its question, and the hashes of the files that hold its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from phvae.data.stamp import stamp, stamp_of
from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import Grid
from phvae.experiment.questions import Questions
from phvae.experiment.stages import command
from phvae.files import sha256
from phvae.records import read_record, verify, write_record

__all__ = ["external_stamp", "needed", "stale", "trained_files", "write_manifest"]


def write_manifest(
    questions: Questions, stage: str, where: tuple[Any, ...], files: Iterable[Path], **more: Any
) -> None:
    """Write the manifest of a job that is done; `files` hold its answer, `more` is what later jobs read in it."""
    paths = questions.grid.paths
    hashes = {file.relative_to(paths.root).as_posix(): sha256(file) for file in files}
    content = {"question": questions.of(stage, *where), "files": hashes, **more}
    write_record(paths.manifest(stage, *where), content)


def needed(
    questions: Questions, stage: str, *where: Any, read: Callable[[str], bool] = lambda name: True
) -> dict[str, Any]:
    """The manifest of a job whose work is read, once its question is today's and the files that are `read` are whole.

    Raises:
        PhvaeError: it is absent, or of another question; says which command makes it.
        DataError: it, or one of these files, is damaged; says so too.
    """
    grid = questions.grid
    path, again = grid.paths.manifest(stage, *where), command(grid.source, stage, *where)
    if not path.is_file():
        raise PhvaeError(f"{path}: absent; run first: {again}")
    content = read_record(path, f"run again: {again}", question=str, files=dict)
    if content["question"] != questions.of(stage, *where):
        raise PhvaeError(
            f"{path}: made by other code or under another configuration; run again: {again} (or keep it with "
            "`phvae accept`, where an edit of the code changes no number)"
        )
    known = {name: digest for name, digest in content["files"].items() if read(name)}
    verify(grid.paths.root, known, f"remove it and run again: {again}")
    return content


def stale(questions: Questions) -> Iterator[tuple[Path, str]]:
    """The manifests that are to be made again, and why: of another question, damaged, or not of the files there are.

    A file that is gone or that was written after its manifest makes its job look again; the job finds by hashes
    whether anything is wrong. Of encoded arrays nothing needs to be there once they are scored (`phvae clean`).
    """
    paths = questions.grid.paths
    wanted = _wanted(questions)
    for stage, where in questions.jobs():
        path = paths.manifest(stage, *where)
        try:
            written = path.stat().st_mtime_ns
            content = read_record(path, "", question=str, files=dict)
        except FileNotFoundError:
            if stage != "encode" and (stage, where) in wanted:
                yield path, "absent"
            continue
        except DataError:
            yield path, "damaged"
            continue
        if content["question"] != questions.of(stage, *where):
            yield path, "made by other code or under another configuration"
        elif stage == "prepare" and _other_source(questions.grid, where[0], content.get("stamp")):
            yield path, "its source has changed since"
        elif stage == "train" and _other_outputs(questions.grid, where, content.get("stamp")):
            yield path, "the outputs of its model have changed since"
        elif changed := next((name for name in content["files"] if _changed(paths.root / name, written)), ""):
            yield path, f"{changed} is gone or was changed"


def _wanted(questions: Questions) -> set[tuple[str, tuple[Any, ...]]]:
    """The jobs whose work is in results that exist; what is absent of the others the workflow makes by itself."""
    wanted: set[tuple[str, tuple[Any, ...]]] = set()
    for stage, where in reversed(list(questions.jobs())):
        if (stage, where) in wanted or questions.grid.paths.manifest(stage, *where).is_file():
            wanted.update(questions.before(stage, where))
    return wanted


def _other_source(grid: Grid, dataset: str, known: str | None) -> bool:
    """Whether the files behind a data set changed; not known where they cannot be seen from here."""
    found = stamp(grid.dataset_cells(dataset)[0].data, [Path(folder) for folder in grid.config.data_path])
    return None not in (found, known) and found != known


def external_stamp(grid: Grid, where: tuple[Any, ...]) -> str | None:
    """A short hash of the files of a stack that was trained elsewhere; None of one trained here, or not to be seen."""
    if where[2] not in grid.external:
        return None
    cell = grid.cell(*where[:3])
    assert cell.external is not None
    return stamp_of([cell.external.file(cell.dataset, cell.n_train, seed) for seed in grid.stacks(cell)[where[3]]])


def _other_outputs(grid: Grid, where: tuple[Any, ...], known: str | None) -> bool:
    found = external_stamp(grid, where)
    return None not in (found, known) and found != known


def _changed(path: Path, written: int) -> bool:
    try:
        return path.stat().st_mtime_ns > written
    except OSError:
        return True


def trained_files(grid: Grid, where: tuple[Any, ...]) -> list[Path]:
    """run.json of a stack's seeds, each with the files that it lists."""
    found = []
    for seed in grid.stacks(grid.cell(*where[:3]))[where[3]]:
        folder = grid.paths.cell(*where[:3]) / f"seed-{seed}"
        record = read_record(folder / "run.json", "train it again", files=dict)
        found += [folder / "run.json", *(folder / name for name in record["files"])]
    return found
