from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from known_truth import SEEDS, write_known
from scipy import stats

from phvae.analysis.results.long_table import read_table
from phvae.analysis.statistics.against_baseline import against
from phvae.analysis.statistics.summary import summary
from phvae.analysis.statistics.verdict import at_floor
from phvae.errors import ConfigError


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return read_table(write_known(tmp_path_factory.mktemp("known")))


@pytest.fixture(scope="module")
def frame(table: pd.DataFrame) -> pd.DataFrame:
    return against(table, "vae").set_index(["dataset", "variant", "metric"])


WORDS = {
    # the real effect, on every data set but the binary one
    ("grey", "mse"): {"ph-vae-3": "better", "ph-vae-3-matched": "better", "ph-vae-4": "not resolved",
                      "ph-vae-2": "not resolved", "copies-3": "not resolved", "beta-vae-2": "worse"},
    ("grey", "ssim"): {"ph-vae-3": "better", "copies-3": "not resolved", "ph-vae-4": "not resolved"},
    ("bits", "mse"): {"ph-vae-3": "not resolved", "ph-vae-4": "not resolved", "copies-3": "not resolved"},
    ("curve", "w1_samples_mean"): {"ph-vae-3": "better", "ph-vae-2": "not resolved", "copies-3": "not resolved"},
    # really smaller for ph-vae-3, but no further from the truth than true samples are
    ("curve", "ks_samples_mean"): dict.fromkeys(["ph-vae-3", "copies-3", "ph-vae-2"], "both as good as real data"),
    # neither direction is better
    ("grey", "kl"): dict.fromkeys(["ph-vae-3", "beta-vae-2"], ""),
    ("grey", "fid_samples"): {"ph-vae-3": "not resolved"},
}  # fmt: skip


@pytest.mark.parametrize(("dataset", "metric"), list(WORDS))
def test_known_truth_gives_exactly_these_words(frame: pd.DataFrame, dataset: str, metric: str) -> None:
    found = {variant: frame.loc[(dataset, variant, metric), "word"] for variant in WORDS[dataset, metric]}
    assert found == WORDS[dataset, metric]
    assert frame.loc[(dataset, "vae", metric), "word"] == ""


def test_a_better_variant_that_diverged_more_often_is_not_called_better(frame: pd.DataFrame) -> None:
    row = frame.loc[("grey", "ph-vae-4", "mse")]
    assert row["difference_high"] < 0  # it would have been
    assert (row["word"], row["why"]) == ("not resolved", "the variant diverged more often than the baseline")
    assert (row["n"], row["planned"], row["diverged"], row["pairs"], row["incomplete"]) == (9, 10, 1, 9, 1)


def test_a_variant_is_not_called_worse_than_a_baseline_that_diverged_more_often(table: pd.DataFrame) -> None:
    row = against(table, "ph-vae-4").set_index(["dataset", "variant", "metric"]).loc[("grey", "vae", "mse")]
    assert row["difference_low"] > 0  # it would have been
    assert (row["word"], row["why"]) == ("not resolved", "the baseline diverged more often than the variant")


def test_metrics_without_values_are_counted_with_their_reason(frame: pd.DataFrame) -> None:
    row = frame.loc[("grey", "ph-vae-3", "fid_samples")]
    assert (row["n"], row["empty"], row["missing"]) == (0, SEEDS, 0)
    assert row["reason"] == "no Inception weights were given"
    assert (row["word"], row["why"]) == ("not resolved", "no complete pair")


def test_a_cell_that_never_ran_has_no_line_but_its_runs_are_in_the_table(
    table: pd.DataFrame, frame: pd.DataFrame
) -> None:
    assert ("curve", "ph-vae-4", "w1_samples_mean") not in frame.index
    gone = table[(table["dataset"] == "curve") & (table["variant"] == "ph-vae-4")]
    assert list(gone["status"]) == ["missing"] * SEEDS


