"""The scores of a model that was trained elsewhere, without a grid: from a folder of its outputs, or from arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.config.explain import validated
from phvae.data import Prepared, load, prepare
from phvae.data.files.arrays import Rows
from phvae.encoding.external import in_memory, layout, opened, original
from phvae.errors import DataError
from phvae.experiment.grid import Cell
from phvae.experiment.schema import ExternalConfig
from phvae.jobs import evaluate, groups, reference
from phvae.jobs.encode import KEPT_POINTS, write_arrays
from phvae.jobs.external import check_alike
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import lookup
from phvae.metrics.weights import with_inception
from phvae.model.options import ModelConfig
from phvae.records import write_record
from phvae.training.options import TrainingConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_text", "score", "score_folder"]


def score(
    data: str | Path | Prepared,
    *,
    codes: Any = None,
    reconstructions: Any = None,
    samples: Any = None,
    noisy_samples: Any = None,
    log_px: Any = None,
    cache: str | Path = "results/data",
    **evaluation: Any,
) -> pd.DataFrame:
    """The scores of one model's outputs, as a grid would have them; what is not given has no scores.

    Args:
        data: a prepared set, its folder, or the name of a kind, which is prepared in `cache`.
        codes: posterior means (N, L) of the test examples, in coordinates in which the prior is N(0, I); or the pair
            of means and log-variances.
        reconstructions: (N, *shape) of the test examples; images as bytes, or floats from 0 to 1.
        samples: (K, *shape) of the model, without observation noise.
        noisy_samples: with it.
        log_px: (N,) log p(x) of the test examples, in nats.
        cache: where kinds are prepared.
        evaluation: settings of `evaluation` (config/README.md); as many samples are scored as there are, 10,000 at
            most.

    Returns:
        A row a metric: seed, metric, value, unit, higher_is_better, n, ceiling, floor, noise_sd, settings, status,
        reason, caution.

    Raises:
        DataError: outputs that cannot be of this set; says what was found and expected.
        ConfigError: unknown settings or kind.
    """
    mean, log_variance = codes if isinstance(codes, tuple) else (codes, None)
    arrays = {
        "mean": mean,
        "log_variance": log_variance,
        "reconstructions": reconstructions,
        "samples": samples,
        "noisy_samples": noisy_samples,
        "log_px": log_px,
    }
    given = in_memory("score", {name: np.asarray(array) for name, array in arrays.items() if array is not None})
    found = data if isinstance(data, Prepared) else _set(data, cache)
    return _scores({0: ("score", given)}, found, _settings(given, evaluation))


def score_folder(folder: Path, data: Prepared, settings: EvaluationConfig | None = None) -> pd.DataFrame:
    """The same of every `seed-{seed}.npz` of a folder, and the scores of all seeds together.

    Raises:
        DataError: no such file, or outputs that cannot be of this set.
    """
    files = {int(path.stem[5:]): path for path in folder.glob("seed-*.npz") if path.stem[5:].isdecimal()}
    if not files:
        raise DataError(f"{folder}: found no outputs, expected seed-0.npz and so on (docs/external.md)")
    given = {path: opened(path, data) for _, path in sorted(files.items())}
    check_alike(given)
    seeds = {seed: (str(path), given[path]) for seed, path in sorted(files.items())}
    return _scores(seeds, data, settings or _settings(next(iter(given.values())), {}))


def as_text(scores: pd.DataFrame) -> str:
    """The scores as a table of text: mean and spread over seeds, and why some have no value."""
    lines = [["metric", "mean", "sd", "seeds", "floor", "ceiling", "unit", ""]]
    for metric, rows in scores.groupby("metric", sort=False):
        values, first = rows["value"].dropna(), rows.iloc[0]
        spread = f"{values.std():.3g}" if len(values) > 1 else ""
        shown = [f"{values.mean():.4g}" if len(values) else "-", spread, str(len(values))]
        bounds = ["" if np.isnan(first[name]) else f"{first[name]:.4g}" for name in ("floor", "ceiling")]
        why = first["caution"] if len(values) else first["reason"]
        lines.append([str(metric), *shown, *bounds, first["unit"], why[:80]])
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    return "\n".join("  ".join([*(line[i].ljust(widths[i]) for i in range(7)), line[7]]).rstrip() for line in lines)


def _set(data: str | Path, cache: str | Path) -> Prepared:
    if (Path(data) / "card.json").is_file():
        return load(data)
    return load(prepare(str(data), None, cache=cache))


def _settings(given: Mapping[str, Rows], asked: Mapping[str, Any]) -> EvaluationConfig:
    """The settings asked for; as many samples as there are, up to the default."""
    counts = [given[name].shape[0] for name in ("samples", "noisy_samples") if name in given and given[name].shape]
    most = int(EvaluationConfig.model_fields["n_samples"].default)
    settings = {"n_samples": max(16, min([most, *counts])), **asked}
    return validated(EvaluationConfig, settings, lambda key: f"score: {key}" if key else "score")


def _scores(seeds: Mapping[int, tuple[str, Mapping[str, Rows]]], data: Prepared, settings: EvaluationConfig) -> Any:
    import pandas as pd

    cell = Cell(
        dataset=data.name,
        n_train="all",
        variant="external",
        label="external",
        data={"kind": data.kind, **data.card.get("options", {})},
        subset="fixed",
        model=ModelConfig(),
        training=TrainingConfig(),
        evaluation=with_inception(settings, []),
        seeds=tuple(seeds),
        external=ExternalConfig(folder="."),
    )
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="phvae-score-") as name:
        root = Path(name)
        laid_out = {seed: layout(given, where, data, settings) for seed, (where, given) in seeds.items()}
        reference.build(root / "reference", data, cell.evaluation)
        for seed, (codes, arrays) in laid_out.items():
            files = write_arrays(root / str(seed), codes, arrays, original(data.test[:KEPT_POINTS], data))
            write_record(root / str(seed) / "encode.json", {"files": files})
            rows = evaluate.evaluate(root / str(seed), cell, seed, data, root / "reference")
            found += [{"seed": seed, **row} for row in rows]
        if len(seeds) > 1:
            rows = groups.evaluate(root / "groups.json", cell, [root / str(seed) for seed in seeds])
            found += [{"seed": None, **row} for row in rows]
    for row in found:
        entry = lookup(row["metric"])
        row |= {"unit": entry.unit, "higher_is_better": entry.higher_is_better}
    order = ["seed", "metric", "value", "unit", "higher_is_better", "n", "ceiling", "floor", "noise_sd"]
    table = pd.DataFrame(found)[[*order, "settings", "status", "reason", "caution"]]
    numbers = {name: "float64" for name in ("value", "ceiling", "floor", "noise_sd")}
    return table.astype({**numbers, "seed": "Int64", "n": "Int64"})
