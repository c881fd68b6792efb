"""An archive of results: small enough to publish, and enough to draw every table and figure again.

It holds the tables of numbers, the claims, one run.json for each cell, and the arrays that figures show: of samples and
codes the first SHOWN rows in half precision, of pictures the first PICTURES. Models and all other arrays stay behind. A
grid that is run in pieces is archived piece by piece: data sets whose runs are all there are added, or replace what the
archive had of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from phvae.analysis.figures.arrays import ARRAYS, HISTORY, RunFiles
from phvae.analysis.figures.plans import plans
from phvae.analysis.figures.stored import Stored
from phvae.analysis.results.archived import write_manifest
from phvae.analysis.results.long_table import CELL, read_costs, read_runs, read_table
from phvae.errors import DataError
from phvae.experiment.grid import Grid
from phvae.files import atomic, write_text
from phvae.jobs.redraw import claims_of, prepared, redraw
from phvae.words import listed, plural

__all__ = ["archive"]

SHOWN = 1000  # rows kept of an array of numbers
PICTURES = 16  # kept of an array of them (N, C, H, W); a figure shows fewer
HALF = 6e4  # below the largest number in half precision
READERS = {"metrics.parquet": read_table, "costs.parquet": read_costs, "runs.parquet": read_runs}


class _Selecting(RunFiles):
    """The runs' files; what is read of them is kept, cut and rounded, as the archive will hold it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.selected: dict[str, dict[str, np.ndarray]] = {}  # data set -> name in the archive -> array

    def array(self, run: Path, file: str, name: str) -> np.ndarray | None:
        array = super().array(run, file, name)
        return None if array is None else self._kept(run, file, name, shown(array))

    def history(self, run: Path) -> pd.DataFrame | None:
        frame = super().history(run)
        if frame is not None:
            for name in set(HISTORY) & set(frame.columns):
                self._kept(run, "history.csv", name, frame[name].to_numpy())
        return frame

    def _kept(self, run: Path, file: str, name: str, array: np.ndarray) -> np.ndarray:
        self.selected.setdefault(run.parts[1], {})[f"{run.as_posix()}/{file}/{name}"] = array
        return array


def shown(array: np.ndarray) -> np.ndarray:
    """What an archive keeps of an array.

    >>> shown(np.zeros((3000, 2))).shape, shown(np.full(2, 1.5)).dtype, shown(np.full(2, 1e6)).dtype
    ((1000, 2), dtype('float16'), dtype('float32'))
    """
    array = array[: PICTURES if array.ndim == 4 and array.dtype == np.uint8 else SHOWN]
    if array.dtype.kind != "f":
        return array
    return array.astype(np.float16 if np.abs(array).max(initial=0) < HALF else np.float32)


def archive(grid: Grid, to: Path, threads: int = 1) -> str:
    """Write or extend the archive of a grid's results, with tables and figures drawn from it; say what is in it.

    Args:
        grid: its results are collected (`phvae collect`).
        to: folder of the archive, outside the results.
        threads: processes that draw.

    Raises:
        DataError: no data set is whole, or the archive is of another configuration.
    """
    root, to = grid.paths.root, Path(to)
    if root.resolve() == to.resolve():
        raise DataError(f"{to}: found the results themselves, expected another folder for their archive")
    runs = read_runs(root)
    late = set(runs.loc[runs["status"] == "missing", "dataset"])
    whole = [name for name in grid.config.datasets if name not in late and name in set(runs["dataset"])]
    if not whole:
        raise DataError(f"{root}: found no data set whose runs are all there, expected one at least")
    same = to / "config.json"
    if same.is_file() and same.read_text(encoding="utf-8") != grid.dump():
        raise DataError(f"{to}: found an archive of another configuration, expected one of {grid.source}")
    write_text(same, grid.dump())
    for name, read in READERS.items():
        _merged(read(root), to / name, whole, list(grid.config.datasets))
    for name in whole:
        _copied(grid.paths.data(name), root, to)
        shutil.rmtree(to / "runs" / name, ignore_errors=True)
    ok = runs[(runs["status"] == "ok") & runs["dataset"].isin(whole)]
    first = ok.sort_values("seed").drop_duplicates(CELL)
    for dataset, n_train, variant, seed in zip(*(first[name] for name in (*CELL, "seed")), strict=True):
        _copied(grid.paths.run(dataset, n_train, variant, int(seed)) / "run.json", root, to)
    for digest in sorted(set(ok["claims_sha256"].fillna("")) - {""}):
        _copied(grid.paths.claims(digest), root, to)
    _keep_arrays(grid, to)
    text = redraw(to, threads)
    _make_smaller(to)
    files = write_manifest(to)
    held = list(dict.fromkeys(read_runs(to)["dataset"]))
    absent = [name for name in grid.config.datasets if name not in held]
    size = sum(path.stat().st_size for path in files)
    lines = [text, f"{to}: {plural(len(held), 'data set')}, {plural(len(files), 'file')}, {size / 1e6:.1f} MB"]
    return "\n".join(lines + ([f"not yet run: {listed(absent)}"] if absent else []))


def _merged(new: pd.DataFrame, path: Path, whole: Iterable[str], order: list[str]) -> None:
    """Write a table: the rows of whole data sets, and those that the archive has of others."""
    parts = [new[new["dataset"].isin(whole)]]
    if path.is_file():
        before = READERS[path.name](path.parent)
        parts.append(before[~before["dataset"].isin(whole)])
    table = pd.concat(parts, ignore_index=True) if len(parts) > 1 and len(parts[1]) else parts[0]
    table = table.sort_values("dataset", key=lambda names: names.map(order.index), kind="stable", ignore_index=True)
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def _copied(path: Path, root: Path, to: Path) -> None:
    target = to / path.relative_to(root)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def _keep_arrays(grid: Grid, to: Path) -> None:
    """Go through all figures, and keep what they read."""
    prepared(grid, to)
    selecting = _Selecting(grid.paths.root)
    for _ in plans(Stored(to, grid.config.baseline, grid.config.tuning, claims_of(to, grid), selecting)):
        pass
    for dataset, arrays in selecting.selected.items():
        path = to / ARRAYS / f"{dataset}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, **arrays)


def _make_smaller(to: Path) -> None:
    """Keep what is read of an archive: pictures in 128 colours, tables in Markdown, those of the claims as they are.

    What goes, `redraw` makes again: vector figures, animations, tables for programs and LaTeX, the source of paper.pdf.
    """
    for path in to.glob("figures/*.png"):
        with Image.open(path) as picture:
            coloured = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        coloured.save(path, optimize=True)
    tables = [*to.glob("tables/*.csv"), *to.glob("tables/*.tex")]
    long = [path for path in tables if not path.name.startswith(("claim", "family"))]
    # the report's tables; the answers stay for who shows them without drawing anything
    parts = [path for path in to.glob("tables/*.json") if path.name not in ("answers.json", "index.json")]
    for path in [*to.glob("figures/*.pdf"), *to.glob("figures/*.gif"), *long, *parts]:
        path.unlink()
    shutil.rmtree(to / "paper", ignore_errors=True)
