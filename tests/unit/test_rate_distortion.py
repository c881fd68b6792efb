from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from described import described
from hypothesis import given, settings
from hypothesis import strategies as st

from phvae.analysis.results.roles import curve_variants
from phvae.analysis.statistics.rate_distortion import interpolate, matched

BETAS = {"b025": 0.25, "b05": 0.5, "vae": 1.0, "b2": 2.0, "b4": 4.0}


def table(rates: dict[str, list[float]], values: dict[str, list[float]]) -> pd.DataFrame:
    rows = []
    for variant, of_seed in rates.items():
        order, divergence = (1, "kl") if variant in BETAS else (3, "hierarchical:geometric(2)")
        for seed, rate in enumerate(of_seed):
            for metric, value in (("kl", rate), ("mse", values[variant][seed])):
                rows.append(
                    ("d", "all", variant, order, divergence, BETAS.get(variant, 1.0), seed, "test", metric, value, "ok")
                )
    names = [
        "dataset",
        "n_train",
        "variant",
        "order",
        "divergence",
        "beta",
        "seed",
        "split",
        "metric",
        "value",
        "status",
    ]
    return described(pd.DataFrame(rows, columns=names))


def test_a_run_is_held_against_the_curve_of_its_own_seed() -> None:
    rates = {"b4": [1.0, 2.0], "vae": [3.0, 4.0], "b025": [5.0, 6.0], "ph": [2.0, 5.0]}
    values = {"b4": [10.0, 20.0], "vae": [8.0, 16.0], "b025": [6.0, 12.0], "ph": [8.5, 13.0]}  # straight lines
    found = matched(table(rates, values), "mse")
    assert list(found["variant"]) == ["ph", "ph"]
    assert found["curve"].tolist() == pytest.approx([9.0, 14.0])
    assert found["difference"].tolist() == pytest.approx([-0.5, -1.0])


def test_nothing_is_extrapolated() -> None:
    rates = {"b4": [1.0], "vae": [3.0], "ph": [3.001], "low": [0.9], "edge": [3.0]}
    found = matched(table(rates, {name: [1.0] for name in rates}), "mse").set_index("variant")
    assert np.isnan(found.loc["ph", "curve"])
    assert np.isnan(found.loc["low", "difference"])
    assert found.loc["edge", "curve"] == 1.0


def test_a_seed_at_which_a_run_of_the_curve_is_lost_has_no_curve() -> None:
    rates = {"b4": [1.0, 1.0], "b2": [2.0, 2.0], "vae": [3.0, 3.0], "ph": [2.5, 3.5]}
    whole = table(rates, {"b4": [3.0, 3.0], "b2": [1.0, 1.0], "vae": [1.0, 1.0], "ph": [2.0, 2.0]})
    whole.loc[(whole["variant"] == "b2") & (whole["seed"] == 0) & (whole["metric"] == "mse"), "status"] = "diverged"
    found = matched(whole, "mse").set_index("seed")
    assert found["curve"].isna().tolist() == [True, True]
    assert found["outside"].tolist() == [False, True]  # at seed 0 it is not the rate that is missing


def test_a_variant_without_any_value_is_left_out_of_the_curve() -> None:
    rates = {"b4": [1.0], "b2": [2.0], "vae": [3.0], "ph": [2.0]}
    whole = table(rates, {"b4": [3.0], "b2": [9.0], "vae": [1.0], "ph": [2.0]})
    whole.loc[(whole["variant"] == "b2") & (whole["metric"] == "mse"), "status"] = "failed"
    assert matched(whole, "mse")["curve"].tolist() == pytest.approx([2.0])


def test_the_curve_is_made_of_order_one_only_and_of_weights_of_kl() -> None:
    whole = table({"b4": [1.0], "vae": [3.0], "ph": [2.0]}, {"b4": [1.0], "vae": [1.0], "ph": [1.0]})
    log = whole[whole["variant"] == "vae"].assign(variant="log", divergence="log_polynomial:exponential(3)")
    flat = whole[whole["variant"] == "vae"].assign(variant="flat", divergence="hierarchical:uniform")
    assert curve_variants(described(pd.concat([whole, log, flat]))) == ["b4", "vae", "flat"]


