"""What the codes hold: KL by level, active units, norm, central ball, kNN accuracy, MMD to the prior."""

from __future__ import annotations

import numpy as np

from phvae.metrics.mmd import mmd2
from phvae.metrics.redraws import finite
from phvae.metrics.rows import Inputs, Row, Undefined, attempt
from phvae.seeding import numpy_generator

__all__ = ["active_units", "aggregate", "ball_share", "knn_accuracy", "mmd_prior", "rows", "w_norm"]

ACTIVE = 0.01  # variance of the posterior mean above which a coordinate counts as active
NEIGHBOURS = 5
KNN_POINTS = 12_000
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

    fit = 2 * len(w) // 3
    if fit < neighbours or len(w) - fit < 1:
        raise Undefined(f"{len(w)} codes are too few for {neighbours} neighbours")
    if len(np.unique(labels)) < 2:
        raise Undefined("all examples have one label: an accuracy would say nothing")
    model = KNeighborsClassifier(neighbours).fit(w[:fit], labels[:fit])
    return float(model.score(w[fit:], labels[fit:]))


def aggregate(inputs: Inputs) -> np.ndarray:
    """One draw of q(z|x) for every example, in coordinates in which the prior is N(0, I): (N, L) float64."""
    w = inputs.codes["whitened"].astype(np.float64)
    sd = np.exp(0.5 * inputs.codes["log_variance"].astype(np.float64))
    noise = sd * numpy_generator(inputs.seed, "aggregate").standard_normal(sd.shape)
    if inputs.model.prior == "standard":
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
    n, order = w3.shape[:2]
    w = w3.reshape(n, -1)
    size = w.shape[1]
    codes = "whitened posterior means"
    draws = "one draw of q(z|x) an example"

    def checked() -> np.ndarray:
        return finite("codes", w, 2)

    def drawn() -> np.ndarray:
        return finite("codes", aggregate(inputs), 2)

    def levels() -> dict[str, float]:
        values = finite("kl_levels", inputs.arrays["kl_levels"]).mean(axis=0, dtype=np.float64)
        return {f"kl_level_{k}": float(v) for k, v in enumerate(values, start=1)}

    def neighbours() -> dict[str, float]:
        labels = inputs.data.labels.get("test")
        if labels is None:
            raise Undefined("the data set has no labels")
        return {"knn_accuracy": knn_accuracy(checked(), np.asarray(labels[:n]))}

    def prior() -> dict[str, float]:
        return {"mmd_prior": mmd_prior(drawn(), numpy_generator(inputs.seed, "prior"))}

    names = [f"kl_level_{k}" for k in range(1, order + 1)]
    kl = attempt(["kl"], lambda: {"kl": float(finite("kl", inputs.arrays["kl"]).mean(dtype=np.float64))}, n=n)
    return [
        *kl,
        *attempt(names, levels, n=n),
        *attempt(
            ["active_units"], lambda: {"active_units": active_units(checked())}, n=n, settings=f"{codes}, > {ACTIVE}"
        ),
        *attempt(["w_norm"], lambda: {"w_norm": w_norm(checked())}, n=n, settings=codes),
        *attempt(["ball_share"], lambda: {"ball_share": ball_share(drawn())}, n=n, settings=draws),
        *attempt(
            ["knn_accuracy"],
            neighbours,
            n=n,
            settings=f"k {NEIGHBOURS}; first two thirds vote for the last third; {codes}",
        ),
        *attempt(
            ["mmd_prior"],
            prior,
            n=min(n, MMD_POINTS),
            settings=f"Gaussian kernel, width {np.sqrt(2 * size):.4g} (sqrt(2 L)); {draws}; {MMD_POINTS} of the prior",
        ),
    ]
