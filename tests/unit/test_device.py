"""The device, the settings of a computation, and the size of a job."""

from __future__ import annotations

import os

import pytest
import torch

from phvae.determinism.device import resolve, session
from phvae.errors import ConfigError
from phvae.experiment.stacks import seeds_per_job
from phvae.model.networks.conv_locatello import ConvLocatello
from phvae.model.networks.dense import Dense
from phvae.model.part import Network


def test_settings_hold_inside_a_session_only():
    before = torch.get_num_threads()
    tiny = torch.tensor([1e-40])
    with session("cpu", threads=2):
        assert torch.get_num_threads() == 2
        assert float(tiny * 1) == 0
    assert torch.get_num_threads() == before
    assert float(tiny * 1) > 0


@pytest.mark.slow
def test_a_session_for_a_gpu_is_deterministic_and_tf32_only_if_asked():
    for precision in ("float32", "tf32"):
        with session("cuda", precision=precision):
            assert torch.are_deterministic_algorithms_enabled()
            assert torch.backends.cuda.matmul.allow_tf32 == (precision == "tf32")
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert not torch.are_deterministic_algorithms_enabled()


def test_devices(monkeypatch: pytest.MonkeyPatch):
    assert resolve("cpu") == "cpu"
    with pytest.raises(ConfigError, match="expected auto, cpu or cuda"):
        resolve("gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve("auto") == "cpu"
    with pytest.raises(ConfigError, match="no CUDA device"):
        resolve("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert (resolve("auto"), resolve("cuda")) == ("cuda", "cuda")


def test_the_workspace_is_set_before_cuda_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    seen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: seen.append(os.environ["CUBLAS_WORKSPACE_CONFIG"]) or False)
    resolve("auto")
    assert seen == [":4096:8"]


def test_the_size_of_a_job_does_not_depend_on_the_number_of_seeds_beyond_it():
    """So adding seeds makes or extends the last job, and the others keep theirs."""
    for network in (Dense(), ConvLocatello(), Network(name="one of the future")):
        for device in ("cpu", "cuda"):
            limit = seeds_per_job(10_000, network, device)
            assert [seeds_per_job(n, network, device) for n in range(1, 40)] == [min(n, limit) for n in range(1, 40)]
    assert seeds_per_job(100, Dense(), "cpu") == 8
    assert seeds_per_job(100, ConvLocatello(), "cpu") == 1
    with pytest.raises(ValueError, match="n_seeds is 0"):
        seeds_per_job(0, Dense(), "cpu")


def test_what_trains_as_one_stack():
    assert Dense().stacks("cpu")
    assert not Dense().stacks("cpu", threads=2)
    assert not ConvLocatello().stacks("cpu")
    assert ConvLocatello().stacks("cuda", threads=2)


@pytest.mark.gpu
def test_a_fixed_chunk_repeats_on_a_gpu(tmp_path):
    from tiny import cell, images, runs

    from phvae.jobs.training import train

    found = []
    for name in "ab":
        stack = runs(tmp_path / name, [0, 1])
        train(cell(), stack, images(), device="cuda", threads=1)
        found.append((stack[1].folder / "model.safetensors").read_bytes())
    assert found[0] == found[1]
