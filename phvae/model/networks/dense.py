"""Dense layers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from phvae.config.strict import MOST_AT_ONCE, Whole
from phvae.model.part import Network

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Dense"]


class Dense(Network):
    """A multilayer perceptron; the decoder mirrors the encoder."""

    # On a CPU a stack's rate over one seed is about 2.5 at 4 seeds, 3 at 8, no more at 16. A GPU is far from full with
    # one such model.
    stacked: ClassVar[dict[str, int]] = {"cpu": 8, "cuda": 16}

    name: Literal["dense"] = "dense"
    hidden: Annotated[list[Annotated[Whole, Field(ge=1, le=MOST_AT_ONCE)]], Field(min_length=1)] = Field(
        [256, 256], description="widths of the encoder's hidden layers"
    )
    activation: Literal["relu", "silu", "tanh"] = Field("relu", description="non-linearity between layers")

    @property
    def widths(self) -> tuple[int, ...]:
        """The encoder's hidden layers."""
        return tuple(self.hidden)

    def _layers(self, sizes: Sequence[int], generator: torch.Generator) -> list[nn.Module]:
        from phvae.model.layers import ACTIVATIONS, linear

        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [linear(inputs, outputs, generator), ACTIVATIONS[self.activation]()]
        return layers[:-1]

    def encoder(
        self, shape: Sequence[int], outputs: int, widths: Sequence[int], generator: torch.Generator
    ) -> nn.Module:
        """Size - widths - outputs."""
        from torch import nn

        return nn.Sequential(nn.Flatten(), *self._layers((math.prod(shape), *widths, outputs), generator))

    def encoder_size(self, shape: Sequence[int], outputs: int, widths: Sequence[int]) -> int:
        """Weights and biases."""
        return sum((a + 1) * b for a, b in itertools.pairwise((math.prod(shape), *widths, outputs)))

    def decoder(self, shape: Sequence[int], inputs: int, generator: torch.Generator) -> nn.Module:
        """Inputs - reversed widths - size; always of full width."""
        from torch import nn

        sizes = (inputs, *reversed(self.widths), math.prod(shape))
        return nn.Sequential(*self._layers(sizes, generator), nn.Unflatten(1, tuple(shape)))
