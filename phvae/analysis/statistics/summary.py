"""From the long table to statistics over seeds: one row a metric of a cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phvae.analysis import statistics as s
from phvae.analysis.results.long_table import CELL, KEY, RUN
from phvae.analysis.results.run_status import run_status
from phvae.analysis.statistics.verdict import commonest
from phvae.determinism.seeding import numpy_generator

__all__ = ["SeedMatrix", "seed_matrix", "summary", "summary_of"]

GROUP_SEED = -1  # column of rows that stand for all seeds together (groups)


@dataclass(frozen=True)
class SeedMatrix:
    """The long table as values (rows of KEY x seeds), and which seeds each row's cell planned."""

    keys: pd.DataFrame
    values: np.ndarray
    planned: np.ndarray
    seeds: np.ndarray


def seed_matrix(table: pd.DataFrame) -> SeedMatrix:
    """The values of a long table by row and seed, NaN where a seed has none."""
    seed = table["seed"].fillna(GROUP_SEED).astype("int64").to_numpy()
    seeds, column = np.unique(seed, return_inverse=True)
    numbers = (table["metric"] != RUN).to_numpy()
    rows = table[numbers]
    grouped = rows.groupby(KEY, sort=False)
    code = grouped.ngroup().to_numpy()
    keys = rows[KEY][~rows.duplicated(KEY)].reset_index(drop=True)
    values = np.full((len(keys), len(seeds)), np.nan)
    values[code, column[numbers]] = np.where(rows["status"] == "ok", rows["value"], np.nan)
    cell_code = table.groupby(CELL, sort=False).ngroup().to_numpy()
    by_cell = np.zeros((cell_code.max(initial=-1) + 1, len(seeds)), dtype=bool)
    by_cell[cell_code, column] = True
    by_cell[:, seeds == GROUP_SEED] = False
    first = np.flatnonzero(numbers)[(~rows.duplicated(KEY)).to_numpy()]
    planned = by_cell[cell_code[first]]
    grouped_rows = seed[first] == GROUP_SEED
    planned[grouped_rows] = seeds == GROUP_SEED
    return SeedMatrix(keys, values, planned, seeds)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Statistics over seeds of every metric of every cell.

    Columns beside the key: what the variant is, n (seeds with a value), planned, diverged, failed, missing, empty,
    mean, sd, median, low, high, interval (its method), iqm (from 8 seeds), ceiling, floor, noise_sd, unit,
    higher_is_better, settings, points (examples a value was computed from), reason (where no seed has a value), caution
    (why the values decide nothing, or empty: the commonest of the seeds').
    """
    return summary_of(table, seed_matrix(table))


def summary_of(table: pd.DataFrame, matrix: SeedMatrix) -> pd.DataFrame:
    """`summary`, from a matrix that is known."""
    frame = matrix.keys.copy()
    rows = table[table["metric"] != RUN]
    grouped = rows.groupby(KEY, sort=False)
    described = ["order", "basis", "encoder_width", "coupling", "prior", "divergence", "beta"]
    firsts = rows[~rows.duplicated(KEY)].reset_index(drop=True)
    for name in described:
        frame[name] = firsts[name]
    n, mean, sd = s.moments(matrix.values)
    frame["n"] = n
    frame["planned"] = matrix.planned.sum(-1)
    for status, count in _lost_runs(table, matrix).items():
        frame[status] = count
    for status in ("failed", "empty"):
        of_metric = (rows["status"] == status).groupby([rows[k] for k in KEY], sort=False).sum().to_numpy()
        frame[status] = frame.get(status, 0) + of_metric
    frame["missing"] = (frame["planned"] - frame[["n", "diverged", "failed", "empty"]].sum(axis=1)).clip(lower=0)
    low, high = s.mean_interval(matrix.values, numpy_generator(0, "bootstrap"))
    frame["mean"], frame["sd"], frame["median"] = mean, sd, s.median(matrix.values)
    frame["low"], frame["high"] = low, high
    methods = {int(count): s.interval_method(int(count)) for count in np.unique(n)}
    over_seeds = matrix.planned[:, matrix.seeds == GROUP_SEED].any(-1)
    frame["interval"] = np.where(over_seeds, "none (one value for all seeds)", pd.Series(n).map(methods))
    frame["iqm"] = s.interquartile_mean(matrix.values)
    for name in ("ceiling", "floor", "noise_sd"):
        frame[name] = grouped[name].mean().to_numpy()
    for name in ("unit", "higher_is_better"):
        known = grouped[name].first()
        frame[name] = known.array
    frame["settings"] = firsts["settings"]
    frame["points"] = grouped["n"].max().array
    reasons = rows[rows["reason"] != ""].drop_duplicates(KEY).set_index(KEY)["reason"]
    frame["reason"] = np.where(n == 0, reasons.reindex(pd.MultiIndex.from_frame(matrix.keys)).fillna(""), "")
    warned = rows[rows["caution"] != ""].groupby(KEY)["caution"].agg(commonest)
    frame["caution"] = (
        warned.reindex(pd.MultiIndex.from_frame(matrix.keys)).fillna("").to_numpy() if len(warned) else ""
    )
    return frame


def _lost_runs(table: pd.DataFrame, matrix: SeedMatrix) -> dict[str, np.ndarray]:
    """Seeds of each row's cell that diverged, and whose run failed as a whole (none for rows over all seeds)."""
    runs = run_status(table)
    cells = pd.MultiIndex.from_frame(matrix.keys[CELL])
    over_seeds = matrix.planned[:, matrix.seeds == GROUP_SEED].any(-1)
    counts = {}
    for status in ("diverged", "failed"):
        found = runs[runs["status"] == status].groupby(CELL, sort=False).size()
        known = found.reindex(cells).fillna(0).to_numpy() if len(found) else np.zeros(len(cells))
        counts[status] = np.where(over_seeds, 0, known).astype("int64")
    return counts