def test_a_beta_vae_that_is_kept_off_the_curve_is_compared_with_it() -> None:
    rates = {"b4": [1.0], "b2": [2.0], "vae": [3.0], "ph": [2.5]}
    whole = table(rates, {"b4": [3.0], "b2": [9.0], "vae": [1.0], "ph": [2.0]})
    whole = described(whole.assign(off_curve=(whole["variant"] == "b2").astype("boolean")))
    assert curve_variants(whole) == ["b4", "vae"]
    found = matched(whole, "mse").set_index("variant")
    assert list(found.index) == ["b2", "ph"]
    assert found["curve"].tolist() == pytest.approx([2.0, 1.5])  # the chord from 3 to 1, as if b2 were not there
    assert found.loc["b2", "difference"] == pytest.approx(7.0)


def test_a_convex_curve_is_followed_closer_than_by_chords() -> None:
    rates = np.array([4.0, 8.0, 16.0, 24.0, 32.0])
    at = np.linspace(4, 32, 50)
    truth = np.exp(-at / 10)
    error = np.abs(interpolate(rates, np.exp(-rates / 10), at) - truth).max()
    chords = np.abs(np.interp(at, rates, np.exp(-rates / 10)) - truth).max()
    assert error < chords / 3


def test_equal_rates_are_averaged_and_one_rate_is_no_curve() -> None:
    found = interpolate(np.array([1.0, 1.0, 3.0]), np.array([2.0, 4.0, 5.0]), np.array([1.0, 2.0]))
    assert found.tolist() == [3.0, 4.0]
    assert np.isnan(interpolate(np.array([1.0, 1.0]), np.array([2.0, 4.0]), np.array([1.0]))).all()


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(-5, 5)), min_size=2, max_size=6), st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_the_curve_stays_between_its_points(points: list[tuple[float, float]], share: float) -> None:
    rates, values = (np.array(column) for column in zip(*points, strict=True))
    rates = np.round(rates, 3)
    at = rates.min() + share * (rates.max() - rates.min())
    found = interpolate(rates, values, np.array([at]))
    if len(np.unique(rates)) > 1:
        assert values.min() - 1e-9 <= found[0] <= values.max() + 1e-9


def test_the_curve_of_a_data_set_is_made_of_the_most_variants_with_one_backbone() -> None:
    flat = {"b4": [1.0], "b2": [2.0], "vae": [3.0], "wide": [2.5], "wide4": [1.5], "wider": [3.5], "ph": [2.0]}
    both = table(flat, {name: [1.0] for name in flat}).assign(backbone="12 dense[64]")
    is_wide = both["variant"].str.startswith("wide")
    both.loc[is_wide, ["order", "divergence", "backbone"]] = [1, "kl", "12 dense[512]"]
    assert curve_variants(described(both[both["variant"] != "wider"])) == ["b4", "b2", "vae"]
    both = described(both)
    assert curve_variants(both) == ["b4", "b2", "vae"]  # as many: the first of the table
    other = both[~both["variant"].isin(["b4", "b2"])].assign(dataset="e")
    two = described(pd.concat([both, other]))
    found = matched(two, "mse")
    assert list(found["dataset"]) == ["d"] * 4 + ["e"] * 2
    assert list(found["variant"]) == ["wide", "wide4", "wider", "ph", "vae", "ph"]
    assert found["curve"].notna().tolist() == [True, True, False, True, True, True]
    assert curve_variants(two) == ["b4", "b2", "vae", "wide", "wide4", "wider"]
    none = described(both[both["variant"] == "ph"])
    assert curve_variants(none) == []
    assert matched(none, "mse")["curve"].isna().all()
