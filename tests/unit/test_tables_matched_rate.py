"""The table at matched rate on curves made by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from described import described

from phvae.analysis.tables.inputs import TableInputs
from phvae.analysis.tables.matched_rate import matched_rate

pytestmark = pytest.mark.slow


def against_curve(**lost: int) -> TableInputs:
    """A source of one data set whose curve goes through beta 4, 1 and 0.25; `lost` is a run without a value."""
    rows = []
    for variant, order, beta, rate, sharp in [
        ("b4", 1, 4.0, 1.0, 3.0), ("vae", 1, 1.0, 3.0, 3.2), ("b025", 1, 0.25, 5.0, 3.4), ("ph", 3, 1.0, 3.0, 4.8),
        ("blur", 3, 1.0, 3.0, 0.9), ("fast", 3, 1.0, 4.96, 0.9),
    ]:  # fmt: skip
        for seed in range(10):
            status = "failed" if lost.get(variant) == seed else "ok"
            for metric, value in (("kl", rate + 0.01 * seed), ("sharpness", sharp + 0.01 * math.sin(seed * order))):
                value = value + (0.1 * seed if variant == "fast" and metric == "kl" else 0)
                known = {"sharpness": True}.get(metric)
                rows.append(("d", "all", variant, order, "kl" if order == 1 else "hierarchical", beta, seed, "test",
                             metric, value, status, known))  # fmt: skip
    columns = ["dataset", "n_train", "variant", "order", "divergence", "beta", "seed", "split", "metric", "value",
               "status", "higher_is_better"]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    table = described(table.assign(reason="", floor=float("nan"), noise_sd=float("nan"), caution="", n=1_000))
    labels = {name: name for name in table["variant"].unique()}
    empty = pd.DataFrame()
    return TableInputs("vae", table, empty, labels, {}, empty, empty, empty)


def test_a_rate_off_the_curve_and_a_lost_run_of_the_curve_are_told_apart() -> None:
    table, frame = matched_rate(against_curve(b4=2))
    counts = frame.set_index("variant")[["pairs", "outside", "no_curve"]]
    assert counts.loc["ph"].tolist() == [9, 0, 1]
    assert counts.loc["fast"].tolist() == [1, 8, 1]
    cells = {row[0].text: row[1].mark for row in table.blocks[0].rows}
    assert cells["ph"] == "(9/9, 1 lost)"
    assert cells["fast"] == "(1/9, 1 lost)"
    assert table.blocks[0].heading.endswith("10 seeds")
    table, _ = matched_rate(against_curve())
    assert [row[1].mark for row in table.blocks[0].rows] == ["", "", "(1/10)"]


def test_sharper_than_the_data_is_not_better_than_the_curve() -> None:
    table, frame = matched_rate(against_curve())
    said = frame.set_index("variant")[["word", "why"]]
    beyond = "{} is at {}, past the data's own value of 1: not better"
    assert said.loc["ph"].tolist() == ["not resolved", beyond.format("ph", 4.8)]
    assert said.loc["blur"].tolist() == ["not resolved", beyond.format("the β-VAE's curve", 3.2)]
    assert not any(row[1].bold or row[1].mark for row in table.blocks[0].rows[:2])
    assert [row[0].text for row in table.blocks[0].reference] == ["curve's own error"]


def test_a_rate_off_the_curve_at_some_seeds_leaves_the_comparison_open() -> None:
    source = against_curve()
    moved = source.table["metric"].eq("sharpness") & source.table["variant"].isin(["b4", "vae", "b025"])
    source.table.loc[moved, "value"] -= 2.5  # now less sharp than the data
    _, frame = matched_rate(source)
    assert frame.set_index("variant").loc["ph", "word"] == "not resolved"  # beyond the data
    calm = source.table["metric"].eq("sharpness") & source.table["variant"].isin(["ph", "fast"])
    source.table.loc[calm, "value"] = 0.97 + 0.001 * source.table.loc[calm, "seed"]
    near = source.table["metric"].eq("kl") & source.table["variant"].eq("fast")
    source.table.loc[near, "value"] = 4.5 + 0.1 * source.table.loc[near, "seed"]
    frame = matched_rate(source)[1].set_index("variant")
    assert frame.loc["ph", "word"] == "better"
    assert frame.loc["fast", "pairs"] >= 5
    assert frame.loc["fast", ["word", "why"]].tolist() == [
        "not resolved", f"rate (kl) outside the β-VAE's curve at {frame.loc['fast', 'outside']} of 10 seeds",
    ]  # fmt: skip
