"""The model as users hold it: what the method computes, and beside it fit, save and log p(x)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from phvae.api import fitting
from phvae.api.units import Scaling, log_volume, rows, to_model, to_user
from phvae.determinism.untouched import untouched
from phvae.model.model import Model

if TYPE_CHECKING:
    from phvae.model.options import ModelConfig

__all__ = ["PHVAE"]


class PHVAE(Model):
    """Polynomial hierarchical variational autoencoder (after Chen and Li, 2025, arXiv:2502.02856).

    Encoder k sees phi_k(x) and returns mu_k and log sigma_k^2; z = mu + A (sigma * eps); one decoder reads all
    levels. The loss is sum_k lambda_k NLL_k + D(q || p) in nats per example, summed over elements and latents.

    A model of a table keeps the affine map of its columns, `scaling`: (offset, scale) of x_model = offset + scale * x.
    What comes in and goes out is then in the user's units, float64; only `forward` and what it calls speak the model's.

    Args:
        shape: of one example: (C, H, W) of images in [0, 1], or (D,) of a table of D columns.
        config: the model's options; keyword arguments override them, e.g. `order=3, divergence="kl"`.
        seed: initialises the encoders and the decoder, each from a generator of its own, so that models of equal seed
            share what they share.

    Raises:
        ValueError: an unknown or contradictory option, or a shape that does not fit the network.

    Examples:
        >>> model = PHVAE((1, 8, 8), order=3, latent_size=6, seed=0)
        >>> model.parameter_counts()["decoder"]
        84032
        >>> import torch
        >>> mean, log_variance = model.encode(torch.zeros(5, 1, 8, 8))
        >>> mean.shape, model.sample(2).shape
        (torch.Size([5, 3, 2]), torch.Size([2, 1, 8, 8]))
    """

    def __init__(
        self, shape: Sequence[int], config: ModelConfig | None = None, *, seed: int = 0, **keywords: Any
    ) -> None:
        with untouched("a part of the model"):
            super().__init__(shape, config, seed=seed, **keywords)
        self.scaling: Scaling | None = None

    fit = fitting.fit

    def as_data(self, x: Any) -> Tensor:
        """x, in the user's units, as a checked batch (B, *shape) in the model's, on its device."""
        return super().as_data(to_model(rows(x, self.shape), self.scaling) if self.scaling else x)

    def decode(self, z: Any) -> Tensor:
        """The decoder's mean of codes z (B, n, d), (B, *shape), in the user's units; images lie in [0, 1]."""
        return self._original(super().decode(z))

    def sample(self, n: int, generator: torch.Generator | int = 0, noise: bool = False) -> Tensor:
        """Decoder means of n prior draws, (n, *shape), in the user's units; with `noise`, draws from p(x | z) instead.

        Raises:
            DataError: n is below 1, or generator is neither a seed nor a torch.Generator.
        """
        return self._original(super().sample(n, generator, noise))

    def log_likelihood(self, x: Any, max_samples: int = 8192, *, seed: int = 0, first: int = 0) -> Tensor:
        """log p(x) by importance sampling, (B,) nats, as a density in the user's units: with the map's log-determinant.

        `encoding.importance.estimate` says more.
        """
        from phvae.encoding.importance import log_likelihood

        inside = log_likelihood(self, x, max_samples, seed=seed, first=first)
        return inside + log_volume(self.scaling) if self.scaling else inside

    def _original(self, x: Tensor) -> Tensor:
        return to_user(x, self.scaling) if self.scaling else x

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder; `phvae.load(folder)` reads it."""
        from phvae.api.saving import save

        save(self, folder)
