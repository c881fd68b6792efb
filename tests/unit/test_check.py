from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from known_truth import write_known
from scipy import stats

from phvae.analysis.results.long_table import RUN, read_table
from phvae.analysis.statistics.agreement import compare_tables
from phvae.analysis.terminal.check import check

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return read_table(write_known(tmp_path_factory.mktemp("known")))


def verdicts(mine: pd.DataFrame, reference: pd.DataFrame) -> pd.Series:
    return compare_tables(mine, reference).numbers.set_index(["dataset", "variant", "metric"])["verdict"]


def write(table: pd.DataFrame, folder: Path) -> Path:
    folder.mkdir()
    table.to_csv(folder / "metrics.csv", index=False)
    return folder


def at(table: pd.DataFrame, dataset: str, variant: str, metric: str) -> pd.Series:
    return (table["dataset"] == dataset) & (table["variant"] == variant) & (table["metric"] == metric)


def test_equal_runs_are_the_same(reference: pd.DataFrame, tmp_path: Path) -> None:
    folder = write(reference, tmp_path / "a")
    text, good = check(folder, folder)
    assert good
    assert "same" in text
    assert text.endswith("REPRODUCED: 69 of 69 comparable numbers agree (chance explains up to 1% that do not)")


def test_shared_seeds_are_the_same_up_to_one_in_a_million(reference: pd.DataFrame) -> None:
    for change, verdict in ((1e-7, "same"), (1e-5, "agrees")):
        mine = reference.assign(value=reference["value"] * (1 + change))
        assert verdicts(mine, reference)["grey", "vae", "mse"] == verdict


def test_a_small_part_with_fewer_seeds_is_judged_alone(reference: pd.DataFrame, tmp_path: Path) -> None:
    part = reference[(reference["variant"].isin(["vae", "ph-vae-3"])) & (reference["seed"] < 3)]
    mine, whole = write(part, tmp_path / "mine"), write(reference, tmp_path / "reference")
    text, good = check(mine, whole)
    assert good
    assert f"  0 numbers only in {mine}, 63 only in {whole}: not judged" in text.splitlines()


def test_other_seeds_agree_within_their_spread(reference: pd.DataFrame) -> None:
    mine = reference.copy()
    mine["seed"] += 100
    rng = np.random.default_rng(0)
    spread = reference.groupby(["dataset", "variant", "metric"])["value"].transform("std")
    mine["value"] += 0.5 * spread * rng.normal(size=len(mine))
    found = compare_tables(mine, reference)
    assert found.good
    assert set(found.numbers["verdict"]) == {"agrees"}


def test_the_test_is_students_for_two_samples(reference: pd.DataFrame) -> None:
    mine = reference[reference["seed"] < 7].copy()
    mine["seed"] += 50
    mine["value"] *= 1.01
    numbers = compare_tables(mine, reference).numbers.set_index(["dataset", "variant", "metric"])
    a = mine[at(mine, "grey", "vae", "mse")]["value"]
    b = reference[at(reference, "grey", "vae", "mse")]["value"]
    assert numbers.loc[("grey", "vae", "mse"), "p"] == pytest.approx(stats.ttest_ind(a, b).pvalue)


def test_one_number_far_outside_fails_the_whole_and_is_listed(reference: pd.DataFrame, tmp_path: Path) -> None:
    mine = reference.copy()
    mine.loc[at(mine, "grey", "vae", "mse"), "value"] *= 1.2
    assert verdicts(mine, reference)["grey", "vae", "mse"] == "differs"
    text, good = check(write(mine, tmp_path / "mine"), write(reference, tmp_path / "reference"))
    assert not good
    assert "NOT REPRODUCED: 68 of 69 comparable numbers agree; 1 differ by more than chance" in text
    listed = text.split("outside the seeds' spread")[1]
    assert "grey      all      vae      mse (test)" in listed


