"""Which device a process computes on, and the settings that make its numbers repeatable (loads no torch by itself)."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phvae.errors import ConfigError

__all__ = ["hardware", "resolve", "session"]

FILL = "fill_uninitialized_memory"  # torch's option, on where algorithms are deterministic


def resolve(device: str) -> str:
    """The device that `auto`, `cpu` or `cuda` means on this machine: ``"cpu"`` or ``"cuda"``.

    >>> resolve("cpu")
    'cpu'

    Raises:
        ConfigError: an unknown name, or cuda on a machine without a CUDA device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"device: found {device!r}, expected auto, cpu or cuda")
    if device == "cpu":
        return device
    # cuBLAS reads this when CUDA starts; with it matrix products are repeatable
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ConfigError("device: found cuda, but torch sees no CUDA device here; use auto or cpu")
    return "cuda" if available else "cpu"


def hardware(device: str) -> str:
    """The model of the CPU with the instructions that torch uses there, or of the GPU: what last bits depend on."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return f"{next(named, platform.processor() or platform.machine())} ({torch.backends.cpu.get_cpu_capability()})"


@contextmanager
def session(device: str, threads: int = 1, precision: str = "float32") -> Iterator[None]:
    """Settings of a computation, put back afterwards.

    `threads` torch threads; on a GPU deterministic algorithms and, if asked, TF32 products (on a CPU `tf32` is
    `float32`); numbers below the smallest normal float count as zero (the moments of dead units decay to such
    numbers, and a CPU computes with them up to a hundred times slower).
    """
    import torch

    before = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn
    tf32 = matmul.allow_tf32, convolution.allow_tf32, convolution.benchmark
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        setattr(torch.utils.deterministic, FILL, False)  # nothing here reads such memory; filling it costs kernels
        matmul.allow_tf32 = convolution.allow_tf32 = precision == "tf32"
        convolution.benchmark = False
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
        if device == "cuda":  # not on a CPU: the call imports torch's compiler, which costs a second
            torch.use_deterministic_algorithms(deterministic)
            setattr(torch.utils.deterministic, FILL, True)
        matmul.allow_tf32, convolution.allow_tf32, convolution.benchmark = tf32
