"""What mkdocs.yml cannot say: pages that lie outside docs/, the command line's page, formulas as MathML."""

from __future__ import annotations

import argparse
import html
import os
import posixpath
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from phvae import cli

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CITATION.cff",
    "config/README.md",
    "config/claims.yaml",
    "config/reference.yaml",
    "benchmarks/gpu.png",
)
COMMITTED = re.compile(r"\]\(\.\./(results/[^)\s]+\.png)\)")
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
PICTURE = re.compile(r'<img [^>]*src="([^"]+)"[^>]*>')
FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside docs/, at its place in the repository, and the page of the command line."""
    pictures = COMMITTED.findall((ROOT / "docs/results.md").read_text(encoding="utf-8"))
    for name in (*OUTSIDE, *pictures):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    files.append(File.generated(config, "cli.md", content=command_line()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site, whose root is docs/."""
    here = page.file.src_uri
    source = here if here in OUTSIDE else f"docs/{here}"

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1])).removeprefix("docs/")
        return f"]({posixpath.relpath(target, posixpath.dirname(here) or '.')}"

    return LINK.sub(moved, markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Write formulas as MathML, which browsers show without a script; a picture opens by itself, for small screens."""
    content = FORMULA.sub(
        lambda found: convert(html.unescape(found[2]), display="block" if found[1] == "div" else "inline"), content
    )
    return PICTURE.sub(r'<a href="\1">\g<0></a>', content)


def command_line() -> str:
    """The help of every command."""
    os.environ["COLUMNS"] = "100"
    parser = cli._parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    helps = {"phvae": parser, **{f"phvae {name}": command for name, command in commands.choices.items()}}
    return "# The command line\n" + "".join(
        f"\n## {name}\n\n```text\n{command.format_help()}```\n" for name, command in helps.items()
    )
