"""The figure of a claim's contests, of numbers made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from claims_by_hand import claim

from phvae.analysis.claims.schema import Claim
from phvae.analysis.figures.contest import ContestPlot
from phvae.analysis.figures.looks import VariantDesign, looks

CONTROLS = ["vae", "rate-distortion", "copies-3", {"variant": "vae", "challenger": "ph-vae-3-matched"}]
LABELS = {"vae": "VAE", "copies-3": "copies 3", "ph-vae-3": "PH-VAE 3", "ph-vae-3-matched": "PH-VAE 3, matched"}
LOOKS = looks({"vae": VariantDesign("baseline"), "copies-3": VariantDesign("copies")})
# data set -> verdict, reason, number of the hardest contest; effect, low and high of each contest
ROWS: dict[str, Any] = {
    "digits": ("contradicted", "", 2, [(-0.3, -0.4, -0.2), (-0.1, -0.15, 0.02), (0.25, 0.2, 0.3), (-0.2, -0.3, -0.1)]),
    "sprites": ("supported", "", 0, [(-0.2, -0.3, -0.12), (-4, -5, -3), (-0.4, -0.7, -0.2), (-0.3, -0.35, -0.25)]),
    "claw": ("not resolved", "the difference is smaller than what matters", 3,
             [(0.01, -0.05, 0.04), (-0.02, -0.06, 0.01), (0.02, 0.0, 0.05), (0.03, -0.01, 0.06)]),
    "gap": ("not resolved", "not distinguishable from VAE at 10 seeds", 3,
            [(0.1, -0.05, 0.2), (np.nan, np.nan, np.nan), (0.05, -0.2, 0.3), (0.15, -0.9, 1.3)]),
}  # fmt: skip


def contest_plot(**more: Any) -> ContestPlot:
    """Effects of a metric that is better lower, where 0.1 matters; `more` goes into the claim."""
    stated = Claim.model_validate(claim("ph-vae-3", CONTROLS, **{"matters": {"absolute": 0.1}, **more}))
    contests, verdicts = [], []
    for dataset, (verdict, reason, hardest, effects) in ROWS.items():
        known = {"dataset": dataset, "n_train": "100" if dataset == "gap" else "all", "n": 9, "incomplete": 1}
        lines = [
            known | {"compare": "mean", "direction": stated.direction, "control": control.variant, "matters": 0.1}
            | {"challenger": control.challenger or stated.challenger, "effect": effect, "low": low, "high": high}
            | {"verdict": "not testable" if np.isnan(effect) else ""}
            | {"margin": 0.03 if control.variant == "rate-distortion" else 0.0}
            for control, (effect, low, high) in zip(stated.controls, effects, strict=True)
        ]  # fmt: skip
        contests += lines
        verdicts.append(lines[hardest] | {"verdict": verdict, "reason": reason})
    return ContestPlot(stated, pd.DataFrame(contests), pd.DataFrame(verdicts), LABELS, LOOKS)
