"""Writing every table of a results folder: CSV, Markdown and LaTeX for people, JSON and an index for the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pandas as pd

from phvae.analysis.claims.answers import write_answers
from phvae.analysis.claims.reading import read_known_claims
from phvae.analysis.presentation.attempts import NotMade, attempt
from phvae.analysis.presentation.csv_file import write_csv
from phvae.analysis.presentation.metrics_shown import SCORE_TABLES
from phvae.analysis.tables.claims_table import ClaimTables, claims_table, no_claims
from phvae.analysis.tables.costs import cost, parameters
from phvae.analysis.tables.divergences import divergences
from phvae.analysis.tables.divergences_orders import by_order
from phvae.analysis.tables.epochs import epochs
from phvae.analysis.tables.family_latex import FAMILY, family_latex
from phvae.analysis.tables.family_tables import FamilyTable, family_tables
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.tables.latex import latex
from phvae.analysis.tables.layout import (
    ClaimsFile,
    Table,
    TableBlock,
    TableCell,
    TableIndex,
    without_empty_columns,
    write_index,
    write_table,
)
from phvae.analysis.tables.markdown import markdown
from phvae.analysis.tables.matched_rate import matched_rate
from phvae.analysis.tables.provenance import provenance
from phvae.analysis.tables.score_agreement import score_agreement
from phvae.analysis.tables.score_tables import score_table
from phvae.analysis.tables.small_data import by_size
from phvae.analysis.tables.weights import weights
from phvae.experiment.tuning import TuningConfig
from phvae.files import write_text

__all__ = ["write_tables"]

Made = tuple[Table, pd.DataFrame]
TUNED = {"divergences": divergences, "weights": weights}


def write_tables(
    root: Path,
    claims: Path | None,
    published: Path | None,
    *,
    baseline: str | None = None,
    tuning: TuningConfig | None = None,
) -> list[Table]:
    """Write all tables into root/tables: {name}.csv, .md, .tex and .json, and index.json.

    A table that cannot be made says why instead. Beside the tables of the report: statistics.csv (every metric of
    every cell), claim-contests.csv (every single comparison behind the verdicts), claim-tally.csv, and, where a claim
    was tested, answers.json and a compact family-{name}.tex for each family of claims.

    Args:
        root: results folder with the long table.
        claims: the claims' file; None without one.
        published: the published numbers' file, if there is one.
        baseline: variant that others are compared with; by default the configuration's.
        tuning: families whose weights are chosen; None without them.

    Raises:
        DataError: no long table.
        ConfigError: claims, published numbers or baseline that cannot be used.
    """
    inputs, folder = read_inputs(root, published, baseline), Path(root) / "tables"
    ledger, about = no_claims(inputs, root), None
    families: list[FamilyTable] = []
    if claims is not None:
        stated, sha256 = read_known_claims(claims, inputs.datasets(), inputs.labels)
        ledger = _decided(attempt("the claims", lambda: claims_table(inputs, stated, sha256, root)))
        about = ClaimsFile(sha256, str(stated.written), ledger.state, stated.source)
        if ledger.answers:
            compact = attempt("the compact tables", lambda: family_tables(inputs, stated, ledger.verdicts))
            families = [] if isinstance(compact, NotMade) else compact
    makers: dict[str, Callable[[], Made]] = {
        "claims": lambda: (ledger.table, ledger.verdicts),
        **{name: partial(score_table, inputs, name) for name in SCORE_TABLES},
        **({name: partial(make, inputs, tuning) for name, make in TUNED.items()} if tuning else {}),
        "matched-rate": lambda: matched_rate(inputs),
        "small-data": lambda: by_size(inputs),
        "divergences-orders": lambda: by_order(inputs),
        "score-agreement": lambda: score_agreement(inputs),
        "epochs": lambda: epochs(inputs),
        "cost": lambda: cost(inputs),
        "parameters": lambda: parameters(inputs),
        "provenance": lambda: provenance(inputs),
    }
    tables = [_written(folder, name, make) for name, make in makers.items()]
    write_csv(folder / "statistics.csv", inputs.statistics)
    write_csv(folder / "claim-contests.csv", ledger.contests)
    write_csv(folder / "claim-tally.csv", ledger.tally)
    write_answers(folder, ledger.answers)
    _write_families(folder, families)
    write_index(
        folder, TableIndex(inputs.baseline, about, [table.name for table in tables], [one.name for one in families])
    )
    return tables


def _write_families(folder: Path, families: Iterable[FamilyTable]) -> None:
    """Write the compact tables, and remove those of families that are gone."""
    names = {FAMILY.format(family.name): family_latex(family) for family in families}
    for path in folder.glob(FAMILY.format("*")):
        if path.name not in names:
            path.unlink()
    for name, text in names.items():
        write_text(folder / name, text)


def _decided(made: ClaimTables | NotMade) -> ClaimTables:
    """The claims' tables; where they cannot be made, one that says why."""
    if isinstance(made, NotMade):
        nothing = pd.DataFrame()
        return ClaimTables(_not_made("claims", made.reason), nothing, nothing, nothing, "not decided")
    return made


def _written(folder: Path, name: str, make: Callable[[], Made]) -> Table:
    """One table in all its forms; one that cannot be made says why."""

    def write() -> Table:
        table, frame = make()
        table.blocks = [without_empty_columns(block) for block in table.blocks]
        if not table.blocks and name != "claims":
            table = Table(name, table.title, "No run of this grid has such numbers.")
        _write(folder, table, frame)
        return table

    made = attempt(f"table {name}", write)
    if isinstance(made, NotMade):
        made = _not_made(name, made.reason)
        _write(folder, made, pd.DataFrame())
    return made


def _not_made(name: str, reason: str) -> Table:
    row = [TableCell(f"{reason}. The log of the job holds the whole error.")]
    why = TableBlock("", ["could not be made"], [row], widths=[0.9])
    return Table(name, name.replace("-", " ").capitalize(), "", [why])


def _write(folder: Path, table: Table, frame: pd.DataFrame) -> None:
    write_csv(folder / f"{table.name}.csv", frame)
    write_text(folder / f"{table.name}.md", markdown(table))
    write_text(folder / f"{table.name}.tex", latex(table))
    write_table(folder, table)
