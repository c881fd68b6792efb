"""What a grid will take: counted jobs, a cost model that grows with what costs, requests, correction by results."""

from __future__ import annotations

import dataclasses
import math
import re

import pandas as pd
import pytest
from synthetic import write_results
from test_grid import SMALL, changed

from phvae.errors import PhvaeError
from phvae.experiment.grid import Grid, load_grid, parse_grid
from phvae.planning import calibration, costs
from phvae.planning.calibration import error, measured
from phvae.planning.plan import Job, jobs, largest, plan, request
from phvae.training.loop import epoch_ends


def grid(path: str = "seeds", value: object = 2) -> Grid:
    return parse_grid(changed(path, value), "a")


def on(kind: str, **options: object) -> Grid:
    """A grid on one data set."""
    return parse_grid({**SMALL, "datasets": {"set": {"data": {"kind": kind, **options}}}}, "a")


@pytest.mark.parametrize(
    ("kind", "options", "shape", "count", "classes"),
    [
        ("claw", {"n_train": 700}, (1,), 700, 0),
        ("moons", {}, (2,), 10_000, 0),
        ("mnist", {}, (1, 28, 28), 55_000, 0),
        ("kmnist", {"n_validation": 1000}, (1, 28, 28), 59_000, 0),
        ("celeba64", {}, (3, 64, 64), 162_770, 0),
        ("sprites", {"resolution": 64, "n_train": 900}, (1, 64, 64), 900, 58),
        ("dsprites", {}, (1, 64, 64), 717_280, 113),
    ],
)
def test_facts_of_data_sets_that_nobody_has_read(kind, options, shape, count, classes):
    about = on(kind, **options).cells[0].facts
    assert about.shape == shape
    assert about.counts[0] == count
    assert sum(about.classes) == classes
    assert about.is_density == (len(shape) == 1)
    assert not about.assumed


@pytest.mark.parametrize("network", [{"name": "dense", "hidden": [40, 30]}, "conv_locatello"])
@pytest.mark.parametrize(("order", "width"), [(1, "full"), (3, "full"), (3, "matched")])
def test_size_of_a_model_is_that_of_the_real_one(network, order, width):
    from phvae.api.phvae import PHVAE

    model = {"order": order, "latent_size": 12, "network": network, "encoder_width": width}
    cell = parse_grid(
        {**SMALL, "datasets": {"set": {"data": {"kind": "sprites"}}}, "variants": {"vae": {"model": model}}}, "a"
    ).cells[0]
    real = PHVAE((1, 32, 32), cell.model).parameter_counts()["total"]
    assert costs.parameters(cell) == pytest.approx(real, rel=0.1)


def test_multiply_adds_of_a_dense_model_by_hand():
    vae, hierarchical = grid("model", {"latent_size": 12, "network": {"name": "dense", "hidden": [10]}}).cells[:2]
    assert costs.operations(vae) == (1 * 10 + 10 * 24, 12 * 10 + 10 * 1)
    order = hierarchical.model.order
    assert costs.operations(hierarchical) == (order * (1 * 10 + 10 * 24 / order), 12 * 10 + 10 * 1)


def test_matched_encoders_together_cost_one():
    model = {"order": 3, "latent_size": 12, "network": "conv_locatello"}
    variants = {width: {"model": {**model, "encoder_width": width}} for width in ("full", "matched")}
    content = {**SMALL, "datasets": {"set": {"data": {"kind": "sprites"}}}, "variants": {"vae": {}, **variants}}
    full, matched = (costs.operations(cell) for cell in parse_grid({**content, "baseline": "vae"}, "a").cells[1:])
    assert matched == (full[0] / 3, full[1])


def test_training_costs_grow_with_what_is_trained():
    vae, hierarchical = grid().cells[:2]
    base = costs.train_seconds(vae, 2, "cpu")
    assert costs.train_seconds(hierarchical, 2, "cpu") > base
    assert base < costs.train_seconds(vae, 4, "cpu") < 2 * base, "a stack of seeds is cheaper than one by one"
    longer = grid("training", {"epochs": 2 * vae.training.epochs}).cells[0]
    assert costs.train_seconds(longer, 2, "cpu") == pytest.approx(2 * base)


def test_seeds_that_do_not_stack_are_counted_one_by_one():
    jobs_of = {threads: jobs(grid("threads", threads)) for threads in (1, 2)}
    assert [sum(job.stage == "train" for job in found) for found in jobs_of.values()] == [4, 8]
    by_hand = {n: parse_grid({**changed("training.seeds_per_job", 2), "threads": n}, "a") for n in (1, 2)}
    together, apart = (next(job for job in jobs(g) if job.stage == "train").seconds for g in by_hand.values())
    assert apart - costs.START == pytest.approx(2 * costs.train_seconds(by_hand[1].cells[0], 1, "cpu"))
    assert together < apart


