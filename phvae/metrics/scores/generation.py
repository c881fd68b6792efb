"""Frechet and kernel distances, precision and recall of samples and reconstructions, with noise floors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.features import Extractor, cached_features, extract, extractor
from phvae.metrics.fidelity import KID_SUBSETS, NEIGHBOURHOOD, frechet, kid, kid_subsets, precision_recall
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.redraws import mean_row
from phvae.metrics.rows import Inputs, Row, Status, Undefined, without_value
from phvae.metrics.weights import present
from phvae.words import plural

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = [
    "METRICS",
    "applies",
    "classes_of",
    "count",
    "distances",
    "learns",
    "metric_names",
    "outside",
    "reference",
    "rows",
]

SUBSETS = 10  # of KID on features of our own; Inception keeps the published 100
PRC_IMAGES = 5_000  # precision and recall compare all pairs
FLOOR_DRAWS = 3


def metric_names(name: str, images: str) -> tuple[str, str, str, str]:
    """Frechet distance, KID, precision, recall of an extractor; the word FID is for Inception alone.

    >>> metric_names("inception", "samples")[:2], metric_names("efficientnet-lite0", "samples")[0]
    (('fid_samples', 'kid_inception_samples'), 'fd_efficientnet_lite0_samples')
    """
    short = name.replace("-", "_")
    distance = "fid" if short == "inception" else f"fd_{short}"
    return (
        f"{distance}_{images}",
        f"kid_{short}_{images}",
        f"precision_{short}_{images}",
        f"recall_{short}_{images}",
    )


def _chosen(extractor: str, inputs: Inputs) -> bool:
    """Whether a run's images are compared by an extractor: the classifier needs labels or factors to learn."""
    learnt = extractor != "classifier" or classes_of(inputs.data, "test") is not None
    return extractor in inputs.settings.extractors and learnt


def _entries(extractor: str) -> tuple[Metric, ...]:
    frechet, kernel, precision, recall = metric_names(extractor, "{images}")
    of = f" of `{frechet}`"
    when = partial(_chosen, extractor)
    return (
        Metric(
            name=frechet,
            group="generation",
            label="FID" if extractor == "inception" else f"FD ({extractor.replace('-', '_')})",
            definition="Frechet distance between normals fitted to features of the test split and of the images: "
            + {
                "inception": "Inception-v3 pool3",
                "classifier": "64, standardised, of the data set's own classifier",
                "efficientnet-lite0": "EfficientNet-Lite0",
            }[extractor],
            unit="1",
            higher_is_better=False,
            source="Heusel et al. 2017, eq. 6",
            when=when,
            shown={
                "inception": (
                    Shown(name="fid_samples", table=100, matched=50, headline=40, panel=80),
                    Shown(name="fid_reconstructions", table=90),
                ),
                "classifier": (
                    Shown(
                        name="fd_classifier_samples",
                        table=120,
                        sizes=40,
                        orders=40,
                        matched=60,
                        headline=50,
                        panel=90,
                    ),
                ),
                "efficientnet-lite0": (Shown(name="fd_efficientnet_lite0_samples", table=160, panel=100),),
            }[extractor],
        ),
        Metric(
            name=kernel,
            group="generation",
            label=f"KID ({extractor.replace('-', '_')})",
            definition=f"kernel distance (cubic polynomial kernel, unbiased for samples) on the features{of}",
            unit="1",
            higher_is_better=False,
            source="Binkowski et al. 2018",
            when=when,
            shown={
                "inception": (Shown(name="kid_inception_samples", table=110),),
                "classifier": (Shown(name="kid_classifier_samples", table=130),),
            }.get(extractor, ()),
        ),
        Metric(
            name=precision,
            group="generation",
            label=f"precision ({extractor.replace('-', '_')})",
            definition=f"share of the images inside the data's k-nearest-neighbour manifold of the features{of}",
            unit="1",
            higher_is_better=True,
            source="Kynkaanniemi et al. 2019",
            when=when,
            shown={"classifier": (Shown(name="precision_classifier_samples", table=140),)}.get(extractor, ()),
        ),
        Metric(
            name=recall,
            group="generation",
            label=f"recall ({extractor.replace('-', '_')})",
            definition=f"share of the data inside the images' k-nearest-neighbour manifold of the features{of}",
            unit="1",
            higher_is_better=True,
            source="Kynkaanniemi et al. 2019",
            when=when,
            shown={"classifier": (Shown(name="recall_classifier_samples", table=150),)}.get(extractor, ()),
        ),
    )


def count(data: Prepared, wanted: int) -> int:
    """Number of images on both sides of a distance: as many as there are generated, test and training images."""
    return min(wanted, len(data.test), len(data.train))


def classes_of(data: Prepared, split: str) -> np.ndarray | None:
    """What the classifier learns: labels (N,), else factors (N, F); None if the set has neither."""
    found = data.labels.get(split)
    return data.factors.get(split) if found is None else found


def learns(data: Prepared, settings: EvaluationConfig) -> bool:
    """Whether the reference stage trains a classifier of these data."""
    return "classifier" in settings.extractors and all(classes_of(data, s) is not None for s in ("train", "test"))


def applies(data: Prepared) -> bool:
    """On images."""
    return not data.is_density