def test_the_numbers_are_scipys(table: pd.DataFrame, frame: pd.DataFrame) -> None:
    grey = table[(table["dataset"] == "grey") & (table["metric"] == "mse")].sort_values("seed")
    ours, theirs = (grey[grey["variant"] == name]["value"].to_numpy() for name in ("ph-vae-3", "vae"))
    row = frame.loc[("grey", "ph-vae-3", "mse")]
    assert row["mean"] == pytest.approx(ours.mean())
    assert row["sd"] == pytest.approx(ours.std(ddof=1))
    assert row["iqm"] == pytest.approx(stats.trim_mean(ours, 0.25))
    assert row["baseline_mean"] == pytest.approx(theirs.mean())
    low, high = stats.ttest_rel(ours, theirs).confidence_interval()
    assert row["difference_low"] <= low + 1e-12  # Hall's may be wider
    assert row["difference_high"] >= high - 1e-12
    assert row["p_t"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, rel=1e-6)
    assert row["p_wilcoxon"] == pytest.approx(stats.wilcoxon(ours, theirs, method="exact").pvalue)
    assert row["p_sign_flip"] == row["smallest_p"] == 2 / 2**10
    d = ours - theirs
    assert row["effect"] == pytest.approx(d.mean() / d.std(ddof=1))
    assert row["p_improvement"] == 1.0
    deviations = (np.abs(side - np.median(side)) for side in (ours, theirs))
    assert row["p_spread"] == pytest.approx(stats.ttest_rel(*deviations).pvalue)
    assert (row["interval"], row["p_test"]) == ("Student t, 95 %", "exact sign-flip")


def long(values: dict[str, np.ndarray], **columns: object) -> pd.DataFrame:
    """A long table of one metric `m` (lower is better)."""
    rows = [(v, seed, x) for v, array in values.items() for seed, x in enumerate(array)]
    frame = pd.DataFrame(rows, columns=["variant", "seed", "value"])
    defaults: dict[str, object] = {
        "dataset": "d", "n_train": "all", "split": "test", "metric": "m", "order": 1, "basis": "monomial",
        "encoder_width": "full", "coupling": "", "prior": "", "divergence": "kl", "beta": 1.0, "unit": "1",
        "higher_is_better": False, "n": 10, "ceiling": np.nan, "floor": np.nan, "noise_sd": np.nan, "settings": "",
        "reason": "", "caution": "",
    }  # fmt: skip
    status = np.where(frame["value"].isna(), "failed", "ok")
    return frame.assign(**{**defaults, "status": status, **columns}).astype(
        {"higher_is_better": "boolean", "seed": "Int64"}
    )


def test_two_seeds_resolve_nothing() -> None:
    frame = against(long({"a": np.array([1.0, 1.01]), "b": np.array([0.0, 0.01 + 1e-9])}), "a").set_index("variant")
    assert frame.loc["b", "difference_high"] < 0
    assert (frame.loc["b", "word"], frame.loc["b", "why"]) == ("not resolved", "fewer than 3 complete pairs")


def test_more_reproducible_is_never_said_below_ten_seeds() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=10)
    values = {"a": base, "b": 0.05 * rng.normal(size=10)}
    full = against(long(values), "a").set_index("variant")
    assert full.loc["b", "spread_word"] == "more reproducible"
    nine = against(long({k: v[:9] for k, v in values.items()}), "a").set_index("variant")
    assert nine.loc["b", "p_spread"] < 0.05
    assert nine.loc["b", "spread_word"] == "not resolved"
    back = against(long(values), "b").set_index("variant")
    assert back.loc["a", "spread_word"] == "less reproducible"


def test_incomplete_pairs_are_left_out_and_counted() -> None:
    a, b = np.arange(6.0), np.arange(6.0) - 1 + 0.1 * np.array([1, -1, 1, -1, 1, -1])
    a[0], b[5] = np.nan, np.nan
    row = against(long({"a": a, "b": b}), "a").set_index("variant").loc["b"]
    assert (row["pairs"], row["incomplete"], row["n"], row["failed"]) == (4, 2, 5, 1)
    assert row["difference"] == pytest.approx(np.mean((b - a)[1:5]))


