"""A table as Markdown and as LaTeX (booktabs): cells, marks, rounding, escaping."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Block", "Cell", "Table", "escape_latex", "escape_markdown", "latex", "markdown", "number", "plus_minus"]


@dataclass(frozen=True)
class Cell:
    """A text, whether it is bold, and a small mark after it."""

    text: str
    bold: bool = False
    mark: str = ""


@dataclass
class Block:
    """One grid of cells under a heading; `widths` are shares of the line for columns of running text, else None."""

    heading: str
    header: list[str]
    rows: list[list[Cell | str]]
    widths: Sequence[float | None] = ()
    note: str = ""


@dataclass
class Table:
    """A table of the report: blocks to read. The numbers behind it go to the CSV file of the same name."""

    name: str
    title: str
    caption: str
    blocks: list[Block] = field(default_factory=list)


def number(value: float | None, digits: int = 3) -> str:
    """A number for reading: `digits` significant digits, plain where that is short, a dash where there is none.

    >>> number(0.031415), number(12345.6), number(1e-7), number(None), number(0.0)
    ('0.0314', '12,346', '1.00e-07', '–', '0')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e7:
        return f"{value:.{digits - 1}e}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def plus_minus(mean: float, half: float) -> str:
    """Mean and half-width, both to the half-width's second significant digit.

    >>> plus_minus(0.12164, 0.00134), plus_minus(1234.5, 31.2), plus_minus(0.5, float("nan"))
    ('0.1216 ± 0.0013', '1,234 ± 31', '0.500')
    >>> plus_minus(3.2e-6, 1.1e-7)
    '(3.20 ± 0.11)e-06'
    """
    if not math.isfinite(mean):
        return "–"
    if not math.isfinite(half):
        return number(mean)
    if half == 0:
        return f"{number(mean, 4)} ± 0"
    size = max(abs(mean), half)
    if not 1e-3 <= size < 1e7:
        power = math.floor(math.log10(size))
        return f"({_rounded(mean / 10.0**power, half / 10.0**power)})e{power:+03d}"
    return _rounded(mean, half)


def _rounded(mean: float, half: float) -> str:
    places = min(max(1 - math.floor(math.log10(half)), 0), 6)
    return f"{round(mean, places) + 0.0:,.{places}f} ± {half:,.{places}f}"  # + 0.0: no minus before a zero


def escape_markdown(text: str) -> str:
    """Text that a Markdown table shows as it is.

    >>> print(escape_markdown("a|b_c* _d"))
    a\\|b_c\\* \\_d
    """
    return re.sub(r"([\\`*|<>]|\](?=[(\[:])|(?<!\w)_|_(?!\w)|~(?=~))", r"\\\1", " ".join(text.split()))


_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "±": r"$\pm$", "−": r"$-$", "×": r"$\times$", "≈": r"$\approx$", "≤": r"$\le$", "≥": r"$\ge$", "→": r"$\to$",
    "∞": r"$\infty$", "·": r"$\cdot$", "†": r"$\dagger$", "‡": r"$\ddagger$", "–": "--", "—": "---", "…": r"\dots{}",
    "’": "'", "“": "``", "”": "''", "²": r"$^2$", "³": r"$^3$", "½": r"$\frac12$", "¼": r"$\frac14$",
    "¾": r"$\frac34$", "°": r"$^\circ$", "§": r"\S{}", "√": r"$\surd$", "\u00a0": "~",
}  # fmt: skip
_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
}  # fmt: skip


def _tex(character: str) -> str:
    if character in _TEX:
        return _TEX[character]
    if character.isascii():
        return character if character.isprintable() else " "
    words = unicodedata.name(character, "").split()
    if words[:1] == ["GREEK"] and len(words) == 4:
        letter = {"LAMDA": "LAMBDA", "FINAL": "SIGMA"}.get(words[3], words[3]).lower()
        letter = letter.capitalize() if words[1] == "CAPITAL" else letter
        return f"$\\{letter}$" if letter in _GREEK else letter[:1]  # omicron and the capitals like Latin ones
    if character == "µ":
        return r"$\mu$"
    if words[:1] == ["LATIN"] and ord(character) < 0x180:
        return character  # pdfLaTeX reads these as UTF-8
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(_TEX.get(c, c) for c in plain) or f"[U+{ord(character):04X}]"


