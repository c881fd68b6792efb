"""Batches of a stack of seeds: one tensor of data, each seed's own order and noise, addressed by the step alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from phvae.determinism.seeding import torch_generator

__all__ = ["Batches", "available_memory", "to_model_units"]

CGROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_memory() -> int:
    """Memory of this machine, or of the process's control group or one above it where that is less, in bytes."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with contextlib.suppress(OSError):  # no control groups
        for line in OWN.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):  # version 2, version 1
                file = "memory.limit_in_bytes" if controllers else "memory.max"
                top = CGROUPS / controllers
                group = top / path.lstrip("/")
                for folder in (group, *group.parents):
                    with contextlib.suppress(OSError, ValueError):  # absent, or "max"
                        limits.append(int((folder / file).read_text()))
    return min(limits)


def to_model_units(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Bytes 0..255 to [0, 1]; other numbers stay what they are.

    >>> to_model_units(torch.tensor([0, 51, 255], dtype=torch.uint8), torch.float32)
    tensor([0.0000, 0.2000, 1.0000])
    """
    if x.dtype != torch.uint8:
        return x.to(dtype)
    # a GPU divides by a number as it multiplies by its reciprocal: other last bits than a CPU's
    return x.to(dtype).div_(torch.full((), 255, dtype=dtype, device=x.device))


class Batches:
    """What each seed of a stack sees at every step.

    A seed goes through its training examples in passes, each in a new order; the orders follow one another without a
    gap, so every batch is full (a batch may hold the end of one pass and the beginning of the next), and an example
    is seen as often as any other. Nothing here has a state: order and noise of pass p are drawn anew from
    (seed, "order", p) and (seed, "noise", p), always on the CPU, so that a resumed run, another device or another
    company of seeds sees the same numbers.

    Args:
        data: (N, *shape) uint8 or float; held as one tensor on the device, or left where it is (a memory map) if
            what the seeds use of it is larger than `limit` bytes.
        subsets: for each seed the indices (n,) of its training examples, all of one length.
        seeds: the seeds of the stack.
        levels: (n, d), the shape of one example's noise.
        prior: whether draws of the prior are asked for.
    """

    def __init__(
        self,
        data: np.ndarray,
        subsets: Sequence[np.ndarray],
        seeds: Sequence[int],
        *,
        batch_size: int,
        levels: tuple[int, int],
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        limit: float = float("inf"),
        prior: bool = False,
    ) -> None:
        self.seeds, self.batch_size, self.levels = list(seeds), batch_size, levels
        self.streams = ("noise", "prior") if prior else ("noise",)
        self.device, self.dtype = device, dtype
        self.size = len(subsets[0])
        rows = np.unique(np.concatenate(subsets))
        self.mapped = rows.size * data[:1].nbytes > limit
        self.source: np.ndarray | Tensor = data
        if not self.mapped:
            used = data if len(rows) == len(data) else data[rows]
            self.source = torch.from_numpy(np.array(used)).to(device)
            subsets = [np.searchsorted(rows, subset) for subset in subsets]
        self.subsets = [torch.from_numpy(np.asarray(subset, dtype=np.int64)) for subset in subsets]
        self._pass = -1
        # a GPU does not wait for numbers: those of the next pass are drawn while this one runs
        self._drawing = ThreadPoolExecutor(1) if device == "cuda" else None
        self._next: tuple[int, Future[list[Tensor]]] | None = None

    def keep(self, indices: Sequence[int]) -> None:
        """Drop all seeds but these."""
        self.seeds = [self.seeds[i] for i in indices]
        self.subsets = [self.subsets[i] for i in indices]
        self._pass, self._next = -1, None

    def at(self, step: int) -> tuple[Tensor, ...]:
        """The batch of a step: x (S, B, *shape) in the model's units, eps (S, B, n, d); the prior's if asked for."""
        first, last = step * self.batch_size, (step + 1) * self.batch_size
        orders: list[Tensor] = []
        noises: list[list[Tensor]] = [[] for _ in self.streams]
        while first < last:
            number, start = divmod(first, self.size)
            if number != self._pass:
                self._begin(number)
            rows = slice(start, min(self.size, start + last - first))
            orders.append(self._order[:, rows])
            for found, noise in zip(noises, self._noises, strict=True):
                found.append(noise[:, rows])
            first += rows.stop - start
        return self._gather(torch.cat(orders, 1)), *(torch.cat(found, 1).to(self.dtype) for found in noises)

    def _begin(self, number: int) -> None:
        """Have the order and the noise of a pass over the data on the device."""
        if self._next and self._next[0] == number:
            order, *noises = self._next[1].result()
        else:
            order, *noises = self._drawn(number)
        if self._drawing:
            self._next = number + 1, self._drawing.submit(self._drawn, number + 1)
        self._order = order if self.mapped else order.to(self.device, non_blocking=True)
        self._noises = [noise.to(self.device, non_blocking=True) for noise in noises]
        self._pass = number

    def _drawn(self, number: int) -> list[Tensor]:
        """The order (S, n) of a pass, and its noises (S, n, levels, d), on the CPU."""
        orders = []
        for seed, subset in zip(self.seeds, self.subsets, strict=True):
            orders.append(subset[torch.randperm(self.size, generator=torch_generator(seed, "order", number))])
        found = [torch.stack(orders), *(self.draw(stream, number, self.size) for stream in self.streams)]
        return [tensor.pin_memory() for tensor in found] if self._drawing else found

    def draw(self, stream: str, what: int | str, count: int) -> Tensor:
        """Standard normal numbers of every seed, (S, count, n, d), on the CPU."""
        generators = [torch_generator(seed, stream, what) for seed in self.seeds]
        return torch.stack([torch.randn(count, *self.levels, generator=generator) for generator in generators])

    def _gather(self, index: Tensor) -> Tensor:
        """Examples (S, B, *shape) at indices (S, B)."""
        flat = index.reshape(-1)
        if isinstance(self.source, Tensor):
            x = self.source.index_select(0, flat)
        else:
            x = torch.from_numpy(self.source[flat.numpy()]).to(self.device)
        return to_model_units(x.view(*index.shape, *x.shape[1:]), self.dtype)
