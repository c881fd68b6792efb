"""The numbers of the page's explorer: the scores of every seed as columns, and what their rows are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis.claims.schema import CURVE_CONTROL
from phvae.analysis.figures.looks import Look, looks_of
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import SCORES_SHOWN
from phvae.analysis.results.long_table import KEY, size_key
from phvae.analysis.results.roles import curve_variants
from phvae.analysis.statistics.student import quantile
from phvae.analysis.statistics.summary import seed_matrix
from phvae.analysis.tables.inputs import group_of
from phvae.errors import DataError

__all__ = ["MOST_VALUES", "Explored", "explored", "read_statistics"]

MOST_VALUES = 400_000  # of all seeds together: about two megabytes of the page
# what the tables say of a cell, beside its key; texts but for the interval
_SAID = ["low", "high", "planned", "baseline", "word", "with_best", "caution"]
_MARKERS = {
    "o": ("circle", "●"), "s": ("square", "■"), "^": ("triangle-up", "▲"), "D": ("diamond", "◆"),
    "v": ("triangle-down", "▼"), "P": ("cross", "✚"), "X": ("x", "✖"), "*": ("star", "★"),
    "<": ("triangle-left", "◀"), ">": ("triangle-right", "▶"), "p": ("pentagon", "⬟"), "h": ("hexagon", "⬢"),
}  # fmt: skip


@dataclass(frozen=True)
class Explored:
    """What a grid's explorer shows.

    Attributes:
        names: the lists that the columns count in (datasets, sizes, variants, metrics, seeds, words, cautions);
            designs (what a variant is on a data set), the baseline, the variants that claims name, quantiles (of
            Student's law at .975, by degrees of freedom from 1), and how many metrics there was no room for.
        columns: by row, a row being a metric of a cell: dataset, n_train, variant, metric, planned, word, with_best and
            caution as uint16, low and high as float32; value is (rows, seeds) float32, NaN where a seed has none.
    """

    names: dict[str, Any]
    columns: dict[str, np.ndarray]


def read_statistics(tables: Path) -> pd.DataFrame | None:
    """What tables/statistics.csv says of every metric of a cell; None where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = tables / "statistics.csv"
    if not path.is_file():
        return None
    try:
        found = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=[*KEY, *_SAID])
        return found.astype({"planned": int}).assign(**{end: pd.to_numeric(found[end]) for end in ("low", "high")})
    except ValueError as error:
        raise DataError(f"{path}: damaged ({' '.join(str(error).split())}); run `phvae tables` again") from None


def explored(
    table: pd.DataFrame, statistics: pd.DataFrame, labels: Mapping[str, str], claimed: Collection[str]
) -> Explored:
    """The explorer's numbers: the scores of the test split that any variant of the cell's data set and size has.

    Where there are more than MOST_VALUES values, the scores that tables show stay first, then the others in the order
    of the long table.

    Args:
        table: the long table.
        statistics: `read_statistics` of it.
        labels: variant -> name shown.
        claimed: challengers and controls of the claims.
    """
    matrix = seed_matrix(table)
    count = np.isfinite(matrix.values).sum(-1)
    rows = matrix.keys.merge(statistics, how="left", on=KEY).assign(count=count)
    total = rows.groupby(["dataset", "n_train", "metric"])["count"].transform("sum")
    known = (rows["split"] == "test") & (total > 0)
    metrics, left_out = _metrics(rows[known])
    chosen = known & rows["metric"].isin(metrics)
    rows, values = rows[chosen], matrix.values[chosen.to_numpy()]
    counted = {
        "dataset": list(rows["dataset"].unique()),
        "n_train": sorted(rows["n_train"].unique(), key=size_key),
        "variant": list(rows["variant"].unique()),
        "metric": metrics,
        "word": list(rows["word"].fillna("").unique()),
        "with_best": ["", "False", "True"],
        "caution": list(rows["caution"].fillna("").unique()),
    }
    columns = {name: _codes(rows[name].fillna(""), values) for name, values in counted.items()}
    columns["planned"] = rows["planned"].fillna(0).to_numpy("<u2")
    columns |= {name: _singles(rows[name].to_numpy(float)) for name in ("low", "high")}
    columns["value"] = _singles(values)
    names = {
        "datasets": counted["dataset"],
        "sizes": counted["n_train"],
        "variants": _variants(counted["variant"], labels, looks_of(table)),
        "metrics": [_metric(name, table) for name in metrics],
        "words": counted["word"],
        "cautions": counted["caution"],
        "seeds": matrix.seeds.tolist(),
        "designs": _designs(table),
        "baseline": next((name for name in statistics["baseline"].unique() if name), ""),
        "claimed": [name for name in counted["variant"] if name in _with_curve(claimed, table)],
        "quantiles": quantile(0.975, np.arange(1, max(len(matrix.seeds), 2))).tolist(),
        "left_out": left_out,
    }
    return Explored(names, columns)


def _metrics(rows: pd.DataFrame) -> tuple[list[str], int]:
    """The metrics that there is room for, those of the tables first, and how many there is none for."""
    values = rows.groupby("metric", sort=False)["count"].sum()
    places = {name: place for place, name in enumerate(SCORES_SHOWN)}
    ordered = sorted(values.index, key=lambda name: places.get(str(name), len(places)))
    kept = values[ordered].cumsum() <= MOST_VALUES
    return [str(name) for name in kept.index[kept]], int((~kept).sum())


def _codes(texts: pd.Series, names: list[str]) -> np.ndarray:
    return texts.map({name: i for i, name in enumerate(names)}).to_numpy("<u2")


def _singles(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return values.astype("<f4")


def _variants(names: list[str], labels: Mapping[str, str], looks: Mapping[str, Look]) -> list[dict[str, str]]:
    found = []
    for name in names:
        look = looks[name]
        symbol, sign = _MARKERS[look.marker]
        dash = "solid" if look.line == "-" else ",".join(f"{2 * part:g}px" for part in look.line[1])
        found.append(
            {"name": name, "label": labels[name], "colour": look.colour, "symbol": symbol, "sign": sign, "dash": dash}
        )
    return found


def _metric(name: str, table: pd.DataFrame) -> dict[str, Any]:
    """A metric's name, label, direction (1, -1, 0 for neither), group, and whether a table shows it."""
    better = table.loc[table["metric"] == name, "higher_is_better"].dropna()
    sign = 0 if better.empty else 1 if better.iloc[0] else -1
    return {
        "name": name, "label": metric_label(name), "sign": sign, "group": group_of(name), "shown": name in SCORES_SHOWN
    }  # fmt: skip


def _designs(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Family, order and beta of every variant on every data set where they are known."""
    cells = table[table["order"].notna()].drop_duplicates(["dataset", "variant"])
    known = cells[["dataset", "variant", "family", "order", "beta"]].astype(object)
    return [
        {str(name): value for name, value in one.items()} for one in known.where(known.notna(), None).to_dict("records")
    ]


def _with_curve(claimed: Collection[str], table: pd.DataFrame) -> set[str]:
    """The variants that claims name; all points of the curve where it is a control."""
    return {*claimed, *(curve_variants(table) if CURVE_CONTROL in claimed else [])}
