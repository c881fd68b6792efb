"""The figure of a claim's contests: where its points lie, what is emphasised, cut and named, and when it is planned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from claims_by_hand import claim
from contests_by_hand import ROWS, contest_plot
from figure_layout import check_layout
from matplotlib.figure import Figure
from synthetic import write_results

from phvae.analysis.claims.in_units import in_units
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.figures.contest_marks import limits, ticks
from phvae.analysis.figures.plans import plan_groups
from phvae.analysis.figures.stored import Stored
from phvae.errors import ConfigError


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_units_are_effects_over_what_matters_and_better_is_positive():
    rows = [
        ("mean", "lower", -0.2, -0.3, 0.1, 0.1, 0.05), ("mean", "higher", -0.2, -0.3, 0.1, 0.1, 0.0),
        ("spread", "lower", 0.75, 0.0, np.inf, 0.25, 0.0), ("spread", "lower", 4 / 3, 0.75, 16 / 9, 0.25, 0.0),
        ("mean", "lower", 0.2, 0.1, 0.3, 0.0, 0.0), ("mean", "lower", np.nan, np.nan, np.nan, np.nan, np.nan),
    ]  # fmt: skip
    names = ["compare", "direction", "effect", "low", "high", "matters", "margin"]
    found = in_units(pd.DataFrame(rows, columns=names, index=[3, 1, 4, 7, 5, 9]))
    assert found.index.tolist() == [3, 1, 4, 7, 5, 9]
    expected = [(2, -1, 3, 0.5), (-2, -3, 1, 0), (1, -np.inf, np.inf, 0), (-1, -2, 1, 0), (-np.inf,) * 3 + (0,)]
    assert found.to_numpy()[:5] == pytest.approx(np.array(expected, dtype=float))
    assert found.iloc[5, :3].isna().all()


def test_points_lie_at_their_effect_over_what_matters():
    plot = contest_plot()
    figure = plot.draw()
    [ax] = figure.axes
    shown = {line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 1}
    low, high = ax.get_xlim()
    known = [-10 * effect for row in ROWS.values() for effect, *_ in row[3] if np.isfinite(effect)]
    inside = [at for at in known if low <= at <= high]
    assert len(inside) == 14
    assert all(any(at == pytest.approx(x) for x in shown) for at in inside)
    higher = contest_plot(direction="higher").bands[0].points
    assert [point.position for point in higher] == pytest.approx([-3, -1, 2.5, -2])


def test_a_far_point_is_cut_with_an_arrow_and_its_number_and_squeezes_nothing():
    figure = contest_plot().draw()
    low, high = figure.axes[0].get_xlim()
    assert (low, high) == (-4, 4)
    assert "40" in words(figure)
    [arrow] = [line for line in figure.axes[0].lines if line.get_marker() == ">" and line.get_markersize() > 3]
    assert arrow.get_xdata()[0] == high


def test_the_hardest_control_is_black_and_named_and_the_others_pale():
    plot = contest_plot()
    figure = plot.draw()
    spans = [line for line in figure.axes[0].lines if line.get_linewidth() in (0.9, 1.3)]
    drawn = [line.get_color() for line in spans if len(line.get_xdata()) == 2]
    dark = [point.hardest for band in plot.bands for point in band.points if not point.reason]
    assert [colour == "black" for colour in drawn] == dark
    assert sum(dark) == 4
    said = [" ".join(text.split()) for text in words(figure)]
    hardest = ["copies 3", "VAE", "VAE (against PH-VAE 3, matched)", "VAE (against PH-VAE 3, matched)"]
    assert [text for text in said if text in hardest] == hardest
    assert [text for text in said if text in "✓✗≈?"] == ["✗", "✓", "≈", "?"]
    assert said.count("9/10") == 4


def test_what_could_not_be_tested_says_so_and_a_stand_in_is_hollow():
    plot = contest_plot()
    figure = plot.draw()
    assert words(figure).count("not testable") == 1
    known = figure.legends[0]
    legend = dict(zip([text.get_text() for text in known.get_texts()], known.legend_handles, strict=True))
    assert legend["VAE (against PH-VAE 3, matched)"].get_markerfacecolor() == "white"
    assert legend["VAE"].get_markerfacecolor() == "#000000"
    assert {"the β-VAE's curve", "the curve's own error", "smaller than what matters"} <= {*legend}
    marks = [handle.get_marker() for handle in known.legend_handles if hasattr(handle, "get_marker")]
    assert len(set(marks)) == 3, "a mark each for three controls"


def test_words_say_what_is_seen():
    told = contest_plot().alt()
    assert "digits contradicted, against copies 3 -2.5 (-3.0 to -2.0)" in told
    assert "gap, 100 undecided, against VAE (against PH-VAE 3, matched) -1.5 (-13 to 9.0)" in told
    caption = contest_plot(matters={"relative": 0.1}).caption()
    assert "10 % of the control's value" in caption
    assert caption.count(". ") == 1


@pytest.mark.parametrize("sets", [1, 13])
def test_long_names_and_many_controls_can_be_read(sets: int):
    plot = contest_plot()
    labels = {name: f"{label} with a long label of many words" for name, label in plot.labels.items()}
    one = plot.contests[plot.contests["dataset"] == "digits"]
    more = pd.concat([one.assign(control=one["control"] + "'"), one.iloc[::-1]])
    parts = [more.assign(dataset=f"data-set-{i}") for i in range(sets)]
    verdicts = [plot.verdicts.iloc[:1].assign(dataset=f"data-set-{i}") for i in range(sets)]
    labels |= {f"{name}'": f"another {name}" for name in (*labels, "rate-distortion")}
    plot = type(plot)(plot.claim, pd.concat(parts, ignore_index=True), pd.concat(verdicts), labels, plot.looks)
    figure = plot.draw()
    check_layout(figure)
    assert figure.get_size_inches()[0] == 7
    assert figure.get_size_inches()[1] < (9.5 if sets > 1 else 3.5)


def test_axis_and_ticks():
    assert ticks(-4, 4) == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    assert {-1, 0, 1} <= set(ticks(-9.3, 4))
    near = [point for point in contest_plot().bands[2].points]
    assert limits(near) == (-1.5, 1.5)


def test_only_claims_that_were_tested_are_planned(tmp_path: Path):
    root = write_results(tmp_path / "g", datasets=("digits",), variants=("vae", "ph-vae-3"), seeds=5, arrays=False)
    entries = {
        "tested": claim("ph-vae-3", ["vae"], datasets=["digits", "mnist"]),
        "elsewhere": claim("ph-vae-3", ["vae"], datasets=["mnist"]),
        "absent": claim("ph-vae-3", ["vae", "copies-3"], datasets=["digits"]),
    }
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": entries}))
    [group] = [group for group in plan_groups(Stored(root, claims=path)) if group.name == "contest"]
    assert [(plan.name, plan.datasets) for plan in group.plans()] == [("contest-tested", ["digits"])]
    assert "contest" not in {group.name for group in plan_groups(Stored(root))}


def test_a_claims_name_is_a_files_name(tmp_path: Path):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": {"../out": claim("ph-vae-3", ["vae"])}}))
    with pytest.raises(ConfigError, match=r"\.\./out"):
        read_claims(path)
