"""Figures that compare variants: by order, seed by seed, against the baseline, at equal rate, by training size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phvae.analysis.rate_distortion import on_curve
from phvae.analysis.results import size_key
from phvae.analysis.statistics import mean_interval
from phvae.analysis.style import (
    DOUBLE,
    direction,
    grid_of,
    label_apart,
    looks,
    metric_label,
    new_figure,
    row_labels,
    shared_legend,
    styled,
    wrap,
)
from phvae.analysis.summaries import against
from phvae.analysis.verdict import BETTER, WORSE
from phvae.determinism.seeding import numpy_generator

__all__ = ["forest", "metric_by_order", "paired_seeds", "rate_distortion", "small_data"]

_DIVERGENCES = {"kl": "KL", "hierarchical": "level-weighted", "log_polynomial": "log-ratio"}


_PAPER = ("monomial", "full", "hierarchical", "chain(0.5)", "1.0")
_FAMILY = {
    "basis": "", "encoder_width": "width", "divergence": "", "beta": "β", "coupling": "coupling", "prior": "prior",
}  # fmt: skip


def _present(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Rows of these metrics that have a value and a seed."""
    return table[table["metric"].isin(metrics) & table["value"].notna() & table["seed"].notna()]


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and its 95 % interval; without an interval (one seed) the mean three times."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean, mean
    low, high = mean_interval(np.asarray(values, dtype=float)[None], numpy_generator(0, "figures", "interval"))
    return mean, float(low[0]), float(high[0])


