"""What figures of levels share: the rows of a level, its colour, and hatches that separate levels in grey print."""

from __future__ import annotations

import pandas as pd

__all__ = ["HATCHES", "level_colour", "level_table"]

HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++", "oo", "--")
SHADES = 5  # that differ clearly


def level_table(table: pd.DataFrame, pattern: str) -> pd.DataFrame:
    """Rows whose metric follows `pattern`, with the level (and band) in columns of their own."""
    found = table["metric"].str.extract(pattern)
    chosen = table[found.notna().all(axis=1) & table["value"].notna()].copy()
    for name in found.columns:
        chosen[name] = found.loc[chosen.index, name]
    chosen["level"] = chosen["level"].astype(int)
    return chosen


def level_colour(level: int) -> tuple[float, ...]:
    """The colour of a level from 1 on, the same in every figure: dark to light, in order in grey print."""
    import matplotlib as mpl

    place = min(level, SHADES) - 1
    return tuple(mpl.colormaps["cividis"](0.05 + 0.87 * place / (SHADES - 1)))
