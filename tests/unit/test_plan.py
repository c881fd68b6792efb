"""What a grid will take: counted jobs, and a cost model that grows with what costs."""

from __future__ import annotations

import pandas as pd
import pytest
from test_grid import SMALL, changed

from phvae.grid import load_grid, parse_grid
from phvae.plan import cell_cost, multiply_adds, plan, plan_error


def cells(**changes: object) -> list:
    content = SMALL
    for path, value in changes.items():
        content = changed(path.replace("__", "."), value)
    return list(parse_grid(content, "a").cells)


def test_multiply_adds_of_a_dense_model_by_hand():
    vae, hierarchical = cells(model={"latent_size": 12, "network": {"name": "dense", "hidden": [10]}})[:2]
    one = 1 * 10 + 10 * 24
    assert multiply_adds(vae, (1,)) == 2 * one
    assert multiply_adds(hierarchical, (1,)) == 4 * one


def test_cost_grows_with_seeds_steps_and_order():
    vae, hierarchical = cells()[:2]
    base = cell_cost(vae, (1,), 1000).train
    assert cell_cost(vae, (1,), 2000).train == pytest.approx(2 * base, rel=0.1)
    assert cell_cost(hierarchical, (1,), 1000).train > base
    assert cell_cost(cells(seeds=4)[0], (1,), 1000).train == pytest.approx(2 * base)


@pytest.mark.parametrize("name", ["quick", "paper", "reference"])
def test_at_most_a_fifth_of_a_submission_a_run(name):
    grid = load_grid(f"config/{name}.yaml")
    text = plan(grid)
    submitted = int(text.split("jobs")[1].split()[0])
    assert submitted / len(grid.runs()) <= 0.2
    assert f"{len(grid.runs())} runs" in text
    assert ("GPU hours" in text) == (grid.config.device == "cuda")


def test_the_error_against_measured_costs(tmp_path):
    grid = parse_grid(SMALL, "a")
    rows = [
        {"dataset": c.dataset, "n_train": c.n_train, "variant": c.variant, "seed": s, "seconds_train": 1.0}
        for c, s in grid.runs()
    ]
    path = tmp_path / "costs.parquet"
    pd.DataFrame(rows).astype({"n_train": str}).to_parquet(path)
    assert "over 4 cells" in plan_error(grid, path)
