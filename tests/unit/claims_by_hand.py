"""Claims and long tables made by hand, for the tests of the ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis.claims.schema import Claims


def claim(challenger: str, controls: list[Any], **more: Any) -> dict[str, Any]:
    base = {"text": "words", "datasets": ["grey"], "metric": "mse", "direction": "lower", "matters": {"relative": 0.05}}
    return {**base, "challenger": challenger, "controls": controls, **more}


def claims(entries: dict[str, Any]) -> Claims:
    return Claims.model_validate({"written": "2026-01-01", "claims": entries})


def symmetric(half: np.ndarray) -> np.ndarray:
    """Noise of mean 0 and standard deviation 1 without skewness: what is given, and its mirror image."""
    noise = np.concatenate([half, -half], axis=-1)
    return noise / noise.std(axis=-1, ddof=1, keepdims=True)


def made(differences: dict[str, np.ndarray], base: np.ndarray) -> pd.DataFrame:
    """A long table with the control `vae` at `base`, and variants at base plus their differences."""
    rows = []
    for variant, shift in {"vae": np.zeros_like(base), **differences}.items():
        for seed, value in enumerate(base + shift):
            rows.append(("d", "all", variant, "test", "m", seed, "ok", value, False))
    names = ["dataset", "n_train", "variant", "split", "metric", "seed", "status", "value", "higher_is_better"]
    frame = pd.DataFrame(rows, columns=names).astype({"higher_is_better": "boolean"})
    return frame.assign(
        order=1, basis="monomial", divergence="kl", n=300, floor=np.nan, noise_sd=np.nan, reason="", caution=""
    )


def without_values(table: pd.DataFrame, variant: str, seeds: range, status: str) -> pd.DataFrame:
    """The table with some runs of a variant in which the metric has no value."""
    gone = (table["variant"] == variant) & table["seed"].isin(seeds)
    return table.assign(value=table["value"].mask(gone), status=table["status"].mask(gone, status))


def lost(table: pd.DataFrame, variant: str, seeds: int) -> pd.DataFrame:
    """The table with the first runs of a variant diverged."""
    gone = (table["variant"] == variant) & (table["seed"] < seeds)
    return table.assign(
        status=table["status"].mask(gone, "diverged"), value=table["value"].mask(gone), reason="the loss is not finite"
    )
