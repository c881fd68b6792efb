"""How each run ended, and which cells hold no number: one rule for tables, statistics, report and closing lines."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.results.long_table import CELL, RUN

__all__ = ["run_status", "without_numbers"]


def run_status(table: pd.DataFrame) -> pd.DataFrame:
    """Dataset, n_train, variant, seed and status of every run: ok if it gave numbers, else that of the whole run."""
    rows = table[table["seed"].notna()]
    whole = rows["status"].where((rows["metric"] == RUN) | (rows["status"] == "diverged"), "ok")
    ranked = rows.assign(status=whole, bad=whole != "ok").sort_values("bad", kind="stable")
    return ranked.drop_duplicates([*CELL, "seed"], keep="last")[[*CELL, "seed", "status"]]


def without_numbers(table: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """(data set, n_train, variant) of the cells without a single value -> the first reason that their rows give."""
    values = table["value"].notna().groupby([table[name] for name in CELL], sort=False)
    rows = table[~values.transform("any")]
    first = rows.assign(told=rows["reason"] != "").sort_values("told", ascending=False, kind="stable")
    found = first.drop_duplicates(CELL).sort_index()
    return {(str(d), str(n), str(v)): str(why) for d, n, v, why in found[[*CELL, "reason"]].itertuples(index=False)}