def test_rows_over_all_seeds_stand_alone() -> None:
    one = long({"a": np.array([0.4]), "b": np.array([0.5])})
    one["seed"] = pd.array([pd.NA, pd.NA], dtype="Int64")
    both = pd.concat([one.assign(metric="udr"), long({"a": np.arange(5.0), "b": np.arange(5.0)})])
    frame = against(both, "a").set_index(["variant", "metric"])
    row = frame.loc[("b", "udr")]
    assert (row["n"], row["planned"], row["mean"], row["interval"]) == (1, 1, 0.5, "none (one value for all seeds)")
    assert (row["word"], row["incomplete"]) == ("not resolved", 0)
    assert frame.loc[("b", "m"), "planned"] == 5


def test_a_floor_decides_only_with_a_known_noise() -> None:
    assert at_floor(0.011, 0.010, 0.001, -1)
    assert at_floor(0.005, 0.010, 0.001, -1)  # a distance below the floor is at it
    assert not at_floor(0.013, 0.010, 0.001, -1)
    assert not at_floor(0.005, 0.010, np.nan, -1)
    assert at_floor(0.12, 0.10, 0.02, 1)  # a score no better than that of a code without information
    assert not at_floor(0.5, 0.10, 0.02, 1)
    assert not at_floor(0.5, np.nan, 0.02, 1)
    assert not at_floor(0.05, 0.10, 0.02, 1)  # below what no information gives: another trouble than noise


def test_one_variant_at_the_floor_is_a_difference_not_noise() -> None:
    near, far = 0.01 + 0.0001 * np.arange(5.0), 0.05 + 0.0003 * np.arange(5.0)
    frame = against(long({"a": far, "b": near}, floor=0.01, noise_sd=0.002), "a").set_index("variant")
    assert frame.loc["b", "word"] == "better"
    frame = against(long({"a": near, "b": far}, floor=0.01, noise_sd=0.002), "a").set_index("variant")
    assert frame.loc["b", "word"] == "worse"


def test_a_value_beside_a_failure_is_not_used() -> None:
    table = long({"a": np.arange(5.0)})
    table.loc[4, "status"] = "failed"
    row = summary(table).iloc[0]
    assert (row["n"], row["failed"], row["mean"]) == (4, 1, 1.5)


def test_an_unknown_baseline_names_the_nearest(table: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="did you mean 'vae'"):
        against(table, "vea")


def test_order_of_lines_does_not_change_a_number(table: pd.DataFrame, tmp_path: Path) -> None:
    shuffled = table.sample(frac=1, random_state=np.random.default_rng(0))
    key = ["dataset", "variant", "split", "metric"]
    one, two = (against(t, "vae").sort_values(key).reset_index(drop=True) for t in (table, shuffled))
    pd.testing.assert_frame_equal(one, two)
    assert len(summary(table)) == len(one)


def test_a_mean_beyond_the_value_of_the_data_is_not_better() -> None:
    true, noisy = 0.8 + 0.001 * np.arange(5.0), 4.8 + 0.003 * np.arange(5.0)
    table = long({"a": true, "b": noisy}, metric="sharpness", higher_is_better=True)
    row = against(table, "a").set_index("variant").loc["b"]
    assert row["difference_low"] > 0
    why = "is at 4.81, past the data's own value of 1: not better"
    assert (row["word"], row["why"]) == ("not resolved", f"the variant {why}")
    row = against(table, "b").set_index("variant").loc["a"]  # nor is what is as sharp as the data worse than noise
    assert (row["word"], row["why"]) == ("not resolved", f"the baseline {why}")
    below = long({"a": true, "b": noisy - 3.9}, metric="sharpness", higher_is_better=True)
    assert against(below, "a").set_index("variant").loc["b", "word"] == "better"
    assert against(long({"a": true, "b": noisy}, higher_is_better=True), "a")["word"].tolist() == ["", "better"]


NOISE = 0.01 * np.array([1, -1, 2, -2, 1, -1, 2, -2, 1, -1.0])


