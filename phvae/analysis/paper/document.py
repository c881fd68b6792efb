"""The paper as one LaTeX document: needs what texlive-latex-recommended holds, and nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phvae.analysis.claims.answers import Answers
from phvae.analysis.figures.index import DrawnFigure
from phvae.analysis.paper.grid import verdict_grid
from phvae.analysis.paper.method import METHOD, REFERENCES
from phvae.analysis.tables.latex_text import escape_latex

__all__ = ["PROVENANCE", "Paper", "document", "picture"]

PROVENANCE = "provenance.tex"  # the table
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


@dataclass(frozen=True)
class Paper:
    """What a paper is made of.

    Attributes:
        name: of the grid.
        source: the file of its configuration.
        experiments: what was run, as LaTeX.
        answers: None where no claim was tested.
        tables: the files of its tables.
        figures: its figures.
    """

    name: str
    source: str
    experiments: str
    answers: Answers | None
    tables: Sequence[str]
    figures: Sequence[DrawnFigure]


def document(paper: Paper) -> str:
    """The LaTeX of a paper whose tables lie in tables/, its figures in figures/."""
    parts = [
        _START,
        f"\\title{{PH-VAE held against its controls: the grid \\texttt{{{escape_latex(paper.name)}}}}}",
        "\\author{}\n\\date{}\n\\begin{document}\n\\maketitle",
        f"\\section{{Method}}\n{METHOD}",
        f"\\section{{Experiments}}\n{paper.experiments}",
        f"\\section{{Verdicts}}\n{_verdicts(paper.answers)}",
        f"\\section{{Numbers}}\n{_numbers(paper.tables)}",
        f"\\section{{Figures}}\n{_figures(paper)}",
        f"\\clearpage\n\\section{{Provenance}}\n{_provenance(paper.source)}",
        REFERENCES,
        f"\\input{{tables/{PROVENANCE}}}\n\\end{{document}}",
    ]
    return "\n\n".join(parts) + "\n"


def picture(figure: DrawnFigure) -> str:
    """The file of a figure that LaTeX reads."""
    return next(name for name in figure.files if name.endswith(".pdf"))


def _verdicts(answers: Answers | None) -> str:
    if answers is None:
        return "No claim was tested."
    sentences = "\n".join(f"\\item {escape_latex(family.sentence)}" for family in answers.families)
    return f"\\begin{{itemize}}\n{sentences}\n\\end{{itemize}}\n{verdict_grid(answers)}"


def _numbers(tables: Sequence[str]) -> str:
    numbers = ", ".join(f"\\ref{{tab:{Path(name).stem}}}" for name in tables)
    told = f"See table {numbers}." if tables else "The grid has no table of scores."
    return "\n".join([told, *(f"\\input{{tables/{name}}}" for name in tables)])


def _figures(paper: Paper) -> str:
    told = "The contests of every claim that was tested, and the first of the other figures that it names."
    if paper.answers is None:
        told = "The first figure of each kind."
    return "\n".join([told, *map(_figure, paper.figures)])


def _figure(figure: DrawnFigure) -> str:
    return "\n".join(
        [
            r"\begin{figure}[tbp]\centering",
            f"\\includegraphics[width=\\textwidth,height=.8\\textheight,keepaspectratio]{{figures/{picture(figure)}}}",
            f"\\caption{{{escape_latex(figure.caption)}}}\\label{{fig:{figure.name}}}",
            r"\end{figure}",
        ]
    )


def _provenance(source: str) -> str:
    again = f"snakemake --cores 2 paper --configfile {shlex.quote(source)}"
    return (
        f"Table~\\ref{{tab:{Path(PROVENANCE).stem}}} says what the runs were made with. Every number, table and "
        f"figure, and this paper, are made by \\texttt{{{escape_latex(again)}}}."
    )
