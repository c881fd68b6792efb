"""What a reader should know before the answers: results worse than nothing, absent, unsettled or mixed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.results.hardware import across_hardware
from phvae.analysis.results.long_table import CELL
from phvae.analysis.results.run_status import run_status, without_numbers
from phvae.analysis.tables.layout import Table
from phvae.words import listed, plural

__all__ = ["PageWarning", "page_warnings"]

MEAN_IMAGE = ("mse", "mse_columns")  # errors whose floor is what the mean image, or row, gives
TOO_FEW = ", comparable from "
SOME = 3  # names of variants or scores that are told; of more only their number
ORIGIN, LOST = "origin", "lost"
Cell = tuple[str, str, str]  # data set, training size, variant


@dataclass(frozen=True)
class PageWarning:
    """One line, and the id of the place on the page where it can be seen."""

    text: str
    place: str


def page_warnings(
    table: pd.DataFrame, runs: pd.DataFrame, labels: Mapping[str, str], tables: Sequence[Table], claims_state: str = ""
) -> list[PageWarning]:
    """One line for each kind of trouble that the results have.

    Args:
        table: the long table.
        runs: runs.parquet.
        labels: variant -> how the page calls it.
        tables: those of the page, for the place where a metric is seen.
        claims_state: whether the claims are those that held before the runs, in words.
    """
    cautious = table[(table["caution"] != "") & table["value"].notna()]
    few = cautious["caution"].str.contains(TOO_FEW, regex=False)
    found = [
        _changed(claims_state),
        _without(table, labels),
        _lost(table, labels),
        _worse_than_mean(table, labels, tables),
        _collapsed(table, labels, tables),
        _unsettled(cautious[~few], labels, tables),
        _too_few(cautious[few], tables),
        PageWarning(across_hardware(runs), ORIGIN),
        PageWarning(_versions(runs), ORIGIN),
    ]
    return [one for one in found if one.text]


def _changed(state: str) -> PageWarning:
    changed = any(word in state for word in ("CHANGED", "EDITED"))
    return PageWarning(f"The claims are not those from before the runs. {state}." if changed else "", "claims")


def _without(table: pd.DataFrame, labels: Mapping[str, str]) -> PageWarning:
    """Cells without a single number, by reason."""
    reasons: dict[str, list[Cell]] = {}
    for cell, reason in without_numbers(table).items():
        reasons.setdefault(reason, []).append(cell)
    told = [f"{_named(cells, labels)}{f' ({reason})' if reason else ''}" for reason, cells in reasons.items()]
    return PageWarning(f"No number of {'; '.join(told)}." if told else "", LOST)


def _lost(table: pd.DataFrame, labels: Mapping[str, str]) -> PageWarning:
    """Runs that diverged, failed or are missing."""
    runs = run_status(table)
    lost = runs[runs["status"].isin(["diverged", "failed", "missing"])]
    told = [
        f"{len(rows)} {status} ({_named(_cells(rows), labels)})" for status, rows in lost.groupby("status", sort=True)
    ]
    return PageWarning(f"{plural(len(lost), 'run')} of {len(runs):,}: {', '.join(told)}." if told else "", LOST)


def _worse_than_mean(table: pd.DataFrame, labels: Mapping[str, str], tables: Sequence[Table]) -> PageWarning:
    """Cells whose mean error over seeds is above what the mean image gives."""
    rows = table[table["metric"].isin(MEAN_IMAGE) & (table["split"] == "test")]
    means = rows.groupby([*CELL, "metric"], sort=False)[["value", "floor"]].mean().reset_index()
    worse = means[means["value"] > means["floor"]]
    text = f"Worse than the mean of the data, as a reconstruction: {_named(_cells(worse), labels)}."
    return PageWarning(text if len(worse) else "", _seen(worse, tables))


def _collapsed(table: pd.DataFrame, labels: Mapping[str, str], tables: Sequence[Table]) -> PageWarning:
    """Cells where half of the seeds, or more, have not one active unit."""
    rows = table[(table["metric"] == "active_units") & (table["split"] == "test")]
    medians = rows.groupby([*CELL, "metric"], sort=False)["value"].median().reset_index()
    dead = medians[medians["value"] < 1]
    text = f"Collapsed, without an active unit at half of the seeds or more: {_named(_cells(dead), labels)}."
    return PageWarning(text if len(dead) else "", _seen(dead, tables))


def _unsettled(rows: pd.DataFrame, labels: Mapping[str, str], tables: Sequence[Table]) -> PageWarning:
    """Values with a caution of their own: shown, but they decide nothing."""
    if not len(rows):
        return PageWarning("", "")
    named = _named(_cells(rows), labels)
    text = f"Estimates that have not settled, which decide nothing: {named} (the first: {rows['caution'].iloc[0]})."
    return PageWarning(text, _seen(rows, tables))


def _too_few(rows: pd.DataFrame, tables: Sequence[Table]) -> PageWarning:
    """Scores of fewer examples than a comparison needs, by data set."""
    told = []
    for dataset, here in rows.groupby("dataset", sort=False):
        scores = [metric_label(str(metric), unit=False) for metric in here["metric"].unique()]
        told.append(f"{_some(scores, 'score')} on {dataset}")
    text = f"Scores of too few examples, which decide nothing: {'; '.join(told)}."
    return PageWarning(text if told else "", _seen(rows, tables))


def _versions(runs: pd.DataFrame) -> str:
    """Names the data sets whose runs come from several versions of a package."""
    told = []
    for dataset, texts in runs[runs["versions"].fillna("") != ""].groupby("dataset", sort=False)["versions"]:
        known = pd.DataFrame([json.loads(text) for text in texts.unique()]).fillna("none").astype(str)
        several = [f"{name} {', '.join(known[name].unique())}" for name in known if known[name].nunique() > 1]
        if several:
            told.append(f"{dataset} ({'; '.join(several)})")
    return f"Runs of one data set come from different versions: {listed(told)}." if told else ""


def _cells(rows: pd.DataFrame) -> list[Cell]:
    return [(str(d), str(n), str(v)) for d, n, v in rows[CELL].drop_duplicates().itertuples(index=False)]


def _named(cells: Iterable[Cell], labels: Mapping[str, str]) -> str:
    """Cells in words: the variants of each data set, at whatever training size."""
    places: dict[str, dict[str, None]] = {}
    for dataset, _, variant in cells:
        places.setdefault(dataset, {})[labels.get(variant, variant)] = None
    return "; ".join(f"{_some(list(variants), 'variant')} on {place}" for place, variants in places.items())


def _some(names: Sequence[str], noun: str) -> str:
    return " and ".join(names) if len(names) <= SOME else plural(len(names), noun)


def _seen(rows: pd.DataFrame, tables: Sequence[Table]) -> str:
    """The id of the first table that shows one of these metrics on one of these data sets."""
    labels = {metric_label(str(metric)) for metric in rows["metric"].unique()}
    datasets = [str(name) for name in rows["dataset"].unique()]
    for table in tables:
        for block in table.blocks:
            if labels & set(block.header) and any(name in block.heading for name in datasets):
                return f"table-{table.name}"
    return "tables"
