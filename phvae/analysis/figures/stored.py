"""What the figures of a results folder are drawn from: the long table, histories and kept arrays, and which to show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phvae.analysis.results import default_baseline, labels_of, read_runs, read_table, size_key
from phvae.experiment.paths import Paths
from phvae.files import read_json

if TYPE_CHECKING:
    from phvae.data import Prepared

__all__ = ["Stored", "information"]

# What a data set is judged by, in the order in which panels are given away.
METRICS = (
    "w1_samples_mean", "w1_samples_model", "ks_samples_mean", "sliced_w1_samples_mean", "mmd_samples_mean",
    "mse", "ssim", "fid_samples", "fd_classifier_samples", "fd_efficientnet_lite0_samples", "mig",
    "dci_forest_disentanglement", "factor_vae", "nll", "bce_elbo", "sharpness", "knn_accuracy", "kl", "active_units",
    "w_norm", "cvm_samples_mean",
)  # fmt: skip
BY_SIZE = ("ball_share",)  # what small data are judged by, too
DISTORTIONS = ("mse", "reconstruction_nll", "bce_reconstruction")


class Stored:
    """A results folder, read lazily; every figure shows the largest training size unless it is about sizes."""

    def __init__(self, root: Path, baseline: str | None = None) -> None:
        self.root = Path(root)
        self.paths = Paths(self.root)
        self.table = read_table(self.root)
        self.baseline = baseline or default_baseline(self.root)
        self.labels = labels_of(self.table, read_runs(self.root))
        self._prepared: dict[str, Prepared | None] = {}

    @cached_property
    def datasets(self) -> list[str]:
        """Data sets in the table's order."""
        return list(dict.fromkeys(self.table["dataset"]))

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
        """The first metrics of the list above that two variants at least have, and that are not the same for all."""
        rows = self.of(dataset)
        values = rows[rows["value"].notna() & rows["seed"].notna()].groupby("metric")
        variants, spread = values["variant"].nunique(), values["value"].max() - values["value"].min()
        return [m for m in METRICS if variants.get(m, 0) > 1 and spread[m] > 0][:limit]

    def variants(self, dataset: str, limit: int = 99, among: Collection[str] | None = None) -> list[str]:
        """Variants of a data set, in the table's order, the baseline first; too many are thinned as `_rank` says."""
        cells = self.of(dataset).drop_duplicates("variant")
        controls = cells[(cells["order"] > 1) & ((cells["basis"] == "copies") | (cells["encoder_width"] != "full"))]
        controlled = {int(order) for order in controls["order"]}
        chosen = cells if among is None else cells[cells["variant"].isin(among)]
        ranked = sorted(chosen.to_dict("records"), key=lambda cell: self._rank(cell, controlled))
        kept = {cell["variant"] for cell in ranked[:limit]}
        found = [v for v in chosen["variant"] if v in kept]
        return sorted(found, key=lambda variant: variant != self.baseline)

    def _rank(self, cell: dict[Any, Any], controlled: Collection[int]) -> int:
        """What the claims compare comes first: baseline, the PH-VAE that has controls, and these, the hardest first.

        `controlled`: the orders of which there are controls; without any, all orders count.
        """
        order, divergence, beta = cell["order"], str(cell["divergence"]), cell["beta"]
        if cell["variant"] == self.baseline:
            return 0
        if pd.isna(order) or divergence.startswith("log_polynomial"):
            return 8
        if order == 1:  # a small weight of the divergence is what PH-VAEs are hardest told from
            return 1 if beta == 1 else 3 if beta < 1 else 5
        if cell["basis"] == "copies":
            return 2
        if cell["encoder_width"] != "full":
            return 4
        usual = divergence.startswith("hierarchical") and beta == 1
        if controlled and order not in controlled:
            return 7 if usual else 8
        return 1 if usual else 6

    def order(self, variant: str) -> int:
        """Number of levels of a variant."""
        found = self.table.loc[self.table["variant"] == variant, "order"].dropna()
        return int(found.iloc[0]) if len(found) else 1

    def runs(self, dataset: str, variant: str) -> list[Path]:
        """Folders of the runs with numbers, by seed, at the largest training size."""
        cell = self.of(dataset)
        cell = cell[(cell["variant"] == variant) & (cell["status"] == "ok") & cell["seed"].notna()]
        size = self.sizes[dataset][-1]
        return [self.paths.run(dataset, size, variant, int(seed)) for seed in sorted(set(cell["seed"]))]

    def array(self, run: Path, file: str, name: str) -> np.ndarray | None:
        """One array of a run's .npz file, or None."""
        try:
            with np.load(run / file, allow_pickle=False) as stored:
                return np.asarray(stored[name]) if name in stored.files else None
        except FileNotFoundError:
            return None

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
        """The prepared data set, or None where the cache is gone."""
        if dataset not in self._prepared:
            from phvae.data import load
            from phvae.errors import DataError

            manifest = self.paths.data(dataset)
            try:
                self._prepared[dataset] = load(self.root.parent / "data" / read_json(manifest)["folder"])
            except (DataError, FileNotFoundError):
                self._prepared[dataset] = None
        return self._prepared[dataset]

    def history(self, dataset: str, variants: Sequence[str], most_seeds: int = 10) -> pd.DataFrame:
        """Histories of the runs, one below the other, with dataset, variant and seed."""
        frames = []
        wanted = {"epoch", "validation_reconstruction", "validation_kl"}
        for variant in variants:
            for run in self.runs(dataset, variant)[:most_seeds]:
                if (run / "history.csv").is_file():
                    frame = pd.read_csv(run / "history.csv", usecols=lambda name: name in wanted)
                    frames.append(frame.assign(dataset=dataset, variant=variant, seed=run.name))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Mutual information of each code with each factor over the factor's entropy, (codes, factors) in [0, 1].

    Codes (N, L) are cut into the bins of the MIG protocol; a factor (N, F) of one value gives 0. Examples whose code is
    not finite are left out.
    """
    from phvae.metrics.disentanglement_information import entropy, equal_width_bins, mutual_information

    finite = np.isfinite(codes).all(axis=1)
    if not finite.any():
        return np.zeros((codes.shape[1], factors.shape[1]))
    codes, factors = codes[finite], factors[finite]
    known = entropy(factors)
    shares: np.ndarray = mutual_information(equal_width_bins(codes), factors) / np.where(known > 0, known, 1)
    return shares
