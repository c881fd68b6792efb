"""The tables of scores: densities, images, disentanglement, latent codes, small data, divergences x orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.render import Block, Cell, Table, number, plus_minus
from phvae.analysis.style import metric_label
from phvae.analysis.tables_source import Source
from phvae.analysis.verdict import BETTER, FLOOR, MIN_PAIRS, UNRESOLVED, WORSE

__all__ = ["CAUTION", "FAMILIES", "UNMARKED", "by_order", "by_size", "family", "heading", "marks", "row_name"]

WORD_MARKS = {BETTER: "", WORSE: "†", FLOOR: "‡", UNRESOLVED: "", "": ""}
CAUTION = "§ shown, but decides nothing (too few examples, or an estimate that has not settled)"
UNMARKED = (
    "no mark is not resolved (also where the better side diverged more often, lacks a value at more seeds or passes "
    "the value of the data, and where the differences are skewed)"
)

# name -> title, groups whose numbers go to the CSV file, metrics that mark a data set as belonging, metrics shown
FAMILIES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "densities": (
        "Densities",
        ("density", "likelihood"),
        ("w1_samples_mean", "sliced_w1_samples_mean"),
        (
            "w1_samples_mean", "w1_samples_model", "ks_samples_mean", "cvm_samples_mean", "sliced_w1_samples_mean",
            "sliced_w1_samples_model", "mmd_samples_mean", "w1_reconstructions", "nll",
        ),
    ),
    "images": (
        "Image reconstruction and generation",
        ("reconstruction", "generation", "likelihood"),
        ("mse",),
        (
            "mse", "psnr", "ssim", "sharpness", "sharpness_error", "band_error_high", "bce", "nll",
            "fid_reconstructions", "fid_samples", "kid_inception_samples", "fd_classifier_samples",
            "kid_classifier_samples", "precision_classifier_samples", "recall_classifier_samples",
            "fd_efficientnet_lite0_samples",
        ),
    ),
    "disentanglement": (
        "Disentanglement",
        ("disentanglement", "groups"),
        ("mig", "udr_spearman"),
        (
            "mig", "mig_quantile", "dci_forest_disentanglement", "dci_forest_completeness",
            "dci_forest_informativeness", "dci_boosting_disentanglement", "sap", "factor_vae", "beta_vae",
            "modularity", "explicitness", "irs", "udr_lasso", "udr_spearman",
        ),
    ),
    "latent": (
        "Latent codes",
        ("latent",),
        ("kl",),
        ("kl", "active_units", "w_norm", "ball_share", "knn_accuracy", "mmd_prior", "gaussian_tc", "mean_code_mi"),
    ),
}  # fmt: skip
SIZES_SHOWN = (
    "w1_samples_mean", "sliced_w1_samples_mean", "mse", "fd_classifier_samples", "mig", "knn_accuracy", "ball_share",
    "w_norm", "active_units",
)  # fmt: skip
ORDERS_SHOWN = ("w1_samples_mean", "sliced_w1_samples_mean", "mse", "fd_classifier_samples", "mig")

COLUMNS = [
    "dataset", "n_train", "variant", "label", "split", "metric", "n", "planned", "diverged", "failed", "missing",
    "empty", "mean", "sd", "median", "low", "high", "interval", "iqm", "baseline", "baseline_mean", "pairs",
    "incomplete", "difference", "difference_low", "difference_high", "effect", "skew", "p_paired", "p_sign_flip",
    "p_test", "p_wilcoxon", "smallest_p", "p_improvement", "word", "why", "with_best", "spread_ratio",
    "spread_ratio_low", "spread_ratio_high", "p_spread", "spread_word", "unit", "higher_is_better", "ceiling",
    "floor", "noise_sd", "points", "settings", "reason", "caution",
]  # fmt: skip


def legend(source: Source) -> str:
    """What the numbers and marks of the score tables mean."""
    return (
        f"Mean over seeds ± half the width of its 95 % interval (Student t below {s.BOOTSTRAP_FROM} seeds, studentised "
        f"bootstrap from there). Against {source.labels[source.baseline]}, paired by seed: bold is better, † is worse "
        "(the 95 % interval of the difference, the wider of Student's and Hall's, leaves zero out, at "
        f"{MIN_PAIRS} pairs or more), ‡ both at the noise floor, {CAUTION} (the CSV says why), {UNMARKED}. ≈ not told "
        f"from the best mean of any variant, at {MIN_PAIRS} seeds or more (after a correction for the number of "
        "variants). A count in brackets: seeds with a value of those planned."
    ) + (f" {source.varies}" if source.varies else "")


def marks(row: pd.Series) -> str:
    """The marks after a value: ≈ with the best, † worse, ‡ at the noise floor, § with a caution."""
    near = "≈" if "with_best" in row and row["with_best"] is True else ""
    return near + WORD_MARKS[row["word"]] + ("§" if row["caution"] else "")


def family(source: Source, name: str) -> tuple[Table, pd.DataFrame]:
    """One of FAMILIES: a block a data set at its largest training size; the CSV holds every size and metric."""
    title, groups, markers, shown = FAMILIES[name]
    stats = source.statistics
    present = {d: set(stats[stats["dataset"] == d]["metric"]) for d in source.datasets()}
    datasets = [d for d, metrics in present.items() if metrics & set(markers)]
    if name == "disentanglement":  # densities have no factors to find
        datasets = [d for d in datasets if not present[d] & set(FAMILIES["densities"][2])]
    table = Table(name, title, legend(source))
    for dataset in datasets:
        size = source.sizes(dataset)[-1]
        block = _scores(source, dataset, size, shown)
        if block:
            table.blocks.append(block)
    rows = stats[stats["dataset"].isin(datasets) & stats["group"].isin(groups)]
    return table, _with_published(rows, source)[[*COLUMNS, "published", "published_sd", "published_source"]]


def _with_published(rows: pd.DataFrame, source: Source) -> pd.DataFrame:
    printed = source.published.rename(
        columns={"value": "published", "sd": "published_sd", "source": "published_source"}
    )
    return rows.merge(printed, how="left", on=["dataset", "n_train", "variant", "metric"])


def heading(dataset: str, size: str, planned: int) -> str:
    """A block's heading: data set, training size, seeds."""
    examples = "all training examples" if size == "all" else f"{int(size):,} training examples"
    return f"{dataset}, {examples}, {planned} seed{'s' if planned != 1 else ''}"


