"""What models of one-dimensional densities draw against the true pdf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from phvae.analysis.figures.lettering import wrap
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled

__all__ = ["DensityCurves", "best_bandwidth", "smoothed"]

Pdf = Callable[[np.ndarray], np.ndarray]
_POINTS = 1024
_KINDS = {"means": ("#E69F00", (0, (4, 1.2))), "with noise": ("#0B7A75", "-")}


@dataclass(frozen=True)
class DensityCurves:
    """Density of what each variant draws against the true pdf; the band spans all seeds, the line is their median.

    Attributes:
        samples: label -> {"means": (seeds, n), "with noise": (seeds, n)}, original units; either may be absent.
        pdf: the true density.
        limits: shown interval, in original units.
        w1: as `samples`, the Wasserstein distance from the true density, in words; any may be absent.
        columns: panels in a row.
    """

    kind: ClassVar[str] = "density_curves"
    samples: Mapping[str, Mapping[str, np.ndarray]]
    pdf: Pdf
    limits: tuple[float, float]
    w1: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    columns: int = 3

    def caption(self) -> str:
        """What to see in it."""
        distance = (
            " W1 is their Wasserstein distance from the true density in interquartile ranges, mean over seeds."
            if self.w1
            else ""
        )
        return (
            f"Density of {self._count():,} samples against the true pdf (grey). Bands span all seeds, lines are their "
            "median, smoothed. A model that learnt the density fills the grey shape: look for missing or merged modes, "
            "and for bands as narrow as the line. Means are decoder outputs of prior draws; with noise adds the "
            f"observation noise of the likelihood.{distance} The axis ends at 1.6 times the highest true density at "
            "most: what leaves the panel rises further."
        )

    def draw(self) -> Figure:
        """Draw it."""
        x = np.linspace(*self.limits, _POINTS)
        true = self.pdf(x)
        bandwidth = best_bandwidth(self.pdf, *self.limits, self._count())
        columns = min(self.columns, len(self.samples))
        with styled():
            figure = new_figure(DOUBLE, 0.35 + 1.55 * -(-len(self.samples) // columns))
            axes = grid_of(figure, len(self.samples), columns, sharex=True, sharey=True)
            highest = float(true.max())
            for ax, (label, drawn) in zip(axes, self.samples.items(), strict=True):
                ax.fill_between(x, true, color="#E3E3E3", linewidth=0, label="true pdf")
                ax.plot(x, true, color="black", linewidth=0.7, zorder=4)
                for kind, values in drawn.items():
                    highest = max(highest, _curve(ax, x, values, bandwidth, kind))
                ax.set_title(self._title(label), linespacing=1.25)
                ax.set_xlim(*self.limits)
            # a collapsed model is a spike: it may leave the panel, the truth must be seen
            axes[0].yaxis.set_major_locator(MaxNLocator(4))
            axes[0].set_ylim(0, min(1.1 * highest, 1.6 * float(true.max())))
            for ax in axes:
                if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                    ax.set_ylabel("density")
                ax.tick_params(labelbottom=True)
            figure.supxlabel("x (original units)", fontsize=7)
            shared_legend(figure, axes, 3)
        return figure

    def _title(self, label: str) -> str:
        distances = ", ".join(f"{value} {kind}" for kind, value in self.w1.get(label, {}).items())
        return wrap(label, 33) + (f"\nW1 {distances}" if distances else "")

    def _count(self) -> int:
        """The most samples of a seed."""
        return max(values.shape[1] for kinds in self.samples.values() for values in kinds.values())


def _curve(ax: Axes, x: np.ndarray, seeds: np.ndarray, bandwidth: float, kind: str) -> float:
    """Draw the band of all seeds (seeds, n) and their median, smoothed once more; the band's highest point."""
    from scipy.ndimage import gaussian_filter1d

    colour, line = _KINDS[kind]
    curves = np.stack([smoothed(seed, x, bandwidth) for seed in seeds])
    median = gaussian_filter1d(np.median(curves, 0), bandwidth / (x[1] - x[0]))
    ax.fill_between(x, curves.min(0), curves.max(0), color=colour, alpha=0.3, linewidth=0)
    ax.plot(x, median, color=colour, linestyle=line, linewidth=1.2, label=f"samples, {kind}", zorder=5)
    return float(curves.max())


def best_bandwidth(pdf: Pdf, low: float, high: float, n: int) -> float:
    """The Gaussian kernel's width with the smallest mean integrated squared error for n draws of `pdf`.

    MISE(h) is about 1 / (2 sqrt(pi) n h) + the integral of (K_h * pdf - pdf)^2 (Marron and Wand, 1992); the curves of
    all variants use this one width, so that none is smoothed more than another.
    """
    from scipy.ndimage import gaussian_filter1d

    x = np.linspace(low, high, _POINTS)
    step = x[1] - x[0]
    true = pdf(x)
    widths = np.geomspace(step, (high - low) / 10, 60)
    errors = [
        1 / (2 * np.sqrt(np.pi) * n * h)
        + step * np.sum((gaussian_filter1d(true, h / step, mode="constant") - true) ** 2)
        for h in widths
    ]
    return float(widths[int(np.argmin(errors))])


def smoothed(samples: np.ndarray, x: np.ndarray, bandwidth: float) -> np.ndarray:
    """Gaussian kernel estimate of the density of `samples` (n,) on the even grid `x`; what lies outside counts in n."""
    from scipy.ndimage import gaussian_filter1d

    step = x[1] - x[0]
    edges = np.append(x - step / 2, x[-1] + step / 2)
    counts, _ = np.histogram(samples, bins=edges)
    estimate: np.ndarray = gaussian_filter1d(counts / (len(samples) * step), bandwidth / step, mode="constant")
    return estimate
