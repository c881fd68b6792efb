"""What figures of levels share: the rows of a level, hatches that tell levels and bands apart in grey print."""

from __future__ import annotations

import pandas as pd

__all__ = ["HATCHES", "level_table"]

HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++", "oo", "--")


def level_table(table: pd.DataFrame, pattern: str) -> pd.DataFrame:
    """Rows whose metric follows `pattern`, with the level (and band) in columns of their own."""
    found = table["metric"].str.extract(pattern)
    chosen = table[found.notna().all(axis=1) & table["value"].notna()].copy()
    for name in found.columns:
        chosen[name] = found.loc[chosen.index, name]
    chosen["level"] = chosen["level"].astype(int)
    return chosen
