"""The 8x8 handwritten digits that scikit-learn ships."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from phvae.data.builder import Builder
from phvae.data.recipe import About, Kind, Recipe, Sources
from phvae.data.splits import stratified

__all__ = ["Digits"]


class Digits(Kind):
    """1797 grey images of 8x8 pixels, ten labels; split 1258/180/359, stratified, with one fixed seed."""

    name: ClassVar[str] = "digits"
    about: ClassVar[About] = About(
        title="Optical recognition of handwritten digits (the test part, as shipped with scikit-learn)",
        source="sklearn.datasets.load_digits; https://archive.ics.uci.edu/dataset/80",
        licence="CC BY 4.0",
        citation="E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, doi:10.24432/C50P49",
        shape=(1, 8, 8),
        counts=(1_258, 180, 359),
        note="grey values 0..16, stored as round(255 v / 16)",
    )

    def read(self, sources: Sources) -> Recipe:
        """The images come with the installed scikit-learn."""
        return Recipe((), _write)


def _write(builder: Builder) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    test, validation, train = stratified(digits.target, (0.2, 0.1), "digits")
    for split, rows in (("train", train), ("validation", validation), ("test", test)):
        builder.put(split, images[rows], labels=digits.target[rows])
    builder.facts["label_names"] = [str(i) for i in range(10)]
    builder.facts["split"] = "stratified by label with one fixed seed"
