"""PH-VAE, the one model: a VAE and a beta-VAE are its order 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from phvae.coefficients import reconstruction_weights
from phvae.config import ModelConfig
from phvae.divergences import DIVERGENCES, kl_levels
from phvae.files import atomic, read_json, write_json
from phvae.likelihoods import LIKELIHOODS
from phvae.networks import NETWORKS, matched_widths
from phvae.polynomial import expand
from phvae.posterior import COUPLINGS, PRIORS, Posterior, couple
from phvae.seeding import torch_generator

__all__ = ["PHVAE", "load"]


class PHVAE(nn.Module):
    """Polynomial hierarchical variational autoencoder (after Chen and Li, 2025)."""

    def __init__(
        self, shape: Sequence[int], config: ModelConfig | None = None, *, seed: int = 0, **keywords: Any
    ) -> None:
        super().__init__()
        if keywords:
            config = ModelConfig(**{**(config.model_dump() if config else {}), **keywords})
        self.config = c = config or ModelConfig()
        self.shape = tuple(int(s) for s in shape)
        self.order, self.latent_size, self.level_size = c.order, c.latent_size, c.latent_size // c.order
        self.scaling: tuple[list[float], list[float]] | None = None
        self.weights = reconstruction_weights(c.reconstruction_weights, c.order)
        network = NETWORKS[c.network.name](c.network, self.shape)
        widths = network.widths if c.encoder_width == "full" else matched_widths(network, c.order, c.latent_size)
        self.encoders = nn.ModuleList(
            network.encoder(2 * self.level_size, widths, torch_generator(seed, "encoder", k))
            for k in range(1, c.order + 1)
        )
        self.decoder = network.decoder(c.latent_size, torch_generator(seed, "decoder"))
        self.coupling = COUPLINGS[c.coupling.name](c.order, c.coupling)
        scored = [k for k, weight in enumerate(self.weights, 1) if weight > 0]
        self.likelihood = LIKELIHOODS[c.likelihood.name](c.likelihood, c.basis, scored, len(self.shape) == 3)
        self.divergence = DIVERGENCES[c.divergence.name]

    def posterior(self, x: Tensor) -> Posterior:
        """q(z | x) of a batch (B, *shape)."""
        levels = expand(x, self.order, self.config.basis)
        parts = torch.stack([encoder(level) for encoder, level in zip(self.encoders, levels, strict=True)], 1)
        mean, log_variance = parts.to(x.dtype).chunk(2, -1)
        return Posterior(mean, log_variance, self.coupling(mean), self.config.prior)

    def forward(self, x: Tensor, eps: Tensor, weight: float | Tensor = 1.0) -> dict[str, Tensor]:
        """The objective of a batch, as batch means in nats."""
        q = self.posterior(x)
        output = self.decoder(q.draw(eps).flatten(1)).to(x.dtype)
        levels = expand(x, self.order, self.config.basis)
        nll = iter(self.likelihood.nll(levels, output))
        reconstruction_levels = torch.stack(
            [w * next(nll).mean() if w > 0 else torch.zeros_like(x.sum()) for w in self.weights]
        )
        divergence = self.divergence(q, self.config.divergence).mean()
        kl = kl_levels(q).mean(0)
        reconstruction = reconstruction_levels.sum()
        return {
            "loss": reconstruction + weight * divergence,
            "reconstruction": reconstruction,
            "divergence": divergence,
            "kl": kl.sum(),
            "kl_levels": kl,
            "reconstruction_levels": reconstruction_levels,
        }

    @torch.no_grad()
    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances of q(z | x), each (B, n, d)."""
        q = self.posterior(x)
        return q.mean, q.log_variance

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Decoder mean of codes (B, n, d), as (B, *shape)."""
        return self.likelihood.mean(self.decoder(z.flatten(1)))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Decoder mean at the posterior mean."""
        return self.decode(self.encode(x)[0])

    @torch.no_grad()
    def whiten(self, mean: Tensor) -> Tensor:
        """w = A^-1 mu under the hierarchical prior, mu under the standard one."""
        return Posterior(mean, mean, self.coupling(mean), self.config.prior).whitened

    @torch.no_grad()
    def unwhiten(self, w: Tensor) -> Tensor:
        """The inverse of `whiten`."""
        return couple(PRIORS[self.config.prior](self.coupling(w)), w)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | int = 0, noise: bool = False) -> Tensor:
        """Decoder means of n draws from the prior, or with observation noise."""
        if isinstance(generator, int):
            generator = torch_generator(generator, "sample")
        p = next(self.decoder.parameters())
        u = torch.randn(n, self.order, self.level_size, generator=generator, device=generator.device).to(p)
        out = []
        for z in self.unwhiten(u).split(256):
            output = self.decoder(z.flatten(1))
            out.append(self.likelihood.sample(output, generator) if noise else self.likelihood.mean(output))
        return torch.cat(out)

    @torch.no_grad()
    def log_weights(self, x: Tensor, samples: int = 64, *, seed: int = 0, first: int = 0) -> Tensor:
        """log p(x, z)/q(z|x) of `samples` draws an example, (B, samples)."""
        rows = []
        for i in range(len(x)):
            g = torch_generator(seed, "likelihood", first + i)
            eps = torch.randn(samples, self.order, self.level_size, generator=g).to(x)
            q = self.posterior(x[i : i + 1])
            z = q.draw(eps)
            output = self.decoder(z.flatten(1)).to(x.dtype)
            nll = self.likelihood.nll(expand(x[i : i + 1], self.order, self.config.basis), output)[0]
            rows.append(q.log_prior(z) - nll - q.log_density(eps))
        return torch.stack(rows)

    def log_likelihood(self, x: Tensor, samples: int = 64, *, seed: int = 0, first: int = 0) -> Tensor:
        """Importance-sampled log p(x), (B,) nats."""
        weights = self.log_weights(x, samples, seed=seed, first=first)
        return torch.logsumexp(weights, 1) - math.log(samples)

    def parameter_counts(self) -> dict[str, int]:
        """Numbers of parameters: all, the encoders', the decoder's."""

        def count(module: nn.Module) -> int:
            return sum(p.numel() for p in module.parameters())

        return {"total": count(self), "encoders": count(self.encoders), "decoder": count(self.decoder)}

    def fit(self, x: Any, **options: Any) -> Any:
        """Train on x; see `phvae.training.fit`."""
        from phvae.training import fit

        return fit(self, x, **options)

    def save(self, folder: str | Path) -> None:
        """Write model.safetensors and model.json."""
        from safetensors.torch import save_file

        folder = Path(folder)
        state = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        with atomic(folder / "model.safetensors") as path:
            save_file(state, path)
        content = {"shape": self.shape, "scaling": self.scaling, "config": self.config.model_dump(mode="json")}
        write_json(folder / "model.json", content)


def load(folder: str | Path, device: str = "cpu") -> PHVAE:
    """Read a model that `PHVAE.save` wrote."""
    from safetensors.torch import load_file

    content = read_json(Path(folder) / "model.json")
    model = PHVAE(content["shape"], ModelConfig(**content["config"]))
    model.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    model.scaling = content["scaling"]
    return model.to(device)
