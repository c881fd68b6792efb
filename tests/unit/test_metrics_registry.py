"""Rows of scores, the registry of metrics, and what an edit of a scorer redoes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from phvae.experiment.code import files
from phvae.metrics.metric import Shown
from phvae.metrics.naming import names
from phvae.metrics.registry import GROUPS, METRICS, SCORERS, SEED_SCORERS, Scorer, lookup, pattern_of, shown
from phvae.metrics.rows import Undefined, attempt, row, without_value
from phvae.source import code_tokens


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_a_value_that_is_not_finite_is_empty_with_a_reason(value: float | None) -> None:
    found = row("mig", value)
    assert (found.value, found.status) == (None, "empty")
    assert str(value) in found.reason


def test_a_row_without_value_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        without_value("mig", "empty", "")
    with pytest.raises(ValueError, match="other than ok"):
        without_value("mig", "ok", "because")


def test_attempt_tells_undefined_from_failed_and_reports_what_is_left_out() -> None:
    def undefined() -> dict[str, float]:
        raise Undefined("no code varies")

    assert [(r.status, r.reason) for r in attempt(["mig"], undefined)] == [("empty", "no code varies")]
    assert [r.status for r in attempt(["mig", "sap"], lambda: {"mig": 0.5})] == ["ok", "empty"]
    assert attempt(["mig"], lambda: {"mig": float(np.log(np.float64(-1)))})[0].status == "empty"


def test_every_metric_has_words_a_unit_a_source_and_one_scorer() -> None:
    for metric in METRICS.values():
        assert len(metric.definition) > 20, metric.name
        assert metric.unit, metric.name
        assert metric.source, metric.name
        assert metric.group in GROUPS, metric.name
    for scorer in (*SCORERS, *SEED_SCORERS):
        assert {metric.group for metric in scorer.metrics} == {scorer.group}
    assert len(METRICS) == sum(len(scorer.metrics) for scorer in (*SCORERS, *SEED_SCORERS))


def test_what_is_shown_has_a_name_of_its_entry_and_a_place_of_its_own() -> None:
    for metric in METRICS.values():
        given = [one.name or metric.name for one in metric.shown]
        assert len(given) == len(set(given)), metric.name
        assert {pattern_of(name) for name in given} <= {metric.name}
    for place in (field.name for field in dataclasses.fields(Shown) if field.name != "name"):
        for groups in [[group] for group in GROUPS] if place == "table" else [GROUPS]:
            entries = [one for metric in METRICS.values() if metric.group in groups for one in metric.shown]
            numbers = [number for one in entries if (number := getattr(one, place)) is not None]
            assert len(numbers) == len(set(numbers)), (place, groups)
    assert shown("orders")[:3] == ("w1_samples_mean", "sliced_w1_samples_mean", "mse")
    assert shown("table", ["groups"]) == ("udr_lasso", "udr_spearman")


def test_names_and_patterns_are_inverse() -> None:
    found = {m: names(m, order=3, level_size=2, factors=("shape", "x"), columns=("age",)) for m in METRICS}
    assert all(pattern_of(name) == m for m, each in found.items() for name in each)
    assert len({name for each in found.values() for name in each}) == sum(map(len, found.values())) > len(METRICS)


# ---- what an edit of a scorer redoes ----
EDITS = {
    'unit="': 'unit="tons ', 'label="': 'label="new ', 'source="': 'source="after ',
    "higher_is_better=True": "higher_is_better=False", 'definition="': 'definition="roughly ',
    "comparable_from=": "comparable_from=7 + ", "shown=(": "shown=(*(), ",
}  # fmt: skip


@pytest.mark.parametrize("scorer", [*SCORERS, *SEED_SCORERS], ids=lambda scorer: scorer.name)
def test_what_is_read_of_an_entry_after_scoring_is_no_code(scorer: Scorer) -> None:
    text = Path(sys.modules[scorer.module].__file__ or "").read_text(encoding="utf-8")
    edited = text
    for old, new in EDITS.items():
        edited = edited.replace(old, new)
    assert "tons" in edited
    assert code_tokens(edited) == code_tokens(text)
    assert code_tokens(text.replace('group="', 'group="x')) != code_tokens(text)
    assert code_tokens(text.replace("return ", "return not ", 1)) != code_tokens(text)


def test_the_code_of_a_scorer_is_its_own_and_not_the_registrys() -> None:
    every = {scorer.name: {path.name for path in files([scorer.module])} for scorer in SCORERS}
    for name, found in every.items():
        assert f"{name}.py" in found
        assert not found & {f"{other}.py" for other in every if other != name}, name
        assert not found & {"registry.py", "document.py", "options.py"}, name


def test_the_registry_refuses_unknown_names_with_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"'migs' is not registered.*did you mean 'mig'"):
        lookup("migs")
    with pytest.raises(KeyError):
        lookup("kl_level_0")


def test_the_registry_loads_no_heavy_library() -> None:
    code = (
        "import sys, phvae.metrics.registry; print(sorted({'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
