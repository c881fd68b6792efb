"""The model as users hold it: what the method computes, and beside it fit, save and log p(x)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from phvae.model.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PHVAE"]


class PHVAE(Model):
    """Polynomial hierarchical variational autoencoder (after Chen and Li, 2025, arXiv:2502.02856).

    Encoder k sees phi_k(x) and returns mu_k and log sigma_k^2; z = mu + A (sigma * eps); one decoder reads all
    levels. The loss is sum_k lambda_k NLL_k + D(q || p) in nats an example, summed over elements and latents.

    Args:
        shape: of one example: (C, H, W) of images in [0, 1], or (D,) of standardised densities.
        config: the model's options; keyword arguments override them, e.g. `order=3, divergence="kl"`.
        seed: initialises the encoders and the decoder, each from a generator of its own, so that models of equal seed
            share what they share.

    Raises:
        ValueError: an unknown or contradictory option, or a shape that does not fit the network.

    >>> model = PHVAE((1, 8, 8), order=3, latent_size=6, seed=0)
    >>> model.parameter_counts()["decoder"]
    84032
    >>> import torch
    >>> mean, log_variance = model.encode(torch.zeros(5, 1, 8, 8))
    >>> mean.shape, model.sample(2).shape
    (torch.Size([5, 3, 2]), torch.Size([2, 1, 8, 8]))
    """

    def log_likelihood(self, x: Any, max_samples: int = 8192, *, seed: int = 0, first: int = 0) -> Tensor:
        """log p(x) by importance sampling, (B,) nats; `encoding.importance.estimate` says more."""
        from phvae.encoding.importance import log_likelihood

        return log_likelihood(self, x, max_samples, seed=seed, first=first)

    def fit(self, x: Any, **options: Any) -> pd.DataFrame:
        """Train on x, (N, *shape), and return the history; the options are those of `phvae.api.fitting.fit`."""
        from phvae.api.fitting import fit

        return fit(self, x, **options)

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder; `phvae.load(folder)` reads it."""
        from phvae.api.saving import save

        save(self, folder)
