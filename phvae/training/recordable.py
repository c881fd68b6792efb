"""What a part of a model may not do in a step that is recorded, said in words, with the way out."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from phvae.determinism.untouched import untouched
from phvae.errors import ConfigError
from phvae.own.load import own

__all__ = ["in_words"]

# the folder that a part's file lies in -> what the part is
_KINDS = {
    "bases": "basis",
    "couplings": "coupling",
    "divergences": "objective",
    "likelihoods": "likelihood",
    "networks": "network",
}
_ONCE = "a step is recorded once for all steps and seeds"
# what torch or the recorder says -> what it means
_CAUSES = {
    (
        "brings a number to the host",
        "calling .item()",
        "data-dependent control flow",
        "dynamic shape",
        "Batching rule not implemented for aten::equal",
        "vmap over torch.allclose",
        "Cannot access data pointer",
    ): f"branches on a tensor's value, or takes it out of torch: {_ONCE}; use torch.where, and stay among tensors",
    ("draws random numbers", "random operation"): (
        f"draws random numbers: {_ONCE}, which would all have the same ones; take q.eps, or set draws_prior = True and "
        "ask for at.drawn_prior"
    ),
    ("writes into a constant",): f"writes into a tensor that it keeps: {_ONCE}; make a new tensor",
}


@contextmanager
def in_words() -> Iterator[None]:
    """Raise, of what a recorded step cannot be, a ConfigError that names the part, its line and the way out."""
    with untouched("a part of the model, in a training step,"):
        try:
            yield
        except (RuntimeError, ValueError) as error:
            for signs, meaning in _CAUSES.items():
                if any(sign in str(error) for sign in signs):
                    raise ConfigError(f"{_where(error)} {meaning}") from error
            raise


def _where(error: BaseException) -> str:
    """The part in whose file the error came up last, and the line."""
    files = {str(one.file) for one in own()}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path, line = Path(frame.filename), f"(line {frame.lineno}, `{frame.line}`)"
        if path.parent.name in _KINDS:
            return f"{_KINDS[path.parent.name]} {path.stem} {line}"
        if frame.filename in files:
            return f"{path.name} {line}"
    return "the model"
