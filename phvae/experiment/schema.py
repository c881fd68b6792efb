"""The configuration file: data sets, training sizes, variants, seeds (loads no torch)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, field_validator, model_validator

from phvae.config.strict import Strict, Unique, Whole, at_home
from phvae.experiment.stages import CLAIMS
from phvae.experiment.tuning import TuningConfig

__all__ = ["Config", "DatasetConfig", "ExternalConfig", "Name", "VariantConfig"]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"
Name = Annotated[str, Field(pattern=NAME, max_length=80)]
Seeds = Annotated[Whole, Field(ge=1, le=10_000)] | Annotated[Unique[Annotated[Whole, Field(ge=0)]], Field(min_length=1)]
TrainSize = Annotated[Whole, Field(ge=2)] | Literal["all"]


class DatasetConfig(Strict):
    """A data set of the grid, with what it changes for every variant."""

    data: dict[str, Any] | None = Field(None, description="kind and its options; kind defaults to the key's own name")
    n_train: Unique[TrainSize] = Field(["all"], min_length=1, description="training sizes, nested")
    subset: Literal["fixed", "by_seed"] = Field(
        "fixed", description="by_seed: which n_train examples are trained on varies with the seed (small-data study)"
    )
    seeds: Seeds | None = Field(None, description="overrides the grid's seeds")
    variants: Annotated[Unique[str], Field(min_length=1)] | None = Field(
        None, description="a subset of the variants; all by default"
    )
    model: dict[str, Any] = Field({}, description="overrides of `model`")
    training: dict[str, Any] = Field({}, description="overrides of `training`")
    evaluation: dict[str, Any] = Field({}, description="overrides of `evaluation`")


class ExternalConfig(Strict):
    """A model trained elsewhere: where its outputs lie (docs/external.md), and what its author states of it.

    A bare text is the folder.
    """

    folder: str = Field(min_length=1, description="holds {dataset}/n-{n_train}/seed-{seed}.npz")
    parameters: Whole | None = Field(None, ge=1, description="number of parameters, as stated")
    seconds_train: float | None = Field(None, ge=0, description="seconds of training per seed, as stated")
    code: str = Field("", max_length=200, description="version of the code that trained it, as stated")

    @field_validator("folder")
    @classmethod
    def _home(cls, value: str) -> str:
        return at_home(value)

    def file(self, dataset: str, n_train: int | str, seed: int) -> Path:
        """The outputs of one run."""
        return Path(self.folder) / dataset / f"n-{n_train}" / f"seed-{seed}.npz"


def _folder_alone(value: Any) -> Any:
    return {"folder": value} if isinstance(value, str) else value


class VariantConfig(Strict):
    """A named model: what it changes, after the data set's overrides."""

    label: str | None = Field(None, max_length=60, description="how tables and figures call it")
    curve: StrictBool = Field(
        True, description="false: a β-VAE that is held against the β-VAE's curve instead of being a point of it"
    )
    external: (
        Annotated[ExternalConfig, BeforeValidator(_folder_alone, json_schema_input_type=str | ExternalConfig)] | None
    ) = Field(None, description="a model trained elsewhere, in place of `model` and `training`")
    model: dict[str, Any] = Field({}, description="overrides of `model`")
    training: dict[str, Any] = Field({}, description="overrides of `training`")

    @model_validator(mode="after")
    def _one_origin(self) -> VariantConfig:
        unread = [name for name in ("model", "training") if self.external and getattr(self, name)]
        if unread:
            raise ValueError(f"external or {' and '.join(unread)}, not both: nothing would read the latter")
        return self

    @field_validator("label")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        if value and "$" in value:  # figures alone would set it as mathematics, or fail to
            raise ValueError("a text without $, which is not set as mathematics: write β, x², ½")
        return value


class Config(Strict):
    """A grid: data sets x training sizes x variants x seeds."""

    name: Name = Field(description="names the folder results/{name}")
    description: str = Field("", description="one sentence for the report")
    results: str = Field("results", description="folder of all results")
    seeds: Seeds = Field(5, description="a number of seeds, or the list of them")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a CUDA device where there is one")
    threads: Whole = Field(1, ge=1, description="torch threads a process; sums change with it")
    data_path: Unique[str] = Field([], description="folders searched for data, before PHVAE_DATA_PATH")
    download: StrictBool = Field(False, description="fetch absent data from their published address")
    baseline: str = Field("vae", description="the variant that others are compared with")
    claims: Literal["none"] | Annotated[str, Field(min_length=1)] = Field(
        CLAIMS,
        description="file of the claims that the grid tests, fixed before its runs (docs/verdicts.md); or none",
    )
    tuning: TuningConfig | None = Field(None, description="weights chosen on some seeds, compared on the others")
    model: dict[str, Any] = Field({}, description="defaults of every model")
    training: dict[str, Any] = Field({}, description="defaults of every training")
    evaluation: dict[str, Any] = Field({}, description="defaults of every evaluation")
    datasets: dict[Name, DatasetConfig] = Field(min_length=1, description="the grid's data sets")
    variants: dict[Name, VariantConfig] = Field(min_length=1, description="the grid's models")

    @field_validator("results")
    @classmethod
    def _folder(cls, value: str) -> str:
        if not value or set(value) & {"{", "}"} or not value.isprintable():
            raise ValueError("a folder without braces (Snakemake's wildcards) and control characters")
        if "://" in value:
            raise ValueError("a folder that this machine has mounted, not an address")
        if str(Path(value)).startswith("-"):
            raise ValueError("a folder that does not begin with a hyphen, which commands take for an option")
        if re.search(r"\$[A-Za-z_]", value):
            raise ValueError("a folder without the shell's variables, which are not expanded: write the path out")
        return at_home(value)

    @field_validator("claims")
    @classmethod
    def _ledger(cls, value: str) -> str:
        if set(value) & {"{", "}"}:
            raise ValueError("a file without braces (Snakemake's wildcards)")
        return at_home(value)
