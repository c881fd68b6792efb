"""From a configuration file to the cells of its grid.

Every mistake that shows in the file, or in what is known of a data kind unread, is refused here, before anything runs.
What needs the data (shape and number of the user's own) or torch (widths that cannot be matched) is refused by the job.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from phvae.config.explain import validated
from phvae.config.reader import read_yaml
from phvae.config.strict import stated
from phvae.data.facts import Facts, facts
from phvae.data.registry import stated_options
from phvae.errors import ConfigError, nearest
from phvae.experiment.own import check_own, own_files
from phvae.experiment.paths import Paths
from phvae.experiment.schema import Config, ExternalConfig
from phvae.experiment.stacks import seeds_per_job
from phvae.experiment.tuning import check_tuning
from phvae.experiment.twins import refuse_twins
from phvae.metrics.options import EvaluationConfig
from phvae.model.options import ModelConfig
from phvae.training.options import TrainingConfig
from phvae.words import listed, plural

__all__ = ["Cell", "Grid", "load_grid", "parse_grid", "science"]

EXTERNAL = " (external)"  # ends the label of a variant that was trained elsewhere, in every table and figure
# Fields that decide how a run is carried out but not its numbers: they stay out of its key.
MANNERS = {"seeds_per_job", "checkpoint_minutes", "memory_share", "cuda_graph"}


@dataclass(frozen=True)
class Cell:
    """One (data set, training size, variant) of the grid, everything resolved."""

    dataset: str
    n_train: int | Literal["all"]
    variant: str
    label: str
    data: dict[str, Any]
    subset: str
    model: ModelConfig
    training: TrainingConfig
    evaluation: EvaluationConfig
    seeds: tuple[int, ...]
    looked: Facts | None = None
    external: ExternalConfig | None = None

    @property
    def own_model(self) -> ModelConfig | None:
        """The model; None of one that was trained elsewhere, of which nothing is known."""
        return None if self.external else self.model

    @property
    def name(self) -> str:
        """The cell in words, for logs: ``digits/n-all/vae``."""
        return f"{self.dataset}/n-{self.n_train}/{self.variant}"

    @property
    def facts(self) -> Facts:
        """What is known of its data set: by a look at its files where one was taken, else unread."""
        return self.looked or facts(self.data)

    @property
    def deep_features(self) -> bool:
        """Whether its scores ask for features of a large network: hours on a CPU, minutes on a GPU."""
        return bool(set(self.evaluation.extractors) & {"inception", "efficientnet-lite0"})

    def in_effect(self, device: str) -> Cell:
        """The cell that trains the same on a device ("cpu" or "cuda") and names no option that does nothing there.

        On a CPU nothing is compiled and tf32 is float32; there are no more looks at the validation loss than steps, of
        one epoch there is no choice, and of all training examples one subset.
        """
        training = self.training
        changes: dict[str, Any] = {}
        if device == "cpu":
            changes["compile"] = "off"
            changes["precision"] = "float32" if training.precision == "tf32" else training.precision
        if training.steps is not None:
            changes["epochs"] = min(training.epochs, training.steps)
        if changes.get("epochs", training.epochs) == 1:
            changes["select"] = "loss"
        subset = "fixed" if self.n_train == "all" else self.subset
        return replace(self, training=training.model_copy(update=changes), subset=subset)

    def science(self) -> dict[str, Any]:
        """What decides the numbers of a trained run of this cell, beyond the defaults, as plain data."""
        if self.external:
            return {"data": stated_options(self.data), "n_train": self.n_train, "external": self.external.folder}
        return science(self.data, self.n_train, self.subset, self.model, self.training)

    def resolved(self) -> dict[str, Any]:
        """The whole resolved cell, as it is kept beside each result."""
        sections = ("external", "evaluation") if self.external else ("model", "training", "evaluation")
        options = {name: getattr(self, name).model_dump() for name in sections}
        return {"data": self.data, "n_train": self.n_train, "subset": self.subset, **options}


def science(
    data: dict[str, Any], n_train: int | str, subset: str, model: ModelConfig, training: TrainingConfig
) -> dict[str, Any]:
    """What decides the numbers of a run; an option that is added later, at its default, changes nothing."""
    options = {"model": stated(model), "training": stated(training, MANNERS)}
    return {"data": stated_options(data), "n_train": n_train, "subset": subset, **options}


@dataclass(frozen=True)
class Grid:
    """A parsed configuration and its cells, in the configuration's order."""

    config: Config
    cells: tuple[Cell, ...]
    source: str

    @property
    def size(self) -> str:
        """How large it is, in words.

        >>> load_grid("config/smoke.yaml").size
        '3 data sets, 9 cells, 18 runs'
        """
        parts = (self.config.datasets, "data set"), (self.cells, "cell"), (self.runs(), "run")
        return ", ".join(plural(len(what), noun) for what, noun in parts)

    @property
    def paths(self) -> Paths:
        """Where the results of this grid lie."""
        return Paths(Path(self.config.results) / self.config.name)

    @property
    def claims(self) -> Path | None:
        """The file of the claims that it tests; None without one."""
        return None if self.config.claims == "none" else Path(self.config.claims)

    def cell(self, dataset: str, n_train: int | str, variant: str) -> Cell:
        """The cell of that name.

        Raises:
            ConfigError: no such cell; names the nearest.
        """
        wanted = f"{dataset}/n-{n_train}/{variant}"
        found = next((cell for cell in self.cells if cell.name == wanted), None)
        if found is None:
            hint = nearest(wanted, [cell.name for cell in self.cells])
            raise ConfigError(f"{self.source}: the grid has no cell {wanted}{hint}")
        return found

    def dataset_cells(self, dataset: str) -> list[Cell]:
        """All cells of one data set."""
        return [cell for cell in self.cells if cell.dataset == dataset]

    def stacks(self, cell: Cell) -> dict[str, list[int]]:
        """The cell's seeds in the stacks that train together: ``{"0-4": [0, 1, 2, 3, 4]}``.

        They follow from the configuration alone, so that a login node without a GPU and a compute node with one
        agree; `device: auto` counts as cpu.
        """
        size = len(cell.seeds) if cell.external else cell.training.seeds_per_job
        if size == "auto":
            device = "cuda" if self.config.device == "cuda" else "cpu"
            size = seeds_per_job(len(cell.seeds), cell.model.network, device, self.config.threads)
        stacks = [list(cell.seeds[start : start + size]) for start in range(0, len(cell.seeds), size)]
        return {f"{stack[0]}-{stack[-1]}": stack for stack in stacks}

    def batches(self) -> dict[tuple[str, int | str, int], list[Cell]]:
        """Cells encoded and evaluated by one job: (data set, n_train, index) -> cells."""
        groups: dict[tuple[str, int | str], list[Cell]] = {}
        for cell in self.cells:
            groups.setdefault((cell.dataset, cell.n_train), []).append(cell)
        found = {}
        for (dataset, n_train), cells in groups.items():
            size = cells[0].evaluation.cells_per_job
            for index in range(0, len(cells), size):
                found[dataset, n_train, index // size] = cells[index : index + size]
        return found

    @property
    def labels(self) -> dict[str, str]:
        """How tables and figures call each variant."""
        return {cell.variant: cell.label for cell in self.cells}

    def dump(self) -> str:
        """The configuration as JSON that `load_grid` reads back, in the order of the file (it decides the batches)."""
        content = {"source": self.source, "config": self.config.model_dump(mode="json")}
        return json.dumps(content | ({"parts": used} if (used := own_files(self)) else {}), indent=1) + "\n"

    def check_writable(self) -> None:
        """Refuse a results folder that cannot be written, without creating it.

        Raises:
            ConfigError: an ancestor is a file, a link that leads nowhere, or may not be written.
        """
        folder = self.paths.root
        while not (folder.exists() or folder.is_symlink()) and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK) or _read_only(folder):
            raise ConfigError(
                f"{self.source}: results: found {self.config.results!r}, expected a folder that can be written; "
                f"{folder} cannot"
            )

    def scoring_device(self, cells: list[Cell]) -> str:
        """Where features are computed: on a GPU only where one is asked for by name and the features are deep."""
        return "cuda" if self.config.device == "cuda" and any(cell.deep_features for cell in cells) else "cpu"

    @property
    def external(self) -> frozenset[str]:
        """The variants that were trained elsewhere."""
        return frozenset(name for name, variant in self.config.variants.items() if variant.external)

    @property
    def off_curve(self) -> frozenset[str]:
        """The variants that are no points of the beta-VAE's curve whatever they are; no run's key knows of it."""
        return frozenset(name for name, variant in self.config.variants.items() if not variant.curve)

    def runs(self) -> list[tuple[Cell, int]]:
        """Every (cell, seed) of the grid."""
        return [(cell, seed) for cell in self.cells for seed in cell.seeds]


