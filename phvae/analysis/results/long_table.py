"""The tables of a results folder: the long table, costs and origins, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from phvae.analysis.results.columns import Costs, Design, Line, Origin, Score, frame, types
from phvae.analysis.results.configuration import default_baseline
from phvae.analysis.results.roles import ROLE_COLUMNS, with_roles
from phvae.errors import DataError

__all__ = [
    "CELL",
    "CELL_COLUMNS",
    "COLUMNS",
    "COST_COLUMNS",
    "KEY",
    "ROW_COLUMNS",
    "RUN",
    "RUN_COLUMNS",
    "SCHEMA_VERSION",
    "TYPES",
    "has_table",
    "labels_of",
    "read_costs",
    "read_runs",
    "read_table",
    "size_key",
]

SCHEMA_VERSION = 1

# The metric name of the one row that stands for a run without numbers (diverged, failed, missing).
RUN = "run"

CELL = ["dataset", "n_train", "variant"]
KEY = [*CELL, "split", "metric"]

CELL_COLUMNS = tuple(types(Design))
ROW_COLUMNS = tuple(types(Score))
TYPES = types(Line)
_TYPES = {name: kind for name, kind in TYPES.items() if kind != "str"}
COLUMNS = tuple(TYPES)
COST_COLUMNS = tuple(types(Costs))
RUN_COLUMNS = tuple(types(Origin))


def size_key(n_train: int | str) -> tuple[int, int]:
    """Sort key of training sizes: by number, "all" last.

    >>> sorted(["all", "1000", 300], key=size_key)
    [300, '1000', 'all']
    """
    return (1, 0) if n_train == "all" else (0, int(n_train))


def has_table(root: Path) -> bool:
    """Whether a results folder holds a long table."""
    return any((Path(root) / name).is_file() for name in ("metrics.parquet", "metrics.csv"))


def read_table(root: Path) -> pd.DataFrame:
    """The long table of a results folder (metrics.parquet, or metrics.csv where only that is kept).

    Raises:
        DataError: there is none, it is damaged, or its schema is not this version's.
    """
    root = Path(root)
    parquet, csv = root / "metrics.parquet", root / "metrics.csv"
    path = parquet if parquet.is_file() else csv
    if not path.is_file():
        raise DataError(
            f"{root}: found no metrics.parquet or metrics.csv, expected the long table; run `phvae collect` first"
        )
    with _readable(path):
        if path == parquet:
            table = pd.read_parquet(path)
        else:
            text = dict.fromkeys(TYPES.keys() - _TYPES.keys(), "str")
            table = pd.read_csv(path, dtype=text, keep_default_na=False, na_values=dict.fromkeys(_TYPES, ""))
    others = set(table.get("schema_version", ())) - {SCHEMA_VERSION}
    if others:
        found = ", ".join(sorted(map(str, others)))
        raise DataError(f"{path}: found schema {found}, expected {SCHEMA_VERSION}; run `phvae collect` again")
    if "caution" not in table.columns:  # tables of before November 2026
        table["caution"] = ""
    if "off_curve" not in table.columns:  # likewise
        table["off_curve"] = False
    absent = [name for name in COLUMNS if name not in (*table.columns, *ROLE_COLUMNS)]
    if absent:
        raise DataError(f"{path}: the long table lacks the columns {', '.join(absent)}; run `phvae collect` again")
    known = [name for name in COLUMNS if name in table.columns]
    with _readable(path):
        table = table[known].astype({name: kind for name, kind in _TYPES.items() if name in known})
    if not set(ROLE_COLUMNS) <= set(known):  # likewise
        table = with_roles(table, default_baseline(root))
    return table[list(COLUMNS)]


def read_costs(root: Path) -> pd.DataFrame:
    """Seconds, memory and parameters, one row a run (costs.parquet); empty if the file is absent.

    Raises:
        DataError: it is damaged.
    """
    return _read_beside(root, "costs.parquet", Costs)


def read_runs(root: Path) -> pd.DataFrame:
    """Label, status and origin, one row a run (runs.parquet); empty if the file is absent.

    Raises:
        DataError: it is damaged.
    """
    return _read_beside(root, "runs.parquet", Origin)


def _read_beside(root: Path, name: str, record: type) -> pd.DataFrame:
    path = Path(root) / name
    if not path.is_file():
        return frame(record, [])
    with _readable(path):
        return pd.read_parquet(path).reindex(columns=list(types(record)))  # results of an earlier version may lack one


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What pandas and Arrow say of a damaged file, as a DataError that names it."""
    try:
        yield
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, OSError) and error.errno:  # the machine's, such as no permission: Arrow's have no number
            raise
        raise DataError(f"{path}: damaged ({' '.join(str(error).split())}); run `phvae collect` again") from None


def labels_of(table: pd.DataFrame, runs: pd.DataFrame) -> dict[str, str]:
    """Variant -> its label in the configuration; one that is not its variant's alone shows the name too."""
    given = dict(zip(runs["variant"], runs["label"], strict=True))
    labels = {str(variant): str(given.get(variant) or variant) for variant in table["variant"].unique()}
    taken = list(labels.values())
    return {name: label if taken.count(label) == 1 else f"{label} ({name})" for name, label in labels.items()}