def test_every_seed_is_encoded_and_scored():
    two, four = (jobs(grid("seeds", count)) for count in (2, 4))
    for stage in ("encode", "evaluate"):
        less, more = (sum(job.seconds - costs.START for job in made if job.stage == stage) for made in (two, four))
        assert more == pytest.approx(2 * less), stage


def test_a_batch_asks_for_the_memory_of_its_largest_cell():
    chosen = on("celeba64")
    small, large = chosen.cells
    assert costs.memory_mb("evaluate", large) > costs.memory_mb("evaluate", small) + 10
    for job in jobs(chosen):
        if job.stage in ("encode", "evaluate"):
            assert job.memory_mb == costs.memory_mb(job.stage, large)


def test_boosting_is_counted_and_shared_by_four_processes():
    content = {**SMALL, "datasets": {"set": {"data": {"kind": "sprites"}}}}
    grids = [parse_grid({**content, "evaluation": {"dci": [name]}}, "a") for name in ("forest", "boosting")]
    forest, boosting = (next(job for job in jobs(g) if job.stage == "evaluate") for g in grids)
    assert (forest.threads, boosting.threads) == (1, 4)
    cells = grids[1].cells
    codes = min(cells[0].evaluation.n_codes, cells[0].facts.counts[2])
    added = len(cells) * 2 * 4e-5 * 58 * 12 * codes * 2 / 3  # two seeds, the classes of sprites, 12 codes
    assert 4 * (boosting.seconds - costs.START) == pytest.approx(forest.seconds - costs.START + added)
    assert request(grids[1], "evaluate", cells) == boosting.request


@pytest.mark.parametrize("name", ["quick", "paper", "reference"])
def test_at_most_a_fifth_of_a_submission_a_run(name):
    chosen = load_grid(f"config/{name}.yaml")
    text = plan(chosen)
    count = len(jobs(chosen))
    assert count <= 0.2 * len(chosen.runs())
    assert f"submissions {count}" in text
    assert f"{len(chosen.runs())} runs" in text
    for word in ("GPU-hours", "CPU-hours", "disk", "largest"):
        assert word in text


def test_gpus_are_asked_for_where_they_are_used():
    for device, stages in (("cpu", set()), ("auto", {"train", "encode"}), ("cuda", {"train", "encode"})):
        chosen = parse_grid({**SMALL, "device": device, "evaluation": {"extractors": ["classifier"]}}, "a")
        assert {job.stage for job in jobs(chosen) if job.gpu} == stages


def test_the_steps_are_those_of_the_training_loop():
    cell = on("claw", n_train=700).cells[0]
    assert epoch_ends(cell.training, 700)[-1] != cell.training.epochs * math.ceil(700 / cell.training.batch_size)
    steps = cell.training.model_copy(update={"steps": epoch_ends(cell.training, 700)[-1]})
    given = dataclasses.replace(cell, training=steps)
    assert costs.train_seconds(cell, 1, "cpu") == costs.train_seconds(given, 1, "cpu")


def test_codes_of_wide_models_are_not_hidden_in_the_disk_a_run_keeps():
    small, large = (
        parse_grid({**SMALL, "datasets": {"set": {"data": {"kind": "celeba64"}}}, "model": {"latent_size": size}}, "a")
        for size in (12, 192)
    )
    n_codes = small.cells[0].evaluation.n_codes
    kept = [costs.disk(g.cells[0])[0] - 4 * costs.parameters(g.cells[0]) for g in (small, large)]
    assert kept[1] - kept[0] == pytest.approx(11 * n_codes * 180)


def test_a_device_that_is_not_known_yet_is_said_to_be_counted_in_seconds_of_a_cpu():
    assert "device auto: jobs ask for a GPU" in plan(grid("device", "auto"))
    assert "device auto" not in plan(grid("device", "cpu"))


def test_a_guess_about_the_users_own_pictures_is_called_one(tmp_path):
    assert "assumed     50,000 pictures of 3x64x64 in set" in plan(on("images", path=str(tmp_path)))


def test_a_request_has_room_and_rounds_up():
    assert Job("train", "a", 10, 100, True, 1).request == (2000, 20)
    assert Job("train", "a", 3600, 2100, True, 1).request == (3500, 180)
    short, long = Job("train", "a", 10, 100, True, 1), Job("train", "b", 9999, 100, True, 1)
    assert largest([short, long]) == long


