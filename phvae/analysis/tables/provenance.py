"""The table of where the numbers come from: runs by status, data, commit, device, versions."""

from __future__ import annotations

import json

import pandas as pd

from phvae.analysis.results.long_table import SCHEMA_VERSION
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell

__all__ = ["provenance"]


def provenance(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Where the numbers come from: runs by status, data, commit, device, versions."""
    runs = inputs.runs
    frame = runs.drop(columns=["versions"]).copy()
    versions = pd.DataFrame([json.loads(text) for text in runs["versions"]], index=runs.index)
    for name in versions.columns:
        frame[f"version_{name}"] = versions[name].fillna("")
    table = Table("provenance", "Provenance", f"Origin of every run; schema {SCHEMA_VERSION} of the long table.")
    if not len(runs):
        return table, frame
    statuses = [s for s in ("ok", "diverged", "failed", "missing") if s == "ok" or (runs["status"] == s).any()]
    body: list[list[TableCell]] = []
    for dataset, group in runs.groupby("dataset", sort=False):
        counts = group["status"].value_counts()
        data = ", ".join(sorted({text[:12] for text in group["data_sha256"] if text}))
        known = group["binary"].dropna()
        kind = "not recorded" if not len(known) else "yes" if known.iloc[0] else "no"
        numbers = [number_cell(int(counts.get(status, 0)), str(int(counts.get(status, 0)))) for status in statuses]
        body.append([TableCell(str(dataset)), *numbers, TableCell(kind), TableCell(data or "not recorded")])
    header = ["data set", *statuses, "binary", "data sha256"]
    table.blocks.append(TableBlock("Runs", header, body, widths=[0.3, *[None] * (len(statuses) + 1), 0.3]))
    made = runs[runs["run_key"] != ""]
    lines: list[list[TableCell]] = []
    for name, title in (("commit", "commit"), ("dirty", "uncommitted edits"), ("platform", "platform"),
                        ("device", "device"), ("hardware", "hardware"), ("threads", "threads")):  # fmt: skip
        lines.append([TableCell(title), TableCell(_counted(made[name]))])
    for name in versions.columns:
        lines.append([TableCell(str(name)), TableCell(_counted(versions.loc[made.index, name]))])
    table.blocks.append(TableBlock("Made with", ["what", "value (runs)"], lines, widths=[0.3, 0.6]))
    return table, frame


def _counted(values: pd.Series) -> str:
    """The values and, where there are several, how many runs have each."""
    counts = values.astype("object").where(values.notna(), "not recorded").astype("str").value_counts(sort=False)
    known = sorted((str(value) or "not recorded", int(count)) for value, count in counts.items())
    return known[0][0] if len(known) == 1 else ", ".join(f"{value} ({count})" for value, count in known)
