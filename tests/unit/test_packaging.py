"""What is built from the checkout: the names in wheel and source distribution; the wheel works far from it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = f"{PROJECT['name']}-{PROJECT['version']}"
# Continuous integration, git's own files and committed results stay in the repository.
LEFT_OUT = (".ci/", ".github/", ".pre-commit-config.yaml", ".gitignore", ".gitattributes", "results/")
pytestmark = pytest.mark.slow


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    if not Path(".git").exists():
        pytest.skip("not a git checkout: git says which files belong to the project")
    return {name for name in run("git", "ls-files").stdout.splitlines() if Path(name).is_file()}


@pytest.fixture(scope="module")
def built(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and source distribution of the tracked files; the wheel is made from the latter."""
    source = tmp_path_factory.mktemp("build") / "source"
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(name, source / name)
    target = source.parent / "dist"
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(source)]
    run(*command, env=os.environ | {"PIP_NO_INDEX": "1"})
    return target


@pytest.fixture(scope="module")
def installed(built: Path) -> dict[str, str]:
    """The environment of a user without the repository: the wheel comes before the checkout's package."""
    site = built.parent / "site"
    wheel = next(built.glob("*.whl"))
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), str(wheel))
    return os.environ | {"PYTHONPATH": str(site), "PATH": f"{site / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def test_the_wheel_holds_the_package_and_nothing_else(built: Path, tracked: set[str]):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        head, _, readme = wheel.read(f"{NAME}.dist-info/METADATA").decode().partition("\n\n")
        scripts = wheel.read(f"{NAME}.dist-info/entry_points.txt").decode()
    about = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}
    package = {name for name in tracked if name.startswith(("phvae/", "snakemake_logger_plugin_phvae/"))}
    assert names == package | {f"{NAME}.dist-info/{name}" for name in about}
    assert {"phvae/py.typed", "phvae/analysis/report/templates/report.html", "phvae/metrics/audited.csv"} <= package
    assert scripts.split("\n")[:2] == ["[console_scripts]", "phvae = phvae.cli:main"]
    assert {"License-Expression: MIT", "Requires-Python: >=3.11"} <= set(head.splitlines())
    assert readme == Path("README.md").read_text(encoding="utf-8")


def test_the_source_distribution_holds_what_a_checkout_runs(built: Path, tracked: set[str]):
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    made = {name for name in names if name in ("PKG-INFO", "setup.cfg") or name.startswith("phvae.egg-info/")}
    assert names - made == {name for name in tracked if not name.startswith(LEFT_OUT)}


def test_the_wheel_trains_without_the_repository(installed: dict[str, str], tmp_path: Path):
    code = """
import numpy as np, phvae, sys
assert phvae.__file__.startswith(sys.argv[1]), phvae.__file__
x = np.random.default_rng(0).random((40, 1, 4, 4), dtype=np.float32)
model = phvae.PHVAE((1, 4, 4), order=3, latent_size=6, network={"name": "dense", "hidden": [8]}, seed=0)
model.fit(x, epochs=1, seed=0)
model.save("model")
assert (phvae.load("model").reconstruct(x) == model.reconstruct(x)).all()
"""
    run(sys.executable, "-c", code, installed["PYTHONPATH"], cwd=tmp_path, env=installed)


def test_the_page_on_external_models_works_from_the_wheel(installed: dict[str, str], tmp_path: Path):
    page = Path("docs/external.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(script.splitlines()) <= 35
    run("phvae", "data", "export", "digits", "--folder", "exported", cwd=tmp_path, env=installed)
    run(sys.executable, "-c", f"import sys; sys.modules['phvae'] = None\n{script}", cwd=tmp_path, env=installed)
    command = ["phvae", "score", "outputs/digits/n-all", "--data", "digits", "--output", "scores.json"]
    assert "udr_lasso" in run(*command, cwd=tmp_path, env=installed).stdout
    rows = json.loads((tmp_path / "scores.json").read_text())
    scores = {(row["metric"], row["seed"]): row["value"] for row in rows}
    assert max(scores["mse", 0], scores["mse", 1]) < 0.03
    assert min(scores["knn_accuracy", 0], scores["knn_accuracy", 1]) > 0.8


def test_a_users_own_parts_work_without_the_repository(installed: dict[str, str], tmp_path: Path):
    """A file that is named, and a package that offers an entry point; the recipes of docs/extending.md."""
    page = Path("docs/extending.md").read_text(encoding="utf-8")
    codes = dict(re.findall(r"^`(\w+\.py)`:\n\n```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    for name in ("comb.py", "tails.py", "smoothness.py"):
        (tmp_path / name).write_text(codes[name])
    package = tmp_path / "site/theirs"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "objectives.py").write_text(codes["wasserstein.py"])
    (package / "parts.py").write_text("from .objectives import Wasserstein\n")
    about = tmp_path / "site/theirs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[phvae.parts]\nmine = theirs.parts\n")
    (tmp_path / "a.yaml").write_text(
        "name: a\nseeds: 1\ndevice: cpu\nbaseline: mine\ndatasets: {comb: {n_train: [100]}}\n"
        "model: {latent_size: 2, network: {name: dense, hidden: [8]}}\ntraining: {epochs: 1}\n"
        "evaluation: {n_codes: 64, n_samples: 64, n_reconstructions: 64, n_likelihood: 4, importance_samples: 32}\n"
        "variants: {mine: {model: {divergence: {name: wasserstein, gamma: 0.25}}}}\n"
    )
    environment = installed | {"PYTHONPATH": f"{installed['PYTHONPATH']}{os.pathsep}{tmp_path / 'site'}"}
    environment["PHVAE_PARTS"] = os.pathsep.join(["comb.py", "tails.py", "smoothness.py"])
    cell = ["--dataset", "comb", "--n-train", "100"]
    stages = [["prepare", *cell[:2]], ["reference", *cell[:2]], ["train", *cell, "--lot", "0"]]
    stages += [[stage, *cell, "--batch", "0"] for stage in ("encode", "evaluate")] + [["collect"]]
    code = f"""
from phvae.cli import main
for arguments in {stages!r}:
    assert main([*arguments, "--config", "a.yaml"]) == 0, arguments
"""
    run(sys.executable, "-c", code, cwd=tmp_path, env=environment)
    table = (tmp_path / "results/a/metrics.csv").read_text()
    assert all(text in table for text in ("kurtosis", "decoder_step", "wasserstein(0.25)"))
    listed = run("phvae", "parts", cwd=tmp_path, env=environment).stdout
    assert re.search(r"^divergence +wasserstein +theirs\.parts$", listed, re.MULTILINE)


def test_the_commands_work_without_the_repository(installed: dict[str, str], tmp_path: Path):
    mine = "name: mine\ndatasets: {claw: {n_train: [20]}}\nvariants: {vae: {}}\n"
    (tmp_path / "mine.yaml").write_text(mine)
    assert run("phvae", "--version", cwd=tmp_path, env=installed).stdout == f"phvae {PROJECT['version']}\n"
    assert "1 data set, 1 cell, 5 runs" in run("phvae", "config", "mine.yaml", cwd=tmp_path, env=installed).stdout
    run("phvae", "prepare", "--config", "mine.yaml", "--dataset", "claw", cwd=tmp_path, env=installed)
    assert (tmp_path / "results/mine/data/claw.json").is_file()
    command = ["phvae", "config", "config/paper.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the workflow and its configurations live in the repository" in done.stderr
