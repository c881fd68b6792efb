"""What is said: support, contradiction, their corrections for many tests, and their reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from claims_by_hand import claim, claims, made, symmetric
from scipy import stats

from phvae.analysis.claims import ledger


def test_holm_is_over_the_claims_of_a_data_set() -> None:
    rng = np.random.default_rng(0)
    noise = symmetric(rng.normal(size=(3, 4)))
    t = stats.t.isf([0.02, 0.03, 0.2], 7)  # one-sided p-values by construction
    shifts = {name: noise[i] - t[i] / np.sqrt(8) for i, name in enumerate("abc")}
    table = made(shifts, rng.normal(size=8))
    entries = {name: claim(name, ["vae"], datasets=["d"], metric="m") for name in "abc"}
    found = ledger.evaluate(table, claims(entries)).set_index("claim")
    assert found["p"].tolist() == pytest.approx([0.02, 0.03, 0.2])
    assert found["p_holm"].tolist() == pytest.approx([0.06, 0.06, 0.2])
    assert set(found["verdict"]) == {"not resolved"}
    alone = ledger.evaluate(table, claims({"a": entries["a"]}))
    assert alone["verdict"].tolist() == ["supported"]


def test_contradiction_pays_for_the_number_of_controls() -> None:
    rng = np.random.default_rng(1)
    noise = symmetric(rng.normal(size=4))
    worse = {"a": noise + stats.t.isf(0.03, 7) / np.sqrt(8)}
    table = made({**worse, "b": 50 + rng.normal(size=8)}, rng.normal(size=8))
    one = ledger.evaluate(table, claims({"x": claim("a", ["vae"], datasets=["d"], metric="m")}))
    two = ledger.evaluate(table, claims({"x": claim("a", ["vae", "b"], datasets=["d"], metric="m")}))
    assert (one["verdict"][0], two["verdict"][0]) == ("contradicted", "not resolved")


def test_a_stand_in_that_loses_does_not_contradict() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15])
    stand_in = ["vae", {"variant": "vae", "challenger": "small"}]
    for shift, verdict in ((0.0, "not resolved"), (-1.0, "not resolved"), (1.0, "contradicted")):
        table = made({"a": noise + shift, "small": noise[::-1] + 2}, np.zeros(8))
        row = ledger.evaluate(table, claims({"x": claim("a", stand_in, datasets=["d"], metric="m")})).iloc[0]
        assert row["verdict"] == verdict
        # the contest that contradicts is shown, not the stand-in's harder one
        assert row["challenger"] == ("a" if verdict == "contradicted" else "small")
        assert row["effect"] == pytest.approx(1 if verdict == "contradicted" else 2)
    # stand-ins are not paid for either: p = .03 against one control contradicts beside one
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    table = made({"a": noise + stats.t.isf(0.03, 7) / np.sqrt(8), "small": noise}, np.zeros(8))
    found = ledger.evaluate(table, claims({"x": claim("a", stand_in, datasets=["d"], metric="m")}))
    assert found["verdict"].tolist() == ["contradicted"]
    only = ledger.evaluate(table, claims({"x": claim("b", stand_in[1:], datasets=["d"], metric="m")}))
    assert only["verdict"].tolist() == ["not resolved"]


def test_a_contradiction_smaller_than_what_matters_says_so() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05])
    table = made({"a": noise + 1}, np.zeros(6))
    for matters, small in ((0.9, ""), (1.1, "smaller than what matters; ")):
        entry = claim("a", ["vae"], datasets=["d"], metric="m", matters={"absolute": matters})
        reason = f"{small}assumes normal differences"
        row = ledger.evaluate(table, claims({"x": entry})).iloc[0]
        assert (row["verdict"], row["reason"]) == ("contradicted", reason)


def test_a_control_that_was_not_run_hides_no_contradiction() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05])
    for shift, verdict in ((1.0, "contradicted"), (-1.0, "not tested")):
        table = made({"a": noise + shift}, np.zeros(6))
        row = ledger.evaluate(table, claims({"x": claim("a", ["b", "vae"], datasets=["d"], metric="m")})).iloc[0]
        assert (row["verdict"], row["reason"]) == (
            verdict,
            "assumes normal differences" if shift > 0 else "no runs of b",
        )
        assert np.isnan(row["p"]) == (shift < 0)


def test_the_smallest_win_decides_whether_support_matters() -> None:
    noise = np.random.default_rng(0).normal(size=8)
    # against b the win is tiny and beyond doubt, against vae large and noisy: the larger p is that against vae
    table = made({"a": -0.01 + 1e-5 * noise, "b": np.zeros(8)}, np.zeros(8))
    table.loc[table["variant"] == "vae", "value"] = 3 + 0.9 * noise
    entry = claim("a", ["vae", "b"], datasets=["d"], metric="m", matters={"absolute": 0.1})
    row = ledger.evaluate(table, claims({"x": entry})).iloc[0]
    assert (row["verdict"], row["control"]) == ("supported", "vae")
    assert row["reason"] == "smaller than what matters; assumes normal differences"


@pytest.mark.parametrize(
    ("controls", "shift", "reason"),
    [
        (["vae"], 0.0, "not distinguishable from vae at 8 seeds"),
        (["vae"], 1.0, "worse than vae, but not after the correction for many tests"),
        (["vae"], -1.0, "better than vae, but not after the correction for many tests"),
        ([{"variant": "vae", "challenger": "a"}], 1.0, "a, which stands in for the challenger, is worse than vae"),
    ],
)
def test_an_interval_without_zero_is_not_called_untold(controls: list[Any], shift: float, reason: str) -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15])
    noise = (noise - noise.mean()) / noise.std(ddof=1)
    table = made({"a": noise + shift * stats.t.isf(0.02, 7) / np.sqrt(8)}, np.zeros(8))
    own = "a" if controls == ["vae"] else "ph"
    entries = {
        name: claim(own, controls, datasets=["d"], metric="m", matters={"absolute": 0.01}) for name in ("x", "y", "z")
    }
    row = ledger.evaluate(table, claims(entries)).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not resolved", reason)


def test_too_few_seeds_are_named() -> None:
    table = made({"a": np.array([-1.0, -1.1, -0.9, -1.2])}, np.zeros(4))
    entries = {"x": claim("a", ["vae"], datasets=["d"], metric="m")}
    row = ledger.evaluate(table, claims(entries)).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not testable", "too few seeds: 4 complete pairs with vae, 5 needed")
    table = made({"a": np.linspace(-1, -1.1, 9)}, np.arange(9.0))
    entries["x"] |= {"compare": "spread"}
    assert "9 complete pairs with vae, 10 needed" in ledger.evaluate(table, claims(entries))["reason"][0]


def test_spread_claims_compare_deviations_from_the_median() -> None:
    rng = np.random.default_rng(3)
    base = rng.normal(size=12)
    table = made({"a": -0.7 * base + 0.05 * rng.normal(size=12)}, base)
    entries = {"x": claim("a", ["vae"], datasets=["d"], metric="m", compare="spread", matters={"relative": 0.25})}
    row = ledger.evaluate(table, claims(entries)).iloc[0]
    a = base + table[table["variant"] == "a"]["value"].to_numpy() - base
    ours, theirs = (np.abs(side - np.median(side)) for side in (a, base))
    expected = stats.ttest_rel(ours, theirs, alternative="less").pvalue
    assert row["p"] == pytest.approx(expected)
    assert row["verdict"] == "supported"
    assert row["effect"] == pytest.approx(row["challenger_value"] / row["control_value"])
    assert row["effect"] == pytest.approx(ours.mean() / theirs.mean())
    assert row["low"] < row["effect"] < row["high"] < 1


def test_seeds_needed_bring_the_half_width_below_what_matters() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(size=10) + 10
    table = made({"a": symmetric(rng.normal(size=5)) - 9.5}, base)
    entries = {"x": claim("a", ["vae"], datasets=["d"], metric="m", matters={"absolute": 0.3})}
    row = ledger.evaluate(table, claims(entries)).iloc[0]
    sd = row["half_width"] * np.sqrt(10) / stats.t.ppf(0.975, 9)
    n = row["seeds_needed"]
    assert stats.t.ppf(0.975, n - 1) * sd / np.sqrt(n) <= 0.3 < stats.t.ppf(0.975, n - 2) * sd / np.sqrt(n - 1)


def test_small_data_are_tested_at_the_smallest_size_and_others_at_the_largest() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05])
    better, worse = made({"a": noise - 1}, np.zeros(6)), made({"a": noise + 1}, np.zeros(6))
    table = pd.concat([worse.assign(n_train="1000"), better.assign(n_train="90")])
    entries = {size: claim("a", ["vae"], datasets=["d"], metric="m", n_train=size) for size in ("smallest", "largest")}
    found = ledger.evaluate(table, claims(entries)).set_index("claim")
    assert found["n_train"].to_dict() == {"smallest": "90", "largest": "1000"}
    assert found["verdict"].to_dict() == {"smallest": "supported", "largest": "contradicted"}


@pytest.mark.slow
def test_under_the_least_favourable_null_support_is_rare_and_a_real_effect_is_found() -> None:
    rng = np.random.default_rng(5)
    repeats = 60

    def share(shifts: list[float]) -> float:
        tables = []
        for i in range(repeats):
            base = rng.normal(size=10)
            others = {name: rng.normal(size=10) + shift - base for name, shift in zip("abcd", shifts, strict=True)}
            tables.append(made(others, base).assign(dataset=f"d{i}"))
        entry = claim("vae", list("abcd"), datasets=[f"d{i}" for i in range(repeats)], metric="m")
        return float((ledger.evaluate(pd.concat(tables), claims({"x": entry}))["verdict"] == "supported").mean())

    assert share([0, 20, 20, 20]) <= stats.binom.ppf(0.9999, repeats, 0.05) / repeats
    assert share([2, 2, 2, 2]) >= 0.8


def test_what_is_said_at_few_seeds_rests_on_normality_and_says_so() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15, 0.1, -0.1])
    for shift, verdict in ((-1.0, "supported"), (1.0, "contradicted")):
        for n, reason in ((5, "assumes normal differences"), (9, "assumes normal differences"), (10, "")):
            table = made({"a": noise[:n] + shift}, np.zeros(n))
            row = ledger.evaluate(table, claims({"x": claim("a", ["vae"], datasets=["d"], metric="m")})).iloc[0]
            assert (row["verdict"], row["reason"]) == (verdict, reason)
    # the reason for the bound: the exact test's smallest p-value at fewer pairs fails Holm over a dozen claims
    assert 2.0**-9 * 26 > 0.05 > 2.0**-10 * 51


@pytest.mark.slow
def test_a_skewed_side_leads_to_fewer_errors_than_under_students_test() -> None:
    rng = np.random.default_rng(9)
    repeats, names = 200, [f"d{i}" for i in range(200)]
    entry = claims({"x": claim("a", list("bcde"), datasets=names, metric="m")})
    tables, student = [], 0
    for name in names:
        controls = rng.lognormal(size=(4, 10)) - np.exp(0.5)
        student += bool((stats.ttest_1samp(-controls, 0, axis=1, alternative="greater").pvalue.min()) <= 0.05 / 4)
        base = 0.1 * rng.normal(size=10)
        tables.append(
            made({"a": np.zeros(10), **dict(zip("bcde", controls - base, strict=True))}, base).assign(dataset=name)
        )
    found = (ledger.evaluate(pd.concat(tables), entry)["verdict"] == "contradicted").mean()
    assert found <= 0.25 + 3 * np.sqrt(0.25 * 0.75 / repeats)
    assert found < 0.75 * student / repeats
