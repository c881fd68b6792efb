"""Single figures: what they draw of given numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from described import described
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from scipy import stats
from synthetic import write_results

from phvae.analysis.figures.density_curves import DensityCurves, best_bandwidth, smoothed
from phvae.analysis.figures.family_curves import FamilyCurves
from phvae.analysis.figures.interval_lines import draw_lines
from phvae.analysis.figures.learning_units import score_unit
from phvae.analysis.figures.looks import Design, Look, looks, looks_of
from phvae.analysis.figures.metric_by_order import MetricByOrder
from phvae.analysis.figures.paired_seeds import PairedSeeds
from phvae.analysis.figures.rate_distortion import RateDistortion
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.traversals import traversal_frames, write_gif
from phvae.analysis.statistics import paired_interval
from phvae.analysis.statistics.rate_distortion import matched
from phvae.model.options import ModelConfig

FEW = ("vae", "beta-vae-0.25", "beta-vae-4", "ph-vae-2", "ph-vae-3", "copies-3", "ph-vae-3-matched")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("some") / "quick"
    return write_results(root, datasets=("trimodal", "digits", "sprites"), variants=FEW, seeds=3, arrays=False)


def test_a_band_above_the_true_pdf_is_not_cut_until_the_truth_would_vanish() -> None:
    rng = np.random.default_rng(0)
    true = stats.norm.pdf(0)
    for width, room in ((0.8, 0.0), (0.01, 1.6)):
        seeds = rng.normal(size=(5, 4000)) * np.array([1, 1, 1, 1, width])[:, None]
        figure = DensityCurves({"a": {"means": seeds}}, stats.norm.pdf, (-4.0, 4.0)).draw()
        band = max(float(b.get_paths()[0].vertices[:, 1].max()) for b in figure.axes[0].collections)
        top = figure.axes[0].get_ylim()[1]
        assert band > 1.1 * true
        assert top == pytest.approx(room * true, rel=1e-3) if room else top > band


def intervals(figure: Figure) -> dict[str, Line2D]:
    """Variant (or its label) -> the marker of its interval, of the only panel."""
    ax = figure.axes[0]
    names = [label.get_text() for label in ax.get_yticklabels()]
    markers = [bar.lines[0] for bar in ax.containers if isinstance(bar, ErrorbarContainer)]
    return {names[round(float(marker.get_ydata()[0]))]: marker for marker in markers}


def paired(table: pd.DataFrame, variants: Sequence[str]) -> PairedSeeds:
    return PairedSeeds(table, ["mse"], variants, looks_of(table))


def test_only_what_is_resolved_is_filled(results: Path) -> None:
    table = Stored(results).of("sprites")
    found = intervals(paired(table, FEW).draw())
    assert found["ph-vae-3"].get_markerfacecolor() != "white"
    assert found["copies-3"].get_markerfacecolor() == "white"
    lost = (table["variant"] == "ph-vae-3") & (table["seed"] == 0) & (table["metric"] == "mse")
    for column, value in (("caution", "few"), ("status", "failed")):  # by the rule of the tables
        figure = paired(table.assign(**{column: table[column].mask(lost, value)}), FEW).draw()
        assert intervals(figure)["ph-vae-3"].get_markerfacecolor() == "white"


def by_hand(rows: list[tuple[str, int, float]]) -> pd.DataFrame:
    return described(
        pd.DataFrame(rows, columns=["variant", "seed", "value"]).assign(
            dataset="d", n_train="all", split="test", metric="mse", unit="1", higher_is_better=False, order=1,
            divergence="kl", n=9, ceiling=np.nan, floor=np.nan, noise_sd=np.nan, settings="", status="ok", reason="",
            caution="",
        )
    )  # fmt: skip


def test_the_interval_is_of_the_paired_difference_from_the_baselines_mean() -> None:
    rows = [("vae", s, 10.0 * s) for s in range(4)] + [("other", s, 10.0 * s + 1 + 0.01 * s) for s in range(5)]
    figure = paired(by_hand(rows), ["vae", "other"]).draw()
    assert intervals(figure)["other"].get_xdata()[0] == pytest.approx(15 + 1.015)
    [bar] = [bar for bar in figure.axes[0].containers if bar.lines[0].get_xdata()[0] > 15.5]
    start, end = bar.lines[2][0].get_segments()[0][:, 0]
    assert 0 < end - start < 0.1, "narrow, though the values lie ten apart"
    assert [15.0, 15.0] in [list(line.get_xdata()) for line in figure.axes[0].lines if line.get_color() == "black"]


def test_a_far_variant_has_an_arrow_and_the_others_fill_the_panel() -> None:
    rows = [(f"v{i}" if i else "vae", seed, 0.1 * i + 0.01 * seed) for i in range(6) for seed in range(4)]
    rows += [("far", seed, 50.0 + seed) for seed in range(4)]
    table = by_hand(rows)
    ax = paired(table, list(table["variant"].unique())).draw().axes[0]
    assert ax.get_xlim()[1] < 1
    assert [text.get_text() for text in ax.texts] == ["52"]
    [arrow] = [line for line in ax.lines if line.get_marker() == ">"]
    assert arrow.get_xdata()[0] == ax.get_xlim()[1]


def test_the_line_of_order_one_is_the_plain_model_alone(results: Path) -> None:
    table = Stored(results).table
    here = table[(table["dataset"] == "digits") & (table["n_train"].astype(str) == "all")]
    other = here[here["variant"] == "vae"].assign(variant="vae-logpoly", divergence="log_polynomial:exponential(3)")
    both = described(pd.concat([here, other.assign(value=other["value"] + 100)]))
    axes = MetricByOrder(both, ["mse"], looks_of(both)).draw().axes
    [line] = [line for line in axes[0].lines if line.get_label() == "order 1 (VAE)"]
    plain = here.loc[(here["variant"] == "vae") & (here["metric"] == "mse"), "value"].mean()
    assert line.get_ydata() == pytest.approx([plain, plain])


def test_the_line_in_front_stands_on_its_ticks_and_is_never_cut() -> None:
    table = by_hand([("vae", seed, 1.0 + 0.01 * seed) for seed in range(3)])
    front, back = Look("#000000", "o", "-", depth=6), Look("#111111", "s", "-")
    values = {1: table["value"], 2: table["value"] + 0.05}
    lines = {name: (back, values) for name in ("a", "b", "c")} | {
        "far": (back, {1: table["value"], 2: table["value"] + 40}),
        "front": (front, {1: table["value"], 2: table["value"] - 9}),
    }
    ax = Figure().subplots()
    ax.set_xlim(0.5, 2.5)
    draw_lines(ax, lines)
    drawn = {bar.get_label(): bar.lines[0].get_xydata() for bar in ax.containers if isinstance(bar, ErrorbarContainer)}
    assert list(drawn["front"][:, 0]) == [1, 2]
    assert len({x for name in ("a", "b", "c", "far", "front") for x in drawn[name][:, 0]}) == 10, "beside each other"
    assert [text.get_text() for text in ax.texts] == ["41"]
    low, high = ax.get_ylim()
    assert low < drawn["front"][1, 1] < high < 41


def test_below_the_curve_is_the_difference_at_equal_rate_with_its_interval(results: Path) -> None:
    table = Stored(results).of("sprites")
    above, below = RateDistortion(table, {"sprites": "mse"}, looks_of(table)).draw().axes
    runs = matched(table, "mse").dropna(subset=["difference"])
    found = {
        look.colour: bar for bar in below.containers for look in looks_of(table).values()
        if bar.lines[0].get_color() == look.colour
    }  # fmt: skip
    assert set(found) == {looks_of(table)[variant].colour for variant in runs["variant"]}
    rows = runs[runs["variant"] == "ph-vae-3"]
    bar = found[looks_of(table)["ph-vae-3"].colour]
    assert bar.lines[0].get_xydata()[0] == pytest.approx((rows["rate"].mean(), rows["difference"].mean()))
    ends = bar.lines[2][0].get_segments()[0][:, 1]
    assert ends == pytest.approx([float(end) for end in paired_interval(rows["difference"].to_numpy())])
    assert above.get_xlim() == below.get_xlim()


def test_a_validation_reconstruction_is_the_score_that_figures_show(results: Path) -> None:
    model = ModelConfig.model_validate({"likelihood": {"name": "gaussian", "scale": 0.2}}).model_dump()
    images, density = Stored(results).prepared("sprites"), Stored(results).prepared("trimodal")
    assert images is not None
    assert density is not None
    elements, mse = math.prod(images.shape), 0.03
    nats = elements * (mse / (2 * 0.2**2) + math.log(0.2) + 0.5 * math.log(2 * math.pi))
    unit = score_unit(model, images)
    assert unit is not None
    assert (unit.metric, unit.factor * nats + unit.offset) == ("mse", pytest.approx(mse))
    unit = score_unit(model, density)
    assert unit is not None
    x = np.array([0.3, -1.2])
    offset, scale = (float(part[0]) for part in density.scaling or ())
    nll = -stats.norm.logpdf(offset + scale * x, 0.1, 0.2)  # per unit of the model; of the data: times |scale|
    assert unit.factor * nll + unit.offset == pytest.approx(-stats.norm.logpdf(x, (0.1 - offset) / scale, 0.2 / scale))
    assert unit.metric == "reconstruction_nll"
    grey = model | {"likelihood": {"name": "bernoulli"}}
    assert score_unit(grey, images) == ("bce_reconstruction", 1.0, 0.0)
    assert score_unit(model | {"reconstruction_weights": "uniform"}, images) is None
    assert score_unit(model, None) is None


def test_best_bandwidth_is_the_normal_references_one() -> None:
    """For a normal density the exact MISE-optimal width is close to (4/3)^(1/5) n^(-1/5) (Silverman 1986, 3.28)."""

    def pdf(x: np.ndarray) -> np.ndarray:
        return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)

    found = best_bandwidth(pdf, -8, 8, 4096)
    assert found == pytest.approx((4 / 3) ** 0.2 * 4096**-0.2, rel=0.06)


def test_smoothed_density_has_the_mass_inside_the_limits() -> None:
    samples = np.append(np.random.default_rng(0).normal(size=3000), np.full(1000, 50.0))
    x = np.linspace(-8, 8, 1024)
    assert np.trapezoid(smoothed(samples, x, 0.2), x) == pytest.approx(0.75, abs=1e-3)


def test_traversal_gif_goes_there_and_back(tmp_path: Path) -> None:
    levels = np.zeros((2, 7, 1, 8, 8), np.uint8)
    levels[0] = (np.arange(7) * 40)[:, None, None, None]
    frames = traversal_frames(levels, "a model")
    assert len(frames) == 12
    assert [int(frame[60, 40, 0]) for frame in frames] == [0, 40, 80, 120, 160, 200, 240, 200, 160, 120, 80, 40]
    write_gif(frames, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.info["loop"]) == (12, 0)


def test_no_point_of_the_figure_by_order_is_made_of_two_variants() -> None:
    geometric, uniform = "hierarchical:geometric(2)", "hierarchical:uniform"
    cells = [
        ("vae", 1, "kl", 1.0), ("vae-wide", 1, "kl", 1.0), ("ph-2", 2, geometric, 1.0), ("ph-3", 3, geometric, 1.0),
        ("ph-3-b4", 3, geometric, 4.0), ("ph-2-flat", 2, uniform, 1.0), ("ph-3-flat", 3, uniform, 1.0),
        ("ph-3-wide", 3, geometric, 1.0),
    ]  # fmt: skip
    rows = [(*cell, seed, 10.0 * i + seed) for i, cell in enumerate(cells) for seed in range(3)]
    table = pd.DataFrame(rows, columns=["variant", "order", "divergence", "beta", "seed", "value"]).assign(
        dataset="d", metric="mse", unit="1", higher_is_better=False,
    )  # fmt: skip
    table = described(table)
    axes = MetricByOrder(table, ["mse"], looks_of(table)).draw().axes[0]
    found = {bar.get_label(): bar.lines[0].get_ydata().tolist() for bar in axes.containers}
    assert found == {
        "PH-VAE": [21.0, 31.0], "β = 4": [41.0], "level-weighted, uniform": [51.0, 61.0], "PH-VAE (ph-3-wide)": [71.0],
    }  # fmt: skip
    [line] = [line for line in axes.lines if line.get_label() == "order 1 (VAE)"]
    assert line.get_ydata() == pytest.approx([1.0, 1.0])


def test_a_wide_vae_is_drawn_beside_the_curve_not_in_it(tmp_path: Path) -> None:
    table = Stored(write_results(tmp_path / "all", datasets=("digits",), seeds=2, arrays=False)).of("digits")
    wide = table[table["variant"] == "vae"].assign(variant="vae-wide", backbone="wide")
    wide.loc[wide["metric"] == "mse", "value"] += 100
    table = described(pd.concat([table.assign(backbone="usual"), wide], ignore_index=True))
    axes = RateDistortion(table, {"digits": "mse"}, looks_of(table)).draw().axes[0]
    [mean] = [line for line in axes.lines if line.get_label() == "β-VAE, mean"]
    assert len(mean.get_ydata()) == 5
    assert max(mean.get_ydata()) < 1
    assert "vae-wide" in axes.get_legend_handles_labels()[1]


def test_a_family_is_a_line_and_its_chosen_weight_is_filled(results: Path) -> None:
    table = Stored(results).of("digits")
    families = {"β-VAE": ["beta-vae-0.25", "vae", "beta-vae-4"], "PH-VAE": ["ph-vae-2", "ph-vae-3", "absent"]}
    styles = looks({"β-VAE": Design("baseline"), "PH-VAE": Design("PH-VAE")})
    [ax] = FamilyCurves(table, ["mse"], families, ["vae"], styles).draw().axes
    assert ax.get_legend_handles_labels()[1] == ["β-VAE", "PH-VAE"]
    lines = [line for bar in ax.containers for line in bar.lines[:1]]
    assert [len(line.get_xdata()) for line in lines] == [3, 2]
    means = table.pivot_table(index="variant", columns="metric", values="value").loc["vae"]
    marked = [line for line in ax.lines if line.get_marker() == styles["β-VAE"].marker and len(line.get_xdata()) == 1]
    [filled] = [line for line in marked if line.get_markerfacecolor() != "white"]
    assert (filled.get_xdata()[0], filled.get_ydata()[0]) == pytest.approx((means["kl"], means["mse"]))
    assert filled.get_zorder() > max(line.get_zorder() for line in lines)
