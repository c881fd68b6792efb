"""A long table made by hand, with what it leaves out of its variants, and their families and roles."""

from __future__ import annotations

import pandas as pd

from phvae.analysis.results.roles import with_roles

USUAL = {
    "basis": "monomial", "encoder_width": "full", "coupling": "chain(0.5)", "prior": "hierarchical", "beta": 1.0,
    "backbone": "", "off_curve": False,
}  # fmt: skip


def described(table: pd.DataFrame, baseline: str = "vae") -> pd.DataFrame:
    """The table with columns of usual settings where it has none, and its family and role as `collect` gives them."""
    filled = table.assign(**{name: value for name, value in USUAL.items() if name not in table})
    return with_roles(filled, baseline)
