"""The paper's source: paper.tex with the tables and figures that it shows, in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.figures.index import DrawnFigure, read_figure_index
from phvae.analysis.paper.document import PROVENANCE, Paper, document, picture
from phvae.analysis.paper.method import experiments
from phvae.analysis.presentation.metrics_shown import SCORE_TABLES
from phvae.analysis.results.configuration import kept_configuration
from phvae.analysis.results.long_table import labels_of, read_runs, read_table
from phvae.analysis.tables.family_latex import FAMILY
from phvae.analysis.tables.layout import Table, TableIndex, read_index, read_tables
from phvae.errors import DataError
from phvae.files import write_text

__all__ = ["write_paper"]


def write_paper(root: Path) -> Path:
    """Write root/paper/: paper.tex, tables/ and figures/, from the tables and figures that lie in `root`.

    Shown are the compact table of each family of claims, the contest of each claim that was tested, and the first
    figure that the claim names. Without a claim that was tested: tuned families or else the tables of scores, and the
    first figure of each kind.

    Returns:
        The path of paper.tex.

    Raises:
        DataError: no tables, or one of the files is damaged.
    """
    root = Path(root)
    index, answers = read_index(root / "tables"), read_answers(root / "tables")
    if index is None:
        raise DataError(f"{root}: found no tables; run `phvae tables` and `phvae figures` first")
    tables = {table.name: table for table in read_tables(root / "tables")}
    drawn = [figure for figure in read_figure_index(root / "figures").figures if figure.files]
    figures = _named(tables["claims"], drawn) if answers else list(_first_of_each_kind(drawn).values())
    config, source = kept_configuration(root)
    runs = read_runs(root)
    said = experiments(config, runs, labels_of(read_table(root), runs), _claims(index, tables["claims"]))
    files = [FAMILY.format(family) for family in index.families] if answers else _scores(tables)
    _copy(root / "tables", root / "paper/tables", [*files, PROVENANCE])
    _copy(root / "figures", root / "paper/figures", [picture(figure) for figure in figures])
    path = root / "paper/paper.tex"
    paper = Paper(config.get("name", root.name), source or "CONFIG", said, answers, files, figures)
    write_text(path, document(paper))
    return path


def _claims(index: TableIndex, table: Table) -> str:
    """Where the claims come from, and whether they are older than the runs."""
    source = f"The claims are those of {index.claims.source}. " if index.claims and index.claims.source else ""
    return source + table.caption


def _scores(tables: Mapping[str, Table]) -> list[str]:
    """The files of the long tables that say most where no claim does."""
    there = [name for name in ("divergences", *SCORE_TABLES) if name in tables and tables[name].blocks]
    return [f"{name}.tex" for name in (there[:1] if "divergences" in there else there)]


def _named(claims: Table, drawn: Sequence[DrawnFigure]) -> list[DrawnFigure]:
    """The figures that the blocks of the table of claims name, of each block the first of each kind."""
    found: dict[str, DrawnFigure] = {}
    for block in claims.blocks:
        named = [
            figure
            for one in block.shown_in
            for figure in drawn
            if one.figure in (figure.name, figure.kind) and one.dataset in figure.datasets
        ]
        found |= {figure.name: figure for figure in _first_of_each_kind(named).values()}
    return list(found.values())


def _first_of_each_kind(drawn: Sequence[DrawnFigure]) -> dict[str, DrawnFigure]:
    found: dict[str, DrawnFigure] = {}
    for figure in drawn:
        found.setdefault(figure.kind, figure)
    return found


def _copy(source: Path, folder: Path, names: Sequence[str]) -> None:
    """Make a folder that holds these files alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        shutil.copyfile(source / name, folder / name)
