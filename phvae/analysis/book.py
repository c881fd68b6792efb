"""What the ledger reads: the long table's cells and the claimed metrics, looked up by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from phvae.analysis.rate_distortion import CURVE, RATE, curve_variants, matched
from phvae.analysis.results import size_key
from phvae.analysis.verdict import Side, commonest

__all__ = ["Book", "Entry", "Scores", "open_book"]

Key = tuple[str, str, str]  # data set, n_train, variant


@dataclass
class Entry:
    """One cell: its planned seeds, those that diverged, whether any run was found, and whether it feeds powers."""

    planned: set[int] = field(default_factory=set)
    diverged: set[int] = field(default_factory=set)
    found: bool = False
    polynomial: bool = False


@dataclass
class Scores:
    """One metric of one cell: seed -> value; floor and noise where known; why a value is absent, or decides nothing."""

    values: dict[int, float] = field(default_factory=dict)
    floors: list[float] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)
    reason: str = ""
    cautions: list[str] = field(default_factory=list)


@dataclass
class Book:
    """The cells and scores of a long table; `parts` are its kept rows by (data set, n_train)."""

    parts: dict[tuple[str, str], pd.DataFrame]
    entries: dict[Key, Entry] = field(default_factory=dict)
    scores: dict[tuple[Key, str, str], Scores] = field(default_factory=dict)
    directions: dict[str, bool] = field(default_factory=dict)
    curves: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @cached_property
    def _sizes(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for dataset, size in self.parts:
            found.setdefault(dataset, []).append(size)
        return {dataset: sorted(sizes, key=size_key) for dataset, sizes in found.items()}

    def sizes(self, dataset: str) -> list[str]:
        """Training sizes of a data set, ascending; empty for one that is not in the table."""
        return self._sizes.get(dataset, [])

    def entry(self, key: Key) -> Entry:
        """A cell; an empty one if the table has none."""
        return self.entries.get(key, Entry())

    def curve(self, dataset: str, size: str) -> list[str]:
        """The variants of the beta curve on a data set."""
        if (dataset, size) not in self.curves:
            self.curves[dataset, size] = curve_variants(self.parts[dataset, size])
        return self.curves[dataset, size]

    def side(self, key: Key, metric: str, split: str, mean: float, data: Scores, *, rate: bool = False) -> Side:
        """A side of a comparison: a cell, or where its variant is CURVE the beta curve, as bad as its worst variant.

        Args:
            key: data set, training size and variant.
            metric: the metric compared.
            split: its split.
            mean: mean of the values that are compared.
            data: where the floor and noise of the metric on that data set are known from.
            rate: whether its rate is read too, as it is where a variant is held against the curve.
        """
        dataset, size, variant = key
        curve = variant == CURVE
        cells = [(dataset, size, one) for one in (self.curve(dataset, size) if curve else [variant])]
        shares = [self._lost(cell, metric, split) for cell in cells]
        diverged, lost = (max(share) for share in zip(*shares, strict=True))
        floor, noise = (float(np.mean(x)) if x else np.nan for x in (data.floors, data.noises))
        names = {metric, RATE} if rate else {metric}  # a rate that decides nothing leaves open where the curve is read
        read = [self.scores.get((cell, split, one), Scores()) for cell in cells for one in names]
        caution = commonest(text for scores in read for text in scores.cautions)
        return Side("the beta curve" if curve else variant, diverged, lost, mean, floor, noise, caution)

    def _lost(self, key: Key, metric: str, split: str) -> tuple[float, float]:
        """Shares of a cell's planned seeds that diverged, and that have no value of a metric, for whatever reason."""
        entry, scores = self.entry(key), self.scores.get((key, split, metric), Scores())
        planned = max(len(entry.planned), 1)
        return len(entry.diverged) / planned, 1 - len(scores.values) / planned

    def on_curve(self, key: Key, metric: str, split: str) -> tuple[dict[int, float], int]:
        """Seed -> the curve at the cell's own rate, and the number of seeds whose rate is outside it."""
        points = matched(self.parts[key[:2]], metric, [key[2]], split=split)
        inside = points[points["curve"].notna()]
        values = {int(seed): float(value) for seed, value in zip(inside["seed"], inside["curve"], strict=True)}
        return values, int(points["outside"].sum())


def open_book(table: pd.DataFrame, metrics: Iterable[str]) -> Book:
    """Read a long table once; only the scores of `metrics` (and the rate) are kept."""
    kept = table[table["metric"].isin({*metrics, RATE})]
    cells = table[["dataset", "n_train"]].drop_duplicates()
    parts = {(str(d), str(n)): kept.iloc[:0] for d, n in zip(cells["dataset"], cells["n_train"], strict=True)}
    book = Book(parts | {(str(d), str(n)): rows for (d, n), rows in kept.groupby(["dataset", "n_train"])})
    seeds = table[table["seed"].notna()].assign(
        found=table["status"] != "missing", diverged=table["status"] == "diverged"
    )
    columns = ["dataset", "n_train", "variant", "seed", "found", "diverged", "order", "basis"]
    for dataset, size, variant, seed, found, diverged, order, basis in zip(
        *(seeds.drop_duplicates(columns)[name].tolist() for name in columns), strict=True
    ):
        entry = book.entries.setdefault((dataset, size, variant), Entry())
        entry.planned.add(int(seed))
        entry.found |= found
        entry.polynomial |= not pd.isna(order) and order > 1 and basis != "copies"
        if diverged:
            entry.diverged.add(int(seed))
    columns = [
        "dataset", "n_train", "variant", "split", "metric", "seed", "value", "status", "reason", "floor", "noise_sd",
        "caution",
    ]  # fmt: skip
    rows = kept[kept["seed"].notna()]
    for dataset, size, variant, split, metric, seed, value, status, reason, floor, noise, caution in zip(
        *(rows[name].tolist() for name in columns), strict=True
    ):
        scores = book.scores.setdefault(((dataset, size, variant), split, metric), Scores())
        if status == "ok" and np.isfinite(value):
            scores.values[int(seed)] = value
            scores.floors.append(floor)
            scores.noises.append(noise)
            scores.cautions += [caution] if caution else []
        else:
            scores.reason = scores.reason or reason or status
    known = kept[kept["higher_is_better"].notna()].drop_duplicates("metric")
    book.directions = {str(m): bool(h) for m, h in zip(known["metric"], known["higher_is_better"], strict=True)}
    return book
