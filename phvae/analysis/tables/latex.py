"""A table as LaTeX (booktabs), every special character escaped."""

from __future__ import annotations

import re
import unicodedata

from phvae.analysis.tables.layout import Table, TableBlock, TableCell, text_columns

__all__ = ["escape_latex", "latex"]

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "±": r"$\pm$", "−": r"$-$", "×": r"$\times$", "≈": r"$\approx$", "≤": r"$\le$", "≥": r"$\ge$", "→": r"$\to$",
    "∞": r"$\infty$", "·": r"$\cdot$", "†": r"$\dagger$", "‡": r"$\ddagger$", "–": "--", "—": "---", "…": r"\dots{}",
    "●": r"$\bullet$", "○": r"$\circ$", "▲": r"$\bigtriangleup$", "▼": r"$\bigtriangledown$",
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
        caption = escape_latex(" ".join([f"{title}.", table.caption, table.legend] if i == 0 else [f"{title}."]))
        head = " & ".join(f"{escape_latex(text)}" for text in block.header) + r" \\"
        lines += [
            f"\\begin{{longtable}}{{{columns}}}",
            f"\\caption{{{caption}}}\\label{{tab:{table.name}-{i + 1}}}\\\\",
            f"\\toprule\n{head}\n\\midrule\n\\endfirsthead",
            f"\\toprule\n{head}\n\\midrule\n\\endhead",
            "\\bottomrule\n\\endlastfoot",
        ]
        lines += _rows(block.rows)
        if block.reference:
            lines += [r"\midrule", *_rows(block.reference)]
        lines.append("\\end{longtable}")
        if block.note:
            lines.append(f"\\noindent{{\\footnotesize {escape_latex(block.note)}\\par}}")
    if table.rules:
        lines.append(f"\\noindent{{\\footnotesize\\raggedright {escape_latex(' '.join(table.rules))}\\par}}")
    lines.append("\\endgroup")
    return "\n".join(lines) + "\n"


def _narrow(block: TableBlock, columns: int = 3) -> list[TableBlock]:
    """A block of numbers in pieces that fit a page's width, the first column repeated; the note after the last."""
    count = len(block.header) - 1
    if block.widths or count <= columns:
        return [block]
    pieces = -(-count // columns)
    size = -(-count // pieces)
    found = []
    for start in range(1, count + 1, size):
        kept = slice(start, start + size)
        rows, reference = ([[row[0], *row[kept]] for row in part] for part in (block.rows, block.reference))
        header = [block.header[0], *block.header[kept]]
        found.append(TableBlock(block.heading, header, rows, reference=reference))
    found[-1].note = block.note
    return found


def _shares(block: TableBlock) -> list[float]:
    """The share of the line of every column; columns without a width divide what is left."""
    given = list(block.widths) + [None] * (len(block.header) - len(block.widths))
    given[0] = given[0] or 0.28
    free = given.count(None)
    rest = (1 - sum(width for width in given if width)) / max(free, 1)
    return [width or rest for width in given]


def _column(block: TableBlock, index: int, share: float) -> str:
    side = "right" if index in text_columns(block) else "left"
    width = f"\\dimexpr {share:.3f}\\linewidth-2\\tabcolsep\\relax"
    return f">{{\\ragged{side}\\arraybackslash\\hspace{{0pt}}}}p{{{width}}}"


def _rows(rows: list[list[TableCell]]) -> list[str]:
    return [" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in rows]


def _latex_cell(cell: TableCell) -> str:
    text = escape_latex(cell.text)
    if cell.bold:
        text = f"\\textbf{{{text}}}"
    return text + (f"\\,{escape_latex(cell.mark)}" if cell.mark else "")
