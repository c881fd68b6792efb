"""How far plain beta-VAEs are off the beta-VAE's curve, and what the contests against it make of them.

`snakemake --cores all --configfile config/held-out.yaml results/held-out/metrics.parquet`, a quarter of an hour on one
core, then `python -m benchmarks.curve_margin`: writes curve_margin.csv beside this file and prints the margins that
follow. They are written into phvae/analysis/statistics/curve_margin.py by hand, after which this is run again.

One row a held-out beta-VAE, data set and metric: bias (value minus curve at the run's own rate, mean over seeds) with
its standard error, in the metric's unit and over the curve's value; the verdict of a claim that the model is better
than the curve, each claim alone (no adjustment for many claims), without a margin, with it, and with it where the
model's values are shifted by twice the claim's `matters`. Half of the rows measure, half show: other beta, other seeds.

The margin of a metric: the largest bias in size, of all its measuring rows and either sign, rounded up to two digits;
as a share of the curve's value, but a number where the metric is of the order of 1 or a share itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.claims.ledger import CONTRADICTED, SUPPORTED, evaluate
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.claims.schema import CURVE_CONTROL, Claims
from phvae.analysis.results.long_table import read_table
from phvae.analysis.statistics.curve_margin import MARGINS, Margin
from phvae.analysis.statistics.rate_distortion import matched
from phvae.metrics.registry import lookup

HERE = Path(__file__).resolve().parent
SHOWN = "-shown"  # the data sets of config/held-out.yaml on which the margins are shown
METRICS = (
    "w1_samples_mean", "w1_samples_model", "mse", "ssim", "sharpness", "band_error_high", "fd_classifier_samples",
    "ball_share",
)  # fmt: skip
# Measured but without a margin: where codes collapse the likelihood's curve bends by a tenth of a nat, elsewhere by
# a hundredth of that, so that no one number serves.
NO_MARGIN = ("nll",)
ABSOLUTE = ("sharpness", "ssim", "ball_share")  # numbers near 1, or shares; their claims say `matters` absolutely too
MATTERS = {"relative": 0.1}  # of metrics that no claim holds against the curve


def claims_against_curve() -> dict[str, dict]:
    """Metric -> direction and matters of a claim that holds it against the curve."""
    claims, _ = read_claims(HERE.parent / "config/claims.yaml")
    against = {
        metric: {"direction": "higher" if lookup(metric).higher_is_better else "lower", "matters": MATTERS}
        for metric in (*METRICS, *NO_MARGIN)
    }
    for claim in claims.claims.values():
        if any(control.variant == CURVE_CONTROL for control in claim.controls):
            against[claim.metric] = {"direction": claim.direction, "matters": claim.matters.model_dump()}
    return against


def verdict(table: pd.DataFrame, cell: tuple[str, str, str], against: dict, margin: Margin) -> str:
    """What the ledger says of one claim alone: (data set, metric, variant) is better than the curve."""
    dataset, metric, variant = cell
    claim = {"text": "better", "datasets": [dataset], "metric": metric, "challenger": variant}
    claim |= {"controls": [CURVE_CONTROL]}
    claims = Claims.model_validate({"written": "2026-01-01", "claims": {"better": claim | against}})
    with patch.dict(MARGINS, {metric: margin}):
        return str(evaluate(table, claims)["verdict"].iloc[0])


def rows_of(table: pd.DataFrame, dataset: str, metric: str, against: dict) -> list[dict]:
    """One row a held-out model of a data set."""
    rows = table[(table["dataset"] == dataset) & table["metric"].isin([metric, "kl"])]
    absolute, relative = (against["matters"].get(name) or 0.0 for name in ("absolute", "relative"))
    sign = 1 if against["direction"] == "higher" else -1
    found = []
    for variant, group in matched(rows, metric).groupby("variant", sort=False):
        n, bias, sd = (float(x) for x in s.moments(group["difference"].to_numpy()))
        curve = float(group["curve"].mean())
        own = (rows["variant"] == variant) & (rows["metric"] == metric)
        step = sign * 2 * (absolute + relative * abs(curve))
        shifted = rows.assign(value=rows["value"].where(~own, rows["value"] + step))
        cell, known = (dataset, metric, str(variant)), MARGINS.get(metric)
        found.append(
            {
                "part": "shown" if dataset.endswith(SHOWN) else "measured",
                "dataset": dataset.removesuffix(SHOWN),
                "metric": metric,
                "beta": rows.loc[own, "beta"].iloc[0],
                "seeds": int(n),
                "rate": group["rate"].mean(),
                "curve": curve,
                "bias": bias,
                "standard_error": sd / np.sqrt(n),
                "bias_share": bias / abs(curve),
                "standard_error_share": sd / np.sqrt(n) / abs(curve),
                "better": sign * bias > 0,
                "without_margin": verdict(rows, cell, against, Margin()),
                "with_margin": verdict(rows, cell, against, known) if known else "",
                "shifted_without": verdict(shifted, cell, against, Margin()),
                "shifted": verdict(shifted, cell, against, known) if known else "",
            }
        )
    return found


def measure(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of every data set and metric that it has."""
    against = claims_against_curve()
    rows: list[dict] = []
    for dataset in table["dataset"].unique():
        known = table[(table["dataset"] == dataset) & table["value"].notna()]
        for metric in (*METRICS, *NO_MARGIN):
            if metric in set(known["metric"]):
                rows += rows_of(table, str(dataset), metric, against[metric])
    return pd.DataFrame(rows)


def margins(frame: pd.DataFrame) -> dict[str, Margin]:
    """The margins that follow from the measuring rows."""
    found = {}
    for metric, rows in frame[(frame["part"] == "measured") & frame["metric"].isin(METRICS)].groupby("metric"):
        name = "absolute" if metric in ABSOLUTE else "relative"
        largest = float(rows["bias" if metric in ABSOLUTE else "bias_share"].abs().max())
        unit = 10.0 ** (np.floor(np.log10(largest)) - 1)
        found[str(metric)] = Margin(**{name: float(f"{np.ceil(largest / unit) * unit:.2g}")})
    return found


def summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Verdicts by part and metric: cells, and how many get one without and with the margin; shares of the shifted."""
    told = frame.assign(
        **{name: frame[name].isin([SUPPORTED, CONTRADICTED]) for name in ("without_margin", "with_margin")},
        **{name: frame[name] == SUPPORTED for name in ("shifted_without", "shifted")},
        cells=1,
    )
    columns = ["cells", "without_margin", "with_margin", "shifted_without", "shifted"]
    return told.groupby(["part", "metric"], sort=False)[columns].sum()


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", default="results/held-out", help="folder of the grid's results")
    path = HERE / "curve_margin.csv"
    found = measure(read_table(Path(parser.parse_args().results)))
    found.to_csv(path, index=False, float_format="%.4g", lineterminator="\n")
    frame = pd.read_csv(path, keep_default_na=False)
    print(summary(frame).to_string(), "\n")
    for metric, margin in margins(frame).items():
        print(f"{metric}: {margin}, in use: {MARGINS.get(metric)}")


if __name__ == "__main__":
    main()
