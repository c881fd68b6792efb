"""docs/extending.md: its very lines, put into files of a user's own, make parts that train and are scored."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from checkout import REPOSITORY, call, copy

PAGE = (REPOSITORY / "docs/extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^`(?P<file>\w+\.py)`:\n\n```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
CONFIG = re.search(r"^## Use them$.*?^```yaml\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
SMALL = """
results: results
device: cpu
model: {latent_size: 6, network: {name: dense, hidden: [16]}}
training: {epochs: 2}
evaluation: {n_codes: 64, n_samples: 64, n_reconstructions: 64, n_likelihood: 8, importance_samples: 32}
"""
SECTIONS = ["A data set", "A divergence", "A likelihood, a coupling, a basis", "A metric", "A network"]
VARIANTS = ("vae", "wasserstein", "linear", "laplace")


@dataclass
class Block:
    """A file of the page."""

    section: str
    file: str
    code: str

    def write(self, folder: Path) -> Path:
        """The file in the user's own folder."""
        folder.mkdir(exist_ok=True)
        path = folder / self.file
        path.write_text(self.code, encoding="utf-8")
        return path


def blocks() -> list[Block]:
    found = []
    for section in PAGE.split("\n## ")[1:]:
        title = section.partition("\n")[0]
        found += [Block(title, m["file"], m["code"]) for m in BLOCK.finditer(section)]
    return found


def variable(files: list[Path]) -> str:
    return f"PHVAE_PARTS={os.pathsep.join(map(str, files))}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout in which nothing of the package is edited, with the files beside it."""
    folder = copy(tmp_path_factory.mktemp("extended") / "a checkout")
    for block in blocks():
        block.write(folder / "mine")
    assert CONFIG is not None
    (folder / "mine/extended.yaml").write_text(CONFIG[1] + SMALL, encoding="utf-8")
    return folder


def test_every_python_block_of_the_page_is_applied():
    assert len(blocks()) == PAGE.count("```python\n")
    assert [*dict.fromkeys(block.section for block in blocks())] == SECTIONS


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.file)
def test_each_part_is_one_short_file(block: Block):
    assert 0 < sum(bool(line.strip()) for line in block.code.splitlines()) <= 30


def test_the_new_parts_train_and_are_scored(checkout: Path):
    stages = [["prepare", "--dataset", "comb"], ["reference", "--dataset", "comb"]]
    batch = ["--dataset", "comb", "--n-train", "200"]
    stages += [["train", *batch, "--lot", str(lot)] for lot in range(len(VARIANTS))]
    stages += [[stage, *batch, "--batch", "0"] for stage in ("encode", "evaluate")]
    stages += [["collect"], ["tables"], ["figures"], ["report"]]
    # in one process: a command costs seconds of imports; from the second on the files are named in the environment
    code = f"""
from phvae.cli import main
parts = [word for block in {[block.file for block in blocks()]!r} for word in ("--parts", f"mine/{{block}}")]
for arguments in {stages!r}:
    more, parts = parts, []
    assert main([arguments[0], "--config", "mine/extended.yaml", *arguments[1:], *more]) == 0, arguments
"""
    call(checkout, sys.executable, "-c", code)
    root = checkout / "results/extended"
    with (root / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["status"] for row in rows} <= {"ok", "empty"}
    for metric in ("kurtosis", "decoder_step"):
        scored = {(row["variant"], row["seed"]) for row in rows if row["metric"] == metric and row["value"]}
        assert scored == {(variant, seed) for variant in VARIANTS for seed in "01"}, metric
    assert any(row["metric"] == "w1_samples_mean" and row["value"] for row in rows), "the density is known exactly"
    assert {row["divergence"] for row in rows if row["variant"] == "wasserstein"} == {"wasserstein(0.25)"}
    run = json.loads((root / "runs/comb/n-200/linear/seed-0/run.json").read_text())
    assert run["parameters"]["decoder"] == 6 + 1
    assert any("decoder step" in path.read_text() for path in (root / "tables").glob("*.md"))
    assert "decoder step" in (root / "report.html").read_text()


