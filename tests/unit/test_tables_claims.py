"""The table of claims."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tables_on_disk import CLAIM, claims, lines, published, read, write_known_tables

from phvae.analysis.claims.reading import read_claims
from phvae.analysis.tables.claims_table import claims_table, unchanged
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.tables.write import write_tables
from phvae.errors import ConfigError
from phvae.files import sha256

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_known_tables(tmp_path_factory.mktemp("known"))


def test_a_line_of_claims_names_the_variant_that_stood_in(root: Path, tmp_path: Path) -> None:
    stand_in = {"variant": "vae", "challenger": "ph-vae-3-matched"}
    entries = {
        "stand_in": {**CLAIM, "datasets": ["grey"], "controls": [stand_in]},
        "itself": {**CLAIM, "datasets": ["grey"], "challenger": "ph-vae-3-matched", "controls": ["vae"]},
        "wrong": {**CLAIM, "datasets": ["grey"], "challenger": "copies-3", "controls": ["vae", "ph-vae-3", stand_in]},
    }
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": entries}))
    found = claims_table(read_inputs(root), *read_claims(path))
    shown = {block.heading.split(":")[0]: block.rows[0][2].text for block in found.table.blocks[1:]}
    assert shown == {
        "stand_in": "VAE (against PH-VAE, order 3, matched)", "itself": "VAE", "wrong": "PH-VAE, order 3",
    }  # fmt: skip


def test_claims_are_words_with_effect_interval_n_and_figure(root: Path) -> None:
    verdicts = read(root, "claims").set_index("dataset")
    assert verdicts["verdict"].to_dict() == {"grey": "supported", "bits": "not testable", "mnist": "not tested"}
    assert verdicts.loc["bits", "reason"] == "binary data"
    assert verdicts.loc["grey", "figure"] == "forest-grey"
    block = lines(root, "claims", "better_images")
    assert block["grey"][0] == "**supported**"
    assert block["bits"][0] == "not testable (binary data)"
    assert "Figures: forest-grey, forest-bits. Not tested (no runs): mnist." in (root / "tables/claims.md").read_text(
        encoding="utf-8"
    )


def test_an_edit_of_the_claims_after_the_runs_is_seen(root: Path, tmp_path: Path) -> None:
    path = claims(tmp_path)
    text = (root / "tables" / "claims.md").read_text(encoding="utf-8")
    assert sha256(path) in text
    assert "2026-01-01" in text
    assert "EDITED: 230 of 230 runs were made under other claims (sha256 cccccccccccc)" in text
    assert unchanged(["a", "", "a"], "a") == "unchanged since before the runs; 1 of 3 runs did not record it"
    assert unchanged(["a", "b"], "a").startswith("EDITED: 1 of 2 runs")


def test_runs_record_the_claims_they_were_made_under() -> None:
    """The names that the record before training uses are those that the table of claims reads."""
    from phvae.experiment import provenance
    from phvae.experiment.grid import load_grid

    cell = load_grid("config/smoke.yaml").cells[0]
    record = provenance.describe(cell, 0, {"data": "d"}, "cpu", 1)
    assert unchanged([record["claims_sha256"]], sha256("config/claims.yaml")) == "unchanged since before the runs"


def test_claims_on_sets_that_nothing_has_stop_the_tables(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    content = {"written": "2026-01-01", "claims": {"x": {**CLAIM, "datasets": ["grey", "gray"]}}}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"claims.x.datasets: found 'gray', .* did you mean 'grey'"):
        write_tables(root, path, published(tmp_path))
