"""From how many examples on scores of codes compare: `python -m benchmarks.score_sizes`, 20 minutes on one core.

Writes score_sizes.csv beside this file, one line a score and number of test examples. Small models of four variants
and two seeds encode 30,000 sprites; every score is computed on disjoint blocks of rows. kNN accuracy needs labels:
those of MNIST's 10,000 test images, which are looked for along PHVAE_DATA_PATH. Columns, over the blocks of a size:

- mean: of the score over models; shift: that mean less the one at the most examples.
- spread: standard deviation between the models at the most examples.
- error: of a model's place among the models, the root mean square over models and blocks of its distance from their
  mean, less that distance at the most examples. A shift that is the same for all models is no error.
- comparable: error is at most half of spread, here and at all larger sizes. The difference between two models is then
  off by sqrt(2) errors, .7 spreads, where a typical difference is 1.13 spreads: its sign is right 19 times in 20. kNN
  accuracy may err by .01: in it these models tie, and half of no spread is no bound.

`comparable_from` of the entries in `phvae/metrics/scores` is `n` of the first comparable line (a test compares).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from phvae import PHVAE
from phvae.data import load, prepare
from phvae.data.kinds.sprites import FACTORS, render
from phvae.determinism.seeding import numpy_generator
from phvae.files import write_text
from phvae.metrics.across_seeds import udr
from phvae.metrics.codes import kl_parts
from phvae.metrics.factors import make_table
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import lookup, pattern_of
from phvae.metrics.rows import Row, attempt
from phvae.metrics.scores import dci, dependence, explicitness, infomec, irs, latent, mutual_information, sap, votes

CSV = Path(__file__).resolve().parent / "score_sizes.csv"
SIZES = (300, 600, 900, 1_500, 3_000, 6_000, 10_000, 15_000)
TEST, TRAIN = 30_000, 5_000
BLOCKS = 4  # of a size, where so many fit
SHARE = 0.5  # of the spread between models that an error may reach
BOUNDS = {"knn_accuracy": 0.01}  # in place of that
SEEDS = (0, 1)
VARIANTS: dict[str, dict[str, Any]] = {
    "vae": {"order": 1, "divergence": "kl"},
    "beta-vae-4": {"order": 1, "divergence": {"name": "kl", "beta": 4}},
    "ph-vae-3": {"order": 3},
    "copies-3": {"order": 3, "basis": "copies"},
}
FACTOR_SCORES: tuple[Any, ...] = (mutual_information, dci, sap, votes, explicitness, irs, infomec)

Codes = Mapping[str, np.ndarray]
Models = dict[tuple[str, int], Codes]


def sprites() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training images, test images (N, 1, 32, 32) and the test images' classes (N, 6); no scene twice."""
    *scenes, greys = FACTORS.values()
    generator = numpy_generator(0, "score sizes")
    drawn = generator.permutation(int(np.prod(scenes)))[: TEST + TRAIN]
    classes = np.column_stack([*np.unravel_index(drawn, scenes), generator.integers(greys, size=len(drawn))])
    images = render(classes)
    return images[TEST:], images[:TEST], classes[:TEST]


def mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training images, test images (N, 1, 28, 28) and the test images' labels (N,)."""
    with tempfile.TemporaryDirectory() as cache:
        data = load(prepare("mnist", None, cache=cache))
        return np.array(data.train[:TRAIN]), np.array(data.test), np.array(data.labels["test"])


def encode(train: np.ndarray, test: np.ndarray) -> Models:
    """Train every model; its codes of the test images by name: log_variance and whitened (N, n, d), coupling."""
    found: Models = {}
    for variant, options in VARIANTS.items():
        for seed in SEEDS:
            network = {"name": "dense", "hidden": [64, 64]}
            likelihood = {"name": "gaussian", "scale": 0.1}
            model = PHVAE(train.shape[1:], latent_size=12, network=network, likelihood=likelihood, seed=seed, **options)
            model.fit(train, epochs=30, learning_rate=2e-3, warm_up=0.2, seed=seed, device="cpu")
            with torch.no_grad():
                parts = [model.encode(test[start : start + 500]) for start in range(0, len(test), 500)]
                mean, log_variance = (torch.cat(column) for column in zip(*parts, strict=True))
                codes = {
                    "log_variance": log_variance, "whitened": model.whiten(mean), "coupling": model.coupling(mean)
                }  # fmt: skip
            found[variant, seed] = {name: value.numpy() for name, value in codes.items()}
    return found


