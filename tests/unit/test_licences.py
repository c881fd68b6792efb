"""docs/licences.md: in step with the lock, and with the metadata of what is installed."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("licences", "envs/licences.py")
assert SPEC is not None
assert SPEC.loader is not None
licences = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(licences)

PAGE = Path("docs/licences.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)[2:]


def installed(name: str, version: str) -> bool:
    try:
        return distribution(name).version == version
    except PackageNotFoundError:
        return False


def test_every_locked_package_is_listed():
    assert [(name, version) for name, version, *_ in ROWS] == licences.locked(), "run `make docs`"
    assert all(text and place for *_, text, place in ROWS)


def test_the_page_says_what_the_packages_say():
    here = [row for row in ROWS if installed(*row[:2])]
    assert len(here) > 50
    for name, _, text, place in here:
        found = licences.KNOWN.get(name) or licences.licence(distribution(name))
        assert (text, place) == (found[0].replace("|", "/"), found[1]), name


def test_every_direct_dependency_is_locked():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = {re.sub(r"[-_.]+", "-", name).lower() for name, _ in licences.locked()}
    # setuptools builds the package: pip brings it
    assert {re.split(r"[<>=\s]", name)[0].lower() for name in wanted} - {"setuptools"} <= locked


def test_a_package_without_a_licence_is_an_error(tmp_path: Path):
    folder = tmp_path / "bare-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1\n")
    bare = next(iter(licences.Distribution.discover(name="bare", path=[str(tmp_path)])))
    with pytest.raises(LookupError, match="bare: no licence"):
        licences.licence(bare)
