"""The 8x8 handwritten digits that scikit-learn ships."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from phvae.data.recipe import About, Builder, Kind, Recipe, Sources
from phvae.determinism.seeding import numpy_generator

__all__ = ["Digits", "stratified"]


class Digits(Kind):
    """1797 grey images of 8x8 pixels, ten labels; split 1258/180/359, stratified, with one fixed seed."""

    about: ClassVar[About] = About(
        title="Optical recognition of handwritten digits (the test part, as shipped with scikit-learn)",
        source="sklearn.datasets.load_digits; https://archive.ics.uci.edu/dataset/80",
        licence="CC BY 4.0",
        citation="E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, doi:10.24432/C50P49",
        shape="1x8x8",
        counts="1,258 / 180 / 359",
        note="grey values 0..16, stored as round(255 v / 16)",
    )

    def read(self, sources: Sources) -> Recipe:
        """The images come with the installed scikit-learn."""
        return Recipe((), _write)


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


def _write(builder: Builder) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    test, validation, train = stratified(digits.target, (0.2, 0.1), "digits")
    for split, rows in (("train", train), ("validation", validation), ("test", test)):
        builder.put(split, images[rows], labels=digits.target[rows])
    builder.facts["label_names"] = [str(i) for i in range(10)]
    builder.facts["split"] = "stratified by label with one fixed seed"
