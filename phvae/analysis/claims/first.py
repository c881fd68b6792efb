"""A first file of claims for a grid of one's own: small and valid, to be edited before the runs."""

from __future__ import annotations

import datetime
import re
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from phvae.analysis.claims.contests import MIN_CLAIM_PAIRS
from phvae.analysis.claims.schema import CURVE_CONTROL, Claim
from phvae.analysis.results.design import design
from phvae.analysis.results.roles import BETA_VAE, CHALLENGER, on_curve, with_roles
from phvae.analysis.statistics.curve_margin import MARGINS
from phvae.data.density_set import DensitySet
from phvae.data.registry import kind_class
from phvae.errors import ConfigError
from phvae.experiment.grid import Cell, Grid
from phvae.experiment.stages import CLAIMS
from phvae.files import write_text
from phvae.words import plural

__all__ = ["first_claims", "write_first"]

HEAD = f"""\
# What is expected of this grid, stated before its runs: a first draft, to be edited.
#
# A claim is supported on a data set if its challenger beats ALL its controls there, paired by seed, each one-sided at
# `level`, after Holm's adjustment for the claims tested on that data set: each claim more makes all harder to support.
# It needs {MIN_CLAIM_PAIRS} seeds. A control is a variant, or {CURVE_CONTROL}: the curve of the grid's β-VAEs at the
# challenger's own rate. With a `challenger` of its own, that variant must beat it in the challenger's place.
#
# Every run records the claims that it was trained under. What is added or edited later is marked so in the report.
"""
MATTERS = """\
# EDIT: the smallest effect worth having, as a share of the control's value (`relative`), or in the metric's unit
# (`absolute`)
"""


@dataclass(frozen=True)
class _Draft:
    """What a first claim is about: its name, its sentence, the one metric, and a guess of what matters."""

    claim: str
    words: str
    metric: str
    relative: float


ERROR = _Draft("reconstruction", "reconstructs more accurately than", "mse", 0.05)
LINE = _Draft("density", "samples the density more accurately than", "w1_samples_mean", 0.1)
SPACE = _Draft("density-joint", "samples the density more accurately than", "sliced_w1_samples_mean", 0.1)

ROWS = _Draft("table-joint", "draws the table's rows more accurately than", "sliced_w1_columns_samples_model", 0.1)
COLUMN = _Draft("table", "draws the column more accurately than", "w1_columns_samples_model", 0.1)


def write_first(grid: Grid, output: str | None = None) -> str:
    """Write a first file of claims for a grid; returns what to do next.

    Args:
        grid: the grid.
        output: the file; by default the one that the configuration names, if it is absent, or one beside it.

    Raises:
        ConfigError: the file exists, or there is nothing to claim of this grid.
    """
    path = Path(output) if output else _place(grid)
    if path.exists() or path.is_symlink():
        raise ConfigError(f"{path}: exists, and is not written over; give another file: --output FILE")
    claims = first_claims(grid)
    write_text(path, "\n".join(_lines(grid, claims)))
    return "\n".join([f"{path}: {plural(len(claims), 'claim')}", *_next(grid, path, claims)])


def first_claims(grid: Grid) -> dict[str, Claim]:
    """One claim a kind of data: a challenger has a smaller error than what else could explain it.

    The challenger is the one with most controls: the curve of the β-VAEs where the grid has one, else the baseline;
    copies of x in place of its powers; and, against the first of these, its stand-in of the baseline's size.

    Raises:
        ConfigError: no data set has both a challenger and a control, or none is scored by what these claims need.
    """
    roles = with_roles(pd.DataFrame(list(_designs(grid))), grid.config.baseline)
    found: dict[tuple[_Draft, str, str], dict[str, Any]] = {}
    for dataset, rows in roles.groupby("dataset", sort=False):
        cells = grid.dataset_cells(str(dataset))
        measure = _measure(cells[0])
        challenger, controls = _sides(rows, grid.config.baseline, measure)
        if measure is None or not controls:
            continue
        entry = found.setdefault(
            (measure, challenger, str(controls)),
            {
                "text": f"{grid.labels[challenger]} {measure.words} {_against(controls[0], grid)}.",
                "datasets": [],
                "metric": measure.metric,
                "direction": "lower",
                "challenger": challenger,
                "controls": controls,
                "matters": {"relative": measure.relative},
                "figure": "rate_distortion" if controls[0] == CURVE_CONTROL else "",
            },
        )
        entry["datasets"].append(dataset)
    if not found:
        raise ConfigError(
            f"{grid.source}: found nothing to claim, expected a data set with two variants and `evaluation.metrics` "
            "with density (densities), table (tables) or reconstruction (images)"
        )
    named: dict[str, Claim] = {}
    for (measure, _, _), entry in found.items():
        same = sum(name.startswith(measure.claim) for name in named)
        named[measure.claim + (f"-{same + 1}" if same else "")] = Claim.model_validate(entry)
    return named


