"""`fit`: train one model in memory on an array."""

from __future__ import annotations

import copy
import numbers
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from phvae.api.table import in_model_units, is_table
from phvae.api.units import rows
from phvae.config.explain import validated
from phvae.determinism.device import resolve, session
from phvae.determinism.seeding import numpy_generator
from phvae.errors import ConfigError, DataError, PhvaeError
from phvae.model.hierarchy import is_binary, warn_if_binary
from phvae.model.inputs import data_batch, readable
from phvae.progress import Meter, epoch_line
from phvae.training.build import build
from phvae.training.options import TrainingConfig

if TYPE_CHECKING:
    import pandas as pd

    from phvae.api.phvae import PHVAE

__all__ = ["fit"]

_threaded: set[int] = set()  # numbers of the processes that trained with several threads


def fit(
    model: PHVAE,
    x: Any,
    *,
    validation: float | Any = 0.1,
    standardise: bool = True,
    epochs: int = 30,
    steps: int | None = None,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    warm_up: float = 0.0,
    select: Literal["loss", "elbo", "reconstruction", "last"] = "loss",
    precision: Literal["float32", "bfloat16", "tf32", "float64"] = "float32",
    seed: int = 0,
    device: str = "auto",
    progress: bool = False,
) -> pd.DataFrame:
    """Train a model on an array and leave it with the weights of one of its epochs, by default the best.

    Training goes on from the model's present weights. Equal arguments give equal weights; with one torch thread they
    are those of a run of the workflow with the same data, seed and settings. No global random state is used.

    Warns on binary data with order > 1, where the polynomial levels carry nothing new.

    Args:
        model: changed in place; stays on its device.
        x: (N, *shape) array or tensor: images, uint8 or floats in [0, 1]; or a table of real numbers in any units, also
            as a data frame. Without masks.
        validation: a share of x held out (drawn from `seed`), or an array like x. It chooses the epoch.
        standardise: map the columns of a table to where powers are tame, once; the map stays with the model
            (`scaling`). Images, and likelihoods on [0, 1], have no map. False: x is in the model's units.
        epochs: passes over the training examples.
        steps: optimiser steps in all, divided into `epochs` epochs; replaces passes.
        batch_size: examples per step; a batch may hold the end of one pass and the beginning of the next.
        learning_rate: Adam's.
        warm_up: share of the steps over which the divergence's weight grows from 0 to 1.
        select: the epoch whose weights are kept: that of the lowest validation `loss`; of the lowest `elbo`, which is
            reconstruction + KL(q || p), whatever the divergence; of the lowest `reconstruction`; or the `last`.
        precision: of the computation.
        seed: drives order and noise.
        device: `auto`, `cpu` or `cuda`.
        progress: print a line per epoch, and on a terminal a bar.

    Returns:
        History, one row per epoch: epoch, step, weight, then every term for train and validation in nats, densities
        in the model's units. Training terms are means over the epoch at the weight of the time, validation terms use
        the final weight.

    Raises:
        DataError: x or `validation` has a wrong shape, type or range, is too small to be split, or has values whose
            powers are too large.
        ConfigError: an impossible setting; a frozen parameter (all are trained); several threads in a process forked
            from one that trained with several: it would hang for ever.
        PhvaeError: the loss became NaN or infinite; the model is unchanged.

    Examples:
        >>> from phvae import PHVAE
        >>> model = PHVAE((2,), latent_size=2, network={"name": "dense", "hidden": [8]}, seed=0)
        >>> x = np.random.default_rng(0).normal(170, 10, (320, 2))
        >>> history = model.fit(x, epochs=3, learning_rate=0.02, seed=0)
        >>> len(history), bool(history.validation_loss[2] < history.validation_loss[0])
        (3, True)
        >>> bool(150 < model.sample(100).mean() < 190)
        True
    """
    import pandas as pd

    options = {
        "epochs": epochs,
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedule": {"name": "linear" if warm_up else "constant", "warm_up": warm_up},
        "select": select,
        "precision": precision,
    }
    settings = validated(TrainingConfig, options, lambda key: f"fit: {key.removeprefix('schedule.')}")
    _refuse_frozen(model)
    _refuse_fork(torch.get_num_threads())
    mapped = standardise and is_table(model)
    train, held_out = _split(model, x, validation, seed, _rows if mapped else _checked)
    warn_if_binary(is_binary(train), model.order, model.config.basis)
    scaling = None
    if is_table(model):
        parts = {"x": train, "validation": held_out}
        (train, held_out), scaling = in_model_units(model, parts, list(getattr(x, "columns", ())), standardise)
    target = resolve(device)
    with session(target, torch.get_num_threads(), precision):
        trainer = build(
            copy.deepcopy(model),
            [seed],
            [{name: parameter.detach().cpu() for name, parameter in model.named_parameters()}],
            train,
            [np.arange(len(train))],
            held_out,
            settings,
            device=target,
            threads=torch.get_num_threads(),
        )
        meter = Meter("fit", trainer.ends[-1]) if progress else None
        record = trainer.progress[0]
        best: dict[str, Tensor] = {}

        def each_epoch() -> None:
            if meter and not record.diverged:
                meter.line(epoch_line(record.rows[-1:], len(trainer.ends)))

        def each_step() -> None:
            if meter:
                meter.step(trainer.step)

        trainer.run(lambda _, state: best.update(state), each_step, each_epoch)
    if record.diverged:
        raise PhvaeError(
            f"training {record.divergence_told(model.config.divergence.name)}; the model is unchanged. Lower "
            f"learning_rate ({learning_rate})"
        )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(best[name])
    model.scaling = scaling
    return pd.DataFrame(record.rows)


