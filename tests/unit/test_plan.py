"""What a grid will take: counted jobs, a cost model that grows with what costs, requests."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
from pictures_on_disk import many, prepare, write
from small_grid import SMALL, changed

from phvae.experiment import training_cost
from phvae.experiment.grid import Grid, load_grid, parse_grid
from phvae.experiment.questions import Questions
from phvae.planning import costs
from phvae.planning.look import look
from phvae.planning.plan import Job, chains, jobs, plan, request
from phvae.training.loop import epoch_ends

GRIDS = ["quick", *(pytest.param(name, marks=pytest.mark.slow) for name in ("paper", "reference"))]


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
    assert sum(training_cost.sizes(cell)) == pytest.approx(real, rel=0.02)


@pytest.mark.parametrize(("network", "side"), [("dense", 28), ("conv_locatello", 28), ("conv_locatello", 64)])
def test_multiply_adds_are_those_of_the_real_network_by_a_factor_of_two(network, side):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from phvae.model.options import ModelConfig

    chosen = ModelConfig(network=network).network
    encoder = chosen.encoder((1, side, side), 24, chosen.widths, torch.Generator())
    with FlopCounterMode(display=False) as counter:
        encoder(torch.zeros(1, 1, side, side))
    modelled = chosen.reuse * chosen.encoder_size((1, side, side), 24, chosen.widths)
    assert 0.5 < modelled / (counter.get_total_flops() / 2) < 2


def test_matched_encoders_together_cost_one():
    model = {"order": 3, "latent_size": 12, "network": "conv_locatello"}
    variants = {width: {"model": {**model, "encoder_width": width}} for width in ("full", "matched")}
    content = {**SMALL, "datasets": {"set": {"data": {"kind": "sprites"}}}, "variants": {"vae": {}, **variants}}
    full, matched = (training_cost.sizes(cell) for cell in parse_grid({**content, "baseline": "vae"}, "a").cells[1:])
    assert matched == (pytest.approx(full[0] / 3, rel=0.1), full[1])


def test_training_costs_grow_with_what_is_trained():
    vae, hierarchical = grid().cells[:2]
    base = costs.seconds("train", vae, "cpu", 2)
    assert costs.seconds("train", hierarchical, "cpu", 2) > base
    assert base < costs.seconds("train", vae, "cpu", 4) < 2 * base, "a stack of seeds is cheaper than one by one"
    longer = grid("training", {"epochs": 2 * vae.training.epochs}).cells[0]
    assert costs.seconds("train", longer, "cpu", 2) == pytest.approx(2 * base - training_cost.RECORDING)


def test_seeds_that_do_not_stack_are_counted_one_by_one():
    jobs_of = {threads: jobs(grid("threads", threads)) for threads in (1, 2)}
    assert [sum(job.stage == "train" for job in found) for found in jobs_of.values()] == [4, 7]
    by_hand = {n: parse_grid({**changed("training.seeds_per_job", 2), "threads": n}, "a") for n in (1, 2)}
    together, apart = (next(job for job in jobs(g) if job.stage == "train").seconds for g in by_hand.values())
    assert apart - costs.START == pytest.approx(2 * costs.seconds("train", by_hand[1].cells[0], "cpu", 1))
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
    added = len(cells) * 2 * 2.7e-5 * 58 * 12 * codes  # two seeds, the classes of sprites, 12 codes
    assert 4 * (boosting.seconds - costs.START) == pytest.approx(forest.seconds - costs.START + added)
    assert request(Questions(grids[1]), "evaluate", ("set", "all", 0)) == boosting.request


@pytest.mark.parametrize("name", GRIDS)
def test_at_most_a_fifth_of_a_submission_a_run(name):
    chosen = load_grid(f"config/{name}.yaml")
    text = plan(chosen)
    count = len(jobs(chosen))
    assert count <= 0.2 * len(chosen.runs())
    assert f"{len(chosen.runs()):,} runs" in text
    assert re.search(rf"^all +{count} ", text, re.M)
    for word in ("GPU time", "CPU time", "disk: "):
        assert word in text
    assert ("the rest is assumed" in text) == (chosen.config.device == "cuda")


def test_gpus_are_asked_for_where_they_are_used():
    for device, stages in (("cpu", set()), ("auto", {"train", "encode"}), ("cuda", {"train", "encode"})):
        chosen = parse_grid({**SMALL, "device": device, "evaluation": {"extractors": ["classifier"]}}, "a")
        assert {job.stage for job in jobs(chosen) if job.gpu} == stages


def test_the_steps_are_those_of_the_training_loop():
    cell = on("claw", n_train=700).cells[0]
    assert epoch_ends(cell.training, 700)[-1] != cell.training.epochs * math.ceil(700 / cell.training.batch_size)
    steps = cell.training.model_copy(update={"steps": epoch_ends(cell.training, 700)[-1]})
    given = dataclasses.replace(cell, training=steps)
    assert costs.seconds("train", cell, "cpu", 1) == costs.seconds("train", given, "cpu", 1)


def test_codes_of_wide_models_are_not_hidden_in_the_disk_a_run_keeps():
    small, large = (
        parse_grid({**SMALL, "datasets": {"set": {"data": {"kind": "celeba64"}}}, "model": {"latent_size": size}}, "a")
        for size in (12, 192)
    )
    n_codes = small.cells[0].evaluation.n_codes
    kept = [costs.disk(g.cells[0])[0] - 4 * sum(training_cost.sizes(g.cells[0])) for g in (small, large)]
    assert kept[1] - kept[0] == pytest.approx(11 * n_codes * 180)


def test_a_device_that_is_not_known_yet_is_said_to_be_counted_in_seconds_of_a_cpu():
    assert "device auto: jobs ask for a GPU" in plan(grid("device", "auto"))
    assert "device auto" not in plan(grid("device", "cpu"))


def test_a_guess_about_the_users_own_pictures_is_called_one(tmp_path):
    assert "assumed: 50,000 pictures of 3x64x64 in set" in plan(on("images", path=str(tmp_path)))


@pytest.mark.parametrize(
    ("options", "shape"),
    [({}, (3, 8, 8)), ({"size": 32}, (3, 32, 32)), ({"size": [4, 6], "colour": "grey"}, (1, 4, 6))],
)
@pytest.mark.parametrize("form", ["folder", "zip"])
def test_the_users_own_pictures_are_counted_where_they_are_here(tmp_path, form, options, shape):
    path = write(tmp_path, many(40), form)
    chosen = on("images", path=str(path), **options)
    found = look(chosen, chosen.cells[0]).facts
    real = prepare(tmp_path, path, **options)
    assert found.shape == shape == real.shape
    assert found.counts == (len(real.train), len(real.validation), len(real.test))
    assert "assumed" not in plan(chosen)


@pytest.mark.parametrize("folders", [("train", "test"), ("train", "val", "test")])
def test_splits_that_folders_give_are_counted(tmp_path, folders):
    files = {f"{folder}/{name}": content for folder in folders for name, content in many(20).items()}
    path = write(tmp_path, files, "folder")
    real = prepare(tmp_path, path)
    chosen = on("images", path=str(path))
    expected = (len(real.train), len(real.validation), len(real.test))
    assert look(chosen, chosen.cells[0]).facts.counts == expected


def test_the_users_own_array_is_counted(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, images=np.zeros((60, 5, 7, 3), np.uint8), factors=np.zeros((60, 1)))
    chosen = on("factors", path="own.npz")
    assert "assumed" in plan(chosen)
    chosen = parse_grid(
        {**SMALL, "datasets": {"set": {"data": {"kind": "factors", "path": "own.npz"}}}}
        | {"data_path": [str(tmp_path)]},
        "a",
    )
    found = look(chosen, chosen.cells[0]).facts
    assert (found.shape, found.counts) == ((3, 5, 7), (42, 6, 12))
    assert "assumed" not in plan(chosen)


def test_what_the_options_say_of_pictures_that_are_elsewhere_is_used():
    assert "assumed: 50,000 pictures of 1x32x32 in set" in plan(on("images", path="/absent", size=32, colour="grey"))


@pytest.mark.parametrize("stage", ["prepare", "train", "encode"])
def test_a_request_counts_the_users_own_pictures(tmp_path, stage):
    path = write(tmp_path, many(40), "folder")
    few, assumed = on("images", path=str(path), size=128), on("images", path="/absent", size=128)
    needed = [next(job for job in jobs(chosen) if job.stage == stage) for chosen in (few, assumed)]
    assert needed[0].seconds < needed[1].seconds
    where = ("set",) if stage == "prepare" else ("set", "all", 0)
    assert request(Questions(few), stage, where) == needed[0].request


def test_a_request_has_room_and_rounds_up():
    assert Job("train", "a", 10, 100, True, 1).request == (2000, 20)
    assert Job("train", "a", 3600, 2100, True, 1).request == (3500, 180)


def test_larger_stacks_ask_for_more():
    content = {**SMALL, "datasets": {"set": {"data": {"kind": "mnist"}}}, "seeds": 100}
    sizes = ({**content, "training": {"seeds_per_job": seeds}} for seeds in (1, 100))
    few, many = (request(Questions(parse_grid(chosen, "a")), "train", ("set", "all", 0)) for chosen in sizes)
    assert few[0] < many[0]
    assert few[1] < many[1]


@pytest.mark.parametrize(("extractor", "device"), [("inception", "cuda"), ("classifier", "cpu")])
def test_scores_are_counted_on_the_device_that_computes_them(extractor, device):
    chosen = parse_grid(
        {
            **SMALL,
            "device": "cuda",
            "datasets": {"set": {"data": {"kind": "mnist"}}},
            "evaluation": {"extractors": [extractor]},
        },
        "a",
    )
    job = next(job for job in jobs(chosen) if job.stage == "evaluate")
    assert job.gpu == (device == "cuda")
    expected = sum(costs.seconds("evaluate", cell, device, len(cell.seeds)) for cell in chosen.cells)
    assert job.seconds == pytest.approx(costs.START + expected)
    if extractor == "inception":
        assert costs.seconds("evaluate", chosen.cells[0], "cuda") != costs.seconds("evaluate", chosen.cells[0], "cpu")


def _asked(text: str, stage: str) -> tuple[float, str]:
    """Memory (GB) and time of a stage's line."""
    found = re.search(rf"^{stage} .* ([\d.]+) GB, (.+)$", text, re.M)
    assert found
    return float(found.group(1)), found.group(2)


