"""The density sets of one and two dimensions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from phvae.data.density_set import DensitySet, density_about
from phvae.data.distributions.line import Density1D, lognormal, normal, student_t, uniform, weibull
from phvae.data.distributions.plane import Density2D, moons, pinwheel, rings
from phvae.data.recipe import About

__all__ = [
    "Bimodal",
    "Claw",
    "Gap",
    "LogNormal",
    "Moons",
    "Pinwheel",
    "Rings",
    "StudentT",
    "Trimodal",
    "Weibull",
]


class Trimodal(DensitySet):
    """Three normal modes of different weight and width."""

    name: ClassVar[str] = "trimodal"
    about: ClassVar[About] = density_about(
        "Three-mode normal mixture", "this project", ".3 N(-2, .5²) + .4 N(0, .3²) + .3 N(2, .7²)"
    )

    def density(self) -> Density1D:
        """The mixture."""
        return Density1D((normal(0.3, -2.0, 0.5), normal(0.4, 0.0, 0.3), normal(0.3, 2.0, 0.7)))


class Claw(DensitySet):
    """The claw: a normal with five narrow fingers."""

    name: ClassVar[str] = "claw"
    about: ClassVar[About] = density_about(
        "Claw density",
        "J. S. Marron and M. P. Wand (1992), Exact mean integrated squared error, Ann. Statist. 20, density #10",
        "0.5 N(0, 1) + sum over l=0..4 of 0.1 N(l/2 - 1, .1²)",
    )

    def density(self) -> Density1D:
        """The mixture."""
        return Density1D((normal(0.5, 0.0, 1.0), *(normal(0.1, i / 2 - 1, 0.1) for i in range(5))))


class Weibull(DensitySet):
    """A skewed density on the positive half-line."""

    shape: Annotated[float, Field(ge=1, le=20)] = Field(1.5, description="1 is the exponential")

    name: ClassVar[str] = "weibull"
    about: ClassVar[About] = density_about(
        "Weibull density", "W. Weibull (1951), J. Appl. Mech. 18", "scale 1, shape 1.5"
    )

    def density(self) -> Density1D:
        """The density."""
        return Density1D((weibull(1.0, self.shape, 1.0),))


class LogNormal(DensitySet):
    """A skewed density whose tail is heavier than any exponential."""

    sd: Annotated[float, Field(ge=0.01, le=2)] = Field(0.6, description="standard deviation of log x")

    name: ClassVar[str] = "lognormal"
    about: ClassVar[About] = density_about("Log-normal density", "textbook", "log x ~ N(0, .6²)")

    def density(self) -> Density1D:
        """The density."""
        return Density1D((lognormal(1.0, 0.0, self.sd),))


class StudentT(DensitySet):
    """A symmetric density with heavy tails; the variance is finite."""

    df: Annotated[float, Field(ge=3, le=1000)] = Field(5.0, description="degrees of freedom")

    name: ClassVar[str] = "student_t"
    about: ClassVar[About] = density_about("Student t density", "Student (1908), Biometrika 6", "5 degrees of freedom")

    def density(self) -> Density1D:
        """The density."""
        return Density1D((student_t(1.0, self.df),))


class Gap(DensitySet):
    """Two uniform pieces with nothing between them."""

    name: ClassVar[str] = "gap"
    about: ClassVar[About] = density_about("Uniform with a gap", "this project", ".6 U(0, 1.5) + .4 U(2.5, 3.5)")

    def density(self) -> Density1D:
        """The mixture."""
        return Density1D((uniform(0.6, 0.0, 1.5), uniform(0.4, 2.5, 3.5)))


class Bimodal(DensitySet):
    """Two modes of unequal weight and width."""

    name: ClassVar[str] = "bimodal"
    about: ClassVar[About] = density_about(
        "Bimodal with unequal modes", "this project", ".8 N(-1, .6²) + .2 N(2, .25²)"
    )

    def density(self) -> Density1D:
        """The mixture."""
        return Density1D((normal(0.8, -1.0, 0.6), normal(0.2, 2.0, 0.25)))


class Moons(DensitySet):
    """Two interleaved half-circles with normal noise."""

    noise: Annotated[float, Field(ge=0.02, le=1)] = Field(0.1, description="standard deviation of the noise")

    name: ClassVar[str] = "moons"
    about: ClassVar[About] = density_about(
        "Two moons", "as in scikit-learn's make_moons", "radius 1, noise .1", shape=(2,)
    )

    def density(self) -> Density2D:
        """The density."""
        return moons(self.noise)


class Rings(DensitySet):
    """Concentric rings."""

    radii: Annotated[tuple[Annotated[float, Field(gt=0, le=1000)], ...], Field(min_length=1, max_length=8)] = (
        1.0,
        2.0,
        3.0,
    )
    noise: Annotated[float, Field(ge=0.01, le=1)] = Field(0.1, description="standard deviation of the radius")

    name: ClassVar[str] = "rings"
    about: ClassVar[About] = density_about("Rings", "this project", "radii 1, 2, 3 of equal mass, noise .1", shape=(2,))

    @model_validator(mode="after")
    def _resolved(self) -> Self:
        # quartiles come from the pdf on a grid of 400 points a side: a step may be two standard deviations
        if max(self.radii) > 390 * self.noise:
            raise ValueError(
                f"radii up to {max(self.radii):g} with noise {self.noise:g}, expected at most 390 times the noise: "
                "thinner rings are not resolved"
            )
        return self

    def density(self) -> Density2D:
        """The density."""
        return rings(self.radii, self.noise)


class Pinwheel(DensitySet):
    """Bent arms around the origin."""

    arms: Annotated[int, Field(ge=1, le=20)] = 5
    twist: Annotated[float, Field(ge=-10, le=10)] = Field(0.8, description="turn of an arm a unit of distance, radians")

    name: ClassVar[str] = "pinwheel"
    about: ClassVar[About] = density_about(
        "Pinwheel",
        "after M. Johnson et al. (2016), Composing graphical models with neural networks, NeurIPS",
        "arms turn with the distance from the origin, so that the pdf is exact",
        shape=(2,),
    )

    def density(self) -> Density2D:
        """The density."""
        return pinwheel(self.arms, self.twist)
