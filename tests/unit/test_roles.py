"""Families and roles of variants: two columns of the long table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from described import described
from synthetic import write_results

from phvae.analysis.results.long_table import read_table
from phvae.analysis.results.roles import on_curve

# variant -> order, divergence and what else is not usual
CELLS: dict[str, tuple[int, str, dict[str, object]]] = {
    "vae": (1, "kl", {}),
    "b4": (1, "kl", {"beta": 4.0}),
    "flat": (1, "hierarchical:uniform", {"beta": 0.5}),
    "wide": (1, "kl", {"backbone": "wide"}),
    "held-out": (1, "kl", {"beta": 1.4, "off_curve": True}),
    "log-1": (1, "log_polynomial:exponential(3)", {}),
    "ph-2": (2, "hierarchical:geometric(2)", {}),
    "ph-3": (3, "hierarchical:geometric(2)", {}),
    "ph-3-twin": (3, "hierarchical:geometric(2)", {}),
    "ph-3-kl": (3, "kl", {}),
    "ph-3-flat": (3, "hierarchical:uniform", {}),
    "matched": (3, "hierarchical:geometric(2)", {"encoder_width": "matched"}),
    "copies": (3, "hierarchical:geometric(2)", {"basis": "copies"}),
    "legendre": (3, "hierarchical:geometric(2)", {"basis": "legendre", "beta": 2.0}),
}


def cells(*names: str) -> pd.DataFrame:
    """A table of one row a variant, of all or of these."""
    usual = {"beta": 1.0, "off_curve": False, "encoder_width": "full", "basis": "monomial", "backbone": "usual"}
    rows = [
        {"dataset": "d", "variant": name, "order": order, "divergence": divergence} | usual | more
        for name, (order, divergence, more) in CELLS.items()
        if not names or name in names
    ]
    return pd.DataFrame(rows)


def test_each_role_is_what_the_page_says() -> None:
    found = described(cells()).set_index("variant")["role"].to_dict()
    assert found == {
        "vae": "baseline", "b4": "curve", "flat": "curve", "wide": "control", "held-out": "control",
        "log-1": "challenger", "ph-2": "challenger", "ph-3": "challenger", "ph-3-twin": "challenger",
        "ph-3-kl": "challenger", "ph-3-flat": "challenger", "matched": "control", "copies": "control",
        "legendre": "challenger",
    }  # fmt: skip


def test_each_family_is_what_sets_it_apart() -> None:
    found = described(cells()).set_index("variant")["family"].to_dict()
    assert found == {
        "vae": "β-VAE", "b4": "β-VAE", "flat": "β-VAE", "wide": "order 1 (wide)", "held-out": "order 1 (held-out)",
        "log-1": "order 1 (log-1)", "ph-2": "PH-VAE", "ph-3": "PH-VAE", "ph-3-twin": "PH-VAE (ph-3-twin)",
        "ph-3-kl": "KL", "ph-3-flat": "level-weighted, uniform", "matched": "matched width", "copies": "copies",
        "legendre": "legendre, β = 2",
    }  # fmt: skip


def test_another_baseline_changes_roles_and_no_curve() -> None:
    table = described(cells(), "copies")
    roles = table.set_index("variant")["role"]
    assert (roles["copies"], roles["vae"]) == ("baseline", "curve")
    assert list(table["variant"][on_curve(table)]) == ["vae", "b4", "flat"]


def test_a_baseline_off_the_curve_is_no_point_of_it() -> None:
    table = described(cells(), "wide")
    assert table.set_index("variant").loc["wide", ["role", "family"]].tolist() == ["baseline", "order 1 (wide)"]


def test_where_two_readings_are_as_common_the_papers_is_the_usual_one() -> None:
    found = described(cells("copies", "ph-3")).set_index("variant")["family"].to_dict()
    assert found == {"ph-3": "PH-VAE", "copies": "copies"}


def test_data_sets_are_told_apart() -> None:
    both = pd.concat([cells(), cells("vae", "wide").assign(dataset="e", backbone="wide")])
    found = described(both).set_index(["dataset", "variant"])
    assert found.loc[("d", "wide"), "role"] == "control"
    assert found.loc[("e", "wide"), "role"] == "curve"


def test_nothing_is_said_of_a_variant_without_a_record() -> None:
    table = cells("vae", "ph-3")
    table = pd.concat([table, table.assign(dataset="e", order=pd.NA, divergence="")])
    found = described(table).set_index(["dataset", "variant"])[["family", "role"]]
    assert found.loc[("e", "vae")].tolist() == ["", "baseline"]
    assert found.loc[("e", "ph-3")].tolist() == ["", ""]
    assert described(table.iloc[2:])["family"].tolist() == ["", ""]  # of no variant at all


@pytest.mark.parametrize("size", ["100", "all"])
def test_collect_gives_every_row_of_a_variant_its_family_and_role(tmp_path: Path, size: str) -> None:
    names = ("vae", "beta-vae-4", "ph-vae-2", "ph-vae-3", "copies-3", "ph-vae-3-matched")
    root = write_results(
        tmp_path / "some", datasets=("digits",), variants=names, seeds=2, sizes=(100, "all"),
        diverged=("digits", "vae", 1), arrays=False,
    )  # fmt: skip
    table = read_table(root)
    rows = table[table["n_train"] == size]
    assert rows.groupby("variant")[["family", "role"]].nunique().eq(1).all(axis=None)
    assert rows.groupby("variant")["family"].first().to_dict() == {
        "vae": "β-VAE", "beta-vae-4": "β-VAE", "ph-vae-2": "PH-VAE", "ph-vae-3": "PH-VAE", "copies-3": "copies",
        "ph-vae-3-matched": "matched width",
    }  # fmt: skip
