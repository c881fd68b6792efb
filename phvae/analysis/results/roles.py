"""What each variant is there for, and the family whose line it is a point of: two columns of the long table.

Both are the same for every training size and seed of a variant on a data set, and read nothing but other columns and
the name of the baseline.

`role` is the first of these that fits:

- `baseline`: the variant that the configuration names as its baseline.
- `curve`: a point of the data set's beta-VAE curve (see `family`).
- `control`: a variant that takes one thing away from a challenger: several encoders that are all fed with x (basis
  `copies`), encoders of less than full width, or a beta-VAE that is not of the curve, being of another size or kept off
  it by the configuration (`curve: false`).
- `external`: a variant that was trained elsewhere.
- `challenger`: every other variant.

`family` is what a line through several variants is called:

- `β-VAE`: the curve. Variants of order 1 whose divergence is KL or weighs its levels, which is the same thing there,
  are not kept off by the configuration and have a `backbone` in common: the one of most variants, the first of the
  table if several are as common. The baseline is a point of it wherever it is such a variant.
- of a variant of another order: how it differs, apart from its order, from what most of these variants of the data set
  have in common; `PH-VAE` where it does not. A family has one variant an order: another that differs in nothing the
  table tells is a family of its own, with its name in brackets.
- of any other variant of order 1: `order 1` with its name in brackets.
- of one that was trained elsewhere: `external` with its name in brackets, the baseline too.

Both are empty where no run of a variant has a record (the role of the baseline excepted).
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from phvae.analysis.results.divergences import divergence_kind, divergence_words, is_weighted_kl

__all__ = [
    "BASELINE",
    "BETA_VAE",
    "CHALLENGER",
    "CONTROL",
    "CURVE",
    "EXTERNAL",
    "PH_VAE",
    "ROLE_COLUMNS",
    "curve_variants",
    "on_curve",
    "with_roles",
]

BASELINE, CURVE, CONTROL, CHALLENGER, EXTERNAL = "baseline", "curve", "control", "challenger", "external"
BETA_VAE, PH_VAE = "β-VAE", "PH-VAE"
ROLE_COLUMNS = ("family", "role")

# The columns that tell families apart -> the word that follows their value.
_SETTINGS = {
    "basis": "", "encoder_width": "width", "divergence": "", "beta": "β", "coupling": "coupling", "prior": "prior",
}  # fmt: skip
_USUAL = ("monomial", "full", "hierarchical", "chain(0.5)", "1.0")  # the paper's reading, where two are as common


def with_roles(table: pd.DataFrame, baseline: str, external: Collection[str] = ()) -> pd.DataFrame:
    """A long table with the columns `family` and `role`, as the module says.

    Args:
        table: rows with dataset, variant and the columns that say what a variant is.
        baseline: the configuration's baseline.
        external: the variants that were trained elsewhere.
    """
    cells = table[table["order"].notna()].drop_duplicates(["dataset", "variant"]).reset_index(drop=True)
    curve = _curve(cells)
    families: dict[tuple[str, str], str] = {}
    for dataset, group in cells.groupby("dataset", sort=False):
        families |= {(str(dataset), name): family for name, family in _families(group, curve[group.index]).items()}
    roles = {
        (dataset, variant): _role(order, basis, width, divergence, is_point)
        for dataset, variant, order, basis, width, divergence, is_point in zip(
            *(cells[name] for name in ("dataset", "variant", "order", "basis", "encoder_width", "divergence")),
            curve,
            strict=True,
        )
    }
    keys = list(zip(table["dataset"], table["variant"], strict=True))
    outside = {key for key in keys if key[1] in external}
    families |= {key: f"{EXTERNAL} ({key[1]})" for key in outside}
    roles |= dict.fromkeys(outside, EXTERNAL)
    role = [BASELINE if variant == baseline else roles.get((dataset, variant), "") for dataset, variant in keys]
    family = [families.get(key, "") for key in keys]
    return table.assign(family=pd.Series(family, dtype="str").array, role=pd.Series(role, dtype="str").array)


def on_curve(table: pd.DataFrame) -> pd.Series:
    """Which rows are of the beta-VAE's curve."""
    return table["family"] == BETA_VAE


def curve_variants(table: pd.DataFrame) -> list[str]:
    """The variants that make the beta-VAE's curve; of a table of several data sets, that of one of them at least."""
    return list(table["variant"][on_curve(table)].unique())


def _curve(cells: pd.DataFrame) -> pd.Series:
    """Which cells (one a data set and variant) are points of the curve of their data set."""
    flat = (cells["order"] == 1) & cells["divergence"].map(is_weighted_kl).astype(bool)
    flat &= ~cells["off_curve"].fillna(False).astype(bool)
    points = cells[flat]
    size = points.groupby(["dataset", "backbone"], sort=False)["variant"].transform("size")
    largest = size.groupby(points["dataset"], sort=False).transform("idxmax")
    chosen = points["backbone"] == points["backbone"][largest].to_numpy()
    return chosen.reindex(cells.index, fill_value=False)


def _role(order: int, basis: str, width: str, divergence: str, is_point: bool) -> str:
    if is_point:
        return CURVE
    if order == 1:
        return CONTROL if is_weighted_kl(divergence) else CHALLENGER
    return CONTROL if basis == "copies" or width != "full" else CHALLENGER


def _families(cells: pd.DataFrame, curve: pd.Series) -> dict[str, str]:
    """Variant -> family, of one data set."""
    found = {
        str(variant): BETA_VAE if is_point else f"order 1 ({variant})"
        for variant, is_point in zip(cells["variant"], curve, strict=True)
    }
    several = cells[cells["order"] > 1].set_index("variant")
    if not len(several):
        return found
    settings = several[list(_SETTINGS)].astype(str).fillna("nan")  # pandas 3 keeps what is missing
    common = {name: _common(settings[name]) for name in _SETTINGS}
    kinds = settings["divergence"].drop_duplicates().map(divergence_kind).value_counts()
    taken: set[tuple[str, int]] = set()
    for (variant, cell), order in zip(settings.iterrows(), several["order"], strict=True):
        alone = kinds[divergence_kind(cell["divergence"])] == 1
        differs = [_word(name, cell[name], short=alone) for name in _SETTINGS if cell[name] != common[name]]
        family = ", ".join(filter(None, differs)) or PH_VAE
        found[str(variant)] = family if (family, order) not in taken else f"{family} ({variant})"
        taken.add((family, order))
    return found


def _common(values: pd.Series) -> str:
    """The value of most variants; where two are as common, the paper's reading."""
    counts = values.value_counts()
    most = sorted(str(value) for value in counts.index[counts == counts.max()])
    return next((value for value in most if value.startswith(_USUAL)), most[0])


def _word(name: str, value: str, *, short: bool) -> str:
    """What a family is called for one of its settings; `short` leaves out those of the divergence.

    >>> _word("encoder_width", "matched", short=True), _word("beta", "4.0", short=True)
    ('matched width', 'β = 4')
    >>> _word("beta", "nan", short=True)  # a divergence without such an option, which its own word tells
    ''
    """
    if name == "divergence":
        return divergence_words(value, settings=not short)
    if name == "beta" and value == "nan":
        return ""
    if name == "beta":
        return f"{_SETTINGS[name]} = {float(value):g}"
    return f"{value} {_SETTINGS[name]}".strip()
