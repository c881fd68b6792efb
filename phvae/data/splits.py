"""How rows are drawn into splits: with one fixed seed, whatever the seed of a run."""

from __future__ import annotations

import numpy as np

from phvae.data.card import SPLITS
from phvae.determinism.seeding import numpy_generator
from phvae.errors import DataError

__all__ = ["hold_out", "split_rows", "stratified"]


def hold_out(n: int, n_validation: int, *component: str, where: object) -> tuple[np.ndarray, np.ndarray]:
    """Split range(n) into (train, validation) with one fixed seed; indices ascend. `where` names the source.

    Raises:
        DataError: if nothing would be left to train on.
    """
    if not 1 <= n_validation < n:
        raise DataError(
            f"{where}: n_validation is {n_validation}, but there are {n} training examples to take them from"
        )
    order = numpy_generator(0, "split", *component).permutation(n)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def split_rows(
    n: int,
    n_train: int | None,
    n_validation: int,
    n_test: int,
    *component: str,
    where: object,
    kept: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Draw the splits from n rows without replacement, with one fixed seed. `where` names the source.

    Test rows come in the order in which they are drawn: in the file's order, sorted by factors, the first two thirds
    would not hold the values of the last third. The other splits ascend, and take only rows that are `kept` (n,).
    """
    order = numpy_generator(0, "split", *component).permutation(n)
    test, rest = order[:n_test], order[n_test:]
    if kept is not None:
        rest = rest[kept[rest]]
    left = len(rest) - n_validation
    if left < 1 or (n_train or 1) > left:
        there = f"{n} rows" if kept is None else f"{len(rest)} of {n} rows, left by n_test and `correlated`,"
        taken = f"n_test {n_test} + " if kept is None else ""
        raise DataError(f"{where}: {there} are too few for {taken}n_validation {n_validation} + n_train {n_train or 1}")
    cuts = {"test": test, "validation": rest[:n_validation], "train": rest[n_validation:][:n_train]}
    return {split: cuts[split] if split == "test" else np.sort(cuts[split]) for split in SPLITS}


def stratified(labels: np.ndarray, shares: tuple[float, ...], *component: str) -> list[np.ndarray]:
    """Split indices so that every label has its share of every part, to whole rows; what is left forms the last part.

    Args:
        labels: (N,) integers.
        shares: of all parts but the last.
        component: names the fixed seed of this split.

    Returns:
        len(shares) + 1 arrays of ascending indices.
    """
    order = numpy_generator(0, "split", *component).permutation(len(labels))
    parts: list[list[np.ndarray]] = [[] for _ in range(len(shares) + 1)]
    taken = np.zeros(len(shares))
    seen = 0
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        seen += len(rows)
        start = 0
        for i, share in enumerate(shares):
            # cumulative rounding: the parts' totals keep their shares although each label's count is rounded; what a
            # label of few rows cannot give, the next one does
            count = min(int(np.floor(seen * share + 0.5) - taken[i]), len(rows) - start)
            taken[i] += count
            parts[i].append(rows[start : start + count])
            start += count
        parts[-1].append(rows[start:])
    return [np.sort(np.concatenate(part)) for part in parts]
