"""Text as LaTeX sets it in any font encoding: special characters escaped, Greek letters and signs in mathematics."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["escape_latex", "escape_number"]

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": "'",
    "±": r"$\pm$", "−": r"$-$", "×": r"$\times$", "≈": r"$\approx$", "≤": r"$\le$", "≥": r"$\ge$", "→": r"$\to$",
    "∞": r"$\infty$", "·": r"$\cdot$", "†": r"$\dagger$", "‡": r"$\ddagger$", "–": "--", "—": "---", "…": r"\dots{}",
    "●": r"$\bullet$", "○": r"$\circ$", "▲": r"$\bigtriangleup$", "▼": r"$\bigtriangledown$",
    "’": "'", "“": "``", "”": "''", "²": r"$^2$", "³": r"$^3$", "½": r"$\frac12$", "¼": r"$\frac14$",
    "¾": r"$\frac34$", "°": r"$^\circ$", "§": r"$\mathsection$", "√": r"$\surd$", "\u00a0": "~",
}  # fmt: skip
_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi",
    "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
}  # fmt: skip
# what the oldest encoding, OT1, composes: letters of their own, and accents
_LETTERS = "ßæÆøØœŒłŁı"
_ACCENTS = {
    "\u0300", "\u0301", "\u0302", "\u0303", "\u0304", "\u0306", "\u0307", "\u0308", "\u030a", "\u030b", "\u030c",
    "\u0327",
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
    accented = unicodedata.normalize("NFD", character)
    if character in _LETTERS or (ord(character) < 0x180 and len(accented) == 2 and accented[1] in _ACCENTS):
        return character
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
    return re.sub(r"(?<![\w.])-(?=\d|\$\\infty)", "$-$", pieces)  # a minus, not a hyphen, before a number


def escape_number(text: str) -> str:
    """A number's text; its power of ten in mathematics.

    >>> print(escape_number("(9.3 ± 1.5)e-04"), escape_number("-0.5"))
    (9.3 $\\pm$ 1.5)$\\times10^{-4}$ $-$0.5
    """
    power = re.compile(r"(?<=[\d)])e([+-]\d+)(?!\w)")
    return power.sub(lambda found: f"$\\times10^{{{int(found[1])}}}$", escape_latex(text))
