"""The table of divergences: tuned families at the weights that were chosen, against the baseline's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.claims.scores_by_cell import scores_by_cell
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.presentation.numbers import plus_minus
from phvae.analysis.results.long_table import CELL, RUN
from phvae.analysis.results.roles import BETA_VAE
from phvae.analysis.results.tuned import Tuned, tuned
from phvae.analysis.statistics.against_baseline import against
from phvae.analysis.statistics.rate_distortion import RATE
from phvae.analysis.statistics.verdict import BETTER, MIN_PAIRS, WORSE
from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.layout import Table, TableBlock, TableCell, number_cell, number_column
from phvae.analysis.tables.matched_rate import DIFFERENCE, against_curve
from phvae.analysis.tables.score_cells import OPEN, difference_cell, legend, places, score_cell
from phvae.analysis.tables.weights import about, compared_by, reported
from phvae.experiment.tuning import TuningConfig
from phvae.words import plural

__all__ = ["divergences"]

SET = ["dataset", "n_train"]
COMPARED = ["pairs", "difference", "difference_low", "difference_high", "word", "why", "caution"]
AT_CURVE = [*COMPARED, "outside", "no_curve", "curve", "margin"]
EQUAL = "equal_rate_"  # before the names of what is said at equal rate


def divergences(inputs: TableInputs, tuning: TuningConfig) -> tuple[Table, pd.DataFrame]:
    """Families at their chosen weights, at the seeds that chose nothing: over data sets, then set by set."""
    found, baseline = tuned(inputs.table, inputs.costs, tuning), tuning.family_of(inputs.baseline)
    frame = _compared(inputs, found, tuning, baseline)
    table = Table("divergences", "Divergences", about(tuning), rules=_rules(inputs, baseline))
    metrics = [metric for metric in compared_by(tuning) if metric in set(frame["metric"])]
    largest = {dataset: inputs.sizes(dataset)[-1] for dataset in inputs.datasets()}
    shown = frame[frame["n_train"] == frame["dataset"].map(largest)]
    by_metric = [(metric, shown[shown["metric"] == metric]) for metric in metrics]
    table.blocks += [_over_sets(metric, rows, baseline) for metric, rows in by_metric if _ranked(rows)]
    header = ["family", "weight chosen", "rate, nats", "mean", f"− {baseline}", f"− {baseline}, equal rate"]
    for dataset, size in largest.items():
        for metric, rows in by_metric:
            here = rows[rows["dataset"] == dataset]
            if here["mean"].notna().any():
                name = f"{reported(found, dataset, size)}, {metric_label(metric)}"
                table.blocks.append(TableBlock(name, header, _body(here)))
    table.legend = legend(table.blocks, baseline)
    return table, frame


def _rules(inputs: TableInputs, baseline: str) -> list[str]:
    return [
        f"Differences from {baseline}, paired by seed, ± half of the 95 % interval: at its own chosen weight; and at "
        "equal rate, from the curve through all its weights at the family's own rate.",
        "At equal rate ▲ and ▼ stand where the difference is larger than the curve's own error, measured on β-VAEs. "
        "Nothing is extrapolated: off the curve is beyond its ends; in brackets, how many seeds are on it where some "
        "are not.",
        "An asterisk: the weight is the first or last of its family, a better one may lie beyond.",
        "Over data sets: how many comparisons of a family were better, worse, not resolved; and its mean rank (1 is "
        f"best) where every family has a value, with Student's 95 % interval over data sets from {MIN_PAIRS} on, where "
        "ranks differ.",
        OPEN,
        *([inputs.varies] if inputs.varies else []),
    ]


def _compared(inputs: TableInputs, found: Tuned, tuning: TuningConfig, baseline: str) -> pd.DataFrame:
    """A row a data set, size, metric and family."""
    chosen = found.weights[found.weights["chosen"]]
    rows = found.report.drop(columns="family").merge(chosen[[*CELL, "family"]], on=CELL)
    rows = rows[rows["metric"].isin([RATE, *compared_by(tuning), RUN])]
    if baseline not in set(rows["family"]):
        return pd.DataFrame(columns=[*SET, "metric", "family"])
    made = against(rows.assign(variant=rows["family"]), baseline).rename(columns={"variant": "family"})
    made = made[made["split"] == "test"]
    kept = [*SET, "family", "metric", "higher_is_better", "n", "planned", "mean", "low", "high"]
    kept += [*COMPARED, "with_best", "best"]
    rates = made[made["metric"] == RATE].set_index([*SET, "family"])["mean"].rename("rate")
    frame = made.loc[made["metric"] != RATE, kept].join(rates, on=[*SET, "family"])
    frame = frame.merge(chosen[[*SET, "family", "variant", "at_end"]], on=[*SET, "family"])
    frame.insert(3, "label", frame["variant"].map(inputs.labels))
    at_equal_rate = _at_equal_rate(inputs, found.report, chosen, tuning, baseline)
    return frame.merge(at_equal_rate, on=[*SET, "variant", "metric"], how="left")


def _at_equal_rate(
    inputs: TableInputs, report: pd.DataFrame, chosen: pd.DataFrame, tuning: TuningConfig, baseline: str
) -> pd.DataFrame:
    """The chosen variants of the other families against the curve through all weights of the baseline's family."""
    curve = report["variant"].isin(tuning.families[baseline])
    others = pd.MultiIndex.from_frame(chosen.loc[chosen["family"] != baseline, CELL])
    table = report.assign(family=np.where(curve, BETA_VAE, ""))  # the family takes the curve's place
    table = table[curve | pd.MultiIndex.from_frame(report[CELL]).isin(others)]
    metrics = [metric for metric in compared_by(tuning) if metric in set(table["metric"])]
    scores = scores_by_cell(table, metrics, inputs.labels)
    parts = [against_curve(table, inputs.labels, scores, metric) for metric in metrics]
    frame = pd.concat([part for part in parts if len(part)] or parts)[[*SET, "variant", "metric", *AT_CURVE]]
    return frame.rename(columns={name: EQUAL + name for name in AT_CURVE})


