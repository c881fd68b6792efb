"""Pieces that several parts are built of: layers with drawn parameters, sums, uniform draws, logits of levels.

Layers start as torch's own do, weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), but drawn from the
generator that is passed, never from the global one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "Crop", "fill", "linear", "total", "uniform"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def total(value: Tensor) -> Tensor:
    """The sum over all axes but the first, (B,)."""
    return value.flatten(1).sum(1)


def uniform(output: Tensor, generator: torch.Generator) -> Tensor:
    """Draws from U(0, 1) of a tensor's shape, type and device."""
    u = torch.rand(output.shape, generator=generator, dtype=output.dtype, device=generator.device)
    return u.to(output.device)


def fill(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, fan_in: int, generator: torch.Generator) -> nn.Module:
    """Give a layer of the meta device its parameters; `to_empty` would load sympy, half a second a process."""
    bound = 1 / math.sqrt(fan_in)
    for name, parameter in list(layer.named_parameters()):
        drawn = torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator)
        setattr(layer, name, nn.Parameter(drawn))
    return layer


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    """A dense layer."""
    return fill(nn.Linear(inputs, outputs, device="meta"), inputs, generator)


class Crop(nn.Module):
    """The middle of an image: (B, C, s, s) to (B, C, size, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """The middle `size` rows and columns."""
        edge = (x.shape[-1] - self.size) // 2
        return x[..., edge : edge + self.size, edge : edge + self.size]
