"""The site: it builds without a warning, asks nothing of the network, and shows what only the build makes."""

from __future__ import annotations

import html
import re
import warnings
from pathlib import Path

import pytest
import yaml

from phvae import cli


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations of the builder's own
        from mkdocs.commands.build import build
        from mkdocs.config import load_config

        folder = tmp_path_factory.mktemp("site")
        build(load_config("mkdocs.yml", site_dir=str(folder), strict=True))
    return folder


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_page_is_in_the_navigation(site: Path):
    navigation = re.search(r"^nav:\n.*", text(Path("mkdocs.yml")), re.MULTILINE | re.DOTALL)
    assert navigation is not None
    sections = [page for section in yaml.safe_load(navigation[0])["nav"] for page in next(iter(section.values()))]
    shown = {file for page in sections for file in page.values()}
    assert {str(path.relative_to("docs")) for path in Path("docs").rglob("*.md")} < shown
    assert shown >= {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md", "cli.md"}


@pytest.mark.slow
def test_a_page_loads_nothing_from_outside(site: Path):
    for page in site.rglob("*.html"):
        tags = re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", text(page))
        loaded = [address for tag in tags for address in re.findall(r'(?:src|href)="?([^"\s>]+)', tag)]
        assert loaded
        assert not [address for address in loaded if re.match(r"(\w+:)?//", address)], page


@pytest.mark.slow
def test_formulas_are_shown_without_a_script(site: Path):
    page = text(site / "method.html")
    assert page.count("<math") > 20
    assert "arithmatex" not in page


@pytest.mark.slow
def test_a_picture_opens_by_itself(site: Path):
    """On a phone it is too small within the page."""
    page = text(site / "audit.html")
    pictures = re.findall(r'<a href="?([^"> ]+)"?><img [^>]*src="?([^"> ]+)', page)
    assert pictures
    assert all(link == picture and (site / picture).is_file() for link, picture in pictures)


@pytest.mark.slow
def test_the_help_of_each_command_is_a_section(site: Path):
    page = text(site / "cli.html")
    for name in ("train", "plan", "claims"):
        assert f'<h2 id="phvae-{name}">' in page
    assert cli._parser().description in html.unescape(page)


@pytest.mark.slow
def test_the_search_has_the_pages_and_works_from_files(site: Path):
    index = text(site / "search/search_index.js")
    assert "not distinguishable" in index
    assert "iframe-worker.js" in text(site / "index.html")
