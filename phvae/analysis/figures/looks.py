"""How variants are drawn: colour, marker and line by what a variant is, the same in every figure of every grid."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.colors import to_hex, to_rgb

from phvae.analysis.results.divergences import divergence_kind, is_weighted_kl
from phvae.analysis.results.roles import BASELINE, CURVE, EXTERNAL, PH_VAE

__all__ = ["CLASSES", "Look", "VariantDesign", "design_of", "looks", "looks_of"]

# Ten that differ, for classes and the like (those of Tableau, 2014).
CLASSES = (
    "#1F77B4", "#FF7F0E", "#2CA02C", "#D62728", "#9467BD", "#8C564B", "#E377C2", "#7F7F7F", "#BCBD22", "#17BECF",
)  # fmt: skip
_COPIES, _COPIES_MATCHED, _MATCHED, _KL, _LOG = "copies", "copies, matched", "matched", "kl", "log_polynomial"
# group -> its hue, which its members are shades of, and its line
_GROUPS: dict[str, tuple[str, Any]] = {
    BASELINE: ("#000000", "-"),
    CURVE: ("#6E6E6E", (0, (3, 3))),
    PH_VAE: ("#0B57A4", "-"),
    _COPIES: ("#D55E00", (0, (5, 1.5))),
    _COPIES_MATCHED: ("#7A3300", (0, (5, 1.2, 1.2, 1.2))),
    _MATCHED: ("#00875A", (0, (5, 1.2, 1.2, 1.2))),
    _KL: ("#7B3FA0", (0, (1.5, 1.2))),
    _LOG: ("#C2185B", (0, (5, 1.2, 1.2, 1.2))),
    EXTERNAL: ("#7A5230", (0, (1.5, 1.2))),
}
_OTHERS = ("#E69F00", "#009E9E", "#8C6D31", "#E377C2", "#56B4E9", "#6B8E23", "#A0522D", "#4B4BC8", "#B0A000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)), (0, (3, 3)))
_DEPTH = {BASELINE: 5, PH_VAE: 6}  # drawn last: what the figures are about


@dataclass(frozen=True)
class VariantDesign:
    """What a variant is: a member of a group, at a place within it (an order, a weight) that shades its colour."""

    group: str
    shade: float = 0.0  # from -1, black, to 1, white


@dataclass(frozen=True)
class Look:
    """How one variant is drawn: colour, marker and line together, so that grey print still separates them.

    `depth` is its place from back to front.
    """

    colour: str
    marker: str
    line: Any
    depth: int = 3

    @property
    def keywords(self) -> dict[str, Any]:
        """As keywords of `Axes.plot`."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.line, "zorder": self.depth}


def looks(designs: Mapping[str, VariantDesign]) -> dict[str, Look]:
    """Variant -> look, no two of them equal.

    >>> looks({"vae": VariantDesign("baseline"), "ph-vae-3": VariantDesign("PH-VAE")})["ph-vae-3"].colour
    '#0b57a4'
    """
    found: dict[str, Look] = {}
    members: dict[str, int] = {}
    others = [group for group in dict.fromkeys(design.group for design in designs.values()) if group not in _GROUPS]
    for variant, design in designs.items():
        place = members[design.group] = members.get(design.group, -1) + 1
        if design.group in _GROUPS:
            hue, line = _GROUPS[design.group]
            marker = place + (0 if design.group == BASELINE else 1)
        else:
            among = others.index(design.group)
            hue, line, marker = _OTHERS[among % len(_OTHERS)], _LINES[among % len(_LINES)], among + 1 + place
        if place >= len(_MARKERS):  # the same marker again: another line
            line = _LINES[(_LINES.index(line) + place // len(_MARKERS)) % len(_LINES)]
        colour = _shaded(hue, design.shade)
        found[variant] = Look(colour, _MARKERS[marker % len(_MARKERS)], line, _DEPTH.get(design.group, 3))
    return found


def looks_of(table: pd.DataFrame) -> dict[str, Look]:
    """The looks of a long table's variants, by the first cell of each that has a role."""
    cells = table[table["role"] != ""].drop_duplicates("variant").set_index("variant")
    known = {str(name): design_of(cell) for name, cell in cells.to_dict("index").items()}
    return looks({str(name): known.get(str(name), VariantDesign("")) for name in table["variant"].unique()})


def design_of(cell: Mapping[Hashable, Any]) -> VariantDesign:
    """What a variant is, from its columns of the long table: role, order, basis, encoder_width, divergence, beta."""
    role, order, divergence = cell["role"], cell["order"], str(cell["divergence"])
    if role in (BASELINE, EXTERNAL):
        return VariantDesign(role)
    if role == CURVE:  # light to dark from β = 1/4
        return VariantDesign(role, _within(0.2 - 0.2 * math.log2(cell["beta"]) if cell["beta"] > 0 else 1.0))
    if pd.isna(order) or order == 1:
        return VariantDesign(divergence_kind(divergence))
    shade = _within(0.5 - 0.25 * (order - 2))  # light to dark from order 2
    matched = cell["encoder_width"] != "full"
    if cell["basis"] == "copies":
        return VariantDesign(_COPIES_MATCHED if matched else _COPIES, shade)
    if matched:
        return VariantDesign(_MATCHED, shade)
    kind = divergence_kind(divergence)
    if kind in (_KL, _LOG) or not is_weighted_kl(divergence):
        return VariantDesign(kind, shade)
    return VariantDesign(PH_VAE, shade)


def _within(shade: float) -> float:
    return max(-0.45, min(0.6, shade))


def _shaded(colour: str, shade: float) -> str:
    """A colour on its way to white, or, below 0, to black."""
    end = 1.0 if shade > 0 else 0.0
    red, green, blue = (part + abs(shade) * (end - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))
