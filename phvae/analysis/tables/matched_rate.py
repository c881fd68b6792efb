"""The table at matched rate: each variant against the beta-VAE's rate-distortion curve."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.claims.schema import CURVE_CONTROL
from phvae.analysis.claims.scores_by_cell import Scores, ScoresByCell, scores_by_cell
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.metrics_shown import MATCHED_RATE
from phvae.analysis.statistics.curve_margin import MARGINS, NOT_KNOWN, WITHIN, curve_margin, margin_text
from phvae.analysis.statistics.rate_distortion import CURVE_NAME, matched, outside_curve
from phvae.analysis.statistics.verdict import ZERO_INSIDE, Comparison, best_of, judge
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell
from phvae.analysis.tables.score_cells import OPEN, difference_cell, heading, legend, places, row_name
from phvae.determinism.seeding import numpy_generator

__all__ = ["DIFFERENCE", "against_curve", "matched_rate"]

COLUMNS = [
    "dataset", "n_train", "variant", "label", "metric", "pairs", "outside", "no_curve", "rate", "mean", "curve",
    "difference", "difference_low", "difference_high", "skew", "p_sign_flip", "p_improvement", "word", "why",
    "caution", "margin",
]  # fmt: skip
DIFFERENCE = ("difference", "difference_low", "difference_high")
CAPTION = "Each variant against the curve of the β-VAEs at the variant's own rate (KL in nats), seed by seed."
RULES = [
    "Intervals: the wider of Student's and Hall's.",
    "▲ and ▼: the difference is larger than the curve's own error, which is a share of its value or a number: how far "
    "β-VAEs that are held out of a curve were off it, measured on other runs (benchmarks/curve_margin.csv). Where it "
    "is not known, nothing is said; nor where some rates are off the curve.",
    "In brackets, where some seeds are not compared: how many have a rate on the curve, of those that have a curve "
    "(nothing is extrapolated); lost are those at which a run of the curve gave no value.",
    OPEN,
]


def matched_rate(inputs: TableInputs) -> tuple[Table, pd.DataFrame]:
    """Each variant's difference from the beta-VAE curve at its own rate, seed by seed."""
    scores = scores_by_cell(inputs.table, MATCHED_RATE, inputs.labels)
    known = set(inputs.table["metric"])
    found = [against_curve(inputs.table, inputs.labels, scores, m) for m in MATCHED_RATE if m in known]
    found = [one for one in found if len(one)]
    frame = pd.concat(found) if found else pd.DataFrame(columns=COLUMNS)
    table = Table("matched-rate", "At matched rate", CAPTION, rules=RULES + ([inputs.varies] if inputs.varies else []))
    for dataset in inputs.datasets():
        size = inputs.sizes(dataset)[-1]
        rows = frame[(frame["dataset"] == dataset) & (frame["n_train"] == size)]
        metrics = [m for m in MATCHED_RATE if (rows[rows["metric"] == m]["pairs"] > 0).any()]
        if not metrics:
            continue
        by_metric = {(row["variant"], row["metric"]): row for _, row in rows.iterrows()}
        decimals = {metric: places(rows[rows["metric"] == metric], *DIFFERENCE) for metric in metrics}
        body: list[list[TableCell]] = [
            [
                row_name(inputs, dataset, size, variant),
                *(difference_cell(by_metric.get((variant, metric)), decimals[metric]) for metric in metrics),
            ]
            for variant in rows["variant"].unique()
        ]
        error = [TableCell("curve's own error"), *(_margin_cell(metric) for metric in metrics)]
        examples = heading(dataset, size, int(rows[["pairs", "outside", "no_curve"]].sum(axis=1).max()))
        header = ["variant", *(metric_label(m) for m in metrics)]
        table.blocks.append(TableBlock(examples, header, body, reference=[error]))
    table.legend = legend(table.blocks, CURVE_NAME, "Difference from the curve ± half of its 95 % interval")
    return table, frame


def _margin_cell(metric: str) -> TableCell:
    margin = MARGINS.get(metric)
    return number_cell((100 * margin.relative or margin.absolute) if margin else None, margin_text(metric))


def against_curve(table: pd.DataFrame, labels: Mapping[str, str], scores: ScoresByCell, metric: str) -> pd.DataFrame:
    """Each variant of a long table against its curve at the variant's own rate: one row a cell."""
    points = matched(table, metric)
    sign = {True: 1.0, False: -1.0, None: np.nan}[scores.directions.get(metric)]
    rows = []
    for (dataset, size, variant), group in points.groupby(["dataset", "n_train", "variant"], sort=False):
        difference = group["difference"].to_numpy()
        n, mean, _ = s.moments(difference)
        low, high = s.paired_interval(difference)
        paired, outside = group[group["curve"].notna()], int(group["outside"].sum())
        key, on_curve = (str(dataset), str(size), str(variant)), (str(dataset), str(size), CURVE_CONTROL)
        data = scores.scores.get((key, "test", metric), Scores())
        margin = curve_margin(metric, float(group["curve"].mean()))
        unclear = NOT_KNOWN if np.isnan(margin) else WITHIN if low > 0 or high < 0 else ZERO_INSIDE
        comparison = Comparison(
            one=scores.side(key, metric, "test", paired["value"].mean(), data, rate=True),
            other=scores.side(on_curve, metric, "test", paired["curve"].mean(), data, rate=True),
            pairs=np.atleast_1d(n),
            sign=sign,
            p_above=s.paired_p(difference - margin, "greater"),
            p_below=s.paired_p(difference + margin, "less"),
            skew=s.skewness(difference),
            best=best_of(metric),
            unclear=unclear,
            barred=outside_curve(outside, len(group)),
        )
        word, why = (texts[0] for texts in judge(comparison))
        rows.append(
            {
                "dataset": dataset, "n_train": size, "variant": variant, "label": labels[str(variant)],
                "metric": metric, "pairs": int(n), "outside": outside,
                "no_curve": int((~group["outside"] & group["curve"].isna()).sum()), "rate": paired["rate"].mean(),
                "mean": paired["value"].mean(), "curve": paired["curve"].mean(), "difference": float(mean),
                "difference_low": float(low), "difference_high": float(high), "skew": float(s.skewness(difference)),
                "p_sign_flip": float(s.sign_flip(difference, numpy_generator(0, "matched"))),
                "p_improvement": float(s.probability_of_improvement(sign * difference)), "word": word, "why": why,
                "caution": comparison.one.caution or comparison.other.caution,
                "margin": margin,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)
