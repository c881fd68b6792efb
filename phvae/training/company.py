"""Whether a seed has the same bits in any company of seeds, on the machine at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from phvae.determinism.device import session
from phvae.determinism.seeding import torch_generator
from phvae.model.model import Model
from phvae.model.options import ModelConfig
from phvae.training.stacking import Stack

__all__ = ["BATCHES", "differences"]

# examples per step: full batches, of other sizes, and one that no full vector of numbers covers
BATCHES = (64, 32, 37, 128, 5)


def differences(
    shape: Sequence[int],
    options: dict[str, Any],
    companies: Sequence[Sequence[int]],
    *,
    batches: Sequence[int] = BATCHES,
    device: str = "cpu",
    width: int = 0,
    graph: bool = False,
) -> list[int]:
    """How many tensors of a company's seeds differ from those that the same seeds have in the first company.

    A stack trains for one step per batch and is validated once; compared are the weights, both Adam moments and the
    terms of every step, bit for bit, with one thread.

    Args:
        shape: of one example.
        options: the model's.
        companies: seeds that train together; the first holds the seeds of all others.
        batches: examples per step.
        device: `cpu` or `cuda`.
        width, graph: as in `Stack`.

    Returns:
        A number for each company but the first; 0 where the promise holds.
    """
    how = {"device": device, "width": width, "graph": graph}
    with session(device, threads=1):
        expected, *others = [_train(shape, ModelConfig(**options), seeds, batches, how) for seeds in companies]
    return [
        sum(not torch.equal(tensor, expected[seed][name]) for seed in found for name, tensor in found[seed].items())
        for found in others
    ]


def _train(
    shape: Sequence[int], config: ModelConfig, seeds: Sequence[int], batches: Sequence[int], how: dict[str, Any]
) -> dict[int, dict[str, Tensor]]:
    """State and terms of each seed after a few steps on noise."""
    states: list[dict[str, Tensor]] = [dict(Model(shape, config, seed=seed).named_parameters()) for seed in seeds]
    stack = Stack(Model(shape, config), states, learning_rate=3e-3, **how)
    levels = (config.order, config.latent_size // config.order)
    found: dict[int, dict[str, Tensor]] = {seed: {} for seed in seeds}
    for step, size in enumerate([*batches, batches[0]]):
        draws = [torch_generator(seed, "company", step) for seed in seeds]
        x = torch.stack([torch.rand(size, *shape, generator=g) for g in draws]).to(how["device"])
        noises = [
            torch.stack([torch.randn(size, *levels, generator=g) for g in draws]).to(how["device"])
            for _ in range(2 if config.divergence.draws_prior else 1)
        ]
        last = step == len(batches)
        terms = stack.losses(x, *noises) if last else stack.step(x, *noises, weight=0.5)
        for index, seed in enumerate(seeds):
            found[seed][f"terms {step}"] = terms[index].cpu()
    for index, seed in enumerate(seeds):
        found[seed] |= stack.state(index)
    return found
