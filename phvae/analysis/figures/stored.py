"""What the figures of a results folder are drawn from: the long table, histories and kept arrays."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phvae.analysis.figures.arrays import Arrays, arrays_of
from phvae.analysis.figures.choosing import choose_metrics, choose_variants
from phvae.analysis.figures.learning_units import ScoreUnit, score_unit
from phvae.analysis.figures.looks import looks_of
from phvae.analysis.results.configuration import default_baseline
from phvae.analysis.results.long_table import labels_of, read_costs, read_runs, read_table, size_key
from phvae.analysis.results.tuned import tuned
from phvae.experiment.paths import Paths
from phvae.experiment.tuning import TuningConfig
from phvae.records import read_record

if TYPE_CHECKING:
    from phvae.data import Prepared

__all__ = ["Stored"]

FAMILIES = 12  # that a page of images has room for


class Stored:
    """A results folder, read lazily; every figure shows the largest training size unless it is about sizes."""

    def __init__(
        self,
        root: Path,
        baseline: str | None = None,
        tuning: TuningConfig | None = None,
        claims: Path | None = None,
        arrays: Arrays | None = None,
    ) -> None:
        self.root = Path(root)
        self.paths = Paths(self.root)
        self.table = read_table(self.root)
        self.runs_table = read_runs(self.root)
        self.baseline, self.tuning, self.claims = baseline or default_baseline(self.root), tuning, claims
        self.labels = labels_of(self.table, self.runs_table)
        self.looks = looks_of(self.table)
        self.arrays = arrays or arrays_of(self.root)
        self._prepared: dict[str, Prepared | None] = {}

    @cached_property
    def datasets(self) -> list[str]:
        """Data sets in the table's order."""
        return [str(name) for name in self.table["dataset"].unique()]

    @cached_property
    def sizes(self) -> dict[str, list[str]]:
        """Training sizes of each data set, ascending, "all" last."""
        return {str(d): sorted(set(g["n_train"]), key=size_key) for d, g in self.table.groupby("dataset", sort=False)}

    @cached_property
    def largest(self) -> pd.DataFrame:
        """The long table at the largest training size of each data set."""
        top = {dataset: sizes[-1] for dataset, sizes in self.sizes.items()}
        return self.table[self.table["n_train"] == self.table["dataset"].map(top)]

    def of(self, dataset: str) -> pd.DataFrame:
        """Rows of one data set at its largest training size."""
        return self.largest[self.largest["dataset"] == dataset]

    def metrics(self, dataset: str, limit: int) -> list[str]:
        """The metrics that a figure of this data set has room for."""
        return choose_metrics(self.of(dataset), limit)

    def variants(self, dataset: str, limit: int = 99, among: Collection[str] | None = None) -> list[str]:
        """The variants that a figure of this data set has room for, the baseline first."""
        return choose_variants(self.of(dataset), self.baseline, limit, among)

    def pictured(self, dataset: str, limit: int) -> list[str]:
        """The variants whose codes, samples or images are shown: of tuned families each at its chosen weight."""
        if not self.tuning:
            return self.variants(dataset, limit)
        weights = tuned(self.of(dataset), read_costs(self.root), self.tuning).weights
        return self.variants(dataset, FAMILIES, {self.baseline, *weights.loc[weights["chosen"], "variant"]})

    def order(self, variant: str) -> int:
        """Number of levels of a variant."""
        found = self.table.loc[self.table["variant"] == variant, "order"].dropna()
        return int(found.iloc[0]) if len(found) else 1

    def runs(self, dataset: str, variant: str) -> list[Path]:
        """Folders of the runs with numbers, relative to the root, by seed, at the largest training size."""
        cell = self.of(dataset)
        cell = cell[(cell["variant"] == variant) & (cell["status"] == "ok") & cell["seed"].notna()]
        size = self.sizes[dataset][-1]
        seeds = sorted(set(cell["seed"]))
        return [self.paths.run(dataset, size, variant, int(seed)).relative_to(self.root) for seed in seeds]

    def array(self, run: Path, file: str, name: str) -> np.ndarray | None:
        """One array of a run's .npz file, or None."""
        return self.arrays.array(run, file, name)

    def first(self, dataset: str, variants: Sequence[str], file: str, name: str) -> dict[str, np.ndarray]:
        """label -> the array of each variant's first run that has it."""
        found = {}
        for variant in variants:
            for run in self.runs(dataset, variant):
                array = self.array(run, file, name)
                if array is not None:
                    found[self.labels[variant]] = array
                    break
        return found

    def prepared(self, dataset: str) -> Prepared | None:
        """The prepared data set, or None where the cache is gone; the figures stage has compared its hashes."""
        if dataset not in self._prepared:
            from phvae.data import load

            path, folder = self.paths.data(dataset), None
            if path.is_file():
                manifest = read_record(path, "run `phvae prepare` again", folder=str)
                folder = self.root.parent / "data" / manifest["folder"]
            self._prepared[dataset] = load(folder) if folder and folder.is_dir() else None
        return self._prepared[dataset]

    def history(self, dataset: str, variants: Sequence[str], most_seeds: int = 10) -> pd.DataFrame:
        """Histories of the runs, one below the other, with dataset, variant, seed, and the reconstruction as a score.

        Columns `reconstruction` and `metric`: see `score_unit`; nats without a metric where one variant has no score,
        or another one than the others.
        """
        frames: list[pd.DataFrame] = []
        units: dict[str, ScoreUnit | None] = {}
        for variant in variants:
            for run in self.runs(dataset, variant)[:most_seeds]:
                if (frame := self.arrays.history(run)) is not None:
                    frames.append(frame.assign(dataset=dataset, variant=variant, seed=run.name))
                    if variant not in units:
                        model = read_record(self.root / run / "run.json", "run the workflow again")["config"]["model"]
                        units[variant] = score_unit(model, self.prepared(dataset))
        if not frames:
            return pd.DataFrame()
        history = pd.concat(frames, ignore_index=True)
        names = {unit.metric if unit else "" for unit in units.values()}
        metric = names.pop() if len(names) == 1 else ""
        value = history["validation_reconstruction"]
        if metric:
            own = history["variant"].map(units)
            value = own.str[1] * value + own.str[2]
        return history.assign(reconstruction=value, metric=metric)
