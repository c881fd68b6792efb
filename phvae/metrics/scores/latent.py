"""What the codes hold: KL by level, active units, norm, central ball, kNN accuracy, MMD to the prior."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.codes import ACTIVE, kl_parts
from phvae.metrics.metric import Metric, Shown
from phvae.metrics.mmd import mmd2
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, at_least, attempt

__all__ = ["METRICS", "active_units", "aggregate", "ball_share", "knn_accuracy", "mmd_prior", "rows", "w_norm"]

METRICS = (
    Metric(
        name="kl",
        group="latent",
        label="KL",
        definition="mean over test examples of KL(q(z|x) || p(z)), unweighted",
        unit="nats",
        higher_is_better=None,
        source="Kingma and Welling 2014, eq. 10",
        shown=(Shown(table=10, panel=180),),
    ),
    Metric(
        name="kl_level_{k}",
        group="latent",
        label="KL of level {k}",
        definition="level k's unweighted term D_k of the divergence, mean over test examples",
        unit="nats",
        higher_is_better=None,
        source="docs/method.md, section 4",
    ),
    Metric(
        name="kl_level_{k}_coordinate_{j}",
        group="latent",
        label="KL of level {k}, coordinate {j}",
        definition="coordinate j's part of kl_level_{k}",
        unit="nats",
        higher_is_better=None,
        source="docs/method.md, section 4",
    ),
    Metric(
        name="active_units",
        group="latent",
        label="active units",
        definition="number of whitened code coordinates whose posterior mean has variance above .01 over the test "
        "examples",
        unit="coordinates",
        higher_is_better=None,
        source="Burda et al. 2016, sec. 5.2",
        shown=(Shown(table=20, sizes=90, panel=190),),
    ),
    Metric(
        name="w_norm",
        group="latent",
        label="E|w|^2 / L",
        definition="mean squared norm of the whitened posterior means over the code's size",
        unit="1",
        higher_is_better=None,
        source="this project",
        shown=(Shown(table=30, sizes=80, panel=200),),
    ),
    Metric(
        name="ball_share",
        group="latent",
        label="central ball share",
        definition="share of the aggregate posterior inside the ball that holds half of the prior (.5 is the prior's "
        "own)",
        unit="1",
        higher_is_better=None,
        source="this project",
        shown=(Shown(table=40, sizes=70, matched=90, small_panel=10),),
    ),
    Metric(
        name="knn_accuracy",
        group="latent",
        label="kNN accuracy",
        definition="accuracy of k-nearest-neighbour prediction of labels from whitened codes (labelled sets)",
        unit="1",
        higher_is_better=True,
        source="Cover and Hart 1967",
        comparable_from=1_500,
        when=lambda inputs: "test" in inputs.data.labels,
        shown=(Shown(table=50, sizes=60, headline=70, panel=170),),
    ),
    Metric(
        name="mmd_prior",
        group="latent",
        label="MMD to the prior",
        definition="squared maximum mean discrepancy, unbiased, between the aggregate posterior and the prior",
        unit="1",
        higher_is_better=False,
        source="Gretton et al. 2012, eq. 3",
        shown=(Shown(table=60),),
    ),
)

NEIGHBOURS = 5
MMD_POINTS = 2_000


def active_units(w: np.ndarray) -> int:
    """Coordinates whose posterior mean varies by more than .01 over examples (Burda et al. 2016, sec. 5.2).

    Args:
        w: (N, L) whitened posterior means.

    >>> active_units(np.array([[0.0, 1.0, 5.0], [0.01, 2.0, 5.0]]))
    1
    """
    return int(np.sum(np.var(w, axis=0, dtype=np.float64) > ACTIVE))


def w_norm(w: np.ndarray) -> float:
    """E |w|^2 / L of posterior means, (N, L): 0 when all codes collapse to the origin, 1 for the prior's own draws.

    >>> w_norm(np.array([[3.0, 4.0]]))
    12.5
    """
    return float(np.mean(np.asarray(w, dtype=np.float64) ** 2))


def ball_share(u: np.ndarray) -> float:
    """Share of draws of the aggregate posterior, (N, L), in the ball |u|^2 <= median of chi^2_L, half of the prior."""
    from scipy.stats import chi2

    radius = chi2.ppf(0.5, u.shape[1])
    return float(np.mean(np.sum(np.asarray(u, dtype=np.float64) ** 2, axis=1) <= radius))


def knn_accuracy(w: np.ndarray, labels: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """Accuracy of the majority label among the 5 nearest codes: the first two thirds vote for the last third.

    Args:
        w: (N, L) codes.
        labels: (N,) integers.

    Raises:
        Undefined: one class only, or fewer examples than neighbours.
    """
    from sklearn.neighbors import KNeighborsClassifier

    fit = _vote(len(w))
    at_least(neighbours, fit, "codes that vote")
    if len(np.unique(labels)) < 2:
        raise Undefined("all examples have one label: an accuracy would say nothing")
    model = KNeighborsClassifier(neighbours).fit(w[:fit], labels[:fit])
    return float(model.score(w[fit:], labels[fit:]))


def _vote(n: int) -> int:
    """How many of n examples vote."""
    return 2 * n // 3


def aggregate(inputs: Inputs) -> np.ndarray:
    """One draw of q(z|x) for every example, in coordinates in which the prior is N(0, I): (N, L) float64."""
    w = inputs.codes["whitened"].astype(np.float64)
    sd = np.exp(0.5 * inputs.codes["log_variance"].astype(np.float64))
    noise = sd * numpy_generator(inputs.seed, "aggregate").standard_normal(sd.shape)
    if inputs.model and inputs.model.prior == "standard":
        # z = mu + A (sigma * eps) already has the prior N(0, I); under the hierarchical prior A cancels
        noise = np.einsum("kl,nlj->nkj", inputs.codes["coupling"].astype(np.float64), noise)
    return (w + noise).reshape(len(w), -1)


def mmd_prior(u: np.ndarray, generator: np.random.Generator) -> float:
    """Unbiased squared MMD between draws of the aggregate posterior, (N, L), and of the prior.

    The Gaussian kernel's width is sqrt(2 L), the prior's root mean squared distance, alike for all models.
    """
    part = u[:MMD_POINTS]
    prior = generator.standard_normal((MMD_POINTS, u.shape[1]))
    return mmd2(part, prior, float(np.sqrt(2 * u.shape[1])))


def rows(inputs: Inputs) -> list[Row]:
    """The rows of the group that need nothing but codes and the KL terms."""
    w3 = inputs.codes["whitened"]
    n, order, size = w3.shape
    w = w3.reshape(n, -1)
    width = f"{np.sqrt(2 * order * size):.4g}"
    means, draw = "whitened posterior means", "one draw of q(z|x) an example"
    total, levels, coordinates = _kl_names(order, size)
    found = attempt([total], lambda: {total: _mean("kl", inputs.arrays["kl"])[0]}, n=n)
    found += attempt(
        levels, lambda: dict(zip(levels, _mean("kl_levels", inputs.arrays["kl_levels"]), strict=True)), n=n
    )
    prior = inputs.model.prior if inputs.model else "standard"
    found += attempt(
        coordinates,
        lambda: dict(zip(coordinates, _mean("codes", kl_parts(inputs.codes, prior)), strict=True)),
        n=n,
    )

    def one(
        metric: str, compute: Callable[[], float], settings: str, count: int = n, floor: float | None = None
    ) -> None:
        found.extend(attempt([metric], lambda: {metric: compute()}, n=count, settings=settings, floor=floor))

    def checked() -> np.ndarray:
        return finite("codes", w, 2)

    def drawn() -> np.ndarray:
        return finite("codes", aggregate(inputs), 2)

    one("active_units", lambda: active_units(checked()), f"{means}; variance > {ACTIVE}")
    one("w_norm", lambda: w_norm(checked()), means)
    one("ball_share", lambda: ball_share(drawn()), draw)
    one(
        "mmd_prior",
        lambda: mmd_prior(drawn(), numpy_generator(inputs.seed, "prior")),
        f"Gaussian kernel of width {width} (sqrt(2 L)); {draw}; {MMD_POINTS} of the prior",
        min(n, MMD_POINTS),
    )
    if "test" in inputs.data.labels:
        labels = np.asarray(inputs.data.labels["test"][:n])
        commonest = float(np.bincount(labels[_vote(n) :]).max() / max(1, n - _vote(n)))
        text = f"k {NEIGHBOURS}; the first two thirds vote for the last third; {means}; floor: the commonest label"
        one("knn_accuracy", lambda: knn_accuracy(checked(), labels), text, floor=commonest)
    return found


def _kl_names(order: int, size: int) -> tuple[str, list[str], list[str]]:
    levels = [f"kl_level_{k}" for k in range(1, order + 1)]
    return "kl", levels, [f"{level}_coordinate_{j}" for level in levels for j in range(1, size + 1)]


def _mean(what: str, values: np.ndarray) -> list[float]:
    """Mean over examples of every remaining entry."""
    return [float(v) for v in finite(what, values).mean(axis=0, dtype=np.float64).ravel()]
