"""On a GPU: the same numbers as on a CPU, the same bits from a graph, in any company, again, and after a kill."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from test_stacking import MODELS, OBJECTIVES
from tiny import cell, images, runs
from torch import Tensor

from phvae.api.phvae import PHVAE
from phvae.determinism.device import session
from phvae.determinism.seeding import torch_generator
from phvae.jobs.training import train
from phvae.model.options import ModelConfig
from phvae.training.batches import Batches
from phvae.training.company import differences
from phvae.training.graph import Resident
from phvae.training.stacking import Stack

CONVOLUTIONS: dict[str, Any] = {"order": 2, "network": "conv_locatello"}
ALL = {**MODELS, **OBJECTIVES, "convolutions": ((1, 28, 28), CONVOLUTIONS)}
SEEDS = [0, 1, 2]


def _trained(
    name: str, device: str, steps: int = 8, leave: int | None = None, **options: Any
) -> tuple[Tensor, list[dict[str, Tensor]]]:
    """Terms of each step and of two looks, and the states; seed 1 leaves after `leave` steps."""
    shape, model = ALL[name]
    config = ModelConfig(**model)
    levels = config.order, config.latent_size // config.order
    precision = options.pop("precision", "float32")
    with session(device, 1, precision):
        states = [dict(PHVAE(shape, config, seed=seed).named_parameters()) for seed in SEEDS]
        stack = Stack(PHVAE(shape, config), states, device=device, precision=precision, examples=500, **options)
        seeds, terms = SEEDS, []
        for step in range(steps + 2):
            draws = [torch_generator(seed, "gpu", step) for seed in seeds]
            x = torch.stack([torch.rand(64, *shape, generator=g) for g in draws]).to(device, stack.dtype)
            noises = [
                torch.stack([torch.randn(64, *levels, generator=g) for g in draws]).to(device, stack.dtype)
                for _ in range(2 if config.divergence.draws_prior else 1)
            ]
            share = min(1.0, step / steps)
            found = stack.step(x, *noises, weight=share, share=share) if step < steps else stack.losses(x, *noises)
            terms.append(found[[0, -1]].double().cpu())
            if step == leave:
                stack.keep([0, 2])
                seeds = [0, 2]
        return torch.stack(terms), [stack.state(0), stack.state(len(seeds) - 1)]


def _same(a: tuple[Tensor, list[dict[str, Tensor]]], b: tuple[Tensor, list[dict[str, Tensor]]]) -> None:
    assert torch.equal(a[0], b[0])
    for one, other in zip(a[1], b[1], strict=True):
        assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.mark.parametrize("name", [*MODELS, "wae_mmd"])
def test_dummies_and_a_seed_that_leaves_change_no_bit(name):
    _same(_trained(name, "cpu"), _trained(name, "cpu", width=5))
    _same(_trained(name, "cpu"), _trained(name, "cpu", leave=3, width=5))


@pytest.mark.gpu
@pytest.mark.parametrize("name", ALL)
def test_a_gpu_follows_the_cpu_in_float64(name):
    expected, _ = _trained(name, "cpu", precision="float64", together=True)
    found, _ = _trained(name, "cuda", precision="float64", width=4)
    assert torch.isfinite(found).all()
    assert torch.allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("name", ALL)
def test_a_graph_has_the_bits_of_the_operations_it_was_made_of(name, precision):
    plain = _trained(name, "cuda", width=4, precision=precision)
    _same(plain, _trained(name, "cuda", width=4, precision=precision, graph=True))
    _same(plain, _trained(name, "cuda", width=4, precision=precision, graph=True, leave=3))


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("name", ["vae", "convolutions"])
def test_models_side_by_side_have_the_same_bits_from_a_graph(name, precision):
    plain = _trained(name, "cuda", width=4, precision=precision, apart=True)
    _same(plain, _trained(name, "cuda", width=4, precision=precision, graph=True, apart=True))
    _same(plain, _trained(name, "cuda", width=8, precision=precision, graph=True, apart=True, leave=3))


@pytest.mark.gpu
@pytest.mark.parametrize("name", ALL)
def test_a_seed_has_the_same_bits_in_any_company_on_a_gpu(name):
    shape, options = ALL[name]
    companies = [[0, 1, 2, 3, 4], [4, 0], [3]]
    assert differences(shape, options, companies, device="cuda", width=5, graph=True) == [0, 0]


@pytest.mark.gpu
def test_a_gpu_sees_the_order_and_the_noise_of_a_cpu():
    data = images().train
    options: dict[str, Any] = {"batch_size": 50, "levels": (2, 3), "prior": True}
    both = [Batches(data, [range(len(data))] * 2, [0, 1], device=device, **options) for device in ("cpu", "cuda")]
    for step in (0, 1, 2, 3, 4, 7, 2):
        for expected, found in zip(both[0].at(step), both[1].at(step), strict=True):
            assert torch.equal(expected, found.cpu())


@pytest.mark.gpu
def test_memory_that_another_thread_pins_does_not_end_a_capture():
    def function(clock: Tensor, x: Tensor) -> Tensor:
        pinning = threading.Thread(target=lambda: torch.empty(sizes.pop()).pin_memory())
        pinning.start()
        pinning.join()
        return clock + 2 * x

    sizes = [12_345_678, 1_234_567]  # new each time: memory that is pinned already is given again without a call
    resident = Resident(function, 3, graph=True, pool=torch.cuda.graph_pool_handle())
    clock, x = torch.ones(1, device="cuda"), torch.arange(3.0, device="cuda").view(3, 1)
    for _ in range(3):
        assert resident(clock, x).flatten().tolist() == [1, 3, 5]
    assert not sizes


@pytest.mark.gpu
@pytest.mark.parametrize("graph", ["auto", "off"])
def test_a_job_repeats_and_a_graph_changes_no_byte_of_it(tmp_path: Path, graph: str):
    found = []
    for name, how in (("a", "off"), ("b", graph), ("c", graph)):
        stack = runs(tmp_path / name, [0, 1])
        train(cell(training={"cuda_graph": how}), stack, images(), device="cuda", threads=1)
        found.append([(run.folder / "model.safetensors").read_bytes() for run in stack])
        history = (stack[0].folder / "history.csv").read_text().splitlines()
        assert len(history) == 3
        assert all(math.isfinite(float(value)) for line in history[1:] for value in line.split(","))
    assert found[0] == found[1] == found[2]


JOB = """
import sys
from pathlib import Path
from tiny import cell, images, runs
from phvae.jobs.training import train
training = {"epochs": 40, "checkpoint_minutes": 0.002, "cuda_graph": "auto"}
train(cell(training=training), runs(Path(sys.argv[1]), [0, 1]), images(), device="cuda", threads=1)
"""


@pytest.mark.gpu
def test_a_killed_job_goes_on_to_the_same_bytes(tmp_path: Path):
    command = [sys.executable, "-c", JOB]
    environment = {"cwd": Path(__file__).parents[1], "stderr": subprocess.DEVNULL}
    subprocess.run([*command, tmp_path / "whole"], check=True, **environment)
    kills = 0
    for _ in range(3):
        job = subprocess.Popen([*command, tmp_path / "killed"], **environment)
        before = set(tmp_path.glob("killed/seed-1/checkpoint-*"))
        while job.poll() is None and set(tmp_path.glob("killed/seed-1/checkpoint-*")) <= before:
            time.sleep(0.002)
        if job.poll() is None:
            job.send_signal(signal.SIGKILL)
            kills += 1
        job.wait()
    subprocess.run([*command, tmp_path / "killed"], check=True, **environment)
    assert kills
    for seed in (0, 1):
        for name in ("model.safetensors", "history.csv"):
            whole, killed = (tmp_path / kind / f"seed-{seed}" / name for kind in ("whole", "killed"))
            assert whole.read_bytes() == killed.read_bytes()
