"""Which variants and metrics a figure has room for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from phvae.analysis.presentation.metrics_shown import FIGURES_FIRST
from phvae.analysis.results.divergences import is_weighted_kl
from phvae.analysis.results.roles import CONTROL, PH_VAE

__all__ = ["choose_metrics", "choose_variants"]


def choose_metrics(rows: pd.DataFrame, limit: int) -> list[str]:
    """The first metrics that two variants at least have, and that are not the same for all."""
    values = rows[rows["value"].notna() & rows["seed"].notna()].groupby("metric")
    variants, spread = values["variant"].nunique(), values["value"].max() - values["value"].min()
    return [m for m in FIGURES_FIRST if variants.get(m, 0) > 1 and spread[m] > 0][:limit]


def choose_variants(rows: pd.DataFrame, baseline: str, limit: int, among: Collection[str] | None = None) -> list[str]:
    """Variants of a data set's rows, in the table's order, the baseline first; too many are thinned.

    What the claims compare stays longest: the baseline, the PH-VAE that has controls, and these, the hardest first.
    """
    cells = rows.drop_duplicates("variant")
    controls = cells[(cells["order"] > 1) & (cells["role"] == CONTROL)]
    controlled = {int(order) for order in controls["order"]}
    chosen = cells if among is None else cells[cells["variant"].isin(among)]
    ranked = sorted(chosen.to_dict("records"), key=lambda cell: _rank(cell, baseline, controlled))
    kept = {cell["variant"] for cell in ranked[:limit]}
    return sorted((v for v in chosen["variant"] if v in kept), key=lambda variant: variant != baseline)


def _rank(cell: dict[Any, Any], baseline: str, controlled: Collection[int]) -> int:
    """`controlled`: the orders of which there are controls; without any, all orders count."""
    order, beta = cell["order"], cell["beta"]
    if cell["variant"] == baseline:
        return 0
    if pd.isna(order) or not is_weighted_kl(cell["divergence"]):
        return 8
    if order == 1:  # a small weight of the divergence is what PH-VAEs are hardest told from
        return 1 if beta == 1 else 3 if beta < 1 else 5
    if cell["role"] == CONTROL:
        return 2 if cell["basis"] == "copies" else 4
    usual = cell["family"] == PH_VAE
    if controlled and order not in controlled:
        return 7 if usual else 8
    return 1 if usual else 6
