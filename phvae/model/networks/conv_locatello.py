"""The convolutional network of Locatello et al. (2019)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from phvae.errors import ConfigError
from phvae.model.part import Network

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["ConvLocatello"]


class ConvLocatello(Network):
    """The convolutional network of Locatello et al. (2019), for 28, 32 or 64 pixels."""

    # Table 2 there: four 4x4 convolutions of stride 2 (32, 32, 64, 64), a dense layer of 256. The decoder: dense 256,
    # dense 64 s^2, four 4x4 transposed convolutions of stride 2 (64, 32, 32, channels), ReLU between. On 64 pixels
    # s = 4, as published. Ours: 32 pixels give s = 2; 28 pixels are framed with two rows of zeros on each side to 32
    # (after phi_k, so the frame is 0 for every basis) and the decoder's output is cropped to its middle.
    stacked: ClassVar[dict[str, int]] = {"cpu": 1, "cuda": 8}  # 16 copies fit into 16 GB
    grouped: ClassVar[bool] = True
    reuse: ClassVar[int] = 16  # 11 on 28 and 32 pixels, 22 on 64

    name: Literal["conv_locatello"] = "conv_locatello"

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Square images of the sizes above."""
        if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2] or shape[1] not in (28, 32, 64):
            raise ConfigError(
                "network conv_locatello takes images of 1 or 3 channels and 28, 32 or 64 pixels a side, "
                f"not shape {tuple(shape)}: use network dense"
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """The filters of the four convolutions, then the dense layer."""
        return (32, 32, 64, 64, 256)

    @staticmethod
    def _frame(shape: Sequence[int]) -> int:
        return 2 if shape[1] == 28 else 0

    def _side(self, shape: Sequence[int]) -> int:
        return (shape[1] + 2 * self._frame(shape)) // 16

    def encoder(
        self, shape: Sequence[int], outputs: int, widths: Sequence[int], generator: torch.Generator
    ) -> nn.Module:
        """Convolutions, then two dense layers."""
        from torch import nn

        from phvae.model.layers import fill, linear

        *filters, dense = widths
        layers: list[nn.Module] = [nn.ZeroPad2d(self._frame(shape))] if self._frame(shape) else []
        for a, b in itertools.pairwise((shape[0], *filters)):
            convolution = nn.Conv2d(a, b, 4, stride=2, padding=1, device="meta")
            layers += [fill(convolution, 16 * a, generator), nn.ReLU()]
        flat = filters[-1] * self._side(shape) ** 2
        layers += [nn.Flatten(), linear(flat, dense, generator), nn.ReLU(), linear(dense, outputs, generator)]
        return nn.Sequential(*layers)

    def encoder_size(self, shape: Sequence[int], outputs: int, widths: Sequence[int]) -> int:
        """Weights and biases."""
        *filters, dense = widths
        convolutions = sum((16 * a + 1) * b for a, b in itertools.pairwise((shape[0], *filters)))
        return convolutions + (filters[-1] * self._side(shape) ** 2 + 1) * dense + (dense + 1) * outputs

    def decoder(self, shape: Sequence[int], inputs: int, generator: torch.Generator) -> nn.Module:
        """Always of full width."""
        from torch import nn

        from phvae.model.layers import Crop, fill, linear

        side = self._side(shape)
        flat = 64 * side**2
        layers: list[nn.Module] = [linear(inputs, 256, generator), nn.ReLU(), linear(256, flat, generator), nn.ReLU()]
        layers.append(nn.Unflatten(1, (64, side, side)))
        for a, b in itertools.pairwise((64, 64, 32, 32, shape[0])):
            convolution = nn.ConvTranspose2d(a, b, 4, stride=2, padding=1, device="meta")
            layers += [fill(convolution, 16 * b, generator), nn.ReLU()]
        layers[-1] = Crop(shape[1]) if self._frame(shape) else nn.Identity()
        return nn.Sequential(*layers)