def _split(
    model: PHVAE, x: Any, validation: Any, seed: int, read: Callable[[PHVAE, Any, str], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Checked training and validation examples."""
    train = read(model, x, "x")
    if not isinstance(validation, numbers.Real):  # NumPy's scalars too
        return train, read(model, validation, "validation")
    share = float(validation)
    if not 0 < share < 1:
        raise DataError(f"validation is {validation}, expected a share between 0 and 1, or an array")
    if len(train) < 2:
        raise DataError(f"x has {len(train)} example, expected at least 2: some are held out to choose the best epoch")
    count = min(max(1, round(share * len(train))), len(train) - 1)
    order = numpy_generator(seed, "validation").permutation(len(train))
    return train[np.sort(order[count:])], train[np.sort(order[:count])]


def _rows(model: PHVAE, x: Any, what: str) -> np.ndarray:
    """A table's rows in the user's units, (N, D) float64."""
    return rows(x, model.shape, what).numpy(force=True)


def _checked(model: PHVAE, x: Any, what: str) -> np.ndarray:
    """x as a NumPy array of uint8 or floating point, after the checks of the model's own inputs."""
    array = readable(x.detach() if isinstance(x, Tensor) else x, what)
    if str(array.dtype).endswith("uint8"):  # any value is good
        some = array[:1] if tuple(array.shape[1:]) == model.shape else array
        data_batch(some, model.shape, model.unit_interval, torch.zeros(()), what)
        return array.numpy(force=True) if isinstance(array, Tensor) else array
    like = torch.zeros((), dtype=torch.float64 if str(array.dtype).endswith("float64") else torch.float32)
    return data_batch(array, model.shape, model.unit_interval, like, what).numpy()


def _refuse_frozen(model: PHVAE) -> None:
    """All parameters are trained, whatever their owner wished: so nobody may have wished otherwise."""
    if frozen := [name for name, parameter in model.named_parameters() if not parameter.requires_grad]:
        raise ConfigError(
            f"{len(frozen)} parameters are frozen, such as {frozen[0]}, but fit trains all of them: "
            "call model.requires_grad_() first"
        )


def _refuse_fork(threads: int) -> None:
    """OpenMP's threads do not survive a fork: whoever waits for them waits for ever."""
    if threads > 1:
        if _threaded - {os.getpid()}:
            raise ConfigError(
                f"forked from a process that had trained with several threads, this one would hang with {threads}: "
                'call torch.set_num_threads(1) first, or start processes with multiprocessing.get_context("spawn")'
            )
        _threaded.add(os.getpid())
