"""Writing every table of a results folder: CSV, Markdown and LaTeX for people, JSON and an index for the report."""

from __future__ import annotations

from pathlib import Path

from phvae.analysis.claims.reading import read_known_claims
from phvae.analysis.presentation.csv_file import write_csv
from phvae.analysis.presentation.metrics_shown import SCORE_TABLES
from phvae.analysis.tables.claims_table import claims_table, no_claims
from phvae.analysis.tables.costs import cost, parameters
from phvae.analysis.tables.divergences_orders import by_order
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.tables.latex import latex
from phvae.analysis.tables.layout import ClaimsFile, Table, TableIndex, write_index, write_table
from phvae.analysis.tables.markdown import markdown
from phvae.analysis.tables.matched_rate import matched_rate
from phvae.analysis.tables.provenance import provenance
from phvae.analysis.tables.score_tables import score_table
from phvae.analysis.tables.small_data import by_size
from phvae.files import write_text

__all__ = ["write_tables"]


def write_tables(root: Path, claims: Path | None, published: Path, *, baseline: str | None = None) -> list[Table]:
    """Write all tables into root/tables: {name}.csv, .md, .tex and .json, and index.json.

    Beside the tables of the report: statistics.csv (every metric of every cell), claim-contests.csv (every single
    comparison behind the verdicts) and claim-tally.csv.

    Args:
        root: results folder with the long table.
        claims: the claims' file; None without one.
        published: the published numbers' file.
        baseline: variant that others are compared with; by default the configuration's.

    Raises:
        DataError: no long table.
        ConfigError: claims, published numbers or baseline that cannot be used.
    """
    inputs = read_inputs(root, published, baseline)
    ledger, about = no_claims(inputs, root), None
    if claims is not None:
        stated, sha256 = read_known_claims(claims, inputs.datasets(), inputs.labels)
        ledger = claims_table(inputs, stated, sha256, root)
        about = ClaimsFile(sha256, str(stated.written), ledger.state, stated.source)
    scores = [
        *(score_table(inputs, name) for name in SCORE_TABLES),
        matched_rate(inputs),
        by_size(inputs),
        by_order(inputs),
        cost(inputs),
        parameters(inputs),
        provenance(inputs),
    ]
    for table, _ in scores:
        if not table.blocks:
            table.caption = "No run of this grid has such numbers."
    folder, made = Path(root) / "tables", [(ledger.table, ledger.verdicts), *scores]
    for table, frame in made:
        write_csv(folder / f"{table.name}.csv", frame)
        write_text(folder / f"{table.name}.md", markdown(table))
        write_text(folder / f"{table.name}.tex", latex(table))
        write_table(folder, table)
    write_csv(folder / "statistics.csv", inputs.statistics)
    write_csv(folder / "claim-contests.csv", ledger.contests)
    write_csv(folder / "claim-tally.csv", ledger.tally)
    write_index(folder, TableIndex(inputs.baseline, about, [table.name for table, _ in made]))
    return [table for table, _ in made]