def _body(rows: pd.DataFrame) -> list[list[TableCell]]:
    equal = rows[[EQUAL + name for name in AT_CURVE]].rename(columns=lambda name: name.removeprefix(EQUAL))
    mean, own, curve = places(rows), places(rows, *DIFFERENCE), places(equal, *DIFFERENCE)
    body = []
    for rate, (_, row), (_, at) in zip(number_column(rows["rate"]), rows.iterrows(), equal.iterrows(), strict=True):
        off = at["pairs"] == 0 and at["outside"] > 0
        score = score_cell(pd.Series({**row, "word": ""}), mean)  # ▲ and ▼ stand at the differences
        compared = TableCell("off the curve") if off else difference_cell(at, curve)
        label = TableCell(row["label"] + ("*" if row["at_end"] else ""))
        body.append([TableCell(row["family"]), label, rate, score, difference_cell(row, own), compared])
    return body


def _ranked(rows: pd.DataFrame) -> bool:
    """Whether a metric has a better direction, and values on several data sets."""
    return bool(rows["higher_is_better"].notna().all()) and rows.loc[rows["mean"].notna(), "dataset"].nunique() > 1


def _over_sets(metric: str, rows: pd.DataFrame, baseline: str) -> TableBlock:
    """What the comparisons of a metric came to, and mean ranks over the data sets where every family has a value."""
    from scipy.stats import rankdata

    wide = rows.set_index(["family", "dataset"])["mean"].unstack().reindex(rows["family"].unique())
    whole = wide.dropna(axis=1)
    sign = -1.0 if rows["higher_is_better"].iloc[0] else 1.0
    ranks = rankdata(sign * whole.to_numpy(), axis=0)
    _, mean, _ = s.moments(ranks)
    low, high = s.t_interval(ranks)
    body = []
    for i, family in enumerate(whole.index):
        own = rows[rows["family"] == family]
        on_curve = own[own[EQUAL + "pairs"] > 0]
        off = int(((own[EQUAL + "pairs"] == 0) & (own[EQUAL + "outside"] > 0)).sum())
        said = [_record(own["word"]), _record(on_curve[EQUAL + "word"]) + (f", {off} off the curve" if off else "")]
        half = (high[i] - low[i]) / 2 if high[i] > low[i] and whole.shape[1] >= MIN_PAIRS else np.nan
        rank = number_cell(mean[i], plus_minus(mean[i], half))
        body.append([TableCell(str(family)), *map(TableCell, said if family != baseline else "––"), rank])
    header = [
        "family",
        f"against {baseline}",
        f"against {baseline}, equal rate",
        f"mean rank, {plural(whole.shape[1], 'set')}",
    ]
    return TableBlock(f"Over data sets, {metric_label(metric)}", header, body)


def _record(words: pd.Series) -> str:
    """How many of the comparisons that were made came to what.

    >>> _record(pd.Series(["better", "not resolved", None, "", "worse", "better"]))
    '2 better, 1 worse, 1 not resolved'
    """
    made = words[words.notna() & (words != "")]
    better, worse = int((made == BETTER).sum()), int((made == WORSE).sum())
    return f"{better} better, {worse} worse, {len(made) - better - worse} not resolved"