def _line(groups: Mapping[int, pd.Series]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions, means, and the ends of their intervals."""
    points = [(at, *_interval(values.to_numpy(dtype=float))) for at, values in groups.items()]
    x, mean, low, high = np.array(points, dtype=float).T
    return x, mean, low, high


def _better(ax: Axes, table: pd.DataFrame, metric: str, inches: float = DOUBLE / 3) -> None:
    """Name the metric above the panel, which is `inches` wide, and below the name which way is better."""
    known = table.loc[table["metric"] == metric, "higher_is_better"].dropna()
    text = direction(bool(known.iloc[0])) if len(known) else ""
    ax.set_title(wrap(metric_label(metric), int(inches / 0.068)) + (f"\n{text}" if text else ""), linespacing=1.25)


def _families(table: pd.DataFrame) -> dict[str, str]:
    """Variant -> family: how it differs, apart from its order, from what most variants have in common.

    A family has one variant an order; another that differs in nothing that the table tells is a family of its own.
    """
    cells = table[table["order"] > 1].drop_duplicates("variant").set_index("variant")
    settings = cells[list(_FAMILY)].astype(str)
    common = {name: _common(settings[name]) for name in _FAMILY} if len(cells) else {}
    kinds = settings["divergence"].drop_duplicates().map(_kind).value_counts()
    found: dict[str, str] = {}
    taken: set[tuple[str, int]] = set()
    for (variant, cell), order in zip(settings.iterrows(), cells["order"], strict=True):
        alone = kinds[_kind(cell["divergence"])] == 1
        differs = [_word(name, cell[name], short=alone) for name in _FAMILY if cell[name] != common[name]]
        family = ", ".join(differs) or "PH-VAE"
        found[str(variant)] = family if (family, order) not in taken else f"{family} ({variant})"
        taken.add((family, order))
    return found


def _common(values: pd.Series) -> str:
    """The value of most variants; where two are as common, the paper's reading."""
    counts = values.value_counts()
    most = sorted(str(value) for value in counts.index[counts == counts.max()])
    return next((value for value in most if value.startswith(_PAPER)), most[0])


def _word(name: str, value: str, *, short: bool = True) -> str:
    """What a family is called for one of its settings; `short` leaves out those of the divergence.

    >>> _word("divergence", "log_polynomial:exponential(3)"), _word("encoder_width", "matched"), _word("beta", "4.0")
    ('log-ratio', 'matched width', 'β = 4')
    >>> _word("divergence", "hierarchical:uniform", short=False)
    'level-weighted, uniform'
    """
    if name == "divergence":
        kind, _, options = value.partition(":")
        word = _DIVERGENCES.get(kind, kind)
        return f"{word}, {options}" if options and not short else word
    if name == "beta":
        return f"{_FAMILY[name]} = {float(value):g}"
    return f"{value} {_FAMILY[name]}".strip()


def _kind(divergence: str) -> str:
    """A divergence's name without its settings."""
    return divergence.partition(":")[0]


def metric_by_order(table: pd.DataFrame, metrics: Sequence[str], columns: int = 3) -> Figure:
    """Each metric against the order, a line for each family; mean over seeds with its 95 % interval.

    Args:
        table: long table of one data set and training size. The first variant of order 1 with beta 1 is the grey band
            across.
        metrics: a panel each.
        columns: panels in a row.
    """
    rows = _present(table, metrics)
    families = _families(rows)
    look = looks(["", *dict.fromkeys(families.values())])
    orders = sorted({int(order) for order in rows["order"] if order > 1})
    plain = rows[(rows["order"] == 1) & (rows["beta"] == 1) & (rows["divergence"].map(_kind) != "log_polynomial")]
    plain = plain[plain["variant"].isin(plain["variant"].unique()[:1])]
    count = -(-len(metrics) // min(columns, len(metrics)))
    with styled():
        figure = new_figure(DOUBLE, 0.55 + 1.55 * count)
        axes = grid_of(figure, len(metrics), columns)
        drawn = dict.fromkeys(families.values())
        for ax, metric in zip(axes, metrics, strict=True):
            here = rows[rows["metric"] == metric]
            reference = plain.loc[plain["metric"] == metric, "value"].to_numpy()
            if len(reference):
                level, below, above = _interval(reference)
                ax.axhspan(below, above, color="#E3E3E3", linewidth=0)
                ax.axhline(level, color="#555555", linewidth=0.9, label="order 1 (VAE)")
            for i, family in enumerate(drawn):
                members = here[here["variant"].map(families.get) == family]
                if members.empty:
                    continue
                x, mean, low, high = _line({int(o): g["value"] for o, g in members.groupby("order")})  # type: ignore[arg-type]
                shift = 0.07 * (i - (len(drawn) - 1) / 2)
                # lists: of arrays of one point, older matplotlib and NumPy make a warning between them
                errors = [(mean - low).tolist(), (high - mean).tolist()]
                ax.errorbar(
                    x + shift, mean, yerr=errors, capsize=1.8, elinewidth=0.8, label=family,
                    **look[family].keywords,
                )  # fmt: skip
            ax.set_xticks(orders)
            ax.set_xlim(orders[0] - 0.5, orders[-1] + 0.5)
            ax.set_xlabel("order")
            _better(ax, rows, metric)
        shared_legend(figure, axes, 3)
    return figure


def paired_seeds(
    table: pd.DataFrame, metrics: Sequence[str], variants: Sequence[str], labels: Mapping[str, str] | None = None
) -> Figure:
    """Every seed as a thin line through the variants: lines that run alike show what pairing by seed removes.

    Args:
        table: long table of one data set and training size.
        metrics: a panel each.
        variants: the columns, the baseline first.
        labels: variant -> name shown.
    """
    names = dict(labels or {})
    rows = _present(table, metrics)
    look = looks(variants)
    shown, height = row_labels([names.get(v, v) for v in variants])
    panel = _panel(shown, len(metrics))
    with styled():
        figure = new_figure(DOUBLE, 0.85 + 1.5 * height * max(len(variants), 3))
        axes = grid_of(figure, len(metrics), len(metrics), sharey=True)
        at = np.arange(len(variants))
        for ax, metric in zip(axes, metrics, strict=True):
            values = rows[rows["metric"] == metric].pivot_table(index="seed", columns="variant", values="value")
            values = values.reindex(columns=list(variants))
            ax.plot(values.to_numpy(dtype=float).T, at, color="#9A9A9A", linewidth=0.6, zorder=1)
            for i, variant in enumerate(variants):
                seen = values[variant].dropna().to_numpy(dtype=float)
                if len(seen) == 0:
                    ax.text(0.5, i, "no runs", transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=6)
                    continue
                style = look[variant]
                ax.scatter(seen, np.full(len(seen), i), color=style.colour, marker=style.marker, s=11, linewidths=0)
                ax.vlines(seen.mean(), i - 0.3, i + 0.3, color=style.colour, linewidth=1.6, zorder=3)
            ax.locator_params(axis="x", nbins=4)
            _better(ax, rows, metric, panel)
        axes[0].set_yticks(at, shown)
        axes[0].set_ylim(len(variants) - 0.5, -0.5)
        for ax in axes[1:]:
            ax.tick_params(labelleft=False)
    return figure


def _panel(labels: Sequence[str], count: int) -> float:
    """Width in inches of each of `count` panels beside their rows' labels."""
    return (DOUBLE - 0.07 * max(len(line) for label in labels for line in label.split("\n"))) / count


def forest(
    table: pd.DataFrame, metrics: Sequence[str], baseline: str, labels: Mapping[str, str] | None = None
) -> Figure:
    """Difference of every variant from the baseline, paired by seed, with its 95 % interval.

    Filled: better or worse, by the rule of the tables. Hollow: not resolved, or neither direction is better. The shaded
    half is the better one.

    Args:
        table: long table of one data set and training size.
        metrics: a panel each.
        baseline: the variant that others are compared with.
        labels: variant -> name shown.
    """
    names = dict(labels or {})
    rows = _present(table, metrics)
    variants = [v for v in dict.fromkeys(rows["variant"]) if v != baseline]
    judged = against(table, baseline).set_index(["metric", "variant"])
    shown, height = row_labels([names.get(v, v) for v in variants])
    panel = _panel(shown, len(metrics))
    with styled():
        figure = new_figure(DOUBLE, 0.9 + height * max(len(variants), 3))
        axes = grid_of(figure, len(metrics), len(metrics), sharey=True)
        for ax, metric in zip(axes, metrics, strict=True):
            here = rows[rows["metric"] == metric]
            up = here["higher_is_better"].dropna()
            for i, variant in enumerate(variants):
                if (metric, variant) not in judged.index:
                    continue
                row = judged.loc[(metric, variant)]
                if not row["pairs"]:
                    ax.text(
                        0.5, i, "no pairs", transform=ax.get_yaxis_transform(), ha="center", va="center", fontsize=6
                    )
                    continue
                mean, *ends = row[["difference", "difference_low", "difference_high"]].astype(float)
                low, high = (mean if np.isnan(end) else end for end in ends)
                resolved = row["word"] in (BETTER, WORSE)
                colour = "#0072B2" if resolved else "#444444"
                ax.errorbar(
                    mean, i, xerr=[[mean - low], [high - mean]], fmt="o" if resolved else "D", color=colour,
                    markerfacecolor=colour if resolved else "white", capsize=1.8, elinewidth=0.9, markersize=3.6,
                )  # fmt: skip
            ax.axvline(0, color="black", linewidth=0.7)
            left, right = ax.get_xlim()
            if len(up):
                ax.axvspan(0, right if up.iloc[0] else left, color="#EAF2F8", linewidth=0, zorder=0)
            ax.set_xlim(left, right)
            ax.locator_params(axis="x", nbins=4)
            ax.set_title(wrap(metric_label(metric, unit=False), int(panel / 0.068)))
            ax.set_xlabel(f"difference{_unit(here)}")
        axes[0].set_yticks(range(len(variants)), shown)
        axes[0].set_ylim(len(variants) - 0.5, -0.5)
        for ax in axes[1:]:
            ax.tick_params(labelleft=False)
    return figure


def _unit(rows: pd.DataFrame) -> str:
    unit = str(rows["unit"].iloc[0]) if len(rows) else "1"
    return "" if unit in ("1", "") else f" [{'IQR' if unit == 'interquartile ranges' else unit}]"


def rate_distortion(
    table: pd.DataFrame, distortions: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> Figure:
    """Distortion against rate KL(q||p): the curve through the beta-VAEs, and where the other variants lie.

    A variant beats every choice of beta only where it lies below the curve.

    Args:
        table: long table of one training size a data set.
        distortions: data set -> its metric; a panel each.
        labels: variant -> name shown.
    """
    names = dict(labels or {})
    rows = _present(table, ["kl", *distortions.values()])
    rows = rows.assign(on_curve=on_curve(rows))
    kept = ["dataset", "variant", "beta", "seed", "on_curve"]
    wide = rows.pivot_table(index=kept, columns="metric", values="value", sort=False).reset_index()
    others = list(dict.fromkeys(wide.loc[~wide["on_curve"], "variant"]))
    look = looks(["", *others])
    with styled():
        columns = 2 if len(distortions) == 4 else min(len(distortions), 3)
        figure = new_figure(DOUBLE, 0.5 + 2.1 * -(-len(distortions) // columns))
        axes = grid_of(figure, len(distortions), columns)
        marks: list[tuple[dict[str, tuple[float, float]], list[tuple[float, float]]]] = []
        for ax, (dataset, metric) in zip(axes, distortions.items(), strict=True):
            here = wide[wide["dataset"] == dataset].dropna(subset=["kl", metric])
            curve = here[here["on_curve"]]
            for _, seed in curve.groupby("seed"):
                ax.plot(*seed.sort_values("kl")[["kl", metric]].to_numpy(dtype=float).T, color="#BDBDBD", linewidth=0.5)
            mean = curve.groupby("beta")[["kl", metric]].mean().sort_values("kl")
            ax.plot(
                mean["kl"], mean[metric], color="black", marker="o", markersize=3, linewidth=1.2, label="β-VAE, mean"
            )
            weights = {f"β={beta:g}": (x, y) for beta, (x, y) in zip(mean.index, mean.to_numpy(), strict=True)}
            marks.append((weights, []))
            for variant in others:
                points = here[(here["variant"] == variant) & ~here["on_curve"]][["kl", metric]].to_numpy(dtype=float)
                if len(points) == 0:
                    continue
                style, (x, y) = look[variant], points.mean(axis=0)
                marks[-1][1].append((x, y))
                dx, dy = points.std(axis=0, ddof=1) if len(points) > 1 else (0.0, 0.0)
                ax.errorbar(
                    x, y, xerr=dx, yerr=dy, color=style.colour, marker=style.marker, linestyle="none", elinewidth=0.7,
                    markeredgecolor="white", markeredgewidth=0.3, markersize=4.8, label=names.get(variant, variant),
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


def small_data(
    table: pd.DataFrame, metrics: Sequence[str], variants: Sequence[str], labels: Mapping[str, str] | None = None
) -> Figure:
    """Each metric against the number of training examples; mean over seeds, the band its 95 % interval.

    Args:
        table: long table of one data set, all training sizes.
        metrics: a panel each.
        variants: the lines.
        labels: variant -> name shown.
    """
    names = dict(labels or {})
    rows = _present(table, metrics)
    look = looks(variants)
    sizes = sorted(dict.fromkeys(rows["n_train"].astype(str)), key=size_key)
    columns = 2 if len(metrics) == 4 else min(len(metrics), 3)
    with styled():
        figure = new_figure(DOUBLE, 0.5 + 1.7 * -(-len(metrics) // columns))
        axes = grid_of(figure, len(metrics), columns)
        for ax, metric in zip(axes, metrics, strict=True):
            for variant in variants:
                here = rows[(rows["metric"] == metric) & (rows["variant"] == variant)]
                groups = {str(n): g["value"] for n, g in here.groupby("n_train")}
                if not groups:
                    continue
                x, mean, low, high = _line({i: groups[n] for i, n in enumerate(sizes) if n in groups})
                ax.fill_between(x, low, high, color=look[variant].colour, alpha=0.15, linewidth=0)
                ax.plot(x, mean, label=names.get(variant, variant), **look[variant].keywords)
            ax.set_xticks(range(len(sizes)), sizes)
            ax.set_xlabel("training examples")
            _better(ax, rows, metric, DOUBLE / columns)
        shared_legend(figure, axes, 4)
    return figure
