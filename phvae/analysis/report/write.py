"""One page with everything: answers, claims, figures, tables, where the numbers come from; opens from disk, offline."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2
import yaml
from markupsafe import Markup, escape

from phvae.analysis.claims.answers import SYMBOLS, read_answers
from phvae.analysis.figures.index import DrawnFigure, read_figure_index
from phvae.analysis.report import compared
from phvae.analysis.report.claim_sections import ClaimSection, claim_sections
from phvae.analysis.report.commands import commands
from phvae.analysis.report.explorer import explorer
from phvae.analysis.report.gallery import gallery
from phvae.analysis.report.origins import origins
from phvae.analysis.report.pictures import with_pictures
from phvae.analysis.report.warnings import page_warnings
from phvae.analysis.results.configuration import kept_configuration, own_parts
from phvae.analysis.results.long_table import has_table, labels_of, read_runs, read_table
from phvae.analysis.tables.layout import ShownIn, Table, TableBlock, read_index, read_tables, text_columns
from phvae.errors import DataError
from phvae.files import write_text
from phvae.words import plural

__all__ = ["write_report"]

TEMPLATES = Path(__file__).parent / "templates"
MOST_ROWS = 300  # of one table on the page; the whole table lies in its CSV file
CLAIMS = "claims"  # the table whose blocks go to the claims
_COLOURS = {
    "supported": "good", "contradicted": "bad", "not resolved": "open", "not testable": "mute", "not tested": "mute",
    "small": "small", "undecided": "open", "better": "good", "worse": "bad", "not distinguishable": "open",
    "no value": "mute", "diverged": "bad",
}  # fmt: skip


def write_report(root: Path) -> Path:
    """Write root/report.html from the tables, figures, configuration and run records that lie in `root`.

    Args:
        root: folder of a grid's results.

    Returns:
        The page's path.

    Raises:
        DataError: `root` holds neither tables nor figures, or one of its files is damaged.
    """
    root = Path(root)
    folder = root / "tables"
    index, tables, drawn = read_index(folder), read_tables(folder), read_figure_index(root / "figures")
    figures = with_pictures(root / "figures", drawn.figures)
    if not tables and not figures:
        raise DataError(f"{root}: found neither tables nor figures; run `phvae tables` and `phvae figures` first")
    config, source = kept_configuration(root)
    runs, long = read_runs(root), read_table(root) if has_table(root) else None
    labels = {} if long is None else labels_of(long, runs)
    claims, others = [table for table in tables if table.name == CLAIMS], [t for t in tables if t.name != CLAIMS]
    answers = read_answers(folder)
    sections = claim_sections(folder, answers, claims, figures, labels)
    of_claims = {section.figure.drawn.name for section in sections if section.figure}
    shown_in = _figures_by_block(tables, [figure.drawn for figure in figures])
    linked = {name for (table, _), names in shown_in.items() if table == CLAIMS for name in names}
    state = index.claims.state if index and index.claims else ""
    path = root / "report.html"
    page = _template().render(
        name=config.get("name", root.name),
        description=config.get("description", ""),
        runs=origins(runs),
        warnings=[] if long is None else page_warnings(long, runs, labels, others, state),
        answers=answers,
        compared=None if answers or index is None else compared.compared(folder, index.baseline, labels),
        sections=sections,
        claims=[(table, _unclaimed(table, sections)) for table in claims],
        tables=[table for table in others if table.blocks],
        empty=[table.title for table in others if not table.blocks],
        gallery=gallery([figure for figure in figures if figure.drawn.name not in of_claims], linked),
        absent=drawn.absent,
        explorer=explorer(root),
        shown_in=shown_in,
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100) if config else "",
        source=source or "CONFIG",
        own=own_parts(root),
        commands=commands(root, source or "CONFIG", own_parts(root)),
    )
    write_text(path, page)
    return path


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["coded"] = _coded
    environment.filters["colour"] = lambda word: _COLOURS.get(word, "")
    environment.filters["marked_columns"] = _marked_columns
    environment.filters["plural"] = plural
    environment.filters["text_columns"] = text_columns
    environment.filters["words"] = lambda name: name.replace("_", " ").replace("kl ", "KL ").replace("-", ": ", 1)
    environment.globals |= {"symbols": SYMBOLS, "compared_symbols": compared.SYMBOLS, "most_rows": MOST_ROWS}
    return environment.get_template("report.html")


def _coded(text: str) -> Markup:
    """A text whose words in backticks are code, as in Markdown."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _marked_columns(block: TableBlock) -> set[int]:
    """The numbers of the columns with a mark in some row: all their cells keep a place for it."""
    return {i for row in block.rows for i, cell in enumerate(row) if cell.mark}


def _unclaimed(table: Table, sections: Sequence[ClaimSection]) -> list[TableBlock]:
    """The blocks of a table of claims that no section shows."""
    shown = [block for section in sections for block in section.verdicts]
    return [block for block in table.blocks if not any(block is one for one in shown)]


def _figures_by_block(tables: Sequence[Table], drawn: Sequence[DrawnFigure]) -> dict[tuple[str, str], list[str]]:
    """(table, heading of its block) -> names of the figures on the page that show what the block says."""
    return {
        (table.name, block.heading): list(dict.fromkeys(name for one in block.shown_in for name in _pages(one, drawn)))
        for table in tables
        for block in table.blocks
    }


def _pages(reference: ShownIn, drawn: Sequence[DrawnFigure]) -> list[str]:
    """Names of the figures meant; of a figure of several pages those with that data set."""
    return [
        figure.name
        for figure in drawn
        if reference.figure in (figure.name, figure.kind) and reference.dataset in figure.datasets
    ]
