"""How far the beta-VAE's curve may be off between its points: the margin of every contest against it.

The curve interpolates between five values of beta, so a plain beta-VAE between two of them need not lie on it. A
challenger is called better (worse) only where its difference from the curve is beyond the margin of the metric. The
margins are measured on beta-VAEs that are held out of the curve: `python -m benchmarks.curve_margin`, kept in
benchmarks/curve_margin.csv.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["MARGINS", "NOT_KNOWN", "WITHIN", "Margin", "curve_margin", "margin_text"]

NOT_KNOWN = "the curve's own error is not known for this metric"
WITHIN = "within the curve's own error"


@dataclass(frozen=True)
class Margin:
    """A share of the curve's value, or a number in the metric's unit; the other is zero."""

    relative: float = 0.0
    absolute: float = 0.0


# By the metric's whole name: the members of a family such as band_error_{band} bend differently. Not in the registry,
# whose modules are in the key of every evaluation: a margin measured anew must not score any run anew.
# Absent: nll, whose curve bends a hundred times more where codes collapse than elsewhere; what no held-out model was
# measured by, such as the FID.
MARGINS: dict[str, Margin] = {
    "w1_samples_mean": Margin(relative=0.069),
    "w1_samples_model": Margin(relative=0.13),
    "mse": Margin(relative=0.017),
    "ssim": Margin(absolute=0.00088),
    "sharpness": Margin(absolute=0.0021),
    "band_error_high": Margin(relative=0.011),
    "fd_classifier_samples": Margin(relative=0.021),
    "ball_share": Margin(absolute=0.014),
}


def curve_margin(metric: str, curve: float) -> float:
    """The margin of a metric where the curve has the value `curve`, in the metric's unit; NaN if none was measured."""
    margin = MARGINS.get(metric)
    return np.nan if margin is None else margin.absolute + margin.relative * abs(curve)


def margin_text(metric: str) -> str:
    """A metric's margin in words for a table: a share as per cent; a dash where none was measured."""
    margin = MARGINS.get(metric)
    if margin is None:
        return "–"
    return f"{100 * margin.relative:g} %" if margin.relative else f"{margin.absolute:g}"
