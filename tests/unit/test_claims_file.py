"""The file of claims: what it may say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from claims_by_hand import claim

from phvae.analysis.claims.reading import read_claims, read_known_claims
from phvae.errors import ConfigError
from phvae.files import sha256
from phvae.metrics.registry import lookup


def test_the_shipped_claims_can_be_read_and_name_what_exists() -> None:
    found, digest = read_claims("config/claims.yaml")
    assert digest == sha256("config/claims.yaml")
    variants = set(yaml.safe_load(Path("config/reference.yaml").read_text(encoding="utf-8"))["variants"])
    for name, entry in found.claims.items():
        better = lookup(entry.metric).higher_is_better
        if better is not None and entry.compare == "mean":
            assert entry.direction == ("higher" if better else "lower"), name
        named = {entry.challenger, *(c.challenger or c.variant for c in entry.controls)} - {"rate-distortion"}
        assert named <= variants, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": "mse"}, r"claims.x.metrics: unknown key; did you mean 'metric'\?"),
        ({"direction": "down"}, r"claims.x.direction: found 'down', expected 'lower' or 'higher'"),
        ({"matters": {}}, "claims.x.matters: expected exactly one of absolute and relative"),
        ({"matters": {"relative": 2}}, "claims.x.matters.relative: found 2"),
        ({"controls": []}, r"claims.x.controls: found \[\]"),
        ({"controls": ["a"]}, "found 'a' against itself"),
        ({"controls": ["b", "b"]}, "found 'b' twice"),
        ({"datasets": ["d", "d"]}, "expected each entry once: .* is given twice"),
        ({"compare": "spread", "direction": "higher"}, "expected direction lower"),
        ({"compare": "spread", "matters": {"absolute": 1}}, "needs matters.relative"),
        ({"compare": "spread", "controls": ["rate-distortion"]}, "cannot have the control rate-distortion"),
        ({"text": None}, "claims.x.text: found None"),
    ],
)
def test_mistakes_in_the_file_name_key_found_and_expected(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "claims.yaml"
    entry = {**claim("a", ["b"], matters={"relative": 0.1}), **change}
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": {"x": entry}}))
    with pytest.raises(ConfigError, match=message) as caught:
        read_claims(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_without_claims_or_date_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("level: 0.05\n")
    with pytest.raises(ConfigError, match=r"written: missing, and required\n.*claims: missing"):
        read_claims(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_claims(tmp_path / "claim.yaml")


def test_data_sets_and_variants_must_be_known_somewhere(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    (tmp_path / "broken.yaml").write_text("{")
    stand_in = {"variant": "vae", "challenger": "smal"}
    entry = claim("a", ["vae", "rate-distortion", stand_in], datasets=["claw", "mine", "studnet_t"])
    path.write_text(yaml.safe_dump({"written": "2026-01-01", "claims": {"x": entry}}))
    with pytest.raises(ConfigError) as caught:
        read_known_claims(path, ["mine"], ["a", "vae", "small"])
    assert str(caught.value).splitlines() == [
        f"{path}: claims.x.datasets: found 'studnet_t', expected a data set of some grid; did you mean 'student_t'?",
        f"{path}: claims.x.controls: found 'smal', expected a variant of some grid; did you mean 'small'?",
    ]
    beside = {"datasets": {"studnet_t": {}}, "variants": {"smal": {}}}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(beside))
    assert read_known_claims(path, ["mine"], ["a", "vae"])[1] == sha256(path)


def test_the_shipped_claims_name_what_the_shipped_grids_or_kinds_have() -> None:
    found, _ = read_known_claims("config/claims.yaml", [], [])
    assert "student" not in {name for entry in found.claims.values() for name in entry.datasets}


def test_claims_kept_among_results_are_read_though_no_grid_lies_beside_them(tmp_path: Path) -> None:
    shipped = Path("config/claims.yaml")
    kept = tmp_path / f"{sha256(shipped)}.yaml"
    kept.write_bytes(shipped.read_bytes())
    assert read_known_claims(kept, [], []) == read_claims(shipped)
    other = tmp_path / "mine.yaml"
    other.write_bytes(shipped.read_bytes())
    with pytest.raises(ConfigError, match="expected a variant of some grid"):
        read_known_claims(other, [], [])