def test_the_most_of_each_resource_is_its_own(monkeypatch):
    """Of two jobs one takes long, the other is large."""
    made = [Job("evaluate", "long", 9000, 2100, False, 1), Job("evaluate", "large", 10, 4000, False, 4)]
    others = [Job(stage, "a", 10, 100, False, 1) for stage in ("prepare", "reference", "train", "encode")]
    monkeypatch.setattr("phvae.planning.plan.jobs", lambda _: [*others, *made])
    text = plan(grid())
    assert re.search(r"^evaluate .*   4 CPU, 6 GB, 7:30:00$", text, re.M)
    assert re.search(r"^all .*   4 CPU, 6 GB, 7:30:00$", text, re.M)


@pytest.mark.parametrize("name", GRIDS)
def test_no_job_asks_for_more_than_the_plan_says(name):
    chosen = load_grid(f"config/{name}.yaml")
    text = plan(chosen)
    for stage in ("encode", "evaluate"):
        most = max(request(Questions(chosen), stage, where)[0] for where in chosen.batches())
        assert _asked(text, stage)[0] == most / 1000


def test_a_chain_is_a_job_and_the_longest_of_what_waits_for_it():
    smoke = load_grid("config/smoke.yaml")
    own = {(job.stage, job.name): round(job.seconds) for job in jobs(smoke)}
    found = {(stage, "/".join(map(str, place))): s for (stage, place), s in chains(Questions(smoke)).items()}
    assert set(found) == set(own)
    for dataset, size in (("claw", "200"), ("digits", "200"), ("sprites", "all")):
        scores = own["evaluate", batch := f"{dataset}/{size}/0"]
        assert found["evaluate", batch] == scores
        assert found["encode", batch] == own["encode", batch] + scores
        lots = [job for job in own if job[0] == "train" and job[1].startswith(dataset)]
        assert len(lots) > 1
        for lot in lots:
            assert found[lot] == own[lot] + found["encode", batch]
        longest = max(found[job] for job in [*lots, ("reference", dataset)])
        assert found["prepare", dataset] == own["prepare", dataset] + longest
        assert found["reference", dataset] == own["reference", dataset] + scores
