"""Numbers that a reader copied from the paper, to stand beside ours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd

from phvae.errors import ConfigError, nearest
from phvae.metrics.registry import METRICS, pattern_of

__all__ = ["COLUMNS", "read_published"]

COLUMNS = ("dataset", "n_train", "variant", "metric", "value", "sd", "source")
_KEY = ["dataset", "n_train", "variant", "metric"]


def read_published(path: str | Path) -> pd.DataFrame:
    """The published numbers; empty if the file holds only its header.

    Columns: dataset, n_train (a number or "all"), variant, metric (a name of the long table), value, sd (may be
    empty), source (where in the paper). Lines that begin with # are comments; a line without a value, an sd and a
    source is a place to fill.

    Raises:
        ConfigError: the file is absent, has other columns, an unknown metric, a value that is no number, a negative sd,
            or a number twice; names the entry.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        text = "\n".join(line for line in lines if not line.startswith("#"))
        frame = pd.read_csv(io.StringIO(text), dtype="str", keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; expected a CSV file with the header {','.join(COLUMNS)}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a CSV file with the header {','.join(COLUMNS)}: {error}") from None
    frame = pd.DataFrame({str(name).strip(): column.str.strip() for name, column in frame.items()})
    if tuple(frame.columns) != COLUMNS:
        raise ConfigError(f"{path}: found the columns {','.join(frame.columns)}, expected {','.join(COLUMNS)}")
    for number, row in enumerate(frame.to_dict("records"), start=1):
        _check(f"{path}: entry {number}", {str(k): str(v) for k, v in row.items()})
    frame["n_train"] = frame["n_train"].map(lambda size: size if size == "all" else str(int(size)))  # 0100 is 100
    twice = frame[frame.duplicated(_KEY)]
    if len(twice):
        raise ConfigError(f"{path}: found {' / '.join(twice.iloc[0][_KEY])} twice, expected one value each")
    frame = frame[frame["value"] != ""].reset_index(drop=True)
    return frame.assign(value=frame["value"].astype("float64"), sd=frame["sd"].replace("", np.nan).astype("float64"))


def _check(where: str, row: dict[str, str]) -> None:
    blank = not (row["value"] or row["sd"] or row["source"])
    for name in ("dataset", "variant") if blank else ("dataset", "variant", "value", "source"):
        if not row[name]:
            raise ConfigError(f"{where}: {name} is empty, expected every column but sd to be filled")
    try:
        pattern_of(row["metric"])
    except KeyError:
        raise ConfigError(
            f"{where}: metric: found {row['metric']!r}, which no table has{nearest(row['metric'], METRICS)}"
        ) from None
    if row["n_train"] != "all" and not row["n_train"].isdecimal():
        raise ConfigError(f"{where}: n_train: found {row['n_train']!r}, expected a number or all")
    for name in ("value", "sd"):
        try:
            known = np.isfinite(float(row[name] or 0))
        except ValueError:
            known = False
        if not known:
            raise ConfigError(f"{where}: {name}: found {row[name]!r}, expected a number with a decimal point")
    if float(row["sd"] or 0) < 0:
        raise ConfigError(f"{where}: sd: found {row['sd']!r}, expected a standard deviation, 0 or larger, or nothing")
