"""The tables of a results folder: the long table, costs and origins; their columns, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

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
    "labels_of",
    "read_costs",
    "read_runs",
    "read_table",
    "size_key",
    "typed",
]

SCHEMA_VERSION = 1

# The metric name of the one row that stands for a run without numbers (diverged, failed, missing).
RUN = "run"

CELL = ["dataset", "n_train", "variant"]
KEY = [*CELL, "split", "metric"]

CELL_COLUMNS = ("order", "basis", "encoder_width", "coupling", "prior", "divergence", "beta", "backbone")
ROW_COLUMNS = (
    "split", "metric", "value", "unit", "higher_is_better", "n", "ceiling", "floor", "noise_sd", "settings", "status",
    "reason", "caution",
)  # fmt: skip
COLUMNS = (
    "schema_version", "dataset", "n_train", "variant", *CELL_COLUMNS, "off_curve", "seed", *ROW_COLUMNS, "run_key",
    *ROLE_COLUMNS,
)  # fmt: skip
COST_COLUMNS = (
    "dataset", "n_train", "variant", "seed", "seconds_train", "images_per_second", "parameters", "parameters_encoder",
    "parameters_decoder", "peak_memory_mb", "seconds_encode", "seconds_evaluate", "best_epoch", "epochs", "late_gain",
    "status",
)  # fmt: skip
RUN_COLUMNS = (
    "dataset", "n_train", "variant", "label", "seed", "status", "reason", "run_key", "binary", "data_sha256",
    "claims_sha256", "commit", "dirty", "device", "threads", "platform", "versions",
)  # fmt: skip

TYPES = {
    **dict.fromkeys(("schema_version",), "int64"),
    **dict.fromkeys(("order", "seed", "n", "best_epoch", "epochs", "threads"), "Int64"),
    **dict.fromkeys(("parameters", "parameters_encoder", "parameters_decoder"), "Int64"),
    **dict.fromkeys(("beta", "value", "ceiling", "floor", "noise_sd", "late_gain"), "float64"),
    **dict.fromkeys(
        ("seconds_train", "images_per_second", "peak_memory_mb", "seconds_encode", "seconds_evaluate"), "float64"
    ),
    **dict.fromkeys(("higher_is_better", "binary", "dirty", "off_curve"), "boolean"),
}


def size_key(n_train: int | str) -> tuple[int, int]:
    """Sort key of training sizes: by number, "all" last.

    >>> sorted(["all", "1000", 300], key=size_key)
    [300, '1000', 'all']
    """
    return (1, 0) if n_train == "all" else (0, int(n_train))


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
            frame = pd.read_parquet(path)
        else:
            text = [name for name in COLUMNS if name not in TYPES]
            frame = pd.read_csv(
                path, dtype=dict.fromkeys(text, "str"), keep_default_na=False, na_values=dict.fromkeys(TYPES, "")
            )
    others = set(frame.get("schema_version", ())) - {SCHEMA_VERSION}
    if others:
        found = ", ".join(sorted(map(str, others)))
        raise DataError(f"{path}: found schema {found}, expected {SCHEMA_VERSION}; run `phvae collect` again")
    if "caution" not in frame.columns:  # tables of before November 2026
        frame["caution"] = ""
    if "off_curve" not in frame.columns:  # likewise
        frame["off_curve"] = False
    absent = [name for name in COLUMNS if name not in (*frame.columns, *ROLE_COLUMNS)]
    if absent:
        raise DataError(f"{path}: the long table lacks the columns {', '.join(absent)}; run `phvae collect` again")
    known = [name for name in COLUMNS if name in frame.columns]
    with _readable(path):
        frame = frame[known].astype({name: kind for name, kind in TYPES.items() if name in COLUMNS})
    if not set(ROLE_COLUMNS) <= set(known):  # likewise
        frame = with_roles(frame, default_baseline(root))
    return frame[list(COLUMNS)]


def read_costs(root: Path) -> pd.DataFrame:
    """Seconds, memory and parameters, one row a run (costs.parquet); empty if the file is absent.

    Raises:
        DataError: it is damaged.
    """
    return _read_beside(root, "costs.parquet", COST_COLUMNS)


def read_runs(root: Path) -> pd.DataFrame:
    """Label, status and origin, one row a run (runs.parquet); empty if the file is absent.

    Raises:
        DataError: it is damaged.
    """
    return _read_beside(root, "runs.parquet", RUN_COLUMNS)


def _read_beside(root: Path, name: str, columns: Sequence[str]) -> pd.DataFrame:
    path = Path(root) / name
    if not path.is_file():
        return typed({column: [] for column in columns})
    with _readable(path):
        return pd.read_parquet(path).reindex(columns=list(columns))  # results of an earlier version may lack one


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


def typed(columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A frame of these columns, each of its type."""
    return pd.DataFrame(
        {name: pd.Series(values, dtype=TYPES.get(name, "str")) for name, values in columns.items()}, copy=False
    )
