"""What the model asks of its parts: one class per file, its options the fields, its mathematics the methods.

A file of a part loads no torch when it is imported (each of Snakemake's jobs reads the configuration again): methods
import what they compute with. `phvae.model.parts` finds the classes by their folders.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from phvae.config.strict import Named, Weight
from phvae.model.allowance import Capacity, above_free_bits, off_capacity

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from phvae.model.bound import BoundCoupling, BoundLikelihood
    from phvae.model.options import ModelConfig
    from phvae.model.posterior import Posterior

__all__ = ["Context", "Coupling", "Divergence", "Likelihood", "Network"]


class Coupling(Named):
    """The matrix A of z = mu + A (sigma * eps)."""

    def parameters(self, order: int) -> dict[str, Tensor]:
        """Initial values of what is trained, by name."""
        return {}

    def constants(self, order: int) -> dict[str, Tensor]:
        """Tensors that are not trained, by name."""
        return {}

    def matrix(self, at: BoundCoupling, like: Tensor) -> Tensor:
        """A, (n, n), lower triangular with unit diagonal, in the precision of `like`; `at` holds the tensors."""
        raise NotImplementedError


@dataclass(frozen=True)
class Context:
    """What an objective may see beside the batch's posterior.

    Attributes:
        examples: the size of the training set.
        share: how much of the training is done, a tensor () from 0 to 1; 1 in validation.
        prior: standard normal numbers, (B, n, d), drawn anew at every step from a stream of the seed's own; None
            where the objective does not ask for them (`Divergence.draws_prior`).
        critic: the objective's own network with its weights as they are, fixed or trained (`Divergence.critic`).
    """

    examples: int
    share: Tensor
    prior: Tensor | None = None
    critic: Callable[[Tensor], Tensor] | None = None

    @property
    def drawn_prior(self) -> Tensor:
        """`prior`, for an objective that cannot do without."""
        if self.prior is None:
            raise ValueError("this objective compares codes with draws of the prior: give Context a prior, (B, n, d)")
        return self.prior

    def judged(self, codes: Tensor) -> Tensor:
        """What the critic says of codes (B, L)."""
        if self.critic is None:
            raise ValueError("this objective has no critic: define Divergence.critic")
        return self.critic(codes)


class Divergence(Named):
    """What the posterior pays for leaving the prior."""

    # whether `Context.prior` is drawn for it: the same numbers in any company of seeds, and after a resumption
    draws_prior: ClassVar[bool] = False
    # whether every example of a batch meets every other; what it costs follows
    pairs: ClassVar[bool] = False
    # first and second decay of the Adam that trains its critic
    critic_betas: ClassVar[tuple[float, float]] = (0.5, 0.9)

    capacity: Capacity | None = Field(None, description="charge the distance from a capacity that grows, see below")
    free_bits: Weight = Field(0.0, description="nats of each level, as weighted, that are free")

    @model_validator(mode="after")
    def _one_allowance(self) -> Divergence:
        if self.capacity and self.free_bits:
            raise ValueError(f"capacity and free_bits ({self.free_bits:g}) are both given: give one of the two")
        return self

    def charge(self, q: Posterior, at: Context) -> Tensor:
        """What the loss has, (B,) nats: the divergence, or what is charged of it."""
        if self.free_bits:
            return above_free_bits(self.levels(q, at), self.free_bits)
        value = self.value(q, at)
        return off_capacity(value, self.capacity, at.share) if self.capacity else value

    def value(self, q: Posterior, at: Context) -> Tensor:
        """One number per example, (B,) nats; no branch on a tensor's value, no random numbers.

        Of the batch as a whole (a total correlation, a discrepancy) each example has the same number.
        """
        raise NotImplementedError

    def levels(self, q: Posterior, at: Context) -> Tensor:
        """The parts that sum to the value and have their own free bits: (B, n), or (B, 1) where levels have none."""
        return self.value(q, at).unsqueeze(-1)

    def critic(self, size: int, generator: torch.Generator) -> nn.Module | None:
        """A network of its own over codes (B, size), trained beside the model to lower `critic_loss`; None: none."""
        return None

    def critic_size(self, size: int) -> int:
        """The number of parameters of that network."""
        return 0

    @property
    def critic_rate(self) -> float:
        """The learning rate of the critic's own Adam."""
        raise NotImplementedError

    def critic_loss(self, q: Posterior, at: Context) -> Tensor:
        """What the critic is trained to lower, (B,); q brings no gradient to the model."""
        raise NotImplementedError

    def check(self, model: ModelConfig) -> None:
        """Refuse, with a ValueError, a model in which this divergence has no meaning."""

    def computed(self, order: int) -> dict[str, object]:
        """What it computes, so that two spellings of one divergence are alike."""
        return self.model_dump(mode="json")


class Likelihood(Named):
    """The reconstruction term -log p(x | z)."""

    # whether it is defined on the unit interval only, where images lie
    unit_interval: ClassVar[bool] = True

    def parameters(self, levels: Sequence[int]) -> dict[str, Tensor]:
        """Initial values of what is trained, by name; `levels` are the 1-based levels with a positive weight."""
        return {}

    def mean(self, at: BoundLikelihood, output: Tensor) -> Tensor:
        """E[x | z] from the decoder's output, both (B, *shape)."""
        raise NotImplementedError

    def nll(self, at: BoundLikelihood, x: Sequence[Tensor], output: Tensor, levels: Sequence[int]) -> list[Tensor]:
        """-log p(phi_k(x) | z) of each asked level, (B,) nats; x[k - 1] is phi_k(x)."""
        raise NotImplementedError

    def sample(self, at: BoundLikelihood, output: Tensor, generator: torch.Generator) -> Tensor:
        """A draw from p(x | z), (B, *shape)."""
        raise NotImplementedError

    def check(self, model: ModelConfig) -> None:
        """Refuse, with a ValueError, a model in which this likelihood has no meaning."""


class Network(Named):
    """Encoder and decoder."""

    # seeds that train as one stack, at most: on a CPU, on a GPU; 1: they train one after the other
    stacked: ClassVar[dict[str, int]] = {"cpu": 1, "cuda": 1}
    # whether a stack of it makes grouped convolutions: with less than float32, models side by side are faster on a GPU
    grouped: ClassVar[bool] = False
    # how often an example meets each parameter: once, or at every place of a convolution; what it costs follows
    reuse: ClassVar[int] = 1

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse, with a ConfigError, examples of a shape that it cannot take: (C, H, W) or (D,)."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the hidden layers; `encoder_width: matched` shrinks them."""
        return ()

    def encoder(
        self, shape: Sequence[int], outputs: int, widths: Sequence[int], generator: torch.Generator
    ) -> nn.Module:
        """(B, *shape) to (B, outputs), with hidden layers of these widths."""
        raise NotImplementedError

    def encoder_size(self, shape: Sequence[int], outputs: int, widths: Sequence[int]) -> int:
        """The number of parameters of that encoder."""
        raise NotImplementedError

    def decoder(self, shape: Sequence[int], inputs: int, generator: torch.Generator) -> nn.Module:
        """(B, inputs) to (B, *shape), linear at the end."""
        raise NotImplementedError

    def stacks(self, device: str, threads: int = 1) -> bool:
        """Whether the seeds of a job train as one stack; if not, they train one after the other.

        Stacked convolutions become grouped convolutions, which are slower than one after the other on a CPU. With
        more than one thread a matrix product is divided by the size of the whole stack, and a seed's last bits would
        depend on its companions; one thread per job, and several jobs, keep all cores busy as well.
        """
        return device != "cpu" or (self.stacked["cpu"] > 1 and threads == 1)
