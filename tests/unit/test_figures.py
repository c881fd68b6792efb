"""Every figure of a results folder: pictures to compare with, layout, files."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from contests_by_hand import contest_plot
from figure_layout import check_layout
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from PIL import Image
from scipy.ndimage import gaussian_filter
from synthetic import write_results

from phvae.analysis.figures import style
from phvae.analysis.figures.family_curves import FamilyCurves
from phvae.analysis.figures.kl_levels import KlLevels
from phvae.analysis.figures.looks import design_of, looks
from phvae.analysis.figures.plans import Plan, plans
from phvae.analysis.figures.rate_distortion import RateDistortion
from phvae.analysis.figures.registry import FIGURES
from phvae.analysis.figures.small_data import SmallData
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.write import write_figures
from phvae.analysis.results.long_table import read_costs
from phvae.analysis.results.tuned import tuned
from phvae.errors import DataError
from phvae.experiment.tuning import TuningConfig
from phvae.files import read_json

GOLDEN = Path(__file__).parents[1] / "golden"
FEW = ("vae", "beta-vae-0.25", "beta-vae-4", "ph-vae-2", "ph-vae-3", "copies-3", "ph-vae-3-matched")
TUNING = TuningConfig(
    seeds=[0],
    families={"β-VAE": ["beta-vae-0.25", "vae", "beta-vae-4"], "PH-VAE": ["ph-vae-2", "ph-vae-3", "ph-vae-3-matched"]},
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("some results") / "quick"
    return write_results(
        root,
        datasets=("trimodal", "moons", "digits", "sprites", "people"),
        variants=FEW,
        seeds=3,
        sizes=(100, "all"),
        diverged=("digits", "vae", 1),
    )


@pytest.fixture(scope="module")
def drawn(results: Path) -> dict[str, tuple[Plan, Figure]]:
    """Every figure of the folder by name, laid out."""
    found = {}
    families = (plan for plan in plans(Stored(results, tuning=TUNING)) if plan.figure.kind == FamilyCurves.kind)
    for plan in (*plans(Stored(results)), *families, Plan("contest-by-hand", contest_plot(), ["digits"])):
        figure = plan.figure.draw()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once for all tests
        found[plan.name] = (plan, figure)
    return found


def test_images_of_tuned_families_are_of_their_chosen_weights(results: Path) -> None:
    stored = Stored(results, tuning=TUNING)
    (row,) = (plan.figure for plan in plans(stored) if plan.name == "reconstructions-digits")
    weights = tuned(stored.of("digits"), read_costs(results), TUNING).weights
    chosen = {"vae", *weights.loc[weights["chosen"], "variant"]}
    assert len(weights) == 6
    assert len(chosen) < 4
    assert set(row.rows) == {stored.labels[variant] for variant in chosen}


def pixels(figure: Figure, dpi: int = 60) -> np.ndarray:
    figure.set_dpi(dpi)
    figure.canvas.draw()
    figure.set_dpi(100)
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(np.uint8)  # type: ignore[attr-defined]


def one_of_each(drawn: dict[str, tuple[Plan, Figure]]) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for plan, figure in drawn.values():
        found.setdefault(plan.figure.kind, figure)
    return found


def test_every_registered_figure_is_drawn_and_explained(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    assert set(one_of_each(drawn)) == set(FIGURES)
    for plan, _ in drawn.values():
        assert isinstance(plan.figure, FIGURES[plan.figure.kind])
        assert plan.figure.__doc__
        assert len(plan.figure.caption()) > 60
        assert plan.figure.caption().endswith(".")


@pytest.mark.parametrize("name", sorted(FIGURES))
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


def test_an_empty_place_among_the_levels_says_why(drawn) -> None:
    table = next(p.figure.table for p, _ in drawn.values() if isinstance(p.figure, KlLevels))
    table = table[table["dataset"] == table["dataset"].iloc[0]]
    first, second, third = table["variant"].unique()[:3]
    other = table[table["variant"] != first].assign(dataset="other")
    for variant, status in ((second, "diverged"), (third, "empty")):
        lost = other["variant"] == variant
        other = other.assign(value=other["value"].mask(lost), status=other["status"].mask(lost, status))
    figure = KlLevels(pd.concat([table, other], ignore_index=True)).draw()
    words = ("not run", "diverged", "no value")
    known, lost = ([text.get_text() for text in ax.texts if text.get_text() in words] for ax in figure.axes[-2:])
    assert known == []
    assert lost == [*words]


def test_the_golden_comparison_sees_a_moved_curve(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    known, figure = next((p.figure, f) for p, f in drawn.values() if isinstance(p.figure, RateDistortion))
    table = known.table.copy()
    table.loc[table["variant"] == "ph-vae-3", "value"] *= 1.4
    moved = replace(known, table=table).draw()
    assert difference(pixels(figure), pixels(moved)) > 5


def test_no_text_is_small_cut_or_covered_and_no_panel_is_empty(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    for plan, figure in drawn.values():
        try:
            check_layout(figure)
        except AssertionError as error:
            raise AssertionError(f"{plan.name}: {error}") from None


def test_the_layout_check_sees_small_cut_and_covered_text() -> None:
    figure = style.new_figure(2, 1)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1])
    word = axes.text(0.5, 0.5, "one")
    check_layout(figure)
    word.set_fontsize(5.9)
    with pytest.raises(AssertionError, match=r"'one' is of 5\.9 points"):
        check_layout(figure)
    word.set_fontsize(6)
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
        check_layout(plan.figure.draw())


def test_write_draws_files_an_index_and_equal_bytes(tmp_path: Path) -> None:
    root = write_results(tmp_path / "small", datasets=("digits",), variants=("vae", "ph-vae-2"), seeds=2)
    (root / "figures").mkdir()
    (root / "figures" / "gone-long-ago.png").write_bytes(b"old")
    before = dict(mpl.rcParams)
    written = write_figures(root, baseline="vae")
    assert dict(mpl.rcParams) == before
    assert {path.suffix for path in written} == {".png", ".pdf", ".gif"}
    assert {path.name for path in (root / "figures").iterdir()} == {path.name for path in written} | {"index.json"}
    index = read_json(root / "figures" / "index.json")
    assert "small_data" in index["absent"]
    assert all("{" not in entry["caption"] for entry in index["figures"])
    assert {name for entry in index["figures"] for name in entry["files"]} == {path.name for path in written}
    for plan in plans(Stored(root, "vae")):
        if plan.figure.kind in ("paired_seeds", "latent_maps", "samples"):
            for path in style.save(plan.figure.draw(), tmp_path / plan.name):
                assert path.read_bytes() == (root / "figures" / path.name).read_bytes(), path.name
    for path in written:
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.info["dpi"][0] == pytest.approx(200, abs=0.1)


def test_two_processes_draw_the_same_bytes(tmp_path: Path) -> None:
    root = write_results(tmp_path / "two", datasets=("trimodal", "digits"), variants=("vae", "ph-vae-2"), seeds=2)
    alone, kept = write_figures(root, baseline="vae"), {}
    for path in (*alone, root / "figures" / "index.json"):
        kept[path] = path.read_bytes()
        path.unlink()
    assert write_figures(root, baseline="vae", threads=2) == alone
    assert {path: path.read_bytes() for path in kept} == kept


def test_without_a_table_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="phvae collect"):
        write_figures(tmp_path)


def test_figures_load_no_torch() -> None:
    code = "import sys, phvae.analysis.figures.write; print('torch' in sys.modules, 'mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


ORDERS = (2, 3, 4, 6)


def cell(role: str, order: int, divergence: str = "hierarchical:geometric(2)", **more: object) -> dict[str, object]:
    given = {"basis": "monomial", "encoder_width": "full", "beta": 1.0}
    return {"role": role, "order": order, "divergence": divergence, **given, **more}


def test_looks_follow_what_a_variant_is_and_differ() -> None:
    cells = {"vae": cell("baseline", 1, "kl")}
    cells |= {f"beta-{b}": cell("curve", 1, "kl", beta=b) for b in (0.25, 0.5, 2, 4)}
    cells |= {f"ph-{n}": cell("challenger", n) for n in ORDERS}
    cells |= {f"copies-{n}": cell("control", n, basis="copies") for n in ORDERS}
    cells |= {f"matched-{n}": cell("control", n, encoder_width="matched") for n in ORDERS}
    cells |= {f"equal-{n}": cell("control", n, basis="copies", encoder_width="matched") for n in ORDERS}
    cells |= {f"kl-{n}": cell("challenger", n, "kl") for n in ORDERS}
    cells |= {f"log-{n}": cell("challenger", n, "log_polynomial:exponential(3)") for n in ORDERS}
    cells |= {name: cell("challenger", 1, name) for name in ("dip_vae(II)", "beta_tcvae", "renyi(0.5)", "wae_mmd")}
    cells |= {f"p{i}": cell("challenger", 3) for i in range(20)}
    cells["elsewhere"] = cell("external", 1, "kl")
    found = looks({name: design_of(one) for name, one in cells.items()})
    assert len({(look.colour, look.marker, str(look.line)) for look in found.values()}) == len(found)
    again = looks({name: design_of(cells[name]) for name in ("ph-4", "vae", "copies-3")})
    assert {name: look.colour for name, look in again.items()} == {name: found[name].colour for name in again}
    assert max(found, key=lambda name: found[name].depth).startswith("p")  # PH-VAE is drawn last
    equal, copies = ([found[f"{group}-{n}"] for n in ORDERS] for group in ("equal", "copies"))
    assert not {look.colour for look in equal} & {look.colour for look in copies}
    assert not {look.line for look in equal} & {look.line for look in copies}
    groups = ("ph", "copies", "matched", "kl", "log", "beta", "equal")
    hues = {}
    for group in groups:
        colours = [look.colour for name, look in found.items() if name.startswith(f"{group}-")]
        greys = [grey(colour) for colour in colours]
        assert greys == sorted(greys, reverse=True), "from light to dark"
        assert len(set(greys)) == 4
        hues[group] = {round(mpl.colors.rgb_to_hsv(mpl.colors.to_rgb(colour))[0], 1) for colour in colours}
    assert all(not hues[one] & hues[two] for one, two in itertools.combinations(groups[:5], 2))
    others = [found[name].colour for name in ("dip_vae(II)", "beta_tcvae", "renyi(0.5)", "wae_mmd")]
    assert len(set(others)) == 4


def test_a_variant_has_one_look_in_every_figure(drawn: dict[str, tuple[Plan, Figure]]) -> None:
    seen: dict[str, set[tuple[str, str]]] = {}
    for plan, figure in drawn.values():
        if isinstance(plan.figure, RateDistortion | SmallData):
            for ax in figure.axes:
                for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                    line = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
                    seen.setdefault(label, set()).add((str(line.get_color()), str(line.get_marker())))
    shared = {label: looks for label, looks in seen.items() if label in ("PH-VAE 3", "copies 3", "PH-VAE 3, matched")}
    assert len(shared) == 3
    assert [len(looks) for looks in shared.values()] == [1, 1, 1]


def grey(colour: str) -> float:
    red, green, blue = mpl.colors.to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
