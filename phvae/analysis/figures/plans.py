"""Which figures a results folder allows, each with its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.contests import binary_sets
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.figures.across_sets import across_sets
from phvae.analysis.figures.choosing import choose_metrics
from phvae.analysis.figures.column_choice import most_correlated, most_missed
from phvae.analysis.figures.contest import ContestPlot
from phvae.analysis.figures.correlation_errors import CorrelationErrors
from phvae.analysis.figures.density_curves import DensityCurves
from phvae.analysis.figures.density_maps import DensityMaps
from phvae.analysis.figures.drawable import Drawable
from phvae.analysis.figures.factor_maps import FactorMaps, information
from phvae.analysis.figures.family_curves import FamilyCurves
from phvae.analysis.figures.interpolations import Interpolations
from phvae.analysis.figures.kl_levels import KlLevels
from phvae.analysis.figures.latent_maps import LatentMaps
from phvae.analysis.figures.learning_curves import LearningCurves
from phvae.analysis.figures.level_drop import LevelDrop
from phvae.analysis.figures.marginals import Marginals
from phvae.analysis.figures.metric_by_order import MetricByOrder
from phvae.analysis.figures.pair_plot import PairPlot
from phvae.analysis.figures.paired_seeds import PairedSeeds
from phvae.analysis.figures.rate_distortion import RateDistortion
from phvae.analysis.figures.reconstructions import Reconstructions
from phvae.analysis.figures.samples import Samples
from phvae.analysis.figures.score_agreement import ScoreAgreement
from phvae.analysis.figures.score_strips import ScoreStrips
from phvae.analysis.figures.scores_in_words import mean_scores, named_scores
from phvae.analysis.figures.small_data import SmallData
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.traversals import Traversals
from phvae.analysis.presentation.metrics_shown import (
    DISTORTIONS,
    FIGURES_BY_SIZE,
    IMAGE_DISTANCES,
    SCORE_TABLES,
    SCORES_SHOWN,
)
from phvae.analysis.results.long_table import read_costs
from phvae.analysis.results.roles import curve_variants, on_curve
from phvae.analysis.results.tuned import tuned
from phvae.analysis.statistics.rank_agreement import rank_agreement
from phvae.analysis.statistics.rate_distortion import RATE
from phvae.data.columns import columns_of, spread_of, to_user
from phvae.metrics.correlations import correlations

__all__ = ["Plan", "PlanGroup", "plan_groups", "plans"]

COLUMNS, SEEN = 12, 4  # images in a row, variants whose images or codes are seen
PANELS, PAIRED, ROWS = 12, 5, 10_000  # columns of a table on their own and in pairs; rows


@dataclass(frozen=True)
class Plan:
    """One picture to draw: its file's name, the figure with its data, and the data sets that it shows."""

    name: str
    figure: Drawable
    datasets: list[str]


@dataclass(frozen=True)
class PlanGroup:
    """Pictures whose data are put together by one function: what fails there, fails for them alone."""

    name: str
    datasets: list[str]
    plans: Callable[[], Iterator[Plan]]


def plan_groups(stored: Stored) -> Iterator[PlanGroup]:
    """Everything that the results allow to draw, in the order of the report."""
    if stored.claims:
        yield PlanGroup(ContestPlot.kind, stored.datasets, partial(_contests, stored, stored.claims))
    if len(stored.datasets) > 1:
        yield PlanGroup("across-sets", stored.datasets, partial(_across_sets, stored))
    of_dataset = {"density": _density, "columns": _columns, "numbers": _numbers, "images": _images, "latent": _latent}
    if stored.tuning:
        of_dataset["families"] = _families
    for dataset in stored.datasets:
        for name, figures in of_dataset.items():
            yield PlanGroup(f"{name}-{dataset}", [dataset], partial(_of_dataset, stored, dataset, figures))
        yield PlanGroup(f"scores-{dataset}", [dataset], partial(_scores, stored, dataset))
    for kind, pages, most in (
        (RateDistortion.kind, _rate_distortion, 6),
        (LearningCurves.kind, _learning_curves, 4),
        (KlLevels.kind, _kl_levels, 4),
    ):
        yield PlanGroup(kind, stored.datasets, partial(pages, stored, most))


