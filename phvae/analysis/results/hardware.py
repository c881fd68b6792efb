"""On which data sets a paired comparison spans different hardware."""

from __future__ import annotations

import pandas as pd

__all__ = ["across_hardware"]


def across_hardware(runs: pd.DataFrame) -> str:
    """Names the data sets where runs of one training size and seed come from different CPUs or GPUs; empty if none do.

    Their sums differ in the last bits, which training carries on, so a difference between them is not of the variants
    alone. Runs that do not say what they ran on are not counted.

    Args:
        runs: one row per run, with dataset, n_train, seed and hardware.
    """
    known = runs[runs["hardware"].fillna("") != ""]
    mixed = known.groupby(["dataset", "n_train", "seed"], sort=False)["hardware"].transform("nunique") > 1
    if not mixed.any():
        return ""
    sets = ", ".join(known["dataset"][mixed].unique())
    machines = "; ".join(sorted(known["hardware"][mixed].unique()))
    return (
        f"On {sets} paired runs come from different hardware ({machines}): a difference is not of the variants alone."
    )
