"""Numbers as text: rounding, intervals, columns under each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["aligned", "number", "plus_minus"]


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


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words under each other, two blanks between columns.

    >>> aligned([["a", "bb"], ["ccc", "d"]])
    ['a    bb', 'ccc  d']
    """
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
