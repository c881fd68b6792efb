"""Every table of a results folder, as CSV, Markdown and LaTeX, with an index for the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phvae.analysis.claims import read_known_claims
from phvae.analysis.render import Table, latex, markdown
from phvae.analysis.tables_claims import claims_table
from phvae.analysis.tables_matched import matched_rate
from phvae.analysis.tables_metrics import FAMILIES, by_order, by_size, family
from phvae.analysis.tables_runs import cost, parameters, provenance
from phvae.analysis.tables_source import read_source
from phvae.files import atomic, write_json, write_text

__all__ = ["write"]


def write(root: Path, claims: Path, published: Path, *, baseline: str | None = None) -> list[Table]:
    """Write all tables into root/tables: {name}.csv, .md and .tex, and index.json.

    Beside the tables of the report: statistics.csv (every metric of every cell), claim-contests.csv (every single
    comparison behind the verdicts) and claim-tally.csv.

    Args:
        root: results folder with the long table.
        claims: the claims' file.
        published: the published numbers' file.
        baseline: variant that others are compared with; by default the configuration's.

    Raises:
        DataError: no long table.
        ConfigError: claims, published numbers or baseline that cannot be used.
    """
    source = read_source(root, published, baseline)
    stated, sha256 = read_known_claims(claims, source.datasets(), source.labels)
    ledger = claims_table(source, stated, sha256)
    made = [
        (ledger.table, ledger.verdicts),
        *(family(source, name) for name in FAMILIES),
        matched_rate(source),
        by_size(source),
        by_order(source),
        cost(source),
        parameters(source),
        provenance(source),
    ]
    folder = Path(root) / "tables"
    for table, frame in made:
        _csv(folder / f"{table.name}.csv", frame)
        if not table.blocks:
            table.caption = "No run of this grid has such numbers."
        write_text(folder / f"{table.name}.md", markdown(table))
        write_text(folder / f"{table.name}.tex", latex(table))
    _csv(folder / "statistics.csv", source.statistics)
    _csv(folder / "claim-contests.csv", ledger.contests)
    _csv(folder / "claim-tally.csv", ledger.tally)
    index = {
        "baseline": source.baseline,
        "claims": {"sha256": sha256, "written": str(stated.written), "state": ledger.state, "source": stated.source},
        "tables": [
            {"name": table.name, "title": table.title, "caption": table.caption, "blocks": len(table.blocks)}
            for table, _ in made
        ],
    }
    write_json(folder / "index.json", index)
    return [table for table, _ in made]


def _csv(path: Path, frame: pd.DataFrame) -> None:
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")
