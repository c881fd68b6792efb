"""Distortion against rate: the beta-VAE's curve and where the other variants lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd
from matplotlib.figure import Figure

from phvae.analysis.figures.lettering import label_apart
from phvae.analysis.figures.looks import Look
from phvae.analysis.figures.panels import present
from phvae.analysis.figures.style import DOUBLE, grid_of, new_figure, shared_legend, styled
from phvae.analysis.presentation.metric_labels import metric_label
from phvae.analysis.results.roles import on_curve

__all__ = ["RateDistortion"]


@dataclass(frozen=True)
class RateDistortion:
    """Distortion against rate KL(q||p): the curve through the beta-VAEs, and where the other variants lie.

    A variant beats every choice of beta only where it lies below the curve.

    Attributes:
        table: long table of one training size a data set.
        distortions: data set -> its metric; a panel each.
        looks: variant -> how it is drawn.
        labels: variant -> name shown.
    """

    kind: ClassVar[str] = "rate_distortion"
    table: pd.DataFrame
    distortions: Mapping[str, str]
    looks: Mapping[str, Look]
    labels: Mapping[str, str] = field(default_factory=dict)

    def caption(self) -> str:
        """What to see in it."""
        return (
            "Distortion against rate. Thin grey lines: the β-VAE's curve of each seed; black: their mean. Other "
            "variants: mean and standard deviation over seeds. Only a point below the curve is better than every "
            "choice of β."
        )

    def draw(self) -> Figure:
        """Draw it."""
        rows = present(self.table, ["kl", *self.distortions.values()])
        rows = rows.assign(on_curve=on_curve(rows))
        betas = rows.drop_duplicates(["dataset", "variant"]).set_index(["dataset", "variant"])["beta"]
        kept = ["dataset", "variant", "seed", "on_curve"]
        wide = rows.pivot_table(index=kept, columns="metric", values="value", sort=False).reset_index()
        wide = wide.join(betas, on=["dataset", "variant"])  # not by it: rows of a divergence without beta would go
        others = list(dict.fromkeys(wide.loc[~wide["on_curve"], "variant"]))
        with styled():
            columns = 2 if len(self.distortions) == 4 else min(len(self.distortions), 3)
            figure = new_figure(DOUBLE, 0.5 + 2.1 * -(-len(self.distortions) // columns))
            axes = grid_of(figure, len(self.distortions), columns)
            marks: list[tuple[dict[str, tuple[float, float]], list[tuple[float, float]]]] = []
            for ax, (dataset, metric) in zip(axes, self.distortions.items(), strict=True):
                here = wide[wide["dataset"] == dataset].dropna(subset=["kl", metric])
                curve = here[here["on_curve"]]
                for _, seed in curve.groupby("seed"):
                    line = seed.sort_values("kl")[["kl", metric]].to_numpy(dtype=float)
                    ax.plot(*line.T, color="#BDBDBD", linewidth=0.5)
                mean = curve.groupby("beta")[["kl", metric]].mean().sort_values("kl")
                ax.plot(
                    mean["kl"], mean[metric], color="black", marker="o", markersize=3, linewidth=1.2,
                    label="β-VAE, mean",
                )  # fmt: skip
                weights = {f"β={beta:g}": (x, y) for beta, (x, y) in zip(mean.index, mean.to_numpy(), strict=True)}
                marks.append((weights, []))
                for variant in others:
                    own = here[(here["variant"] == variant) & ~here["on_curve"]]
                    points = own[["kl", metric]].to_numpy(dtype=float)
                    if len(points) == 0:
                        continue
                    style, (x, y) = self.looks[variant], points.mean(axis=0)
                    marks[-1][1].append((x, y))
                    dx, dy = points.std(axis=0, ddof=1) if len(points) > 1 else (0.0, 0.0)
                    ax.errorbar(
                        x, y, xerr=dx, yerr=dy, color=style.colour, marker=style.marker, linestyle="none",
                        elinewidth=0.7, markeredgecolor="white", markeredgewidth=0.3, markersize=4.8,
                        label=self.labels.get(variant, variant),
                    )  # fmt: skip
                ax.set_title(dataset)
                ax.set_xlabel("rate: KL [nats]")
                ax.set_ylabel(metric_label(metric))
                ax.margins(0.08)
            shared_legend(figure, axes, 4)
            figure.draw_without_rendering()
            for ax, (weights, others_at) in zip(axes, marks, strict=True):
                label_apart(ax, weights, others_at)
        return figure
