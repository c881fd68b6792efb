"""Tables as floats at text width, each a page at most: what one- and two-column classes set alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from phvae.analysis.tables.latex_text import escape_latex

__all__ = ["LINES", "PagePart", "caption_of", "floats", "pages", "text_height"]

LINES, CHARACTERS = 62, 96  # of small print on a page and on a line, where a page is least: article, 345 pt wide


@dataclass(frozen=True)
class PagePart:
    """LaTeX that stays on one page, and how many lines it is high."""

    text: str
    height: int


def text_height(text: str, share: float = 1.0) -> int:
    """Lines that a text takes in a share of the page's width."""
    return -(-len(text) // max(int(share * CHARACTERS) - 2, 1)) or 1


def caption_of(text: str, label: str) -> PagePart:
    """A caption, which stands above its table."""
    caption = f"\\caption{{{escape_latex(text)}}}\\label{{tab:{label}}}\\par\\medskip"
    return PagePart(caption, 2 + text_height(text))


def pages(parts: Iterable[PagePart], lines: int = LINES) -> Iterator[list[str]]:
    """The parts in their order, as many on a page as it holds."""
    page: list[str] = []
    left = lines
    for part in parts:
        if page and part.height > left:
            yield page
            page, left = [], lines
        page.append(part.text)
        left -= part.height
    yield page


def floats(title: str, contents: Iterable[Sequence[str]], place: str, setting: str) -> list[str]:
    """A float for each page; those after the first say whose they are.

    Args:
        title: of the table.
        contents: the LaTeX of each page.
        place: where LaTeX may put them.
        setting: sizes and lengths that hold inside.
    """
    lines = []
    for i, page in enumerate(contents):
        lines += [f"\\begin{{table*}}[{place}]", setting]
        lines += [f"{escape_latex(title)}, continued.\\par\\smallskip"] if i else []
        lines += [*page, r"\end{table*}"]
    return lines
