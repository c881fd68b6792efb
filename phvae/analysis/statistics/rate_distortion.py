"""Matched rate: a run against the beta-VAE's rate-distortion curve at the run's own rate (method, section 6)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from phvae.analysis.results.long_table import CELL
from phvae.analysis.results.roles import on_curve

__all__ = ["CURVE_NAME", "RATE", "interpolate", "matched", "outside_curve"]

RATE = "kl"
_COLUMNS = [*CELL, "seed", "family", "beta", "split", "status", "metric", "value"]
CURVE_NAME = "the β-VAE's curve"  # how tables and reasons call it


def interpolate(rates: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The curve through (rate, value) at other rates: monotone cubic (Fritsch and Carlson 1980), NaN outside its ends.

    It does not overshoot, equals the chord for two points, and unlike chords does not lie above a convex curve by
    much. Equal rates are averaged; fewer than two rates give NaN.

    >>> interpolate(np.array([4.0, 1.0]), np.array([1.0, 4.0]), np.array([2.0, 5.0]))
    array([ 3., nan])
    """
    known = np.isfinite(rates) & np.isfinite(values)
    x, inverse = np.unique(rates[known], return_inverse=True)
    if len(x) < 2:
        return np.full(np.shape(at), np.nan)
    y = np.bincount(inverse, weights=values[known]) / np.bincount(inverse)
    inside = np.isfinite(at) & (at >= x[0]) & (at <= x[-1])
    found: np.ndarray = np.where(inside, PchipInterpolator(x, y)(np.where(inside, at, x[0])), np.nan)
    return found


def _points(table: pd.DataFrame, metric: str, split: str) -> pd.DataFrame:
    rows = table[(table["split"] == split) & (table["status"] == "ok")]
    by = [*CELL, "seed"]
    rate = rows[rows["metric"] == RATE].set_index(by)["value"].rename("rate")
    values = rows[rows["metric"] == metric].set_index(by)[["beta", "value"]]
    return values.join(rate, how="inner").reset_index()[[*by, "beta", "rate", "value"]]


def _whole(points: pd.DataFrame) -> pd.DataFrame:
    """The points of the seeds at which every variant has one that has one at any seed of that data set and size."""
    points = points[np.isfinite(points["rate"]) & np.isfinite(points["value"])]
    variants = points.groupby(["dataset", "n_train"])["variant"].transform("nunique")
    return points[points.groupby(["dataset", "n_train", "seed"])["variant"].transform("nunique") == variants]


def matched(
    table: pd.DataFrame, metric: str, variants: list[str] | None = None, *, split: str = "test"
) -> pd.DataFrame:
    """Each run beside the beta curve of the same data set, size and seed at the run's own rate.

    A seed at which a variant of the curve has no value, though it has one at other seeds, has no curve: one through the
    points that are left would be another curve, and a bend that it misses favours the run.

    Args:
        table: the long table.
        metric: the distortion (or any metric) that is interpolated over the rate `kl`, in nats.
        variants: those to compare; by default all that are not on the curve.
        split: split of the rows.

    Returns:
        dataset, n_train, variant, seed, rate, value, curve (NaN where the seed has none, or the rate is outside it),
        outside (whether it is the rate that is), difference.
    """
    table = table.loc[table["metric"].isin((RATE, metric)), _COLUMNS]  # few of many: the rest is quick
    base = on_curve(table)
    points = _points(table[base], metric, split)
    runs = _points(table[~base if variants is None else table["variant"].isin(variants)], metric, split)
    by = ["dataset", "n_train", "seed"]
    known = {key: group for key, group in _whole(points).groupby(by, sort=False)}
    runs["curve"], runs["outside"] = np.nan, False
    for key, group in runs.groupby(by, sort=False):
        if key in known:
            rates, values = known[key]["rate"].to_numpy(), known[key]["value"].to_numpy()
            found = interpolate(rates, values, group["rate"].to_numpy())
            runs.loc[group.index, "curve"], runs.loc[group.index, "outside"] = found, np.isnan(found)
    runs["difference"] = runs["value"] - runs["curve"]
    return runs[[*CELL, "seed", "rate", "value", "curve", "outside", "difference"]]


def outside_curve(outside: int, seeds: int) -> str:
    """Why nothing is said against the curve where `outside` of `seeds` rates are off it; empty where none is.

    >>> outside_curve(2, 10)
    "rate (kl) outside the β-VAE's curve at 2 of 10 seeds"
    """
    return f"rate ({RATE}) outside {CURVE_NAME} at {outside} of {seeds} seeds" if outside else ""
