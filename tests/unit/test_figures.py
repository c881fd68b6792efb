from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from scipy import stats
from scipy.ndimage import gaussian_filter
from synthetic import write_results

from phvae.analysis import figures, figures_compare, figures_density, figures_images, style
from phvae.analysis.figures_plans import Plan, plans
from phvae.analysis.figures_sources import Stored
from phvae.errors import DataError
from phvae.files import read_json

GOLDEN = Path(__file__).parents[1] / "golden"
FEW = ("vae", "beta-vae-0.25", "beta-vae-4", "ph-vae-2", "ph-vae-3", "copies-3", "ph-vae-3-matched")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("some results") / "quick"
    return write_results(
        root,
        datasets=("trimodal", "moons", "digits", "sprites"),
        variants=FEW,
        seeds=3,
        sizes=(100, "all"),
        diverged=("digits", "vae", 1),
    )


@pytest.fixture(scope="module")
def drawn(results: Path) -> dict[str, tuple[Plan, Figure]]:
    """Every figure of the folder by name, laid out."""
    found = {}
    for plan in plans(Stored(results)):
        figure = figures.FIGURES[plan.figure].draw(**plan.arguments)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once for all tests
        found[plan.name] = (plan, figure)
    return found


def pixels(figure: Figure, dpi: int = 60) -> np.ndarray:
    figure.set_dpi(dpi)
    figure.canvas.draw()
    figure.set_dpi(100)
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(np.uint8)  # type: ignore[attr-defined]