def test_more_numbers_a_little_outside_than_chance_explains_fail_too() -> None:
    base = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    shift = 6.0 * base.std(ddof=1) * np.sqrt(2 / 5)  # t = 6
    assert 0.01 / 200 < 2 * stats.t.sf(6.0, 8) < 0.001

    def table(shifted: int, first_seed: int, shift: float = shift) -> pd.DataFrame:
        rows = [
            {"metric": f"m{i}", "seed": first_seed + seed, "value": value + (shift if i < shifted else 0.0)}
            for i in range(200)
            for seed, value in enumerate(base)
        ]
        fixed = {"dataset": "d", "n_train": "all", "variant": "v", "split": "test", "status": "ok", "settings": "",
                 "reason": "", "unit": "1", "higher_is_better": False, "n": 5, "ceiling": np.nan, "floor": np.nan,
                 "noise_sd": np.nan, "order": 1, "basis": "", "encoder_width": "", "coupling": "", "prior": "",
                 "divergence": "", "beta": 1.0, "caution": ""}  # fmt: skip
        return pd.DataFrame(rows).assign(**fixed)

    reference = table(0, 0)
    few, many = (compare_tables(table(shifted, 10), reference) for shifted in (2, 3))
    assert (few.differing, few.impossible, few.good) == (2, 0, True)
    assert (many.differing, many.impossible, many.good) == (3, 0, False)
    one = compare_tables(table(1, 10, 2 * shift), reference)  # few, but beyond chance
    assert (one.differing, one.impossible, one.good) == (1, 1, False)


def test_all_numbers_a_little_outside_at_once_fail_the_check(reference: pd.DataFrame) -> None:
    other = reference.assign(seed=reference["seed"] + 100)
    spread = reference.groupby(["dataset", "variant", "metric"])["value"].transform("std")
    moved = other.assign(value=other["value"] + 1.5 * spread)
    found = compare_tables(moved, reference)
    p = found.numbers["p"].where(found.numbers["sd"] > 0).dropna()
    assert (p > 0.001).all()  # none by itself
    assert (found.impossible, found.good) == (len(p), False)
    one = at(reference, "grey", "vae", "mse")
    assert compare_tables(other.assign(value=other["value"].mask(one, moved["value"])), reference).good


def test_scores_that_failed_are_not_reproduced_and_empty_ones_not_judged(
    reference: pd.DataFrame, tmp_path: Path
) -> None:
    gone = at(reference, "grey", "vae", "mse")
    for status, expected in (("failed", False), ("empty", True)):
        mine = reference.assign(
            status=reference["status"].mask(gone, status), value=reference["value"].mask(gone, np.nan)
        )
        assert compare_tables(mine, reference).good is expected
    mine = reference.assign(status=reference["status"].mask(gone, "failed"), value=reference["value"].mask(gone))
    text, good = check(write(mine, tmp_path / "mine"), write(reference, tmp_path / "reference"))
    assert not good
    assert text.endswith("NOT REPRODUCED: 68 of 68 comparable numbers agree; 1 numbers failed")
    assert check(tmp_path / "reference", tmp_path / "mine")[1]  # to have more than the reference is no fault


def test_one_equal_seed_does_not_hide_the_others(reference: pd.DataFrame) -> None:
    mine = reference.copy()
    moved = at(mine, "grey", "vae", "mse") & (mine["seed"] > 0)
    mine.loc[moved, "value"] = 1e6 + mine.loc[moved, "value"]
    mine.loc[moved, "seed"] += 100
    found = compare_tables(mine, reference)
    assert verdicts(mine, reference)["grey", "vae", "mse"] == "differs"
    assert not found.good
    fewer = reference[reference["seed"] < 4]  # all of the smaller side are shared and equal
    assert set(verdicts(fewer, reference)) == set(verdicts(reference, fewer)) == {"same"}


@pytest.mark.parametrize(
    ("name", "said"),
    [("kl_level_2", "up to the seed"), ("kl_level_2_coordinate_1", "up to the seed"), ("kl", "differs")],
)
def test_which_level_codes_is_not_judged(reference: pd.DataFrame, name: str, said: str) -> None:
    theirs = reference.assign(metric=reference["metric"].replace("mse", name))
    mine = theirs.assign(value=theirs["value"].where(theirs["metric"] != name, 100 * theirs["value"]))
    assert verdicts(mine, theirs)["grey", "vae", name].endswith(said)


def test_a_number_without_spread_differs_but_is_not_beyond_chance(reference: pd.DataFrame) -> None:
    constant = at(reference, "grey", "vae", "mse")
    whole = reference.assign(value=reference["value"].mask(constant, 3.0))
    mine = whole[whole["seed"] == 0].assign(value=lambda rows: rows["value"].mask(constant, 4.0))
    many = [(mine.assign(split=f"s{i}"), whole.assign(split=f"s{i}")) for i in range(2)]
    mine, whole = (pd.concat(side) for side in zip(*many, strict=True))
    mine.loc[at(mine, "grey", "vae", "mse") & (mine["split"] == "s1"), "value"] = 3.0
    found = compare_tables(mine, whole)
    assert (found.differing, found.impossible, found.good) == (1, 0, True)


