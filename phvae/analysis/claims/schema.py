"""The claims as data: what is asserted, on which data, by which one number, against which controls."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from phvae.config.strict import Strict, Unique
from phvae.experiment.schema import Name

__all__ = ["CURVE_CONTROL", "Claim", "Claims", "Control", "Matters", "family_of"]

CURVE_CONTROL = "rate-distortion"  # a control's name: the beta curve at the challenger's own rate


class Control(Strict):
    """What the challenger must beat; a bare name is a variant."""

    variant: str = Field(min_length=1, description="a variant, or rate-distortion for the beta curve at matched rate")
    challenger: str | None = Field(None, min_length=1, description="stands in for the claim's challenger against this")

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"variant": value} if isinstance(value, str) else value


class Matters(Strict):
    """The smallest effect that matters: absolute in the metric's unit, or a share of the control's mean (or spread)."""

    absolute: Annotated[float, Field(gt=0)] | None = None
    relative: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Matters:
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("expected exactly one of absolute and relative")
        return self


class Claim(Strict):
    """One claim: supported on a data set if the challenger beats all controls there."""

    text: str = Field(min_length=1, description="the claim in a sentence")
    datasets: Unique[str] = Field(min_length=1, description="sets of any grid; those not run are not tested")
    metric: str = Field(min_length=1, description="the one primary metric")
    split: str = "test"
    compare: Literal["mean", "spread"] = Field("mean", description="the mean over seeds, or the spread between seeds")
    direction: Literal["lower", "higher"] = Field(description="which way the claim says the metric goes")
    challenger: str = Field(min_length=1)
    controls: list[Control] = Field(min_length=1)
    n_train: Literal["largest", "smallest"] = Field("largest", description="the training size it is tested at")
    matters: Matters
    figure: str = Field("", description="name of the figure that shows it")

    def variants(self) -> list[str]:
        """Every variant that it names: the challenger, the controls, and those that stand in for the challenger."""
        named = [name for one in self.controls for name in (one.variant, one.challenger) if name]
        return [self.challenger, *(name for name in named if name != CURVE_CONTROL)]

    @model_validator(mode="after")
    def _consistent(self) -> Claim:
        pairs = [(control.variant, control.challenger or self.challenger) for control in self.controls]
        for pair in pairs:
            if pair[0] == pair[1]:
                raise ValueError(f"expected controls other than the challenger, found {pair[0]!r} against itself")
            if pairs.count(pair) > 1:
                raise ValueError(f"expected each control once, found {pair[0]!r} twice")
        if self.compare == "spread":
            if self.direction != "lower":
                raise ValueError("compare spread asserts a smaller spread: expected direction lower")
            if self.matters.relative is None:
                raise ValueError("compare spread needs matters.relative: a share of the control's spread")
            if any(control.variant == CURVE_CONTROL for control in self.controls):
                raise ValueError(
                    f"compare spread cannot have the control {CURVE_CONTROL}: the curve has no spread of its own"
                )
        return self


class Claims(Strict):
    """The file: when it was written, and its claims by name."""

    written: datetime.date = Field(description="the day the claims were fixed, before the runs")
    source: str = Field("", description="where the claims come from")
    level: float = Field(0.05, gt=0, lt=0.5, description="one-sided level of every comparison")
    claims: dict[Name, Claim] = Field(min_length=1)


def family_of(claim: str) -> str:
    """The family of a claim: the part of its name before the first hyphen.

    >>> family_of("image-accuracy"), family_of("divergence")
    ('image', 'divergence')
    """
    return claim.partition("-")[0]
