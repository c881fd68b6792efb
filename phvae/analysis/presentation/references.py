"""What the floor and the ceiling beside a metric are: a name for a row of references, which says what was measured."""

from __future__ import annotations

import re

from phvae.metrics.registry import lookup

__all__ = ["MEANINGS", "REFERENCES", "reference_name"]

REAL, CODE, BEST = "real against real", "perfect code", "best possible"
MEAN_IMAGE, MEAN_ROW, SHUFFLED, NOTHING = "mean image", "mean row", "independent codes", "no information"

# name -> what it is, the best first
MEANINGS = {
    REAL: "independent real data, measured as the samples are and as many",
    CODE: "each factor that varies is one code; at this sample size it need not reach 1",
    BEST: "no error, or the data's own value, past which further is not better",
    SHUFFLED: "the codes, each shuffled on its own",
    MEAN_IMAGE: "every reconstruction is the mean image",
    MEAN_ROW: "every reconstruction is the mean row",
    NOTHING: "codes of noise; for kNN accuracy, the commonest label",
}
REFERENCES = tuple(MEANINGS)
# What a row's settings say of its floor; where they say nothing, the group of the metric tells.
_SAID = {
    "the mean image": MEAN_IMAGE, "the mean row": MEAN_ROW, "training images": REAL, "test images": REAL,
    "the commonest label": NOTHING, "each code shuffled": SHUFFLED,
}  # fmt: skip
_FLOORS = {"density": REAL, "table": REAL, "generation": REAL, "reconstruction": MEAN_IMAGE}
_CEILINGS = {"disentanglement": CODE}


def reference_name(metric: str, end: str, settings: str) -> str:
    """The name of the row for a metric's floor or ceiling.

    Args:
        metric: its whole name.
        end: "floor" or "ceiling".
        settings: those of its rows.

    >>> reference_name("mse", "floor", "posterior means decoded; floor: the mean image")
    'mean image'
    >>> reference_name("w1_samples_mean", "floor", ""), reference_name("mig", "floor", "")
    ('real against real', 'no information')
    >>> reference_name("mig", "ceiling", "")
    'perfect code'
    """
    try:
        group = lookup(metric).group
    except KeyError:  # the registry no longer knows it
        group = ""
    if end == "ceiling":
        return _CEILINGS.get(group, BEST)
    said = re.search(r"floor: (?:\d+ )?([^;]+)", settings)
    return _SAID.get(said[1].strip() if said else "", _FLOORS.get(group, NOTHING))
