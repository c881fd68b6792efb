from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from known_truth import write_known
from scipy import stats

from phvae.analysis import ledger
from phvae.analysis import statistics as s
from phvae.analysis.claims import Claims, read_claims, read_known_claims
from phvae.analysis.curve_margin import MARGINS, Margin
from phvae.analysis.results import read_table
from phvae.errors import ConfigError
from phvae.files import sha256
from phvae.metrics.registry import lookup

ALL = ["vae", "rate-distortion", "copies-3", {"variant": "vae", "challenger": "ph-vae-3-matched"}]


def claim(challenger: str, controls: list[Any], **more: Any) -> dict[str, Any]:
    base = {"text": "words", "datasets": ["grey"], "metric": "mse", "direction": "lower", "matters": {"relative": 0.05}}
    return {**base, "challenger": challenger, "controls": controls, **more}


CLAIMS = {
    "real": claim("ph-vae-3", ALL, datasets=["grey", "bits", "nowhere"]),
    "null": claim("ph-vae-2", ["vae"]),
    "wrong": claim("copies-3", ["vae", "ph-vae-3"]),
    "diverging": claim("ph-vae-4", ["vae"], datasets=["grey", "curve"]),
    "floor": claim("ph-vae-3", ["vae"], datasets=["curve"], metric="ks_samples_mean"),
    "sharper": claim("ph-vae-3", ["vae"], metric="ssim", direction="higher", matters={"absolute": 0.5}),
    "empty": claim("ph-vae-3", ["vae"], metric="fid_samples"),
    "absent": claim("ph-vae-3", ["vae"], metric="mig", direction="higher"),
    "spread": claim("ph-vae-3", ["vae"], compare="spread", matters={"relative": 0.25}),
    "small": claim("ph-vae-3", ["vae"], n_train="smallest"),
    "unknown": claim("ph-vae-9", ["vae"]),
}


def claims(entries: dict[str, Any]) -> Claims:
    return Claims.model_validate({"written": "2026-01-01", "claims": entries})


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return read_table(write_known(tmp_path_factory.mktemp("known")))


@pytest.fixture(scope="module")
def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    return ledger.evaluate(table, claims(CLAIMS), binary={"bits"})


@pytest.mark.parametrize(
    ("name", "dataset", "verdict", "reason"),
    [
        ("real", "grey", "supported", ""),
        ("real", "bits", "not testable", "binary data"),
        ("real", "nowhere", "not tested", "no runs on nowhere"),
        ("null", "grey", "not resolved", "the difference is smaller than the effect that matters"),
        ("wrong", "grey", "contradicted", ""),
        ("diverging", "grey", "not resolved", "ph-vae-4 diverged more often than vae"),
        ("diverging", "curve", "not tested", "no runs of ph-vae-4"),
        ("floor", "curve", "not resolved", "both at the noise floor"),
        ("sharper", "grey", "supported", "smaller than the effect that matters"),
        ("empty", "grey", "not tested", "fid_samples has no value: no Inception weights were given"),
        ("absent", "grey", "not tested", "mig was not computed"),
        ("spread", "grey", "not resolved", "not told from vae at 10 seeds"),
        ("small", "grey", "not tested", "one training size only"),
        ("unknown", "grey", "not tested", "no runs of ph-vae-9"),
    ],
)
def test_known_truth_gives_exactly_these_words(
    verdicts: pd.DataFrame, name: str, dataset: str, verdict: str, reason: str
) -> None:
    row = verdicts[(verdicts["claim"] == name) & (verdicts["dataset"] == dataset)].iloc[0]
    assert (row["verdict"], row["reason"]) == (verdict, reason)


def test_tally_counts_data_sets_that_could_be_tested(verdicts: pd.DataFrame) -> None:
    summary = ledger.tally(verdicts).set_index("claim")["summary"]
    assert summary["real"] == "supported on 1 of 1"
    assert summary["diverging"] == "supported on 0 of 1"
    assert summary["small"] == "not tested"
    only = verdicts[verdicts["dataset"] == "bits"]
    assert ledger.tally(only)["summary"].tolist() == ["not testable"]


