"""Renew every page that is made from the code: `make docs`."""

from __future__ import annotations

import re
from pathlib import Path

from phvae import cli_data as cli
from phvae.analysis.results import columns
from phvae.experiment import schema_docs as config_docs
from phvae.files import write_text
from phvae.metrics import document

ROOT = Path(__file__).resolve().parent.parent


def data_tables(page: Path) -> None:
    """The tables of cards and files, between their marks."""
    text = page.read_text(encoding="utf-8")
    for name, table in (("cards", cli.cards_table()), ("files", cli.files_table())):
        start, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        text, count = re.subn(f"(?<={start}).*?(?={end})", lambda _, new=table: new, text, flags=re.DOTALL)
        assert count == 1, f"{page}: expected one pair of marks {start.strip()}, found {count}"
    write_text(page, text)


if __name__ == "__main__":
    config_docs.main(ROOT / "config")
    document.main(ROOT / "docs/metrics.md")
    write_text(ROOT / "docs/columns.md", columns.render())
    data_tables(ROOT / "docs/data.md")