def plans(stored: Stored) -> Iterator[Plan]:
    """All pictures of all groups."""
    for group in plan_groups(stored):
        yield from group.plans()


def _contests(stored: Stored, path: Path) -> Iterator[Plan]:
    """A figure a claim that was tested on some data set."""
    claims = read_claims(path)[0]
    contests = ledger.contests(stored.table, claims, binary=binary_sets(stored.runs_table))
    verdicts = ledger.decide(contests, claims)
    tested = verdicts[verdicts["verdict"].isin(ledger.TESTED)]
    for name, rows in tested.groupby("claim", sort=False):
        own = contests[contests["claim"] == name]
        figure = ContestPlot(claims.claims[str(name)], own, rows, stored.labels, stored.looks)
        yield Plan(f"{figure.kind}-{name}", figure, list(rows["dataset"]))


def _across_sets(stored: Stored) -> Iterator[Plan]:
    for figure, datasets in across_sets(stored):
        yield Plan(f"{figure.kind}-{figure.metric}", figure, datasets)


def _of_dataset(stored: Stored, dataset: str, figures: Callable[[Stored, str], Iterator[Drawable]]) -> Iterator[Plan]:
    for figure in figures(stored, dataset):
        yield Plan(f"{figure.kind}-{dataset}", figure, [dataset])


def _density(stored: Stored, dataset: str) -> Iterator[Drawable]:
    data = stored.prepared(dataset)
    if data is None or not data.is_density or columns_of(data):
        return
    truth = to_user(data.test, data)
    low, high = np.quantile(truth, [0.001, 0.999], axis=0)
    spread = np.asarray(data.density.iqr) if data.density else np.ones(truth.shape[1])
    room = np.where(high > low, 0.12 * (high - low), 3 * spread)  # of one example there is no interval
    if truth.shape[1] == 1 and data.density is not None:
        samples = _samples(stored, dataset)
        if samples:
            limits = (low[0] - room[0], high[0] + room[0])
            yield DensityCurves(samples, data.density.pdf, limits, _w1(stored, dataset))
    elif truth.shape[1] == 2:
        drawn = stored.first(dataset, stored.pictured(dataset, 7), "samples.npz", "samples_mean")
        if drawn:
            words = named_scores(stored.of(dataset), ("sliced_w1_samples_mean",), stored.labels)
            yield DensityMaps(drawn, truth, list(zip(low - room, high + room, strict=True)), words)


def _columns(stored: Stored, dataset: str) -> Iterator[Drawable]:
    data = stored.prepared(dataset)
    names = columns_of(data) if data else ()
    variants = stored.pictured(dataset, 5)
    drawn = stored.first(dataset, variants, "samples.npz", "samples_model") if names else {}
    if data is None or not drawn:
        return
    truth = to_user(data.test[:ROWS], data)
    styles = {stored.labels[variant]: stored.looks[variant] for variant in variants}
    chosen = np.sort(most_missed(drawn, truth, spread_of(data))[:PANELS])
    shown = {label: rows[:, chosen] for label, rows in drawn.items()}
    yield Marginals(shown, truth[:, chosen], [names[j] for j in chosen], styles, len(names) - len(chosen))
    if len(names) > 1:
        known = correlations(truth)
        pairs = np.sort(most_correlated(known)[:PAIRED])
        few = [stored.labels[variant] for variant in stored.variants(dataset, 2) if stored.labels[variant] in drawn]
        shown = {label: drawn[label][:, pairs] for label in few}
        yield PairPlot(shown, truth[:, pairs], [names[j] for j in pairs], styles)
        yield CorrelationErrors(known, {label: correlations(rows) for label, rows in drawn.items()}, names)


def _samples(stored: Stored, dataset: str) -> dict[str, dict[str, np.ndarray]]:
    """label -> kind of samples -> (seeds, n)."""
    samples: dict[str, dict[str, np.ndarray]] = {}
    for variant in stored.pictured(dataset, 6):
        for kind, name in (("means", "samples_mean"), ("with noise", "samples_model")):
            found = [stored.array(run, "samples.npz", name) for run in stored.runs(dataset, variant)]
            seeds = [array.reshape(-1) for array in found if array is not None]
            if seeds:
                samples.setdefault(stored.labels[variant], {})[kind] = np.stack(seeds)
    return samples


