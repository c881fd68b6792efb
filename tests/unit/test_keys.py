"""Keys: an edit changes the keys of what it can change, and no other."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_grid import SMALL, changed
from tiny import cell

from phvae.determinism.seeding import numpy_generator
from phvae.errors import ConfigError
from phvae.experiment import code
from phvae.experiment import keys as keys_module
from phvae.experiment.grid import Cell, parse_grid
from phvae.experiment.keys import stage_code, training_key
from phvae.experiment.stages import ROOMS, STAGES
from phvae.model.parts import BASIS_NAMES, REGISTRIES

PACKAGE = Path("phvae")


def key(content: dict, seed: int = 0, data: str = "d", device: str = "cpu", threads: int = 1) -> str:
    return training_key(parse_grid(content, "a").cells[0], seed, data, device, threads).sha256


def test_the_key_of_a_run():
    today = key(SMALL)
    assert key(SMALL) == today
    assert key(changed("training.checkpoint_minutes", 1.0)) == today
    assert key(changed("evaluation.n_samples", 99)) == today
    assert key(changed("variants.vae.curve", False)) == today  # whom it is held against trains nothing anew
    others = [
        key(SMALL, seed=1),
        key(SMALL, data="other"),
        key(SMALL, device="cuda"),
        key(SMALL, threads=2),
        key(changed("training.epochs", 31)),
        key(changed("datasets.claw.n_train", [101])),
    ]
    assert today not in others
    assert len(set(others)) == len(others)


# on which device, over which rest, what changes nothing that is trained
WITHOUT_EFFECT = {
    "compile on a CPU": ("cpu", {}, "training.compile", "auto"),
    "tf32 on a CPU": ("cpu", {}, "training.precision", "tf32"),
    "more looks than steps": ("cuda", {"training": {"steps": 20}}, "training.epochs", 50),
    "a choice of one epoch": ("cpu", {"training": {"epochs": 1}}, "training.select", "elbo"),
    "the usual choice of the epoch": ("cpu", {}, "training.select", "loss"),
    "another subset of all": ("cuda", {"datasets": {"claw": {}}}, "datasets.claw.subset", "by_seed"),
}
WITH_EFFECT = {
    "compile on a GPU": ("cuda", {}, "training.compile", "auto"),
    "tf32 on a GPU": ("cuda", {}, "training.precision", "tf32"),
    "bfloat16 on a CPU": ("cpu", {}, "training.precision", "bfloat16"),
    "fewer looks than steps": ("cpu", {"training": {"steps": 20}}, "training.epochs", 10),
    "another choice of the epoch": ("cpu", {}, "training.select", "elbo"),
    "another subset of some": ("cpu", {}, "datasets.claw.subset", "by_seed"),
}


@pytest.mark.parametrize("case", [*WITHOUT_EFFECT, *WITH_EFFECT])
def test_an_option_is_in_the_key_where_it_does_something(case: str):
    device, rest, path, value = (WITHOUT_EFFECT | WITH_EFFECT)[case]
    before = SMALL | rest
    after = changed(path, value, before)
    assert (key(after, device=device) == key(before, device=device)) is (case in WITHOUT_EFFECT)


def test_variants_that_differ_where_it_does_nothing_are_one_model():
    content = changed("variants.again", {"model": {"order": 3}, "training": {"compile": "auto"}}) | {"device": "cpu"}
    with pytest.raises(ConfigError, match="found the model of ph-vae-3 under another name"):
        parse_grid(content, "a")
    parse_grid(content | {"device": "cuda"}, "a")


# ---- edits of the code, in a copy of the package ----
@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "phvae"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "PACKAGE", folder)
    forget()
    yield folder
    monkeypatch.undo()
    forget()


def forget() -> None:
    """What is remembered of files that an edit changes."""
    for cached in (code._hash, code._file):
        cached.cache_clear()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, (path, old)
    path.write_text(text.replace(old, new, 1))
    forget()


def cells() -> dict[str, Cell]:
    """A cell of each divergence, by name."""
    content = changed("variants", {name: {"model": {"order": 2, "divergence": name}} for name in DIVERGENCES})
    content["baseline"] = "kl"
    return {cell.model.divergence.name: cell for cell in parse_grid(content, "a").cells}


DIVERGENCES = sorted(REGISTRIES["divergence"])


def keys() -> dict[str, str]:
    return {name: stage_code("train", [cell]) for name, cell in cells().items()}


def everything() -> dict[str, str]:
    """The code behind each stage."""
    one = [next(iter(cells().values()))]
    return {name: stage_code(name, one) for name in STAGES}


def test_a_change_in_one_divergence_changes_its_own_variants_only(copy: Path):
    before = keys()
    edit(copy / "model/divergences/log_polynomial.py", "math.factorial(r - 1)", "2 * math.factorial(r - 1)")
    assert {name for name, found in keys().items() if found != before[name]} == {"log_polynomial"}
    edit(copy / "model/acceptance.py", "1e-12 * size", "1e-11 * size")
    assert {name for name, found in keys().items() if found != before[name]} == {"log_polynomial"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("bases", "chebyshev"), ("couplings", "learned"), ("likelihoods", "bernoulli"), ("networks", "conv_locatello")],
)
@pytest.mark.slow
def test_a_part_that_no_cell_uses_changes_no_key(copy: Path, kind: str, name: str):
    before = everything()
    path = copy / f"model/{kind}/{name}.py"
    path.write_text(path.read_text() + "\nMORE = 1\n")
    forget()
    assert everything() == before


@pytest.mark.slow
def test_a_new_metric_changes_the_keys_of_scores_and_of_what_follows_only(monkeypatch: pytest.MonkeyPatch):
    before = everything()
    mig = keys_module.METRICS["mig"]
    monkeypatch.setitem(keys_module.METRICS, "mine", dataclasses.replace(mig, name="mine"))
    scorer = dataclasses.replace(keys_module.SCORERS[0], name="mine", module="phvae.metrics.rows")
    monkeypatch.setattr(keys_module, "SCORERS", [*keys_module.SCORERS[1:], scorer])
    changed = {name for name, found in everything().items() if found != before[name]}
    assert changed == {"reference", "evaluate", "collect", "tables", "figures"}


def test_a_new_part_changes_no_key(copy: Path):
    before = everything()
    (copy / "model/divergences/mine.py").write_text('"""Mine."""\n\nMORE = 1\n')
    forget()
    assert everything() == before


@pytest.mark.parametrize("path", ["api/fitting.py", "encoding/importance.py", "jobs/training.py", "training/loop.py"])
def test_documentation_changes_no_key(copy: Path, path: str):
    before = everything()
    text = (copy / path).read_text()
    line = next(line for line in text.splitlines() if line.startswith('    """'))
    edit(copy / path, line, line.replace('"""', '"""Indeed: ', 1))
    with (copy / path).open("a") as stream:
        stream.write("\n# a remark\n")
    forget()
    assert everything() == before


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("training/loop.py", {"train"}),
        ("model/posterior.py", {"train", "encode"}),
        ("encoding/importance.py", {"encode"}),
        ("api/fitting.py", set()),
        ("jobs/training.py", set()),
        ("jobs/checkpoint.py", set()),
        ("experiment/grid.py", set()),
        ("tracking/sync.py", {"track"}),
    ],
)
def test_an_edit_reaches_the_stages_that_run_it(copy: Path, path: str, stages: set[str]):
    before = everything()
    (copy / path).write_text((copy / path).read_text() + "\nMORE = 1\n")
    forget()
    assert {name for name, found in everything().items() if found != before[name]} == stages


