"""Notes of source files: they spare time and decide nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from phvae.experiment import noted
from phvae.files import read_json
from phvae.records import read_record, write_record
from phvae.source import code_sha256


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty place for notes, as in a new process."""
    path = tmp_path / "cache" / "code.json"
    monkeypatch.setattr(noted, "_NOTES", path)
    monkeypatch.setattr(noted, "_new", {})
    noted._known.cache_clear()
    yield path
    noted._known.cache_clear()


def start_again() -> None:
    noted._new.clear()
    noted._known.cache_clear()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "one.py"
    path.write_text("import math\nX = math.pi\n")
    return path


def test_a_file_is_read_once_and_noted_by_its_content(notes: Path, module: Path, monkeypatch: pytest.MonkeyPatch):
    expected = (code_sha256(module), ["math"])
    assert noted.code_and_imports(module) == expected
    noted.keep()
    start_again()
    monkeypatch.setattr(noted.source, "code_sha256", lambda _: pytest.fail("computed again"))
    assert noted.code_and_imports(module) == expected
    other = module.with_name("two.py")
    other.write_bytes(module.read_bytes())
    assert noted.code_and_imports(other) == expected


def test_an_edit_is_seen(notes: Path, module: Path):
    before = noted.code_and_imports(module)
    noted.keep()
    start_again()
    module.write_text("import cmath\nX = cmath.pi\n")
    assert noted.code_and_imports(module) == (code_sha256(module), ["cmath"]) != before


@pytest.mark.parametrize("harm", ["{", "[]", "digit", "other code"])
def test_damaged_notes_and_those_of_other_code_are_not_believed(notes: Path, module: Path, harm: str):
    expected = noted.code_and_imports(module)
    noted.keep()
    record = read_record(notes, "")
    wrong = {digest: ["0" * 64] for digest in record["notes"]}
    if harm == "other code":
        write_record(notes, record | {"notes": wrong, "by": "0" * 64})
    elif harm == "digit":
        text = notes.read_text()
        notes.write_text(text.replace(expected[0], "0" * 64))
        assert read_json(notes)["notes"] == {next(iter(wrong)): ["0" * 64, "math"]}
    else:
        notes.write_text(harm)
    start_again()
    assert noted.code_and_imports(module) == expected


def test_a_folder_that_cannot_be_written_costs_time_only(notes: Path, module: Path):
    notes.parent.write_text("a file where the folder would be")
    expected = noted.code_and_imports(module)
    noted.keep()
    start_again()
    assert noted.code_and_imports(module) == expected
