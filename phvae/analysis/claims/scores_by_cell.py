"""The scores of some metrics, looked up by cell: what every comparison with a control or with the curve reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from phvae.analysis.claims.schema import CURVE_CONTROL
from phvae.analysis.results.long_table import size_key
from phvae.analysis.results.roles import curve_variants
from phvae.analysis.statistics.rate_distortion import CURVE_NAME, RATE, matched
from phvae.analysis.statistics.verdict import Side, commonest

__all__ = ["CellSeeds", "Scores", "ScoresByCell", "scores_by_cell"]

Key = tuple[str, str, str]  # data set, n_train, variant


@dataclass
class CellSeeds:
    """One cell: its planned seeds, those that diverged, whether any run was found, and whether it feeds powers."""

    planned: set[int] = field(default_factory=set)
    diverged: set[int] = field(default_factory=set)
    found: bool = False
    polynomial: bool = False


@dataclass
class Scores:
    """One metric of one cell: seed -> value; examples; floor and noise; why a value is absent, or is not compared."""

    values: dict[int, float] = field(default_factory=dict)
    sizes: list[float] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    noises: list[float] = field(default_factory=list)
    reason: str = ""
    cautions: list[str] = field(default_factory=list)


@dataclass
class ScoresByCell:
    """What a long table says of some metrics.

    Attributes:
        parts: (data set, n_train) -> the rows of these metrics.
        cells: (data set, n_train, variant) -> its seeds.
        scores: (cell, split, metric) -> its values.
        directions: metric -> whether higher is better, where that is known.
        labels: variant -> how reasons call it, where not by its own name.
        curves: (data set, n_train) -> the variants of the beta curve, filled when asked for.
    """

    parts: dict[tuple[str, str], pd.DataFrame]
    cells: dict[Key, CellSeeds]
    scores: dict[tuple[Key, str, str], Scores]
    directions: dict[str, bool]
    labels: Mapping[str, str] = field(default_factory=dict)
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

    def seeds(self, key: Key) -> CellSeeds:
        """A cell; an empty one if the table has none."""
        return self.cells.get(key, CellSeeds())

    def name(self, variant: str) -> str:
        """How reasons call a variant, or the curve."""
        return CURVE_NAME if variant == CURVE_CONTROL else self.labels.get(variant, variant)

    def curve(self, dataset: str, size: str) -> list[str]:
        """The variants of the beta curve on a data set."""
        if (dataset, size) not in self.curves:
            self.curves[dataset, size] = curve_variants(self.parts[dataset, size])
        return self.curves[dataset, size]

    def side(self, key: Key, metric: str, split: str, mean: float, data: Scores, *, rate: bool = False) -> Side:
        """A side of a comparison: a cell, or for the variant CURVE_CONTROL the beta curve, as bad as its worst variant.

        Args:
            key: data set, training size and variant.
            metric: the metric compared.
            split: its split.
            mean: mean of the values that are compared.
            data: where the floor and noise of the metric on that data set are known from.
            rate: whether its rate is read too, as it is where a variant is held against the curve.
        """
        dataset, size, variant = key
        curve = variant == CURVE_CONTROL
        cells = [(dataset, size, one) for one in (self.curve(dataset, size) if curve else [variant])]
        shares = [self._lost(cell, metric, split) for cell in cells]
        diverged, lost = (max(share) for share in zip(*shares, strict=True))
        floor, noise = (float(np.mean(x)) if x else np.nan for x in (data.floors, data.noises))
        names = {metric, RATE} if rate else {metric}  # a rate with a caution leaves open where the curve is read
        read = [self.scores.get((cell, split, one), Scores()) for cell in cells for one in names]
        caution = commonest(text for scores in read for text in scores.cautions)
        return Side(self.name(variant), diverged, lost, mean, floor, noise, caution)

    def _lost(self, key: Key, metric: str, split: str) -> tuple[float, float]:
        """Shares of a cell's planned seeds that diverged, and that have no value of a metric, for whatever reason."""
        seeds, scores = self.seeds(key), self.scores.get((key, split, metric), Scores())
        planned = max(len(seeds.planned), 1)
        return len(seeds.diverged) / planned, 1 - len(scores.values) / planned

    def on_curve(self, key: Key, metric: str, split: str) -> tuple[dict[int, float], int]:
        """Seed -> the curve at the cell's own rate, and the number of seeds whose rate is outside it."""
        points = matched(self.parts[key[:2]], metric, [key[2]], split=split)
        inside = points[points["curve"].notna()]
        values = {int(seed): float(value) for seed, value in zip(inside["seed"], inside["curve"], strict=True)}
        return values, int(points["outside"].sum())


def scores_by_cell(
    table: pd.DataFrame, metrics: Iterable[str], labels: Mapping[str, str] | None = None
) -> ScoresByCell:
    """Read a long table once; only the scores of `metrics` (and the rate) are kept, reasons call variants by label."""
    kept = table[table["metric"].isin({*metrics, RATE})]
    sets = table[["dataset", "n_train"]].drop_duplicates()
    parts = {(str(d), str(n)): kept.iloc[:0] for d, n in zip(sets["dataset"], sets["n_train"], strict=True)}
    parts |= {(str(d), str(n)): rows for (d, n), rows in kept.groupby(["dataset", "n_train"])}
    known = kept[kept["higher_is_better"].notna()].drop_duplicates("metric")
    directions = {str(m): bool(h) for m, h in zip(known["metric"], known["higher_is_better"], strict=True)}
    return ScoresByCell(parts, _seeds(table), _scores(kept), directions, labels or {})


def _seeds(table: pd.DataFrame) -> dict[Key, CellSeeds]:
    columns = ["dataset", "n_train", "variant", "seed", "ran", "diverged", "order", "basis"]
    runs = table[table["seed"].notna()].assign(ran=table["status"] != "missing", diverged=table["status"] == "diverged")
    runs = runs[columns].drop_duplicates()
    found: dict[Key, CellSeeds] = {}
    for dataset, size, variant, seed, ran, diverged, order, basis in zip(
        *(runs[name].tolist() for name in columns), strict=True
    ):
        cell = found.setdefault((dataset, size, variant), CellSeeds())
        cell.planned.add(int(seed))
        cell.found |= ran
        cell.polynomial |= not pd.isna(order) and order > 1 and basis != "copies"
        if diverged:
            cell.diverged.add(int(seed))
    return found


def _scores(kept: pd.DataFrame) -> dict[tuple[Key, str, str], Scores]:
    columns = [
        "dataset", "n_train", "variant", "split", "metric", "seed", "value", "n", "status", "reason", "floor",
        "noise_sd", "caution",
    ]  # fmt: skip
    rows = kept[kept["seed"].notna()]
    found: dict[tuple[Key, str, str], Scores] = {}
    for dataset, size, variant, split, metric, seed, value, n, status, reason, floor, noise, caution in zip(
        *(rows[name].tolist() for name in columns), strict=True
    ):
        scores = found.setdefault(((dataset, size, variant), split, metric), Scores())
        if status == "ok" and np.isfinite(value):
            scores.values[int(seed)] = value
            scores.sizes.append(n)
            scores.floors.append(floor)
            scores.noises.append(noise)
            scores.cautions += [caution] if caution else []
        else:
            scores.reason = scores.reason or reason or status
    return found
