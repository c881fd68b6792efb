"""The table of claims."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tables_on_disk import CLAIM, claims, prose, published, read

from phvae.analysis.claims.answers import read_answers
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.tables.claims_table import claims_table
from phvae.analysis.tables.inputs import read_inputs
from phvae.analysis.tables.latex import latex
from phvae.analysis.tables.layout import Table, read_tables
from phvae.analysis.tables.markdown import markdown
from phvae.analysis.tables.write import write_tables
from phvae.errors import ConfigError
from phvae.files import read_json, sha256

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(known_tables: Path) -> Path:
    return known_tables


def test_a_line_of_claims_names_the_variant_that_stood_in(root: Path, tmp_path: Path) -> None:
    stand_in = {"variant": "vae", "challenger": "ph-vae-3-matched"}
    entries = {
        "stand_in": {**CLAIM, "datasets": ["grey"], "controls": [stand_in]},
        "itself": {**CLAIM, "datasets": ["grey"], "challenger": "ph-vae-3-matched", "controls": ["vae"]},
        "wrong": {**CLAIM, "datasets": ["grey"], "challenger": "copies-3", "controls": ["vae", "ph-vae-3", stand_in]},
    }
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": entries}))
    found = claims_table(read_inputs(root), *read_claims(path), root)
    shown = {block.heading.split(":")[0]: block.rows[0][2].text for block in found.table.blocks[1:]}
    assert shown == {
        "stand_in": "VAE (against PH-VAE, order 3, matched)", "itself": "VAE", "wrong": "PH-VAE, order 3",
    }  # fmt: skip


def test_claims_are_words_with_effect_interval_n_and_figure(root: Path) -> None:
    verdicts = read(root, "claims").set_index("dataset")
    assert verdicts["verdict"].to_dict() == {"grey": "supported", "bits": "not testable", "mnist": "not tested"}
    assert verdicts.loc["bits", "reason"] == "binary data"
    assert verdicts.loc["grey", "figure"] == "paired_seeds-grey"
    text = prose(root, "claims")
    grey = text.partition("- **grey**; verdict: **supported**; hardest control: ")[2]
    assert grey.partition("what would settle it: ")[2].startswith(
        "settled - **bits**; verdict: not testable (binary data);"
    )
    named = "Figures: contest-better_images, paired_seeds-grey, paired_seeds-bits."
    assert f"{named} Not tested (no runs): mnist." in text


def test_an_edit_of_the_claims_after_the_runs_is_seen(root: Path, tmp_path: Path) -> None:
    path = claims(tmp_path)
    text = (root / "tables" / "claims.md").read_text(encoding="utf-8")
    assert sha256(path) in text
    assert "2026-01-01" in text
    assert "EDITED: 230 of 230 runs were made under other claims (sha256 cccccccccccc)" in text


def test_the_answers_stand_beside_the_tables(root: Path) -> None:
    found = read_answers(root / "tables")
    assert found is not None
    assert found.datasets == ["grey", "bits"]
    (one,) = found.families[0].claims
    words = {question.asked: [answer.word for answer in question.answers] for question in one.questions}
    assert words == {question: ["supported", "not tested"] for question in words}
    assert list(words) == ["better than the VAE?", "better than every control?"]
    assert one.questions[0].answers[1].reason == "Binary data."


def in_short(entries: dict[str, Any], root: Path, tmp_path: Path) -> Table:
    """The table of some claims; its first block is the short one."""
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "source": "a paper", "claims": entries}))
    return claims_table(read_inputs(root), *read_claims(path), root).table


def test_what_was_not_tested_stands_below_the_others_with_its_reason(root: Path, tmp_path: Path) -> None:
    entries = {
        "better": {**CLAIM, "datasets": ["grey", "mnist"]},
        "elsewhere": {**CLAIM, "datasets": ["mnist", "cifar10"]},
        "smallest": {**CLAIM, "n_train": "smallest", "datasets": ["curve", "mnist"]},
        "unscored": {**CLAIM, "metric": "no_such", "datasets": ["grey"]},
        "powers": {**CLAIM, "datasets": ["bits"]},
    }
    table = in_short(entries, root, tmp_path)
    short = table.blocks[0]
    assert {row[0].text: row[2].text for row in short.rows} == {
        "better": "supported on 1 of 1", "powers": "not testable: binary data",
    }  # fmt: skip
    assert short.note == (
        "Not tested (no runs on the data sets that it names): elsewhere. Not tested (one training size only): smallest."
        " Not tested (no_such was not computed): unscored."
    )
    assert short.note in " ".join(markdown(table).replace("\\", "").split())
    assert "one training size only" in latex(table)


def test_data_sets_without_a_claim_are_named(root: Path, tmp_path: Path) -> None:
    note = in_short({"better": {**CLAIM, "datasets": ["grey"]}}, root, tmp_path).blocks[0].note
    assert note == "No claim is about bits, curve."


def test_claims_of_which_none_was_tested_are_one_sentence_and_not_bare_rows(root: Path, tmp_path: Path) -> None:
    entries = {name: {**CLAIM, "datasets": ["mnist"]} for name in ("one", "two", "three")}
    table = in_short(entries, root, tmp_path)
    assert not table.blocks
    start, _, rest = table.caption.partition("(sha256 ")
    assert start == "These results test none of the 3 claims of a paper "
    assert "no runs on the data sets that they name. The tables below hold every variant against VAE" in rest
    assert "`phvae claims init --config CONFIG` writes" in rest
    some = in_short(entries | {"one": {**CLAIM, "datasets": ["grey"], "metric": "no_such"}}, root, tmp_path)
    assert "Not tested (no_such was not computed): one. Not tested (no runs on" in some.caption


def test_results_without_claims_have_an_empty_table_in_the_place_of_an_earlier_one(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(root, copy)
    tables = write_tables(copy, None, published(tmp_path))
    assert tables[0].caption.startswith("This grid tests no claims. The tables below hold every variant against VAE")
    for name in ("claims", "claim-contests", "claim-tally"):
        assert len((copy / "tables" / f"{name}.csv").read_text().splitlines()) == 1, name
    assert read_json(copy / "tables/index.json")["claims"] is None
    assert read_tables(copy / "tables")[0] == tables[0]
    assert read_answers(root / "tables") is not None
    assert read_answers(copy / "tables") is None


def test_claims_on_sets_that_nothing_has_stop_the_tables(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    content = {"written": "2026-01-01", "claims": {"x": {**CLAIM, "datasets": ["grey", "gray"]}}}
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"claims.x.datasets: found 'gray', .* did you mean 'grey'"):
        write_tables(root, path, published(tmp_path))