def blocks(models: Models) -> Iterator[tuple[int, int, Any, Models]]:
    """(size, number, rows, codes of those rows) of every disjoint block of test examples."""
    total = len(next(iter(models.values()))["whitened"])
    for size in SIZES:
        for number in range(min(BLOCKS, total // size)):
            rows = slice(number * size, (number + 1) * size)
            part: Models = {
                model: {name: value if name == "coupling" else value[rows] for name, value in codes.items()}
                for model, codes in models.items()
            }
            yield size, number, rows, part


def flat(codes: Codes) -> np.ndarray:
    """Whitened codes (N, L) as the scores read them."""
    return codes["whitened"].reshape(len(codes["whitened"]), -1).astype(np.float64)


def factor_scores(codes: Codes, classes: np.ndarray, seed: int) -> list[Row]:
    """The scores of one model's codes (N, n, d) against factors (N, F), and of their dependence."""
    whitened = flat(codes)
    n, order, _ = codes["whitened"].shape
    table = replace(make_table(whitened, classes, list(FACTORS)), order=order)
    rows = [row for scorer in FACTOR_SCORES for row in scorer.scores(table, EvaluationConfig(), seed)]
    return [
        *(row for row in rows if not row.metric.startswith(("level_2", "level_3"))),
        *attempt(["gaussian_tc"], lambda: {"gaussian_tc": dependence.gaussian_total_correlation(whitened)}, n=n),
        *attempt(["mean_code_mi"], lambda: {"mean_code_mi": dependence.mean_mutual_information(whitened)}, n=n),
    ]


def seed_scores(tables: list[Codes]) -> list[Row]:
    """UDR of the seeds of one variant."""
    whitened = [flat(codes) for codes in tables]
    kl = [kl_parts(codes, "hierarchical").mean(axis=0).reshape(-1) for codes in tables]
    values = {f"udr_{method}": float(udr.udr(whitened, kl, method).mean()) for method in ("lasso", "spearman")}
    return attempt(list(values), lambda: values, n=len(whitened[0]))


def measure() -> pd.DataFrame:
    """Every score of every model and block: examples, block, model, metric, n, value."""
    found: list[tuple[int, int, str, str, int | None, float | None]] = []

    def add(size: int, number: int, model: str, rows: list[Row]) -> None:
        found.extend((size, number, model, row.metric, row.n, row.value) for row in rows)

    train, test, labels = mnist()
    for size, number, rows, models in blocks(encode(train, test)):
        for (variant, seed), codes in models.items():
            accuracy = latent.knn_accuracy(flat(codes), labels[rows])
            found.append((size, number, f"{variant} {seed}", "knn_accuracy", size, accuracy))
    train, test, classes = sprites()
    for size, number, rows, models in blocks(encode(train, test)):
        for (variant, seed), codes in models.items():
            add(size, number, f"{variant} {seed}", factor_scores(codes, classes[rows], seed))
        for variant in VARIANTS:
            add(size, number, variant, seed_scores([models[variant, seed] for seed in SEEDS]))
        print(f"sprites, {size} examples, block {number}", flush=True)
    return pd.DataFrame(found, columns=["examples", "block", "model", "metric", "n", "value"])


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """The lines of score_sizes.csv; the scores of single factors are pooled, by root mean squares."""
    lines = []
    for score, rows in measured.groupby(measured["metric"].map(pattern_of), sort=False):
        values = rows.set_index(["examples", "block", "metric", "model"])["value"].unstack(["metric", "model"])
        most = values.loc[values.index.get_level_values("examples").max()].mean()
        place = most - most.groupby("metric").transform("mean")
        spread = float(np.sqrt((place**2).groupby("metric").sum().div(place.groupby("metric").size() - 1).mean()))
        for examples, part in values.groupby(level="examples"):
            empty = bool(part.isna().any(axis=None))
            means = part.T.groupby("metric").transform("mean").T
            error = float(np.sqrt(((part - means - place) ** 2).mean(axis=None)))
            lines.append(
                {
                    "score": score, "examples": examples, "n": int(rows.loc[rows["examples"] == examples, "n"].iloc[0]),
                    "blocks": len(part), "mean": np.nan if empty else part.mean(axis=None),
                    "shift": np.nan if empty else (part - most).mean(axis=None),
                    "spread": spread, "error": np.nan if empty else error,
                }
            )  # fmt: skip
    found = pd.DataFrame(lines)
    good = found["error"] <= found["score"].map(BOUNDS).fillna(SHARE * found["spread"])
    # from here on: no larger size fails
    found["comparable"] = good[::-1].groupby(found["score"]).cummin()[::-1]
    return found


def main() -> None:
    """Measure, write and print."""
    torch.set_num_threads(1)
    found = summarise(measure())
    write_text(CSV, found.to_csv(index=False, float_format="%.4f"))
    first = found[found["comparable"]].drop_duplicates("score")
    for score in found["score"].drop_duplicates():
        n = first.loc[first["score"] == score, "n"]
        print(f"{score}: comparable from n = {n.iloc[0] if len(n) else 'none'}, now {lookup(score).comparable_from}")


if __name__ == "__main__":
    main()
