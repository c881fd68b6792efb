"""Frechet and kernel distances, precision, recall, density, coverage of samples and reconstructions, with floors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.features import Extractor, cached_features, extract, extractor
from phvae.metrics.fidelity import KID_SUBSETS, NEIGHBOURHOOD, frechet, kid, kid_subsets, precision_recall
from phvae.metrics.manifold import BALL, density_coverage
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
    "ball_names",
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


def ball_names(name: str, images: str) -> tuple[str, str, str, str]:
    """Density, coverage and their clipped forms of an extractor.

    >>> ball_names("classifier", "samples")[:2]
    ('density_classifier_samples', 'coverage_classifier_samples')
    """
    short = name.replace("-", "_")
    density, coverage = f"density_{short}_{images}", f"coverage_{short}_{images}"
    return density, coverage, f"clipped_{density}", f"clipped_{coverage}"


def _chosen(extractor: str, inputs: Inputs) -> bool:
    """Whether a run's images are compared by an extractor: the classifier needs labels or factors to learn."""
    learnt = extractor != "classifier" or classes_of(inputs.data, "test") is not None
    return extractor in inputs.settings.extractors and learnt


def _entries(extractor: str) -> tuple[Metric, ...]:
    frechet, kernel, precision, recall = metric_names(extractor, "{images}")
    density, coverage, clipped_density, clipped_coverage = ball_names(extractor, "{images}")
    short = extractor.replace("-", "_")
    of = f" of `{frechet}`"
    when = partial(_chosen, extractor)
    return (
        Metric(
            name=frechet,
            group="generation",
            label="FID" if extractor == "inception" else f"FD ({short})",
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
            label=f"KID ({short})",
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
            label=f"precision ({short})",
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
            label=f"recall ({short})",
            definition=f"share of the data inside the images' k-nearest-neighbour manifold of the features{of}",
            unit="1",
            higher_is_better=True,
            source="Kynkaanniemi et al. 2019",
            when=when,
            shown={"classifier": (Shown(name="recall_classifier_samples", table=150),)}.get(extractor, ()),
        ),
        Metric(
            name=density,
            group="generation",
            label=f"density ({short})",
            definition="in how many balls of test images, each up to its fifth neighbour among them, an image lies on "
            f"average, over 5, by the features{of}; 1 for the data's own law, and higher is better up to 1 only: "
            "images that crowd where the data are dense pass it",
            unit="1",
            higher_is_better=True,
            source="Naeem et al. 2020, sec. 3",
            best=1.0,
            when=when,
            shown={"classifier": (Shown(name="density_classifier_samples", table=152),)}.get(extractor, ()),
        ),
        Metric(
            name=coverage,
            group="generation",
            label=f"coverage ({short})",
            definition=f"share of the test images' balls that hold an image, by the features{of}; .97 for as many "
            "images of the data's own law",
            unit="1",
            higher_is_better=True,
            source="Naeem et al. 2020, sec. 3",
            when=when,
            shown={"classifier": (Shown(name="coverage_classifier_samples", table=154),)}.get(extractor, ()),
        ),
        Metric(
            name=clipped_density,
            group="generation",
            label=f"clipped density ({short})",
            definition=f"`{density}` with radii up to the median one, and an image counted up to 5 times, over that of "
            "the test images among themselves; at most 1",
            unit="1",
            higher_is_better=True,
            source="Salvy et al. 2025",
            when=when,
            shown={"classifier": (Shown(name="clipped_density_classifier_samples", table=156),)}.get(extractor, ()),
        ),
        Metric(
            name=clipped_coverage,
            group="generation",
            label=f"clipped coverage ({short})",
            definition="images in a test image's ball, up to 5, over 5, on average, as the share of so many images of "
            f"the data's own law that would fill the balls equally, by the features{of}",
            unit="1",
            higher_is_better=True,
            source="Salvy et al. 2025",
            when=when,
            shown={"classifier": (Shown(name="clipped_coverage_classifier_samples", table=158),)}.get(extractor, ()),
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


def _balls(generated: np.ndarray, real: np.ndarray) -> tuple[float, float, float, float]:
    return density_coverage(generated[:PRC_IMAGES], real[:PRC_IMAGES])


@dataclass(frozen=True)
class _Family:
    """Metrics that are computed together from the features (n, F) of generated and of real images."""

    names: tuple[str, ...]
    measure: Callable[[np.ndarray, np.ndarray], tuple[float, ...]]
    settings: str


def _families(name: str, images: str, n: int) -> tuple[_Family, ...]:
    subsets = KID_SUBSETS if name == "inception" else SUBSETS
    drawn, size = kid_subsets(n, n, subsets)
    return (
        _Family(
            metric_names(name, images),
            partial(distances, subsets=subsets),
            f"KID of {plural(drawn, 'subset')} of {size}, cubic kernel; k {NEIGHBOURHOOD} on at most {PRC_IMAGES}",
        ),
        _Family(ball_names(name, images), _balls, f"k {BALL} on at most {PRC_IMAGES}"),
    )


def _settings(network: Extractor, n: int, images: str, how: str) -> str:
    what = "decoder means of prior draws" if images == "samples" else "posterior means decoded"
    return f"{what} against the first {n} test images; {network.settings}; {how}" + (
        "; floor: training images" if images == "samples" else ""
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
            names = [m for images in sets for f in _families(name, images, 0) for m in f.names]
            found += [without_value(m, status, str(error)) for m in names]
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

    @cache
    def features() -> tuple[np.ndarray, list[np.ndarray]]:
        real = cached_features(inputs.reference, inputs.data.test[:n], network, device=inputs.device)
        return real, [extract(one[:n], network, device=inputs.device) for one in sets]

    found: list[Row] = []
    for family in _families(name, images, n):
        settings = _settings(network, n, images, family.settings)
        try:
            real, made = features()
            values = np.array([family.measure(each, real) for each in made])
        except Exception as error:  # one extractor, or family, must not end the group
            empty = isinstance(error, Undefined)
            reason = str(error) if empty else f"{type(error).__name__}: {error}"
            status: Status = "empty" if empty else "failed"
            found += [without_value(m, status, reason, n=n, settings=settings) for m in family.names]
        else:
            found += [
                mean_row(m, column, n=n, settings=settings) for m, column in zip(family.names, values.T, strict=True)
            ]
    return found


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
                bounds |= _floors(folder, data, network, name, count(data, settings.n_samples), device)
            except Undefined:  # too few images; a full disk must not pass for that
                continue
    return bounds


def _floors(
    folder: Path, data: Prepared, network: Extractor, name: str, n: int, device: str
) -> dict[str, dict[str, float]]:
    """The scores of n training images as samples against n test images: mean and standard deviation of three draws."""
    real = cached_features(folder, data.test[:n], network, device=device)
    generator = numpy_generator(0, "floor", "generation", n)
    draws = [np.sort(generator.permutation(len(data.train))[:n]) for _ in range(FLOOR_DRAWS)]
    made = [extract(data.train[chosen], network, device=device) for chosen in draws]
    found: dict[str, dict[str, float]] = {}
    for family in _families(name, "samples", n):
        try:
            values = [family.measure(each, real) for each in made]
        except Undefined:  # too few images for this family: its rows say so
            continue
        means, sds = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
        found |= {
            m: {"floor": float(mean), "noise_sd": float(sd)}
            for m, mean, sd in zip(family.names, means, sds, strict=True)
        }
    return found
