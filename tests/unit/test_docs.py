"""The pages: links lead somewhere, files named exist, commands parse, Python runs, configurations are valid."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from phvae import __version__, cli
from phvae.experiment.grid import load_grid, parse_grid

PAGES = [Path(name) for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md")]
PAGES += sorted(Path("docs").rglob("*.md"))
FOLDERS = ("phvae", "docs", "config", "workflow", "tests", "envs", "benchmarks", "slurm")
COMMANDS = next(action for action in cli._parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = ("phvae", "make", "snakemake", "python")


def fenced(page: Path, *languages: str) -> list[str]:
    """The code blocks of a page in these languages."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [code for language, code in found if language in languages]


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[tuple[list[str], bool]]:
    """Every command that a page shows, as words, and whether it stands on a line of its own (so that it is whole)."""
    lines = [line for code in fenced(page, "", "bash", "sh", "console") for line in code.splitlines()]
    lines += [line for line in prose(page).splitlines() if line.startswith("    ")]
    for line in lines:
        text = re.sub(r"^(\$ |[A-Z_]+=\S+ )+", "", line.strip())
        for part in re.split(r" (?:&&|\|\||\||;) ", text):
            if part.partition(" ")[0] in PROGRAMS:
                yield shlex.split(part, comments=True), True
    for text in re.findall(r"`([^`\n]+)`", prose(page)):
        if text.partition(" ")[0] in PROGRAMS and " " in text:
            yield shlex.split(text), False


def links(page: Path) -> list[tuple[str, str]]:
    """Targets and anchors of the links inside the repository."""
    found = re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", prose(page))
    return [(target, anchor) for target, anchor in found if not re.match(r"\w+:", target)]


def names(page: Path) -> list[str]:
    """Paths of files of the repository that a page names."""
    found = re.findall(r"`([^`\s]+)`(?!, a new file)", prose(page))
    return [t for t in found if t.partition("/")[0] in FOLDERS and "/" in t and not re.search(r"[{…]|NAME|FILE", t)]


def configurations(page: Path) -> list[str]:
    return fenced(page, "yaml")


def examples(page: Path) -> list[str]:
    return fenced(page, "python")


# What each page shows. The tests below run over what there is: without this list a page that has lost its examples,
# or whose examples are no longer recognised, would pass them all.
TUTORIALS = {f"docs/tutorials/{name}" for name in ("digits", "divergences", "own-data", "own-model")}
SHOWS = {
    links: {
        *("README", "CONTRIBUTING", *TUTORIALS),
        *(
            "docs/api",
            "docs/architecture",
            "docs/audit",
            "docs/cluster",
            "docs/data",
            "docs/extending",
            "docs/external",
            "docs/first-hour",
        ),
        *("docs/glossary", "docs/gpu", "docs/integrity", "docs/method", "docs/metrics", "docs/own-claims"),
        *("docs/own-pictures", "docs/own-table", "docs/performance", "docs/results", "docs/resume", "docs/verdicts"),
    },
    names: {
        *("CONTRIBUTING", "CHANGELOG", "config/README", "docs/architecture", "docs/audit", "docs/cluster"),
        *("docs/columns", "docs/extending", "docs/integrity", "docs/licences", "docs/method"),
        *("docs/metrics", "docs/own-claims", "docs/paper", "docs/performance", "docs/verdicts"),
        "docs/tutorials/divergences",
    },
    commands: {str(page.with_suffix("")) for page in PAGES}
    - {"docs/api", "docs/glossary", "docs/verdicts", "docs/tutorials/digits", "docs/tutorials/divergences"},
    examples: {"README", "docs/extending", "docs/external", "docs/own-table", *TUTORIALS},
    configurations: {
        *("docs/data", "docs/extending", "docs/external", "docs/first-hour", "docs/own-pictures", "docs/own-table"),
    },
}


def pages(kind: Callable[[Path], Iterable[object]], *but: str) -> pytest.MarkDecorator:
    """A test for each page that shows something of a kind."""
    return pytest.mark.parametrize("page", [p for p in PAGES if any(kind(p)) and p.name not in but], ids=str)


@pytest.mark.parametrize("kind", SHOWS, ids=lambda kind: kind.__name__)
def test_each_page_shows_what_it_should(kind: Callable[[Path], Iterable[object]]):
    assert {str(page.with_suffix("")) for page in PAGES if any(kind(page))} == SHOWS[kind]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pages(links)
