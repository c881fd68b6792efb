"""The options of an evaluation (loads no torch)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from phvae.config.strict import Strict, Unique, Whole, at_home

__all__ = ["EvaluationConfig", "Group"]

Extractor = Literal["classifier", "inception", "efficientnet-lite0"]
Group = Literal["density", "reconstruction", "generation", "disentanglement", "latent", "likelihood", "table"]


class EvaluationConfig(Strict):
    """What is computed from a trained run, and on how many points."""

    metrics: Literal["auto"] | Annotated[Unique[Group], Field(min_length=1)] = Field(
        "auto", description="auto: each group where it means something"
    )
    n_codes: Whole = Field(15_000, ge=16, description="test examples encoded (the first two thirds fit the scores)")
    n_samples: Whole = Field(10_000, ge=16, description="samples drawn from the prior")
    n_reconstructions: Whole = Field(10_000, ge=16, description="test examples reconstructed")
    redraws: Whole = Field(3, ge=1, description="sets of samples, for the standard deviation over redraws")
    importance_samples: Whole = Field(
        8192, ge=32, description="most draws per example of the likelihood; they grow until the estimate has settled"
    )
    n_likelihood: Whole = Field(500, ge=1, description="test examples of the importance-sampled likelihood")
    extractors: Unique[Extractor] = Field(["classifier", "inception"], description="features of the Frechet distances")
    inception_weights: str | None = Field(
        None,
        description="file of the Inception-v3 weights; looked for where data are by default; absent: FID stays empty",
    )
    dci: Unique[Literal["forest", "boosting"]] = Field(["forest"], description="regressors of DCI")
    votes: Whole = Field(10_000, ge=100, description="training votes of the FactorVAE and BetaVAE scores")
    cells_per_job: Whole = Field(6, ge=1, description="variants encoded or evaluated by one job")

    @field_validator("inception_weights")
    @classmethod
    def _file(cls, value: str | None) -> str | None:
        return None if value is None else at_home(value)
