"""Encoders that are together as large as the VAE's one (loads no torch)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from phvae.errors import ConfigError
from phvae.model.part import Network

__all__ = ["matched_widths"]


def matched_widths(network: Network, shape: Sequence[int], order: int, latent_size: int) -> tuple[int, ...]:
    """Hidden widths at which `order` encoders together have the parameter count of a VAE's one encoder.

    All widths shrink by one factor, found by bisection; each is then moved by up to 2 to come closest.

    Raises:
        ConfigError: the counts cannot be brought within 5 %, which happens for a few very narrow layers.

    >>> from phvae.model.networks.dense import Dense
    >>> matched_widths(Dense(hidden=[256, 256]), (784,), 3, 12)
    (102, 100)
    """
    target = network.encoder_size(shape, 2 * latent_size, network.widths)

    def total(widths: Sequence[int]) -> int:
        return order * network.encoder_size(shape, 2 * latent_size // order, widths)

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
