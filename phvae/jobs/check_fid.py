"""Whether FID as computed here is torch-fidelity's, on the same pictures and weights, and the published number."""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import pickle
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phvae.data.files.archives import names_of, walk
from phvae.data.files.pictures import Rule, decode_all
from phvae.data.files.places import cache_folder
from phvae.data.files.trees import is_picture
from phvae.data.kinds.cifar import published_batches, read_batch
from phvae.data.recipe import Sources
from phvae.determinism.device import hardware, resolve, session
from phvae.errors import DataError, no_memory
from phvae.experiment.provenance import commit, versions
from phvae.files import sha256
from phvae.metrics.features import Extractor, extract, inception
from phvae.metrics.fidelity import frechet, library_options
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.weights import INCEPTION_SHA256, INCEPTION_URL, fetch_inception, inception_weights

if TYPE_CHECKING:
    from torch_fidelity.datasets import ImagesPathDataset

__all__ = ["Finding", "check_fid", "report"]

# FID of the two subsets of CIFAR-10 that torch-fidelity 0.4.0 tests itself with: its value, within 1e-5 of the first
# implementation's (tests/tf1/numerical_precision/test_metric_fid_fidelity.py), and how far versions of torch and GPUs
# may move it (tests/torch_versions_ge_1_13_0/test_versions.py).
PUBLISHED, WITHIN = 10.3233274, 0.01
SUBSET, SUBSET_SEED = 5_000, 2020
ALIKE, ROUNDING = 1e-5, 1e-3  # of the value; and in itself, for what roots of rounding errors leave
_BATCH = 250


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        weights: name and SHA-256 of the file, and where it came from.
        images: both sets in words.
        ours: FID by this program.
        theirs: FID by torch-fidelity.
        published: whether the sets are those of `PUBLISHED`.
        device: cpu or cuda.
    """

    weights: tuple[str, str, str]
    images: tuple[str, str]
    ours: float
    theirs: float
    published: bool
    device: str


def check_fid(weights: str | None = None, folders: Sequence[str] | None = None) -> Finding:
    """FID of two sets of pictures by this program's own path, and by torch-fidelity from the same files.

    Args:
        weights: file of Inception-v3 weights; by default the published ones, fetched where they are not there yet.
        folders: two folders of pictures; by default torch-fidelity's subsets of CIFAR-10, fetched likewise.

    Raises:
        DataError: weights, data or pictures are absent, damaged or of mixed size.
    """
    import torch

    for folder in folders or ():
        _names(Path(folder))  # before anything is fetched
    device = resolve("auto")
    path, origin = _found(weights)
    digest = sha256(path)
    with tempfile.TemporaryDirectory(prefix="phvae-check-fid-") as scratch, session(device, torch.get_num_threads()):
        network = _network(path, digest if weights else INCEPTION_SHA256, device)
        pair = [Path(folder) for folder in folders] if folders else _subsets(Path(scratch))
        (one, first), (two, second) = (_features(folder, network, device) for folder in pair)
        ours = frechet(one, two)
        theirs = _torch_fidelity(pair[0], pair[1], path, device)
    return Finding((path.name, digest, origin), (first, second), ours, theirs, not folders, device)


def report(found: Finding) -> tuple[str, bool]:
    """The finding as text that can be pasted into an issue, and whether all that could be held together agrees."""
    known, (name, digest, origin) = versions(), found.weights
    genuine = digest == INCEPTION_SHA256
    difference = abs(found.ours - found.theirs)
    alike = difference <= max(ALIKE * abs(found.theirs), ROUNDING)
    shown = [f"{package} {known[package]}" for package in ("phvae", "python", "torch", "torch-fidelity", "numpy")]
    head, dirty = commit()
    lines = [
        ("versions", f"{', '.join(shown)}, pillow {importlib.metadata.version('pillow')}"),
        ("commit", f"{head or 'unknown'}{', with edits' if dirty else ''}"),
        ("machine", f"{sys.platform}, {hardware(found.device)}, {found.device}"),
        ("weights", f"{name}, {origin}"),
        ("", f"sha256 {digest}: {'the published ones' if genuine else f'NOT the published {INCEPTION_SHA256[:8]}...'}"),
        ("images", found.images[0]),
        ("", found.images[1]),
        ("phvae", f"{found.ours:.7f}"),
        ("torch-fidelity", f"{found.theirs:.7f}"),
        ("difference", f"{difference:.1e}: {'equal to rounding' if alike else 'MORE than rounding'}"),
    ]
    good = alike
    if found.published and genuine:
        near = abs(found.ours - PUBLISHED) <= WITHIN
        good = alike and near
        text = f"{PUBLISHED} within {WITHIN} (torch-fidelity 0.4.0, its tests): {'reached' if near else 'NOT reached'}"
        lines.append(("published", text))
    verdict = "FID here is FID" if good else "FID here is NOT FID: please report this"
    if not genuine:
        verdict = "the same arithmetic, but with these weights no FID" if good else "NOT the same arithmetic"
    lines.append(("verdict", verdict))
    return "\n".join(["phvae check-fid", "", *(f"    {what:16}{text}".rstrip() for what, text in lines)]), good


def _found(weights: str | None) -> tuple[Path, str]:
    """The file of weights, and where it came from; fetched if none is named or found."""
    if weights:
        if not Path(weights).is_file():
            raise DataError(f"--weights: no file {weights}")
        return Path(weights), "named by --weights"
    path, _ = inception_weights(EvaluationConfig())
    if path:
        return path, f"found; published at {INCEPTION_URL}"
    print(f"fetching the Inception-v3 weights (91 MB) from {INCEPTION_URL}", file=sys.stderr)
    return fetch_inception(), f"fetched from {INCEPTION_URL}"


def _network(path: Path, digest: str, device: str) -> Extractor:
    """Inception-v3 with the weights of a file.

    Raises:
        DataError: another hash than `digest`; a pickle that would run code, or no weights of this network.
    """
    import torch

    try:
        if digest != INCEPTION_SHA256:
            torch.load(path, map_location="cpu", weights_only=True)
        return inception(path, digest, device)
    except (pickle.UnpicklingError, EOFError, RuntimeError, TypeError, AttributeError) as error:
        if no_memory(error):
            raise
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: no state dict of torch-fidelity's Inception-v3 ({first})") from None


def _subsets(folder: Path) -> list[Path]:
    """torch-fidelity's subsets of CIFAR-10 as pictures: 5,000 of the training and of the test part, by its own seed."""
    from PIL import Image

    print("looking for CIFAR-10 (170 MB if it is fetched)", file=sys.stderr)
    _, batches = published_batches(Sources(cache=cache_folder(), download=True, progress=True, kind="cifar10"))
    images = {name: read_batch(name, content)[0] for name, content in batches.items()}
    test = images.pop("test_batch")
    made = []
    for part, whole in (("train", np.concatenate(list(images.values()))), ("test", test)):
        generator = np.random.RandomState(SUBSET_SEED)  # as the published subsets were drawn
        rows = generator.choice(len(whole), min(SUBSET, len(whole)), replace=False)
        made.append(folder / f"cifar10-{part}-{len(rows)}")
        made[-1].mkdir()
        for row in rows:
            Image.fromarray(whole[row].transpose(1, 2, 0)).save(made[-1] / f"{row:05d}.png")
    return made


