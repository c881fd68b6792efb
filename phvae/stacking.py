"""Several seeds of one model trained as one: stacked weights, one batched computation, one fused Adam."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.functional import pad

from phvae.tape import ALIGNMENT, record

if TYPE_CHECKING:
    from phvae.model import PHVAE

__all__ = ["Stack", "term_names"]

MOMENTS = ("exp_avg", "exp_avg_sq")

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
        learning_rate: Adam's.
        precision: `float32`, `tf32`, `bfloat16` (autocast) or `float64`.
        together: compute the seeds as one; if not, S must be 1.
        compile: compile the recorded computation (on a GPU).
    """

    def __init__(
        self,
        model: PHVAE,
        states: Sequence[dict[str, Tensor]],
        *,
        step: int = 0,
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
        self.learning_rate = learning_rate
        self.shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
        self._place(states, step)

    def __len__(self) -> int:
        return len(self.leaves[0])

    def _place(self, states: Sequence[dict[str, Tensor]], step: int) -> None:
        """Lay the states out as stacked leaves with an optimiser."""
        self._computations: dict[tuple[bool, range, int], Computation] = {}
        self.leaves = [self._pack(states, name).requires_grad_() for name in self.shapes]
        self.optimiser = torch.optim.Adam(self.leaves, lr=self.learning_rate, fused=True)
        if step:
            for name, leaf in zip(self.shapes, self.leaves, strict=True):
                moments = {m: self._pack(states, f"{m}/{name}") for m in MOMENTS}
                count = torch.tensor(float(step), device=self.device)
                self.optimiser.state[leaf] = {"step": count, **moments}

    def _pack(self, states: Sequence[dict[str, Tensor]], name: str) -> Tensor:
        """One tensor of all seeds, (S, padded size): each seed's block is flat and aligned."""
        size = states[0][name].numel()
        packed = torch.zeros(len(states), -(-size // ALIGNMENT) * ALIGNMENT, dtype=self.dtype, device=self.device)
        for row, state in zip(packed, states, strict=True):
            row[:size] = state[name].flatten()
        return packed

    def _unpack(self, packed: Tensor, name: str) -> Tensor:
        """The inverse, (S, *shape); a view."""
        shape = self.shapes[name]
        return packed[:, : math.prod(shape)].view(len(packed), *shape)

    @torch.no_grad()
    def state(self, index: int, *, moments: bool = True) -> dict[str, Tensor]:
        """A copy of one seed's weights, and its Adam moments, on the CPU."""
        found = {}
        for name, leaf in zip(self.shapes, self.leaves, strict=True):
            found[name] = leaf
            if moments and leaf in self.optimiser.state:
                found |= {f"{m}/{name}": self.optimiser.state[leaf][m] for m in MOMENTS}
        return {key: self._unpack(value, key.split("/")[-1])[index].clone().cpu() for key, value in found.items()}

    def keep(self, indices: Sequence[int]) -> None:
        """Drop all seeds but these."""
        states = [self.state(index) for index in indices]
        steps = [int(state["step"]) for state in self.optimiser.state.values()]
        self._place(states, steps[0] if steps else 0)

    def step(self, x: Tensor, eps: Tensor, weight: Tensor) -> Tensor:
        """One optimiser step of every seed.

        Args:
            x: (S, B, *shape) data; eps: (S, B, n, d) noise; weight: () factor on the divergence.

        Returns:
            The terms of `term_names`, (S, T), batch means before the step.
        """
        *gradients, terms = self._compute(True, x, eps, weight)
        for leaf, gradient in zip(self.leaves, gradients, strict=True):
            leaf.grad = gradient
        self.optimiser.step()
        return terms

    def losses(self, x: Tensor, eps: Tensor) -> Tensor:
        """The terms at the divergence's final weight, (S, T), without a step."""
        return self._compute(False, x, eps, torch.ones((), dtype=self.dtype, device=self.device))[0]

    @torch.no_grad()
    def _compute(self, train: bool, x: Tensor, eps: Tensor, weight: Tensor) -> list[Tensor]:
        """Gradients (if asked) and terms of all seeds: together, or one after the other where bits ask for it."""
        everyone = range(len(self))
        if self.device != "cpu" or x.shape[1] % ALIGNMENT == 0:
            return self._call(train, everyone, x, eps, weight)
        parts = [self._call(train, range(i, i + 1), x[i : i + 1], eps[i : i + 1], weight) for i in everyone]
        return [torch.cat(part) for part in zip(*parts, strict=True)]

    def _call(self, train: bool, seeds: range, x: Tensor, eps: Tensor, weight: Tensor) -> list[Tensor]:
        """Compute for some seeds of the stack; the first time, record how."""
        key = (train, seeds, x.shape[1])
        if key in self._computations:
            return self._computations[key](x, eps, weight)
        leaves = [leaf.detach()[seeds.start : seeds.stop] for leaf in self.leaves]
        function = partial(self._gradients if train else self._values, leaves)
        if self.compile:
            self._computations[key] = torch.compile(self._cast(function))
            return self._computations[key](x, eps, weight)
        self._computations[key], outputs = record(self._cast(function), leaves, [x, eps, weight])
        return outputs

    def _cast(self, function: Computation) -> Computation:
        """The function under the precision's casts."""

        def cast(*inputs: Tensor) -> list[Tensor]:
            with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16", cache_enabled=False):
                return function(*inputs)

        return cast

    def _terms(self, weights: dict[str, Tensor], x: Tensor, eps: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and all terms of one seed."""
        out = functional_call(self.model, weights, (x, eps, weight))
        scalars = [out["loss"], out["reconstruction"], out["divergence"], out["kl"]]
        return out["loss"], torch.cat([torch.stack(scalars), out["kl_levels"], out["reconstruction_levels"]])

    def _values(self, leaves: list[Tensor], x: Tensor, eps: Tensor, weight: Tensor) -> list[Tensor]:
        def one(weights: Weights, x: Tensor, eps: Tensor) -> tuple[Weights, Tensor]:
            return {}, self._terms(weights, x, eps, weight)[1]

        return [self._map(one, leaves, x, eps)[1]]

    def _gradients(self, leaves: list[Tensor], x: Tensor, eps: Tensor, weight: Tensor) -> list[Tensor]:
        def one(weights: Weights, x: Tensor, eps: Tensor) -> tuple[Weights, Tensor]:
            return grad(self._terms, has_aux=True)(weights, x, eps, weight)

        gradients, terms = self._map(one, leaves, x, eps)
        flat = [gradients[name].flatten(1) for name in self.shapes]
        missing = [leaf.shape[1] - g.shape[1] for leaf, g in zip(leaves, flat, strict=True)]
        return [*(pad(g, (0, more)) if more else g for g, more in zip(flat, missing, strict=True)), terms]

    def _map(self, one: Callable, leaves: list[Tensor], x: Tensor, eps: Tensor) -> tuple[Weights, Tensor]:
        """`one` for every seed."""
        weights = {name: self._unpack(leaf, name) for name, leaf in zip(self.shapes, leaves, strict=True)}
        if self.together:
            return vmap(one)(weights, x, eps)
        out, terms = one({name: value[0] for name, value in weights.items()}, x[0], eps[0])
        return {name: value.unsqueeze(0) for name, value in out.items()}, terms.unsqueeze(0)
