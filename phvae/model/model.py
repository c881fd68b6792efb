"""PH-VAE, the one model: a VAE is its order 1, a beta-VAE its order 1 with another weight. `phvae.PHVAE` adds `fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from phvae.config.explain import validated
from phvae.determinism.seeding import torch_generator
from phvae.errors import ConfigError, DataError, nearest
from phvae.model.bound import BoundCoupling, BoundLikelihood
from phvae.model.hierarchy import expand
from phvae.model.inputs import check_shape, data_batch, latent_batch
from phvae.model.matched import matched_widths
from phvae.model.options import ModelConfig
from phvae.model.part import Context
from phvae.model.posterior import PRIORS, Posterior, couple
from phvae.model.unfit import refuse_unfit

__all__ = ["Model"]

AT_ONCE = 512  # examples computed together where a caller passes more


class Model(nn.Module):
    """What the method computes: levels, posterior, objective, and reading a model without gradients.

    The loss is sum_k lambda_k NLL_k + D(q || p) in nats per example, summed over elements and latents. Arguments and
    errors are those of `phvae.PHVAE`, which adds training and saving.
    """

    decoder: nn.Module
    divergence: Callable[[Posterior, Context], Tensor]

    def __init__(
        self, shape: Sequence[int], config: ModelConfig | None = None, *, seed: int = 0, **keywords: Any
    ) -> None:
        super().__init__()
        for key in keywords:
            if key not in ModelConfig.model_fields:
                raise ConfigError(f"PHVAE has no option {key!r}{nearest(key, ModelConfig.model_fields)}")
        if not isinstance(config, ModelConfig | None):
            raise ConfigError(f"config is {config!r:.60}, expected a ModelConfig; or pass options by name: order=3")
        options = {**dict(config or {}), **keywords}
        self.config = c = validated(ModelConfig, options, lambda key: f"PHVAE: {key}" if key else "PHVAE")
        self.shape = check_shape(shape)
        self.order, self.latent_size, self.level_size = c.order, c.latent_size, c.latent_size // c.order
        self.weights = c.scored_weights
        self.scored = [k for k, weight in enumerate(self.weights, 1) if weight > 0]
        network = c.network
        network.check_shape(self.shape)
        full = c.encoder_width == "full"
        widths = network.widths if full else matched_widths(network, self.shape, c.order, c.latent_size)
        generators = [torch_generator(seed, "encoder", k) for k in range(1, c.order + 1)]
        self.encoders = nn.ModuleList(network.encoder(self.shape, 2 * self.level_size, widths, g) for g in generators)
        self.decoder = network.decoder(self.shape, c.latent_size, torch_generator(seed, "decoder"))
        for part, module in (("encoder", self.encoders), ("decoder", self.decoder)):
            refuse_unfit(f"network {network.name}, {part}", module)
        self.coupling = BoundCoupling(c.coupling, c.order)
        image = len(self.shape) == 3
        self.likelihood = BoundLikelihood(c.likelihood, c.basis, self.scored, image)
        self.unit_interval = image or c.likelihood.unit_interval
        self.divergence = c.divergence.charge
        self.critic = c.divergence.critic(c.latent_size, torch_generator(seed, "critic"))

    # ---- the objective: differentiable, without checks, fit for torch.func.vmap ----
    def posterior(self, levels: Sequence[Tensor], eps: Tensor | None = None) -> Posterior:
        """q(z | x) from the levels phi_k(x), each (B, *shape)."""
        parts = [encoder(level) for encoder, level in zip(self.encoders, levels, strict=True)]
        mean, log_variance = torch.stack(parts, 1).to(levels[0].dtype).chunk(2, -1)
        return Posterior(mean, log_variance, self.coupling(mean), self.config.prior, eps)

    def terms(self, x: Tensor, eps: Tensor, at: Context | None = None) -> tuple[Tensor, ...]:
        """Of every example, in nats: lambda_k NLL_k (B, n), the divergence (B,), and D_k (B, n).

        With a critic, fourth, its own loss (B,); neither loss has a gradient in the other's parameters.
        """
        at = at or Context(len(x), torch.ones((), dtype=x.dtype, device=x.device))
        levels = expand(x, self.order, self.config.basis)
        q = self.posterior(levels, eps)
        output = self.decoder(q.z.flatten(1)).to(x.dtype)
        nll = dict(zip(self.scored, self.likelihood.nll(levels, output, self.scored), strict=True))
        zero = torch.zeros_like(nll[self.scored[0]])
        weighted = [weight * nll[k] if weight > 0 else zero for k, weight in enumerate(self.weights, 1)]
        if self.critic is None:
            return torch.stack(weighted, 1), self.divergence(q, at), q.kl_levels
        fixed = {name: parameter.detach() for name, parameter in self.critic.named_parameters()}
        divergence = self.divergence(q, replace(at, critic=partial(functional_call, self.critic, fixed)))
        critic_loss = self.config.divergence.critic_loss(q.detached(), replace(at, critic=self.critic))
        return torch.stack(weighted, 1), divergence, q.kl_levels, critic_loss

    def forward(
        self, x: Tensor, eps: Tensor, weight: float | Tensor = 1.0, at: Context | None = None
    ) -> dict[str, Tensor]:
        """The objective of a batch.

        Args:
            x: (B, *shape); images in [0, 1].
            eps: standard normal noise, (B, n, d).
            weight: the schedule's factor on the divergence; 1 in validation and selection.
            at: what the divergence may see beside the posterior; None: this batch is all there is, training is done.

        Returns:
            Batch means in nats: `loss` = reconstruction + weight * divergence, `reconstruction` (sum_k lambda_k NLL_k)
            and its parts `reconstruction_levels` (n,), `divergence` (at its final weight), `kl` (KL(q || p),
            unweighted) and its parts `kl_levels` (n,). With a critic, the gradient of `loss` holds that of its own.
        """
        reconstruction, divergence, kl, *critic = (term.mean(0) for term in self.terms(x, eps, at))
        loss = reconstruction.sum() + weight * divergence
        for own in critic:
            loss = loss + (own - own.detach())
        return {
            "loss": loss,
            "reconstruction": reconstruction.sum(),
            "divergence": divergence,
            "kl": kl.sum(),
            "kl_levels": kl,
            "reconstruction_levels": reconstruction,
        }

    # ---- the public face: checks its input, takes arrays, no gradients ----
    @property
    def _like(self) -> Tensor:
        return next(self.parameters())

    def as_data(self, x: Any) -> Tensor:
        """x as a checked batch (B, *shape) on the model's device; uint8 is read as x / 255."""
        return data_batch(x, self.shape, self.unit_interval, self._like)

    @torch.no_grad()
    def encode(self, x: Any) -> tuple[Tensor, Tensor]:
        """Means mu and log-variances log sigma^2 of every level of q(z | x), each (B, n, d)."""
        chunks = self.as_data(x).split(AT_ONCE)
        parts = [self.posterior(expand(chunk, self.order, self.config.basis)) for chunk in chunks]
        return torch.cat([q.mean for q in parts]), torch.cat([q.log_variance for q in parts])

    @torch.no_grad()
    def decode(self, z: Any) -> Tensor:
        """The decoder's mean x_hat of codes z (B, n, d), as (B, *shape); images lie in [0, 1]."""
        z = latent_batch(z, self.order, self.level_size, self._like)
        return torch.cat([self.likelihood.mean(self.decoder(part.flatten(1))) for part in z.split(AT_ONCE)])

    def reconstruct(self, x: Any) -> Tensor:
        """The decoder's mean at the posterior mean, (B, *shape), in the units of x (see `decode`)."""
        return self.decode(self.encode(x)[0])

    @torch.no_grad()
    def whiten(self, mean: Any) -> Tensor:
        """w = A^-1 mu under the hierarchical prior, mu under the standard one, (B, n, d)."""
        mean = latent_batch(mean, self.order, self.level_size, self._like, "mean")
        return Posterior(mean, mean, self.coupling(mean), self.config.prior).whitened

    @torch.no_grad()
    def unwhiten(self, w: Any) -> Tensor:
        """The inverse of `whiten`: prior noise w ~ N(0, I) becomes a draw z from the prior."""
        w = latent_batch(w, self.order, self.level_size, self._like, "w")
        return couple(PRIORS[self.config.prior](self.coupling(w)), w)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | int = 0, noise: bool = False) -> Tensor:
        """Decoder means of n prior draws, (n, *shape); with `noise`, draws from p(x | z) at the same z.

        The units are those of `decode`.

        Raises:
            DataError: n is below 1, or generator is neither a seed nor a torch.Generator.
        """
        if n < 1:
            raise DataError(f"n is {n}, expected at least 1 sample")
        if not isinstance(generator, torch.Generator):
            if not isinstance(generator, int | np.integer):
                raise DataError(f"generator is {generator!r:.60}, expected a seed or a torch.Generator")
            generator = torch_generator(int(generator), "sample")
        u = torch.randn(n, self.order, self.level_size, generator=generator, device=generator.device)
        outputs = (self.decoder(z.flatten(1)) for z in self.unwhiten(u).split(AT_ONCE))
        draw = self.likelihood.sample
        return torch.cat([draw(output, generator) if noise else self.likelihood.mean(output) for output in outputs])

    def parameter_counts(self) -> dict[str, int]:
        """Numbers of parameters: `total`, the `encoders` together, the `decoder`."""
        parts = {"total": self, "encoders": self.encoders, "decoder": self.decoder}
        return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()}
