"""The tables about runs: cost, parameters, provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from phvae.analysis.render import Block, Cell, Table, number
from phvae.analysis.results import SCHEMA_VERSION
from phvae.analysis.summaries import CELL
from phvae.analysis.tables_metrics import heading, row_name
from phvae.analysis.tables_source import Source

__all__ = ["cost", "parameters", "provenance"]

_COST = {
    "seconds_train": "training, s",
    "images_per_second": "examples/s",
    "peak_memory_mb": "peak memory, MB",
    "seconds_encode": "encoding, s",
    "seconds_evaluate": "evaluation, s",
    "epochs": "epochs",
    "best_epoch": "best epoch",
    "late_gain": "late gain, %",
}
_PARAMETERS = {"parameters": "all", "parameters_encoder": "encoders", "parameters_decoder": "decoder"}


def _means(source: Source, columns: Sequence[str]) -> pd.DataFrame:
    """Mean over seeds of columns of the costs, a row a cell, with the number of runs."""
    costs = source.costs
    if not len(costs):
        return pd.DataFrame(columns=[*CELL, "label", "runs", *columns])
    grouped = costs.groupby(CELL, sort=False)
    frame = grouped[list(columns)].mean().astype("float64").reset_index()
    frame.insert(3, "label", frame["variant"].map(source.labels))
    frame.insert(4, "runs", grouped.size().to_numpy())
    return frame


def _blocks(source: Source, frame: pd.DataFrame, columns: dict[str, str]) -> list[Block]:
    blocks = []
    for dataset in source.datasets():
        size = source.sizes(dataset)[-1]
        rows = frame[(frame["dataset"] == dataset) & (frame["n_train"] == size)]
        shown = [name for name in columns if rows[name].notna().any()]
        if not shown:
            continue
        body: list[list[Cell | str]] = [
            [
                row_name(source, dataset, size, row["variant"]),
                *(_plain(row[name]) for name in shown),
            ]
            for _, row in rows.iterrows()
        ]
        planned = int(rows["runs"].max())
        blocks.append(Block(heading(dataset, size, planned), ["variant", *(columns[n] for n in shown)], body))
    return blocks


def _plain(value: float) -> str:
    """A count as it is, other numbers to three digits."""
    return f"{value:,.0f}" if pd.notna(value) and float(value).is_integer() else number(value)


def cost(source: Source) -> tuple[Table, pd.DataFrame]:
    """Seconds, speed and memory: means over the seeds of a cell."""
    frame = _means(source, list(_COST))
    frame["late_gain"] *= 100
    caption = (
        "Means over seeds. Seeds that were trained together in a stack share its time and memory; machines differ, "
        "see provenance. Late gain: how much of the fall of the validation loss, first epoch to lowest, came in the "
        "last tenth of the epochs; near 0 where the curve has flattened. "
        "With a budget of steps an epoch is a look at the validation loss, not a pass over the training examples."
    )
    return Table("cost", "Cost", caption, _blocks(source, frame, _COST)), frame


def parameters(source: Source) -> tuple[Table, pd.DataFrame]:
    """Numbers of parameters, and their ratio to the baseline's."""
    frame = _means(source, list(_PARAMETERS))
    base = frame[frame["variant"] == source.baseline].set_index(["dataset", "n_train"])["parameters"]
    keys = pd.MultiIndex.from_frame(frame[["dataset", "n_train"]])
    frame["ratio"] = frame["parameters"].to_numpy() / base.reindex(keys).to_numpy(dtype="float64")
    columns = _PARAMETERS | {"ratio": f"all / {source.labels[source.baseline]}"}
    blocks = _blocks(source, frame.assign(ratio=frame["ratio"].round(3)), _PARAMETERS)
    for block, (_, rows) in zip(blocks, _shown_rows(source, frame), strict=True):
        block.header.append(columns["ratio"])
        for line, ratio in zip(block.rows, rows["ratio"], strict=True):
            line.append(number(ratio))
    return Table("parameters", "Parameters", "Trainable numbers of each model.", blocks), frame


def _shown_rows(source: Source, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    found = []
    for dataset in source.datasets():
        rows = frame[(frame["dataset"] == dataset) & (frame["n_train"] == source.sizes(dataset)[-1])]
        if rows[list(_PARAMETERS)].notna().any(axis=None):
            found.append((dataset, rows))
    return found


def provenance(source: Source) -> tuple[Table, pd.DataFrame]:
    """Where the numbers come from: runs by status, data, commit, device, versions."""
    runs = source.runs
    frame = runs.drop(columns=["versions"]).copy()
    versions = pd.DataFrame([json.loads(text) for text in runs["versions"]], index=runs.index)
    for name in versions.columns:
        frame[f"version_{name}"] = versions[name].fillna("")
    table = Table("provenance", "Provenance", f"Origin of every run; schema {SCHEMA_VERSION} of the long table.")
    if not len(runs):
        return table, frame
    statuses = [s for s in ("ok", "diverged", "failed", "missing") if s == "ok" or (runs["status"] == s).any()]
    body: list[list[Cell | str]] = []
    for dataset, group in runs.groupby("dataset", sort=False):
        counts = group["status"].value_counts()
        data = ", ".join(sorted({text[:12] for text in group["data_sha256"] if text}))
        known = group["binary"].dropna()
        kind = "not recorded" if not len(known) else "yes" if known.iloc[0] else "no"
        body.append([str(dataset), *(str(int(counts.get(s, 0))) for s in statuses), kind, data or "not recorded"])
    header = ["data set", *statuses, "binary", "data sha256"]
    table.blocks.append(Block("Runs", header, body, widths=[0.3, *[None] * (len(statuses) + 1), 0.3]))
    made = runs[runs["run_key"] != ""]
    lines: list[list[Cell | str]] = []
    for name, title in (("commit", "commit"), ("dirty", "uncommitted edits"), ("platform", "platform"),
                        ("device", "device"), ("threads", "threads")):  # fmt: skip
        lines.append([title, _counted(made[name])])
    for name in versions.columns:
        lines.append([str(name), _counted(versions.loc[made.index, name])])
    table.blocks.append(Block("Made with", ["what", "value (runs)"], lines, widths=[0.3, 0.6]))
    return table, frame


def _counted(values: pd.Series) -> str:
    """The values and, where there are several, how many runs have each."""
    counts = values.astype("object").where(values.notna(), "not recorded").astype("str").value_counts(sort=False)
    known = sorted((str(value) or "not recorded", int(count)) for value, count in counts.items())
    return known[0][0] if len(known) == 1 else ", ".join(f"{value} ({count})" for value, count in known)
