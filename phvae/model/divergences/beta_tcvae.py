"""The beta-TCVAE's decomposition of KL (Chen et al., 2018)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from phvae.config.strict import Weight
from phvae.model.part import Divergence

if TYPE_CHECKING:
    from torch import Tensor

    from phvae.model.part import Context
    from phvae.model.posterior import Posterior

__all__ = ["BetaTCVAE", "log_weights"]


class BetaTCVAE(Divergence):
    """KL in parts, each with a weight: mutual information, total correlation, dimension-wise KL of all coordinates."""

    pairs: ClassVar[bool] = True

    name: Literal["beta_tcvae"] = "beta_tcvae"
    beta: Weight = Field(4.0, description="weight of the total correlation")
    alpha: Weight = Field(1.0, description="weight of the mutual information of x and its code")
    gamma: Weight = Field(1.0, description="weight of the dimension-wise KL")
    estimator: Literal["weighted", "stratified"] = Field(
        "weighted", description="of log q(u) from a batch: minibatch-weighted or -stratified sampling"
    )

    @model_validator(mode="after")
    def _used(self) -> BetaTCVAE:
        if self.alpha == self.beta == self.gamma and self.estimator != "weighted":
            raise ValueError(
                f"estimator is {self.estimator}, but alpha, beta and gamma are all {self.beta:g}: that is KL times "
                f"{self.beta:g}, and nothing is estimated; leave estimator out, or let the weights differ"
            )
        return self

    def value(self, q: Posterior, at: Context) -> Tensor:
        """The weighted parts, (B,) nats (equation 2); their sum is the closed KL(q || p), estimated are two of three.

        The mutual information is what the total correlation and the dimension-wise KL leave of KL, so that equal
        weights give KL itself, without noise.
        """
        kl = q.kl_levels.sum(-1)
        if self.alpha == self.beta == self.gamma:
            return self.beta * kl
        correlation, dimensions = self.parts(q, at.examples)
        return self.alpha * kl + (self.beta - self.alpha) * correlation + (self.gamma - self.alpha) * dimensions

    def parts(self, q: Posterior, examples: int) -> tuple[Tensor, Tensor]:
        """Estimates of the total correlation and of the dimension-wise KL at each example's draw u, both (B,) nats.

        q(u) = sum_x q(u | x) / N is estimated from the batch, and so is each q(u_i) (appendix C.1 and C.2).

        Args:
            q: with a draw.
            examples: N, the size of the training set.
        """
        import torch

        from phvae.model.posterior import uncouple

        u = q.drawn
        each = _log_normal(u, q.whitened, *_marginal(q))  # (B, B, n, d): draw, example it is held against
        if q.prior == "hierarchical":
            joint = each.sum((-2, -1))
        else:  # v = C^-1 u has independent coordinates given x, and the same density: |C| = 1
            v, mean = uncouple(q.matrix, q.z), uncouple(q.matrix, q.mean)
            joint = _log_normal(v, mean, torch.exp(q.log_variance), q.log_variance).sum((-2, -1))
        weights = log_weights(self.estimator, len(u), examples, like=u)
        log_q = torch.logsumexp(joint + weights, 1)
        log_each = torch.logsumexp(each + weights[:, :, None, None], 1).sum((-2, -1))
        log_p = -0.5 * (u.square() + math.log(2 * math.pi)).sum((-2, -1))
        return log_q - log_each, log_each - log_p


def _marginal(q: Posterior) -> tuple[Tensor, Tensor]:
    """The variance of each whitened coordinate given x, and its logarithm, (B, n, d)."""
    import torch

    from phvae.model.posterior import couple

    variance = torch.exp(q.log_variance)
    if q.prior == "hierarchical":
        return variance, q.log_variance
    mixed = couple(q.mixing.square(), variance)
    return mixed, mixed.log()


def _log_normal(u: Tensor, mean: Tensor, variance: Tensor, log_variance: Tensor) -> Tensor:
    """log N(u_i; mean_m, variance_m) of every draw i under every example m, by coordinate: (B, B, n, d)."""
    distance = (u.unsqueeze(1) - mean).square() / variance
    return -0.5 * (distance + log_variance + math.log(2 * math.pi))


def log_weights(estimator: str, batch: int, examples: int, *, like: Tensor) -> Tensor:
    """log of the weight that example m of a batch has in the estimate of q at the draw of example i, (B, B).

    `weighted`: 1 / (N B) for all, a lower bound in expectation, far too low where B is small beside N. `stratified`:
    1/N for the draw's own example, 1/(B - 1) for the others but one, which has what is left, (N - B + 1) / (N (B - 1)):
    unbiased for q. A batch larger than the set counts as the set.

    >>> import torch
    >>> log_weights("stratified", 3, 10, like=torch.zeros(())).exp()
    tensor([[0.1000, 0.4000, 0.5000],
            [0.5000, 0.1000, 0.4000],
            [0.4000, 0.5000, 0.1000]])
    """
    import torch

    n = max(examples, batch)
    if estimator == "weighted" or batch == 1:
        return like.new_full((batch, batch), -math.log(n * batch))
    last = (n - batch + 1) / (n * (batch - 1))
    weights = like.new_full((batch, batch), 1 / (batch - 1))
    eye = torch.eye(batch, dtype=like.dtype, device=like.device)
    weights = torch.where(eye > 0, 1 / n, weights)
    return torch.where(eye.roll(1, 1) > 0, last, weights).log()
