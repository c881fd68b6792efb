"""The table at matched rate: each variant against the beta-VAE's rate-distortion curve."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.curve_margin import NOT_KNOWN, WITHIN, curve_margin, margin_text
from phvae.analysis.rate_distortion import curve_variants, matched
from phvae.analysis.render import Block, Cell, Table, plus_minus
from phvae.analysis.style import metric_label
from phvae.analysis.summaries import BETTER, BEYOND, MIN_PAIRS, UNRESOLVED, WORSE, ZERO_INSIDE, best_of
from phvae.analysis.tables_metrics import MARKS, heading, row_name
from phvae.analysis.tables_source import Source
from phvae.seeding import numpy_generator

__all__ = ["matched_rate"]

SHOWN = (
    "mse", "ssim", "sharpness", "band_error_high", "fid_samples", "fd_classifier_samples", "w1_samples_mean",
    "w1_samples_model", "ball_share",
)  # fmt: skip
COLUMNS = [
    "dataset", "n_train", "variant", "label", "metric", "pairs", "outside", "no_curve", "rate", "mean", "curve",
    "difference", "difference_low", "difference_high", "p_sign_flip", "p_improvement", "word", "why", "margin",
]  # fmt: skip


def matched_rate(source: Source) -> tuple[Table, pd.DataFrame]:
    """Each variant's difference from the beta-VAE curve at its own rate, seed by seed."""
    found = [_against_curve(source, metric) for metric in SHOWN if metric in set(source.table["metric"])]
    found = [one for one in found if len(one)]
    frame = pd.concat(found) if found else pd.DataFrame(columns=COLUMNS)
    caption = (
        "Difference from the curve of the β-VAE at the variant's own rate (KL in nats), seed by seed ± half the width "
        "of its 95 % interval (Student t). Bold is better than the curve by more than its own error, † is worse by "
        "more, no mark is not resolved (also where the better side diverged more often or passes the value of the "
        "data). In brackets, where some seeds are "
        "not compared: how many have a rate on the curve, of those that have a curve (nothing is extrapolated); lost "
        "are those at which a run of the curve gave no value. The curve's own error, a share of its value or a "
        "number: how far β-VAEs that are held out of a curve were off it, measured on other runs "
        "(benchmarks/curve_margin.csv); where it is not known, nothing is said."
    )
    table = Table("matched-rate", "At matched rate", caption)
    for dataset in source.datasets():
        size = source.sizes(dataset)[-1]
        rows = frame[(frame["dataset"] == dataset) & (frame["n_train"] == size)]
        metrics = [m for m in SHOWN if (rows[rows["metric"] == m]["pairs"] > 0).any()]
        if not metrics:
            continue
        known = {(row["variant"], row["metric"]): row for _, row in rows.iterrows()}
        body: list[list[Cell | str]] = [
            [
                row_name(source, dataset, size, variant),
                *(_difference(known.get((variant, metric))) for metric in metrics),
            ]
            for variant in rows["variant"].unique()
        ]
        body.append(["curve's own error", *(margin_text(metric) for metric in metrics)])
        examples = heading(dataset, size, int(rows[["pairs", "outside", "no_curve"]].sum(axis=1).max()))
        table.blocks.append(Block(examples, ["variant", *(metric_label(m) for m in metrics)], body))
    return table, frame


def _difference(row: pd.Series | None) -> Cell:
    if row is None or row["pairs"] == 0:
        return Cell("–")
    text = plus_minus(row["difference"], (row["difference_high"] - row["difference_low"]) / 2)
    if row["outside"] or row["no_curve"]:
        lost = f", {row['no_curve']} lost" if row["no_curve"] else ""
        text += f" ({row['pairs']}/{row['pairs'] + row['outside']}{lost})"
    return Cell(text, bold=row["word"] == BETTER, mark=MARKS[row["word"]])


def _against_curve(source: Source, metric: str) -> pd.DataFrame:
    points = matched(source.table, metric)
    known = source.table[(source.table["metric"] == metric) & source.table["higher_is_better"].notna()]
    sign = np.nan if not len(known) else 1.0 if known["higher_is_better"].iloc[0] else -1.0
    on_curve = {str(d): curve_variants(rows) for d, rows in source.table.groupby("dataset", sort=False)}
    rows = []
    for (dataset, size, variant), group in points.groupby(["dataset", "n_train", "variant"], sort=False):
        difference = group["difference"].to_numpy()
        n, mean, _ = s.moments(difference)
        low, high = s.t_interval(difference)
        lost, *others = (
            source.diverged.get((str(dataset), str(size), str(name)), 0.0)
            for name in (variant, *on_curve[str(dataset)])
        )
        margin = curve_margin(metric, float(group["curve"].mean()))
        clear = n >= MIN_PAIRS and (low > margin or high < -margin)
        better = bool(clear and sign * mean > 0)
        paired = group[group["curve"].notna()]
        most = max(others, default=0.0)
        winner, diverged = ("variant", lost > most) if better else ("curve", lost < most)
        beyond = sign * (paired["value" if better else "curve"].mean() - best_of(metric)) > 0
        word = UNRESOLVED if not clear or diverged or beyond else BETTER if better else WORSE
        why = f"the {winner} diverged more often" if diverged else f"the {winner} {BEYOND}" if beyond else ""
        if not clear:
            inside = NOT_KNOWN if np.isnan(margin) else WITHIN if low > 0 or high < 0 else ZERO_INSIDE
            why = f"fewer than {MIN_PAIRS} pairs on the curve" if n < MIN_PAIRS else inside
        rows.append(
            {
                "dataset": dataset, "n_train": size, "variant": variant, "label": source.labels[str(variant)],
                "metric": metric, "pairs": int(n), "outside": int(group["outside"].sum()),
                "no_curve": int((~group["outside"] & group["curve"].isna()).sum()), "rate": paired["rate"].mean(),
                "mean": paired["value"].mean(), "curve": paired["curve"].mean(), "difference": float(mean),
                "difference_low": float(low), "difference_high": float(high),
                "p_sign_flip": float(s.sign_flip(difference, numpy_generator(0, "matched"))),
                "p_improvement": float(s.probability_of_improvement(sign * difference)),
                "word": word if np.isfinite(sign) else "",
                "why": why, "margin": margin,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)
