"""The compact table of a family of claims: what it shows, how its numbers stand, and that it fits a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from latex_on_disk import CLASSES, set_pages, widest_overfull
from tables_on_disk import claims

from phvae.analysis.claims.contests import binary_sets
from phvae.analysis.claims.ledger import evaluate
from phvae.analysis.claims.reading import read_claims
from phvae.analysis.tables.family_latex import family_latex
from phvae.analysis.tables.family_tables import FamilyPanel, FamilyRow, FamilyTable, family_tables
from phvae.analysis.tables.inputs import read_inputs


def score(mean: float, half: float = 0.001, **more: object) -> pd.Series:
    known = {
        "mean": mean, "low": mean - half, "high": mean + half, "n": 5, "planned": 5, "caution": "", "best": False,
        "with_best": False, "higher_is_better": False,
    }  # fmt: skip
    return pd.Series(known | more)


def table(panels: list[FamilyPanel], count: int = 3) -> FamilyTable:
    labels = [f"β-VAE, β = 0.{i}, of some width" for i in range(count)]
    return FamilyTable("image", ["Images are better: 100 %."], labels, panels)


def row(name: str, *scores: pd.Series | None, **printed: list[tuple[float, float] | None]) -> FamilyRow:
    return FamilyRow(name, list(scores), printed.get("published", [None] * len(scores)))


def test_the_best_is_bold_and_numbers_share_a_power_of_ten_and_their_decimals() -> None:
    best, near = score(0.01069, 0.00026, best=True, with_best=True), score(0.01079, 0.00021, with_best=True)
    lost = score(0.01132, 0.0003, n=4, caution="too few examples")
    small = [score(-0.0005, 0.0001), None, score(0.00051, 0.0001)]
    paper = [None, (0.0105, float("nan")), (0.0112, 0.0004)]
    text = family_latex(
        table([FamilyPanel("mse", [row("digits_1", best, near, lost, published=paper), row("grey", *small)])])
    )
    lines = text.splitlines()
    start = lines.index(r"\multicolumn{4}{@{}l}{\textit{MSE, $10^{-3}$, lower is better}} \\")
    assert lines[start + 1 : start + 4] == [
        r"digits\_\allowbreak{}1 & \textbf{10.69$\pm$0.26} & \underline{10.79$\pm$0.21} & "
        r"11.32$\pm$0.30\textsuperscript{$\mathsection$, 4/\allowbreak{}5} \\",
        r"\quad published & -- & 10.50 & 11.20$\pm$0.40 \\",
        r"grey & $-$0.50$\pm$0.10 & -- & 0.51$\pm$0.10 \\",
    ]
    for said in ("Bold: the best", "Published: as", "not compared", "Raised: seeds"):
        assert said in text, said
    plain = family_latex(
        table([FamilyPanel("mse", [row("grey", score(0.5, 0.01), score(0.6, 0.01), score(0.7, 0.01))])])
    )
    assert r"grey & 0.500$\pm$0.010 & 0.600$\pm$0.010" in plain
    for said in ("Bold: the best", "Published: as", "not compared", "Raised: seeds", "10^"):
        assert said not in plain, said


def test_a_family_shows_challenger_baseline_and_the_best(known_tables: Path, tmp_path: Path) -> None:
    inputs, (stated, _) = read_inputs(known_tables), read_claims(claims(tmp_path))
    (found,) = family_tables(inputs, stated, evaluate(inputs.table, stated, binary=binary_sets(inputs.runs)))
    assert (found.name, found.texts) == ("better_images", ["Images are better: 100 % & more_so."])
    assert found.labels[0] == "VAE"
    assert "PH-VAE, order 3" in found.labels
    assert len(found.labels) == 6
    stats = inputs.statistics[inputs.statistics["split"] == "test"]
    for panel in found.panels:
        for one in panel.rows:
            here = stats[(stats["dataset"] == one.name) & (stats["metric"] == panel.metric)]
            assert set(here[here["best"]]["label"]) <= set(found.labels)
            means = [np.nan if each is None else each["mean"] for each in one.scores]
            assert means == here.set_index("label")["mean"].reindex(found.labels).tolist()
    assert found.panels[0].metric == "mse"
    assert [one.name for one in found.panels[0].rows] == ["grey"], "where the claim was tested"


@pytest.mark.latex
@pytest.mark.parametrize("options", CLASSES.values(), ids=CLASSES)
def test_a_large_family_fits_its_pages(options: str, tmp_path: Path) -> None:
    wide = [score(-324.76 + i, 0.95, with_best=i < 3, best=i == 0) for i in range(6)]
    long = [row(f"a-data-set-{i}", *wide) for i in range(14)]
    text = family_latex(table([FamilyPanel(name, long) for name in ("mse", "ssim", "nll", "fid_samples", "kl")], 6))
    assert text.count(r"\caption") == 1
    assert text.count("continued") == text.count(r"\begin{table*}") - 1 == 2
    assert text.count("a-data-set-13 &") == 5
    assert widest_overfull(set_pages(tmp_path, text, options)) < 2
