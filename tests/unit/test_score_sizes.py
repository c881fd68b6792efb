"""From how many examples scores compare: the registry is what was measured, and the shipped grids reach it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.score_sizes import CSV, summarise
from phvae.experiment.grid import load_grid
from phvae.metrics.registry import METRICS


@pytest.fixture(scope="module")
def first() -> pd.DataFrame:
    """The first comparable line of every score."""
    lines = pd.read_csv(CSV)
    return lines[lines["comparable"]].drop_duplicates("score").set_index("score")


def test_the_registry_holds_what_was_measured(first: pd.DataFrame) -> None:
    expected = first["n"].to_dict()
    boosted = {name: n for name, n in expected.items() if name.startswith("dci_forest_")}
    expected |= {name.replace("forest", "boosting"): n for name, n in boosted.items()}
    assert {m.name: m.comparable_from for m in METRICS.values() if m.comparable_from} == expected


def test_every_score_of_codes_and_seeds_has_a_size() -> None:
    assert all(m.comparable_from for m in METRICS.values() if m.group in ("disentanglement", "groups"))


def measured(**values: list[list[float]]) -> pd.DataFrame:
    """Blocks of values of three models by number of examples, as `measure` gives them."""
    rows = [
        (int(size[1:]), number, f"model {i}", "mig", int(size[1:]), value)
        for size, blocks in values.items()
        for number, block in enumerate(blocks)
        for i, value in enumerate(block)
    ]
    return pd.DataFrame(rows, columns=["examples", "block", "model", "metric", "n", "value"])


def test_a_shift_of_all_models_is_no_error_and_a_change_of_places_is() -> None:
    found = summarise(measured(_10=[[0.3, 0.1, 0.2]], _20=[[0.4, 0.5, 0.6]] * 2, _30=[[0.1, 0.2, 0.3]] * 2))
    assert found["comparable"].tolist() == [False, True, True]
    assert found["shift"].tolist() == pytest.approx([0, 0.3, 0])
    assert found["spread"].tolist() == pytest.approx([0.1] * 3)
    assert found["error"].tolist() == pytest.approx([np.sqrt((0.2**2 + 2 * 0.1**2) / 3), 0, 0], abs=1e-12)


def test_a_size_is_comparable_where_no_larger_one_fails_and_no_block_is_empty() -> None:
    good, bad = [0.1, 0.2, 0.3], [0.3, 0.1, 0.2]
    found = summarise(measured(_10=[good], _20=[bad], _30=[good], _40=[good]))
    assert found["comparable"].tolist() == [False, False, True, True]
    found = summarise(measured(_10=[good], _20=[good, [0.1, np.nan, 0.3]], _30=[good]))
    assert found["comparable"].tolist() == [False, False, True]
    assert found["error"].isna().tolist() == [False, True, False]


# What the 3,000 test sprites are too few for, as the comment in quick.yaml says
SHORT = {"sap", "modularity", "infoc"}


@pytest.mark.parametrize(("name", "short"), [("quick", SHORT), ("reference", SHORT), ("paper", set())])
def test_the_grids_encode_enough_examples(first: pd.DataFrame, name: str, short: set[str]) -> None:
    factors = first.drop(index="knn_accuracy")["examples"]
    for cell in load_grid(f"config/{name}.yaml").cells:
        if cell.facts.classes:
            n = min(cell.evaluation.n_codes, cell.facts.counts[2])
            assert set(factors.index[factors > n]) == short, cell.name
