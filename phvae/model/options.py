"""The options of a model (loads no torch)."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, WrapValidator, model_validator

from phvae.config.strict import BARE, BY_NAME, MOST_AT_ONCE, Strict, Weight, Whole
from phvae.model import part
from phvae.model.parts import BASIS_NAMES, COUPLINGS, DIVERGENCES, LIKELIHOODS, NETWORKS

__all__ = ["ModelConfig"]

if TYPE_CHECKING:
    from phvae.model.part import Coupling, Divergence, Likelihood, Network

    Basis = str
else:

    def _choice(kind: type[part.Named], known: dict[str, type[part.Named]]) -> Any:
        """One of the known parts by name, or an object of any class of the kind, which is taken as it is."""
        given = WrapValidator(lambda value, validate: value if isinstance(value, kind) else validate(value))
        return Annotated[reduce(or_, known.values()), BY_NAME, BARE, given, SerializeAsAny()]

    Basis = Literal[BASIS_NAMES]
    Coupling = _choice(part.Coupling, COUPLINGS)
    Divergence = _choice(part.Divergence, DIVERGENCES)
    Likelihood = _choice(part.Likelihood, LIKELIHOODS)
    Network = _choice(part.Network, NETWORKS)


class ModelConfig(Strict):
    """One model; VAE and beta-VAE are order 1 with the divergence kl."""

    order: Whole = Field(1, ge=1, le=16, description="number of levels n of the polynomial hierarchy")
    basis: Basis = Field(
        "monomial", description="phi_k(x): the paper's powers, two extensions, or the control without polynomials"
    )
    latent_size: Whole = Field(
        12, ge=1, le=MOST_AT_ONCE, description="size L of the whole code; a multiple of the order"
    )
    coupling: Coupling = Field(COUPLINGS["chain"](), description="the matrix A of z = mu + A (sigma * eps)")
    prior: Literal["hierarchical", "standard"] = Field("hierarchical", description="p(z) = N(0, A A^T) or N(0, I)")
    divergence: Divergence = Field(
        DIVERGENCES["hierarchical"](), description="what the posterior pays for leaving the prior"
    )
    likelihood: Likelihood = Field(LIKELIHOODS["gaussian"](), description="the reconstruction term")
    reconstruction_weights: Literal["first", "uniform"] | Annotated[list[Weight], Field(min_length=1)] = Field(
        "first", description="lambda_k: first = (1, 0, ...), uniform = (1, ..., 1)/n, or one number a level"
    )
    network: Network = Field(NETWORKS["dense"](), description="encoder and decoder")
    encoder_width: Literal["full", "matched"] = Field(
        "full", description="full: a whole encoder a level; matched: all encoders together as large as the VAE's"
    )

    @model_validator(mode="after")
    def _levels(self) -> ModelConfig:
        if self.latent_size % self.order:
            raise ValueError(
                f"latent_size {self.latent_size} is not divisible by order {self.order}: "
                f"every level has latent_size / order coordinates; take {self._multiples()}"
            )
        weights = self.reconstruction_weights
        if isinstance(weights, list):
            if len(weights) != self.order:
                raise ValueError(
                    f"reconstruction_weights has {len(weights)} entries, expected one a level: order is {self.order}"
                )
            if sum(weights) <= 0:
                raise ValueError(f"reconstruction_weights is {weights}: at least one weight must be positive")
        self.divergence.check(self)
        self.likelihood.check(self)
        return self

    def _multiples(self) -> str:
        """The sizes of codes next to this one that the order divides."""
        below = self.latent_size // self.order * self.order
        return f"{below} or {below + self.order}" if below else f"{self.order}"

    @property
    def scored_weights(self) -> list[float]:
        """lambda_k of the reconstruction terms, k = 1..order.

        >>> ModelConfig(order=3).scored_weights, ModelConfig(order=2, reconstruction_weights="uniform").scored_weights
        ([1.0, 0.0, 0.0], [0.5, 0.5])
        """
        if self.reconstruction_weights == "first":
            return [1.0] + [0.0] * (self.order - 1)
        if self.reconstruction_weights == "uniform":
            return [1 / self.order] * self.order
        return [float(value) for value in self.reconstruction_weights]

    def check_logits(self) -> None:
        """Refuse, with a ValueError, a likelihood of logits that scores levels of a basis without them."""
        if self.basis not in ("monomial", "copies") and any(self.scored_weights[1:]):
            raise ValueError(
                f"likelihood {self.likelihood.name} scores levels k > 1 for monomial and copies only, not "
                f"{self.basis}, whose levels are not computed from the logit: use likelihood gaussian or "
                "reconstruction_weights first"
            )