def test_the_page_lists_every_array_of_the_encode_stage(checkout: Path):
    """Runs after the parts were trained."""
    run = checkout / "results/extended/runs/comb/n-200/vae/seed-0"
    tables = PAGE.partition("| codes | what | shape |")[2].partition("What is in no array")[0]
    told = {name for line in tables.splitlines() if line.startswith("| `") for name in cells(line)}
    assert told == {name for file in ("codes", "arrays") for name in np.load(run / f"{file}.npz").files}


def cells(line: str) -> list[str]:
    return re.findall(r"`(\w+)`", line.split("|")[1])


def test_the_distance_of_the_page_is_that_of_two_normals(checkout: Path):
    code = """
import sys
sys.path.insert(0, "mine")
import torch
from scipy.integrate import quad
from scipy.stats import norm
import phvae
from phvae.model.part import Context
from phvae.model.posterior import Posterior
from wasserstein import Wasserstein
expected = quad(lambda t: (norm.ppf(t, .7, .6) - norm.ppf(t))**2, 0, 1)[0]  # by quantile functions
mean, log_variance = (torch.full((1, 1, 1), v, dtype=torch.float64) for v in (.7, 2 * torch.tensor(.6).log().item()))
q = Posterior(mean, log_variance, torch.eye(1, dtype=torch.float64))
found = Wasserstein(gamma=1).value(q, Context(1, torch.ones(()))).item()
assert abs(found - expected) < 1e-6, (found, expected)
# an object needs no name in the environment, until it is loaded from a file
model = phvae.PHVAE((2,), phvae.ModelConfig(divergence=Wasserstein(gamma=2.0)), latent_size=2, seed=0)
assert model.divergence.__self__.gamma == 2.0
model.save("kept")
try:
    phvae.load("kept")
except ValueError as error:
    assert "found 'wasserstein'" in str(error) and "PHVAE_PARTS=FILE" in str(error), error
else:
    raise AssertionError("loaded without its part")
"""
    call(checkout, sys.executable, "-c", code)
    load = "import phvae; assert phvae.load('kept').config.divergence.gamma == 2.0"
    call(checkout, "env", variable([Path("mine/wasserstein.py")]), sys.executable, "-c", load)


def test_the_likelihood_of_the_page_is_a_density(checkout: Path):
    code = """
import sys
sys.path.insert(0, "mine")
import torch
from laplace import Laplace
from phvae.model.bound import BoundLikelihood
at = BoundLikelihood(Laplace(scale=0.3), "monomial", [1], False)
x = torch.linspace(-8, 8, 20001, dtype=torch.float64).reshape(-1, 1)
output = torch.full_like(x, 0.4)
density = (-at.nll([x], output, [1])[0]).exp()
assert abs(torch.trapezoid(density, x[:, 0]).item() - 1) < 1e-5
draws = at.sample(torch.full((200_000,), 0.4), torch.Generator().manual_seed(0))
assert abs((draws - 0.4).abs().mean().item() - 0.3) < 0.005, "E|x - mean| = b"
"""
    call(checkout, sys.executable, "-c", code)


def test_schema_and_pages_hold_the_parts_that_are_named(checkout: Path):
    code = """
import sys
from pathlib import Path
from phvae.cli import main
from phvae.experiment import schema_docs
from phvae.metrics.document import render
assert main(["data", "list"]) == main(["parts"]) == 0
schema_docs.main("mine")
assert "| `kurtosis` |" in render()
"""
    names = variable([checkout / "mine" / block.file for block in blocks()])
    done = call(checkout, "env", names, sys.executable, "-c", code)
    assert "Comb density" in done.stdout
    assert re.search(r"^likelihood +laplace +laplace\.py$", done.stdout, re.MULTILINE)
    assert "### `wasserstein`" in (checkout / "mine/README.md").read_text()
    assert '"laplace"' in (checkout / "mine/schema.json").read_text()
