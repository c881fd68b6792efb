"""The disentanglement group: all supervised scores of one run from its table of whitened codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.determinism.seeding import numpy_generator
from phvae.metrics.disentanglement_information import BINS, equal_width_bins, mig, modularity, quantile_bins
from phvae.metrics.disentanglement_predict import LEVEL_TREES, dci, explicitness, informativeness, sap, sap_r2
from phvae.metrics.disentanglement_table import Table, make_table
from phvae.metrics.disentanglement_votes import SHARED, beta_vae, factor_vae, irs
from phvae.metrics.expected import expected_names
from phvae.metrics.rows import Inputs, Row, Undefined, attempt, without_value

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["reference", "rows", "score_rows"]

_LEVEL = "level_{k}_informativeness"


def rows(inputs: Inputs) -> list[Row]:
    """The rows of the group: whitened posterior means against the factors of the same test examples."""
    whitened = inputs.codes["whitened"]
    count, order, size = whitened.shape
    names = expected_names(inputs.settings, inputs.model, inputs.data)["disentanglement"]
    split = np.asarray(inputs.data.factors["test"])
    try:
        table = make_table(whitened.reshape(count, -1), split[:count], inputs.data.factor_names, split)
    except Undefined as error:
        return [without_value(name, "empty", str(error), n=count) for name in names]
    except ValueError as error:
        return [without_value(name, "failed", str(error), n=count) for name in names]
    levels = [np.arange(k * size, (k + 1) * size) for k in range(order)]
    found = score_rows(table, levels, inputs.settings, inputs.seed, inputs.threads)
    given = {row.metric for row in found}
    reason = "the factor takes one value only over the test split"
    return found + [without_value(name, "empty", reason, n=count) for name in names if name not in given]


def score_rows(
    table: Table, levels: Sequence[np.ndarray], settings: EvaluationConfig, seed: int, threads: int = 1
) -> list[Row]:
    """All scores of a table: each averages all factors that vary, or is empty with its reason.

    Args:
        table: codes and factors.
        levels: the columns of each level's codes.
        settings: `dci` names the regressors, `votes` the size of the vote-based scores.
        seed: of the votes' draws and of the trees.
        threads: for DCI; changes no value.
    """
    fit, both = len(table.fit_codes), len(table.fit_codes) + len(table.test_codes)
    sizes = table.settings
    width, quantile = f"{BINS} equal-width bins; {sizes}", f"{BINS} quantile bins; {sizes}"
    voted = f"{settings.votes} and {settings.votes // 2} votes of {SHARED} rows of the table; {sizes}"
    scores: list[tuple[str, Callable[[], float], int, str]] = [
        ("mig", lambda: mig(equal_width_bins(table.fit_codes), table.fit_factors), fit, width),
        ("mig_quantile", lambda: mig(quantile_bins(table.fit_codes), table.fit_factors), fit, quantile),
        ("sap", lambda: sap(table), both, f"LinearSVC(C=.01, balanced); {sizes}"),
        ("sap_r2", lambda: sap_r2(table), fit, sizes),
        ("factor_vae", lambda: factor_vae(table, settings.votes, seed), both, voted),
        ("beta_vae", lambda: beta_vae(table, settings.votes, seed), both, voted),
        ("modularity", lambda: modularity(equal_width_bins(table.fit_codes), table.fit_factors), fit, width),
        ("explicitness", lambda: explicitness(table), both, f"logistic regression; {sizes}"),
        ("irs", lambda: irs(table), fit, f"quantile .99; {sizes}"),
    ]
    found: list[Row] = []
    for name, score, n, text in scores:
        found += attempt([name], _named(name, score), n=n, settings=text)
    for regressor in settings.dci:
        parts = [f"dci_{regressor}_{part}" for part in ("disentanglement", "completeness", "informativeness")]
        text = {"forest": "forest of 20 trees, leaf 20", "boosting": "boosting, 100 stages"}[regressor]
        found += attempt(parts, _dci(table, regressor, seed, threads), n=both, settings=f"{text}; {sizes}")
    for k, columns in enumerate(levels, start=1):
        name = _LEVEL.format(k=k)
        parts = [name, *(f"{name}_{factor}" for factor in table.names)]
        text = f"forest of {LEVEL_TREES} trees, leaf 20; codes {columns[0]} to {columns[-1]}; {sizes}"
        found += attempt(parts, _level(table, parts, columns, seed, threads), n=both, settings=text)
    return found


def _named(name: str, score: Callable[[], float]) -> Callable[[], Mapping[str, float]]:
    return lambda: {name: score()}


def _dci(table: Table, regressor: str, seed: int, threads: int) -> Callable[[], Mapping[str, float]]:
    return lambda: dci(table, regressor, seed, threads)


def _level(
    table: Table, names: Sequence[str], columns: np.ndarray, seed: int, threads: int
) -> Callable[[], Mapping[str, float]]:
    def compute() -> Mapping[str, float]:
        accuracy = informativeness(table, columns, seed, threads)
        return dict(zip(names, (float(a) for a in (accuracy.mean(), *accuracy)), strict=True))

    return compute


def reference(
    folder: Path, data: Prepared, settings: EvaluationConfig, *, device: str, threads: int
) -> dict[str, dict[str, Any]]:
    """Ceiling and floor of every score at the data and sample size of the runs.

    The ceiling is the score of the identity code (each factor that varies, standardised, is one code), the floor
    that of the noise code (as many independent standard normal codes). A perfect code need not score 1. Bounds of
    levels are those of a level that holds the whole code.
    """
    count = min(settings.n_codes, len(data.test))
    split = np.asarray(data.factors["test"])
    factors = split[:count]
    varying = factors[:, np.ptp(factors, axis=0) > 0].astype(np.float64)
    if varying.shape[1] == 0:
        return {}
    identity = (varying - varying.mean(axis=0)) / varying.std(axis=0)
    noise = numpy_generator(0, "noise code").standard_normal(identity.shape)
    bounds: dict[str, dict[str, Any]] = {}
    for kind, codes in (("ceiling", identity), ("floor", noise)):
        try:
            table = make_table(codes, factors, data.factor_names, split)
        except Undefined:  # too few examples, or a factor that varies beyond them: the runs' rows say so
            return {}
        for row in score_rows(table, [np.arange(codes.shape[1])], settings, 0, threads):
            entry = bounds.setdefault(row.metric.replace("level_1_", "level_{k}_"), {"n": row.n})
            if row.value is not None:
                entry[kind] = row.value
    return bounds
