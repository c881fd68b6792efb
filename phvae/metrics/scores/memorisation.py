"""Whether samples copy training examples: AuthPct and C_T. They describe, and decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.neighbours import nearest
from phvae.metrics.rows import Inputs, Row, Undefined, at_least, attempt

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["METRICS", "applies", "authentic", "copying", "rows"]

METRICS = (
    Metric(
        name="auth_pct",
        group="generation",
        label="AuthPct",
        definition="percentage of samples that lie farther, in pixels, from the nearest training example than this one "
        "from its own nearest; `floor` is what test images give. No direction: blur passes it",
        unit="%",
        higher_is_better=None,
        source="Alaa et al. 2022, sec. 4",
        shown=(Shown(table=172),),
    ),
    Metric(
        name="c_t",
        group="generation",
        label="C_T",
        definition="data-copying test: Mann-Whitney z-score of samples' against test images' distances to the nearest "
        "training example, in 64 principal components of the training images, in 3 k-means cells, averaged by the test "
        "images' shares; far below 0: samples are nearer to training examples than test images are; far above: farther",
        unit="1",
        higher_is_better=None,
        source="Meehan et al. 2020, eq. 2",
        shown=(Shown(table=174),),
    ),
)

IMAGES = 2_000  # samples and test images, at most
EXAMPLES = 10_000  # training examples, at most
COMPONENTS, CELLS = 64, 3
WIDE = 2_000  # numbers above which components are found without a covariance
FEWEST = 20  # samples of a cell, above which it counts


def authentic(generated: np.ndarray, train: np.ndarray) -> float:
    """Percentage of generated (m, ...) that are farther from the nearest of train (n, ...) than it from its nearest.

    Raises:
        Undefined: fewer than two training examples.
    """
    at_least(2, len(train), "training examples")
    distance, rows = nearest(generated, train)
    found, back = np.unique(rows, return_inverse=True)
    among, _ = nearest(train[found], train, found)
    return float(100 * np.mean(among[back] < distance))


def copying(generated: np.ndarray, test: np.ndarray, train: np.ndarray) -> float:
    """C_T of features (m, F), (t, F), (n, F), as `layer6ai-labs/dgm-eval` has it: above 64 features, their components.

    Raises:
        Undefined: a cell without test or training examples, or none with more than 20 generated ones.
    """
    return _Cells(test, train).compare(generated)


class _Cells:
    """Training examples in cells of their components, and how far test examples are from them."""

    def __init__(self, test: np.ndarray, train: np.ndarray) -> None:
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA

        at_least(COMPONENTS, len(train), "training examples")
        at_least(CELLS, len(test), "test examples")
        seen = _flat(train)
        self._transform: Callable[[np.ndarray], np.ndarray] = _flat
        if seen.shape[1] > COMPONENTS:
            examples, size = seen.shape
            # a covariance of 64 x 64 pixels in colour takes hours to take apart
            wide = "full" if examples <= 500 else "arpack"
            solver = wide if size > WIDE else "covariance_eigh"
            axes = PCA(COMPONENTS, svd_solver=solver, random_state=0).fit(seen)
            self._transform = lambda one: axes.transform(_flat(one))
        held, seen = self._transform(test), self._transform(train)
        self._means = KMeans(CELLS, n_init=10, random_state=0).fit(seen)
        self._seen, self._held = self._split(seen), []
        for inside, near in zip(self._split(held), self._seen, strict=True):
            if not len(inside) or not len(near):
                found = f"{len(inside)} test and {len(near)} training examples"
                raise Undefined(f"a cell of C_T has {found}, both are needed")
            self._held.append(nearest(inside, near)[0])

    def _split(self, points: np.ndarray) -> list[np.ndarray]:
        where = self._means.predict(points)
        return [points[where == cell] for cell in range(CELLS)]

    def compare(self, generated: np.ndarray) -> float:
        """C_T of generated examples."""
        total = weight = 0.0
        for made, held, seen in zip(self._split(self._transform(generated)), self._held, self._seen, strict=True):
            if len(made) > FEWEST:
                total += len(held) * _z_score(nearest(made, seen)[0], held)
                weight += len(held)
        if not weight:
            raise Undefined(f"no cell of C_T has more than {FEWEST} of the {len(generated)} generated examples")
        return total / weight


def _flat(examples: np.ndarray) -> np.ndarray:
    return np.asarray(examples, dtype=np.float64).reshape(len(examples), -1)


def _z_score(made: np.ndarray, held: np.ndarray) -> float:
    """How far the count of pairs with made > held is from its mean under equal laws, in standard deviations."""
    from scipy.stats import rankdata

    m, n = len(made), len(held)
    larger = rankdata(np.concatenate([made, held]))[:m].sum() - m * (m + 1) / 2
    return float((larger - (n * m / 2 - 0.5)) / np.sqrt(n * m * (n + m + 1) / 12))


def applies(data: Prepared) -> bool:
    """On images."""
    return not data.is_density


class _Images:
    """Some training images and the test images of a set, with what all runs on them share."""

    def __init__(self, data: Prepared, chosen: np.ndarray) -> None:
        self.train, self.test = np.array(data.train[chosen]), np.array(data.test[:IMAGES])

    @cached_property
    def floor(self) -> float | None:
        """AuthPct of the test images."""
        return attempt(["auth_pct"], lambda: {"auth_pct": authentic(self.test, self.train)})[0].value

    @cached_property
    def cells(self) -> _Cells:
        """For C_T."""
        return _Cells(self.test, self.train)


@lru_cache(maxsize=1)  # the next run of a job has most often the same training examples
def _images(data: Prepared, chosen: tuple[int, ...]) -> _Images:
    return _Images(data, np.array(chosen))


def rows(inputs: Inputs) -> list[Row]:
    """Both scores of the first set of samples, against the run's own training examples."""
    if "train_rows" not in inputs.arrays:
        raise Undefined("no array of the run's training examples: a run encoded with them has one")
    trained = inputs.arrays["train_rows"]
    chosen = np.sort(numpy_generator(0, "memorisation").permutation(trained)[:EXAMPLES])
    images = _images(inputs.data, tuple(chosen.tolist()))
    train, test = images.train, images.test
    generated = inputs.arrays["samples_mean"][0][:IMAGES]
    n = len(generated)
    text = f"{n} decoder means of prior draws; {len(train)} of {len(trained)} training examples; "

    def one(metric: str, compute: Callable[[], float], how: str, floor: float | None = None) -> list[Row]:
        return attempt([metric], lambda: {metric: compute()}, n=n, settings=text + how, floor=floor)

    return [
        *one("auth_pct", lambda: authentic(generated, train), f"floor: {len(test)} test images", images.floor),
        *one("c_t", lambda: images.cells.compare(generated), f"{len(test)} test images; {CELLS} cells"),
    ]
