"""Figures of images and densities: what stands where, and the numbers beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figure_layout import check_layout
from matplotlib.figure import Figure
from scipy import stats
from synthetic import write_results

from phvae.analysis.figures.density_curves import DensityCurves, best_bandwidth, smoothed
from phvae.analysis.figures.factor_maps import FactorMaps
from phvae.analysis.figures.interpolations import Interpolations
from phvae.analysis.figures.latent_maps import LatentMaps
from phvae.analysis.figures.plans import plans
from phvae.analysis.figures.reconstructions import Reconstructions
from phvae.analysis.figures.samples import Samples
from phvae.analysis.figures.scores_in_words import mean_scores, named_scores
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.traversals import Traversals


def flat(*greys: int, channels: int = 1) -> np.ndarray:
    """Images (N, C, 8, 8) of one grey each."""
    return np.stack([np.full((channels, 8, 8), grey, np.uint8) for grey in greys])


def seen(figure: Figure, columns: Iterable[int] = (16, 51)) -> dict[str, list[int]]:
    """Label of a row -> the red of its pixels in some columns, by default in the middle of the first two images."""
    ax = figure.axes[0]
    mosaic = np.asarray(ax.images[0].get_array())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    places = zip(labels, ax.get_yticks(), strict=True)
    return {label: [int(mosaic[int(y), x, 0]) for x in columns] for label, y in places}


def below(figure: Figure) -> dict[int, str]:
    """The column of each image -> the word below it."""
    ax = figure.axes[0]
    return {int(x): label.get_text() for x, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)}


def turns(curve: np.ndarray) -> int:
    """How often a curve turns up or down."""
    return int((np.diff(np.sign(np.diff(curve))) != 0).sum())


def test_samples_stand_below_real_images_and_above_the_nearest_of_training() -> None:
    figure = Samples(flat(1, 2), {"a": flat(3, 4), "b": flat(5, 6, channels=3)}, {"a": flat(7, 8)}, {"a": "FID 4.2"})
    found = seen(figure.draw())
    assert found == {"test images": [1, 2], "a\nFID 4.2": [3, 4], "nearest in training": [7, 8], "b": [5, 6]}
    assert "is a copy" in figure.caption()
    bare = Samples(flat(1, 2), {"a": flat(3, 4)})
    assert list(seen(bare.draw())) == ["test images", "a"]
    assert "copy" not in bare.caption()
    assert "number" not in bare.caption()


def test_errors_of_reconstructions_are_on_one_scale() -> None:
    rows = {"exact": flat(100, 200), "half": flat(100, 150), "far": flat(200, 100)}
    figure = Reconstructions(flat(100, 200), rows, {"far": "MSE 0.15"}).draw()
    mosaic = np.asarray(figure.axes[0].images[0].get_array())
    ticks = [int(y) for y in figure.axes[0].get_yticks()]
    found = [[tuple(int(part) for part in mosaic[y, x]) for x in (16, 51)] for y in ticks[2::2]]
    colours = {error: tuple(mpl.colormaps["inferno"](error / 100, bytes=True)[:3]) for error in (0, 50, 100)}
    assert found == [[colours[error] for error in pair] for pair in ((0, 0), (0, 50), (100, 100))]
    assert figure.axes[1].get_xlim()[1] == 100 / 255
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()][-2:] == ["far\nMSE 0.15", "error"]


def test_an_interpolation_stands_between_the_test_images() -> None:
    figure = Interpolations(flat(10, 250), {"a": flat(20, 130, 240), "b": flat(30, 140, 230)}).draw()
    words = below(figure)
    assert list(words.values()) == ["test image", "reconstruction", "", "reconstruction", "test image"]
    assert seen(figure, words) == {"a": [10, 20, 130, 240, 250], "b": [10, 30, 140, 230, 250]}
    steps = np.diff(list(words))
    assert steps[0] > steps[1]  # apart from the model's own images
    assert steps[-1] > steps[-2]


def test_a_traversal_begins_with_its_test_image_and_says_the_rate_of_each_level() -> None:
    levels = np.stack([flat(20, 30), flat(40, 50)])
    figure = Traversals(
        flat(10)[0], {"a": levels, "b": levels[:1]}, [-3, 0], [{"a": "4.1", "b": "7"}, {"a": "2"}]
    ).draw()
    words = below(figure)
    assert list(words.values()) == ["test image", "−3", "0"]
    assert seen(figure, words) == {
        "a\nlevel 1, 4.1 nats": [10, 20, 30], "level 2, 2 nats": [10, 40, 50], "b\nlevel 1, 7 nats": [10, 20, 30],
    }  # fmt: skip


def test_a_panel_of_a_density_says_how_far_its_samples_are_and_its_median_is_smooth() -> None:
    seeds = np.random.default_rng(0).normal(size=(3, 2000))
    w1 = {"a": {"means": "0.12", "with noise": "0.2"}}
    figure = DensityCurves({"a": {"means": seeds}, "b": {"means": seeds}}, stats.norm.pdf, (-4.0, 4.0), w1).draw()
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["a\nW1 0.12 means, 0.2 with noise", "b"]
    [(x, median)] = [line.get_data() for line in figure.axes[0].lines if line.get_label() == "samples, means"]
    width = best_bandwidth(stats.norm.pdf, -4.0, 4.0, 2000)
    raw = np.median([smoothed(seed, x, width) for seed in seeds], axis=0)
    assert turns(median) < 0.7 * turns(raw)
    np.testing.assert_allclose(median[512], stats.norm.pdf(0), rtol=0.1)


def test_classes_have_ten_colours_and_their_names() -> None:
    codes = np.random.default_rng(1).normal(size=(200, 4))
    target = np.arange(200) % 10
    names = [f"thing {i}" for i in range(10)]
    figure = LatentMaps({"a": codes, "b": codes}, target, "class", classes=names).draw()
    assert [text.get_text() for text in figure.legends[0].texts] == [f"{i} thing {i}" for i in range(10)]
    [points] = [drawn for drawn in figure.axes[0].collections if len(drawn.get_offsets())]
    assert len(np.unique(points.get_facecolors(), axis=0)) == 10
    assert not LatentMaps({"a": codes}, target, "class").draw().legends


def test_maps_of_codes_leave_no_place_empty_and_say_what_they_show() -> None:
    codes = np.random.default_rng(2).normal(size=(60, 4)) * [3, 2, 1, 1]
    for count, columns in ((1, 1), (2, 2), (3, 3), (4, 2)):
        figure = LatentMaps({f"m{i}": codes for i in range(count)}, np.arange(60) % 3, "class").draw()
        assert figure.axes[0].get_subplotspec().get_gridspec().ncols == columns
        assert len(figure.axes) == count
        shares = [float(ax.get_title(loc="left").split("\n")[1].split("%")[0]) for ax in figure.axes]
        assert shares == [shares[0]] * count
        assert 80 < shares[0] < 95


def test_the_scale_of_factor_maps_ends_at_the_largest_value_of_all() -> None:
    small, large = np.full((4, 2), 0.05), np.full((4, 2), 0.4)
    figure = FactorMaps({"a": small, "b": large}, {"a": 1, "b": 2}, ["x", "y"], {"a": "MIG 0.2"}).draw()
    assert [ax.images[0].get_clim() for ax in figure.axes[:2]] == [(0, 0.4)] * 2
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["a\nMIG 0.2", "b"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["code"]


def test_factor_maps_of_many_variants_stand_in_rows_where_no_word_lies_on_another() -> None:
    names = [f"log-ratio, order {i}, 0.0625" for i in range(12)]
    maps = FactorMaps(
        {name: np.full((12, 6), 0.1) for name in names}, dict.fromkeys(names, 3),
        ["shape", "size", "orientation", "x", "y", "intensity"], dict.fromkeys(names, "MIG 0.0250"),
    )  # fmt: skip
    check_layout(maps.draw())


def test_a_score_in_words_is_the_mean_over_seeds_of_the_first_known() -> None:
    rows = [("vae", 0, "mse", 0.021), ("vae", 1, "mse", 0.023), ("vae", None, "mse", 9.0), ("ph", 0, "mse", None)]
    rows += [("ph", 0, "fd_classifier_samples", 12.5), ("vae", 0, "fd_classifier_samples", 101.0)]
    table = pd.DataFrame(rows, columns=["variant", "seed", "metric", "value"])
    labels = {"vae": "VAE", "ph": "PH-VAE"}
    assert named_scores(table, ("mse",), labels) == {"VAE": "MSE 0.0220"}
    distances = ("fid_samples", "fd_classifier_samples")
    assert named_scores(table, distances, labels) == {"PH-VAE": "FD (classifier) 12.5", "VAE": "FD (classifier) 101.0"}
    assert named_scores(table, ("fid_samples",), labels) == {}
    assert mean_scores(table, ["mse", "kl"], labels) == {"mse": {"VAE": "0.0220"}, "kl": {}}


@pytest.mark.slow
def test_images_and_codes_are_those_of_the_variants_that_claims_compare(tmp_path: Path) -> None:
    names = ("beta-vae-0.25", "beta-vae-4", "vae", "ph-vae-3", "copies-3", "ph-vae-3-matched")
    stored = Stored(write_results(tmp_path / "few", datasets=("digits",), variants=names, seeds=1))
    found: dict[str, Any] = {plan.figure.kind: plan.figure for plan in plans(stored)}
    few = ["VAE", "β-VAE ¼", "PH-VAE 3", "copies 3"]
    assert sorted(stored.labels[variant] for variant in stored.variants("digits", 4)) == sorted(few)
    for kind in ("reconstructions", "samples", "interpolations", "traversals"):
        assert sorted(found[kind].rows) == sorted(few), kind
    assert sorted(found["latent_maps"].codes) == sorted(few)
    test = stored.prepared("digits").test
    np.testing.assert_array_equal(found["reconstructions"].originals, test[:12])
    np.testing.assert_array_equal(found["samples"].real, test[:12])
    np.testing.assert_array_equal(found["interpolations"].ends, test[:2])
    np.testing.assert_array_equal(found["traversals"].original, test[0])
    assert sorted(found["samples"].nearest) == sorted(few)
    value = stored.of("digits").query("variant == 'vae' and metric == 'fd_classifier_samples'")["value"].item()
    assert found["samples"].scores["VAE"] == f"FD (classifier) {value:.1f}"
    assert found["reconstructions"].scores["VAE"].startswith("MSE 0.0")
    assert [sorted(level) for level in found["traversals"].nats[1:]] == [
        ["PH-VAE 3", "PH-VAE 3, matched", "copies 3"]
    ] * 2
