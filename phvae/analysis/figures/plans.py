"""Which figures a results folder allows, and the arguments of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phvae.analysis.figures_sources import BY_SIZE, DISTORTIONS, Stored, information
from phvae.analysis.rate_distortion import curve_variants

__all__ = ["Plan", "plans"]


@dataclass(frozen=True)
class Plan:
    """One picture to draw: its file's name, its figure, the arguments, and what fills the caption's gaps."""

    name: str
    figure: str
    arguments: dict[str, Any]
    caption: dict[str, Any]
    subject: str


def _density(stored: Stored, dataset: str) -> Iterator[Plan]:
    data = stored.prepared(dataset)
    if data is None or not data.is_density or data.scaling is None:
        return
    offset, scale = data.scaling
    truth = (np.asarray(data.test, dtype=np.float64) - offset) / scale
    low, high = np.quantile(truth, [0.001, 0.999], axis=0)
    room = 0.12 * (high - low)
    chosen = stored.variants(dataset, 6)
    if truth.shape[1] == 1 and data.density is not None:
        samples: dict[str, dict[str, np.ndarray]] = {}
        for variant in chosen:
            for kind, name in (("means", "samples_mean"), ("with noise", "samples_model")):
                found = [stored.array(run, "samples.npz", name) for run in stored.runs(dataset, variant)]
                seeds = [array.reshape(-1) for array in found if array is not None]
                if seeds:
                    samples.setdefault(stored.labels[variant], {})[kind] = np.stack(seeds)
        if samples:
            n = max(a.shape[1] for kinds in samples.values() for a in kinds.values())
            arguments = {"samples": samples, "pdf": data.density.pdf, "limits": (low[0] - room[0], high[0] + room[0])}
            yield Plan(f"density_curves-{dataset}", "density_curves", arguments, {"n": f"{n:,}"}, dataset)
    elif truth.shape[1] == 2:
        drawn = stored.first(dataset, stored.variants(dataset, 7), "samples.npz", "samples_mean")
        if drawn:
            limits = list(zip(low - room, high + room, strict=True))
            arguments = {"samples": drawn, "truth": truth, "limits": limits}
            yield Plan(f"density_maps-{dataset}", "density_maps", arguments, {}, dataset)


def _images(stored: Stored, dataset: str) -> Iterator[Plan]:
    variants = stored.variants(dataset, 12)
    rows = stored.first(dataset, variants, "samples.npz", "reconstructions")
    if not rows or next(iter(rows.values())).ndim != 4:
        return
    columns = 12
    originals = next(iter(stored.first(dataset, variants, "samples.npz", "originals").values()))
    arguments: dict[str, Any] = {"originals": originals[:columns], "rows": {k: v[:columns] for k, v in rows.items()}}
    yield Plan(f"reconstructions-{dataset}", "reconstructions", arguments, {}, dataset)
    rows = stored.first(dataset, variants, "samples.npz", "samples_mean")
    if rows:
        arguments = {"rows": {k: v[:columns] for k, v in rows.items()}}
        yield Plan(f"samples-{dataset}", "samples", arguments, {}, dataset)
    rows = stored.first(dataset, stored.variants(dataset, 6), "samples.npz", "interpolations")
    if rows:
        yield Plan(f"interpolations-{dataset}", "interpolations", {"rows": rows}, {}, dataset)
    rows = stored.first(dataset, stored.variants(dataset, 4), "samples.npz", "traversals")
    if rows:
        steps = np.linspace(-3, 3, next(iter(rows.values())).shape[1]).tolist()
        yield Plan(f"traversals-{dataset}", "traversals", {"rows": rows, "steps": steps}, {}, dataset)


def _latent(stored: Stored, dataset: str) -> Iterator[Plan]:
    data = stored.prepared(dataset)
    if data is None or data.is_density or not (data.labels or data.factors):
        return
    chosen = stored.variants(dataset, 6)
    codes = {
        label: array.reshape(len(array), -1)
        for label, array in stored.first(dataset, chosen, "codes.npz", "whitened").items()
    }
    if not codes:
        return
    n = min(len(array) for array in codes.values())
    codes = {label: array[:n] for label, array in codes.items()}
    factors = data.factors.get("test")
    if "test" in data.labels:
        target, name = data.labels["test"][:n], "class"
    else:
        assert factors is not None
        # the factor that the codes tell most about: a map coloured by one they ignore shows nothing
        told = np.mean([information(array, factors[:n]).max(axis=0) for array in codes.values()], axis=0)
        column = int(np.argmax(told * (np.array(data.factor_sizes) > 2)))
        target, name = factors[:n, column], data.factor_names[column]
    arguments = {"codes": codes, "target": target, "name": name, "discrete": len(np.unique(target)) <= 10}
    yield Plan(f"latent_maps-{dataset}", "latent_maps", arguments, {"target": name}, dataset)
    if factors is not None:
        few = stored.variants(dataset, 4)
        levels = {stored.labels[v]: stored.order(v) for v in few if stored.labels[v] in codes}
        matrices = {label: information(codes[label], factors[:n]) for label in levels}
        arguments = {"matrices": matrices, "levels": levels, "factor_names": data.factor_names}
        yield Plan(f"factor_maps-{dataset}", "factor_maps", arguments, {}, dataset)


def _numbers(stored: Stored, dataset: str) -> Iterator[Plan]:
    table, metrics = stored.of(dataset), stored.metrics(dataset, 6)
    if metrics:
        if (table["order"] > 1).any():
            yield Plan(
                f"metric_by_order-{dataset}", "metric_by_order", {"table": table, "metrics": metrics}, {}, dataset
            )
        shared: dict[str, Any] = {"table": table, "metrics": metrics[:4], "labels": stored.labels}
        arguments = shared | {"variants": stored.variants(dataset, 6)}
        yield Plan(f"paired_seeds-{dataset}", "paired_seeds", arguments, {}, dataset)
        shown = stored.variants(dataset, 24)
        if stored.baseline in shown and len(shown) > 1:
            rows = table[table["variant"].isin(shown)]
            arguments = shared | {"table": rows, "baseline": stored.baseline}
            caption = {"baseline": stored.labels[stored.baseline]}
            yield Plan(f"forest-{dataset}", "forest", arguments, caption, dataset)
        if len(stored.sizes[dataset]) > 1:
            whole = stored.table[stored.table["dataset"] == dataset]
            known = set(whole.loc[whole["value"].notna(), "metric"])
            few = [*metrics[:3], *(metric for metric in BY_SIZE if metric in known)]
            arguments = shared | {"table": whole, "metrics": few, "variants": stored.variants(dataset, 6)}
            yield Plan(f"small_data-{dataset}", "small_data", arguments, {}, dataset)
    drops = table[table["metric"].str.startswith("drop_level_") & table["value"].notna()]
    if len(drops):
        several = stored.variants(dataset, 4, [v for v in drops["variant"].unique() if stored.order(v) > 1])
        if several:
            rows = drops[drops["variant"].isin(several)]
            yield Plan(f"level_drop-{dataset}", "level_drop", {"table": rows, "labels": stored.labels}, {}, dataset)


def _pages(kind: str, datasets: list[str], size: int) -> Iterator[tuple[str, list[str]]]:
    """Data sets in groups that fit one figure; the first page carries the plain name."""
    for start in range(0, len(datasets), size):
        yield kind if start == 0 else f"{kind}-{start // size + 1}", datasets[start : start + size]


def _together(stored: Stored) -> Iterator[Plan]:
    """Figures that show several data sets side by side."""
    table, labels = stored.largest, stored.labels
    distortions = {}
    for dataset in stored.datasets:
        rows = stored.of(dataset)
        rows = rows[rows["value"].notna()]
        known = next((m for m in DISTORTIONS if m in set(rows["metric"])), None)
        if known and len(curve_variants(rows[rows["metric"] == "kl"])) > 1:
            distortions[dataset] = known
    for name, page in _pages("rate_distortion", list(distortions), 6):
        arguments: dict[str, Any] = {"table": table, "distortions": {d: distortions[d] for d in page}, "labels": labels}
        yield Plan(name, "rate_distortion", arguments, {}, ", ".join(page))
    for name, page in _pages("learning_curves", stored.datasets, 4):
        history = pd.concat([stored.history(d, stored.variants(d, 6)) for d in page])
        if len(history):
            yield Plan(name, "learning_curves", {"history": history, "labels": labels}, {}, ", ".join(page))
    levels = table[table["metric"].str.startswith("kl_level_") & table["value"].notna()]
    for name, page in _pages("kl_levels", [d for d in stored.datasets if d in set(levels["dataset"])], 4):
        shown = list(dict.fromkeys(v for d in page for v in stored.variants(d, 14)))[:20]
        rows = levels[levels["dataset"].isin(page) & levels["variant"].isin(shown)]
        yield Plan(name, "kl_levels", {"table": rows, "labels": labels}, {}, ", ".join(page))


def plans(stored: Stored) -> Iterator[Plan]:
    """Everything that the results allow to draw, in the order of the report."""
    for dataset in stored.datasets:
        for source in (_density, _numbers, _images, _latent):
            yield from source(stored, dataset)
    yield from _together(stored)