def test_runs_that_did_not_finish_fail_the_check(reference: pd.DataFrame, tmp_path: Path) -> None:
    mine = reference.copy()
    lost = mine[(mine["dataset"] == "grey") & (mine["variant"] == "vae") & (mine["seed"] == 2)].head(1)
    mine = mine.drop(mine[(mine["dataset"] == "grey") & (mine["variant"] == "vae") & (mine["seed"] == 2)].index)
    mine = pd.concat([mine, lost.assign(metric=RUN, status="diverged", value=np.nan, split="")])
    text, good = check(write(mine, tmp_path / "mine"), write(reference, tmp_path / "reference"))
    assert not good
    assert "grey/n-all/vae/seed-2: diverged" in text
    back, good = check(tmp_path / "reference", tmp_path / "mine")  # finishing more than the reference is no fault
    assert good
    assert "did not finish" not in back


def test_data_sets_of_which_nothing_was_run_are_named_and_not_judged(reference: pd.DataFrame, tmp_path: Path) -> None:
    one = reference[reference["seed"].notna()].drop_duplicates(["dataset", "n_train", "variant", "seed"])
    missing = one.assign(metric=RUN, status="missing", value=np.nan, split="")
    there = reference["dataset"] != "grey"
    mine = pd.concat([reference[there], missing[missing["dataset"] == "grey"]])
    text, good = check(write(mine, tmp_path / "mine"), write(reference, tmp_path / "reference"))
    assert good
    assert "  not judged, since no run of theirs is there: grey" in text.splitlines()
    first = missing[(missing["dataset"] == "grey") & (missing["seed"] == 2)]  # a part of a data set is judged
    others = reference["seed"] != 2
    mine = pd.concat([reference[there | others], first])
    text, good = check(write(mine, tmp_path / "part"), tmp_path / "reference")
    assert not good
    assert "grey/n-all/vae/seed-2: missing" in text
    assert "not judged, since" not in text


def test_numbers_of_other_settings_are_not_compared(reference: pd.DataFrame) -> None:
    mine = reference.assign(settings="another window")
    assert set(verdicts(mine, reference)) == {"not comparable: settings differ"}
    assert not compare_tables(mine, reference).good
    mine = reference.assign(settings=reference["settings"] + "; floor: other images")  # decides no value
    assert "not comparable: settings differ" not in set(verdicts(mine, reference))
    likelihood = "gaussian; fitted proposal, {} draws per example, k up to {}, 25 of {} settled; pixels in [0, 1]"
    features = "means of prior draws; {} (weights {}); 64 standardised features{}"
    for text, one, other, alike in (
        (likelihood, (1024, 0.39, 25), (1126, 0.6, 26), True),
        (features, ("classifier", "fdabbcb2", ""), ("classifier", "822d7432", "; floor: training images"), True),
        (features, ("Inception", "fdabbcb2", ""), ("Inception", "822d7432", ""), False),
    ):
        found = verdicts(reference.assign(settings=text.format(*one)), reference.assign(settings=text.format(*other)))
        assert ("not comparable: settings differ" not in set(found)) == alike, text
    mine = reference.assign(n=5)
    assert "not comparable: settings differ" in set(verdicts(mine, reference))


def test_one_seed_each_tells_nothing_unless_equal(reference: pd.DataFrame) -> None:
    one = reference[reference["seed"] == 0]
    other = one.assign(seed=1, value=one["value"] * 1.5)
    assert "not comparable: one seed on each side" in set(verdicts(other, one))
    assert "differs" not in set(verdicts(other, one))


def test_nothing_in_common_is_not_a_success(reference: pd.DataFrame, tmp_path: Path) -> None:
    mine = reference.assign(dataset="elsewhere")
    text, good = check(write(mine, tmp_path / "mine"), write(reference, tmp_path / "reference"))
    assert not good
    assert "NOT CHECKED: the two have no cell and metric in common" in text


def test_a_number_with_a_caution_is_not_judged(reference: pd.DataFrame, tmp_path: Path) -> None:
    mine = reference.copy()
    mine.loc[at(mine, "grey", "vae", "mse"), "value"] *= 1.2
    for one, other in ((mine, reference), (reference, mine)):
        warned = one.assign(caution=np.where(at(one, "grey", "vae", "mse") & (one["seed"] == 0), "few", ""))
        assert verdicts(warned, other)["grey", "vae", "mse"] == "not comparable: shown with a caution"
        found = compare_tables(warned, other)
        assert (found.good, found.comparable) == (True, 68)
