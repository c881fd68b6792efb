"""A function of tensors on a GPU: its inputs stay in place, and from the second call on it is one launch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["Resident"]


class Resident:
    """A function whose inputs lie in buffers of its own, filled up to a fixed number of models.

    The kernels that a library chooses, and with them last bits, depend on the size of a stack; with dummies (zeros)
    up to a fixed width a model has the same bits in any company.

    The first call runs the function as it is: what it sets up by itself is then set up. With `graph`, the second call
    captures it as a CUDA graph, and every call from then on replays that.

    Args:
        function: takes tensors (width, ...) and, first, one that has no models; changes nothing outside the GPU.
        width: models that it is computed for.
        graph: whether to capture it.
        pool: memory that captured functions share: no two of them run at the same time, and results are copied.
    """

    def __init__(self, function: Callable[..., Tensor], width: int, graph: bool, pool: Any) -> None:
        self.function, self.width, self.wanted, self.pool = function, width, graph, pool
        self.buffers: list[Tensor] = []
        self.graph: torch.cuda.CUDAGraph | None = None
        self.result: Tensor | None = None

    def __call__(self, clock: Tensor, *batch: Tensor) -> Tensor:
        """The function's result for the models given, (models, ...)."""
        first = not self.buffers
        if first:
            self.buffers = [clock.new_zeros(clock.shape), *(self._buffer(part) for part in batch)]
        self._fill([clock, *batch])
        if first or not self.wanted:
            return self.function(*self.buffers)[: len(batch[0])]
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            # of this thread alone: the one that draws the next pass may pin memory meanwhile, which ends a global one
            with torch.cuda.graph(self.graph, pool=self.pool, capture_error_mode="thread_local"):
                self.result = self.function(*self.buffers)
        self.graph.replay()
        assert self.result is not None
        return self.result[: len(batch[0])].clone()

    def _buffer(self, part: Tensor) -> Tensor:
        return part.new_zeros((self.width, *part.shape[1:]))

    def _fill(self, inputs: Sequence[Tensor]) -> None:
        for buffer, given in zip(self.buffers, inputs, strict=True):
            buffer[: len(given)].copy_(given)