def numbers(source: str) -> list[ast.Constant]:
    """Numbers outside of f-strings, whose parts have no place of their own on Python 3.11, and of documentation."""
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in inside]
    return [node for node in found if type(node.value) in (int, float)]


@pytest.mark.slow
def test_any_number_changed_in_a_file_that_a_run_executes_changes_its_key(copy: Path):
    generator = numpy_generator(0, "mutations")
    every = cells()
    for trial in range(50):
        chosen = every[DIVERGENCES[trial % len(DIVERGENCES)]]
        stage = ("train", "encode")[trial % 2]
        before = stage_code(stage, [chosen])
        files = code.files([*STAGES[stage].code, *code.parts(chosen.model)])
        files = [path for path in files if numbers(path.read_text())]
        path = files[generator.integers(len(files))]
        source = path.read_text()
        constants = numbers(source)
        constant = constants[generator.integers(len(constants))]
        lines = source.splitlines(keepends=True)
        row = lines[constant.lineno - 1].encode()
        begin, end = constant.col_offset, constant.end_col_offset
        lines[constant.lineno - 1] = (row[:begin] + repr(constant.value + 1).encode() + row[end:]).decode()
        path.write_text("".join(lines))
        forget()
        assert stage_code(stage, [chosen]) != before, (path.name, constant.lineno)
        path.write_text(source)
        forget()


EXECUTED = """
import json, sys
from pathlib import Path
package = Path(sys.argv[1]).resolve()
seen = set()
def look(frame, event, argument):
    seen.add(frame.f_code.co_filename)
import numpy as np
from tiny import cell, density, images, runs
from phvae.jobs.encode import encode
from phvae.jobs.training import train
root = Path(sys.argv[2])
tiny, data = cell(training={"steps": 2, "epochs": 1}), images()
import phvae.encoding.encoder, phvae.api.saving
sys.setprofile(look)
train(tiny, runs(root, [0]), data, device="cpu", threads=1)
encode(root / "seed-0", tiny, 0, data, device="cpu")
sys.setprofile(None)
names = (Path(name) for name in seen)
print(json.dumps(sorted(n.relative_to(package).as_posix() for n in names if package in n.parents)))
"""
# What carries a computation out: files, records and their keys, signals, leases, checkpoints, the resolved cell.
CARRIES_OUT = (
    "jobs/",
    "experiment/",
    "config/",
    "api/",
    "errors.py",
    "files.py",
    "own/",
    "records.py",
    "source.py",
    "progress.py",
)


@pytest.mark.slow
def test_every_file_that_computes_is_in_the_key(tmp_path: Path):
    """Found by watching a run, not by reading imports."""
    paths = f"{Path.cwd()}:{Path('tests').resolve()}"
    done = subprocess.run(
        [sys.executable, "-c", EXECUTED, str(PACKAGE), str(tmp_path)],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    executed = set(json.loads(done.stdout))
    assert {"training/loop.py", "encoding/importance.py"} <= executed
    parts = code.parts(cell().model)
    known = {
        path.relative_to(PACKAGE.resolve()).as_posix()
        for stage in ("train", "encode")
        for path in code.files([*STAGES[stage].code, *parts])
    }
    assert not [name for name in executed - known if not name.startswith(CARRIES_OUT)]


def test_parts_are_files_named_after_them():
    names = {"basis": BASIS_NAMES} | {option: tuple(registry) for option, registry in REGISTRIES.items()}
    for option, found in names.items():
        for name in found:
            assert code.module_of(option, name).rpartition(".")[2] == name


def test_every_room_of_numbers_is_a_folder_or_a_file():
    for room in ROOMS:
        assert (PACKAGE / room).exists()
    for stage in STAGES.values():
        assert code.files(stage.code, stage.rooms) or not stage.code, stage.name
        for pattern in stage.files:
            assert list(PACKAGE.glob(pattern)), pattern