def outside(data: Prepared, settings: EvaluationConfig, machine: Any) -> Any:
    """Published weights, and the machine where it trains a classifier."""
    return [present(settings), machine if learns(data, settings) else None]


METRICS = tuple(entry for name in ("inception", "classifier", "efficientnet-lite0") for entry in _entries(name))


def distances(generated: np.ndarray, real: np.ndarray, subsets: int) -> tuple[float, float, float, float]:
    """Frechet distance, KID, precision, recall of features (n, F) of generated against real images."""
    precision, recall = precision_recall(generated[:PRC_IMAGES], real[:PRC_IMAGES])
    return frechet(generated, real), kid(generated, real, subsets), precision, recall


def _subsets(name: str) -> int:
    return KID_SUBSETS if name == "inception" else SUBSETS


def _settings(network: Extractor, n: int, images: str) -> str:
    what = "decoder means of prior draws" if images == "samples" else "posterior means decoded"
    subsets, size = kid_subsets(n, n, _subsets(network.name))
    return (
        f"{what} against the first {n} test images; {network.settings}; KID of {plural(subsets, 'subset')} "
        f"of {size}, cubic kernel; k {NEIGHBOURHOOD} on at most {PRC_IMAGES}"
        + ("; floor: training images" if images == "samples" else "")
    )


def rows(inputs: Inputs) -> list[Row]:
    """The rows of every extractor of the settings, for samples and for reconstructions."""
    from phvae.determinism.device import session

    with session(inputs.device):
        return _every(inputs)


def _every(inputs: Inputs) -> list[Row]:
    sets = {"samples": "samples_mean", "reconstructions": "reconstructions"}
    found: list[Row] = []
    for name in inputs.settings.extractors:
        if name == "classifier" and classes_of(inputs.data, "test") is None:
            continue
        try:
            network = extractor(name, inputs.settings, inputs.reference, inputs.device)
        except (Undefined, OSError, ValueError) as error:
            status: Status = "empty" if isinstance(error, Undefined) else "failed"
            found += [without_value(m, status, str(error)) for images in sets for m in metric_names(name, images)]
            continue
        for images, array in sets.items():
            try:
                made = inputs.arrays[array]
            except Undefined as error:
                found += [without_value(metric, "empty", str(error)) for metric in metric_names(name, images)]
            else:
                found += _rows(inputs, network, name, images, list(made) if images == "samples" else [made])
    return found


def _rows(inputs: Inputs, network: Extractor, name: str, images: str, sets: Sequence[np.ndarray]) -> list[Row]:
    n = count(inputs.data, len(sets[0]))
    settings = _settings(network, n, images)
    names = metric_names(name, images)
    try:
        real = cached_features(inputs.reference, inputs.data.test[:n], network, device=inputs.device)
        made = [extract(one[:n], network, device=inputs.device) for one in sets]
        values = np.array([distances(features, real, _subsets(name)) for features in made])
    except Undefined as error:
        return [without_value(m, "empty", str(error), n=n, settings=settings) for m in names]
    except Exception as error:  # one extractor must not end the group
        reason = f"{type(error).__name__}: {error}"
        return [without_value(m, "failed", reason, n=n, settings=settings) for m in names]
    return [mean_row(m, column, n=n, settings=settings) for m, column in zip(names, values.T, strict=True)]


def reference(
    folder: Path, data: Prepared, settings: EvaluationConfig, *, device: str = "cpu", threads: int = 1
) -> dict[str, dict[str, Any]]:
    """Train the classifier of a set with labels or factors, cache test features, and give the noise floors.

    The floor of a distance of samples is its mean over three sets of training images against the test images, as many
    of each as the rows use. Reconstructions are paired with the test images, and have none: a perfect one is at 0.
    """
    from phvae.determinism.device import resolve, session

    device = resolve(device)
    bounds: dict[str, dict[str, Any]] = {}
    with session(device, threads):
        if learns(data, settings):
            from phvae.metrics.classifier import train_classifier

            train, test = (np.asarray(classes_of(data, split)) for split in ("train", "test"))
            train_classifier(folder, data.train, train, data.test, test, device=device)
        for name in settings.extractors:
            try:
                network = extractor(name, settings, folder, device)
            except (Undefined, OSError, ValueError):
                continue  # the rows say why
            try:
                cached_features(folder, data.test[: count(data, settings.n_reconstructions)], network, device=device)
                floors = _floors(folder, data, network, _subsets(name), count(data, settings.n_samples), device)
            except Undefined:  # too few images; a full disk must not pass for that
                continue
            bounds |= dict(zip(metric_names(name, "samples"), floors, strict=True))
    return bounds


def _floors(
    folder: Path, data: Prepared, network: Extractor, subsets: int, n: int, device: str
) -> list[dict[str, float]]:
    """The four distances between n training and n test images: mean and standard deviation over three draws."""
    real = cached_features(folder, data.test[:n], network, device=device)
    generator = numpy_generator(0, "floor", "generation", n)
    values = []
    for _ in range(FLOOR_DRAWS):
        chosen = np.sort(generator.permutation(len(data.train))[:n])
        values.append(distances(extract(data.train[chosen], network, device=device), real, subsets))
    means, sds = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
    return [{"floor": float(mean), "noise_sd": float(sd)} for mean, sd in zip(means, sds, strict=True)]
