"""A trainer put together: the stack of seeds, their batches, the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from phvae.training.batches import Batches
from phvae.training.loop import Progress, Trainer
from phvae.training.options import TrainingConfig
from phvae.training.stacking import Stack

if TYPE_CHECKING:
    from phvae.model.model import Model

__all__ = ["build"]


def build(
    model: Model,
    seeds: Sequence[int],
    states: Sequence[dict[str, Tensor]],
    data: np.ndarray,
    subsets: Sequence[np.ndarray],
    validation: np.ndarray,
    options: TrainingConfig,
    *,
    device: str,
    threads: int,
    step: int = 0,
    progress: list[Progress] | None = None,
    best: list[dict[str, Tensor]] | None = None,
    limit: float = float("inf"),
) -> Trainer:
    """A trainer of some seeds of one model, from the start or from a step.

    Args:
        model: gives the structure; its weights are not used, it is moved to the device.
        states: for each seed its weights and, from a step on, its moments (see `Stack`).
        data: (N, *shape) training examples as stored; subsets: for each seed the indices that it sees.
        validation: (M, *shape) examples, the same for all seeds.
        progress: one record per seed; None at the start.
        best: for each seed the weights of its best epoch; None at the start.
        limit: bytes above which the training examples stay where they are (a memory map).
    """
    network = model.config.network
    stack = Stack(
        model,
        states,
        step=step,
        examples=len(subsets[0]),
        learning_rate=options.learning_rate,
        device=device,
        precision=options.precision,
        together=network.stacks(device, threads),
        compile=options.compile == "auto" and device == "cuda",
        width=network.stacked["cuda"] if device == "cuda" else 0,
        graph=options.cuda_graph == "auto" and device == "cuda",
        apart=network.grouped and device == "cuda" and options.precision in ("tf32", "bfloat16"),
    )
    batches = Batches(
        data,
        subsets,
        seeds,
        batch_size=options.batch_size,
        levels=(model.order, model.level_size),
        device=device,
        dtype=stack.dtype,
        limit=limit,
        prior=model.config.divergence.draws_prior,
    )
    progress = [Progress(seed) for seed in seeds] if progress is None else progress
    return Trainer(stack, batches, validation, options, progress, best or [{} for _ in seeds], step)
