"""A table of one's own: any units in, the same units out, and one message for each way to get it wrong."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from tiny import dense
from torch.utils.data import DataLoader, TensorDataset

from phvae import PHVAE, load
from phvae.data.standardise import column_scaling
from phvae.errors import ConfigError, DataError

SMALL: dict[str, Any] = {"latent_size": 4, "network": dense(16)}
QUICK: dict[str, Any] = {"epochs": 1, "device": "cpu"}
MEAN, COVARIANCE = np.array([1e4, 1e4]), 1e6 * np.array([[1, 0.8], [0.8, 1]])
NORMAL = np.random.default_rng(0).normal(size=(200, 4))


def _people(n: int = 200) -> pd.DataFrame:
    """Columns of unlike units and types."""
    g = np.random.default_rng(1)
    age = g.integers(18, 90, n)
    return pd.DataFrame({"age": age, "income": g.lognormal(10, 0.5, n), "smokes": g.random(n) < 0.3})


@pytest.fixture(scope="module")
def fitted() -> PHVAE:
    model = PHVAE((3,), order=2, **SMALL)
    model.fit(_people(), **QUICK)
    return model


@pytest.mark.slow
def test_on_a_known_density_log_px_and_samples_are_right_in_its_own_units():
    """Mean 1e4, standard deviation 1e3, correlation .8: log p(x) averages to minus the entropy, about -16.14 nats."""
    g = np.random.default_rng(0)
    x, held_out = (g.multivariate_normal(MEAN, COVARIANCE, n) for n in (6000, 300))
    options = {"likelihood": {"name": "gaussian", "scale": "learned"}, "divergence": "kl"}
    model = PHVAE((2,), order=2, latent_size=4, network=dense(32), seed=0, **options)
    model.fit(x, epochs=30, learning_rate=5e-3, seed=0, device="cpu")
    found = model.log_likelihood(held_out).numpy()
    away = np.einsum("ni,ij,nj->n", held_out - MEAN, np.linalg.inv(COVARIANCE), held_out - MEAN)
    exact = -0.5 * (away + np.linalg.slogdet(2 * math.pi * COVARIANCE)[1])
    entropy = 0.5 * np.linalg.slogdet(2 * math.pi * math.e * COVARIANCE)[1]
    assert exact.mean() == pytest.approx(-entropy, abs=0.2)
    assert 0 <= exact.mean() - found.mean() < 0.1
    draws = model.sample(4000, 1, noise=True).numpy()
    assert draws.mean(0) == pytest.approx(MEAN, abs=100)
    assert draws.std(0) == pytest.approx([1000, 1000], rel=0.1)
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(0.8, abs=0.06)


def test_all_that_goes_in_and_comes_out_is_in_the_tables_units():
    """Another unit of a column changes nothing inside, and log p(x) by the logarithm of the factor."""
    x, units = NORMAL + 3.0, np.array([1.0, 1e-3, 1e5, 2.0])
    one, other = PHVAE((4,), order=3, latent_size=6), PHVAE((4,), order=3, latent_size=6)
    histories = [model.fit(data, **QUICK) for model, data in ((one, x), (other, x * units))]
    assert np.allclose(histories[0], histories[1], rtol=1e-4)
    assert torch.allclose(one.encode(x)[0], other.encode(x * units)[0], atol=1e-3)
    assert np.allclose(one.reconstruct(x), other.reconstruct(x * units).numpy() / units, atol=1e-3)
    assert np.allclose(one.sample(9, noise=True), other.sample(9, noise=True).numpy() / units, atol=1e-3)
    moved = one.log_likelihood(x[:3], 64) - other.log_likelihood(x[:3] * units, 64)
    assert moved.numpy() == pytest.approx(np.log(units).sum(), abs=1e-3)


def test_log_px_is_that_of_the_model_and_the_log_determinant_of_the_map():
    model = PHVAE((4,), **SMALL)
    model.fit(NORMAL * 50, **QUICK)
    assert model.scaling is not None
    offset, scale = (np.array(part) for part in model.scaling)
    inside = PHVAE((4,), **SMALL)
    inside.load_state_dict(model.state_dict())
    expected = inside.log_likelihood(offset + scale * NORMAL[:5] * 50, 64) + math.log(np.prod(scale))
    assert torch.allclose(model.log_likelihood(NORMAL[:5] * 50, 64), expected, atol=1e-5)
    assert (expected - inside.log_likelihood(offset + scale * NORMAL[:5] * 50, 64)).abs().min() > 1


def test_a_large_mean_keeps_its_small_digits(fitted: PHVAE):
    """In float32 all these rows are one number."""
    x = 1e9 + NORMAL
    model = PHVAE((4,), **SMALL)
    model.fit(x, epochs=20, learning_rate=1e-2, device="cpu")
    assert model.reconstruct(x).dtype == torch.float64
    assert (model.reconstruct(x).numpy() - 1e9).std() > 0.05
    assert np.abs(model.reconstruct(x).numpy() - x).max() < 10


def test_the_map_is_saved_and_loaded_with_the_model(fitted: PHVAE, tmp_path: Path):
    fitted.save(tmp_path)
    again, x = load(tmp_path), _people()[:5]
    assert again.scaling == fitted.scaling
    assert torch.equal(again.reconstruct(x), fitted.reconstruct(x))
    assert torch.equal(again.log_likelihood(x, 32), fitted.log_likelihood(x, 32))
    assert torch.equal(again.sample(5), fitted.sample(5))


def test_a_data_frame_is_its_array(fitted: PHVAE):
    model = PHVAE((3,), order=2, **SMALL)
    model.fit(_people().to_numpy(float), **QUICK)
    assert model.scaling == fitted.scaling
    assert torch.equal(model.sample(3), fitted.sample(3))
    assert torch.equal(model.encode(_people())[0], fitted.encode(_people().to_numpy(float))[0])
    nullable = _people().astype({"age": "Int64", "income": "Float64"})
    assert torch.equal(model.encode(nullable)[0], model.encode(_people())[0])


def test_whole_numbers_and_bytes_of_a_table_are_what_they_say():
    x = np.random.default_rng(0).integers(0, 200, (100, 2))
    models = [PHVAE((2,), **SMALL) for _ in range(3)]
    for model, kind in zip(models, (np.int64, np.uint8, float), strict=True):
        model.fit(x.astype(kind), **QUICK)
    assert models[0].scaling == models[1].scaling == models[2].scaling
    assert torch.equal(models[0].encode(x)[0], models[1].encode(x.astype(np.uint8))[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wine", "breast cancer", "diabetes", "outliers", "cauchy"])
@pytest.mark.parametrize(("basis", "weights"), [("monomial", "uniform"), ("chebyshev", "first")])
@pytest.mark.filterwarnings("ignore:x. 99 %")
def test_tables_train_at_order_8(name: str, basis: str, weights: str):
    """As z-scores they diverge."""
    g = np.random.default_rng(0)
    x = {
        "wine": lambda: load_wine().data,
        "breast cancer": lambda: load_breast_cancer().data,
        "diabetes": lambda: load_diabetes(scaled=False).data,
        "outliers": lambda: np.where(g.random((1000, 3)) < 0.003, 1e3, g.normal(size=(1000, 3))),
        "cauchy": lambda: g.standard_cauchy((1000, 3)),
    }[name]()
    options = {"latent_size": 8, "network": dense(32), "reconstruction_weights": weights, "basis": basis}
    history = PHVAE(x.shape[1:], order=8, **options).fit(x, steps=200, epochs=4, device="cpu")
    loss = history.validation_loss / x.shape[1]
    assert loss.iloc[-1] < loss.iloc[0]
    assert loss.iloc[-1] < 10


def test_training_goes_on_with_the_first_map():
    model = PHVAE((4,), **SMALL)
    model.fit(NORMAL, **QUICK)
    first = model.scaling
    model.fit(NORMAL * 1.5 + 0.2, **QUICK)
    assert model.scaling == first
    with pytest.raises(DataError, match=r"x: column \d reaches .* the model keeps the map of its first fit"):
        model.fit(NORMAL * 1e4, **QUICK)
    with pytest.raises(ConfigError, match=r"standardise is False, but the model has a map.*set model\.scaling = None"):
        model.fit(NORMAL, standardise=False, **QUICK)


def test_a_training_that_failed_leaves_no_map():
    model = PHVAE((4,), **SMALL)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(NORMAL, learning_rate=1e38, **QUICK)
    assert model.scaling is None


def test_images_and_likelihoods_of_the_unit_interval_have_no_map():
    image, flat = PHVAE((1, 6, 6), **SMALL), PHVAE((4,), likelihood="bernoulli", **SMALL)
    image.fit(np.random.default_rng(0).random((50, 1, 6, 6)), **QUICK)
    flat.fit(np.random.default_rng(0).random((50, 4)), **QUICK)
    assert image.scaling is flat.scaling is None


def test_without_standardise_a_table_is_in_the_models_units():
    model = PHVAE((4,), **SMALL)
    model.fit(0.5 + 0.1 * NORMAL, standardise=False, **QUICK)
    assert model.scaling is None
    assert model.sample(3).dtype == torch.float32


def test_a_binary_table_still_warns():
    with pytest.warns(UserWarning, match="the data are binary"):
        PHVAE((4,), order=2, **SMALL).fit((NORMAL > 0).astype(float), **QUICK)


def test_the_ends_of_every_column_become_a_tenth_and_nine_tenths():
    x = _people().to_numpy(float)
    offset, scale = column_scaling(x)
    mapped = offset + scale * x
    assert np.allclose(mapped.min(0), 0.1)
    assert np.allclose(mapped.max(0), 0.9)


def test_outliers_that_make_a_column_thin_are_named():
    x = NORMAL.copy()
    x[0, 2] = 1e4
    with pytest.warns(UserWarning, match=r"outliers, in columns height: .*np\.log"):
        column_scaling(x, ["a", "b", "height", "d"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        column_scaling(NORMAL)
        column_scaling((np.arange(1000) == 3).astype(float)[:, None])  # a rare flag is none


def _loader() -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.zeros(8, 4)), 4)


MISUSES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "one number": (lambda: PHVAE(10), ConfigError, r"shape is 10, expected .*\(columns,\) of a table"),  # type: ignore[arg-type]
    "channels last": (
        lambda: PHVAE((32, 32, 3)),
        ConfigError,
        r"shape is \(32, 32, 3\), expected channels first, \(3, 32, 32\)",
    ),
    "grey last": (lambda: PHVAE((28, 28, 1)), ConfigError, r"expected channels first, \(1, 28, 28\): move"),
    "images with channels last": (
        lambda: PHVAE((3, 8, 8), **SMALL).fit(np.zeros((9, 8, 8, 3)), **QUICK),
        DataError,
        r"x has shape \(9, 8, 8, 3\), expected \(batch, 3, 8, 8\); channels come first: np\.moveaxis\(x, -1, 1\)",
    ),
    "grey images": (
        lambda: PHVAE((1, 8, 8), **SMALL).encode(np.zeros((9, 8, 8))),
        DataError,
        r"expected \(batch, 1, 8, 8\); add an axis: x\[:, None\]",
    ),
    "one column": (
        lambda: PHVAE((1,), **SMALL).fit(NORMAL[:, 0], **QUICK),
        DataError,
        r"expected \(batch, 1\); add an axis: x\[:, None\]",
    ),
    "indivisible": (
        lambda: PHVAE((10,), latent_size=10, order=3),
        ConfigError,
        r"^PHVAE: latent_size 10 is not divisible by order 3: .*; take 9 or 12$",
    ),
    "smaller than the order": (lambda: PHVAE((10,), latent_size=2, order=3), ConfigError, r"; take 3$"),
    "no such likelihood": (
        lambda: PHVAE((10,), likelihood="mse"),
        ConfigError,
        r"^PHVAE: likelihood: found 'mse', expected one of .*'gaussian'; a part of your own",
    ),
    "an order for a config": (
        lambda: PHVAE((10,), 3),  # type: ignore[arg-type]
        ConfigError,
        "config is 3, expected a ModelConfig; or pass options by name",
    ),
    "a loader": (
        lambda: PHVAE((4,), **SMALL).fit(_loader(), **QUICK),
        DataError,
        r"x is a DataLoader, expected all examples as one array or tensor: pass torch\.cat\(\[part\[0\] for part in x",
    ),
    "a data set": (
        lambda: PHVAE((4,), **SMALL).encode(_loader().dataset),
        DataError,
        r"x is a TensorDataset, .*: pass torch\.stack",
    ),
    "text": (
        lambda: PHVAE((4,), **SMALL).fit(_people().assign(town="Ulm", born=pd.Timestamp(0)), **QUICK),
        DataError,
        r"x has columns that are no numbers: 'town' \(.*\), 'born' \(datetime64.*\); expected numbers alone: leave",
    ),
    "missing": (
        lambda: PHVAE((3,), **SMALL).fit(_people().astype({"age": "Int64"}).replace(20, pd.NA), **QUICK),
        DataError,
        r"x holds \d+ NaN or infinite values, expected finite numbers: fill them, or leave",
    ),
    "another number of columns": (
        lambda: PHVAE((4,), **SMALL).fit(_people(), **QUICK),
        DataError,
        r"x has shape \(200, 3\), expected \(batch, 4\)",
    ),
    "constant": (
        lambda: PHVAE((4,), **SMALL).fit(_people().assign(country=7.0), **QUICK),
        DataError,
        r"columns without a scale \(constant.*\): country; .* leave these out, or pass standardise=False",
    ),
    "times 100": (
        lambda: PHVAE((4,), **SMALL).fit(100 * NORMAL, standardise=False, **QUICK),
        DataError,
        r"x: column \d reaches -?\d+.* its level 1 \(monomial\) is \d+, expected 100 at most: pass standardise=True",
    ),
    "powers": (
        lambda: PHVAE((4,), order=4, **SMALL).fit(NORMAL, standardise=False, **QUICK),
        DataError,
        r"its level 4 \(monomial\) is \d+, expected 100 at most: pass standardise=True",
    ),
    "no epochs": (
        lambda: PHVAE((4,), **SMALL).fit(NORMAL, epochs=0),
        ConfigError,
        r"^fit: epochs: found 0, expected at least 1$",
    ),
    "warm-up": (lambda: PHVAE((4,), **SMALL).fit(NORMAL, warm_up=2.0), ConfigError, r"^fit: warm_up: found 2\.0, exp"),
}


@pytest.mark.parametrize("case", MISUSES)
def test_every_misuse_has_one_message(case: str):
    call, kind, message = MISUSES[case]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "pydantic" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_help_shows_the_options_of_fit():
    shown = inspect.signature(PHVAE.fit).parameters
    assert {"x", "validation", "standardise", "epochs", "learning_rate", "seed", "device", "progress"} <= set(shown)
    assert (shown["standardise"].default, shown["standardise"].annotation) == (True, "bool")
    assert all(option.annotation is not inspect.Parameter.empty for option in shown.values())
    assert "standardise: map the columns" in str(PHVAE.fit.__doc__)


@pytest.mark.slow
def test_the_api_loads_no_pandas_before_a_history_is_made():
    code = "import sys; from phvae import PHVAE; PHVAE((2,)).encode([[0.0, 1.0]]); print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
