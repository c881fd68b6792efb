"""Questions: what each job is asked, as one hash: its code, its settings, and the questions of the jobs before it.

A job's manifest keeps its question. What answers another than today's is made again, whatever the workflow's own notes
say, and is refused by whoever reads it. Loads no torch.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from phvae.config.strict import stated
from phvae.data.registry import stated_options
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.keys import encoded, stage_code
from phvae.experiment.stages import PUBLISHED, STAGES
from phvae.files import sha256
from phvae.metrics.weights import stamps
from phvae.records import inputs_sha256

__all__ = ["Questions", "Where"]

Where = tuple[Any, ...]  # what a job works on: (), (data set), (.., n_train, batch) or (.., n_train, variant, stack)


class Questions:
    """The questions of a grid's jobs, each computed once."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._batches = grid.batches()
        self._known: dict[tuple[str, Where], str] = {}

    def of(self, stage: str, *where: Any) -> str:
        """The question of a job."""
        if (stage, where) not in self._known:
            before = [self.of(name, *place) for name, place in self.before(stage, where)]
            asked = [stage, stage_code(stage, self.cells(stage, where)), self._settings(stage, where), before]
            self._known[stage, where] = inputs_sha256(*asked)
        return self._known[stage, where]

    def jobs(self) -> Iterator[tuple[str, Where]]:
        """Every job of the grid, each after those that it needs."""
        for dataset in self.grid.config.datasets:
            yield "prepare", (dataset,)
            yield "reference", (dataset,)
        for cell in self.grid.cells:
            yield from (
                ("train", (cell.dataset, cell.n_train, cell.variant, stack)) for stack in self.grid.stacks(cell)
            )
        for stage in ("encode", "evaluate", "groups"):
            yield from ((stage, batch) for batch in self._batches)
        yield from ((stage.name, ()) for stage in STAGES.values() if stage.unit == "grid")

    def stacks(self, where: Where) -> list[Where]:
        """The stacks of trained seeds behind a batch."""
        return [
            (cell.dataset, cell.n_train, cell.variant, stack)
            for cell in self._batches[where]
            for stack in self.grid.stacks(cell)
        ]

    def before(self, stage: str, where: Where) -> Iterator[tuple[str, Where]]:
        """The jobs that a job needs."""
        for name in STAGES[stage].after:
            unit = STAGES[name].unit
            if unit == "data set":
                yield name, where[:1]
            elif unit == "stack":
                yield from ((name, stack) for stack in self.stacks(where))
            elif unit == "batch":
                yield from ((name, batch) for batch in ([where] if where else self._batches))
            else:
                yield name, ()

    def cells(self, stage: str, where: Where) -> list[Cell]:
        """The cells that a job works on; none of one that works on the whole grid."""
        unit = STAGES[stage].unit
        if unit == "stack":
            return [self.grid.cell(*where[:3])]
        if unit == "batch":
            return self._batches[where]
        return self.grid.dataset_cells(where[0]) if unit == "data set" else []

    def _settings(self, stage: str, where: Where) -> Any:
        """What decides what a job writes, beside its code and what it reads."""
        grid, config = self.grid, self.grid.config
        cells = self.cells(stage, where)
        if stage == "prepare":
            return stated_options(cells[0].data, places=True)
        if stage == "reference":
            device = grid.scoring_device(cells)
            return (
                _evaluation(cells[0], "importance_samples", "n_likelihood"),
                stamps(cells[0].evaluation, config.data_path),
                device,
                config.threads,
            )
        if stage == "train":
            seeds = grid.stacks(cells[0])[where[3]]
            if cells[0].external:
                return stated(cells[0].external), seeds
            cell = cells[0].in_effect("cpu") if config.device == "cpu" else cells[0]
            return cell.science(), seeds, config.device, config.threads, _torch()
        if stage == "encode":
            return [[cell.name, encoded(cell)] for cell in cells]
        if stage == "evaluate":
            return [[cell.name, _evaluation(cell)] for cell in cells], grid.scoring_device(cells)
        if stage == "groups":
            return [[cell.name, cell.evaluation.metrics] for cell in cells]
        if stage == "report":
            return config.model_dump(mode="json")  # the page shows it
        if stage == "tables":
            read = [path for path in (grid.claims, Path(PUBLISHED)) if path and path.is_file()]
            return [sha256(path) for path in read], config.baseline, *self._tuning()
        external = [sorted(grid.external)] if grid.external else []
        shown = grid.labels, sorted(grid.off_curve), config.baseline, *external
        return (*shown, *self._tuning()) if stage == "figures" else shown

    def _tuning(self) -> list[dict[str, Any]]:
        """The families whose weights are chosen, where there are any."""
        tuning = self.grid.config.tuning
        return [tuning.model_dump()] if tuning else []


@functools.cache
def _torch() -> str:
    return importlib.metadata.version("torch")


def _evaluation(cell: Cell, *unread: str) -> dict[str, Any]:
    """The settings of the evaluation that decide scores; weights go in by what they are."""
    return stated(cell.evaluation, {"cells_per_job", "inception_weights", *unread})
