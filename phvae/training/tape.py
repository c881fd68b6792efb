"""A computation recorded once as the tensor operations it comes down to, and replayed without deriving them again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils._python_dispatch import TorchDispatchMode

__all__ = ["ALIGNMENT", "Tape", "record"]

# A matrix product has other last bits when an operand or the result starts at another address modulo 64 bytes, and
# an exponential when it falls into the rest of a tensor that no full vector covers. In blocks of this many numbers
# neither happens, so that a block has the same bits in any company.
ALIGNMENT = 64

_ATEN = torch.ops.aten
_BMM = _ATEN.bmm.default
_LAYOUTS = {torch.as_strided, _ATEN.constant_pad_nd.default}
_IDENTITIES = {_ATEN.mul.Scalar, _ATEN.mul.Tensor, _ATEN.div.Scalar, _ATEN.div.Tensor, _ATEN.pow.Tensor_Scalar}


class Tape:
    """Operations that `record` saw, replayed on other inputs of the same shapes and types."""

    def __init__(self, recorder: _Recorder, outputs: list[int], inputs: list[int]) -> None:
        steps, outputs = recorder.without_copies(outputs)
        self._inputs, self._outputs = inputs, outputs
        self._values: list[Any] = recorder.initial()
        self._steps: list[tuple[_Step, list[int]]] = []  # with the slots that nobody reads afterwards
        alive = set(outputs)
        for step in reversed(steps):
            if step.writes or alive.intersection(step.results):
                used = set(step.slots())
                ended = [slot for slot in {*used, *step.results} - alive if self._values[slot] is None]
                self._steps.append((step, ended))
                alive |= used
        self._steps.reverse()
        self._ends = _ends([step for step, _ in self._steps])

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """The recorded function's outputs for these inputs."""
        values = self._begin(inputs)
        for step, ended in self._steps:
            step.run(values)
            for slot in ended:
                values[slot] = None
        return [values[slot] for slot in self._outputs]

    @torch.no_grad()
    def branched(self, branch: torch.cuda.Stream, *inputs: Tensor) -> list[Tensor]:
        """The same on a GPU, what no other operation waits for on a stream of its own."""
        values, here = self._begin(inputs), torch.cuda.current_stream()
        held = []  # what the branch reads must not be given to others before it has
        for (step, ended), alone in zip(self._steps, self._ends, strict=True):
            if alone:
                held += [values[slot] for slot in step.slots()]
                branch.wait_stream(here)
                with torch.cuda.stream(branch):
                    step.run(values)
            else:
                step.run(values)
            for slot in ended:
                values[slot] = None
        here.wait_stream(branch)
        return [values[slot] for slot in self._outputs]

    def _begin(self, inputs: Sequence[Tensor]) -> list[Any]:
        """Values of the slots before the first operation."""
        values = self._values.copy()
        for slot, tensor in zip(self._inputs, inputs, strict=True):
            values[slot] = _plain(tensor)
        return values


def record(
    function: Callable[..., list[Tensor]], fixed: Sequence[Tensor], inputs: Sequence[Tensor]
) -> tuple[Tape, list[Tensor]]:
    """Call a function of tensors and record the operations it comes down to.

    Mapping over seeds and differentiating cost more than computing where networks are small, and come to the same
    operations at every step. Recording costs about one call; the replay gives the same bits. Control flow must not
    depend on values, and no random number be drawn.

    Args:
        function: takes tensors, returns a list of tensors.
        fixed: tensors that `function` refers to and that change in place (parameters); everything else it refers to
            is constant.
        inputs: what to call it with.

    Returns:
        The tape, and the function's result.

    Raises:
        ValueError: an operation writes into a constant, draws a random number or brings one to the host.

    >>> tape, first = record(lambda x, y: [(x * y).sum(), x - y], [], [torch.ones(2), torch.ones(2)])
    >>> tape(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    [tensor(11.), tensor([-2., -2.])]
    """
    inputs = [_plain(tensor) for tensor in inputs]
    with _Recorder(fixed, inputs) as recorder:
        outputs = function(*inputs)
    slots = [recorder.slot(tensor) for tensor in outputs]
    return Tape(recorder, slots, [recorder.slot(tensor) for tensor in inputs]), outputs


