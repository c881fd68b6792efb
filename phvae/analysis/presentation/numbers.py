"""Numbers as text: rounding, intervals, columns under each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["aligned", "column_places", "number", "plus_minus", "range_text"]

MOST_PLACES = 6


def number(value: float | None, digits: int = 3, places: int | None = None) -> str:
    """A number for reading: `digits` significant digits, plain where that is short, a dash where there is none.

    With `places` it has the decimals of its column, where they leave it two significant digits at least.

    >>> number(0.031415), number(12345.6), number(1e-7), number(None), number(0.0)
    ('0.0314', '12,346', '1.00e-07', '–', '0')
    >>> number(0.5, places=4), number(0.000123, places=3)
    ('0.5000', '0.00012')
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if places == 0 and float(value).is_integer():
        return f"{value:,.0f}"
    shown = _shared(_places(value, digits), places)
    if abs(value) >= 1e7 or (abs(value) < 1e-4 and (places is None or shown > MOST_PLACES)):
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{shown}f}"


def plus_minus(mean: float, half: float, places: int | None = None) -> str:
    """Mean and half-width, both to the half-width's second significant digit.

    With `places` both have the decimals of their column, where they leave the half-width a significant digit.

    >>> plus_minus(0.12164, 0.00134), plus_minus(1234.5, 31.2), plus_minus(0.5, float("nan"))
    ('0.1216 ± 0.0013', '1,234 ± 31', '0.500')
    >>> plus_minus(3.2e-6, 1.1e-7), plus_minus(0.12164, 0.0134, places=4)
    ('(3.20 ± 0.11)e-06', '0.1216 ± 0.0134')
    """
    if not math.isfinite(mean):
        return "–"
    if not math.isfinite(half):
        return number(mean, places=places)
    if half == 0:
        return f"{number(mean, 4, places)} ± 0"
    size, own = max(abs(mean), half), _places(half, 2)
    if size >= 1e7 or (size < 1e-3 and own > MOST_PLACES):
        power = math.floor(math.log10(size))
        return f"({plus_minus(mean / 10.0**power, half / 10.0**power)})e{power:+03d}"
    shown = min(_shared(own, places), MOST_PLACES)
    return f"{_fixed(mean, shown)} ± {half:,.{shown}f}"


def range_text(mean: float, low: float, high: float, places: int | None = None) -> str:
    """A value with its interval, all to the second significant digit of half the interval, or as their column has it.

    >>> range_text(-0.0017234, -0.00373, 0.000289), range_text(1.44, 0.5, float("inf"), places=2)
    ('-0.0017 [-0.0037, 0.0003]', '1.44 [0.50, ∞]')
    """
    half = (high - low) / 2
    own = _places(half, 2) if 0 < half < math.inf else _places(mean, 3)
    shown = min(_shared(own, places), MOST_PLACES)
    texts = [_fixed(value, shown) if math.isfinite(value) else number(value) for value in (mean, low, high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def column_places(values: Iterable[float], halves: Iterable[float] = ()) -> int:
    """The decimals that the numbers of a column share: to the second significant digit of the middle half-width.

    Without half-widths to the third digit of the middle value; none where all values are whole numbers.

    >>> column_places([0.12164, 0.2, 0.3], [0.00134, 0.0002, 0.02]), column_places([0.5, 12.0]), column_places([3, 10])
    (4, 3, 0)
    """
    known = [value for value in values if math.isfinite(value)]
    widths = sorted(half for half in halves if math.isfinite(half) and half > 0)
    sizes, digits = (widths, 2) if widths else (sorted(abs(value) for value in known if value), 3)
    if not sizes or (not widths and all(float(value).is_integer() for value in known)):
        return 0
    return min(_places(sizes[(len(sizes) - 1) // 2], digits), MOST_PLACES)


def _places(value: float, digits: int) -> int:
    """Decimals at which a number has so many significant digits."""
    return max(digits - 1 - math.floor(math.log10(abs(value))), 0) if value else 0


def _shared(own: int, places: int | None) -> int:
    """The column's decimals where they are at most one fewer, or two more, than the number's own."""
    return own if places is None else min(max(places, own - 1), own + 2)


def _fixed(value: float, places: int) -> str:
    return f"{round(value, places) + 0.0:,.{places}f}"  # + 0.0: no minus before a zero


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Rows of words under each other, two blanks between columns.

    >>> aligned([["a", "bb"], ["ccc", "d"]])
    ['a    bb', 'ccc  d']
    """
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return ["  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines]