def one_of_each(drawn: dict[str, tuple[Plan, Figure]]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for plan, figure in drawn.values():
        found.setdefault(plan.figure, figure)
    return found


def test_every_registered_figure_is_drawn_and_explained(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    assert set(one_of_each(drawn)) == set(figures.FIGURES)
    for entry in figures.FIGURES.values():
        assert entry.draw.__doc__
        assert len(entry.caption) > 60
        assert entry.caption.rstrip().endswith(".")


@pytest.mark.parametrize("name", sorted(figures.FIGURES))
def test_golden_image(name: str, drawn: dict[str, tuple[Plan, Figure]]) -> None:
    """PHVAE_WRITE_GOLDEN=1 writes the pictures anew; look at each before it is committed."""
    found = pixels(one_of_each(drawn)[name])
    path = GOLDEN / f"{name}.png"
    if os.environ.get("PHVAE_WRITE_GOLDEN"):
        Image.fromarray(found).save(path, optimize=True)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert difference(found, expected) < 2.5, "the figure changed: look at it, then write the golden image anew"


def difference(one: np.ndarray, two: np.ndarray) -> float:
    """The largest difference in grey levels after a blur that forgives a pixel's shift of a line or a letter."""
    if one.shape != two.shape:
        return np.inf
    blurred = [gaussian_filter(image.astype(float), (4, 4, 0)) for image in (one, two)]
    return float(np.quantile(np.abs(blurred[0] - blurred[1]), 0.998))


def test_a_band_above_the_true_pdf_is_not_cut_until_the_truth_would_vanish() -> None:
    rng = np.random.default_rng(0)
    true = stats.norm.pdf(0)
    for width, room in ((0.8, 0.0), (0.01, 1.6)):
        seeds = rng.normal(size=(5, 4000)) * np.array([1, 1, 1, 1, width])[:, None]
        figure = figures.FIGURES["density_curves"].draw({"a": {"means": seeds}}, stats.norm.pdf, (-4.0, 4.0))
        band = max(float(b.get_paths()[0].vertices[:, 1].max()) for b in figure.axes[0].collections)
        top = figure.axes[0].get_ylim()[1]
        assert band > 1.1 * true
        assert top == pytest.approx(room * true, rel=1e-3) if room else top > band


def test_a_variant_without_a_value_is_not_drawn_as_a_divergence_of_nought(drawn) -> None:
    table = next(p for p, _ in drawn.values() if p.figure == "kl_levels").arguments["table"]
    table = table[table["dataset"] == table["dataset"].iloc[0]]
    without = table[table["variant"] != table["variant"].iloc[0]].assign(dataset="other")
    without = pd.concat([table, without], ignore_index=True)
    figure = figures.FIGURES["kl_levels"].draw(without)
    assert [sum(t.get_text() == "no value" for t in ax.texts) for ax in figure.axes[-2:]] == [0, 1]


def test_the_golden_comparison_sees_a_moved_curve(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    plan, figure = next((p, f) for p, f in drawn.values() if p.figure == "rate_distortion")
    table = plan.arguments["table"].copy()
    table.loc[table["variant"] == "ph-vae-3", "value"] *= 1.4
    moved = figures.FIGURES["rate_distortion"].draw(**plan.arguments | {"table": table})
    assert difference(pixels(figure), pixels(moved)) > 5


def texts(figure: Figure) -> list[tuple[Text, mpl.transforms.Bbox]]:
    """Every text that is seen, with its place on the figure."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    hidden: set[int] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            room = 1e-6 * (high - low)
            kept = [t for t in axis.get_major_ticks() if low - room <= t.get_loc() <= high + room]
            labels = {id(label) for t in [*axis.majorTicks, *axis.minorTicks] for label in (t.label1, t.label2)}
            hidden |= labels - {id(tick.label1) for tick in kept}
    return [
        (text, text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip() and id(text) not in hidden
    ]


def check_layout(figure: Figure) -> None:
    figure.draw_without_rendering()
    found = texts(figure)
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in found:
        cut = min(box.x0, box.y0, width - box.x1, height - box.y1)
        assert cut > -1, f"{text.get_text()!r} is cut by {-cut:.1f} pixels"
    for i, (one, a) in enumerate(found):
        for two, b in found[i + 1 :]:
            if one.axes is None or one.axes is not two.axes or one.get_rotation() % 90 or two.get_rotation() % 90:
                continue  # rotated labels have boxes larger than their letters
            wide = min(a.x1, b.x1) - max(a.x0, b.x0)
            tall = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert min(wide, tall) < 1.5, f"{one.get_text()!r} lies on {two.get_text()!r}"
    for axes in figure.axes:
        assert axes.has_data() or axes.get_label() == "<colorbar>", "an empty panel"


def test_no_text_is_cut_or_covered_and_no_panel_is_empty(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    for plan, figure in drawn.values():
        try:
            check_layout(figure)
        except AssertionError as error:
            raise AssertionError(f"{plan.name}: {error}") from None


def test_the_layout_check_sees_cut_and_covered_text() -> None:
    figure = style.new_figure(2, 1)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    axes.text(0.5, 0.5, "one")
    check_layout(figure)
    axes.text(0.52, 0.5, "two")
    with pytest.raises(AssertionError, match="'one' lies on 'two'"):
        check_layout(figure)
    figure.text(0.99, 0.5, "far outside")
    with pytest.raises(AssertionError, match="cut"):
        check_layout(figure)
    empty = style.new_figure(2, 1)
    empty.subplots()
    with pytest.raises(AssertionError, match="empty panel"):
        check_layout(empty)


def test_widths_are_those_of_a_page(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    for plan, figure in drawn.values():
        width, height = figure.get_size_inches()
        assert width <= style.DOUBLE + 1e-9, plan.name
        assert height <= 9, plan.name


def test_long_labels_many_levels_one_seed_and_lost_runs_still_fit(tmp_path: Path) -> None:
    root = write_results(
        tmp_path / "odd", datasets=("sprites",), variants=("vae", "ph-vae-4", "copies-3"), seeds=1,
        diverged=("sprites", "copies-3", 0),
    )  # fmt: skip
    stored = Stored(root)
    stored.labels = {v: f"{v} with an unusually long label of many words" for v in stored.labels}
    for plan in plans(stored):
        check_layout(figures.FIGURES[plan.figure].draw(**plan.arguments))


def test_the_baseline_alone_gives_what_makes_sense_of_it(tmp_path: Path) -> None:
    root = write_results(tmp_path / "alone", datasets=("digits",), variants=("vae",), seeds=2)
    names = {plan.figure for plan in plans(Stored(root))}
    assert {"reconstructions", "learning_curves", "kl_levels"} <= names
    assert not names & {"forest", "metric_by_order", "rate_distortion", "level_drop"}


def test_write_draws_files_an_index_and_equal_bytes(tmp_path: Path) -> None:
    root = write_results(tmp_path / "small", datasets=("digits",), variants=("vae", "ph-vae-2"), seeds=2)
    (root / "figures").mkdir()
    (root / "figures" / "gone-long-ago.png").write_bytes(b"old")
    before = dict(mpl.rcParams)
    written = figures.write(root, baseline="vae")
    assert dict(mpl.rcParams) == before
    assert {path.suffix for path in written} == {".png", ".pdf", ".gif"}
    assert {path.name for path in (root / "figures").iterdir()} == {path.name for path in written} | {"index.json"}
    index = read_json(root / "figures" / "index.json")
    assert "small_data" in index["absent"]
    assert all("{" not in entry["caption"] for entry in index["figures"])
    assert {name for entry in index["figures"] for name in entry["files"]} == {path.name for path in written}
    for plan in plans(Stored(root, "vae")):
        if plan.figure in ("forest", "latent_maps", "samples"):
            for path in style.save(figures.FIGURES[plan.figure].draw(**plan.arguments), tmp_path / plan.name):
                assert path.read_bytes() == (root / "figures" / path.name).read_bytes(), path.name
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.info["dpi"][0] == pytest.approx(200, abs=0.1)


def test_without_a_table_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="phvae collect"):
        figures.write(tmp_path)


def test_without_arrays_and_prepared_data_the_rest_is_drawn(tmp_path: Path) -> None:
    root = write_results(tmp_path / "bare", datasets=("digits",), variants=("vae", "ph-vae-2"), seeds=2, arrays=False)
    (root / "data" / "digits.json").unlink()
    names = {plan.figure for plan in plans(Stored(root))}
    assert "forest" in names
    assert not names & {"reconstructions", "latent_maps"}


def test_figures_load_no_torch() -> None:
    code = "import sys, phvae.analysis.figures; print('torch' in sys.modules, 'mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_forest_fills_only_what_is_resolved(results: Path) -> None:
    table = Stored(results).of("sprites")
    figure = figures_compare.forest(table, ["mse"], "vae")
    faces = [line.get_markerfacecolor() for line in figure.axes[0].get_lines() if line.get_marker() in "oD"]
    variants = [v for v in FEW if v != "vae"]
    assert faces[variants.index("ph-vae-3")] != "white"
    assert faces[variants.index("copies-3")] == "white"
    lost = (table["variant"] == "ph-vae-3") & (table["seed"] == 0) & (table["metric"] == "mse")
    for column, value in (("caution", "few"), ("status", "failed")):  # by the rule of the tables
        figure = figures_compare.forest(table.assign(**{column: table[column].mask(lost, value)}), ["mse"], "vae")
        faces = [line.get_markerfacecolor() for line in figure.axes[0].get_lines() if line.get_marker() in "oD"]
        assert faces[variants.index("ph-vae-3")] == "white"


def test_forest_pairs_by_seed() -> None:
    rows = [("vae", s, 10.0 * s) for s in range(4)] + [("other", s, 10.0 * s + 1 + 0.01 * s) for s in range(5)]
    table = pd.DataFrame(rows, columns=["variant", "seed", "value"]).assign(
        dataset="d", n_train="all", split="test", metric="mse", unit="1", higher_is_better=False, order=1, basis="",
        encoder_width="", coupling="", prior="", divergence="kl", beta=1.0, n=9, ceiling=np.nan, floor=np.nan,
        noise_sd=np.nan, settings="", status="ok", reason="", caution="",
    )  # fmt: skip
    figure = figures_compare.forest(table, ["mse"], "vae")
    (point,) = [line for line in figure.axes[0].get_lines() if line.get_marker() in "oD"]
    assert point.get_xdata()[0] == pytest.approx(1.015)


def test_families_are_named_by_what_sets_them_apart(results: Path) -> None:
    table = Stored(results).of("digits")
    found = figures_compare._families(table)
    assert found == {
        "ph-vae-2": "PH-VAE", "ph-vae-3": "PH-VAE", "copies-3": "copies", "ph-vae-3-matched": "matched width",
    }  # fmt: skip


def test_the_line_of_order_one_is_the_plain_model_alone(results: Path) -> None:
    table = Stored(results).table
    here = table[(table["dataset"] == "digits") & (table["n_train"].astype(str) == "all")]
    other = here[here["variant"] == "vae"].assign(variant="vae-logpoly", divergence="log_polynomial:exponential(3)")
    both = pd.concat([here, other.assign(value=other["value"] + 100)])
    axes = figures_compare.metric_by_order(both, ["mse"]).axes
    [line] = [line for line in axes[0].lines if line.get_label() == "order 1 (VAE)"]
    plain = here.loc[(here["variant"] == "vae") & (here["metric"] == "mse"), "value"].mean()
    assert line.get_ydata() == pytest.approx([plain, plain])


def test_best_bandwidth_is_the_normal_references_one() -> None:
    """For a normal density the exact MISE-optimal width is close to (4/3)^(1/5) n^(-1/5) (Silverman 1986, 3.28)."""

    def pdf(x: np.ndarray) -> np.ndarray:
        return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)

    found = figures_density.best_bandwidth(pdf, -8, 8, 4096)
    assert found == pytest.approx((4 / 3) ** 0.2 * 4096**-0.2, rel=0.06)


def test_smoothed_density_has_the_mass_inside_the_limits() -> None:
    samples = np.append(np.random.default_rng(0).normal(size=3000), np.full(1000, 50.0))
    x = np.linspace(-8, 8, 1024)
    assert np.trapezoid(figures_density.smoothed(samples, x, 0.2), x) == pytest.approx(0.75, abs=1e-3)


def test_traversal_gif_goes_there_and_back(tmp_path: Path) -> None:
    levels = np.zeros((2, 7, 1, 8, 8), np.uint8)
    levels[0] = (np.arange(7) * 40)[:, None, None, None]
    frames = figures_images.traversal_frames(levels, "a model")
    assert len(frames) == 12
    assert [int(frame[60, 40, 0]) for frame in frames] == [0, 40, 80, 120, 160, 200, 240, 200, 160, 120, 80, 40]
    figures_images.write_gif(frames, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert (image.n_frames, image.info["loop"]) == (12, 0)


def test_looks_differ_and_colours_are_told_apart_in_grey() -> None:
    found = style.looks([str(i) for i in range(24)])
    assert len({(look.colour, look.marker, str(look.line)) for look in found.values()}) == 24
    for one, two in zip(list(found.values())[:7], list(found.values())[1:8], strict=True):
        assert (one.marker, str(one.line)) != (two.marker, str(two.line))
        assert abs(grey(one.colour) - grey(two.colour)) > 0.06


def grey(colour: str) -> float:
    red, green, blue = mpl.colors.to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(
        tmp_path_factory.mktemp("every") / "all", datasets=("digits", "trimodal"), seeds=2, sizes=(100, "all"),
        arrays=False,
    )  # fmt: skip


def test_what_the_claims_compare_is_drawn_first(every: Path) -> None:
    stored = Stored(every)
    claimed = ["vae", "beta-vae-0.25", "beta-vae-0.5", "ph-vae-3", "ph-vae-3-matched", "copies-3"]
    assert stored.variants("digits", 6) == claimed
    betas = ["vae", "beta-vae-0.25", "beta-vae-0.5", "beta-vae-2", "beta-vae-4"]
    assert stored.variants("digits", 9) == [*betas, "ph-vae-3", "ph-vae-3-matched", "copies-3", "ph-vae-3-kl"]
    found = {plan.name: plan.arguments for plan in plans(stored)}
    assert found["paired_seeds-trimodal"]["variants"] == claimed
    assert found["small_data-trimodal"]["variants"] == claimed
    drops = set(found["level_drop-digits"]["table"]["variant"])
    assert {"ph-vae-3", "copies-3"} < drops
    assert stored.variants("digits", 3, ["ph-vae-4", "ph-vae-2", "ph-vae-3-log", "copies-3"]) == [
        "ph-vae-2", "ph-vae-4", "copies-3",
    ]  # fmt: skip


def test_without_controls_every_order_comes_before_the_beta_vaes(tmp_path: Path) -> None:
    names = ("beta-vae-4", "vae", "ph-vae-2", "ph-vae-4", "ph-vae-3-log")
    root = write_results(tmp_path / "few", datasets=("digits",), variants=names, seeds=1, arrays=False)
    assert Stored(root).variants("digits", 3) == ["vae", "ph-vae-2", "ph-vae-4"]
    assert Stored(root, "ph-vae-4").variants("digits", 3) == ["ph-vae-4", "vae", "ph-vae-2"]


def test_small_data_shows_the_ball_share_where_it_is_known(every: Path) -> None:
    stored = Stored(every)
    known = next(plan for plan in plans(stored) if plan.name == "small_data-trimodal")
    assert "ball_share" not in known.arguments["metrics"]
    rows = stored.table[(stored.table["dataset"] == "trimodal") & (stored.table["metric"] == "kl")]
    rows = rows.assign(metric="ball_share", value=rows["value"] / 40, unit="1")
    stored.table = pd.concat([stored.table, rows], ignore_index=True)
    [plan] = [plan for plan in plans(stored) if plan.name == "small_data-trimodal"]
    assert plan.arguments["metrics"] == ["w1_samples_mean", "w1_samples_model", "ks_samples_mean", "ball_share"]
    figure = figures.FIGURES["small_data"].draw(**plan.arguments)
    check_layout(figure)
    assert figure.axes[3].get_title(loc="left") == "central ball share"
    assert len({round(ax.get_position().x0, 3) for ax in figure.axes}) == 2  # two by two, no empty place


def test_no_point_of_the_figure_by_order_is_made_of_two_variants() -> None:
    geometric, uniform = "hierarchical:geometric(2)", "hierarchical:uniform"
    cells = [
        ("vae", 1, "kl", 1.0), ("vae-wide", 1, "kl", 1.0), ("ph-2", 2, geometric, 1.0), ("ph-3", 3, geometric, 1.0),
        ("ph-3-b4", 3, geometric, 4.0), ("ph-2-flat", 2, uniform, 1.0), ("ph-3-flat", 3, uniform, 1.0),
        ("ph-3-wide", 3, geometric, 1.0),
    ]  # fmt: skip
    rows = [(*cell, seed, 10.0 * i + seed) for i, cell in enumerate(cells) for seed in range(3)]
    table = pd.DataFrame(rows, columns=["variant", "order", "divergence", "beta", "seed", "value"]).assign(
        metric="mse", unit="1", higher_is_better=False, basis="monomial", encoder_width="full", coupling="chain(0.5)",
        prior="hierarchical",
    )  # fmt: skip
    axes = figures_compare.metric_by_order(table, ["mse"]).axes[0]
    found = {bar.get_label(): bar.lines[0].get_ydata().tolist() for bar in axes.containers}
    assert found == {
        "PH-VAE": [21.0, 31.0], "β = 4": [41.0], "level-weighted, uniform": [51.0, 61.0], "PH-VAE (ph-3-wide)": [71.0],
    }  # fmt: skip
    [line] = [line for line in axes.lines if line.get_label() == "order 1 (VAE)"]
    assert line.get_ydata() == pytest.approx([1.0, 1.0])


def test_variants_of_one_label_are_all_drawn(tmp_path: Path) -> None:
    root = write_results(tmp_path / "twins", datasets=("digits",), variants=("vae", "ph-vae-2", "ph-vae-3"), seeds=1)
    runs = pd.read_parquet(root / "runs.parquet")
    runs.assign(label=runs["label"].mask(runs["variant"] != "ph-vae-2", "M")).to_parquet(root / "runs.parquet")
    stored = Stored(root)
    assert stored.labels == {"vae": "M (vae)", "ph-vae-2": "PH-VAE 2", "ph-vae-3": "M (ph-vae-3)"}
    [plan] = [plan for plan in plans(stored) if plan.figure == "reconstructions"]
    assert list(plan.arguments["rows"]) == ["M (vae)", "PH-VAE 2", "M (ph-vae-3)"]


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_damaged_configuration_is_named(tmp_path: Path, content: str) -> None:
    root = write_results(tmp_path / "odd", datasets=("digits",), variants=("vae",), seeds=1, arrays=False)
    (root / "config.json").write_text(content)
    with pytest.raises(DataError, match=r"config\.json: .*remove it and run the workflow again"):
        Stored(root)


def test_a_wide_vae_is_drawn_beside_the_curve_not_in_it(every: Path) -> None:
    table = Stored(every).of("digits")
    wide = table[table["variant"] == "vae"].assign(variant="vae-wide", backbone="wide")
    wide.loc[wide["metric"] == "mse", "value"] += 100
    table = pd.concat([table.assign(backbone="usual"), wide], ignore_index=True)
    axes = figures_compare.rate_distortion(table, {"digits": "mse"}).axes[0]
    [mean] = [line for line in axes.lines if line.get_label() == "β-VAE, mean"]
    assert len(mean.get_ydata()) == 5
    assert max(mean.get_ydata()) < 1
    assert "vae-wide" in axes.get_legend_handles_labels()[1]
