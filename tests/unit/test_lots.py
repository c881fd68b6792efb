"""Lots: what one training job takes."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from phvae.data.facts import facts
from phvae.experiment import lots
from phvae.experiment.grid import Grid, load_grid, parse_grid
from phvae.experiment.questions import Questions
from phvae.experiment.training_cost import train_seconds
from phvae.jobs import stages

SMALL: dict[str, Any] = {
    "name": "small",
    "device": "cpu",
    "seeds": 2,
    "model": {"latent_size": 2, "network": {"name": "dense", "hidden": [8]}},
    "training": {"epochs": 1, "batch_size": 30},
    "datasets": {"claw": {"data": {"n_train": 90, "n_validation": 30, "n_test": 30}}},
    "variants": {
        "vae": {"model": {"divergence": "kl"}},
        "half": {"model": {"divergence": {"name": "kl", "beta": 0.5}}},
        "second": {"model": {"order": 2}},
    },
}
GRIDS = ["smoke", "quick", "divergences", "reference"]


def spent(stacks: list[lots.SeedStack]) -> float:
    return sum(train_seconds(stack.cell, "cpu", len(stack.seeds)) for stack in stacks)


@pytest.mark.parametrize("name", GRIDS)
def test_every_stack_is_in_one_lot_with_neighbours_of_its_data_set_and_size(name: str):
    grid = load_grid(f"config/{name}.yaml")
    found = [(stack.cell.name, stack.seeds) for stacks in grid.lots().values() for stack in stacks]
    assert found == [(cell.name, seeds) for cell in grid.cells for seeds in grid.stacks(cell)]
    for (dataset, n_train, _), stacks in grid.lots().items():
        assert {(stack.cell.dataset, stack.cell.n_train) for stack in stacks} == {(dataset, n_train)}


@pytest.mark.parametrize("name", GRIDS)
def test_a_lot_takes_a_minute_at_most_and_leaves_work_for_other_cores(name: str):
    found = list(load_grid(f"config/{name}.yaml").lots().values())
    limit = min(60, sum(map(spent, found)) / 8)
    assert all(spent(stacks) <= limit * (1 + 1e-9) for stacks in found if len(stacks) > 1)
    sums = [spent(one) + spent(two[:1]) for one, two in itertools.pairwise(found) if _same_place(one, two)]
    assert min(sums, default=limit) > limit * (1 - 1e-9), "a lot that could have taken the next stack"
    assert len(found) >= 7


def _same_place(one: list[lots.SeedStack], two: list[lots.SeedStack]) -> bool:
    first, second = one[0].cell, two[0].cell
    return (first.dataset, first.n_train) == (second.dataset, second.n_train)


def test_lots_follow_from_the_configuration_and_not_from_what_was_seen_of_its_files():
    grid = parse_grid(SMALL | {"datasets": {"own": {"data": {"kind": "images", "path": "/absent", "size": 8}}}}, "a")
    assert {cell.looked for cell in grid.cells} == {None}
    assert grid.cells[0].facts == facts(grid.cells[0].data)


def test_models_of_others_are_lots_of_their_own():
    variants = SMALL["variants"] | {
        "theirs": {"external": "outputs"},
        "after": {"model": {"order": 2, "basis": "copies"}},
    }
    grid = parse_grid(SMALL | {"variants": variants, "training": {"epochs": 1000}}, "a")
    assert [[stack.cell.variant for stack in stacks] for stacks in grid.lots().values() if stacks[0].cell.external] == [
        ["theirs"]
    ]
    assert all(len({bool(stack.cell.external) for stack in stacks}) == 1 for stacks in grid.lots().values())


def trained(grid: Grid) -> dict[str, bytes]:
    """The models and histories of all runs."""
    for stage, where in Questions(grid).jobs():
        if stage in ("prepare", "train"):
            getattr(stages, stage)(grid, *where)
    files = [*grid.paths.root.glob("runs/**/model.safetensors"), *grid.paths.root.glob("runs/**/history.csv")]
    return {file.relative_to(grid.paths.root).as_posix(): file.read_bytes() for file in files}


def test_one_lot_and_many_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    apart = parse_grid(SMALL | {"results": str(tmp_path / "apart")}, "a")
    assert len(apart.lots()) == 3
    expected = trained(apart)
    monkeypatch.setattr(lots, "LEAST_JOBS", 1)
    together = parse_grid(SMALL | {"results": str(tmp_path / "together")}, "a")
    assert len(together.lots()) == 1
    assert trained(together) == expected
    assert len(expected) == 12


def test_a_lot_leaves_alone_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lots, "LEAST_JOBS", 1)
    content = SMALL | {"results": str(tmp_path), "variants": {"vae": SMALL["variants"]["vae"]}}
    before = trained(parse_grid(content, "a"))
    times = {file: file.stat().st_mtime_ns for file in tmp_path.glob("small/runs/**/run.json")}
    after = trained(parse_grid(content | {"variants": SMALL["variants"]}, "a"))
    assert len(after) == 3 * len(before)
    assert {file: file.stat().st_mtime_ns for file in times} == times