def test_larger_stacks_ask_for_more():
    chosen = on("mnist")
    few, many = (request(chosen, "train", chosen.cells[1:2], seeds) for seeds in (1, 100))
    assert few[0] < many[0]
    assert few[1] < many[1]


def test_finished_results_correct_the_constants(tmp_path):
    root = write_results(tmp_path / "quick", datasets=("trimodal",), seeds=2, arrays=False)
    path = root / "costs.parquet"
    chosen = load_grid(root / "config.json")
    table = pd.read_parquet(path)
    model = {c.variant: costs.train_seconds(c, len(c.seeds), "cpu") / len(c.seeds) for c in chosen.cells}
    table["seconds_train"] = [2 * model[variant] for variant in table["variant"]]
    table.to_parquet(path)
    assert measured(root, "cpu")["train", "dense"] == pytest.approx(2)
    [(_, modelled, real)] = [row for row in error(root, "cpu") if row[0] == "train"]
    assert real == pytest.approx(2 * modelled)
    factors = {("train", "dense"): 2.0}
    before, after = (sum(j.seconds - costs.START for j in jobs(chosen, f) if j.stage == "train") for f in ({}, factors))
    assert after == pytest.approx(2 * before)
    text = plan(chosen, root)
    assert f"corrected by {root}" in text
    assert re.search(r"error +train of .*\(-50%\)", text)
    assert measured(root, "cuda") == {}, "a CPU's seconds say nothing of a GPU"


@pytest.mark.parametrize(("extractor", "device"), [("inception", "cuda"), ("classifier", "cpu")])
def test_scores_are_corrected_on_the_device_that_computes_them(extractor, device):
    chosen = parse_grid(
        {
            **SMALL,
            "device": "cuda",
            "datasets": {"set": {"data": {"kind": "mnist"}}},
            "evaluation": {"extractors": [extractor]},
        },
        "a",
    )
    cell = chosen.cells[0]
    assert calibration._modelled(chosen, cell, "cuda")["evaluate"] == costs.seconds("evaluate", cell, device)
    if extractor == "inception":
        assert costs.seconds("evaluate", cell, "cuda") != costs.seconds("evaluate", cell, "cpu")


def test_results_that_are_not_there(tmp_path):
    with pytest.raises(PhvaeError, match=r"config\.json: absent; give the folder of finished results"):
        plan(grid(), tmp_path)


def _asked(text: str, stage: str) -> tuple[float, str]:
    """Memory (GB) and time of a stage's line."""
    found = re.search(rf"^{stage} .* ([\d.]+) GB, (.+)$", text, re.M)
    assert found
    return float(found.group(1)), found.group(2)


def test_the_most_of_each_resource_is_its_own(monkeypatch):
    """Of two jobs one takes long, the other is large."""
    made = [Job("evaluate", "long", 9000, 2100, False, 1), Job("evaluate", "large", 10, 4000, False, 4)]
    others = [Job(stage, "a", 10, 100, False, 1) for stage in ("prepare", "reference", "train", "encode", "groups")]
    monkeypatch.setattr("phvae.planning.plan.jobs", lambda *_: [*others, *made])
    text = plan(grid())
    assert re.search(r"^evaluate .*   4 CPU, 6 GB, 7.5 h$", text, re.M)
    assert re.search(r"^all .*   4 CPU, 6 GB, 7.5 h$", text, re.M)
    assert "largest     1 CPU, 3.5 GB, 7.5 h: evaluate long" in text


@pytest.mark.parametrize("name", ["quick", "paper", "reference"])
def test_no_job_asks_for_more_than_the_plan_says(name):
    chosen = load_grid(f"config/{name}.yaml")
    text = plan(chosen)
    for stage in ("encode", "evaluate"):
        most = max(request(chosen, stage, cells)[0] for cells in chosen.batches().values())
        assert _asked(text, stage)[0] == most / 1000


def test_requests_are_those_of_the_workflow_hours_are_corrected(monkeypatch):
    chosen = grid()
    before = plan(chosen)
    networks = {cell.model.network.name for cell in chosen.cells}
    slow = {(stage, network): 1e4 for stage in calibration.STAGES for network in networks}
    monkeypatch.setattr("phvae.planning.plan.measured", lambda *_: slow)
    monkeypatch.setattr("phvae.planning.plan.error", lambda *_: [])
    after = plan(chosen, chosen.paths.root)
    assert [re.search(r"^train .* \S+ (s|min|h)   ", text, re.M).group(1) for text in (before, after)] == ["s", "h"]
    for stage in ("train", "encode", "evaluate", "all", "largest"):
        assert _asked(after, stage) == _asked(before, stage)
