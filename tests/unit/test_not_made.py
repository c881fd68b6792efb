"""What cannot be made says why in its place and ends no grid; other errors are raised."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from synthetic import write_results

from phvae.analysis.figures import write as figures_module
from phvae.analysis.figures.index import read_figure_index
from phvae.analysis.figures.plans import PlanGroup, plan_groups, plans
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.write import write_figures
from phvae.analysis.presentation.attempts import NotMade, attempt
from phvae.analysis.report.write import write_report
from phvae.analysis.results.collect import collect
from phvae.analysis.results.long_table import read_table
from phvae.analysis.results.run_status import without_numbers
from phvae.analysis.tables import write as tables_module
from phvae.analysis.tables.layout import read_tables
from phvae.analysis.tables.write import write_tables
from phvae.errors import DataError
from phvae.records import read_record, write_record

CLAIMS, PUBLISHED = Path("config/claims.yaml"), Path("config/published.csv")


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("a bug <of> ours")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_results(tmp_path / "small", datasets=("digits",), variants=("vae", "ph-vae-2"), seeds=2)


def test_what_is_raised_and_what_is_a_reason():
    assert attempt("it", lambda: 3) == 3
    assert attempt("it", broken) == NotMade("ZeroDivisionError: a bug <of> ours")
    for error in (OSError(errno.ENOSPC, "No space left on device"), MemoryError(), DataError("damaged: collect again")):

        def raises(error: Exception = error) -> None:
            raise error

        with pytest.raises(type(error)):
            attempt("it", raises)


def test_a_figure_that_cannot_be_drawn_says_why_in_its_place(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("phvae.analysis.figures.paired_seeds.PairedSeeds.draw", broken)
    groups = list(plan_groups(Stored(root)))
    failing = [PlanGroup(g.name, g.datasets, broken) if g.name == "latent-digits" else g for g in groups]
    monkeypatch.setattr(figures_module, "plan_groups", lambda stored: failing)
    write_figures(root)
    index = read_figure_index(root / "figures")
    reasons = {figure.name: figure.reason for figure in index.figures if figure.reason}
    assert reasons == dict.fromkeys(["paired_seeds-digits", "latent-digits"], "ZeroDivisionError: a bug <of> ours")
    assert "learning_curves" in {figure.kind for figure in index.figures if figure.files}
    assert "paired_seeds" not in index.absent
    assert "ZeroDivisionError" in caplog.text
    page = write_report(root).read_text(encoding="utf-8")
    assert page.count("Could not be drawn: ZeroDivisionError: a bug &lt;of&gt; ours") == 2


def test_a_test_that_draws_still_sees_the_error(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("phvae.analysis.figures.paired_seeds.PairedSeeds.draw", broken)
    figure = next(plan.figure for plan in plans(Stored(root)) if plan.figure.kind == "paired_seeds")
    with pytest.raises(ZeroDivisionError):
        figure.draw()


def test_a_full_disk_ends_the_stage(root: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(figures_module, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_figures(root)


@pytest.mark.parametrize("name", ["cost", "claims_table"])
def test_a_table_that_cannot_be_made_says_why_in_its_place(root: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tables_module, name, broken)
    made = write_tables(root, CLAIMS, PUBLISHED)
    named = name.removesuffix("_table")
    lost = next(table for table in read_tables(root / "tables") if table.name == named)
    assert lost.blocks[0].header == ["could not be made"]
    assert "ZeroDivisionError" in lost.blocks[0].rows[0][0].text
    assert "ZeroDivisionError" in (root / "tables" / f"{named}.md").read_text()
    assert "ZeroDivisionError" in (root / "tables" / f"{named}.tex").read_text()
    assert sum(bool(table.blocks) for table in made) > 3
    assert "a bug &lt;of&gt; ours" in write_report(root).read_text(encoding="utf-8")


# ---- a divergence whose options have no beta; cells without a number ----
@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Results whose orders 2 and 3 have a divergence without any option."""
    variants = ("vae", "beta-vae-0.5", "beta-vae-2", "ph-vae-2", "ph-vae-3")
    root = write_results(tmp_path / "plain", datasets=("digits", "trimodal"), variants=variants, seeds=2)
    for path in root.glob("runs/*/*/ph-vae-*/*/run.json"):
        record = read_record(path, "")
        record["config"]["model"]["divergence"] = {"name": "plain"}
        write_record(path, record)
    collect(root, [(d, "all", v, seed) for d in ("digits", "trimodal") for v in variants for seed in range(2)])
    return root


def test_nothing_assumes_a_beta(plain: Path):
    table = read_table(plain)
    ours = table[table["divergence"] == "plain"]
    assert set(ours["variant"]) == {"ph-vae-2", "ph-vae-3"}
    assert set(table["status"]) == {"ok"}
    assert ours["beta"].isna().all()
    assert set(ours["family"]) == {"PH-VAE"}
    for made in write_tables(plain, CLAIMS, PUBLISHED):
        assert "nan" not in json.dumps([[cell.text for row in b.rows for cell in row] for b in made.blocks]), made.name
    orders = next(t for t in read_tables(plain / "tables") if t.name == "divergences-orders")
    assert any("plain" in block.header for block in orders.blocks)
    figure = next(p.figure for p in plans(Stored(plain)) if p.figure.kind == "rate_distortion").draw()
    legend = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"PH-VAE 2", "PH-VAE 3"} <= legend, "points of a divergence without beta are shown"
    for plan in plans(Stored(plain)):
        plan.figure.draw()


def test_cells_without_a_number_are_named_with_their_reason(tmp_path: Path):
    root = write_results(
        tmp_path / "lost",
        datasets=("digits",),
        variants=("vae", "ph-vae-2"),
        seeds=1,
        diverged=("digits", "ph-vae-2", 0),
    )
    reason = "the loss is not finite at epoch 3"
    assert without_numbers(read_table(root)) == {("digits", "all", "ph-vae-2"): reason}
    write_tables(root, CLAIMS, PUBLISHED)
    page = write_report(root).read_text(encoding="utf-8")
    assert f"No number of PH-VAE 2 on digits ({reason})." in page
    assert "No number of VAE" not in page
