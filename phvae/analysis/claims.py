"""The claims as data: what is asserted, on which data, by which one number, against which controls."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from phvae.analysis.rate_distortion import CURVE
from phvae.config.explain import validated
from phvae.config.reader import read_yaml
from phvae.config.strict import Strict
from phvae.data.registry import KINDS
from phvae.errors import ConfigError, nearest
from phvae.files import sha256

__all__ = ["Claim", "Claims", "Control", "Matters", "read_claims", "read_known_claims"]


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
    datasets: list[str] = Field(min_length=1, description="sets of any grid; those not run are not tested")
    metric: str = Field(min_length=1, description="the one primary metric")
    split: str = "test"
    compare: Literal["mean", "spread"] = Field("mean", description="the mean over seeds, or the spread between seeds")
    direction: Literal["lower", "higher"] = Field(description="which way the claim says the metric goes")
    challenger: str = Field(min_length=1)
    controls: list[Control] = Field(min_length=1)
    n_train: Literal["largest", "smallest"] = Field("largest", description="the training size it is tested at")
    matters: Matters
    figure: str = Field("", description="name of the figure that shows it")

    @field_validator("datasets")
    @classmethod
    def _unique(cls, value: list[str]) -> list[str]:
        if len(set(value)) < len(value):
            raise ValueError("each data set once")
        return value

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
            if any(control.variant == CURVE for control in self.controls):
                raise ValueError(f"compare spread cannot have the control {CURVE}: the curve has no spread of its own")
        return self


class Claims(Strict):
    """The file: when it was written, and its claims by name."""

    written: datetime.date = Field(description="the day the claims were fixed, before the runs")
    source: str = Field("", description="where the claims come from")
    level: float = Field(0.05, gt=0, lt=0.5, description="one-sided level of every comparison")
    claims: dict[str, Claim] = Field(min_length=1)


def read_claims(path: str | Path) -> tuple[Claims, str]:
    """The claims of a file and the sha256 of its bytes, which stands in every report.

    Raises:
        ConfigError: the file is absent, not YAML, or says something that cannot be tested; names key, found, expected.
    """
    return validated(Claims, read_yaml(path), lambda key: f"{path}: {key}" if key else str(path)), sha256(path)


def read_known_claims(path: str | Path, datasets: Iterable[str], variants: Iterable[str]) -> tuple[Claims, str]:
    """`read_claims`, whose data sets and variants must be known by name somewhere.

    Known are those given, every data kind, and those of the grids that lie beside the file: a claim may speak of a set
    that one grid lacks, but a misspelt one would be "not tested" for ever.

    Args:
        path: the file.
        datasets: data sets of the grid or results at hand.
        variants: their variants.

    Raises:
        ConfigError: as `read_claims`, or a claim names what is not known; names the nearest that is.
    """
    claims, digest = read_claims(path)
    sets, models = {*datasets, *KINDS}, {*variants, CURVE}
    for beside in sorted(Path(path).parent.glob("*.yaml")):
        grid = _grid_beside(beside)
        sets.update(grid.get("datasets", ()))
        models.update(grid.get("variants", ()))
    unknown = [
        f"{path}: claims.{name}.{key}: found {word!r}, expected a {what} of some grid{nearest(word, known)}"
        for name, claim in claims.claims.items()
        for key, what, words, known in (
            ("datasets", "data set", claim.datasets, sets),
            ("challenger", "variant", [claim.challenger], models),
            ("controls", "variant", [v for c in claim.controls for v in (c.variant, c.challenger) if v], models),
        )
        for word in words
        if word not in known
    ]
    if unknown:
        raise ConfigError("\n".join(unknown[:8]))
    return claims, digest


def _grid_beside(path: Path) -> dict[str, Any]:
    """A configuration's mapping; an empty one for a file that is none."""
    try:
        content = read_yaml(path)
    except ConfigError:
        return {}
    return content if all(isinstance(content.get(key), dict) for key in ("datasets", "variants")) else {}
