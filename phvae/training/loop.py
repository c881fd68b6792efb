"""The training loop: a stack of seeds in lockstep, a fixed budget, one epoch of each seed kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phvae.training.batches import Batches, to_model_units
from phvae.training.options import Schedule, TrainingConfig
from phvae.training.stacking import Stack, term_names
from phvae.training.tape import ALIGNMENT

__all__ = ["Progress", "Trainer", "criterion", "epoch_ends", "schedule_weight"]

LOG_INTERVAL = 100  # steps between two looks at the losses: the only times the host waits for the device
VALIDATION_BATCH = 512


def schedule_weight(schedule: Schedule, step: int, steps: int) -> float:
    """The divergence's weight at a step of `steps`: 1, or growing linearly from 0 over the first share of the steps.

    >>> [schedule_weight(Schedule(name="linear", warm_up=0.5), t, 8) for t in (0, 1, 4, 7)]
    [0.0, 0.25, 1.0, 1.0]
    """
    if schedule.name == "constant" or schedule.warm_up == 0:
        return 1.0
    return min(1.0, step / (schedule.warm_up * steps))


def epoch_ends(training: TrainingConfig, examples: int) -> list[int]:
    """The step at which each epoch ends.

    With `epochs` an epoch is a pass over the training examples, to the nearest full batch. With `steps`, for sets of
    different sizes, the steps are divided evenly into as many epochs: the same number of looks at the validation
    split for all. (Where there are fewer steps than epochs, each step is an epoch.)

    >>> epoch_ends(TrainingConfig(epochs=2, batch_size=64), 300), epoch_ends(TrainingConfig(epochs=3, steps=10), 300)
    ([5, 10], [4, 7, 10])
    """
    steps = training.steps or -(-training.epochs * examples // training.batch_size)
    epochs = min(training.epochs, steps)
    return [-(-(epoch + 1) * steps // epochs) for epoch in range(epochs)]


def criterion(select: str, row: dict[str, float]) -> float:
    """What is lowest in the epoch that is kept, of a row of history; `select` as in `TrainingConfig`.

    >>> row = {"epoch": 3, "validation_loss": 9.0, "validation_reconstruction": 5.0, "validation_kl": 2.0}
    >>> [criterion(select, row) for select in ("loss", "elbo", "reconstruction", "last")]
    [9.0, 7.0, 5.0, -3]
    """
    if select == "last":
        return -row["epoch"]
    if select == "elbo":
        return row["validation_reconstruction"] + row["validation_kl"]
    return row[f"validation_{select}"]


def validation_batch(left: int) -> int:
    """How many of the examples that are left are computed next: mostly sizes that a stack computes together.

    >>> [validation_batch(left) for left in (2000, 976, 464, 16)]
    [512, 512, 448, 16]
    """
    return min(left, VALIDATION_BATCH) // ALIGNMENT * ALIGNMENT or left


@dataclass
class Progress:
    """How far one seed is: everything but the tensors.

    Attributes:
        rows: one row of history an epoch.
        sums: the terms of the running epoch, summed over its steps; `count`: how many.
        last: the last finite terms.
        best_epoch: the epoch that is kept so far; `lowest`: its `criterion`.
        diverged: step, epoch, last finite terms and those that are not, if the seed left the finite numbers.
        seconds: this seed's share of the time its stack took.
    """

    seed: int
    rows: list[dict[str, float]] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    count: int = 0
    best_epoch: int | None = None
    lowest: float = float("inf")
    diverged: dict[str, Any] | None = None
    seconds: float = 0.0

    def divergence_told(self, objective: str) -> str:
        """Which terms of the loss ceased to be finite, and when; `objective`: the divergence's name.

        >>> at = {"step": 1, "epoch": 1, "last_finite": {}, "not_finite": ["loss", "divergence", "kl"]}
        >>> Progress(0, diverged=at).divergence_told("renyi")
        'diverged at step 1, the first: not finite is the divergence renyi'
        """
        at = self.diverged or {}
        words = {"reconstruction": "the reconstruction", "divergence": f"the divergence {objective}"}
        lost = [text for name, text in words.items() if name in at["not_finite"]] or at["not_finite"]
        last = f"; the last finite loss is {at['last_finite']['loss']:.6g}" if at["last_finite"] else ""
        first = ", the first" if at["step"] == 1 else ""
        return f"diverged at step {at['step']}{first}: not finite is {' and '.join(lost)}{last}"


Finish = Callable[[Progress, dict[str, Tensor]], None]


class Trainer:
    """Trains a stack of seeds of one model.

    Args:
        stack: weights and optimiser of the seeds.
        batches: what each seed sees.
        validation: (N, *shape) data as stored, the same for all seeds.
        training: budget and schedule.
        progress: one record a seed.
        best: for each seed the weights of its best epoch, empty before the first.
        step: steps already done.
    """

    def __init__(
        self,
        stack: Stack,
        batches: Batches,
        validation: np.ndarray,
        training: TrainingConfig,
        progress: list[Progress],
        best: list[dict[str, Tensor]],
        step: int = 0,
    ) -> None:
        self.stack, self.batches, self.training = stack, batches, training
        self.validation: np.ndarray | Tensor = validation
        self.progress, self.best, self.step = progress, best, step
        self.ends = epoch_ends(training, batches.size)
        self.names = term_names(batches.levels[0])
        self._pending: list[Tensor] = []  # terms of steps the host has not seen yet
        self._noises: tuple[list[int], list[Tensor]] = ([], [])  # of the validation, and the seeds that they are for
        if stack.device == "cuda":
            self.validation = torch.from_numpy(np.array(validation)).to("cuda")  # for good
        self._clock = time.perf_counter()

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.progress[0].rows)

    def run(self, finish: Finish, each_step: Callable[[], None], each_epoch: Callable[[], None]) -> None:
        """Train to the end of the budget.

        Args:
            finish: takes a seed that is done: its progress and the weights of its best epoch (none if it diverged).
            each_step: called between two steps; may save the trainer, or raise to stop it.
            each_epoch: called after each epoch.
        """
        self._clock = time.perf_counter()
        while self.progress and self.epoch < len(self.ends):
            end = self.ends[self.epoch]
            while self.progress and self.step < end:
                self._one_step()
                if self.step % LOG_INTERVAL == 0 or self.step == end:
                    self.look()
                    self._leave(self._diverged(), finish)
                each_step()
            if self.progress:
                self._close_epoch(self._validation_losses(each_step))
                each_epoch()
                self._leave(self._diverged(), finish)
        self._leave(range(len(self.progress)), finish)

    def _one_step(self) -> None:
        x, *noises = self.batches.at(self.step)
        weight = schedule_weight(self.training.schedule, self.step, self.ends[-1])
        terms = self.stack.step(x, *noises, weight=weight, share=self.step / self.ends[-1])
        self.step += 1
        self._pending.append(terms)

    def look(self) -> None:
        """Bring the losses of the last steps to the host; note which seeds have left the finite numbers."""
        if self._pending:
            terms = torch.stack(self._pending).double().cpu().numpy()
            self._pending.clear()
            zero = [0.0] * len(self.names)
            sums = np.array([progress.sums or zero for progress in self.progress])
            for row in terms:  # one after the other: looking earlier changes no bit
                sums += row
            for index, progress in enumerate(self.progress):
                self._note(progress, terms[:, index], self.step - len(terms))
                progress.sums = sums[index].tolist()
                progress.count += len(terms)
        now = time.perf_counter()
        for progress in self.progress:
            progress.seconds += (now - self._clock) / len(self.progress)
        self._clock = now

    def _note(self, progress: Progress, terms: np.ndarray, before: int) -> None:
        """Remember one seed's last finite terms, and the step at which they ceased to be."""
        if progress.diverged:
            return
        finite = np.isfinite(terms).all(1)
        count = len(finite) if finite.all() else int(finite.argmin())
        if count:
            progress.last = terms[count - 1].tolist()
        if count < len(finite):
            self._diverge(progress, before + count + 1, terms[count])

    def _diverge(self, progress: Progress, step: int, terms: np.ndarray) -> None:
        last = dict(zip(self.names, progress.last, strict=False))
        lost = [name for name, value in zip(self.names, terms, strict=True) if not np.isfinite(value)]
        progress.diverged = {"step": step, "epoch": len(progress.rows) + 1, "last_finite": last, "not_finite": lost}

    def _diverged(self) -> list[int]:
        return [index for index, progress in enumerate(self.progress) if progress.diverged]

    def _close_epoch(self, losses: np.ndarray) -> None:
        """Add the row of history; keep the weights of a seed whose criterion is lower than ever."""
        weight = schedule_weight(self.training.schedule, self.step - 1, self.ends[-1])
        for index, (progress, values) in enumerate(zip(self.progress, losses, strict=True)):
            if not np.isfinite(values).all():
                self._diverge(progress, self.step, values)
                continue
            row = {"epoch": len(progress.rows) + 1, "step": self.step, "weight": weight}
            means = np.array(progress.sums) / progress.count
            for split, terms in (("train", means), ("validation", values)):
                row |= {f"{split}_{name}": float(value) for name, value in zip(self.names, terms, strict=True)}
            progress.rows.append(row)
            progress.sums, progress.count = [], 0
            value = criterion(self.training.select, row)
            if value < progress.lowest:
                progress.lowest, progress.best_epoch = value, len(progress.rows)
                self.best[index] = self.stack.state(index, moments=False)
        self.look()

    def _validation_losses(self, each_step: Callable[[], None]) -> np.ndarray:
        """Mean terms on the validation split at the final weight, (S, T) float64; the same noise every epoch."""
        found = []
        start = 0
        while start < len(self.validation):
            rows = slice(start, start + validation_batch(len(self.validation) - start))
            stored = self.validation[rows]
            x = to_model_units(
                stored if isinstance(stored, Tensor) else torch.from_numpy(np.array(stored)), self.stack.dtype
            )
            drawn = [noise[:, rows] for noise in self._validation_noises()]
            found.append((len(x), self.stack.losses(x.expand(len(self.stack), *x.shape), *drawn)))
            start = rows.stop
            each_step()
        total = np.zeros((len(self.stack), len(self.names)))
        for count, terms in found:
            total += count * terms.double().cpu().numpy()
        return total / len(self.validation)

    def _validation_noises(self) -> list[Tensor]:
        """The noise of the validation split, (S, N, levels, d) each, on the device; drawn once."""
        if self._noises[0] != self.batches.seeds:
            drawn = [self.batches.draw(stream, "validation", len(self.validation)) for stream in self.batches.streams]
            self._noises = self.batches.seeds, [noise.to(self.stack.device, self.stack.dtype) for noise in drawn]
        return self._noises[1]

    def _leave(self, indices: Iterable[int], finish: Finish) -> None:
        """Take seeds out of the stack; the others go on."""
        gone = set(indices)
        if not gone:
            return
        for index in sorted(gone):
            finish(self.progress[index], {} if self.progress[index].diverged else self.best[index])
        stay = [index for index in range(len(self.progress)) if index not in gone]
        self.progress = [self.progress[index] for index in stay]
        self.best = [self.best[index] for index in stay]
        if stay:
            self.stack.keep(stay)
            self.batches.keep(stay)
