"""A table of ten columns from its file to the report, by the lines of docs/own-table.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from grids import run_through
from test_docs import fenced

from phvae import load
from phvae.analysis.claims.first import first_claims
from phvae.analysis.figures.index import read_figure_index
from phvae.analysis.results.long_table import read_table
from phvae.experiment.grid import parse_grid

pytestmark = pytest.mark.slow

UNITS = 10.0 ** np.arange(-3, 7)
MIDDLE = 100 * UNITS


def linked(n: int) -> pd.DataFrame:
    """Ten columns of unlike units from two causes; the last ones are 100 standard deviations from nought."""
    g = np.random.default_rng(0)
    x = g.normal(size=(n, 2)) @ g.normal(size=(2, 10)) + 0.2 * g.normal(size=(n, 10))
    return pd.DataFrame(MIDDLE + UNITS * x, columns=[f"Größe {i}" for i in range(10)])


def test_a_table_goes_through_to_its_report_in_its_own_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    table = linked(1000)
    table.iloc[7, 3] = np.nan
    table.to_csv(tmp_path / "people.csv", index=False)
    content = {"name": "tables", "results": str(tmp_path / "results"), "device": "cpu", "seeds": 1}
    for block in fenced(Path("docs/own-table.md"), "yaml"):
        if "kind: table" in block or "gaussian" in block:
            content |= yaml.safe_load(block)
    content |= {
        "training": {"steps": 600, "epochs": 4, "learning_rate": 5e-3},
        "evaluation": {"n_likelihood": 20, "importance_samples": 64},
        "variants": {"vae": {"model": {"divergence": "kl"}}, "ph-vae-2": {"model": {"order": 2, "divergence": "kl"}}},
    }
    grid = parse_grid(content, "tables.yaml")
    (claim,) = first_claims(grid).values()
    assert claim.metric == "sliced_w1_columns_samples_model"
    run_through(grid)
    root = grid.paths.root
    rows = read_table(root)
    assert not (rows["status"] == "failed").any(), rows[rows["status"] == "failed"][["metric", "reason"]]
    of = rows[rows["variant"] == "vae"].set_index("metric")["value"]
    assert of["correlation_error_samples_model"] < 0.15 < of["mse_columns"] + 0.15 < 0.4
    assert {claim.metric, "nll", "mse_column_Gr_e_3", "ks_column_Gr_e_9_samples_mean"} <= set(of.dropna().index)
    assert rows[rows["metric"] == "w1_column_Gr_e_9_samples_model"]["floor"].notna().all()
    index = read_figure_index(root / "figures")
    assert {"marginals", "pair_plot", "correlation_errors"} <= {figure.kind for figure in index.figures}
    assert [figure.reason for figure in index.figures if figure.reason] == []
    assert "Größe 3" in (root / "tables/columns.csv").read_text(encoding="utf-8")
    run = grid.paths.run("people", "all", "vae", 0)
    with np.load(run / "samples.npz") as kept:
        assert kept["samples_model"].dtype == np.float64
        np.testing.assert_allclose(kept["samples_model"].mean(0), MIDDLE, rtol=0.01)
        originals, reconstructions = kept["originals"], kept["reconstructions"]
    model = load(run)
    np.testing.assert_allclose(model.reconstruct(originals).numpy(), reconstructions, rtol=1e-5)
    assert of["nll"] == pytest.approx(-model.log_likelihood(originals[:20], 64).mean().item(), abs=0.05)