def escape_latex(text: str) -> str:
    """Text that LaTeX sets as it is; every special character escaped, Greek letters in mathematics.

    >>> print(escape_latex("β-VAE_1 & 50 %"))
    $\\beta$-VAE\\_\\allowbreak{}1 \\& 50 \\%
    """
    # a break is allowed after an underscore, hyphen or slash, so that long names wrap in their column
    pieces = "".join(_tex(character) for character in " ".join(text.split()))
    pieces = re.sub(r"(\\_|/)(?=\w)", r"\1\\allowbreak{}", pieces)
    return re.sub(r"(?<![\w.])-(?=\d)", "$-$", pieces)  # a minus, not a hyphen, before a number


def markdown(table: Table) -> str:
    """The table as a Markdown page."""
    lines = [f"# {escape_markdown(table.title)}", "", escape_markdown(table.caption), ""]
    for block in table.blocks:
        if block.heading:
            lines += [f"## {escape_markdown(block.heading)}", ""]
        lines.append("| " + " | ".join(escape_markdown(text) for text in block.header) + " |")
        texts = set(_text_columns(block))
        lines.append("|" + "|".join(" :--- " if i in texts else " ---: " for i in range(len(block.header))) + "|")
        lines += ["| " + " | ".join(_markdown_cell(cell) for cell in row) + " |" for row in block.rows]
        lines.append("")
        if block.note:
            lines += [escape_markdown(block.note), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return escape_markdown(cell)
    text = escape_markdown(cell.text)
    return (f"**{text}**" if cell.bold else text) + (f" {cell.mark}" if cell.mark else "")


def _text_columns(block: Block) -> list[int]:
    return [i for i in range(len(block.header)) if i == 0 or (i < len(block.widths) and block.widths[i] is not None)]


def latex(table: Table) -> str:
    """The table for \\input in a LaTeX document; one longtable a block, so that long ones break over pages."""
    lines = [
        f"% {' '.join(table.title.split())}. In the preamble: \\usepackage{{booktabs,longtable,array}}",
        r"\begingroup\footnotesize\setlength{\tabcolsep}{4pt}\setlength{\LTcapwidth}{\linewidth}",
        r"\setlength{\LTleft}{0pt}\setlength{\LTright}{0pt plus 1fill}",
    ]
    parts = [part for block in table.blocks for part in _narrow(block)]
    for i, block in enumerate(parts):
        columns = "".join(_column(block, i, share) for i, share in enumerate(_shares(block)))
        title = f"{table.title}: {block.heading}" if block.heading else table.title
        caption = escape_latex(f"{title}. {table.caption}" if i == 0 else f"{title}.")
        head = " & ".join(f"{escape_latex(text)}" for text in block.header) + r" \\"
        lines += [
            f"\\begin{{longtable}}{{{columns}}}",
            f"\\caption{{{caption}}}\\label{{tab:{table.name}-{i + 1}}}\\\\",
            f"\\toprule\n{head}\n\\midrule\n\\endfirsthead",
            f"\\toprule\n{head}\n\\midrule\n\\endhead",
            "\\bottomrule\n\\endlastfoot",
        ]
        lines += [" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in block.rows]
        lines.append("\\end{longtable}")
        if block.note:
            lines.append(f"\\noindent{{\\footnotesize {escape_latex(block.note)}\\par}}")
    lines.append("\\endgroup")
    return "\n".join(lines) + "\n"


def _narrow(block: Block, columns: int = 3) -> list[Block]:
    """A block of numbers in pieces that fit a page's width, the first column repeated; the note after the last."""
    count = len(block.header) - 1
    if block.widths or count <= columns:
        return [block]
    pieces = -(-count // columns)
    size = -(-count // pieces)
    found = []
    for start in range(1, count + 1, size):
        kept = slice(start, start + size)
        rows = [[row[0], *row[kept]] for row in block.rows]
        found.append(Block(block.heading, [block.header[0], *block.header[kept]], rows))
    found[-1].note = block.note
    return found


def _shares(block: Block) -> list[float]:
    """The share of the line of every column; columns without a width divide what is left."""
    given = list(block.widths) + [None] * (len(block.header) - len(block.widths))
    given[0] = given[0] or 0.28
    free = given.count(None)
    rest = (1 - sum(width for width in given if width)) / max(free, 1)
    return [width or rest for width in given]


def _column(block: Block, index: int, share: float) -> str:
    side = "right" if index in _text_columns(block) else "left"
    width = f"\\dimexpr {share:.3f}\\linewidth-2\\tabcolsep\\relax"
    return f">{{\\ragged{side}\\arraybackslash\\hspace{{0pt}}}}p{{{width}}}"


def _latex_cell(cell: Cell | str) -> str:
    if isinstance(cell, str):
        return escape_latex(cell)
    text = escape_latex(cell.text)
    if cell.bold:
        text = f"\\textbf{{{text}}}"
    return text + (f"\\,{escape_latex(cell.mark)}" if cell.mark else "")
