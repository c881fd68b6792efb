"""The audit of the scores: its rules, a small part of it, its page, and what the claims make of its verdicts."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from claims_by_hand import claim, claims, made

from phvae.analysis.claims import ledger
from phvae.analysis.claims.answer_reasons import answer_word
from phvae.audit import cases_density, cases_disentanglement, cases_generation, cases_memorisation, measure
from phvae.audit.checks import BEYOND, CHECKS, SIZES, TOPICS, UNITS
from phvae.audit.judge import judge
from phvae.audit.measure import Portion
from phvae.audit.page import render
from phvae.audit.run import as_csv
from phvae.experiment.grid import load_grid
from phvae.metrics import audited, document
from phvae.metrics.audited import FAILS, FILE, HOLDS, NO_VALUE, Verdict
from phvae.metrics.factors import make_table
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import METRICS
from phvae.metrics.scores import explicitness, mutual_information

NUMBERS = Path("docs/audit.csv")


@pytest.fixture(scope="module")
def numbers() -> pd.DataFrame:
    return pd.read_csv(NUMBERS)


def test_the_verdicts_follow_from_the_numbers_and_the_page_from_both(numbers: pd.DataFrame) -> None:
    verdicts = judge(numbers)
    assert FILE.read_text(encoding="utf-8") == as_csv(verdicts)
    assert Path("docs/audit.md").read_text(encoding="utf-8") == render(numbers, verdicts)


def test_the_page_says_in_words_what_the_verdicts_are() -> None:
    known = audited.verdicts()

    def passing(topic: str, n: int) -> set[str]:
        mine = {name: [one for one in found if one.n == n] for name, found in known.items() if found[0].topic == topic}
        return {name for name, found in mine.items() if all(v.verdict == HOLDS for v in found if v.required)}

    def fail(topic: str, check: str, n: int) -> set[str]:
        found = [one for group in known.values() for one in group if (one.topic, one.check, one.n) == (topic, check, n)]
        return {one.score for one in found if one.verdict == FAILS}

    dci = {f"dci_forest_{part}" for part in ("disentanglement", "completeness", "informativeness")}
    assert passing("disentanglement", 3_000) == dci | {"mig", "mig_quantile", "sap", "sap_r2"}
    assert fail("disentanglement", "rotation", 3_000) == {
        "explicitness",
        "infoe",
        "modularity",
        "factor_vae",
        "beta_vae",
    }
    assert fail("disentanglement", "lost factors", 3_000) == {"infom", "irs"}
    assert passing("generation", 300) == passing("generation", 1_000) == set()
    short = ("fd", "kid", "clipped_coverage")
    assert passing("generation", 2_500) == {f"{name}_classifier_{{images}}" for name in short}
    for n in SIZES["generation"]:
        assert len(fail("generation", "copies of training data", n)) == 8
        blurred = {f"{name}_classifier_{{images}}" for name in ("precision", "density", "clipped_density")}
        assert blurred <= fail("generation", "blur", n)
    assert all(one.verdict == HOLDS for name in ("auth_pct", "c_t") for one in known[name])
    line = {"w1_{output}", "ks_{output}", "cvm_{output}", "ad_{output}"}
    assert passing("density", 3_000) == line
    assert passing("density", 10_000) >= line


def test_every_score_of_the_audited_kinds_was_measured(numbers: pd.DataFrame) -> None:
    expected = {
        name
        for name, metric in METRICS.items()
        if metric.group in ("density", "disentanglement", "generation")
        and not name.startswith(("level_", "dci_boosting"))
        and not ("{images}" in name and "classifier" not in name)
    }
    assert set(numbers["score"]) == expected


def test_the_sizes_are_those_of_the_shipped_grids() -> None:
    grids = ("quick", "reference")
    found = {(name, one.dataset): one.evaluation for name in grids for one in load_grid(f"config/{name}.yaml").cells}
    assert {found[name, "sprites"].n_codes for name in grids} == set(SIZES["disentanglement"])
    assert min(found[name, "sprites"].votes for name in grids) == cases_disentanglement.VOTES
    densities = [found[name, "trimodal"].n_samples for name in grids]
    densities += [one.evaluation.n_samples for one in load_grid("config/paper.yaml").cells if one.dataset == "trimodal"]
    assert set(densities) == set(SIZES["density"])
    images = {one.n_samples for (_, key), one in found.items() if key in ("sprites", "mnist", "cifar10-jpeg")}
    assert images == set(SIZES["generation"])


@pytest.mark.parametrize(
    ("rule", "amount", "good", "bad"),
    [
        ("worsens", 0.25, 0.5, 0.9),
        ("does not improve", 0.05, 0.98, 1.2),
        ("stays", 0.05, 1.03, 0.9),
        ("spread", 0.05, 0.04, 0.06),
        ("settled", 0.05, 0.47, 0.4),
    ],
)
def test_a_rule_holds_and_fails(rule: str, amount: float, good: float, bad: float) -> None:
    check = next(c for c in CHECKS if c.topic == "disentanglement" and (c.rule, c.amount) == (rule, amount))
    n, most = SIZES["disentanglement"][0], max(BEYOND["disentanglement"])
    for value, word in ((good, HOLDS), (bad, FAILS), (math.nan, NO_VALUE)):
        means = {"clean": 1.0, "noise": 0.0, "middling": 0.5}
        sd = value if rule == "spread" else 0.0
        means |= {} if rule == "spread" else {check.case: value}
        rows = [("disentanglement", "mig", n, case, 5, mean, sd) for case, mean in means.items()]
        rows.append(("disentanglement", "mig", most, "middling", 5, 0.5, 0.0))
        found = judge(pd.DataFrame(rows, columns=measure.COLUMNS))
        assert next(one.verdict for one in found if one.check == check.name) == word


def test_a_distance_is_worse_where_it_is_larger_and_counted_in_its_noise() -> None:
    n = SIZES["generation"][0]
    rows = [
        ("generation", "fd_classifier_{images}", n, case, 8, mean, 0.5)
        for case, mean in (("truth", 2.0), ("dropped", 4.0), ("blurred", 2.5), ("redrawn", 1.0))
    ]
    found = {one.check: one for one in judge(pd.DataFrame(rows, columns=measure.COLUMNS)) if one.n == n}
    assert (found["mode dropped"].effect, found["mode dropped"].verdict) == (4.0, HOLDS)
    assert (found["blur"].effect, found["blur"].verdict) == (1.0, FAILS)
    assert (found["another draw"].effect, found["another draw"].verdict) == (-2.0, FAILS)
    assert found["mode invented"].verdict == NO_VALUE


def test_every_check_has_its_cases() -> None:
    made_of = {
        "disentanglement": cases_disentanglement.codes(60, 0),
        "generation": {**cases_generation.images(60, 0), **cases_generation.sprites(60, 0)},
        "density": cases_density.draws(60, 0),
        "memorisation": cases_memorisation.images(60, 0),
    }
    assert set(made_of) == set(TOPICS) == set(UNITS)
    for check in CHECKS:
        assert {check.case, check.against} <= set(made_of[check.topic]), check
    for topic, cases in made_of.items():
        named = {name for c in CHECKS if c.topic == topic for name in (c.case, c.against)}
        assert set(cases) - named <= {"noise"}, topic


def test_the_faults_are_what_they_say() -> None:
    found = cases_generation.images(200, 0)
    sizes = {name: len(one) for name, (one, _) in found.items()}
    assert sizes.pop("half") == 100
    assert set(sizes.values()) == {200}
    generated = {name: one for name, (one, _) in found.items()}
    assert sorted(map(bytes, generated["permuted"])) == sorted(map(bytes, generated["truth"]))
    assert len({bytes(one) for one in generated["repeated"]}) <= 30
    assert generated["brighter"].min() == 10
    loud = [(one.reshape(200, -1).mean(axis=1) > 100).sum() for one in (generated["dropped and outliers"],)]
    assert loud == [2]
    line = {name: x[:, 0] for name, x in cases_density.draws(2_000, 0).items()}
    assert (line["dropped"] > -1.6).all()
    assert (line["invented"] > 5.5).mean() == pytest.approx(0.05, abs=0.015)
    assert (line["imbalanced"] < -1).mean() < (line["truth"] < -1).mean() - 0.05


def test_a_small_part_of_the_audit_finds_what_mig_and_explicitness_see() -> None:
    cases = cases_disentanglement.codes(900, 0)
    found = {}
    for name in ("clean", "noise", "rotated", "mixed", "lost", "noisy", "codes negated"):
        table = make_table(*cases[name], ["a", "b", "c", "d", "e", "f"])
        rows = [
            *mutual_information.scores(table, EvaluationConfig(), 0),
            *explicitness.scores(table, EvaluationConfig(), 0),
        ]
        found[name] = {row.metric: row.value for row in rows}
    fall = {
        score: {
            name: (found["clean"][score] - one[score]) / (found["clean"][score] - found["noise"][score])
            for name, one in found.items()
        }
        for score in ("mig", "explicitness")
    }
    assert min(fall["mig"][name] for name in ("rotated", "mixed", "noisy")) > 0.7
    assert fall["mig"]["lost"] == pytest.approx(1 / 3, abs=0.05)
    assert abs(fall["mig"]["codes negated"]) < 0.02
    assert (
        abs(fall["explicitness"]["rotated"]) < 0.02
    )  # it is told by any turned code what it is told by a straight one
    assert fall["explicitness"]["lost"] == pytest.approx(1 / 3, abs=0.05)


def test_distances_of_a_density_see_a_dropped_mode_and_not_another_draw() -> None:
    found = [{name: cases_density.scores(x) for name, x in cases_density.draws(300, k).items()} for k in range(3)]
    for score in ("w1_{output}", "ks_{output}", "cvm_{output}"):
        truth, redrawn, dropped = (
            np.array([one[name][score] for one in found]) for name in ("truth", "redrawn", "dropped")
        )
        assert (dropped > 2 * np.maximum(truth, redrawn)).all(), score


def test_what_is_measured_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def values(n: int, draw: int, folder: Path, only: str | None) -> list[tuple[str, dict[str, float]]]:
        calls.append((n, draw, only))
        return [("truth", {"w1_{output}": 0.5 + draw})]

    monkeypatch.setattr(cases_density, "values", values)
    wanted = [Portion("density", n, draw) for n in (300, 3_000) for draw in range(2)]
    for _ in range(2):
        table = measure.summary(measure.measure(tmp_path, wanted, 1))
    assert calls == [(300, 0, "truth"), (300, 1, "truth"), (3_000, 0, None), (3_000, 1, None)]
    assert table["mean"].tolist() == [1.0, 1.0]
    assert table["draws"].tolist() == [2, 2]
    assert table["sd"].tolist() == pytest.approx([math.sqrt(0.5)] * 2)


def accepted(monkeypatch: pytest.MonkeyPatch, *rows: tuple[str, int, bool, str]) -> None:
    """Verdicts on MIG: (check, n, required, verdict)."""
    found = [
        Verdict("mig", check, n, "disentanglement", need, 0.1, 0.25, "range", word) for check, n, need, word in rows
    ]
    monkeypatch.setattr(audited, "verdicts", lambda: {"mig": found})
    monkeypatch.setattr(document, "verdicts", lambda: {"mig": found})


def test_a_score_that_fails_a_required_check_decides_no_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    base = np.random.default_rng(0).normal(size=10)
    table = made({"a": np.full(10, 1.0)}, base).assign(metric="mig", higher_is_better=True, n=2_000)
    for challenger, control, word in (("a", "vae", "supported"), ("vae", "a", "contradicted")):
        entry = claims({"c": claim(challenger, [control], datasets=["d"], metric="mig", direction="higher")})
        accepted(
            monkeypatch, ("rotation", 3_000, False, FAILS), ("noise", 3_000, True, HOLDS), ("blur", 300, True, FAILS)
        )
        assert ledger.evaluate(table, entry)["verdict"].tolist() == [word]
        accepted(monkeypatch, ("rotation", 3_000, True, FAILS), ("noise", 3_000, True, HOLDS))
        row = ledger.evaluate(table, entry).iloc[0]
        assert row["verdict"] == "not resolved"
        assert row["reason"] == "at 3,000 examples mig fails the check 'rotation': it cannot decide this claim"
        accepted(monkeypatch, ("rotation", 3_000, True, NO_VALUE), ("noise", 3_000, True, FAILS))
        assert ledger.evaluate(table, entry)["reason"][0].startswith("at 3,000 examples mig fails the checks 'rot")


def test_a_score_that_fails_a_required_check_calls_nothing_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not see could differ."""
    base, noise = np.random.default_rng(0).normal(size=(2, 10))
    table = made({"a": 0.01 * noise}, base).assign(metric="mig", higher_is_better=True, n=2_000)
    alike = claim("a", ["vae"], datasets=["d"], metric="mig", direction="higher", matters={"absolute": 1})
    for verdict, word in ((HOLDS, "small"), (FAILS, "undecided")):
        accepted(monkeypatch, ("rotation", 3_000, True, verdict))
        row = ledger.evaluate(table, claims({"c": alike})).iloc[0]
        assert answer_word(row) == word
    assert row["reason"] == "at 3,000 examples mig fails the check 'rotation': it cannot decide this claim"


def test_the_size_nearest_to_the_examples_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted(monkeypatch, ("rotation", 300, True, FAILS), ("rotation", 3_000, True, HOLDS))
    assert [bool(audited.why_undecided("mig", n)) for n in (10, 359, 900, 1_000, 50_000)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert audited.why_undecided("a score of nobody", 300) == audited.why_undecided("mse", 300) == ""


def test_the_verdict_stands_beside_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted(monkeypatch, ("rotation", 300, True, FAILS), ("noise", 300, True, HOLDS), ("curved", 300, False, FAILS))
    line = next(one for one in document.render().splitlines() if one.startswith("| `mig` | "))
    assert "| holds 1 of 3; fails rotation (.10 at 300); not required: fails curved (.10 at 300) |" in line
