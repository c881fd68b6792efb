"""Training as a job: a stack of seeds of a cell, from checkpoints, into run folders."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from phvae.api.phvae import PHVAE
from phvae.determinism.device import session
from phvae.files import read_json, sha256, write_json, write_text
from phvae.jobs import checkpoint
from phvae.jobs.interrupts import Interrupted, Stop
from phvae.jobs.lease import Leases
from phvae.model.hierarchy import warn_if_binary
from phvae.model.inputs import check_unit_interval
from phvae.progress import Meter, epoch_line
from phvae.training.batches import Batches, available_memory
from phvae.training.loop import Progress, Trainer
from phvae.training.stacking import Stack

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.experiment.grid import Cell

__all__ = ["finished", "train"]

BEST = "best/"


def train(
    cell: Cell,
    seeds: Sequence[int],
    data: Prepared,
    run_dirs: dict[int, Path],
    keys: dict[int, str],
    *,
    device: str,
    threads: int,
    provenance: dict[int, dict[str, Any]],
) -> dict[int, dict[str, Any]]:
    """Train the given seeds of a cell; go on from checkpoints, leave finished seeds alone.

    Writes into each run folder model.safetensors, model.json, history.csv and, last, run.json. A seed whose loss
    becomes NaN or infinite ends with status `diverged` and without a model; the others go on.

    Args:
        run_dirs: a folder a seed.
        keys: what decides the numbers of each seed's run, hashed; a checkpoint of another key is not used.
        device: `cpu` or `cuda`.
        threads: torch threads.
        provenance: for each seed what run.json shall say besides.

    Returns:
        The content of each seed's run.json.

    Raises:
        DataError: values outside [0, 1] under a likelihood that is defined there.
        Interrupted: SIGTERM, SIGINT or SIGUSR1 came; checkpoints were written, the exit status is 75.
        OSError: a checkpoint cannot be written; older ones are intact.
    """
    warn_if_binary(data.binary, cell.model.order, cell.model.basis)
    with Stop() as stop, Leases([run_dirs[seed] for seed in seeds], stop) as leases:
        todo = [seed for seed in seeds if not finished(run_dirs[seed], keys[seed])]
        with session(device, threads, cell.training.precision):
            for step, group in _groups(todo, run_dirs, keys, cell.model.network.stacks(device, threads)):
                _Job(cell, group, data, run_dirs, keys, device, provenance, stop, leases).run(step)
    return {seed: read_json(run_dirs[seed] / "run.json") for seed in seeds}


def finished(run_dir: Path, key: str) -> bool:
    """Whether a run folder holds the complete result of this very run: same key, every file as it was written."""
    try:
        record = read_json(run_dir / "run.json")
        return record["run_key"] == key and all(sha256(run_dir / n) == h for n, h in record["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _groups(
    seeds: Sequence[int], run_dirs: dict[int, Path], keys: dict[int, str], together: bool
) -> list[tuple[int, list[int]]]:
    """Seeds that can train in lockstep, with the step they go on from."""
    steps = {seed: checkpoint.available(run_dirs[seed], keys[seed]) for seed in seeds}
    if not together:
        return [(max(steps[seed], default=0), [seed]) for seed in seeds]
    # a kill between two files leaves some seeds one checkpoint ahead: all go on from the newest that all have
    common = set.intersection(*(set(found) for found in steps.values())) if steps else set()
    groups: dict[int, list[int]] = {}
    for seed in seeds:
        groups.setdefault(max(common or steps[seed], default=0), []).append(seed)
    return sorted(groups.items(), reverse=True)


class _Job:
    """One stack of seeds on its way from checkpoint to result."""

    def __init__(
        self,
        cell: Cell,
        seeds: list[int],
        data: Prepared,
        run_dirs: dict[int, Path],
        keys: dict[int, str],
        device: str,
        provenance: dict[int, dict[str, Any]],
        stop: Stop,
        leases: Leases,
    ) -> None:
        self.cell, self.seeds, self.data, self.run_dirs, self.keys = cell, seeds, data, run_dirs, keys
        self.device, self.provenance, self.stop, self.leases = device, provenance, stop, leases
        self.model = PHVAE(data.shape, cell.model, seed=seeds[0])
        self.counts = self.model.parameter_counts()
        _check_range(self.model, data)
        self.saved_at = time.monotonic()

    def run(self, step: int) -> None:
        """Train from the checkpoints of `step` (0: from the start) to the end."""
        c, t = self.cell, self.cell.training
        n_train: Any = c.n_train
        progress, states, best = self._states(step)
        stack = Stack(
            self.model,
            states,
            step=step,
            learning_rate=t.learning_rate,
            device=self.device,
            precision=t.precision,
            together=c.model.network.stacks(self.device, torch.get_num_threads()),
            compile=t.compile == "auto" and self.device == "cuda",
        )
        batches = Batches(
            self.data.train,
            [self.data.subset(n_train, seed if c.subset == "by_seed" else None) for seed in self.seeds],
            self.seeds,
            batch_size=t.batch_size,
            levels=(c.model.order, c.model.latent_size // c.model.order),
            device=self.device,
            dtype=stack.dtype,
            limit=t.memory_share * available_memory(),
        )
        self.trainer = Trainer(stack, batches, self.data.validation, t, progress, best, step)
        span = f"seed {self.seeds[0]}" if len(self.seeds) == 1 else f"seeds {self.seeds[0]}-{self.seeds[-1]}"
        self.meter = Meter(f"{c.name}  {span}", self.trainer.ends[-1])
        if step:
            self.meter.line(f"going on from the checkpoint at step {step} of {self.trainer.ends[-1]}")
        self.trainer.run(self._finish, self._between, self._tell)

    def _states(self, step: int) -> tuple[list[Progress], list[dict[str, Tensor]], list[dict[str, Tensor]]]:
        """Progress, weights (and moments) and best weights of every seed at a step."""
        if step == 0:
            models = [PHVAE(self.data.shape, self.cell.model, seed=seed) for seed in self.seeds]
            weights = [{n: p.detach() for n, p in model.named_parameters()} for model in models]
            return [Progress(seed) for seed in self.seeds], weights, [{} for _ in self.seeds]
        progress, states, best = [], [], []
        for seed in self.seeds:
            _, record, tensors = checkpoint.read(self.run_dirs[seed], step)
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
            folder, key = self.run_dirs[progress.seed], self.keys[progress.seed]
            checkpoint.write(folder, trainer.step, key, asdict(progress), tensors)
        self.saved_at = time.monotonic()

    def _finish(self, progress: Progress, state: dict[str, Tensor]) -> None:
        """Write the result of one seed, run.json last, and remove its checkpoints."""
        if progress.diverged:
            at, last = progress.diverged["step"], progress.diverged["last_finite"]
            self.meter.line(f"seed {progress.seed} diverged at step {at}; last finite loss {last.get('loss')}")
        folder = self.run_dirs[progress.seed]
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
        write_json(folder / "run.json", self._record(progress, {name: sha256(folder / name) for name in names}))
        checkpoint.remove(folder)

    def _record(self, progress: Progress, files: dict[str, str]) -> dict[str, Any]:
        trainer = self.trainer
        images = trainer.step * self.cell.training.batch_size
        return {
            **self.provenance[progress.seed],
            "run_key": self.keys[progress.seed],
            "seed": progress.seed,
            "status": "diverged" if progress.diverged else "ok",
            "diverged": progress.diverged,
            "step": progress.diverged["step"] if progress.diverged else trainer.step,
            "epochs": len(progress.rows),
            "best_epoch": progress.best_epoch,
            "best_validation_loss": progress.best_loss if progress.best_epoch else None,
            "parameters": {
                "total": self.counts["total"],
                "encoder": self.counts["encoders"],
                "decoder": self.counts["decoder"],
            },
            "stack": self.seeds,
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
