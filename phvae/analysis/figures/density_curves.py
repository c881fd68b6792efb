"""Figures of densities: what the models draw against the true pdf, with the spread over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from phvae.analysis.style import DOUBLE, grid_of, new_figure, shared_legend, styled, wrap

__all__ = ["best_bandwidth", "density_curves", "density_maps", "smoothed"]

Pdf = Callable[[np.ndarray], np.ndarray]
_POINTS = 1024


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


def density_curves(
    samples: Mapping[str, Mapping[str, np.ndarray]], pdf: Pdf, limits: tuple[float, float], columns: int = 3
) -> Figure:
    """Density of what each variant draws against the true pdf; the band spans all seeds, the line is their median.

    Args:
        samples: label -> {"means": (seeds, n), "with noise": (seeds, n)}, original units; either may be absent.
        pdf: the true density.
        limits: shown interval, in original units.
        columns: panels in a row.
    """
    x = np.linspace(*limits, _POINTS)
    true = pdf(x)
    n = max(values.shape[1] for kinds in samples.values() for values in kinds.values())
    bandwidth = best_bandwidth(pdf, *limits, n)
    kinds = {"means": ("#D55E00", (0, (4, 1.2)), 0.30), "with noise": ("#0072B2", "-", 0.22)}
    rows = -(-len(samples) // min(columns, len(samples)))
    with styled():
        figure = new_figure(DOUBLE, 0.35 + 1.45 * rows)
        axes = grid_of(figure, len(samples), columns, sharex=True, sharey=True)
        highest = float(true.max())
        for ax, (label, drawn) in zip(axes, samples.items(), strict=True):
            ax.fill_between(x, true, color="#D9D9D9", linewidth=0, label="true pdf")
            ax.plot(x, true, color="#555555", linewidth=0.6)
            for kind, values in drawn.items():
                colour, line, alpha = kinds[kind]
                curves = np.stack([smoothed(seed, x, bandwidth) for seed in values])
                highest = max(highest, float(curves.max()))
                ax.fill_between(x, curves.min(0), curves.max(0), color=colour, alpha=alpha, linewidth=0)
                ax.plot(x, np.median(curves, 0), color=colour, linestyle=line, linewidth=0.9, label=f"samples, {kind}")
            ax.set_title(wrap(label, 33))
            ax.set_xlim(*limits)
        # a collapsed model is a spike: it may leave the panel, the truth must be seen
        axes[0].set_ylim(0, min(1.1 * highest, 1.6 * float(true.max())))
        for ax in axes:
            if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
                ax.set_ylabel("density")
            ax.tick_params(labelbottom=True)
        figure.supxlabel("x (original units)", fontsize=7)
        shared_legend(figure, axes, 3)
    return figure


def density_maps(
    samples: Mapping[str, np.ndarray],
    truth: np.ndarray,
    limits: Sequence[tuple[float, float]],
    columns: int = 4,
) -> Figure:
    """Two-dimensional samples of each variant beside draws of the true density, as counts on one scale.

    Args:
        samples: label -> (n, 2), original units.
        truth: (m, 2) draws of the true density.
        limits: shown interval of each axis.
        columns: panels in a row.
    """
    panels = {"truth": truth, **samples}
    rows = -(-len(panels) // min(columns, len(panels)))
    bins = int(np.clip(0.7 * min(len(points) for points in panels.values()) ** 0.5, 16, 60))
    counts = {}
    for label, points in panels.items():
        histogram, *_ = np.histogram2d(points[:, 0], points[:, 1], bins=bins, range=list(limits), density=False)
        counts[label] = histogram.T / len(points)
    top = float(np.quantile(counts["truth"][counts["truth"] > 0], 0.99))
    with styled():
        figure = new_figure(DOUBLE, 0.3 + 1.75 * rows)
        extent = (limits[0][0], limits[0][1], limits[1][0], limits[1][1])
        for ax, (label, image) in zip(grid_of(figure, len(panels), columns), counts.items(), strict=True):
            ax.imshow(image, origin="lower", extent=extent, aspect="auto", cmap="magma_r", vmin=0, vmax=top)
            ax.set_title(wrap(label, 24))
            ax.tick_params(length=2)
    return figure
