"""All that needs a trained model, as arrays: codes, reconstructions, samples, rate, bound and log p(x)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from phvae.data.columns import to_user
from phvae.determinism.seeding import numpy_generator, torch_generator
from phvae.encoding.importance import estimate
from phvae.metrics.neighbours import nearest
from phvae.model.hierarchy import expand

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig
    from phvae.model.model import Model

__all__ = ["STEPS", "Arrays", "Encoder"]

Arrays = dict[str, np.ndarray]

BATCH = 512
DROPPED = 500  # examples reconstructed with one level replaced
BOUND_DRAWS = 16  # of the posterior per example of the bound
STEPS = 7  # of a traversal, from -3 to 3 prior standard deviations
BETWEEN = 8  # points of an interpolation
BESIDE = 12  # samples of which the nearest training image is kept


class Encoder:
    """A model and the data it is asked about; everything is computed in batches of one fixed size."""

    def __init__(
        self, model: Model, data: Prepared, seed: int, settings: EvaluationConfig, trained: np.ndarray
    ) -> None:
        """`trained`: the rows of `data.train` that the model was trained on, (n_train,)."""
        self.model, self.data, self.seed, self.settings = model.eval(), data, seed, settings
        self.trained = trained
        self.parameter = next(model.parameters())

    def _noise(self, n: int, *name: str | int) -> Tensor:
        """Standard normal noise (n, levels, d) from (seed, "evaluation", *name)."""
        generator = torch_generator(self.seed, "evaluation", *name)
        return torch.randn(n, self.model.order, self.model.level_size, generator=generator).to(self.parameter)

    def _batches(self, n: int) -> Iterator[slice]:
        return (slice(start, min(start + BATCH, n)) for start in range(0, n, BATCH))

    def original(self, x: Any) -> np.ndarray:
        """Model units to what is stored: images to bytes 0..255, numbers to original units, as exact as the splits."""
        if isinstance(x, Tensor):
            x = x.cpu().numpy()
        if self.data.scaling is not None:
            return to_user(x, self.data).astype(self.data.test.dtype)
        return x if x.dtype == np.uint8 else np.clip(np.rint(x * 255), 0, 255).astype(np.uint8)

    @torch.no_grad()
    def codes(self) -> Arrays:
        """Posterior means, log-variances and whitened means of the first test examples, and the coupling A."""
        n = min(self.settings.n_codes, len(self.data.test))
        parts = [self.model.encode(np.array(self.data.test[rows])) for rows in self._batches(n)]
        mean, log_variance = (torch.cat(column) for column in zip(*parts, strict=True))
        found = {
            "mean": mean,
            "log_variance": log_variance,
            "whitened": self.model.whiten(mean),
            "coupling": self.model.coupling(mean),
        }
        return {name: value.cpu().numpy().astype(np.float32) for name, value in found.items()}

    @torch.no_grad()
    def arrays(self, codes: Arrays) -> Iterator[tuple[str, np.ndarray]]:
        """Everything else, array by array."""
        mean, w = (torch.from_numpy(codes[name]).to(self.parameter) for name in ("mean", "whitened"))
        count = min(self.settings.n_reconstructions, len(self.data.test))
        first = mean if len(mean) >= count else self.model.encode(np.array(self.data.test[:count]))[0]
        yield "reconstructions", self._decoded(first[:count])
        samples = self._samples()
        for name, value in samples.items():
            yield name, value
        yield "dropped", self._dropped(w[: min(DROPPED, count)])
        for name, value in self._rate(len(w)).items():
            yield name, value
        scored = min(self.settings.n_likelihood, len(self.data.test))
        for name, value in self._scored(np.array(self.data.test[:scored]), "posterior", 0).items():
            yield name, value
        yield "traversals", self._traversals(w)
        share = torch.linspace(0, 1, BETWEEN, dtype=w.dtype, device=w.device)[:, None, None]
        yield "interpolations", self._decoded(self.model.unwhiten((1 - share) * w[0] + share * w[1 % len(w)]))
        for name, value in self._seen(scored, count).items():
            yield f"train_{name}", value
        if self.data.scaling is None:
            yield "nearest", self._nearest(samples["samples_mean"][0, :BESIDE])

    def _nearest(self, samples: np.ndarray) -> np.ndarray:
        """The image nearest to each sample, in pixels, of those that the model was trained on: (B, C, H, W) uint8."""
        train = self.data.train
        seen = train if len(self.trained) == len(train) else train[self.trained]
        return np.array(seen[nearest(samples, seen)[1]])

    def _seen(self, scored: int, count: int) -> Arrays:
        """What the generalisation gap is of: the same of the run's own training examples, as many as of the test split.

        They are drawn without return by one fixed seed, those of the bound first; `rows` are all that it was trained
        on. Of images also the mean squared error of each reconstruction, (N,), pixels in [0, 1].
        """
        order = numpy_generator(0, "evaluation", "training examples").permutation(self.trained)
        found = self._scored(np.array(self.data.train[np.sort(order[:scored])]), "training", len(self.data.test))
        if self.data.scaling is None:
            parts = [self._error(np.array(self.data.train[rows])) for rows in self._parts(np.sort(order[:count]))]
            found["error"] = np.concatenate(parts)
        return found | {"rows": self.trained}

    @torch.no_grad()
    def _error(self, x: np.ndarray) -> np.ndarray:
        """Mean squared error of every image's reconstruction, as it would be stored, (B,) float64."""
        made = self.original(self.model.decode(self.model.encode(x)[0]))
        return np.square((made.astype(np.float64) - x) / 255).mean(axis=(1, 2, 3))

    def _parts(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        return (rows[part] for part in self._batches(len(rows)))

    def _scored(self, x: np.ndarray, noise: str, first: int) -> Arrays:
        """The bound of examples, drawn with noise of that name, and their log p(x) where it is one."""
        found = self._bound(x, noise)
        if self.model.config.likelihood.name != "bernoulli" or self.data.binary:  # on grey data it is no density
            found |= self._likelihood(x, first)
        return found

    def _decoded(self, z: Tensor) -> np.ndarray:
        """Decoder means of codes (N, n, d), as stored."""
        return np.concatenate([self.original(self.model.decode(z[rows])) for rows in self._batches(len(z))])

    def _samples(self) -> Arrays:
        """Prior draws: decoder means, and draws with observation noise of the same codes; (redraws, K, *shape)."""
        found: dict[str, list[np.ndarray]] = {"samples_mean": [], "samples_model": []}
        for redraw in range(self.settings.redraws):
            z = self.model.unwhiten(self._noise(self.settings.n_samples, "prior", redraw))
            generator = torch_generator(self.seed, "evaluation", "observation", redraw)
            means, draws = [], []
            for rows in self._batches(len(z)):
                output = self.model.decoder(z[rows].flatten(1))
                means.append(self.original(self.model.likelihood.mean(output)))
                draws.append(self.original(self.model.likelihood.sample(output, generator)))
            found["samples_mean"].append(np.concatenate(means))
            found["samples_model"].append(np.concatenate(draws))
        return {name: np.stack(sets) for name, sets in found.items()}

    def _dropped(self, w: Tensor) -> np.ndarray:
        """Reconstructions with one level's whitened code at its prior mean, 0: (n, M, *shape)."""
        found = []
        for level in range(self.model.order):
            changed = w.clone()
            changed[:, level] = 0
            found.append(self._decoded(self.model.unwhiten(changed)))
        return np.stack(found)

    def _rate(self, n: int) -> Arrays:
        """KL(q || p) of the first n test examples in closed form, whole and by level, in nats."""
        levels = []
        for rows in self._batches(n):
            x = self.model.as_data(np.array(self.data.test[rows]))
            levels.append(self.model.posterior(expand(x, self.model.order, self.model.config.basis)).kl_levels)
        kl = torch.cat(levels).double().cpu().numpy()
        return {"kl_levels": kl, "kl": kl.sum(1)}

    def _bound(self, examples: np.ndarray, name: str) -> Arrays:
        """The bound on log p(x) of examples, its reconstruction term, and the error of both, in nats.

        The reconstruction term is a mean over draws from the posterior, the KL term exact. On densities both are in
        original units: minus the log-Jacobian of the scaling.
        """
        noise = [self._noise(len(examples), name, draw) for draw in range(BOUND_DRAWS)]
        drawn, kl = [], []
        for rows in self._batches(len(examples)):
            x = self.model.as_data(examples[rows])
            q = self.model.posterior(expand(x, self.model.order, self.model.config.basis))
            outputs = [self.model.decoder(q.draw(eps[rows]).flatten(1)).to(x.dtype) for eps in noise]
            drawn.append(torch.stack([self.model.likelihood.nll([x], output, [1])[0] for output in outputs], 1))
            kl.append(q.kl_levels.sum(1))
        nll = torch.cat(drawn).double().cpu().numpy() - self._log_jacobian()
        return {
            "elbo": -(nll.mean(1) + torch.cat(kl).double().cpu().numpy()),
            "elbo_reconstruction": nll.mean(1),
            "elbo_error": nll.std(1, ddof=1) / math.sqrt(BOUND_DRAWS),
            "elbo_draws": np.array(BOUND_DRAWS),
        }

    def _likelihood(self, examples: np.ndarray, first: int) -> Arrays:
        """log p(x) of examples, in original units, and how far it is to be trusted; `first` numbers their noise."""
        most = self.settings.importance_samples
        parts = [
            estimate(self.model, examples[rows], most, seed=self.seed, first=first + rows.start)
            for rows in self._batches(len(examples))
        ]
        found = {
            name: torch.cat([getattr(part, field) for part in parts]).cpu().numpy()
            for name, field in (
                ("log_px", "value"),
                ("log_px_error", "error"),
                ("log_px_k", "k"),
                ("log_px_draws", "draws"),
                ("log_px_settled", "settled"),
            )
        }
        return found | {"log_px": found["log_px"] + self._log_jacobian()}

    def _log_jacobian(self) -> float:
        """log |dx_model / dx_original|: 0 for images."""
        return 0.0 if self.data.scaling is None else float(np.log(np.abs(self.data.scaling[1])).sum())

    def _traversals(self, w: Tensor) -> np.ndarray:
        """For every level, the first example with that level's most varying coordinate moved: (n, 7, *shape)."""
        spread = w.var(0, unbiased=False)
        found = []
        for level in range(self.model.order):
            changed = w[:1].repeat(STEPS, 1, 1)
            changed[:, level, int(spread[level].argmax())] = torch.linspace(-3, 3, STEPS).to(w)
            found.append(self._decoded(self.model.unwhiten(changed)))
        return np.stack(found)
