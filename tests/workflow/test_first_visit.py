"""A first visit: docs/first-hour.md with arrays and a table beside it, with what README and the pages say alone.

Its smallest grid is the one of test_smoke.py, and test_extending.py trains with parts of one's own.
"""

from __future__ import annotations

import io
import itertools
import re
import shlex
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from checkout import REPOSITORY, call, copy, environment, run_stages, snakemake
from PIL import Image
from test_docs import commands
from test_extending import blocks as parts

# what keeps the visit short
LITTLE = {
    "training": {"epochs": 1},
    "evaluation": {"n_samples": 100, "n_reconstructions": 100, "importance_samples": 1024, "n_likelihood": 8},
}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in a path with a space; pictures and arrays at home, under the names that the page gives them."""
    folder = copy(tmp_path_factory.mktemp("first visit") / "a checkout")
    home, rng = Path(environment(folder)["HOME"]), np.random.default_rng(0)
    with zipfile.ZipFile(home / "flowers.zip", "w") as archive:
        for kind, number in itertools.product(("daisy", "rose"), range(30)):
            picture = io.BytesIO()
            Image.fromarray(rng.integers(0, 255, (80, 70, 3), dtype=np.uint8)).save(picture, "PNG")
            archive.writestr(f"{kind}/{number}.png", picture.getvalue())
        archive.writestr("rose/torn.png", b"no picture")
    factors = np.array(list(itertools.product(range(12), range(31))))
    level = (20 * factors[:, 0] + factors[:, 1])[:, None, None]
    np.savez(home / "chairs.npz", images=(level + rng.integers(0, 5, (372, 16, 16))).astype(np.uint8), factors=factors)
    (page,) = blocks("docs/first-hour.md", "yaml")
    grid = yaml.safe_load(page.replace("size: 32", "size: 16")) | LITTLE  # 32 take minutes
    for block in blocks("docs/own-pictures.md", "yaml"):
        others = yaml.safe_load(block).get("datasets", {})
        grid["datasets"] |= {name: others[name] for name in others if name != "flowers"}
    (folder / "config/mine.yaml").write_text(yaml.safe_dump(grid))
    return folder


def test_what_is_typed_below_stands_on_the_page():
    shown = [shlex.join(words) for words, _ in commands(REPOSITORY / "docs/first-hour.md")]
    hour = ["make install", "phvae doctor", "make run CONFIG=config/smoke.yaml"]
    hour += [f"phvae {words} config/mine.yaml" for words in ("config", "plan", "claims init --config")]
    hour += ["make run CONFIG=config/mine.yaml", "phvae parts --parts mine/comb.py"]
    assert [*dict.fromkeys(words for words in shown if words in hour)] == hour


def test_pictures_and_arrays_of_ones_own_reach_the_report(visitor: Path):
    config = visitor / "config/mine.yaml"
    checked = call(visitor, "phvae", "config", "config/mine.yaml").stdout
    assert "2 data sets, 4 cells, 8 runs" in checked
    assert "phvae claims init --config config/mine.yaml" in checked, "the shipped claims are about other data"
    assert "8 runs" in call(visitor, "phvae", "plan", "config/mine.yaml").stdout
    call(visitor, "phvae", "claims", "init", "--config", "config/mine.yaml")
    config.write_text(config.read_text() + "claims: config/mine-claims.yaml\n")
    assert "claims init" not in call(visitor, "phvae", "config", "config/mine.yaml").stdout
    run_stages(visitor, "config/mine.yaml", "track")
    closing = call(visitor, "phvae", "summary", "--config", "config/mine.yaml").stdout
    assert "2 data sets, 4 cells, 8 runs; 8 trained\n" in closing
    assert "not finished" not in closing
    page = (visitor / "results/mine/report.html").read_text(encoding="utf-8")
    assert all(word in page for word in ("flowers", "chairs", "PH-VAE"))
    verdicts = (visitor / "results/mine/tables/claims.csv").read_text(encoding="utf-8")
    assert "flowers" in verdicts
    assert "chairs" in verdicts
    assert "Nothing to be done" in snakemake(visitor, "--configfile", "config/mine.yaml").stderr


def test_a_part_of_ones_own_joins_the_grid(visitor: Path):
    """Without the file the name is unknown; the page says which lines to add."""
    text = (REPOSITORY / "docs/first-hour.md").read_text(encoding="utf-8")
    assert "`comb: {n_train: [200]}`" in text
    assert "PHVAE_PARTS=mine/comb.py make run CONFIG=config/mine.yaml" in text
    (comb,) = (block for block in parts() if block.file == "comb.py")
    comb.write(visitor / "mine")
    grid = yaml.safe_load((visitor / "config/mine.yaml").read_text())
    grid["datasets"]["comb"] = {"n_train": [200]}
    grid.pop("claims", None)
    (visitor / "config/comb.yaml").write_text(yaml.safe_dump(grid | {"claims": "none"}))
    unknown = call(visitor, "phvae", "config", "config/comb.yaml", check=False)
    assert "comb" in unknown.stderr
    assert unknown.returncode == 2
    assert "comb" in call(visitor, "phvae", "parts", "--parts", "mine/comb.py").stdout
    code = """
from phvae.cli import main
for words in (["config", "config/comb.yaml"], ["prepare", "--config", "config/comb.yaml", "--dataset", "comb"]):
    assert main(words) == 0, words
"""
    named = call(visitor, "env", "PHVAE_PARTS=mine/comb.py", sys.executable, "-c", code).stdout
    assert "3 data sets, 6 cells, 12 runs" in named


def test_a_table_of_ones_own(visitor: Path):
    (code,) = blocks("docs/own-table.md", "python")
    assert call(visitor, sys.executable, "-c", f"{code}\nprint(tuple(rows.shape))").stdout.endswith("(1000, 13)\n")


def test_first_mistakes_are_answered_before_anything_runs(visitor: Path):
    """The file is not there yet; a name is mistyped; a size is no list."""
    config = (visitor / "config/mine.yaml").read_text().replace("name: mine", "name: another")
    for old, new, said in (
        ("~/flowers.zip", "~/flower.zip", "flower.zip: not found"),
        ("divergence: kl", "divergence: kll", "did you mean 'kl'?"),
        ("seeds: 2", "seeds: 0", "expected at least 1"),
    ):
        (visitor / "config/wrong.yaml").write_text(config.replace(old, new))
        done = call(visitor, "phvae", "config", "config/wrong.yaml", check=False)
        assert done.returncode == 2, new
        assert said in done.stderr, new
        assert "Traceback" not in done.stderr
