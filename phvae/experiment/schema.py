"""The typed configuration: parts of a model, training, evaluation, data sets, variants (loads no torch)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    field_validator,
    model_validator,
)

from phvae.errors import ConfigError
from phvae.model.coefficients import reconstruction_weights, require_non_negative

__all__ = [
    "KL",
    "Bernoulli",
    "Chain",
    "Config",
    "ContinuousBernoulli",
    "ConvLocatello",
    "DatasetConfig",
    "Dense",
    "EvaluationConfig",
    "Gaussian",
    "Hierarchical",
    "Identity",
    "Learned",
    "LogPolynomial",
    "ModelConfig",
    "Schedule",
    "TrainingConfig",
    "VariantConfig",
]


class Strict(BaseModel):
    """A section of the configuration: unknown keys are errors, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Named(Strict):
    """A part that is told apart by its name."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Refuse, with a ConfigError, examples of a shape that the part cannot take: (C, H, W) or (D,)."""


def _by_name(value: Any) -> Any:
    """A bare name means the part with its defaults: `divergence: kl`."""
    return {"name": value} if isinstance(value, str) else value


BY_NAME, BARE = Discriminator("name"), BeforeValidator(_by_name)


def _unquoted(value: Any) -> Any:
    """Pydantic reads `'3'` and `true` as 3 and 1; the schema does not (1e-3 is a text to YAML: fractions stay lax)."""
    if isinstance(value, str | bool):
        raise ValueError("a whole number")
    return value


def _at_home(value: str) -> str:
    """A leading `~` is the home folder, as it is for data."""
    try:
        return str(Path(value).expanduser()) if value.startswith("~") else value
    except RuntimeError:  # no such user, or a user without an entry
        raise ValueError("a path whose `~` has a home folder: give an absolute path, or set HOME") from None


# Larger ones only overflow in sums and powers; a smaller scale is no noise of data, and its squares leave float32.
LARGEST, SMALLEST = 1e6, 1e-6
# A larger number of examples, of units or of steps is a slip of the keyboard.
MOST_AT_ONCE, MOST_STEPS = 10**6, 10**9
Whole = Annotated[int, BeforeValidator(_unquoted)]
Weight = Annotated[float, Field(ge=0, le=LARGEST)]
Coefficient = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]


# ---- couplings: the matrix A of z = mu + A (sigma * eps) ----
class Identity(Named):
    """A = I."""

    name: Literal["identity"] = "identity"


class Chain(Named):
    """A = (I - rho S)^-1, S the one-step shift: A_kl = rho^(k-l)."""

    name: Literal["chain"] = "chain"
    rho: float = Field(0.5, gt=-1, lt=1, description="correlation of a level with the one before")


class Learned(Named):
    """A's strictly lower entries are trained, starting from chain(rho)."""

    name: Literal["learned"] = "learned"
    rho: float = Field(0.5, gt=-1, lt=1, description="the chain that training starts from")


# ---- divergences D(q || p) ----
class KL(Named):
    """beta * KL(q || p)."""

    name: Literal["kl"] = "kl"
    beta: Weight = Field(1.0, description="weight of the divergence")


class Hierarchical(Named):
    """The level-weighted polynomial divergence sum_k omega_k D_k."""

    name: Literal["hierarchical"] = "hierarchical"
    beta: Weight = Field(1.0, description="mean of the normalised level weights")
    weights: Literal["uniform", "geometric"] | Annotated[list[Weight], Field(min_length=1)] = Field(
        "geometric", description="level weights omega_k: uniform, geometric, or one number a level"
    )
    ratio: float = Field(
        2.0,
        gt=0,
        le=LARGEST,
        description="r of the geometric weights, omega_k proportional to r^(k-1); refused beside others",
    )
    normalise: StrictBool = Field(True, description="rescale listed weights so that they sum to order * beta")

    @model_validator(mode="after")
    def _used(self) -> Hierarchical:
        if not self.normalise and isinstance(self.weights, str):
            raise ValueError(f"normalise is false, but weights {self.weights} are normalised always: list the weights")
        if self.weights != "geometric" and self.ratio != type(self).model_fields["ratio"].default:
            kind = self.weights if isinstance(self.weights, str) else "listed"
            raise ValueError(f"ratio is {self.ratio:g}, but {kind} weights have none: use weights: geometric")
        return self


