"""The peer's side of outside.py, run by the Python of the peer's own environment: pythae's two models, as it has them.

`python outside_peer.py train EXPORTED FOLDER SEEDS` trains on the exported splits and writes outputs as
docs/external.md has them. `python outside_peer.py batch RESULTS EXPORTED CSV` gives both sides the same trained
weights, batch and noise, and writes their losses and gradients side by side.
"""

from __future__ import annotations

import itertools
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import BetaTCVAE, BetaTCVAEConfig, FactorVAE, FactorVAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseDiscriminator, BaseEncoder
from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig, BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn

import phvae
from phvae.experiment.grid import load_grid
from phvae.model.part import Context

CELLS = {cell.variant: cell for cell in load_grid(Path(__file__).with_name("outside.yaml")).cells if not cell.external}
TRAINING = CELLS["factor-vae"].training
SHAPE, LATENT = (1, 32, 32), CELLS["factor-vae"].model.latent_size
INNER, OUTER = CELLS["factor-vae"].model.network.hidden  # of the encoder; the decoder mirrors it
FACTOR, TC = (CELLS[variant].model.divergence for variant in ("factor-vae", "beta-tcvae"))
COMMON = {"input_dim": SHAPE, "latent_dim": LATENT, "reconstruction_loss": "bce"}


class Encoder(BaseEncoder):
    def __init__(self) -> None:
        super().__init__()
        hidden = [nn.Linear(1024, INNER), nn.ReLU(), nn.Linear(INNER, OUTER), nn.ReLU()]
        self.layers = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(OUTER, 2 * LATENT))

    def forward(self, x: Tensor) -> ModelOutput:
        mean, log_variance = self.layers(x).chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    def __init__(self) -> None:
        super().__init__()
        hidden = [nn.Linear(LATENT, OUTER), nn.ReLU(), nn.Linear(OUTER, INNER), nn.ReLU()]
        self.layers = nn.Sequential(*hidden, nn.Linear(INNER, 1024), nn.Unflatten(1, SHAPE))

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.layers(z).sigmoid())


class Discriminator(BaseDiscriminator):
    """pythae's own, of as many and as wide layers as ours; it has two logits, ours their difference."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [LATENT, *[FACTOR.critic_width] * FACTOR.critic_layers]
        hidden = [layer for a, b in itertools.pairwise(sizes) for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        self.layers = nn.Sequential(*hidden, nn.Linear(sizes[-1], 2))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


def build(variant: str) -> FactorVAE | BetaTCVAE:
    """pythae's model of a variant."""
    if variant == "factor-vae":
        model = FactorVAE(FactorVAEConfig(**COMMON, gamma=FACTOR.gamma), Encoder(), Decoder())
        model.set_discriminator(Discriminator())
        return model
    config = BetaTCVAEConfig(**COMMON, alpha=TC.alpha, beta=TC.beta, gamma=TC.gamma, use_mss=variant == "stratified")
    return BetaTCVAE(config, Encoder(), Decoder())


def trainer(model: FactorVAE | BetaTCVAE, train: Tensor, seed: int, folder: str) -> BaseTrainer:
    """pythae's trainer; a batch of its FactorVAE is two, of which one is reconstructed and one permuted."""
    data = BaseDataset(train, torch.zeros(len(train)))
    options: dict[str, Any] = {"output_dir": folder, "seed": seed, "no_cuda": True}
    if isinstance(model, BetaTCVAE):
        config = BaseTrainerConfig(
            **options, per_device_train_batch_size=TRAINING.batch_size, learning_rate=TRAINING.learning_rate
        )
        return BaseTrainer(model, data, training_config=config)
    options |= {"autoencoder_learning_rate": TRAINING.learning_rate, "discriminator_learning_rate": FACTOR.critic_rate}
    options |= {"discriminator_optimizer_params": {"betas": list(FACTOR.critic_betas)}}
    config = AdversarialTrainerConfig(**options, per_device_train_batch_size=2 * TRAINING.batch_size)
    return AdversarialTrainer(model, data, training_config=config)


def train(exported: Path, folder: Path, seeds: list[int]) -> None:
    """Train each variant that has no outputs yet; the weights of the last step are kept, as ours."""
    data = np.load(exported)
    images, test = (torch.from_numpy(data[split] / 255).float() for split in ("train", "test"))
    for seed in seeds:
        for variant in CELLS:
            file = folder / variant / "sprites" / "n-all" / f"seed-{seed}.npz"
            if file.is_file():
                continue
            torch.manual_seed(seed)
            model = build(variant)
            with tempfile.TemporaryDirectory() as place:
                its = trainer(model, images, seed, place)
                its.prepare_training()
                for epoch in range(TRAINING.steps // len(its.train_loader)):
                    its.train_step(epoch + 1)
            with torch.no_grad():
                mean, log_variance = model.encoder(test).to_tuple()
                outputs = {"mean": mean, "log_variance": log_variance}
                outputs |= {
                    "reconstructions": model.decoder(mean)[0],
                    "samples": model.decoder(torch.randn(1000, LATENT))[0],
                }
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, data=data["sha256"], **{name: array.numpy() for name, array in outputs.items()})
            print(file, flush=True)