class _Step(NamedTuple):
    """One operation: its arguments with holes for tensors, the slots that fill the holes, the slots of its results."""

    function: Callable[..., Any]
    arguments: list[Any]
    holes: list[tuple[int, int]]
    lists: list[tuple[int, list[int]]]
    options: dict[str, Any]
    results: list[int]
    single: bool
    writes: bool

    def slots(self) -> list[int]:
        """Slots that it reads."""
        return [slot for _, slot in self.holes] + [slot for _, slots in self.lists for slot in slots]

    def run(self, values: list[Any]) -> None:
        """Compute its results from the values of the slots."""
        arguments = self.arguments.copy()
        for place, slot in self.holes:
            arguments[place] = values[slot]
        for place, slots in self.lists:
            arguments[place] = [values[slot] for slot in slots]
        result = self.function(*arguments, **self.options)
        if self.single:
            values[self.results[0]] = result
        else:
            for slot, value in zip(self.results, result, strict=True):
                values[slot] = value

    def reading(self, instead: dict[int, int]) -> _Step:
        """The same with other slots in the place of some."""
        holes = [(place, instead.get(slot, slot)) for place, slot in self.holes]
        lists = [(place, [instead.get(slot, slot) for slot in slots]) for place, slots in self.lists]
        return self._replace(holes=holes, lists=lists)

    def copies(self) -> bool:
        """Whether its result is its one tensor again: times, over or to the power of one."""
        return self.function in _IDENTITIES and len(self.holes) == 1 and self.arguments[1:] == [1] and not self.options


class _View(NamedTuple):
    """A tensor that is only a way to look at another."""

    root: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int


class _Recorder(TorchDispatchMode):
    """Watches operations. A slot is a place for a tensor: known from the start (fixed or constant), or computed."""

    def __init__(self, fixed: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
        super().__init__()
        self.steps: list[_Step] = []
        self._tensors: list[Any] = []  # by slot; kept alive, so that no identity is used twice
        self._slots: dict[int, int] = {}
        self._known: set[int] = set()  # fixed, constant, or a view of such
        self._fixed: set[int] = set()  # of these, those whose values change
        self._views: dict[int, _View] = {}
        self._made: dict[_View, int] = {}
        for tensor in fixed:
            slot = self._new(tensor)
            self._known.add(slot)
            self._fixed.add(slot)
        for tensor in inputs:
            self._new(tensor)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, which costs seconds

    def initial(self) -> list[Tensor | None]:
        """Values of the slots before a replay."""
        return [tensor if slot in self._known else None for slot, tensor in enumerate(self._tensors)]

    def without_copies(self, outputs: list[int]) -> tuple[list[_Step], list[int]]:
        """Steps and outputs without the steps whose result has the bits, type and layout of what they read."""
        kept: list[_Step] = []
        instead: dict[int, int] = {}
        written = {slot for step in self.steps if step.writes for slot in (*step.slots(), *step.results)}
        for step in self.steps:
            new = step.reading(instead)
            if new.copies():
                source, result = new.holes[0][1], new.results[0]
                same = _laid_out(self._tensors[source]) == _laid_out(self._tensors[result])
                leaves = result in outputs and source in self._known  # what changes in place may not be handed out
                if same and not leaves and not {source, result} & written:
                    instead[result] = source
                    continue
            kept.append(new)
        return kept, [instead.get(slot, slot) for slot in outputs]

    def _new(self, tensor: Tensor | None) -> int:
        self._tensors.append(tensor)
        self._slots[id(tensor)] = len(self._tensors) - 1
        return len(self._tensors) - 1

    def _find(self, tensor: Tensor) -> int:
        """The slot of a tensor; one that nothing has computed is a constant."""
        if id(tensor) not in self._slots:
            self._known.add(self._new(tensor))
        return self._slots[id(tensor)]

    def slot(self, tensor: Tensor) -> int:
        """The slot of a tensor whose value is needed: a view is made here, in one operation, from what it looks at."""
        slot = self._find(tensor)
        view = self._views.get(slot)
        if view is None:
            return slot
        if view not in self._made:
            arguments = [None, view.size, view.stride, view.offset]
            self.steps.append(_Step(torch.as_strided, arguments, [(0, view.root)], [], {}, [slot], True, False))
            self._made[view] = slot
        return self._made[view]

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        if torch.Tag.nondeterministic_seeded in function.tags:
            raise ValueError(f"{function} draws random numbers, which would be recorded once: all noise is eps")
        if function is _BMM and _irregular(*args):
            function = _regular_product
        out = function(*args, **options)
        if not isinstance(out, Tensor | list | tuple):
            raise ValueError(f"{function} brings a number to the host; a training step must stay among tensors")
        if any(isinstance(value, Tensor) for value in options.values()):
            raise ValueError(f"{function} takes a tensor by keyword, which cannot be recorded: pass it by position")
        outs = [out] if isinstance(out, Tensor) else list(out)  # some operations leave a result out: None
        results = [item for item in outs if isinstance(item, Tensor)]
        flat = [item for value in args for item in (value if isinstance(value, list | tuple) else [value])]
        tensors = [item for item in flat if isinstance(item, Tensor)]
        sources = {self._find(tensor) for tensor in tensors}
        if any(result is tensor for result in results for tensor in tensors):
            self._write(function, args, options, results)
        elif tensors and all(any(_shares(result, tensor) for tensor in tensors) for result in results):
            for result in results:
                self._view(result, next(tensor for tensor in tensors if _shares(result, tensor)))
        elif sources <= self._known - self._fixed:
            self._known.update(self._new(result) for result in results)
        else:
            slots = [self._new(item) for item in outs]
            self._step(function, args, options, slots, single=isinstance(out, Tensor))
        return out

    def _write(self, function: Any, args: Any, options: Any, results: list[Tensor]) -> None:
        target = self._find(results[0])
        root = self._views[target].root if target in self._views else target
        if root in self._known:
            raise ValueError(f"{function} writes into a constant, which cannot be recorded: make a new tensor instead")
        self._step(function, args, options, [self.slot(result) for result in results], writes=True)

    def _step(
        self,
        function: Any,
        args: Any,
        options: dict[str, Any],
        results: list[int],
        *,
        single: bool = True,
        writes: bool = False,
    ) -> None:
        arguments, holes, lists = list(args), [], []
        for place, value in enumerate(args):
            if isinstance(value, Tensor):
                arguments[place] = None
                holes.append((place, self.slot(value)))
            elif isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value):
                arguments[place] = None
                lists.append((place, [self.slot(item) for item in value]))
        self.steps.append(_Step(function, arguments, holes, lists, options, results, single, writes))

    def _view(self, result: Tensor, source: Tensor) -> None:
        """Note a view: of something known it is known too; of something computed it is made when it is needed."""
        origin = self._find(source)
        slot = self._new(result)
        if origin in self._known:
            self._known.add(slot)
            if origin in self._fixed:
                self._fixed.add(slot)
            return
        root = self._views[origin].root if origin in self._views else origin
        base = self._tensors[root]
        view = _View(root, tuple(result.shape), result.stride(), int(result.storage_offset()))
        self._made.setdefault(_View(root, tuple(base.shape), base.stride(), int(base.storage_offset())), root)
        self._views[slot] = view


