"""The paper's source: paper.tex with the tables and figures that it shows, in a folder of its own."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from phvae.analysis.claims.answers import Answers, read_answers
from phvae.analysis.figures.index import DrawnFigure, read_figure_index
from phvae.analysis.paper.grid import verdict_grid
from phvae.analysis.paper.method import REFERENCES, experiments, method
from phvae.analysis.results.configuration import kept_configuration
from phvae.analysis.results.long_table import labels_of, read_runs, read_table
from phvae.analysis.tables.family_latex import FAMILY
from phvae.analysis.tables.latex_text import escape_latex
from phvae.analysis.tables.layout import Table, TableIndex, read_index, read_tables
from phvae.errors import DataError
from phvae.files import write_text

__all__ = ["write_paper"]

_START = r"""
\documentclass[10pt,a4paper]{article}
\usepackage[margin=22mm]{geometry}
\usepackage{amsmath,amssymb,array,booktabs,flafter,graphicx}
\renewcommand{\topfraction}{.95}
\renewcommand{\bottomfraction}{.9}
\renewcommand{\textfraction}{.05}
\renewcommand{\floatpagefraction}{.8}
\setcounter{topnumber}{4}
\setcounter{totalnumber}{6}
\emergencystretch=2em
\ifdefined\pdftrailerid\pdftrailerid{}\fi % equal sources give equal bytes
""".strip()
_PROVENANCE = "provenance"  # the table


def write_paper(root: Path) -> Path:
    """Write root/paper/: paper.tex, tables/ and figures/, from the tables and figures that lie in `root`.

    Shown are the compact table of each family of claims, the contest of each claim that was tested, and the first
    figure that the claim names.

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
    figures = _shown(tables["claims"], read_figure_index(root / "figures").figures)
    folder = root / "paper"
    files = [*(FAMILY.format(family) for family in index.families), f"{_PROVENANCE}.tex"]
    _copy(root / "tables", folder / "tables", files)
    _copy(root / "figures", folder / "figures", [_pdf(figure) for figure in figures])
    write_text(folder / "paper.tex", _document(root, index, answers, tables, figures))
    return folder / "paper.tex"


def _copy(source: Path, folder: Path, names: Sequence[str]) -> None:
    """Make a folder that holds these files alone."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        shutil.copyfile(source / name, folder / name)


def _shown(claims: Table, drawn: Sequence[DrawnFigure]) -> list[DrawnFigure]:
    """The figures of each block of the table of claims: the first of each kind that the block names."""
    found: dict[str, DrawnFigure] = {}
    for block in claims.blocks:
        kinds: set[str] = set()
        for one in block.shown_in:
            for figure in drawn:
                meant = one.figure in (figure.name, figure.kind) and one.dataset in figure.datasets
                if meant and figure.files and figure.kind not in kinds:
                    kinds.add(figure.kind)
                    found.setdefault(figure.name, figure)
    return list(found.values())


def _pdf(figure: DrawnFigure) -> str:
    return next(name for name in figure.files if name.endswith(".pdf"))


def _document(
    root: Path, index: TableIndex, answers: Answers | None, tables: dict[str, Table], figures: Sequence[DrawnFigure]
) -> str:
    config, made_with = kept_configuration(root)
    runs, name = read_runs(root), escape_latex(config.get("name", root.name))
    source = index.claims.source if index.claims else ""
    claims = " ".join([*([f"The claims are those of {source}."] if source else []), tables["claims"].caption])
    said = experiments(config, runs, labels_of(read_table(root), runs), claims)
    parts = [
        _START,
        f"\\title{{PH-VAE held against its controls: the grid \\texttt{{{name}}}}}",
        "\\author{}\n\\date{}\n\\begin{document}\n\\maketitle",
        f"\\section{{Method}}\n{method()}",
        f"\\section{{Experiments}}\n{said}",
        f"\\section{{Verdicts}}\n{_verdicts(answers)}",
        f"\\section{{Numbers}}\n{_numbers(index.families)}",
        f"\\section{{Figures}}\n{_figures(figures)}",
        f"\\clearpage\n\\section{{Provenance}}\n{_provenance(made_with)}",
        REFERENCES,
        f"\\input{{tables/{_PROVENANCE}.tex}}",
        r"\end{document}",
    ]
    return "\n\n".join(parts) + "\n"


def _verdicts(answers: Answers | None) -> str:
    if answers is None:
        return "No claim was tested."
    sentences = "\n".join(f"\\item {escape_latex(family.sentence)}" for family in answers.families)
    return f"\\begin{{itemize}}\n{sentences}\n\\end{{itemize}}\n{verdict_grid(answers)}"


def _numbers(families: Sequence[str]) -> str:
    """What the compact tables show, and they themselves."""
    named = ", ".join(f"\\ref{{tab:family-{family}}} ({escape_latex(family)})" for family in families)
    told = f"A table a family of claims: {named}." if families else "The claims have no table of their own."
    return "\n".join([told, *(f"\\input{{tables/{FAMILY.format(family)}}}" for family in families)])


def _figures(figures: Sequence[DrawnFigure]) -> str:
    """What the figures are, and they themselves."""
    told = "Of every claim that was tested its contests, and the first of the other figures that it names."
    return "\n".join([told if figures else "No claim names a figure.", *map(_figure, figures)])


def _provenance(source: str) -> str:
    again = f"snakemake --cores 2 --configfile {shlex.quote(source or 'CONFIG')} paper"
    return (
        f"Table~\\ref{{tab:{_PROVENANCE}}} says what the runs were made with. Every number, table and figure, and this "
        f"paper, are made by \\texttt{{{escape_latex(again)}}}."
    )


def _figure(figure: DrawnFigure) -> str:
    return "\n".join(
        [
            r"\begin{figure}[tbp]\centering",
            f"\\includegraphics[width=\\textwidth,height=.8\\textheight,keepaspectratio]{{figures/{_pdf(figure)}}}",
            f"\\caption{{{escape_latex(figure.caption)}}}\\label{{fig:{figure.name}}}",
            r"\end{figure}",
        ]
    )
