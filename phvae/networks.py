"""Encoders and decoders: dense, and the convolutional network of Locatello et al. (2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["NETWORKS", "matched_widths"]

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}


def _initialised(layer: type[nn.Module], fan_in: int, generator: torch.Generator, *sizes: int, **kw: int) -> nn.Module:
    """A layer with weights and biases from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), torch's default, from `generator`."""
    module = nn.utils.skip_init(layer, *sizes, **kw)
    bound = 1 / math.sqrt(fan_in)
    with torch.no_grad():
        for parameter in (module.weight, module.bias):
            parameter.uniform_(-bound, bound, generator=generator)
    return module


def linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Module:
    return _initialised(nn.Linear, inputs, generator, inputs, outputs)


class Dense:
    """A multilayer perceptron; the decoder mirrors the encoder."""

    def __init__(self, options: Any, shape: Sequence[int]) -> None:
        self.shape, self.size = tuple(shape), math.prod(shape)
        self.widths = tuple(options.hidden)
        self.activation = ACTIVATIONS[options.activation]

    def _layers(self, sizes: Sequence[int], generator: torch.Generator) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [linear(inputs, outputs, generator), self.activation()]
        return layers[:-1]

    def encoder_size(self, outputs: int, widths: Sequence[int]) -> int:
        sizes = (self.size, *widths, outputs)
        return sum((a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))

    def encoder(self, outputs: int, widths: Sequence[int], generator: torch.Generator) -> nn.Module:
        return nn.Sequential(nn.Flatten(), *self._layers((self.size, *widths, outputs), generator))

    def decoder(self, inputs: int, generator: torch.Generator) -> nn.Module:
        sizes = (inputs, *reversed(self.widths), self.size)
        return nn.Sequential(*self._layers(sizes, generator), nn.Unflatten(1, self.shape))


class Crop(nn.Module):
    """The middle of an image, (B, C, s, s) to (B, C, size, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        edge = (x.shape[-1] - self.size) // 2
        return x[..., edge : edge + self.size, edge : edge + self.size]


class ConvLocatello:
    """Four 4x4 convolutions of stride 2 and a dense layer of 256; the decoder mirrors them."""

    def __init__(self, options: Any, shape: Sequence[int]) -> None:
        if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2] or shape[1] not in (28, 32, 64):
            raise ValueError(
                f"network conv_locatello takes images of 1 or 3 channels and 28, 32 or 64 pixels, not shape {tuple(shape)}"
            )
        self.channels, self.pixels = shape[0], shape[1]
        self.padded = 32 if self.pixels == 28 else self.pixels
        self.side = self.padded // 16
        self.widths = (32, 32, 64, 64, 256)

    def encoder_size(self, outputs: int, widths: Sequence[int]) -> int:
        *filters, dense = widths
        sizes = (self.channels, *filters)
        convolutions = sum((16 * a + 1) * b for a, b in zip(sizes[:-1], sizes[1:], strict=True))
        return convolutions + (filters[-1] * self.side**2 + 1) * dense + (dense + 1) * outputs

    def encoder(self, outputs: int, widths: Sequence[int], generator: torch.Generator) -> nn.Module:
        *filters, dense = widths
        layers: list[nn.Module] = [nn.ZeroPad2d((self.padded - self.pixels) // 2)] if self.pixels == 28 else []
        sizes = (self.channels, *filters)
        for a, b in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [_initialised(nn.Conv2d, 16 * a, generator, a, b, 4, stride=2, padding=1), nn.ReLU()]
        flat = filters[-1] * self.side**2
        return nn.Sequential(
            *layers, nn.Flatten(), linear(flat, dense, generator), nn.ReLU(), linear(dense, outputs, generator)
        )

    def decoder(self, inputs: int, generator: torch.Generator) -> nn.Module:
        flat = 64 * self.side**2
        layers: list[nn.Module] = [linear(inputs, 256, generator), nn.ReLU(), linear(256, flat, generator), nn.ReLU()]
        layers.append(nn.Unflatten(1, (64, self.side, self.side)))
        sizes = (64, 64, 32, 32, self.channels)
        for a, b in zip(sizes[:-1], sizes[1:], strict=True):
            layers += [_initialised(nn.ConvTranspose2d, 16 * b, generator, a, b, 4, stride=2, padding=1), nn.ReLU()]
        layers.pop()
        if self.pixels == 28:
            layers.append(Crop(28))
        return nn.Sequential(*layers)


NETWORKS: dict[str, Any] = {"dense": Dense, "conv_locatello": ConvLocatello}


def matched_widths(network: Any, order: int, latent_size: int) -> tuple[int, ...]:
    """Widths at which `order` encoders together have the parameter count of the one encoder of a VAE."""
    target = network.encoder_size(2 * latent_size, network.widths)
    outputs = 2 * latent_size // order

    def total(widths: Sequence[int]) -> int:
        return order * network.encoder_size(outputs, widths)

    candidates = {tuple(max(1, round(w * m / 1000)) for w in network.widths) for m in range(1, 1001)}
    best = min(candidates, key=lambda widths: (abs(total(widths) - target), widths))
    return best