class LogPolynomial(Named):
    """The log-ratio polynomial sum_i E_q[P(log q/p)]."""

    name: Literal["log_polynomial"] = "log_polynomial"
    beta: Weight = Field(1.0, description="weight of the divergence")
    degree: Whole = Field(3, ge=1, le=12, description="m of exponential(m), c_j = 1/j!; refused beside coefficients")
    coefficients: Annotated[list[Coefficient], Field(min_length=1, max_length=12)] | None = Field(
        None, description="c_1..c_m of P(s) = sum_j c_j s^j; accepted only if D >= 0 is guaranteed"
    )

    @field_validator("coefficients")
    @classmethod
    def _accepted(cls, value: list[float] | None) -> list[float] | None:
        if value is not None:
            require_non_negative(value)
        return value

    @model_validator(mode="after")
    def _used(self) -> LogPolynomial:
        if self.coefficients is not None and self.degree != type(self).model_fields["degree"].default:
            raise ValueError(f"degree is {self.degree}, but the coefficients are listed: give one of the two")
        return self


# ---- likelihoods p(x | z) ----
class Gaussian(Named):
    """Normal noise of scale s_x on every element."""

    name: Literal["gaussian"] = "gaussian"
    scale: Annotated[float, Field(ge=SMALLEST, le=LARGEST)] | Literal["learned"] = Field(
        0.1, description="s_x; `learned`: one scale a level, log s_x >= -6"
    )


class ContinuousBernoulli(Named):
    """The continuous Bernoulli density on [0, 1] (Loaiza-Ganem and Cunningham, 2019)."""

    name: Literal["continuous_bernoulli"] = "continuous_bernoulli"


class Bernoulli(Named):
    """Binary cross-entropy; on grey data it is not a density and is reported as `bce`."""

    name: Literal["bernoulli"] = "bernoulli"


# ---- networks ----
class Dense(Named):
    """A multilayer perceptron; the decoder mirrors the encoder."""

    name: Literal["dense"] = "dense"
    hidden: Annotated[list[Annotated[Whole, Field(ge=1, le=MOST_AT_ONCE)]], Field(min_length=1)] = Field(
        [256, 256], description="widths of the encoder's hidden layers"
    )
    activation: Literal["relu", "silu", "tanh"] = Field("relu", description="non-linearity between layers")


