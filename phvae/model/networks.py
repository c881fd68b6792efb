"""Encoders and decoders: dense, and the convolutional network of Locatello et al. (2019).

Layers start as torch's own do, weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), but drawn from the
generator that is passed, never from the global one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from phvae.errors import ConfigError
from phvae.experiment import schema as config

__all__ = ["NETWORKS", "ConvLocatello", "Dense", "Network", "matched_widths"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


class Network(Protocol):
    """What the model asks of a network family, built from its options and the data's shape."""

    widths: tuple[int, ...]

    def encoder(self, outputs: int, widths: Sequence[int], generator: torch.Generator) -> nn.Module:
        """(B, *shape) to (B, outputs), with hidden layers of these widths."""

    def encoder_size(self, outputs: int, widths: Sequence[int]) -> int:
        """The number of parameters of that encoder."""

    def decoder(self, inputs: int, generator: torch.Generator) -> nn.Module:
        """(B, inputs) to (B, *shape), linear at the end."""


def _fill(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, fan_in: int, generator: torch.Generator) -> nn.Module:
    """Give a layer of the meta device its parameters; `to_empty` would load sympy, half a second a process."""
    bound = 1 / math.sqrt(fan_in)
    for name, parameter in list(layer.named_parameters()):
        drawn = torch.empty(parameter.shape).uniform_(-bound, bound, generator=generator)
        setattr(layer, name, nn.Parameter(drawn))
    return layer


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    return _fill(nn.Linear(inputs, outputs, device="meta"), inputs, generator)


class Dense:
    """A multilayer perceptron; the decoder has the encoder's hidden layers in reverse."""

    def __init__(self, options: config.Dense, shape: Sequence[int]) -> None:
        self.shape, self.size = tuple(shape), math.prod(shape)
        self.widths: tuple[int, ...] = tuple(options.hidden)
        self.activation = ACTIVATIONS[options.activation]

    def _layers(self, sizes: Sequence[int], generator: torch.Generator) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [_linear(inputs, outputs, generator), self.activation()]
        return layers[:-1]

    def encoder(self, outputs: int, widths: Sequence[int], generator: torch.Generator) -> nn.Module:
        """Size - widths - outputs."""
        return nn.Sequential(nn.Flatten(), *self._layers((self.size, *widths, outputs), generator))

    def encoder_size(self, outputs: int, widths: Sequence[int]) -> int:
        """Weights and biases."""
        return sum((a + 1) * b for a, b in itertools.pairwise((self.size, *widths, outputs)))

    def decoder(self, inputs: int, generator: torch.Generator) -> nn.Module:
        """Inputs - reversed widths - size; always of full width."""
        sizes = (inputs, *reversed(self.widths), self.size)
        return nn.Sequential(*self._layers(sizes, generator), nn.Unflatten(1, self.shape))


class Crop(nn.Module):
    """The middle of an image: (B, C, s, s) to (B, C, size, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """The middle `size` rows and columns."""
        edge = (x.shape[-1] - self.size) // 2
        return x[..., edge : edge + self.size, edge : edge + self.size]


class ConvLocatello:
    """Locatello et al. (2019), table 2: four 4x4 convolutions of stride 2 (32, 32, 64, 64), a dense layer of 256.

    The decoder: dense 256, dense 64 s^2, four 4x4 transposed convolutions of stride 2 (64, 32, 32, channels), ReLU
    between. On 64 pixels s = 4, as published. Ours: 32 pixels give s = 2; 28 pixels are framed with two rows of zeros
    on each side to 32 (after phi_k, so the frame is 0 for every basis) and the decoder's output is cropped to its
    middle.
    """

    def __init__(self, options: config.ConvLocatello, shape: Sequence[int]) -> None:
        options.check_shape(tuple(shape))
        self.channels, self.pixels = shape[0], shape[1]
        self.frame = 2 if self.pixels == 28 else 0
        self.side = (self.pixels + 2 * self.frame) // 16
        self.widths: tuple[int, ...] = (32, 32, 64, 64, 256)

    def encoder(self, outputs: int, widths: Sequence[int], generator: torch.Generator) -> nn.Module:
        """Widths: the filters of the four convolutions, then the dense layer."""
        *filters, dense = widths
        layers: list[nn.Module] = [nn.ZeroPad2d(self.frame)] if self.frame else []
        for a, b in itertools.pairwise((self.channels, *filters)):
            convolution = nn.Conv2d(a, b, 4, stride=2, padding=1, device="meta")
            layers += [_fill(convolution, 16 * a, generator), nn.ReLU()]
        flat = filters[-1] * self.side**2
        layers += [nn.Flatten(), _linear(flat, dense, generator), nn.ReLU(), _linear(dense, outputs, generator)]
        return nn.Sequential(*layers)

    def encoder_size(self, outputs: int, widths: Sequence[int]) -> int:
        """Weights and biases."""
        *filters, dense = widths
        convolutions = sum((16 * a + 1) * b for a, b in itertools.pairwise((self.channels, *filters)))
        return convolutions + (filters[-1] * self.side**2 + 1) * dense + (dense + 1) * outputs

    def decoder(self, inputs: int, generator: torch.Generator) -> nn.Module:
        """Always of full width."""
        flat = 64 * self.side**2
        layers: list[nn.Module] = [_linear(inputs, 256, generator), nn.ReLU(), _linear(256, flat, generator), nn.ReLU()]
        layers.append(nn.Unflatten(1, (64, self.side, self.side)))
        for a, b in itertools.pairwise((64, 64, 32, 32, self.channels)):
            convolution = nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, device="meta")
            layers += [_fill(convolution, 16 * b, generator), nn.ReLU()]
        layers[-1] = Crop(self.pixels) if self.frame else nn.Identity()
        return nn.Sequential(*layers)


NETWORKS: dict[str, Callable[..., Network]] = {
    "dense": Dense,
    "conv_locatello": ConvLocatello,
}


def matched_widths(network: Network, order: int, latent_size: int) -> tuple[int, ...]:
    """Hidden widths at which `order` encoders together have the parameter count of a VAE's one encoder.

    All widths shrink by one factor, found by bisection; each is then moved by up to 2 to come closest.

    Raises:
        ConfigError: the counts cannot be brought within 5 %, which happens for a few very narrow layers.

    >>> network = Dense(config.Dense(hidden=[256, 256]), (784,))
    >>> matched_widths(network, 3, 12)
    (102, 100)
    """
    target = network.encoder_size(2 * latent_size, network.widths)

    def total(widths: Sequence[int]) -> int:
        return order * network.encoder_size(2 * latent_size // order, widths)

    def scaled(factor: float) -> tuple[int, ...]:
        return tuple(max(1, round(factor * width)) for width in network.widths)

    low, high = 0.0, 1.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if total(scaled(middle)) < target else (low, middle)
    near = scaled(high)
    moves = itertools.product((0, -1, 1, -2, 2), repeat=len(near)) if len(near) <= 5 else [(0,) * len(near)]
    options = [tuple(max(1, width + move) for width, move in zip(near, step, strict=True)) for step in moves]
    best = min(options, key=lambda widths: abs(total(widths) - target))
    if abs(total(best) - target) > 0.05 * target:
        raise ConfigError(
            f"encoder_width matched: {order} encoders of widths {list(best)} have {total(best)} parameters, the VAE's "
            f"one has {target}, and no narrower layers come within 5 %: use wider hidden layers, or encoder_width full"
        )
    return best
