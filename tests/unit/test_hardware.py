"""Pairs of runs that span different hardware are named wherever variants are compared."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tables_on_disk import write_known_tables

from phvae.analysis.results.hardware import across_hardware
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.terminal.compare import compare


def runs(*hardware: str) -> pd.DataFrame:
    """Two data sets, two seeds, two variants."""
    names = [(d, "all", v, s) for d in ("grey", "line") for s in (0, 1) for v in ("vae", "ph-vae-3")]
    return pd.DataFrame(names, columns=["dataset", "n_train", "variant", "seed"]).assign(hardware=list(hardware))


def test_pairs_on_one_machine_are_not_named():
    assert across_hardware(runs(*"aaaaaaaa")) == ""
    assert across_hardware(runs(*"aabbaabb")) == "", "each pair on a machine of its own"
    assert across_hardware(runs("", "a", "", "a", "", "b", "b", "")) == "", "what is not recorded is not counted"


def test_pairs_across_machines_are_named():
    found = across_hardware(runs(*"aaaaabaa"))
    assert found.startswith("On line paired runs come from different hardware (a; b)")
    assert across_hardware(runs(*"abaaaaac")).startswith(
        "On grey, line paired runs come from different hardware (a; b; c)"
    )


@pytest.mark.slow
def test_comparisons_say_so(tmp_path: Path):
    root = write_known_tables(tmp_path)
    path = root / "runs.parquet"
    table = pd.read_parquet(path)
    first = table["variant"].iloc[0]
    table["hardware"] = ["one" if variant == first else "another" for variant in table["variant"]]
    table.to_parquet(path)
    assert "different hardware (another; one)" in read_inputs(root).varies
    assert "different hardware (another; one)" in compare(root)