def _shares(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors look at the same numbers."""
    return a.dtype == b.dtype and a.untyped_storage()._cdata == b.untyped_storage()._cdata


def _ends(steps: Sequence[_Step]) -> list[bool]:
    """Whether no computation reads a step's result: a gradient of weights, say, as it is laid out at last."""
    readers: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        for slot in step.slots():
            readers.setdefault(slot, []).append(index)
    found = [False] * len(steps)
    for index in reversed(range(len(steps))):
        step = steps[index]
        reading = [reader for slot in step.results for reader in readers.get(slot, [])]
        layout = all(found[reader] and steps[reader].function in _LAYOUTS for reader in reading)
        found[index] = layout and not step.writes
    return found


def _laid_out(tensor: Tensor) -> tuple[Any, ...]:
    """What a view of a tensor depends on."""
    return tensor.dtype, tensor.shape, tensor.stride(), tensor.storage_offset()


def _plain(tensor: Tensor) -> Tensor:
    """The tensor, or a copy that begins where its storage begins and has no gaps (views of it are by address)."""
    if tensor.storage_offset() == 0 and tensor.is_contiguous():
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)


def _irregular(a: Tensor, b: Tensor) -> bool:
    """Whether a batch of products has bits that depend on its company.

    So it is where the results do not all start at aligned addresses, and where they are single rows or columns: a lone
    product of that shape is computed as a matrix times a vector, by another kernel than a batch of several.
    """
    m, n = a.shape[1], b.shape[2]
    return a.device.type == "cpu" and (m == 1 or n == 1 or m * n % ALIGNMENT != 0)


def _regular_product(a: Tensor, b: Tensor) -> Tensor:
    """Products (S, m, k) (S, k, n), filled up to two rows and to columns that let all results start aligned."""
    m, n = a.shape[1], b.shape[2]
    rows = max(2, m)
    step = max(2, ALIGNMENT // math.gcd(rows, ALIGNMENT))
    if rows > m:
        a = pad(a, (0, 0, 0, rows - m))
    if n % step:
        b = pad(b, (0, -n % step))
    return torch.bmm(a, b)[:, :m, :n].contiguous()