def row_name(source: Source, dataset: str, size: str, variant: str) -> str:
    """A variant's label with its runs that gave no numbers."""
    lost = source.losses.get((dataset, size, variant), "")
    return source.labels[variant] + (f" ({lost})" if lost else "")


def _cell(row: pd.Series | None) -> Cell:
    if row is None or not np.isfinite(row["mean"]):
        return Cell("–")
    text = plus_minus(row["mean"], (row["high"] - row["low"]) / 2)
    if row["n"] < row["planned"]:
        text += f" ({row['n']}/{row['planned']})"
    return Cell(text, bold=row["word"] == BETTER, mark=marks(row))


def _scores(source: Source, dataset: str, size: str, shown: Sequence[str]) -> Block | None:
    """Variants by metrics of one data set and size."""
    stats = source.statistics
    rows = stats[(stats["dataset"] == dataset) & (stats["n_train"] == size) & (stats["split"] == "test")]
    valued = set(rows[rows["n"] > 0]["metric"])
    metrics = [metric for metric in shown if metric in valued]
    if not metrics:
        return None
    known = {(row["variant"], row["metric"]): row for _, row in rows[rows["metric"].isin(metrics)].iterrows()}
    variants = list(source.table[source.table["dataset"] == dataset]["variant"].unique())
    body: list[list[Cell | str]] = [
        [row_name(source, dataset, size, variant), *(_cell(known.get((variant, metric))) for metric in metrics)]
        for variant in variants
    ]
    for name in ("floor", "ceiling"):
        level = rows[rows["metric"].isin(metrics)].groupby("metric")[name].median()
        if level.notna().any():
            body.append([name, *(number(level.get(metric)) for metric in metrics)])
    body += _published_rows(source, dataset, size, metrics)
    planned = int(rows["planned"].max())
    return Block(
        heading(dataset, size, planned),
        ["variant", *(metric_label(metric) for metric in metrics)],
        body,
        note=_note(rows, shown),
    )


def _published_rows(source: Source, dataset: str, size: str, metrics: Sequence[str]) -> list[list[Cell | str]]:
    printed = source.published
    printed = printed[(printed["dataset"] == dataset) & (printed["n_train"] == size) & printed["metric"].isin(metrics)]
    found: list[list[Cell | str]] = []
    for (variant, where), group in printed.groupby(["variant", "source"], sort=False):
        values = {row["metric"]: plus_minus(row["value"], row["sd"]) for _, row in group.iterrows()}
        label = source.labels.get(str(variant), str(variant))
        found.append([f"{label}, published ({where}; ± sd)", *(values.get(metric, "–") for metric in metrics)])
    return found