def test_a_claim_is_as_weak_as_its_hardest_control(table: pd.DataFrame, verdicts: pd.DataFrame) -> None:
    details = ledger.contests(table, claims(CLAIMS), binary={"bits"})
    real = details[(details["claim"] == "real") & (details["dataset"] == "grey")]
    assert list(real["control"]) == ["vae", "rate-distortion", "copies-3", "vae"]
    assert list(real["challenger"]) == ["ph-vae-3"] * 3 + ["ph-vae-3-matched"]
    row = verdicts[(verdicts["claim"] == "real") & (verdicts["dataset"] == "grey")].iloc[0]
    assert row["p"] == real["p"].max()
    assert row["controls"] == 4
    # and the single comparison is scipy's paired t-test, one-sided, where skewness does not ask for more
    grey = table[(table["dataset"] == "grey") & (table["metric"] == "mse")]
    ours, theirs = (grey[grey["variant"] == v].sort_values("seed")["value"].to_numpy() for v in ("ph-vae-3", "vae"))
    expected = stats.ttest_rel(ours, theirs, alternative="less")
    assert real["p"].iloc[0] == s.paired_p(ours - theirs, "less") >= expected.pvalue
    assert real["effect"].iloc[0] == pytest.approx((ours - theirs).mean())
    low, high = stats.ttest_rel(ours, theirs).confidence_interval()
    assert real["low"].iloc[0] <= low + 1e-12
    assert real["high"].iloc[0] >= high - 1e-12
    assert real["matters"].iloc[0] == pytest.approx(0.05 * theirs.mean())


def test_one_lost_control_is_enough_to_fail(table: pd.DataFrame) -> None:
    entry = {"a": claim("ph-vae-3", ["vae", "ph-vae-3-matched"])}
    row = ledger.evaluate(table, claims(entry)).iloc[0]
    assert row["verdict"] == "not resolved"
    assert row["control"] == "ph-vae-3-matched"


def symmetric(half: np.ndarray) -> np.ndarray:
    """Noise of mean 0 and standard deviation 1 without skewness: what is given, and its mirror image."""
    noise = np.concatenate([half, -half], axis=-1)
    return noise / noise.std(axis=-1, ddof=1, keepdims=True)


def made(differences: dict[str, np.ndarray], base: np.ndarray) -> pd.DataFrame:
    """A long table with the control `vae` at `base`, and variants at base plus their differences."""
    rows = []
    for variant, shift in {"vae": np.zeros_like(base), **differences}.items():
        for seed, value in enumerate(base + shift):
            rows.append(("d", "all", variant, "test", "m", seed, "ok", value, False))
    names = ["dataset", "n_train", "variant", "split", "metric", "seed", "status", "value", "higher_is_better"]
    frame = pd.DataFrame(rows, columns=names).astype({"higher_is_better": "boolean"})
    return frame.assign(
        order=1, basis="monomial", divergence="kl", floor=np.nan, noise_sd=np.nan, reason="", caution=""
    )


def without_values(table: pd.DataFrame, variant: str, seeds: range, status: str) -> pd.DataFrame:
    """The table with some runs of a variant in which the metric has no value."""
    gone = (table["variant"] == variant) & table["seed"].isin(seeds)
    return table.assign(value=table["value"].mask(gone), status=table["status"].mask(gone, status))


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
    both = pd.concat([table, rates.astype({"higher_is_better": "boolean"})], ignore_index=True).assign(beta=1.0)
    entry = claims({"c": claim("a", ["rate-distortion"], datasets=["d"], metric="m")})
    assert ledger.evaluate(both, entry)["verdict"].tolist() == ["supported" if shift < 0 else "contradicted"]
    both.loc[(both["metric"] == "kl") & (both["variant"] == "a") & (both["seed"] < 2), "value"] = 9.0
    row = ledger.evaluate(both, entry).iloc[0]
    reason = "rate (kl) outside the beta curve at 2 of 10 seeds"
    assert (row["verdict"], row["reason"], row["n"]) == ("not resolved", reason, 8)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("value", [0.0097, 0.0103])
def test_the_curve_has_the_floor_of_its_metric(value: float) -> None:
    noise = np.random.default_rng(0).normal(size=10) * 1e-6
    table = made({"b": np.zeros(10), "a": value - 0.01 + noise}, np.full(10, 0.01)).assign(floor=0.01, noise_sd=0.002)
    table.loc[table["variant"] == "a", "order"] = 3
    rates = table.assign(metric="kl", value=table["variant"].map({"vae": 1.0, "b": 2.0, "a": 1.5}))
    both = pd.concat([table, rates], ignore_index=True).assign(beta=1.0)
    for control in ("vae", "rate-distortion"):
        row = ledger.evaluate(both, claims({"c": claim("a", [control], datasets=["d"], metric="m")})).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not resolved", "both at the noise floor")


