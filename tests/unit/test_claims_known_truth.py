"""The ledger on results whose every verdict is known by construction."""

from __future__ import annotations

import pandas as pd
import pytest
from claims_by_hand import claim, claims
from known_truth import write_known
from scipy import stats

from phvae.analysis import statistics as s
from phvae.analysis.claims import ledger
from phvae.analysis.results.long_table import read_table
from phvae.errors import ConfigError

ALL = ["vae", "rate-distortion", "copies-3", {"variant": "vae", "challenger": "ph-vae-3-matched"}]


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
        ("null", "grey", "not resolved", "the difference is smaller than what matters"),
        ("wrong", "grey", "contradicted", ""),
        ("diverging", "grey", "not resolved", "ph-vae-4 diverged more often than vae"),
        ("diverging", "curve", "not tested", "no runs of ph-vae-4"),
        ("floor", "curve", "not resolved", "both as good as real data"),
        ("sharper", "grey", "supported", "smaller than what matters"),
        ("empty", "grey", "not tested", "fid_samples has no value: no Inception weights were given"),
        ("absent", "grey", "not tested", "mig was not computed"),
        ("spread", "grey", "not resolved", "not distinguishable from vae at 10 seeds"),
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


def test_on_binary_data_only_polynomials_cannot_be_tested(table: pd.DataFrame) -> None:
    entry = {"x": claim("copies-3", ["vae"], datasets=["bits"]), "y": claim("beta-vae-0.5", ["vae"], datasets=["bits"])}
    found = ledger.evaluate(table, claims(entry), binary={"bits"}).set_index("claim")["verdict"]
    assert found.to_dict() == {"x": "not resolved", "y": "supported"}


def test_a_direction_against_the_metric_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"claims\.x\.direction: found 'higher', but mse is better the other way"):
        ledger.evaluate(table, claims({"x": claim("ph-vae-3", ["vae"], direction="higher")}))