def test_a_variant_that_lacks_seeds_is_not_called_better_for_the_others() -> None:
    values = {"a": NOISE, "b": NOISE[::-1] - 1}
    assert against(long(values), "a").set_index("variant").loc["b", "word"] == "better"
    gone = {"a": NOISE, "b": np.where(np.arange(10) < 3, np.nan, values["b"])}
    for baseline, shown, winner, loser in (("a", "b", "variant", "baseline"), ("b", "a", "baseline", "variant")):
        row = against(long(gone), baseline).set_index("variant").loc[shown]
        assert (row["word"], row["pairs"]) == ("not resolved", 7)
        assert row["why"] == f"the {winner} has a value at fewer seeds than the {loser}"
    # and the side that lacks none may still win
    gone = {"a": np.where(np.arange(10) < 3, np.nan, NOISE), "b": NOISE[::-1] - 1}
    assert against(long(gone), "a").set_index("variant").loc["b", "word"] == "better"


def test_a_caution_is_shown_and_decides_nothing() -> None:
    table = long({"a": NOISE, "b": NOISE[::-1] - 1, "c": NOISE[::-1] + 1})
    warned = table.assign(caution=np.where((table["variant"] == "b") & (table["seed"] < 2), "few", ""))
    frame = against(warned, "a").set_index("variant")
    assert frame["caution"].to_dict() == {"a": "", "b": "few", "c": ""}
    assert (frame.loc["b", "word"], frame.loc["b", "why"]) == ("not resolved", "few")
    assert (frame.loc["b", "spread_word"], frame.loc["c", "word"]) == ("not resolved", "worse")
    assert frame["with_best"].tolist() == [True, pd.NA, False]
    assert frame.loc["b", "mean"] == pytest.approx(-1)
    several = table.assign(caution=np.where(table["variant"] == "b", np.where(table["seed"] < 3, "x", "few"), ""))
    assert summary(several).set_index("variant").loc["b", "caution"] == "few"


def test_differences_with_a_long_tail_on_the_losers_side_are_not_decided() -> None:
    gains = np.array([1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1.15, 0.85, -1.4])
    table = long({"a": np.zeros(10), "b": -3 - gains})
    row = against(table, "a").set_index("variant").loc["b"]
    assert row["p_paired"] < 0.001
    assert (row["word"], row["why"]) == ("not resolved", "the differences are too skewed to decide")
    other = against(long({"a": np.zeros(10), "b": -5 + gains}), "a").set_index("variant").loc["b"]
    assert (other["word"], other["skew"]) == ("better", pytest.approx(-row["skew"]))


@pytest.mark.slow
def test_the_best_and_what_is_not_told_from_it() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=10)
    values = {
        name: base + 0.05 * rng.normal(size=10) + shift for name, shift in zip("abcd", (0, 0.01, 1, 2), strict=True)
    }
    frame = against(long(values), "d").set_index("variant")
    assert frame["with_best"].to_dict() == {"a": True, "b": True, "c": False, "d": False}
    higher = against(long(values, higher_is_better=True), "a").set_index("variant")
    assert higher["with_best"].to_dict() == {"a": False, "b": False, "c": False, "d": True}
    assert against(long(values, higher_is_better=pd.NA), "a")["with_best"].isna().all()
    assert against(long({k: v[:2] for k, v in values.items()}), "a")["with_best"].isna().all()
    beyond = against(long(values, metric="sharpness", higher_is_better=True), "a").set_index("variant")
    assert np.mean(values["d"]) > 1 > np.mean(values["b"])  # more than the data have is not best
    assert beyond.loc["d", "with_best"] is pd.NA


@pytest.mark.slow
def test_the_true_best_is_rarely_told_from_the_best_mean() -> None:
    rng = np.random.default_rng(3)
    tables = [
        long({f"v{i}": rng.normal(size=10) for i in range(6)}).assign(dataset=f"d{repeat}") for repeat in range(300)
    ]
    frame = against(pd.concat(tables), "v0")
    truth = frame[frame["variant"] == "v3"]["with_best"]  # all are equal, so v3 is as truly best as any
    assert (~truth.astype(bool)).mean() <= stats.binom.ppf(0.999, 300, 0.05) / 300
