"""One page with everything: claims, tables, figures, where the numbers come from; opens from disk, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jinja2
import yaml

from phvae.analysis.figures.index import DrawnFigure, read_figure_index
from phvae.analysis.report.explorer import explorer
from phvae.analysis.report.origins import origins
from phvae.analysis.report.pictures import with_pictures
from phvae.analysis.results.configuration import kept_configuration, own_parts
from phvae.analysis.results.long_table import has_table, read_runs, read_table
from phvae.analysis.results.run_status import without_numbers
from phvae.analysis.tables.layout import ShownIn, Table, read_tables
from phvae.errors import DataError
from phvae.files import write_text
from phvae.words import plural

__all__ = ["write_report"]

TEMPLATES = Path(__file__).parent / "templates"
MOST_ROWS = 300  # of one table on the page; the whole table lies in its CSV file
CLAIMS = "claims"  # the table that comes first
_COLOURS = {
    "supported": "good", "contradicted": "bad", "not resolved": "open", "not testable": "mute", "not tested": "mute",
    "diverged": "bad",
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
    tables, index = read_tables(root / "tables"), read_figure_index(root / "figures")
    figures = with_pictures(root / "figures", index.figures)
    if not tables and not figures:
        raise DataError(f"{root}: found neither tables nor figures; run `phvae tables` and `phvae figures` first")
    config, source = kept_configuration(root)
    path = root / "report.html"
    page = _template().render(
        name=config.get("name", root.name),
        description=config.get("description", ""),
        runs=origins(read_runs(root)),
        without_numbers=without_numbers(read_table(root)) if has_table(root) else {},
        claims=[table for table in tables if table.name == CLAIMS],
        tables=[table for table in tables if table.name != CLAIMS and table.blocks],
        empty=[table.title for table in tables if table.name != CLAIMS and not table.blocks],
        figures=figures,
        absent=index.absent,
        explorer=explorer(root),
        shown_in=_figures_by_block(tables, [figure.drawn for figure in figures]),
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100) if config else "",
        source=source or "CONFIG",
        own=own_parts(root),
        root=root.as_posix(),
        most_rows=MOST_ROWS,
    )
    write_text(path, page)
    return path


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["colour"] = lambda word: _COLOURS.get(word, "")
    environment.filters["plural"] = plural
    environment.filters["words"] = lambda name: name.replace("_", " ").replace("-", ": ", 1)
    return environment.get_template("report.html")


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