# ---- the same weights, batch and noise ----
def twin(ours: phvae.PHVAE, variant: str) -> FactorVAE | BetaTCVAE:
    """pythae's model with our weights; our discriminator's one logit is the difference of its two."""
    theirs = build(variant).double()
    theirs.encoder.layers.load_state_dict(ours.encoders[0].state_dict())
    theirs.decoder.layers.load_state_dict(ours.decoder.state_dict())
    if ours.critic is not None:
        state = ours.critic.state_dict()
        *_, weight, bias = state
        zeros = {name: torch.cat([state[name], torch.zeros_like(state[name])]) for name in (weight, bias)}
        theirs.discriminator.layers.load_state_dict(state | zeros)
    return theirs


def rows(ours: phvae.PHVAE, variant: str, x: Tensor, examples: int) -> Iterator[tuple[str, float, float]]:
    """(what, ours, pythae's) of one batch."""
    generator = torch.Generator().manual_seed(0)
    eps, prior = (torch.randn(len(x), 1, LATENT, generator=generator, dtype=x.dtype) for _ in range(2))
    at = Context(examples, torch.ones(()), prior)
    theirs = twin(ours, variant)
    q = ours.posterior([x], eps)
    nll, divergence, kl, *critic = (term.mean(0) for term in ours.terms(x, eps, at))
    mean, log_variance = theirs.encoder(x).to_tuple()
    z = mean + torch.exp(0.5 * log_variance) * eps[:, 0]
    decoded = theirs.decoder(z)[0]
    if variant == "factor-vae":
        permuted = z.gather(0, prior[:, 0].argsort(0)).detach()
        reconstruction, autoencoder, discriminator = theirs.loss_function(decoded, x, mean, log_variance, z, permuted)
        yield "reconstruction", nll.item(), reconstruction.item()
        yield "KL + γ log-ratio", divergence.item(), (autoencoder - reconstruction).item()
        yield "discriminator's loss", critic[0].item(), discriminator.item()
        yield from gradients(ours, theirs, x, eps, at, autoencoder, discriminator)
        return
    _, reconstruction, parts = theirs.loss_function(decoded, x, mean, log_variance, z, examples)
    drawn = (q.log_density(eps) - q.log_prior(q.z)).mean() - kl.sum()  # of KL: at the draw, minus in closed form
    yield "reconstruction", nll.item(), reconstruction.item()
    yield "weighted parts", divergence.item(), parts.item()
    yield "weighted parts, KL at the draw", (divergence + drawn).item(), parts.item()
    if variant == "stratified":
        weights = theirs._log_importance_weight_matrix(len(x), examples).to(x.dtype)
        with mock.patch("phvae.model.divergences.beta_tcvae.log_weights", return_value=weights):
            divergence = ours.terms(x, eps, at)[1].mean()
        yield "weighted parts, KL at the draw, pythae's weights", (divergence + drawn).item(), parts.item()


def gradients(
    ours: phvae.PHVAE,
    theirs: FactorVAE,
    x: Tensor,
    eps: Tensor,
    at: Context,
    autoencoder: Tensor,
    discriminator: Tensor,
) -> Iterator[tuple[str, float, float]]:
    """Norms of the encoder's gradient, as each side's step has it, and of what pythae's has beside ours."""
    weights = list(theirs.encoder.parameters())
    leak = torch.autograd.grad(discriminator, weights, retain_graph=True)
    both = [theirs.encoder, theirs.decoder, theirs.discriminator]
    optimizers = [
        torch.optim.SGD([p for part in parts for p in part.parameters()], 0.0) for parts in (both[:2], both[2:])
    ]
    step = SimpleNamespace(autoencoder_optimizer=optimizers[0], discriminator_optimizer=optimizers[1])
    AdversarialTrainer._optimizers_step(
        step, SimpleNamespace(autoencoder_loss=autoencoder, discriminator_loss=discriminator)
    )
    ours(x, eps, at=at)["loss"].backward()
    found = [torch.cat([w.grad.flatten() for w in part]) for part in (ours.encoders.parameters(), weights)]
    extra = torch.cat([g.flatten() for g in leak])
    torch.testing.assert_close(found[1] - extra, found[0], rtol=1e-9, atol=1e-9)  # every element, not the norm alone
    yield "encoder's gradient, norm", found[0].norm().item(), found[1].norm().item()
    yield (
        "what it has beside ours, norm: of the discriminator's loss",
        extra.norm().item(),
        (found[1] - found[0]).norm().item(),
    )
    yield "encoder's gradient without it, norm", found[0].norm().item(), (found[1] - extra).norm().item()
    critic = [torch.cat([p.grad.flatten() for p in list(part.parameters())[:-2]]) for part in (ours.critic, both[2])]
    torch.testing.assert_close(*critic, rtol=1e-9, atol=1e-9)
    yield "discriminator's gradient, hidden layers, norm", critic[0].norm().item(), critic[1].norm().item()


def batch(results: Path, exported: Path, csv: Path) -> None:
    """One batch of the training split under the trained weights of seed 0, in float64."""
    data = np.load(exported)
    x = torch.from_numpy(data["train"][: TRAINING.batch_size] / 255)
    lines = ["variant,what,ours,pythae"]
    for variant in CELLS:
        ours = phvae.load(results / "runs" / "sprites" / "n-all" / variant / "seed-0").double()
        lines += [f'{variant},"{what}",{a:.9g},{b:.9g}' for what, a, b in rows(ours, variant, x, len(data["train"]))]
    csv.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]), Path(sys.argv[3]), [int(seed) for seed in sys.argv[4].split(",")])
    else:
        batch(*map(Path, sys.argv[2:5]))
