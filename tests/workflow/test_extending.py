"""docs/extending.md: its very lines, put into a copy of the checkout, make parts that train and are scored."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import REPOSITORY, call, copy

PAGE = (REPOSITORY / "docs/extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^`(?P<file>phvae/[\w/]+\.py)`, a new file:\n\n```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
CONFIG = re.search(r"^## Use them$.*?^```yaml\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
SMALL = """
results: results
device: cpu
model: {latent_size: 6, network: {name: dense, hidden: [16]}}
training: {epochs: 2}
evaluation: {n_codes: 64, n_samples: 64, n_reconstructions: 64, n_likelihood: 8, importance_samples: 32}
"""


@dataclass
class Block:
    """A new file of the page."""

    section: str
    file: str
    code: str

    def apply(self, root: Path) -> None:
        path = root / self.file
        assert not path.exists(), path
        path.write_text(self.code, encoding="utf-8")


def blocks() -> list[Block]:
    found = []
    for section in PAGE.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        found += [Block(title, m["file"], m["code"]) for m in BLOCK.finditer(section)]
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy(tmp_path_factory.mktemp("extended") / "a checkout")
    for block in blocks():
        block.apply(folder)
    assert CONFIG is not None
    (folder / "config/extended.yaml").write_text(CONFIG[1] + SMALL, encoding="utf-8")
    return folder


def test_every_python_block_of_the_page_is_applied():
    assert len(blocks()) == PAGE.count("```python\n")
    assert {block.section for block in blocks()} == {"A data set", "A divergence", "A metric", "A network"}


@pytest.mark.parametrize("section", ["A data set", "A divergence", "A metric", "A network"])
def test_each_part_is_one_short_file(section: str):
    code = "".join(block.code for block in blocks() if block.section == section)
    assert len([block for block in blocks() if block.section == section]) == 1
    assert 0 < sum(bool(line.strip()) for line in code.splitlines()) < 40


def test_the_new_parts_train_and_are_scored(checkout: Path):
    stages = [["prepare", "--dataset", "comb"], ["reference", "--dataset", "comb"]]
    batch = ["--dataset", "comb", "--n-train", "200"]
    stages += [["train", *batch, "--variant", name, "--stack", "0-1"] for name in ("vae", "wasserstein", "linear")]
    stages += [[stage, *batch, "--batch", "0"] for stage in ("encode", "evaluate", "groups")] + [["collect"]]
    # in one process: a command costs seconds of imports
    code = f"""
from phvae.cli import main
for arguments in {stages!r}:
    assert main([arguments[0], "--config", "config/extended.yaml", *arguments[1:]]) == 0, arguments
"""
    call(checkout, sys.executable, "-c", code)
    with (checkout / "results/extended/metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["status"] for row in rows} <= {"ok", "empty"}
    scored = {(row["variant"], row["seed"]) for row in rows if row["metric"] == "kurtosis" and row["value"]}
    assert scored == {(variant, seed) for variant in ("vae", "wasserstein", "linear") for seed in "01"}
    assert any(row["metric"] == "w1_samples_mean" and row["value"] for row in rows), "the density is known exactly"
    assert {row["divergence"] for row in rows if row["variant"] == "wasserstein"} == {"wasserstein(0.25)"}
    run = json.loads((checkout / "results/extended/runs/comb/n-200/linear/seed-0/run.json").read_text())
    assert run["parameters"]["decoder"] == 6 + 1


def test_the_distance_of_the_page_is_that_of_two_normals(checkout: Path):
    code = """
import torch
from scipy.integrate import quad
from scipy.stats import norm
from phvae.model.divergences.wasserstein import Wasserstein
from phvae.model.part import Context
from phvae.model.posterior import Posterior
expected = quad(lambda t: (norm.ppf(t, .7, .6) - norm.ppf(t))**2, 0, 1)[0]  # by quantile functions
mean, log_variance = (torch.full((1, 1, 1), v, dtype=torch.float64) for v in (.7, 2 * torch.tensor(.6).log().item()))
q = Posterior(mean, log_variance, torch.eye(1, dtype=torch.float64))
found = Wasserstein(gamma=1).value(q, Context(1, torch.ones(()))).item()
assert abs(found - expected) < 1e-6, (found, expected)
"""
    call(checkout, sys.executable, "-c", code)


def test_the_pages_made_from_the_code_can_be_renewed(checkout: Path):
    (checkout / "docs").mkdir(exist_ok=True)
    for name in ("data.md", "metrics.md", "renew.py"):
        shutil.copy(REPOSITORY / "docs" / name, checkout / "docs" / name)
    call(checkout, sys.executable, "docs/renew.py")
    assert "### `wasserstein`" in (checkout / "config/README.md").read_text()
    assert "| `kurtosis` |" in (checkout / "docs/metrics.md").read_text()
    assert "| `comb` | Comb density" in (checkout / "docs/data.md").read_text()
