"""Training as a job: a stack of seeds of a cell, from checkpoints, into run folders."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from phvae.api.phvae import PHVAE
from phvae.determinism.device import session
from phvae.files import sha256, write_text
from phvae.jobs import checkpoint
from phvae.jobs.interrupts import Interrupted, Stop
from phvae.jobs.lease import Leases
from phvae.jobs.run import Run
from phvae.model.hierarchy import warn_if_binary
from phvae.model.inputs import check_unit_interval
from phvae.progress import Meter, epoch_line
from phvae.records import current, read_record, write_record
from phvae.training.batches import available_memory
from phvae.training.build import build
from phvae.training.loop import Progress

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.experiment.grid import Cell

__all__ = ["train"]

BEST = "best/"


def train(cell: Cell, runs: Sequence[Run], data: Prepared, *, device: str, threads: int) -> dict[int, dict[str, Any]]:
    """Train runs of a cell; go on from checkpoints, leave finished runs alone.

    Writes into each run's folder model.safetensors, model.json, history.csv and, last, run.json. A seed whose loss
    becomes NaN or infinite ends with status `diverged` and without a model; the others go on.

    Args:
        runs: a checkpoint of another key than the run's is not used.
        device: `cpu` or `cuda`.
        threads: torch threads.

    Returns:
        The content of each run.json, by seed.

    Raises:
        DataError: values outside [0, 1] under a likelihood that is defined there.
        Interrupted: SIGTERM, SIGINT or SIGUSR1 came; checkpoints were written, the exit status is 75.
        OSError: a checkpoint cannot be written; older ones are intact.
    """
    warn_if_binary(data.binary, cell.model.order, cell.model.basis)
    with Stop() as stop, Leases([run.folder for run in runs], stop) as leases:
        todo = [run for run in runs if current(run.record, run.key) is None]
        with session(device, threads, cell.training.precision):
            for step, stack in _stacks(todo, cell.model.network.stacks(device, threads)):
                _Job(cell, stack, data, device, stop, leases).run(step)
    return {run.seed: read_record(run.record, "train it again") for run in runs}


def _stacks(runs: Sequence[Run], together: bool) -> list[tuple[int, list[Run]]]:
    """Runs that can train in lockstep, with the step they go on from."""
    steps = {run.seed: checkpoint.available(run.folder, run.key.sha256) for run in runs}
    if not together:
        return [(max(steps[run.seed], default=0), [run]) for run in runs]
    # a kill between two files leaves some seeds one checkpoint ahead: all go on from the newest that all have
    common = set.intersection(*(set(found) for found in steps.values())) if steps else set()
    stacks: dict[int, list[Run]] = {}
    for run in runs:
        stacks.setdefault(max(common or steps[run.seed], default=0), []).append(run)
    return sorted(stacks.items(), key=lambda item: item[0], reverse=True)


class _Job:
    """One stack of seeds on its way from checkpoint to result."""

    def __init__(self, cell: Cell, runs: list[Run], data: Prepared, device: str, stop: Stop, leases: Leases) -> None:
        self.cell, self.data, self.device, self.stop, self.leases = cell, data, device, stop, leases
        self.runs = {run.seed: run for run in runs}
        self.model = PHVAE(data.shape, cell.model, seed=runs[0].seed)
        self.counts = self.model.parameter_counts()
        _check_range(self.model, data)
        self.saved_at = time.monotonic()

    def run(self, step: int) -> None:
        """Train from the checkpoints of `step` (0: from the start) to the end."""
        cell, seeds = self.cell, list(self.runs)
        progress, states, best = self._states(step)
        n_train: Any = cell.n_train
        self.trainer = build(
            self.model,
            seeds,
            states,
            self.data.train,
            [self.data.subset(n_train, seed if cell.subset == "by_seed" else None) for seed in seeds],
            self.data.validation,
            cell.training,
            device=self.device,
            threads=torch.get_num_threads(),
            step=step,
            progress=progress,
            best=best,
            limit=cell.training.memory_share * available_memory(),
        )
        span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]}-{seeds[-1]}"
        self.meter = Meter(f"{cell.name}  {span}", self.trainer.ends[-1])
        if step:
            self.meter.line(f"going on from the checkpoint at step {step} of {self.trainer.ends[-1]}")
        self.trainer.run(self._finish, self._between, self._tell)

    def _states(self, step: int) -> tuple[list[Progress], list[dict[str, Tensor]], list[dict[str, Tensor]]]:
        """Progress, weights (and moments) and best weights of every seed at a step."""
        if step == 0:
            models = [PHVAE(self.data.shape, self.cell.model, seed=seed) for seed in self.runs]
            weights = [{n: p.detach() for n, p in model.named_parameters()} for model in models]
            return [Progress(seed) for seed in self.runs], weights, [{} for _ in self.runs]
        progress, states, best = [], [], []
        for run in self.runs.values():
            _, record, tensors = checkpoint.read(run.folder, step)
            progress.append(Progress(**record))
            best.append({k.removeprefix(BEST): v for k, v in tensors.items() if k.startswith(BEST)})
            states.append({k: v for k, v in tensors.items() if not k.startswith(BEST)})
        return progress, states, best

    def _between(self) -> None:
        """Between two steps: obey signals, keep the lease, save by the clock."""
        self.meter.step(self.trainer.step)
        self.leases.check()
        if self.stop.requested:
            self._save()
            self.meter.line(f"{self.stop.requested}: checkpoint at step {self.trainer.step}; run again to go on")
            raise Interrupted(self.stop.requested)
        if time.monotonic() - self.saved_at > 60 * self.cell.training.checkpoint_minutes:
            self._save()

    def _save(self) -> None:
        trainer = self.trainer
        trainer.look()
        for index, progress in enumerate(trainer.progress):
            tensors = trainer.stack.state(index) | {BEST + k: v for k, v in trainer.best[index].items()}
            run = self.runs[progress.seed]
            checkpoint.write(run.folder, trainer.step, run.key.sha256, asdict(progress), tensors)
        self.saved_at = time.monotonic()

    def _finish(self, progress: Progress, state: dict[str, Tensor]) -> None:
        """Write the result of one seed, run.json last, and remove its checkpoints."""
        if progress.diverged:
            self.meter.line(f"seed {progress.seed} {progress.divergence_told(self.cell.model.divergence.name)}")
        folder = self.runs[progress.seed].folder
        (folder / "run.json").unlink(missing_ok=True)
        names = ["history.csv"]
        write_text(folder / "history.csv", _csv(progress.rows))
        for name in ("model.safetensors", "model.json"):
            (folder / name).unlink(missing_ok=True)
        if state:
            model = PHVAE(self.data.shape, self.cell.model).to(self.trainer.stack.dtype)
            model.load_state_dict({name: state[name] for name in self.trainer.stack.shapes}, strict=False)
            if self.data.scaling is not None:
                offset, scale = self.data.scaling
                model.scaling = (np.asarray(offset).tolist(), np.asarray(scale).tolist())
            model.save(folder)
            names += ["model.safetensors", "model.json"]
        write_record(folder / "run.json", self._record(progress, {name: sha256(folder / name) for name in names}))
        checkpoint.remove(folder)

    def _record(self, progress: Progress, files: dict[str, str]) -> dict[str, Any]:
        trainer, run = self.trainer, self.runs[progress.seed]
        best = progress.best_epoch
        images = trainer.step * self.cell.training.batch_size
        return {
            **run.origin,
            **run.key.fields(),
            "run_key": run.key.sha256,
            "seed": progress.seed,
            "status": "diverged" if progress.diverged else "ok",
            "diverged": progress.diverged,
            "step": progress.diverged["step"] if progress.diverged else trainer.step,
            "epochs": len(progress.rows),
            "best_epoch": best,
            "best_validation_loss": progress.rows[best - 1]["validation_loss"] if best else None,
            "parameters": {
                "total": self.counts["total"],
                "encoder": self.counts["encoders"],
                "decoder": self.counts["decoder"],
            },
            "stack": list(self.runs),
            "seconds_train": round(progress.seconds, 3),
            "images_per_second": round(images / progress.seconds, 1) if progress.seconds else None,
            "peak_memory_mb": _peak_memory(self.device),
            "files": files,
        }

    def _tell(self) -> None:
        rows = [progress.rows[-1] for progress in self.trainer.progress if not progress.diverged]
        if rows:
            self.meter.line(epoch_line(rows, len(self.trainer.ends)))


def _check_range(model: PHVAE, data: Prepared) -> None:
    """Refuse, split by split, what the model's likelihood is not defined on; bytes always fit."""
    for split in ("train", "validation", "test"):
        x: np.ndarray = getattr(data, split)
        if model.unit_interval and x.dtype != np.uint8:
            check_unit_interval(float(x.min()), float(x.max()), model.shape, f"{data.name}: the {split} split")


def _csv(rows: list[dict[str, float]]) -> str:
    """History as CSV; numbers in the shortest form that reads back to the same value."""
    lines = [",".join(rows[0])] if rows else []
    return "".join(f"{line}\n" for line in [*lines, *(",".join(map(repr, row.values())) for row in rows)])


def _peak_memory(device: str) -> float:
    """The largest memory of this process so far, in MB: the device's on a GPU, else the resident set."""
    if device == "cuda":
        return round(torch.cuda.max_memory_allocated() / 2**20, 1)
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, 1)
