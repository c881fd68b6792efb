"""Where everything lies: the path grammar of a results folder, used by the workflow and the commands alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phvae.experiment.stages import STAGES

__all__ = ["Paths"]


@dataclass(frozen=True)
class Paths:
    """The files of one grid; arguments may be wildcards such as ``"{dataset}"``."""

    root: Path

    @property
    def config(self) -> Path:
        """The resolved configuration that every job reads."""
        return self.root / "config.json"

    def frozen(self, digest: str) -> Path:
        """The same, named by its content: a later start with another configuration leaves it as it is."""
        return self.root / "configs" / f"{digest}.json"

    def claims(self, digest: str) -> Path:
        """The claims that runs were trained under, by the hash of their file."""
        return self.root / "claims" / f"{digest}.yaml"

    def manifest(self, stage: str, *where: Any) -> Path:
        """What a job of a stage leaves for the workflow: its question and the hashes of its files.

        The names in `where` are those of `phvae.experiment.stages.PLACE`.
        """
        unit = STAGES[stage].unit
        if unit == "data set":
            return self.root / ("data" if stage == "prepare" else stage) / f"{where[0]}.json"
        return self.batch(stage, *where) if unit in ("lot", "batch") else self.root / "stages" / f"{stage}.json"

    def data(self, dataset: str) -> Path:
        """Manifest of a prepared data set: its folder in the cache and its hash."""
        return self.root / "data" / f"{dataset}.json"

    def reference(self, dataset: str) -> Path:
        """Folder of what all runs on a data set share."""
        return self.root / "reference" / dataset

    def batch(self, stage: str, dataset: str, n_train: int | str, index: int | str) -> Path:
        """Manifest of a lot (train) or a batch of cells (encode, evaluate) that went through a stage."""
        return self.root / "batches" / stage / dataset / f"n-{n_train}" / f"{index}.json"

    def cell(self, dataset: str, n_train: int | str, variant: str) -> Path:
        """Folder of a cell's runs."""
        return self.root / "runs" / dataset / f"n-{n_train}" / variant

    def run(self, dataset: str, n_train: int | str, variant: str, seed: int | str) -> Path:
        """Folder of one run."""
        return self.cell(dataset, n_train, variant) / f"seed-{seed}"

    def groups(self, dataset: str, n_train: int | str, variant: str) -> Path:
        """Scores that need several seeds of a cell."""
        return self.cell(dataset, n_train, variant) / "groups.json"

    def log(self, *parts: str) -> Path:
        """Log file of a job."""
        return self.root.joinpath("logs", *parts).with_suffix(".log")