class ConvLocatello(Named):
    """The convolutional network of Locatello et al. (2019), for 28, 32 or 64 pixels."""

    name: Literal["conv_locatello"] = "conv_locatello"

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Square images of the sizes above."""
        if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2] or shape[1] not in (28, 32, 64):
            raise ConfigError(
                "network conv_locatello takes images of 1 or 3 channels and 28, 32 or 64 pixels a side, "
                f"not shape {tuple(shape)}: use network dense"
            )


Coupling = Annotated[Identity | Chain | Learned, BY_NAME, BARE]
Divergence = Annotated[KL | Hierarchical | LogPolynomial, BY_NAME, BARE]
Likelihood = Annotated[Gaussian | ContinuousBernoulli | Bernoulli, BY_NAME, BARE]
Network = Annotated[Dense | ConvLocatello, BY_NAME, BARE]


class ModelConfig(Strict):
    """One model; VAE and beta-VAE are order 1 with the divergence kl."""

    order: Whole = Field(1, ge=1, le=16, description="number of levels n of the polynomial hierarchy")
    basis: Literal["monomial", "legendre", "chebyshev", "copies"] = Field(
        "monomial", description="phi_k(x): the paper's powers, two extensions, or the control without polynomials"
    )
    latent_size: Whole = Field(
        12, ge=1, le=MOST_AT_ONCE, description="size L of the whole code; a multiple of the order"
    )
    coupling: Coupling = Field(Chain(), description="the matrix A of z = mu + A (sigma * eps)")
    prior: Literal["hierarchical", "standard"] = Field("hierarchical", description="p(z) = N(0, A A^T) or N(0, I)")
    divergence: Divergence = Field(Hierarchical(), description="what the posterior pays for leaving the prior")
    likelihood: Likelihood = Field(Gaussian(), description="the reconstruction term")
    reconstruction_weights: Literal["first", "uniform"] | Annotated[list[Weight], Field(min_length=1)] = Field(
        "first", description="lambda_k: first = (1, 0, ...), uniform = (1, ..., 1)/n, or one number a level"
    )
    network: Network = Field(Dense(), description="encoder and decoder")
    encoder_width: Literal["full", "matched"] = Field(
        "full", description="full: a whole encoder a level; matched: all encoders together as large as the VAE's"
    )

    @model_validator(mode="after")
    def _levels(self) -> ModelConfig:
        if self.latent_size % self.order:
            raise ValueError(
                f"latent_size {self.latent_size} is not divisible by order {self.order}: "
                f"every level has latent_size / order coordinates"
            )
        for key, value in (
            ("reconstruction_weights", self.reconstruction_weights),
            ("divergence.weights", getattr(self.divergence, "weights", None)),
        ):
            if isinstance(value, list):
                if len(value) != self.order:
                    raise ValueError(f"{key} has {len(value)} entries, expected one a level: order is {self.order}")
                if sum(value) <= 0:
                    raise ValueError(f"{key} is {value}: at least one weight must be positive")
        mixed = self.prior == "standard" and self.coupling.name != "identity" and self.order > 1
        if self.divergence.name == "log_polynomial" and mixed:
            raise ValueError(
                "divergence log_polynomial under prior standard needs coupling identity "
                f"(found {self.coupling.name}): its closed form needs independent coordinates"
            )
        scored = reconstruction_weights(self.reconstruction_weights, self.order)
        if getattr(self.likelihood, "scale", None) == "learned" and not scored[0]:
            raise ValueError(
                f"likelihood gaussian with scale learned needs a positive first reconstruction weight (found {scored}):"
                " samples and log p(x) use the scale of level 1, which would not be trained"
            )
        if self.likelihood.name != "gaussian" and self.basis not in ("monomial", "copies") and any(scored[1:]):
            raise ValueError(
                f"likelihood {self.likelihood.name} scores levels k > 1 for monomial and copies only, not "
                f"{self.basis}, whose levels are not computed from the logit: use likelihood gaussian or "
                "reconstruction_weights first"
            )
        return self


class Schedule(Strict):
    """How the weight of the divergence grows; validation always uses the final weight."""

    name: Literal["constant", "linear"] = Field("constant", description="linear: grows from 0")
    warm_up: float = Field(0.0, ge=0, le=1, description="share of all steps over which the weight grows from 0 to 1")

    @model_validator(mode="after")
    def _used(self) -> Schedule:
        if self.name == "constant" and self.warm_up:
            raise ValueError(f"warm_up is {self.warm_up}, but schedule constant has none: use name: linear")
        if self.name == "linear" and not self.warm_up:
            raise ValueError("warm_up is 0, but schedule linear grows over a share of the steps: give warm_up, above 0")
        return self


class TrainingConfig(Strict):
    """A fixed budget, the same for every variant; the best epoch on the validation split is kept."""

    epochs: Whole = Field(30, ge=1, le=MOST_STEPS, description="passes over the training subset")
    steps: Annotated[Whole, Field(ge=1, le=MOST_STEPS)] | None = Field(
        None, description="optimiser steps in all; replaces epochs where training sizes differ"
    )
    batch_size: Whole = Field(64, ge=1, le=MOST_AT_ONCE, description="examples a step")
    learning_rate: float = Field(1e-3, gt=0, description="of Adam")
    schedule: Schedule = Field(Schedule(), description="schedule of the divergence's weight")
    precision: Literal["float32", "bfloat16", "tf32", "float64"] = Field(
        "float32", description="arithmetic; bfloat16 by autocast, tf32 on a GPU"
    )
    compile: Literal["auto", "off"] = Field("off", description="torch.compile on a GPU, never on a CPU")
    seeds_per_job: Literal["auto"] | Annotated[Whole, Field(ge=1)] = Field(
        "auto", description="size of a stack of seeds"
    )
    checkpoint_minutes: float = Field(5.0, gt=0, description="wall-clock time between checkpoints")
    memory_share: float = Field(
        0.25, gt=0, le=1, description="a training set above this share of memory is memory-mapped"
    )


Extractor = Literal["classifier", "inception", "efficientnet-lite0"]
Group = Literal["density", "reconstruction", "generation", "disentanglement", "latent", "likelihood"]


class EvaluationConfig(Strict):
    """What is computed from a trained run, and on how many points."""

    metrics: Literal["auto"] | list[Group] = Field("auto", description="auto: each group where it means something")
    n_codes: Whole = Field(15_000, ge=16, description="test examples encoded (the first two thirds fit the scores)")
    n_samples: Whole = Field(10_000, ge=16, description="samples drawn from the prior")
    n_reconstructions: Whole = Field(10_000, ge=16, description="test examples reconstructed")
    redraws: Whole = Field(3, ge=1, description="sets of samples, for the standard deviation over redraws")
    importance_samples: Whole = Field(
        8192, ge=32, description="most draws per example of the likelihood; they grow until the estimate has settled"
    )
    n_likelihood: Whole = Field(500, ge=1, description="test examples of the importance-sampled likelihood")
    extractors: list[Extractor] = Field(["classifier", "inception"], description="features of the Frechet distances")
    inception_weights: str | None = Field(
        None,
        description="file of the Inception-v3 weights; looked for where data are by default; absent: FID stays empty",
    )
    dci: list[Literal["forest", "boosting"]] = Field(["forest"], description="regressors of DCI")
    votes: Whole = Field(10_000, ge=100, description="training votes of the FactorVAE and BetaVAE scores")
    cells_per_job: Whole = Field(6, ge=1, description="variants encoded or evaluated by one job")

    @field_validator("inception_weights")
    @classmethod
    def _file(cls, value: str | None) -> str | None:
        return None if value is None else _at_home(value)


NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=80)]
Seeds = Annotated[Whole, Field(ge=1, le=10_000)] | Annotated[list[Annotated[Whole, Field(ge=0)]], Field(min_length=1)]
TrainSize = Annotated[Whole, Field(ge=2)] | Literal["all"]


def _unique(values: list[Any], what: str) -> list[Any]:
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    if twice:
        raise ValueError(f"{what} given twice: {', '.join(twice)}")
    return values


class DatasetConfig(Strict):
    """A data set of the grid, with what it changes for every variant."""

    data: dict[str, Any] | None = Field(None, description="kind and its options; kind defaults to the key's own name")
    n_train: list[TrainSize] = Field(["all"], min_length=1, description="training sizes, nested")
    subset: Literal["fixed", "by_seed"] = Field(
        "fixed", description="by_seed: the training subset varies with the seed (small-data study)"
    )
    seeds: Seeds | None = Field(None, description="overrides the grid's seeds")
    variants: list[str] | None = Field(None, description="a subset of the variants; all by default")
    model: dict[str, Any] = Field({}, description="overrides of `model`")
    training: dict[str, Any] = Field({}, description="overrides of `training`")
    evaluation: dict[str, Any] = Field({}, description="overrides of `evaluation`")

    @field_validator("n_train")
    @classmethod
    def _sizes(cls, value: list[Any]) -> list[Any]:
        return _unique(value, "n_train")


class VariantConfig(Strict):
    """A named model: what it changes, after the data set's overrides."""

    label: str | None = Field(None, max_length=60, description="how tables and figures call it")
    curve: StrictBool = Field(
        True, description="false: a β-VAE that is held against the β-VAE's curve instead of being a point of it"
    )
    model: dict[str, Any] = Field({}, description="overrides of `model`")
    training: dict[str, Any] = Field({}, description="overrides of `training`")