def test_spreads_of_zero_have_no_ratio_and_are_told_so() -> None:
    base = np.random.default_rng(0).normal(size=12)
    entry = claims({"c": claim("a", ["vae"], datasets=["d"], metric="m", compare="spread", matters={"relative": 0.25})})
    for table in (made({"a": -base}, base), made({"a": base}, np.zeros(12)), made({"a": np.zeros(12)}, np.zeros(12))):
        row = ledger.evaluate(table, entry).iloc[0]
        assert row["verdict"] == "not resolved"
        assert row["reason"] == "no ratio of spreads: that of a or vae is zero"


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
    assert row["reason"] == "a is at 4.54, beyond 1, the value of the data: more is no merit"


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
    for matters, small in ((0.9, ""), (1.1, "smaller than the effect that matters; ")):
        entry = claim("a", ["vae"], datasets=["d"], metric="m", matters={"absolute": matters})
        reason = f"{small}rests on normality"
        row = ledger.evaluate(table, claims({"x": entry})).iloc[0]
        assert (row["verdict"], row["reason"]) == ("contradicted", reason)


def lost(table: pd.DataFrame, variant: str, seeds: int) -> pd.DataFrame:
    """The table with the first runs of a variant diverged."""
    gone = (table["variant"] == variant) & (table["seed"] < seeds)
    return table.assign(
        status=table["status"].mask(gone, "diverged"), value=table["value"].mask(gone), reason="the loss is not finite"
    )


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


def test_a_control_that_was_not_run_hides_no_contradiction() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05])
    for shift, verdict in ((1.0, "contradicted"), (-1.0, "not tested")):
        table = made({"a": noise + shift}, np.zeros(6))
        row = ledger.evaluate(table, claims({"x": claim("a", ["b", "vae"], datasets=["d"], metric="m")})).iloc[0]
        assert (row["verdict"], row["reason"]) == (verdict, "rests on normality" if shift > 0 else "no runs of b")
        assert np.isnan(row["p"]) == (shift < 0)


def test_the_smallest_win_decides_whether_support_matters() -> None:
    noise = np.random.default_rng(0).normal(size=8)
    # against b the win is tiny and beyond doubt, against vae large and noisy: the larger p is that against vae
    table = made({"a": -0.01 + 1e-5 * noise, "b": np.zeros(8)}, np.zeros(8))
    table.loc[table["variant"] == "vae", "value"] = 3 + 0.9 * noise
    entry = claim("a", ["vae", "b"], datasets=["d"], metric="m", matters={"absolute": 0.1})
    row = ledger.evaluate(table, claims({"x": entry})).iloc[0]
    assert (row["verdict"], row["control"]) == ("supported", "vae")
    assert row["reason"] == "smaller than the effect that matters; rests on normality"


@pytest.mark.parametrize(
    ("controls", "shift", "reason"),
    [
        (["vae"], 0.0, "not told from vae at 8 seeds"),
        (["vae"], 1.0, "worse than vae, not beyond the correction for many tests"),
        (["vae"], -1.0, "better than vae, not beyond the correction for many tests"),
        ([{"variant": "vae", "challenger": "a"}], 1.0, "its stand-in is worse than vae"),
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


def test_on_binary_data_only_polynomials_cannot_be_tested(table: pd.DataFrame) -> None:
    entry = {"x": claim("copies-3", ["vae"], datasets=["bits"]), "y": claim("beta-vae-0.5", ["vae"], datasets=["bits"])}
    found = ledger.evaluate(table, claims(entry), binary={"bits"}).set_index("claim")["verdict"]
    assert found.to_dict() == {"x": "not resolved", "y": "supported"}


def test_a_direction_against_the_metric_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"claims\.x\.direction: found 'higher', but mse is better the other way"):
        ledger.evaluate(table, claims({"x": claim("ph-vae-3", ["vae"], direction="higher")}))


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


def test_a_caution_on_a_rate_decides_nothing_against_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MARGINS, "m", Margin(absolute=0.01))
    table = made({"b": np.full(10, 0.5), "a": np.full(10, -0.75)}, np.random.default_rng(0).normal(size=10))
    table.loc[table["variant"] == "a", "order"] = 3
    rates = table.assign(metric="kl", value=table["variant"].map({"vae": 1.0, "b": 2.0, "a": 1.5}))
    both = pd.concat([table, rates], ignore_index=True).assign(beta=1.0)
    entry = claims({"c": claim("a", ["rate-distortion"], datasets=["d"], metric="m")})
    assert ledger.evaluate(both, entry)["verdict"].tolist() == ["supported"]
    for variant in ("a", "b"):
        warned = both.assign(caution=np.where((both["metric"] == "kl") & (both["variant"] == variant), "few", ""))
        row = ledger.evaluate(warned, entry).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not resolved", "few")


