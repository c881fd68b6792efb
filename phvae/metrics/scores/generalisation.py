"""The generalisation gap: what a run's own training examples gain over the test split."""

from __future__ import annotations

import numpy as np

from phvae.metrics.log_px import error_of_mean, is_density, unsettled
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.pixels import errors
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt

__all__ = ["METRICS", "rows"]


def _density(inputs: Inputs) -> bool:
    return inputs.model is None or is_density(inputs.model.likelihood.name, inputs.data.binary)


def _grey(inputs: Inputs) -> bool:
    return not _density(inputs)


def _images(inputs: Inputs) -> bool:
    return not inputs.data.is_density


_MERIT = "; 0 is the value of a model that has learnt nothing of its examples alone, and beyond it is no merit"

METRICS = (
    Metric(
        name="gap_elbo",
        group="likelihood",
        label="ELBO gap",
        definition="`elbo` of as many of the run's own training examples minus that of test examples" + _MERIT,
        unit="nats",
        higher_is_better=False,
        source="this project, after Kingma and Welling 2014, fig. 2",
        best=0.0,
        when=_density,
        shown=(Shown(table=86, sizes=94),),
    ),
    Metric(
        name="gap_nll",
        group="likelihood",
        label="NLL gap",
        definition="`nll` of as many of the run's own training examples minus that of test examples" + _MERIT,
        unit="nats",
        higher_is_better=True,
        source="this project, after Wu et al. 2017, sec. 5",
        best=0.0,
        when=_density,
        shown=(Shown(table=87, sizes=96),),
    ),
    Metric(
        name="gap_bce_elbo",
        group="likelihood",
        label="BCE bound gap",
        definition="`bce_elbo` of as many of the run's own training examples minus that of test examples" + _MERIT,
        unit="nats",
        higher_is_better=False,
        source="this project",
        best=0.0,
        when=_grey,
    ),
    Metric(
        name="gap_mse",
        group="likelihood",
        label="MSE gap",
        definition="`mse` of as many of the run's own training examples minus that of test examples" + _MERIT,
        unit="1",
        higher_is_better=True,
        source="this project",
        best=0.0,
        when=_images,
        shown=(Shown(table=88, sizes=92),),
    ),
)

ABSENT = "no array of the run's training examples: a run encoded with them has one"


def _train(inputs: Inputs, name: str) -> np.ndarray:
    if f"train_{name}" not in inputs.arrays:
        raise Undefined(ABSENT)
    return finite(f"train_{name}", inputs.arrays[f"train_{name}"])


def _gap(inputs: Inputs, name: str) -> float:
    """Mean over training minus mean over test examples."""
    test = finite(name, inputs.arrays[name])
    return float(_train(inputs, name).mean(dtype=np.float64) - test.mean(dtype=np.float64))


def _error(inputs: Inputs, name: str) -> float | None:
    """The Monte Carlo standard error of a gap; that of the choice of examples is no part of it."""
    if f"train_{name}" not in inputs.arrays:
        return None
    train, test = _both(inputs, name)
    return float(np.hypot(error_of_mean(train), error_of_mean(test)))


def _both(inputs: Inputs, name: str) -> tuple[np.ndarray, np.ndarray]:
    return inputs.arrays[f"train_{name}"], inputs.arrays[name]


def _mse(inputs: Inputs) -> float:
    made = finite("reconstructions", inputs.arrays["reconstructions"])
    return float(_train(inputs, "error").mean() - errors(np.asarray(inputs.data.test[: len(made)]), made).mean())


def _caution(inputs: Inputs) -> str:
    """Why the likelihoods decide nothing, if those of either side have not settled."""
    if "train_log_px_settled" not in inputs.arrays:
        return ""
    draws = int(inputs.arrays["log_px_draws"].max())
    sides = [unsettled(settled, draws) for settled in _both(inputs, "log_px_settled")]
    return next((text for text in sides if text), "")


def rows(inputs: Inputs) -> list[Row]:
    """The gaps of the bound, of the likelihood where it is one, and of the squared error of images."""
    bound = "gap_elbo" if _density(inputs) else "gap_bce_elbo"
    n, how = _size(inputs, "elbo", "elbo")
    error = _error(inputs, "elbo_error")
    found = attempt([bound], lambda: {bound: _gap(inputs, "elbo")}, n=n, settings=how, noise_sd=error)
    if _density(inputs):
        error, caution = _error(inputs, "log_px_error"), _caution(inputs)
        found += attempt(
            ["gap_nll"],
            lambda: {"gap_nll": -_gap(inputs, "log_px")},
            n=n,
            settings=how,
            noise_sd=error,
            caution=caution,
        )
    if _images(inputs):
        n, how = _size(inputs, "error", "reconstructions")
        found += attempt(["gap_mse"], lambda: {"gap_mse": _mse(inputs)}, n=n, settings=how)
    return found


def _size(inputs: Inputs, train: str, test: str) -> tuple[int | None, str]:
    """How many training examples a gap is of, and the settings that say so."""
    if f"train_{train}" not in inputs.arrays:
        return None, ""
    n = len(inputs.arrays[f"train_{train}"])
    return n, f"{n} training examples, drawn by one fixed seed; {len(inputs.arrays[test])} test examples"