def _w1(stored: Stored, dataset: str) -> dict[str, dict[str, str]]:
    """label -> kind of samples -> mean distance from the true density."""
    kinds = {"w1_samples_mean": "means", "w1_samples_model": "with noise"}
    found: dict[str, dict[str, str]] = {}
    for metric, means in mean_scores(stored.of(dataset), list(kinds), stored.labels).items():
        for label, mean in means.items():
            found.setdefault(label, {})[kinds[metric]] = mean
    return found


def _images(stored: Stored, dataset: str) -> Iterator[Drawable]:
    few, table, labels = stored.pictured(dataset, SEEN), stored.of(dataset), stored.labels

    def kept(name: str) -> dict[str, np.ndarray]:
        return stored.first(dataset, few, "samples.npz", name)

    originals = next(iter(kept("originals").values()), None)
    if originals is None or originals.ndim != 4:
        return
    found = [kept(name) for name in ("reconstructions", "samples_mean", "nearest")]
    count = min(COLUMNS, len(originals), *(len(images) for rows in found for images in rows.values()))
    made, drawn, near = ({label: images[:count] for label, images in rows.items()} for rows in found)
    if made:
        yield Reconstructions(originals[:count], made, named_scores(table, ("mse",), labels))
    if drawn:
        yield Samples(originals[:count], drawn, near, named_scores(table, IMAGE_DISTANCES, labels))
    if rows := kept("interpolations"):
        yield Interpolations(originals[[0, 1 % len(originals)]], rows)
    if rows := kept("traversals"):
        levels, steps = (max(images.shape[axis] for images in rows.values()) for axis in (0, 1))
        nats = mean_scores(table, [f"kl_level_{k}" for k in range(1, levels + 1)], labels)
        yield Traversals(originals[0], rows, np.linspace(-3, 3, steps).tolist(), list(nats.values()))


def _latent(stored: Stored, dataset: str) -> Iterator[Drawable]:
    data, few = stored.prepared(dataset), stored.pictured(dataset, SEEN)
    if data is None or data.is_density or not (data.labels or data.factors):
        return
    codes = {
        label: array.reshape(len(array), -1)
        for label, array in stored.first(dataset, few, "codes.npz", "whitened").items()
    }
    if not codes:
        return
    n = min(len(array) for array in codes.values())
    codes = {label: array[:n] for label, array in codes.items()}
    factors, classes = data.factors.get("test"), []
    if "test" in data.labels:
        target, name, names = data.labels["test"][:n], "class", list(data.card.get("label_names", ()))
        classes = names if names != [str(i) for i in range(len(names))] else []
    else:
        assert factors is not None
        # the factor that the codes tell most about: a map coloured by one they ignore shows nothing
        told = np.mean([information(array, factors[:n]).max(axis=0) for array in codes.values()], axis=0)
        column = int(np.argmax(told * (np.array(data.factor_sizes) > 2)))
        target, name = factors[:n, column], data.factor_names[column]
    yield LatentMaps(codes, target, name, len(np.unique(target)) <= 10, classes)
    if factors is not None:
        levels = {stored.labels[v]: stored.order(v) for v in few if stored.labels[v] in codes}
        matrices = {label: information(code, factors[:n]) for label, code in codes.items()}
        words = named_scores(stored.of(dataset), ("mig",), stored.labels)
        yield FactorMaps(matrices, levels, data.factor_names, words)


def _numbers(stored: Stored, dataset: str) -> Iterator[Drawable]:
    table, metrics, few = stored.of(dataset), stored.metrics(dataset, 6), stored.variants(dataset, 6)
    if metrics:
        if table.loc[table["order"] > 1, "order"].nunique() > 1:
            yield MetricByOrder(table, metrics, stored.looks)
        shown = stored.variants(dataset, 24)
        if stored.baseline in shown and table["seed"].nunique() > 1:
            yield PairedSeeds(table, metrics[:4], shown, stored.looks, stored.labels)
        if len(stored.sizes[dataset]) > 1:
            whole = stored.table[stored.table["dataset"] == dataset]
            known = set(whole.loc[whole["value"].notna(), "metric"])
            by_size = [*metrics[:3], *(metric for metric in FIGURES_BY_SIZE if metric in known)]
            yield SmallData(whole, by_size, few, stored.looks, stored.labels)
    drops = table[table["metric"].str.startswith("drop_level_") & table["value"].notna()]
    if len(drops):
        several = stored.variants(dataset, 4, [v for v in drops["variant"].unique() if stored.order(v) > 1])
        if several:
            yield LevelDrop(drops[drops["variant"].isin(several)], stored.labels)