def test_skewed_differences_are_not_decided_either_way() -> None:
    gains = np.array([1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1.15, 0.85, -1.4])
    entry = claims({"x": claim("a", ["vae"], datasets=["d"], metric="m")})
    for turn, verdict in ((-1, "supported"), (1, "contradicted")):
        row = ledger.evaluate(made({"a": turn * (3 + gains)}, np.zeros(10)), entry).iloc[0]
        assert (row["verdict"], row["reason"]) == ("not resolved", "skewed: not decided")
        row = ledger.evaluate(made({"a": turn * (5 - gains)}, np.zeros(10)), entry).iloc[0]
        assert row["verdict"] == verdict


def test_what_is_said_at_few_seeds_rests_on_normality_and_says_so() -> None:
    noise = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15, 0.1, -0.1])
    for shift, verdict in ((-1.0, "supported"), (1.0, "contradicted")):
        for n, reason in ((5, "rests on normality"), (9, "rests on normality"), (10, "")):
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


# ---- the file ----
def test_the_shipped_claims_can_be_read_and_name_what_exists() -> None:
    found, digest = read_claims("config/claims.yaml")
    assert digest == sha256("config/claims.yaml")
    variants = set(yaml.safe_load(Path("config/quick.yaml").read_text(encoding="utf-8"))["variants"])
    for name, entry in found.claims.items():
        better = lookup(entry.metric).higher_is_better
        if better is not None and entry.compare == "mean":
            assert entry.direction == ("higher" if better else "lower"), name
        named = {entry.challenger, *(c.challenger or c.variant for c in entry.controls)} - {"rate-distortion"}
        assert named <= variants, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": "mse"}, r"claims.x.metrics: unknown key; did you mean 'metric'\?"),
        ({"direction": "down"}, r"claims.x.direction: found 'down', expected 'lower' or 'higher'"),
        ({"matters": {}}, "claims.x.matters: expected exactly one of absolute and relative"),
        ({"matters": {"relative": 2}}, "claims.x.matters.relative: found 2"),
        ({"controls": []}, r"claims.x.controls: found \[\]"),
        ({"controls": ["a"]}, "found 'a' against itself"),
        ({"controls": ["b", "b"]}, "found 'b' twice"),
        ({"datasets": ["d", "d"]}, "expected each data set once"),
        ({"compare": "spread", "direction": "higher"}, "expected direction lower"),
        ({"compare": "spread", "matters": {"absolute": 1}}, "needs matters.relative"),
        ({"compare": "spread", "controls": ["rate-distortion"]}, "cannot have the control rate-distortion"),
        ({"text": None}, "claims.x.text: found None"),
    ],
)
def test_mistakes_in_the_file_name_key_found_and_expected(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "claims.yaml"
    entry = {**claim("a", ["b"], matters={"relative": 0.1}), **change}
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": {"x": entry}}))
    with pytest.raises(ConfigError, match=message) as caught:
        read_claims(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_without_claims_or_date_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("level: 0.05\n")
    with pytest.raises(ConfigError, match=r"written: missing, and required\n.*claims: missing"):
        read_claims(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_claims(tmp_path / "claim.yaml")


def test_data_sets_and_variants_must_be_known_somewhere(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    (tmp_path / "broken.yaml").write_text("{")
    stand_in = {"variant": "vae", "challenger": "smal"}
    entry = claim("a", ["vae", "rate-distortion", stand_in], datasets=["claw", "mine", "studnet_t"])
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": {"x": entry}}))
    with pytest.raises(ConfigError) as caught:
        read_known_claims(path, ["mine"], ["a", "vae", "small"])
    assert str(caught.value).splitlines() == [
        f"{path}: claims.x.datasets: found 'studnet_t', expected a data set of some grid; did you mean 'student_t'?",
        f"{path}: claims.x.controls: found 'smal', expected a variant of some grid; did you mean 'small'?",
    ]
    beside = {"datasets": {"studnet_t": {}}, "variants": {"smal": {}}}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(beside))
    assert read_known_claims(path, ["mine"], ["a", "vae"])[1] == sha256(path)


def test_the_shipped_claims_name_what_the_shipped_grids_or_kinds_have() -> None:
    found, _ = read_known_claims("config/claims.yaml", [], [])
    assert "student" not in {name for entry in found.claims.values() for name in entry.datasets}
