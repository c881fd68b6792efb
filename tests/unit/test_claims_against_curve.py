"""Claims held against the beta-VAE's curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims_by_hand import claim, claims, made
from described import described

from phvae.analysis.claims import ledger
from phvae.analysis.statistics.curve_margin import MARGINS, Margin


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """The curve of the metric `m` has no error."""
    monkeypatch.setitem(MARGINS, "m", Margin())


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_no_verdict_against_the_curve_on_the_seeds_that_happen_to_lie_on_it(shift: float) -> None:
    base = np.random.default_rng(0).normal(size=10)
    table = made({"b": np.full(10, 0.5), "a": np.full(10, 0.25 + shift)}, base)
    table.loc[table["variant"] == "a", "order"] = 3
    rate = {"vae": 1.0, "b": 2.0, "a": 1.5}
    rates = table.assign(metric="kl", value=table["variant"].map(rate), higher_is_better=pd.NA)
    both = described(pd.concat([table, rates.astype({"higher_is_better": "boolean"})], ignore_index=True))
    entry = claims({"c": claim("a", ["rate-distortion"], datasets=["d"], metric="m")})
    assert ledger.evaluate(both, entry)["verdict"].tolist() == ["supported" if shift < 0 else "contradicted"]
    both.loc[(both["metric"] == "kl") & (both["variant"] == "a") & (both["seed"] < 2), "value"] = 9.0
    row = ledger.evaluate(both, entry).iloc[0]
    reason = "rate (kl) outside the β-VAE's curve at 2 of 10 seeds"
    assert (row["verdict"], row["reason"], row["n"]) == ("not resolved", reason, 8)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("value", [0.0097, 0.0103])
def test_the_curve_has_the_floor_of_its_metric(value: float) -> None:
    noise = np.random.default_rng(0).normal(size=10) * 1e-6
    table = made({"b": np.zeros(10), "a": value - 0.01 + noise}, np.full(10, 0.01)).assign(floor=0.01, noise_sd=0.002)
    table.loc[table["variant"] == "a", "order"] = 3
    rates = table.assign(metric="kl", value=table["variant"].map({"vae": 1.0, "b": 2.0, "a": 1.5}))
    both = described(pd.concat([table, rates], ignore_index=True))
    for control in ("vae", "rate-distortion"):
        row = ledger.evaluate(both, claims({"c": claim("a", [control], datasets=["d"], metric="m")})).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not resolved", "both as good as real data")


def test_a_caution_on_a_rate_decides_nothing_against_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARGINS, "m", Margin(absolute=0.01))
    table = made({"b": np.full(10, 0.5), "a": np.full(10, -0.75)}, np.random.default_rng(0).normal(size=10))
    table.loc[table["variant"] == "a", "order"] = 3
    rates = table.assign(metric="kl", value=table["variant"].map({"vae": 1.0, "b": 2.0, "a": 1.5}))
    both = described(pd.concat([table, rates], ignore_index=True))
    entry = claims({"c": claim("a", ["rate-distortion"], datasets=["d"], metric="m")})
    assert ledger.evaluate(both, entry)["verdict"].tolist() == ["supported"]
    for variant in ("a", "b"):
        warned = both.assign(caution=np.where((both["metric"] == "kl") & (both["variant"] == variant), "few", ""))
        row = ledger.evaluate(warned, entry).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not resolved", "few")
