"""Questions: what each job is asked, as one hash: its code, its settings, and the questions of the jobs before it.

A job's manifest keeps its question. What answers another than today's is made again, whatever the workflow's own notes
say, and is refused by whoever reads it. Loads no torch.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from phvae.config.strict import stated
from phvae.data.registry import stated_options
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.keys import encoded, stage_code
from phvae.experiment.lots import SeedStack
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
        self._batches, self._lots = grid.batches(), grid.lots()
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
        yield from (("train", lot) for lot in self._lots)
        for stage in ("encode", "evaluate"):
            yield from ((stage, batch) for batch in self._batches)
        yield from ((stage.name, ()) for stage in STAGES.values() if stage.unit == "grid")

    def stacks(self, lot: Where) -> list[SeedStack]:
        """The stacks of seeds that a job trains."""
        return self._lots[lot]

    def lots(self, cells: Sequence[Cell]) -> list[Where]:
        """The lots behind some cells."""
        names = {cell.name for cell in cells}
        return [lot for lot, stacks in self._lots.items() if any(stack.cell.name in names for stack in stacks)]

    def before(self, stage: str, where: Where) -> Iterator[tuple[str, Where]]:
        """The jobs that a job needs."""
        for name in STAGES[stage].after:
            unit = STAGES[name].unit
            if unit == "data set":
                yield name, where[:1]
            elif unit == "lot":
                yield from ((name, lot) for lot in self.lots(self._batches[where]))
            elif unit == "batch":
                yield from ((name, batch) for batch in ([where] if where else self._batches))
            else:
                yield name, ()

    def cells(self, stage: str, where: Where) -> list[Cell]:
        """The cells that a job works on; none of one that works on the whole grid."""
        unit = STAGES[stage].unit
        if unit == "lot":
            return list({stack.cell.name: stack.cell for stack in self._lots[where]}.values())
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
            if cells[0].external:
                return stated(cells[0].external), cells[0].seeds
            asked = [(self._in_effect(stack.cell).science(), stack.seeds) for stack in self._lots[where]]
            return asked, config.device, config.threads, _torch()
        if stage == "encode":
            return [[cell.name, encoded(cell)] for cell in cells]
        if stage == "evaluate":
            return [[cell.name, _evaluation(cell)] for cell in cells], grid.scoring_device(cells)
        if stage == "report":
            return config.model_dump(mode="json")  # the page shows it
        if stage == "tables":
            return _hashes(grid.claims, Path(PUBLISHED)), config.baseline, *self._tuning()
        external = [sorted(grid.external)] if grid.external else []
        shown = grid.labels, sorted(grid.off_curve), config.baseline, *external
        return (*shown, *_hashes(grid.claims), *self._tuning()) if stage == "figures" else shown

    def _in_effect(self, cell: Cell) -> Cell:
        return cell.in_effect("cpu") if self.grid.config.device == "cpu" else cell

    def _tuning(self) -> list[dict[str, Any]]:
        """The families whose weights are chosen, where there are any."""
        tuning = self.grid.config.tuning
        return [tuning.model_dump()] if tuning else []


def _hashes(*paths: Path | None) -> list[str]:
    """What the files hold that are there."""
    return [sha256(path) for path in paths if path and path.is_file()]


@functools.cache
def _torch() -> str:
    return importlib.metadata.version("torch")


def _evaluation(cell: Cell, *unread: str) -> dict[str, Any]:
    """The settings of the evaluation that decide scores; weights go in by what they are."""
    return stated(cell.evaluation, {"cells_per_job", "inception_weights", *unread})
