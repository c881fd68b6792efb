"""Tables, figures and paper of a results folder or an archive, made again from what it holds, without the workflow."""

from __future__ import annotations

import shutil
from pathlib import Path

from phvae.analysis.figures.write import write_figures
from phvae.analysis.paper.source import write_paper
from phvae.analysis.results.long_table import read_runs
from phvae.analysis.tables.write import write_tables
from phvae.data import prepare
from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import Grid, load_grid
from phvae.experiment.paths import Paths
from phvae.jobs.paper import typeset
from phvae.records import read_record

__all__ = ["prepared", "redraw"]


def redraw(root: Path, threads: int = 1) -> str:
    """Write tables, figures and, where LaTeX is installed, paper.pdf of a results folder; say what was left out.

    Data sets are prepared beside the folder where they are not yet: figures of densities and of codes need them.

    Args:
        root: a results folder or an archive of one (`phvae.jobs.archive`).
        threads: processes that draw; no byte depends on it.

    Raises:
        DataError: the folder holds no configuration or no long table.
        ConfigError: claims that cannot be used.
    """
    root = Path(root)
    if not Paths(root).config.is_file():
        raise DataError(f"{root}: found no config.json, expected the results of a grid or an archive of them")
    grid = load_grid(Paths(root).config)
    without = [f"{name}: not drawn where data are needed: {why}" for name, why in prepared(grid, root).items()]
    claims = claims_of(root, grid)
    write_tables(root, claims, None, baseline=grid.config.baseline, tuning=grid.config.tuning)
    write_figures(root, claims=claims, baseline=grid.config.baseline, tuning=grid.config.tuning, threads=threads)
    if shutil.which("pdflatex"):
        typeset(write_paper(root), root / "paper.pdf")
    else:
        without.append("paper.pdf: pdflatex is not installed (Debian: texlive-latex-recommended)")
    return "\n".join([f"{root}: tables and figures are written", *without])


def claims_of(root: Path, grid: Grid) -> Path | None:
    """The file of claims that the runs were trained under, if all were under one; else the configuration's."""
    if not grid.claims:
        return None
    known = set(read_runs(root)["claims_sha256"].fillna("")) - {""}
    kept = Paths(root).claims(known.pop()) if len(known) == 1 else None
    return kept if kept and kept.is_file() else grid.claims


def prepared(grid: Grid, root: Path) -> dict[str, str]:
    """Prepare the data sets that the folder has manifests of, unless they are there.

    Returns:
        Data set -> why it cannot be prepared, or is not what the runs were trained on.
    """
    cache, troubles = root.parent / "data", {}
    for name in grid.config.datasets:
        path = Paths(root).data(name)
        if not path.is_file():
            continue
        folder = cache / read_record(path, "archive the results again", folder=str)["folder"]
        if folder.is_dir():
            continue
        search = [Path(place) for place in grid.config.data_path]
        try:
            made = prepare(name, grid.dataset_cells(name)[0].data, cache=cache, search=search)
        except PhvaeError as error:
            troubles[name] = str(error)
        else:
            if made != folder:
                troubles[name] = f"found {made.name}, expected {folder.name}: other data than those of the runs"
    return troubles