def _read_only(folder: Path) -> bool:
    """Whether the file system is mounted read-only (the superuser's access check does not tell)."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def load_grid(path: str | Path) -> Grid:
    """Read a configuration file into a grid.

    Raises:
        ConfigError: anything in it cannot be run; the message names file, key, found, expected.
    """
    content = read_yaml(path)
    if {"source", "config"} <= set(content) <= {"source", "config", "parts"}:  # what the workflow wrote for its jobs
        check_own(content.get("parts", {}), str(path))
        return parse_grid(content["config"], content["source"])
    return parse_grid(content, str(path))


def parse_grid(content: dict[str, Any], source: str) -> Grid:
    """A grid from a mapping; `source` names it in messages.

    Raises:
        ConfigError: as `load_grid`.
    """
    config = validated(Config, content, lambda path: f"{source}: {path}" if path else source)
    if config.baseline not in config.variants:
        raise ConfigError(
            f"{source}: baseline: found {config.baseline!r}, expected one of the variants: {listed(config.variants)}"
            + nearest(config.baseline, config.variants)
        )
    cells = [cell for name in config.datasets for cell in _cells_of(config, name, source)]
    used = {cell.variant for cell in cells}
    unused = [name for name in config.variants if name not in used]
    if unused:  # nothing would read their options, nor find a mistake in them
        raise ConfigError(f"{source}: variants: {', '.join(unused)} in no data set's list: add or remove")
    refuse_twins(cells, source, "cpu" if config.device == "cpu" else "cuda")
    if config.tuning:
        check_tuning(config.tuning, cells, config.baseline, source)
    return Grid(config, tuple(cells), source)


def _cells_of(config: Config, name: str, source: str) -> list[Cell]:
    from phvae.data import validate

    entry = config.datasets[name]
    try:
        data = validate(name, entry.data)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{source}: {line}" for line in str(error).splitlines())) from None
    given = config.seeds if entry.seeds is None else entry.seeds
    seeds = tuple(range(given)) if isinstance(given, int) else tuple(given)
    for variant in entry.variants or []:
        if variant not in config.variants:
            raise ConfigError(
                f"{source}: datasets.{name}.variants: found {variant!r}, expected some of {listed(config.variants)}"
                + nearest(variant, config.variants)
            )
    chosen = entry.variants if entry.variants is not None else list(config.variants)
    about = facts(data)
    for size in entry.n_train:
        if size != "all" and size > about.counts[0] and not about.assumed:
            raise ConfigError(
                f"{source}: datasets.{name}.n_train: found {size}, expected all or at most {about.counts[0]}, the "
                "number of its training examples"
            )
    cells = []
    for variant in chosen:
        row = config.variants[variant]
        sections: dict[str, Any] = {}
        for key, cls in (("model", ModelConfig), ("training", TrainingConfig), ("evaluation", EvaluationConfig)):
            layers = [
                (key, getattr(config, key)),
                (f"datasets.{name}.{key}", getattr(entry, key)),
                (f"variants.{variant}.{key}", getattr(row, key, {})),
            ]
            merged = {k: v for _, layer in layers for k, v in layer.items()}

            def where(path: str, layers: list[tuple[str, dict[str, Any]]] = layers) -> str:
                top = path.split(".")[0]
                holder = next((at for at, layer in reversed(layers) if top in layer), layers[-1][0])
                return f"{source}: {holder}.{path}" if path else f"{source}: {holder} (data set {name})"

            sections[key] = validated(cls, merged, where)
            if key == "model" and not row.external:
                _check_data(sections[key], name, about, where)
        label = (row.label or variant) + (EXTERNAL if row.external else "")
        sections |= {"seeds": seeds, "external": row.external}
        for n_train in entry.n_train:
            cells.append(Cell(name, n_train, variant, label, data, entry.subset, **sections))
    return cells


def _check_data(model: ModelConfig, dataset: str, about: Facts, where: Any) -> None:
    """Refuse a model that cannot be trained on such data."""
    if model.likelihood.unit_interval and not about.unit_interval:
        raise ConfigError(
            f"{where('likelihood')}: found {model.likelihood.name}, expected gaussian: the values of {dataset} are not "
            "confined to [0, 1]"
        )
    if not about.assumed:
        try:
            model.network.check_shape(about.shape)
        except ConfigError as error:
            raise ConfigError(f"{where('network')}: {error} (data set {dataset})") from None