def _features(folder: Path, network: Extractor, device: str) -> tuple[np.ndarray, str]:
    """Features (n, 2048) of a folder's pictures, and what these are: name, number, size, hash of the pixels."""
    from tqdm import tqdm

    digest, parts = hashlib.sha256(), []
    pictures = _pictures(folder)
    with tqdm(desc=folder.name, unit=" pictures", leave=False, disable=None) as bar:
        while batch := list(itertools.islice(pictures, _BATCH)):
            images = np.stack(batch)
            digest.update(images.data)
            parts.append(extract(images, network, device=device))
            bar.update(len(batch))
    features = np.concatenate(parts)
    if len(features) < 2:
        raise DataError(f"{folder}: one picture, expected at least two")
    size = _size(images.shape)
    return features, f"{folder.name}: {len(features):,} of {size} pixels, their sha256 {digest.hexdigest()[:16]}"


def _pictures(folder: Path) -> Iterator[np.ndarray]:
    """The pictures of a folder and those below it, (3, H, W) each, as `kind: images` reads them."""
    shape = None
    for name, picture in decode_all(walk(folder, is_picture), Rule()):
        if isinstance(picture, DataError):
            raise DataError(f"{folder}: {picture}")
        if picture.shape != (shape := shape or picture.shape):
            raise DataError(
                f"{folder}: pictures of mixed size: {name} has {_size(picture.shape)}, others {_size(shape)}"
            )
        yield picture


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[-2]} x {shape[-1]}"


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"--folders: no folder {folder}")
    names = names_of(folder, is_picture)
    if not names:
        raise DataError(f"{folder}: holds no picture (png, jpg, jpeg, webp)")
    return names


def _torch_fidelity(one: Path, two: Path, weights: Path, device: str) -> float:
    """FID of two folders by torch-fidelity alone: it decodes, resizes, extracts and computes."""
    import torch
    from torch_fidelity import calculate_metrics

    options = library_options(
        input1=_dataset(one),
        input2=_dataset(two),
        fid=True,
        cuda=device == "cuda",
        feature_extractor_weights_path=str(weights),
        save_cpu_ram=True,  # no worker processes
        verbose=sys.stderr.isatty(),
    )
    with torch.random.fork_rng(devices=[]):
        return float(calculate_metrics(**options)["frechet_inception_distance"])


def _dataset(folder: Path) -> ImagesPathDataset:
    """The same files as torch-fidelity's own data set: of a folder it would leave out what lies deeper, and WebP."""
    from torch_fidelity.datasets import ImagesPathDataset

    return ImagesPathDataset([str(folder / name) for name in _names(folder)])