def _designs(grid: Grid) -> Iterator[dict[str, Any]]:
    for cell in grid.cells:
        place = {"dataset": cell.dataset, "variant": cell.variant, "off_curve": cell.variant in grid.off_curve}
        yield place | asdict(design(cell.own_model.model_dump() if cell.own_model else None))


def _measure(cell: Cell) -> _Draft | None:
    """What the error of a data set's models is; None where it is not scored."""
    asked, line = cell.evaluation.metrics, cell.facts.size == 1
    if not cell.facts.is_density:
        group, draft = "reconstruction", ERROR
    elif issubclass(kind_class(str(cell.data["kind"])), DensitySet):
        group, draft = "density", LINE if line else SPACE
    else:
        group, draft = "table", COLUMN if line else ROWS
    return draft if asked == "auto" or group in asked else None


def _sides(rows: pd.DataFrame, baseline: str, measure: _Draft | None) -> tuple[str, list[Any]]:
    """The challenger of a data set and its controls; of several challengers the first with most controls."""
    rows = rows.drop_duplicates("variant")
    challengers = rows[rows["role"] == CHALLENGER]
    if not len(challengers):
        challengers = rows[rows["variant"] != baseline].head(1)
    sides = [(str(row["variant"]), _controls(row, rows, baseline, measure)) for _, row in challengers.iterrows()]
    return max(sides, key=lambda side: len(side[1]), default=("", []))


def _controls(challenger: pd.Series, rows: pd.DataFrame, baseline: str, measure: _Draft | None) -> list[Any]:
    others = rows[rows["variant"] != challenger["variant"]]
    curve = others[on_curve(others)]
    known = measure is not None and measure.metric in MARGINS
    if known and len(curve) > 1 and challenger["family"] != BETA_VAE:
        first = CURVE_CONTROL
    elif baseline in set(others["variant"]):
        first = baseline
    else:
        return []
    found: list[Any] = [first]
    for _, row in others[(others["order"] == challenger["order"]) & (others["order"] > 1)].iterrows():
        if (row["basis"], row["encoder_width"]) == ("copies", challenger["encoder_width"]):
            found.append(row["variant"])
        elif (row["basis"], row["encoder_width"]) == (challenger["basis"], "matched"):
            found.append({"variant": first, "challenger": row["variant"]})
    return found


def _against(control: str, grid: Grid) -> str:
    return "β-VAEs of equal rate" if control == CURVE_CONTROL else grid.labels[control]


def _lines(grid: Grid, claims: dict[str, Claim]) -> Iterator[str]:
    """The file's text, in pieces."""
    yield HEAD + f"written: {datetime.date.today()}\nsource: the authors of {grid.config.name}\nlevel: 0.05\n\nclaims:"
    for name, claim in claims.items():
        content = claim.model_dump(exclude_unset=True)
        content["controls"] = [one["variant"] if len(one) == 1 else one for one in content["controls"]]
        body = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, allow_unicode=True, width=1000)
        body = re.sub("^matters:", f"{MATTERS}matters:", body, flags=re.MULTILINE)
        yield textwrap.indent(f"{name}:\n{textwrap.indent(body, '  ')}", "  ")


def _place(grid: Grid) -> Path:
    named = grid.claims
    if named is not None and named != Path(CLAIMS) and not named.exists():
        return named
    source = Path(grid.source)
    return source.with_name(f"{source.stem}-claims.yaml")


def _next(grid: Grid, path: Path, claims: dict[str, Claim]) -> Iterator[str]:
    """What to do with the file, and what stands against it."""
    yield "  edit it: what you expect, against what, and in `matters` the smallest effect worth having"
    if grid.claims != path:
        yield f"  then add to {grid.source}:  claims: {path}"
    yield "  then run; each run records the claims that it is trained under"
    about = {name for claim in claims.values() for name in claim.datasets}
    few = [name for name in grid.config.datasets if name in about and len(_seeds(grid, name)) < MIN_CLAIM_PAIRS]
    if few:
        yield f"  a claim needs {MIN_CLAIM_PAIRS} seeds; fewer has {', '.join(few)}"
    if next(grid.paths.root.glob("runs/*/*/*/seed-*/run.json"), None):
        yield "  this grid has runs already: claims on them will be marked as added after them"


def _seeds(grid: Grid, dataset: str) -> tuple[int, ...]:
    return grid.dataset_cells(dataset)[0].seeds
