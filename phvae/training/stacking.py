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
from phvae.training.graph import Resident
from phvae.training.recordable import in_words
from phvae.training.tape import ALIGNMENT, Tape, record

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
        width: models that are always computed: S of them, the others dummies (see `Resident`); 0: S.
        graph: replay a step as one CUDA graph.
        apart: on a GPU, compute the models one by one, each on a stream of its own.
        branch: in a graph, let gradients of weights be computed beside the others.
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
        width: int = 0,
        graph: bool = False,
        apart: bool = False,
        branch: bool = True,
    ) -> None:
        if not together and len(states) != 1:
            raise ValueError(f"{len(states)} seeds cannot be computed one by one in one stack; make a stack of each")
        self.dtype = torch.float64 if precision == "float64" else torch.float32
        self.model = model.to(device=device, dtype=self.dtype)
        self.device, self.precision, self.together, self.compile = device, precision, together, compile
        self.learning_rate, self.examples = learning_rate, examples
        self.shapes = {name: tuple(value.shape) for name, value in model.named_parameters()}
        self.padded, self.width = width > 0, max(width, len(states))
        self.graph, self.apart, self.branch = graph, apart, branch and not apart
        self._place(states, step)

    def __len__(self) -> int:
        return self.size

    def _place(self, states: Sequence[dict[str, Tensor]], step: int) -> None:
        """Lay the states out, stacked, as blocks that begin at aligned addresses."""
        self.size = len(states)
        self._computations: dict[tuple[bool, range, int], Computation] = {}
        self._resident: dict[tuple[bool, int], Resident] = {}
        self._pool = torch.cuda.graph_pool_handle() if self.graph else None
        self._streams = [torch.cuda.Stream() for _ in range(self.width if self.apart else 0)]
        self._branch = torch.cuda.Stream() if self.graph and self.branch else None
        self._now = torch.ones(2, dtype=self.dtype, device=self.device)
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
        packed = torch.zeros(self.width, -(-size // ALIGNMENT) * ALIGNMENT, dtype=self.dtype, device=self.device)
        for row, state in zip(packed, states, strict=False):
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
        if self.padded:  # what is captured stays valid: the others move up, their rows go on as dummies
            for packed in (*self.leaves, *(leaf for each in self.moments.values() for leaf in each)):
                packed[: len(indices)] = packed[list(indices)]
            self.size = len(indices)
        else:
            self.width = len(indices)
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
        return self._run(True, self._clock(weight, share), x, *noises)

    def losses(self, x: Tensor, *noises: Tensor) -> Tensor:
        """The terms at the divergence's final weight, (S, T), without a step."""
        return self._run(False, self._clock(1.0, 1.0), x, *noises)

    def _run(self, train: bool, clock: Tensor, *batch: Tensor) -> Tensor:
        function = self._update if train else self._look
        if not self.padded:
            return function(clock, *batch)
        key = (train, batch[0].shape[1])
        if key not in self._resident:
            self._resident[key] = Resident(function, self.width, self.graph, self._pool)
        return self._resident[key](clock, *batch)

    def _look(self, clock: Tensor, *batch: Tensor) -> Tensor:
        """The terms."""
        return self._compute(False, clock, *batch)[0]

    def _update(self, clock: Tensor, *batch: Tensor) -> Tensor:
        """The terms; and the step."""
        *gradients, terms = self._compute(True, clock, *batch)
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

    def _clock(self, weight: float, share: float) -> Tensor:
        """Both numbers as a tensor; written by the device, so that the host need not wait for it."""
        self._now[0].fill_(weight)
        self._now[1].fill_(share)
        return self._now

    @torch.no_grad()
    def _compute(self, train: bool, clock: Tensor, *batch: Tensor) -> list[Tensor]:
        """Gradients (if asked) and terms of all seeds: together, or one after the other where bits ask for it."""
        everyone = range(self.width)
        # a vector of exponentials holds 32 numbers (64 in half precision): see `ALIGNMENT`; a GPU sums in vectors too
        multiple = ALIGNMENT if self.precision == "bfloat16" else ALIGNMENT // 2
        if self.apart:
            return self._side_by_side(train, clock, *batch)
        if batch[0].shape[1] % multiple == 0:
            return self._call(train, everyone, clock, *batch)
        parts = [self._call(train, range(i, i + 1), clock, *(part[i : i + 1] for part in batch)) for i in everyone]
        return [torch.cat(part) for part in zip(*parts, strict=True)]

    def _side_by_side(self, train: bool, clock: Tensor, *batch: Tensor) -> list[Tensor]:
        """Gradients (if asked) and terms of all seeds, each computed on a stream of its own."""
        parts, here = [], torch.cuda.current_stream()
        for index, stream in enumerate(self._streams):
            stream.wait_stream(here)
            with torch.cuda.stream(stream):
                own = (part[index : index + 1] for part in batch)
                parts.append(self._call(train, range(index, index + 1), clock, *own))
        for stream in self._streams:
            here.wait_stream(stream)
        return [torch.cat(part) for part in zip(*parts, strict=True)]

    def _call(self, train: bool, seeds: range, clock: Tensor, *batch: Tensor) -> list[Tensor]:
        """Compute for some seeds of the stack; the first time, record how."""
        key = (train, seeds, batch[0].shape[1])
        if key in self._computations:
            tape = self._computations[key]
            if self._branch and isinstance(tape, Tape) and torch.cuda.is_current_stream_capturing():
                return tape.branched(self._branch, clock, *batch)
            return tape(clock, *batch)
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