def test_relative_links_lead_somewhere(page: Path):
    for target, anchor in links(page):
        path = page.parent / target if target else page
        assert path.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page}: {target}#{anchor}"


@pages(names)
def test_files_that_are_named_exist(page: Path):
    for name in names(page):
        assert list(Path().glob(name.rstrip("/"))), f"{page}: {name}"


def check_phvae(words: list[str], whole: bool) -> None:
    if whole:
        cli._parser().parse_args(words)
    elif not words[0].startswith("-") and words[0] != "COMMAND":
        known = COMMANDS[words[0]]._option_string_actions
        for word in words[1:]:
            assert not word.startswith("-") or word in known, word
    for word in words:
        check_config(word)


def check_make(words: list[str]) -> None:
    text = Path("Makefile").read_text(encoding="utf-8")
    targets, variables = re.findall(r"^([\w-]+):", text, re.MULTILINE), re.findall(r"^(\w+) \?=", text, re.MULTILINE)
    for word in words:
        name, given, value = word.partition("=")
        assert name in (variables if given else targets), word
        check_config(value)


def check_python(words: list[str]) -> None:
    if words[0] == "-m":
        assert importlib.util.find_spec(words[1]) or Path(f"{words[1].replace('.', '/')}.py").is_file(), words[1]
    else:
        assert Path(words[0]).is_file(), words[0]


def check_config(word: str) -> None:
    """A shipped configuration that a command names exists; the reader's own are called `mine`."""
    if re.fullmatch(r"config/\w+\.yaml", word) and word != "config/mine.yaml":
        assert Path(word).is_file(), word


def check(words: list[str], whole: bool) -> None:
    program, *rest = words
    if program == "phvae":
        check_phvae(rest, whole)
    elif program == "make":
        check_make(rest)
    elif program == "python":
        check_python(rest)
    else:
        for word in rest:
            check_config(word)


@pages(commands)
def test_commands_parse(page: Path):
    for words, whole in commands(page):
        try:
            check(words, whole)
        except (SystemExit, AssertionError, KeyError) as error:
            raise AssertionError(f"{page}: {shlex.join(words)}: {error!r}") from None


@pytest.mark.slow
def test_commands_of_snakemake_parse():
    shown = [words[1:] for page in PAGES for words, _ in commands(page) if words[0] == "snakemake"]
    assert len(shown) >= 2
    code = """
import json, sys
from snakemake.cli import parse_args
for words in json.load(sys.stdin):
    try:
        parse_args(words)
    except SystemExit as end:
        assert not end.code, words
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(shown), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# what docs/extending.md shows is put into a copy of the checkout by tests/workflow/test_extending.py; what
# docs/external.md shows runs from a wheel in test_packaging.py; tutorials run in test_tutorials.py
@pages(examples, "extending.md", "external.md", *(f"{Path(name).name}.md" for name in TUTORIALS))
@pytest.mark.slow
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocks = examples(page)
    monkeypatch.chdir(tmp_path)
    defined: dict[str, object] = {}
    for code in blocks:
        exec(compile(code, str(page), "exec"), defined)


@pages(configurations, "extending.md")
def test_configurations_shown_are_valid(page: Path):
    rest = {"name": "shown", "baseline": "vae", "variants": {"vae": {}}, "datasets": {"claw": {}}}
    for code in configurations(page):
        parse_grid(rest | yaml.safe_load(code), str(page))


def test_the_readme_is_one_screen_and_true():
    text = Path("README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert all(len(example.splitlines()) <= 12 for example in examples(Path("README.md")))
    assert f"{len(load_grid('config/quick.yaml').runs())} models" in text


def test_the_architecture_is_short():
    assert len(Path("docs/architecture.md").read_text(encoding="utf-8").splitlines()) < 80


def test_citation_and_changelog_know_the_version():
    cited = yaml.safe_load(Path("CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == __version__
    assert "arXiv:2502.02856" in str(cited["references"])
    headings = re.findall(r"^## (\S+)", Path("CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in ("Unreleased", __version__)


def test_every_direct_dependency_has_its_reason():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(itertools.chain(project["dependencies"], *project["optional-dependencies"].values()))
    page = Path("CONTRIBUTING.md").read_text(encoding="utf-8").lower()
    rows = re.findall(r"^\| ([^|]+) \| [^|]{8,} \| [^|]+ \|$", page, re.MULTILINE)
    reasons = {name for row in rows for name in re.split(r"[,\s]+", row)}
    assert {re.split(r"[<>=\s\[]", name.lower())[0] for name in wanted} <= reasons
