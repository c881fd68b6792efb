"""The smallest and the worst grids: each goes through every stage to its report, and needs no net on the way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from grids import run_through
from PIL import Image

from phvae.analysis.figures.index import read_figure_index
from phvae.analysis.results.long_table import read_table
from phvae.analysis.tables.layout import read_tables
from phvae.experiment.grid import Grid, parse_grid
from phvae.summary import empty_variants, summary

pytestmark = pytest.mark.slow

VARIANTS = {
    "vae": {"model": {"divergence": "kl"}},
    "beta-vae": {"model": {"divergence": {"name": "kl", "beta": 0.5}}},
    "ph-vae-2": {"model": {"order": 2}},
}
CLAW = {"claw": {"data": {"n_train": 40, "n_validation": 10, "n_test": 60}}}
LEAST = {"claw": {"data": {"n_train": 10, "n_validation": 1, "n_test": 1}, "n_train": [2]}}
PICTURES = {"mine": {"data": {"kind": "images", "path": "pictures"}}}  # six of them
GRIDS: dict[str, dict[str, Any]] = {
    "one epoch": {"datasets": CLAW | PICTURES, "training": {"epochs": 1}},
    "three epochs of six pictures": {"datasets": PICTURES, "training": {"epochs": 3}},
    "one seed": {"datasets": CLAW | PICTURES, "seeds": 1},
    "one variant": {"datasets": CLAW | PICTURES, "variants": {"vae": VARIANTS["vae"]}},
    "least examples": {"datasets": LEAST | {"moons": LEAST["claw"]}, "training": {"epochs": 1}},
    "one of all": {"datasets": LEAST, "seeds": 1, "training": {"epochs": 1}, "variants": {"vae": VARIANTS["vae"]}},
    "all diverged": {"datasets": CLAW | PICTURES, "training": {"epochs": 2, "learning_rate": 1e30}},
}


def grid_of(root: Path, **changes: Any) -> Grid:
    pictures = root / "pictures"
    pictures.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)):
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    small = {"n_codes": 60, "n_samples": 16, "n_reconstructions": 16, "n_likelihood": 2, "importance_samples": 32}
    content = {
        "name": "edge",
        "results": str(root / "results"),
        "data_path": [str(root)],
        "device": "cpu",
        "seeds": 2,
        "model": {"latent_size": 2, "network": {"name": "dense", "hidden": [8]}},
        "training": {"epochs": 2},
        "evaluation": small | {"extractors": []},
        "datasets": CLAW,
        "variants": VARIANTS,
    }
    return parse_grid(content | changes, "edge.yaml")


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_goes_through_to_its_report(name: str, tmp_path: Path):
    grid = grid_of(tmp_path, **GRIDS[name])
    run_through(grid)
    root = grid.paths.root
    table = read_table(root)
    assert not (table["status"] == "failed").any(), table[table["status"] == "failed"][["metric", "reason"]]
    index = read_figure_index(root / "figures")
    assert [figure.reason for figure in index.figures if figure.reason] == []
    headers = [text for table in read_tables(root / "tables") for block in table.blocks for text in block.header]
    assert "could not be made" not in headers
    diverged = name == "all diverged"
    assert ("learning_curves" in {figure.kind for figure in index.figures}) is not diverged
    page = (root / "report.html").read_text(encoding="utf-8")
    assert bool(re.search("No number of .* on claw", page)) is diverged
    assert empty_variants(grid) == (list(VARIANTS) if diverged else [])
    assert ("not a single number of vae, beta-vae, ph-vae-2" in summary(grid)) is diverged
