"""How each run ended: one rule for tables, statistics and the check against a reference."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.results.long_table import CELL, RUN

__all__ = ["run_status"]


def run_status(table: pd.DataFrame) -> pd.DataFrame:
    """Dataset, n_train, variant, seed and status of every run: ok if it gave numbers, else that of the whole run."""
    rows = table[table["seed"].notna()]
    whole = rows["status"].where((rows["metric"] == RUN) | (rows["status"] == "diverged"), "ok")
    ranked = rows.assign(status=whole, bad=whole != "ok").sort_values("bad", kind="stable")
    return ranked.drop_duplicates([*CELL, "seed"], keep="last")[[*CELL, "seed", "status"]]