def _scores(stored: Stored, dataset: str) -> Iterator[Plan]:
    """Of each table's scores a dot a run, and which of all scores order the runs alike."""
    table, few = stored.of(dataset), stored.variants(dataset, 6)
    rows = table[table["variant"].isin(few) & table["value"].notna()]
    known, of_runs = set(rows["metric"]), set(rows.loc[rows["seed"].notna(), "metric"])
    for name, scores in SCORE_TABLES.items():
        shown = [metric for metric in scores.shown if metric in of_runs]
        if shown and known & set(scores.markers):
            strips = ScoreStrips(rows, shown, few, stored.looks, stored.labels)
            yield Plan(f"{strips.kind}-{dataset}-{name}", strips, [dataset])
    correlations, runs = rank_agreement(table, SCORES_SHOWN)
    if len(correlations) > 2:
        agreement = ScoreAgreement(correlations, (runs.to_numpy().min(), runs.to_numpy().max()))
        yield Plan(f"{agreement.kind}-{dataset}", agreement, [dataset])


def _families(stored: Stored, dataset: str) -> Iterator[Drawable]:
    assert stored.tuning is not None
    found = tuned(stored.of(dataset), read_costs(stored.root), stored.tuning)
    metrics = choose_metrics(found.report[found.report["metric"] != RATE], 6)
    if metrics and (found.report["metric"] == RATE).any():
        chosen = list(found.weights.loc[found.weights["chosen"], "variant"])
        families = stored.tuning.families
        known = {
            name: [v for v in (stored.baseline, *own) if v in own and v in stored.looks]
            for name, own in families.items()
        }
        styles = {name: stored.looks[own[0]] for name, own in known.items() if own}
        yield FamilyCurves(found.report, metrics, families, chosen, styles)


def _pages(kind: str, datasets: list[str], most: int) -> Iterator[tuple[str, list[str]]]:
    """Data sets in groups that fit one figure; the first page carries the plain name."""
    for start in range(0, len(datasets), most):
        yield kind if start == 0 else f"{kind}-{start // most + 1}", datasets[start : start + most]


def _rate_distortion(stored: Stored, most: int) -> Iterator[Plan]:
    distortions = {}
    for dataset in stored.datasets:
        rows = stored.of(dataset)
        rows = rows[rows["value"].notna()]
        known = next((m for m in DISTORTIONS if m in set(rows["metric"])), None)
        if known and len(curve_variants(rows[rows["metric"] == "kl"])) > 1:
            distortions[dataset] = known
    for name, page in _pages(RateDistortion.kind, list(distortions), most):
        chosen = {dataset: distortions[dataset] for dataset in page}
        shown = {variant for dataset in page for variant in stored.variants(dataset, 14)}
        rows = stored.largest[stored.largest["variant"].isin(shown) | on_curve(stored.largest)]
        yield Plan(name, RateDistortion(rows, chosen, stored.looks, stored.labels), page)


def _learning_curves(stored: Stored, most: int) -> Iterator[Plan]:
    for name, page in _pages(LearningCurves.kind, stored.datasets, most):
        history = pd.concat([stored.history(dataset, stored.variants(dataset, 6)) for dataset in page])
        if len(history):
            yield Plan(name, LearningCurves(history, stored.looks, stored.labels), page)


def _kl_levels(stored: Stored, most: int) -> Iterator[Plan]:
    table = stored.largest
    levels = table[table["metric"].str.startswith("kl_level_") & table["value"].notna()]
    known = set(levels.loc[levels["metric"] != "kl_level_1", "dataset"])
    for name, page in _pages(KlLevels.kind, [dataset for dataset in stored.datasets if dataset in known], most):
        shown = list(dict.fromkeys(v for dataset in page for v in stored.variants(dataset, 14)))[:20]
        rows = table[table["dataset"].isin(page) & table["variant"].isin(shown)]
        yield Plan(name, KlLevels(rows, stored.labels), page)
