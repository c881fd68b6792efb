"""Generated images whose faults are known, and every score of generated images on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from phvae.audit.digits import blurred, drawn, pairs, training, with_outliers
from phvae.audit.sprites import drawn_sprites, training_sprites
from phvae.determinism.seeding import numpy_generator
from phvae.metrics.classifier import load_classifier, train_classifier
from phvae.metrics.features import Extractor, extract
from phvae.metrics.manifold import density_coverage
from phvae.metrics.scores.generation import PRC_IMAGES, SUBSETS, ball_names, distances, metric_names

__all__ = ["classifiers", "images", "scores", "sprites", "values"]

_NO_EIGHT = tuple(0.0 if label == 8 else 1 / 9 for label in range(10))
_UNEQUAL = (2 / 15,) * 5 + (1 / 15,) * 5
_REPEATED = 30
_INVENTED = 0.1
_BRIGHTER = 10


def images(n: int, draw: int) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """Generated and test images of each case, uint8; all cases of a draw share the test images."""
    generator = numpy_generator(draw, "audit", "images", n)
    test, truth = drawn(n, generator), drawn(n, generator)
    dropped = drawn(n, generator, _NO_EIGHT)
    odd = with_outliers(test, generator)
    invented = drawn(n, generator)
    count = round(_INVENTED * n)
    invented[:count] = pairs(count, generator)
    train = training()[0]
    generated = {
        "truth": truth,
        "redrawn": drawn(n, generator),
        "permuted": truth[generator.permutation(n)],
        "dropped": dropped,
        "dropped and outliers": with_outliers(dropped, generator),
        "invented": invented[generator.permutation(n)],
        "imbalanced": drawn(n, generator, _UNEQUAL),
        "brighter": np.minimum(drawn(n, generator).astype(np.int64) + _BRIGHTER, 255).astype(np.uint8),
        "blurred": blurred(drawn(n, generator)),
        "repeated": truth[generator.integers(0, _REPEATED, n)],
        "copies": train[generator.permutation(len(train))[:n]],
        "half": drawn(n // 2, generator),
    }
    found = {name: (one, test) for name, one in generated.items()}
    return found | {"truth, outliers in data": (truth, odd), "dropped, outliers in data": (dropped, odd)}


def sprites(n: int, draw: int) -> Mapping[str, tuple[np.ndarray, np.ndarray]]:
    """The same of sprites, whose shapes are hard to tell."""
    generator = numpy_generator(draw, "audit", "sprites", n)
    test = drawn_sprites(n, generator)
    generated = {
        "sprites": drawn_sprites(n, generator),
        "sprites dropped": drawn_sprites(n, generator, (0.5, 0.5, 0.0)),
    }
    return {name: (one, test) for name, one in generated.items()}


def classifier(folder: Path, pictures: np.ndarray, classes: np.ndarray) -> Extractor:
    """A set's own classifier, trained as the grids train theirs, once a folder."""
    if not (folder / "classifier.json").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train_classifier(folder, pictures, classes, pictures[:1_000], classes[:1_000])
    network, digest = load_classifier(folder)
    return Extractor("classifier", network, digest, "64 standardised features; native size")


def classifiers(folder: Path) -> tuple[Extractor, Extractor]:
    """Those of digits and of sprites."""
    return classifier(folder / "digits", *training()), classifier(folder / "sprites", *training_sprites())


def scores(generated: np.ndarray, test: np.ndarray, network: Extractor) -> dict[str, float]:
    """Every score of generated against test images, by the pattern of its name."""
    x, y = extract(generated, network), extract(test, network)
    names = metric_names("classifier", "{images}") + ball_names("classifier", "{images}")
    balls = density_coverage(x[:PRC_IMAGES], y[:PRC_IMAGES])
    return dict(zip(names, (*distances(x, y, SUBSETS), *balls), strict=True))


def values(n: int, draw: int, folder: Path, only: str | None = None) -> Iterator[tuple[str, Mapping[str, float]]]:
    """The scores of each case, or of one; the classifiers are kept in `folder`."""
    for make, network in zip((images, sprites), classifiers(folder), strict=True):
        yield from ((name, scores(*case, network)) for name, case in make(n, draw).items() if only in (None, name))
