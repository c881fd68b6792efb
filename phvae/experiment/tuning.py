"""Weights that are chosen on some seeds and compared on the others (loads no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, field_validator

from phvae.config.strict import Strict, Unique, Whole
from phvae.errors import ConfigError, nearest
from phvae.metrics.registry import METRICS
from phvae.words import listed

if TYPE_CHECKING:
    from phvae.experiment.grid import Cell

__all__ = ["VALIDATION_ELBO", "TuningConfig", "check_tuning"]

VALIDATION_ELBO = "validation_elbo"


class TuningConfig(Strict):
    """Families of variants that differ in the weight of their divergence alone; each family's weight is chosen."""

    seeds: Unique[Annotated[Whole, Field(ge=0)]] = Field(
        min_length=1, description="seeds on which weights are chosen; families are compared on the others"
    )
    criterion: str = Field(
        VALIDATION_ELBO,
        description="best at the weight that is chosen: validation_elbo, the lowest reconstruction + KL(q‖p) on the "
        "validation split; or a metric, of the test split",
    )
    families: dict[str, Annotated[Unique[str], Field(min_length=1)]] = Field(
        min_length=1, description="name -> its variants, as many in each; that of the baseline is compared with"
    )

    @field_validator("criterion")
    @classmethod
    def _known(cls, value: str) -> str:
        scores = [metric for metric in METRICS.values() if metric.group != "groups"]  # those are of all seeds together
        known = [VALIDATION_ELBO, *(metric.name for metric in scores if metric.higher_is_better is not None)]
        if value not in known:
            hint = nearest(value, known)
            raise ValueError(f"{VALIDATION_ELBO}, or a metric of single runs with a better direction{hint}")
        return value

    @field_validator("families")
    @classmethod
    def _alike(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        counts = {name: len(variants) for name, variants in value.items()}
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{count} of {name}" for name, count in counts.items())
            raise ValueError(f"as many weights in each family, so that none is tuned more than others; not {found}")
        every = [variant for variants in value.values() for variant in variants]
        if twice := sorted({variant for variant in every if every.count(variant) > 1}):
            raise ValueError(f"each variant in one family: {listed(twice)} in several")
        return value

    def family_of(self, variant: str) -> str:
        """The family of a variant; empty for one that is in none."""
        return next((name for name, variants in self.families.items() if variant in variants), "")


def check_tuning(tuning: TuningConfig, cells: Sequence[Cell], baseline: str, source: str) -> None:
    """Refuse families that the grid cannot compare.

    Raises:
        ConfigError: the baseline is in no family; a data set has a part of a family, or no seed beside those of the
            choice; the variants of a family differ in more than one number of their divergence.
    """
    where = f"{source}: tuning"
    if not tuning.family_of(baseline):
        raise ConfigError(f"{where}.families: found none with {baseline}, the baseline, expected one with it")
    for dataset in dict.fromkeys(cell.dataset for cell in cells):
        here = {cell.variant: cell for cell in cells if cell.dataset == dataset}
        seeds = set(next(iter(here.values())).seeds)
        if not set(tuning.seeds) < seeds:
            raise ConfigError(
                f"{where}.seeds: found {listed(map(str, tuning.seeds))}, expected some of the seeds of {dataset}, not "
                f"all: {listed(map(str, sorted(seeds)))}"
            )
        for family, variants in tuning.families.items():
            absent = [variant for variant in variants if variant not in here]
            if absent and (len(absent) < len(variants) or family == tuning.family_of(baseline)):
                raise ConfigError(
                    f"{where}.families.{family}: found {listed(absent)}, expected variants of {dataset}: "
                    f"{listed(here)}{nearest(absent[0], here)}"
                )
            if outside := [variant for variant in variants if variant in here and here[variant].external]:
                raise ConfigError(
                    f"{where}.families.{family}: found {listed(outside)}, expected variants that are trained here: "
                    "of an external one no weight is known"
                )
            if not absent and (differing := _differing([here[variant] for variant in variants])):
                raise ConfigError(
                    f"{where}.families.{family}: found variants that differ in {listed(differing)} (data set "
                    f"{dataset}), expected one number of their divergence, its weight"
                )


def _differing(cells: Sequence[Cell]) -> list[str]:
    """The options in which variants differ; none where that is one number of the divergence."""
    plain = [_options(cell) for cell in cells]
    names = list(dict.fromkeys(name for one in plain for name in one))
    found = [name for name in names if any(one.get(name) != plain[0].get(name) for one in plain)]
    numbers = all(isinstance(one.get(name), int | float) for one in plain for name in found)
    weight = len(found) == 1 and found[0].startswith("divergence.") and numbers
    return [] if weight else found


def _options(cell: Cell) -> dict[str, Any]:
    model = cell.model.model_dump()
    divergence = {f"divergence.{name}": value for name, value in model.pop("divergence").items()}
    return (
        divergence
        | {f"model.{name}": value for name, value in model.items()}
        | {f"training.{name}": value for name, value in cell.training.model_dump().items()}
    )
