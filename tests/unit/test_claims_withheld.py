"""What is not said: lost seeds, cautions, skewness, values beyond the data's, zero spreads."""

from __future__ import annotations

import numpy as np
import pytest
from claims_by_hand import claim, claims, lost, made, without_values

from phvae.analysis.claims import ledger


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ("diverged", "diverged more often"),
        ("empty", "has a value at fewer seeds"),
        ("failed", "has a value at fewer seeds"),
        ("missing", "has a value at fewer seeds"),
    ],
)
@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_seeds_at_which_a_side_failed_decide_nothing_for_it(status: str, what: str, shift: float) -> None:
    table = made({"a": np.full(10, shift)}, np.random.default_rng(0).normal(size=10))
    entry = {"c": claim("a", ["vae"], datasets=["d"], metric="m")}
    word = "supported" if shift < 0 else "contradicted"
    assert ledger.evaluate(table, claims(entry))["verdict"].tolist() == [word]
    winner, loser = ("a", "vae") if shift < 0 else ("vae", "a")
    row = ledger.evaluate(without_values(table, winner, range(5), status), claims(entry)).iloc[0]
    assert (row["verdict"], row["reason"], row["n"]) == ("not resolved", f"{winner} {what} than {loser}", 5)
    row = ledger.evaluate(without_values(table, loser, range(5), status), claims(entry)).iloc[0]
    assert row["verdict"] == word


def test_spreads_of_zero_have_no_ratio_and_are_told_so() -> None:
    base = np.random.default_rng(0).normal(size=12)
    entry = claims({"c": claim("a", ["vae"], datasets=["d"], metric="m", compare="spread", matters={"relative": 0.25})})
    for table in (made({"a": -base}, base), made({"a": base}, np.zeros(12)), made({"a": np.zeros(12)}, np.zeros(12))):
        row = ledger.evaluate(table, entry).iloc[0]
        assert row["verdict"] == "not resolved"
        assert row["reason"] == "no ratio of spreads: that of a or vae is zero"


def test_sharper_than_the_data_is_no_support() -> None:
    entries = {"x": claim("a", ["vae"], datasets=["d"], metric="sharpness", direction="higher")}
    base = np.linspace(0.5, 0.52, 8)
    sharper, noisy = (
        made({"a": np.linspace(gain, gain + 0.05, 8)}, base).assign(metric="sharpness", higher_is_better=True)
        for gain in (0.2, 4.0)
    )
    assert ledger.evaluate(sharper, claims(entries))["verdict"].tolist() == ["supported"]
    row = ledger.evaluate(noisy, claims(entries)).iloc[0]
    assert row["verdict"] == "not resolved"
    assert row["reason"] == "a is at 4.54, past the data's own value of 1: not better"


def test_a_contradiction_is_withheld_for_the_same_reasons_as_support() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15])
    for sign, verdict in ((1, "contradicted"), (-1, "supported")):
        table = made({"a": noise + sign}, 3 + noise[::-1])
        entries = {"x": claim("a", ["vae"], datasets=["d"], metric="m")}
        assert ledger.evaluate(table, claims(entries))["verdict"][0] == verdict
        winner, loser = ("vae", "a") if sign > 0 else ("a", "vae")
        assert ledger.evaluate(lost(table, winner, 2), claims(entries))["verdict"][0] == "not resolved"
        assert ledger.evaluate(lost(table, loser, 2), claims(entries))["verdict"][0] == verdict
        floor = table.assign(floor=3.0, noise_sd=9.0)
        assert ledger.evaluate(floor, claims(entries))["verdict"][0] == "not resolved"
        sharp = table.assign(metric="sharpness", higher_is_better=True, value=-table["value"] + 5)
        entry = claim("a", ["vae"], datasets=["d"], metric="sharpness", direction="higher")
        assert ledger.evaluate(sharp, claims({"x": entry}))["verdict"][0] == "not resolved"
        below = sharp.assign(value=sharp["value"] - 5)
        assert ledger.evaluate(below, claims({"x": entry}))["verdict"][0] == verdict


def test_a_caution_on_either_side_decides_nothing() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15, 0.1, -0.1])
    for shift, verdict in ((-1.0, "supported"), (1.0, "contradicted"), (0.0, "not resolved")):
        table = made({"a": noise + shift}, np.zeros(10))
        entry = claims({"x": claim("a", ["vae"], datasets=["d"], metric="m")})
        assert ledger.evaluate(table, entry)["verdict"][0] == verdict
        for variant in ("a", "vae"):
            warned = table.assign(caution=np.where(table["variant"] == variant, "not settled", ""))
            row = ledger.evaluate(warned, entry).iloc[0]
            assert (row["verdict"], row["reason"]) == ("not resolved", "not settled")


def test_skewed_differences_are_not_decided_either_way() -> None:
    gains = np.array([1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1.15, 0.85, -1.4])
    entry = claims({"x": claim("a", ["vae"], datasets=["d"], metric="m")})
    for turn, verdict in ((-1, "supported"), (1, "contradicted")):
        row = ledger.evaluate(made({"a": turn * (3 + gains)}, np.zeros(10)), entry).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not resolved", "the differences are too skewed to decide")
        row = ledger.evaluate(made({"a": turn * (5 - gains)}, np.zeros(10)), entry).iloc[0]
        assert row["verdict"] == verdict
