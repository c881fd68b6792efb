"""What the page's explorer needs, packed for a browser: the scores of every seed, and the library that draws them."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phvae.analysis.report.explored import Explored, explored, read_statistics
from phvae.analysis.results.long_table import has_table, labels_of, read_runs, read_table

__all__ = ["Explorer", "explorer", "packed"]


@dataclass(frozen=True)
class Explorer:
    """Two texts for the page, each base64 of gzip of UTF-8.

    Attributes:
        library: Plotly's script.
        numbers: `explored` as JSON; each array is base64 of its little-endian bytes.
    """

    library: str
    numbers: str


def explorer(root: Path) -> Explorer | None:
    """The explorer of a results folder; None where it holds no long table, no statistics, or no number.

    Raises:
        DataError: the table or its statistics are damaged.
    """
    statistics = read_statistics(root / "tables")
    if statistics is None or not has_table(root):
        return None
    table = read_table(root)
    found = explored(table, statistics, labels_of(table, read_runs(root)), _claimed(root / "tables"))
    if not len(found.columns["value"]):
        return None
    return Explorer(_library(), packed(_json(found)))


def packed(text: str) -> str:
    """Base64 of the gzip of a text: equal texts give equal bytes."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def _json(found: Explored) -> str:
    columns = {name: base64.b64encode(array.tobytes()).decode() for name, array in found.columns.items()}
    return json.dumps(found.names | {"columns": columns}, ensure_ascii=False, allow_nan=False)


def _library() -> str:
    from plotly.offline import get_plotlyjs

    return packed(get_plotlyjs())


def _claimed(tables: Path) -> list[str]:
    """Challengers and controls of the claims, each once."""
    path = tables / "claim-contests.csv"
    try:
        contests = pd.read_csv(path, dtype=str, keep_default_na=False, usecols=["challenger", "control"])
    except (FileNotFoundError, ValueError):  # no claims: no file, or an empty one
        return []
    return [str(name) for name in pd.unique(contests.to_numpy().ravel())]
