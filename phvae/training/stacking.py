"""Several seeds of one model trained as one: stacked weights, one batched computation, one fused Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call, vmap
from torch.nn.functional import pad

from phvae.model.part import Context
from phvae.training.recordable import in_words
from phvae.training.tape import ALIGNMENT, record

if TYPE_CHECKING:
    from phvae.model.model import Model

__all__ = ["Stack", "term_names"]

MOMENTS = ("exp_avg", "exp_avg_sq")  # Adam's (Kingma and Ba, 2015)
BETAS, EPSILON = (0.9, 0.999), 1e-8
CRITIC = "critic."  # parameters of the objective's own network, which its own Adam trains

Weights = dict[str, Tensor]
Computation = Callable[..., list[Tensor]]


def term_names(order: int) -> list[str]:
    """Names of the terms that a step returns, in their order.

    >>> term_names(1)
    ['loss', 'reconstruction', 'divergence', 'kl', 'kl_level_1', 'reconstruction_level_1']
    """
    levels = range(1, order + 1)
    return [
        *("loss", "reconstruction", "divergence", "kl"),
        *(f"kl_level_{k}" for k in levels),
        *(f"reconstruction_level_{k}" for k in levels),
    ]


class Stack:
    """The weights and Adam moments of S seeds of one model.

    Args:
        model: gives the structure; its own weights are not used.
        states: one state a seed: weights by name and, when training goes on, moments as `exp_avg/{name}`.
        step: number of optimiser steps already done (the same for all seeds of a stack).
        examples: size of the training set.
        learning_rate: Adam's.
        precision: `float32`, `tf32`, `bfloat16` (autocast) or `float64`.
        together: compute the seeds as one; if not, S must be 1.
        compile: compile the recorded computation (on a GPU).
    """

    def __init__(
        self,
        model: Model,
        states: Sequence[dict[str, Tensor]],
        *,
        step: int = 0,
        examples: int = 1,
        learning_rate: float = 1e-3,
        device: str = "cpu",
        precision: str = "float32",
        together: bool = True,
        compile: bool = False,
    ) -> None:
        if not together and len(states) != 1:
            raise ValueError(f"{len(states)} seeds cannot be computed one by one in one stack; make a stack of each")
        self.dtype = torch.float64 if precision == "float64" else torch.float32
        self.model = model.to(device=device, dtype=self.dtype)
        self.device, self.precision, self.together, self.compile = device, precision, together, compile
        self.learning_rate, self.examples = learning_rate, examples
        self.shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
        self._place(states, step)

    def __len__(self) -> int:
        return len(self.leaves[0])

    def _place(self, states: Sequence[dict[str, Tensor]], step: int) -> None:
        """Lay the states out, stacked, as blocks that begin at aligned addresses."""
        self._computations: dict[tuple[bool, range, int], Computation] = {}
        self.count = torch.tensor(float(step), device=self.device)
        self.leaves = [self._pack(states, name) for name in self.shapes]
        named = list(zip(self.shapes, self.leaves, strict=True))
        self.moments = {
            moment: [self._pack(states, name, f"{moment}/") if step else torch.zeros_like(leaf) for name, leaf in named]
            for moment in MOMENTS
        }

    def _pack(self, states: Sequence[dict[str, Tensor]], name: str, kind: str = "") -> Tensor:
        """One tensor of all seeds, (S, padded size): each seed's block is flat and aligned."""
        size = math.prod(self.shapes[name])
        packed = torch.zeros(len(states), -(-size // ALIGNMENT) * ALIGNMENT, dtype=self.dtype, device=self.device)
        for row, state in zip(packed, states, strict=True):
            value = state[kind + name].detach()
            row[:size] = (value.t() if self._transposed(name) else value).flatten()
        return packed

    def _unpack(self, packed: Tensor, name: str) -> Tensor:
        """The inverse, (S, *shape); a view."""
        shape = self.shapes[name]
        block = packed[:, : math.prod(shape)]
        if self._transposed(name):
            return block.view(len(packed), *reversed(shape)).transpose(1, 2)
        return block.view(len(packed), *shape)

    def _transposed(self, name: str) -> bool:
        """Matrices of a dense stack lie transposed, as their gradients come out of a batched product."""
        return self.together and len(self.shapes[name]) == 2

    def state(self, index: int, *, moments: bool = True) -> dict[str, Tensor]:
        """A copy of one seed's weights, and its Adam moments, on the CPU."""
        found = {"": self.leaves} | (self.moments if moments else {})
        return {
            f"{kind}/{name}" if kind else name: self._unpack(packed, name)[index].clone().cpu()
            for kind, each in found.items()
            for name, packed in zip(self.shapes, each, strict=True)
        }

    def keep(self, indices: Sequence[int]) -> None:
        """Drop all seeds but these."""
        self._place([self.state(index) for index in indices], int(self.count))

    def step(self, x: Tensor, *noises: Tensor, weight: float = 1.0, share: float = 1.0) -> Tensor:
        """One optimiser step of every seed.

        Args:
            x: (S, B, *shape) data.
            noises: (S, B, n, d) noise of the posterior's draw; then of the prior's, where the objective asks for it.
            weight: factor on the divergence.
            share: how much of the training is done.

        Returns:
            The terms of `term_names`, (S, T), batch means before the step.
        """
        *gradients, terms = self._compute(True, self._clock(weight, share), x, *noises)
        self.count += 1
        own = [index for index, name in enumerate(self.shapes) if name.startswith(CRITIC)]
        self._adam([index for index in range(len(self.leaves)) if index not in own], gradients)
        if own:
            divergence = self.model.config.divergence
            self._adam(own, gradients, divergence.critic_rate, divergence.critic_betas)
        return terms

    def _adam(
        self,
        chosen: Sequence[int],
        gradients: Sequence[Tensor],
        learning_rate: float | None = None,
        betas: tuple[float, float] = BETAS,
    ) -> None:
        """Step the chosen leaves, by the kernel behind torch.optim.Adam(fused=True), whose import costs a second."""
        torch._fused_adam_(
            [self.leaves[index] for index in chosen],
            [gradients[index] for index in chosen],
            [self.moments["exp_avg"][index] for index in chosen],
            [self.moments["exp_avg_sq"][index] for index in chosen],
            [],
            [self.count] * len(chosen),
            lr=learning_rate or self.learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def losses(self, x: Tensor, *noises: Tensor) -> Tensor:
        """The terms at the divergence's final weight, (S, T), without a step."""
        return self._compute(False, self._clock(1.0, 1.0), x, *noises)[0]

    def _clock(self, weight: float, share: float) -> Tensor:
        return torch.tensor([weight, share], dtype=self.dtype, device=self.device)

    @torch.no_grad()
    def _compute(self, train: bool, clock: Tensor, *batch: Tensor) -> list[Tensor]:
        """Gradients (if asked) and terms of all seeds: together, or one after the other where bits ask for it."""
        everyone = range(len(self))
        # a vector of exponentials holds 32 numbers (64 in half precision): see `ALIGNMENT`
        multiple = ALIGNMENT if self.precision == "bfloat16" else ALIGNMENT // 2
        if self.device != "cpu" or batch[0].shape[1] % multiple == 0:
            return self._call(train, everyone, clock, *batch)
        parts = [self._call(train, range(i, i + 1), clock, *(part[i : i + 1] for part in batch)) for i in everyone]
        return [torch.cat(part) for part in zip(*parts, strict=True)]

    def _call(self, train: bool, seeds: range, clock: Tensor, *batch: Tensor) -> list[Tensor]:
        """Compute for some seeds of the stack; the first time, record how."""
        key = (train, seeds, batch[0].shape[1])
        if key in self._computations:
            return self._computations[key](clock, *batch)
        leaves = [leaf[seeds.start : seeds.stop] for leaf in self.leaves]
        function = partial(self._gradients if train else self._values, leaves)
        if self.compile:
            self._computations[key] = torch.compile(self._cast(function))
            return self._computations[key](clock, *batch)
        with in_words():
            self._computations[key], outputs = record(self._cast(function), leaves, [clock, *batch])
        return outputs

    def _cast(self, function: Computation) -> Computation:
        """The function under the precision's casts."""

        def cast(*inputs: Tensor) -> list[Tensor]:
            with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16", cache_enabled=False):
                return function(*inputs)

        return cast

    def _terms(self, weights: Weights, clock: Tensor, *batch: Tensor) -> tuple[Tensor, Tensor]:
        """The loss (S,) and all terms (S, T) of every seed, from its weights (S, *shape); gradients: the loss's."""
        weight, share = clock.unbind()

        def one(weights: Weights, x: Tensor, eps: Tensor, prior: Tensor | None = None) -> tuple[Tensor, Tensor]:
            out = functional_call(self.model, weights, (x, eps, weight, Context(self.examples, share, prior)))
            scalars = torch.stack([out["loss"], out["reconstruction"], out["divergence"], out["kl"]])
            return out["loss"], torch.cat([scalars, out["kl_levels"], out["reconstruction_levels"]]).detach()

        if self.together:
            return vmap(one)(weights, *batch)
        loss, terms = one({name: value[0] for name, value in weights.items()}, *(part[0] for part in batch))
        return loss.unsqueeze(0), terms.unsqueeze(0)

    def _values(self, leaves: list[Tensor], *batch: Tensor) -> list[Tensor]:
        """The terms."""
        return [self._terms(self._weights(leaves), *batch)[1]]

    @torch.enable_grad()
    def _gradients(self, leaves: list[Tensor], *batch: Tensor) -> list[Tensor]:
        """The gradients, laid out as the leaves, and the terms."""
        weights = {name: value.detach().requires_grad_() for name, value in self._weights(leaves).items()}
        loss, terms = self._terms(weights, *batch)
        # a seed's loss depends on its own weights alone, so the gradient of the sum is the gradient of each
        found = torch.autograd.grad(loss.sum(), list(weights.values()), allow_unused=True, materialize_grads=True)
        flat = []
        for name, leaf, gradient in zip(self.shapes, leaves, found, strict=True):
            rows = (gradient.transpose(1, 2) if self._transposed(name) else gradient).flatten(1)
            flat.append(pad(rows, (0, leaf.shape[1] - rows.shape[1])) if rows.shape != leaf.shape else rows)
        return [*flat, terms]

    def _weights(self, leaves: list[Tensor]) -> Weights:
        return {name: self._unpack(leaf, name) for name, leaf in zip(self.shapes, leaves, strict=True)}