class Config(Strict):
    """A grid: data sets x training sizes x variants x seeds."""

    name: Name = Field(description="names the folder results/{name}")
    description: str = Field("", description="one sentence for the report")
    results: str = Field("results", description="folder of all results")
    seeds: Seeds = Field(5, description="a number of seeds, or the list of them")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a CUDA device where there is one")
    threads: Whole = Field(1, ge=1, description="torch threads a process; sums change with it")
    data_path: list[str] = Field([], description="folders searched for data, before PHVAE_DATA_PATH")
    download: StrictBool = Field(False, description="fetch absent data from their published address")
    baseline: str = Field("vae", description="the variant that others are compared with")
    model: dict[str, Any] = Field({}, description="defaults of every model")
    training: dict[str, Any] = Field({}, description="defaults of every training")
    evaluation: dict[str, Any] = Field({}, description="defaults of every evaluation")
    datasets: dict[Name, DatasetConfig] = Field(min_length=1, description="the grid's data sets")
    variants: dict[Name, VariantConfig] = Field(min_length=1, description="the grid's models")

    @field_validator("seeds")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        return _unique(value, "seeds") if isinstance(value, list) else value

    @field_validator("results")
    @classmethod
    def _folder(cls, value: str) -> str:
        if not value or set(value) & {"{", "}"} or any(ord(character) < 32 for character in value):
            raise ValueError("a folder without braces (Snakemake's wildcards) and control characters")
        if re.search(r"\$[A-Za-z_]", value):
            raise ValueError("a folder without the shell's variables, which are not expanded: write the path out")
        return _at_home(value)