def _note(rows: pd.DataFrame, shown: Sequence[str]) -> str:
    """Which metrics have no value, and why; how small a p-value can be."""
    texts = []
    pairs = int(rows["pairs"].max())
    if pairs > 0:
        texts.append(f"At {pairs} pairs the sign-flip p-value cannot fall below {number(float(s.smallest_p(pairs)))}.")
    empty = rows[rows["metric"].isin(shown) & (rows["n"] == 0) & (rows["reason"] != "")]
    reasons: dict[str, list[str]] = {}
    for metric, reason in empty.drop_duplicates("metric")[["metric", "reason"]].itertuples(index=False):
        if not (rows[rows["metric"] == metric]["n"] > 0).any():
            reasons.setdefault(str(reason), []).append(metric_label(str(metric), unit=False))
    texts += [f"No value for {', '.join(names)}: {reason}." for reason, names in reasons.items()]
    return " ".join(texts)


def by_size(source: Source) -> tuple[Table, pd.DataFrame]:
    """Small data: variants by training size, a block a metric of each data set that has several sizes."""
    stats = source.statistics
    table = Table("small-data", "Small data", legend(source))
    several = [d for d in source.datasets() if len(source.sizes(d)) > 1]
    for dataset in several:
        sizes = source.sizes(dataset)
        rows = stats[(stats["dataset"] == dataset) & (stats["split"] == "test")]
        known = {
            (r["variant"], r["metric"], r["n_train"]): r for _, r in rows[rows["metric"].isin(SIZES_SHOWN)].iterrows()
        }
        for metric in SIZES_SHOWN:
            if not (rows[rows["metric"] == metric]["n"] > 0).any():
                continue
            body: list[list[Cell | str]] = [
                [source.labels[variant], *(_cell(known.get((variant, metric, size))) for size in sizes)]
                for variant in rows["variant"].unique()
            ]
            header = ["variant", *(size if size == "all" else f"{int(size):,}" for size in sizes)]
            table.blocks.append(Block(f"{dataset}, {metric_label(metric)}, by training size", header, body))
    rows = stats[stats["dataset"].isin(several)]
    return table, rows[COLUMNS]


def by_order(source: Source) -> tuple[Table, pd.DataFrame]:
    """Divergences x orders: the plain polynomial variants (monomial, whole encoders, beta 1) of each data set."""
    stats = source.statistics
    plain = stats[
        (stats["basis"] == "monomial") & (stats["encoder_width"] == "full") & (stats["beta"] == 1)
        & (stats["split"] == "test")
    ]  # fmt: skip
    table = Table("divergences-orders", "Divergences and orders", legend(source))
    for dataset in source.datasets():
        size = source.sizes(dataset)[-1]
        rows = plain[(plain["dataset"] == dataset) & (plain["n_train"] == size)]
        orders = sorted(int(order) for order in rows["order"].unique())
        divergences = list(rows["divergence"].unique())
        if len(orders) < 2:
            continue
        for metric in ORDERS_SHOWN:
            of_metric = rows[(rows["metric"] == metric)]
            if not (of_metric["n"] > 0).any():
                continue
            known = {
                (int(row["order"]), row["divergence"]): row
                for _, row in of_metric[::-1].iterrows()  # where several variants are alike, the first stays
            }
            body: list[list[Cell | str]] = [
                [str(order), *(_cell(known.get((order, divergence))) for divergence in divergences)] for order in orders
            ]
            header = ["order", *(divergence_words(divergence) for divergence in divergences)]
            table.blocks.append(Block(f"{dataset}, {metric_label(metric)}", header, body))
    table.caption += (
        " At order 1 KL is the VAE, and so would be any normalised level weights: where their place is empty, nothing "
        "is missing. The log-ratio polynomial of order 1 is another model."
    )
    return table, plain[["order", "divergence", "coupling", "prior", *COLUMNS]]


def divergence_words(text: str) -> str:
    """A divergence of the long table in words.

    >>> divergence_words("hierarchical:geometric(2)"), divergence_words("kl")
    ('level-weighted, geometric(2)', 'KL')
    """
    name, _, options = text.partition(":")
    words = {"kl": "KL", "hierarchical": "level-weighted", "log_polynomial": "log-ratio polynomial"}.get(name, name)
    return f"{words}, {options}" if options else words
