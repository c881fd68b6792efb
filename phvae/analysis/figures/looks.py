"""How variants are drawn: colour, marker and line, one look a variant in every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from phvae.analysis.results.roles import BASELINE, CURVE

__all__ = ["COLOURS", "Look", "looks", "looks_of"]

# Okabe and Ito (2008): told apart with every common colour blindness; ordered so that neighbours differ in grey too.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#7A7A7A")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (3, 3)))

_MEASURED_ON = {"samples_mean": "samples (means)", "samples_model": "samples (with noise)"}
_BLACK, _GREY, _OTHERS = COLOURS[0], COLOURS[-1], COLOURS[1:-1]


@dataclass(frozen=True)
class Look:
    """How one variant is drawn: colour, marker and line together, so that grey print still tells them apart."""

    colour: str
    marker: str
    line: Any

    @property
    def keywords(self) -> dict[str, Any]:
        """As keywords of `Axes.plot`."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.line}


def looks(roles: Mapping[str, str]) -> dict[str, Look]:
    """Variant -> look: the baseline black, points of the beta-VAE's curve grey, every other variant in a colour.

    Args:
        roles: variant -> role, in the order of the configuration; no two looks are alike for up to 24 variants a role.

    >>> looks({"vae": "baseline", "ph-vae-3": "challenger"})["vae"].colour
    '#000000'
    """
    found: dict[str, Look] = {}
    counts: dict[str, int] = {}
    for variant, role in roles.items():
        colours = {BASELINE: (_BLACK,), CURVE: (_GREY,)}.get(role, _OTHERS)
        i = counts.get(colours[0], 0)
        counts[colours[0]] = i + 1
        line = _LINES[(i + i // len(_OTHERS)) % len(_LINES)]
        found[variant] = Look(colours[i % len(colours)], _MARKERS[i % len(_MARKERS)], line)
    return found


def looks_of(table: pd.DataFrame) -> dict[str, Look]:
    """The looks of a long table's variants, by the role that each has first."""
    cells = table[table["role"] != ""].drop_duplicates("variant")
    known = dict(zip(cells["variant"], cells["role"], strict=True))
    return looks({str(variant): known.get(variant, "") for variant in table["variant"].unique()})
