"""What was added to the claims after the runs is told from what was edited, and from what concerns other runs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from claims_by_hand import claim

from phvae.analysis.claims.reading import read_claims
from phvae.analysis.claims.registered import Registered, registered
from phvae.experiment.paths import Paths
from phvae.files import sha256

BEFORE = {
    "written": "2026-01-01",
    "level": 0.05,
    "claims": {
        "error": claim("a", ["vae"], datasets=["grey"]),
        "spread": claim("a", ["vae"], datasets=["grey"], compare="spread"),
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "results"


def trained(root: Path, content: dict[str, Any]) -> str:
    """The hash of claims that runs were trained under, kept among the results."""
    text = yaml.safe_dump(content)
    draft = root / "draft.yaml"
    draft.parent.mkdir(exist_ok=True)
    draft.write_text(text)
    path = Paths(root).claims(sha256(draft))
    path.parent.mkdir(exist_ok=True)
    draft.rename(path)
    return path.stem


def held(root: Path, content: dict[str, Any], *runs: tuple[str, str]) -> Registered:
    """Runs (data set, hash) against the claims of today."""
    path = root / "today.yaml"
    path.write_text(yaml.safe_dump(content))
    return registered(pd.DataFrame(runs, columns=["dataset", "claims_sha256"]), *read_claims(path), root)


def changed(**entries: dict[str, Any]) -> dict[str, Any]:
    """The claims with some entries of some claims changed."""
    content = copy.deepcopy(BEFORE)
    for name, more in entries.items():
        content["claims"][name] = {**content["claims"].get(name, claim("a", ["vae"])), **more}
    return content


def test_what_is_as_it_was_is_unchanged(root: Path) -> None:
    digest = trained(root, BEFORE)
    assert held(root, BEFORE, ("grey", digest)) == Registered("unchanged since before the runs", {})
    told = held(root, BEFORE, ("grey", digest), ("grey", ""))
    assert told.state == "unchanged since before the runs; 1 of 2 runs did not record it"
    assert held(root, BEFORE, ("grey", "")).state == "not recorded by the runs"


def test_a_data_set_that_is_added_before_its_runs_changes_nothing_for_earlier_ones(root: Path) -> None:
    early, now = trained(root, BEFORE), changed(error={"datasets": ["grey", "bits"]})
    late = trained(root, now)
    found = held(root, now, ("grey", early), ("bits", late))
    assert not found.marks
    assert found.state == (
        "unchanged since before the runs (the file was edited, but nothing that it says of their data sets)"
    )


def test_a_data_set_that_is_added_after_its_runs_is_told_from_an_edit(root: Path) -> None:
    digest = trained(root, BEFORE)
    runs = [("grey", digest), ("bits", digest), ("bits", digest)]
    added = held(root, changed(error={"datasets": ["grey", "bits"]}), *runs)
    assert added.marks == {("error", "bits"): "added after the runs"}
    assert added.state == "CHANGED: error on bits (added after the runs)"
    edited = held(root, changed(error={"matters": {"relative": 0.01}}), *runs)
    assert edited.marks == {("error", "grey"): "edited (matters) after the runs"}


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ({"controls": ["vae", "b"]}, "controls"),
        ({"text": "other words"}, "text"),
        ({"metric": "ssim", "direction": "higher"}, "metric, direction"),
        ({"challenger": "b"}, "challenger"),
    ],
)
def test_an_edit_names_what_was_edited(entry: dict[str, Any], what: str, root: Path) -> None:
    found = held(root, changed(error=entry), ("grey", trained(root, BEFORE)))
    assert found.marks == {("error", "grey"): f"edited ({what}) after the runs"}


def test_the_level_is_part_of_every_claim_and_the_figure_of_none(root: Path) -> None:
    digest = trained(root, BEFORE)
    found = held(root, BEFORE | {"level": 0.1}, ("grey", digest))
    assert set(found.marks) == {("error", "grey"), ("spread", "grey")}
    assert set(found.marks.values()) == {"edited (level) after the runs"}
    assert not held(root, changed(error={"figure": "other"}) | {"source": "elsewhere"}, ("grey", digest)).marks


def test_a_claim_that_is_withdrawn_or_new_is_named(root: Path) -> None:
    digest, now = trained(root, BEFORE), changed(late={"datasets": ["grey"]})
    del now["claims"]["spread"]
    found = held(root, now, ("grey", digest))
    assert found.marks == {
        ("spread", "grey"): "withdrawn after the runs", ("late", "grey"): "added after the runs",
    }  # fmt: skip


def test_runs_of_before_and_after_a_change_are_counted(root: Path) -> None:
    early, now = trained(root, BEFORE), changed(late={"datasets": ["grey"]})
    late = trained(root, now)
    found = held(root, now, ("grey", early), ("grey", late), ("grey", late))
    assert found.marks == {("late", "grey"): "added after 1 of 3 runs"}


@pytest.mark.parametrize("damage", ["absent", "altered", "unreadable"])
def test_where_the_earlier_file_is_not_kept_any_change_is_an_edit(damage: str, root: Path) -> None:
    digest = trained(root, {"nothing": "of use"} if damage == "unreadable" else BEFORE)
    path = Paths(root).claims(digest)
    if damage == "absent":
        path.unlink()
    elif damage == "altered":
        path.write_text(path.read_text() + "\n")
    found = held(root, changed(late={"datasets": ["bits"]}), ("grey", digest), ("grey", digest))
    assert found.state == f"EDITED: 2 of 2 runs were made under other claims (sha256 {digest[:12]})"
    assert not found.marks
