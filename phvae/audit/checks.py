"""What a score must say of the constructed cases, by what a claim is about: fixed before the audit was first run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["BEYOND", "CHECKS", "DRAWS", "SIZES", "TOPICS", "TRUTH", "UNITS", "WHY", "Check", "Rule", "Topic"]

Topic = Literal["disentanglement", "generation", "density", "memorisation"]
Rule = Literal["worsens", "does not improve", "stays", "spread", "settled"]
TOPICS: tuple[Topic, ...] = ("disentanglement", "generation", "density", "memorisation")

# Examples at which the grids compute the scores: `n_codes` and `n_samples` of config/quick.yaml and
# config/reference.yaml (a test compares), 10,000 draws of densities of config/paper.yaml. Images of digits, 359, lie
# beside 300.
SIZES: dict[Topic, tuple[int, ...]] = {
    "disentanglement": (3_000,),
    "generation": (300, 1_000, 2_500),
    "density": (3_000, 5_000, 10_000),
    "memorisation": (300, 1_000, 2_000),
}
# Further sizes at which the truth alone is scored: bias and spread by n.
BEYOND: dict[Topic, tuple[int, ...]] = {
    "disentanglement": (300, 1_000, 15_000),
    "generation": (5_000,),
    "density": (300, 1_000, 20_000),
    "memorisation": (),
}
DRAWS: dict[Topic, int] = {"disentanglement": 5, "generation": 8, "density": 20, "memorisation": 8}
# In what a score's change is counted: `range` is its value of the clean code less that of the noise code, `noise` its
# standard deviation over draws of the case that it is held against.
UNITS: dict[Topic, str] = {
    "disentanglement": "range",
    "generation": "noise",
    "density": "noise",
    "memorisation": "noise",
}
# The case that stands for the truth, or for a code that is neither clean nor noise: its scores are taken by n.
TRUTH: dict[Topic, str] = {
    "disentanglement": "middling",
    "generation": "truth",
    "density": "truth",
    "memorisation": "truth",
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that a score must do.

    Attributes:
        name: how reasons and tables call it.
        topic: what claims it is about.
        case: the constructed case.
        against: the case that it is held against.
        rule: worsens: the score is worse than that of `against` by `amount` at least; does not improve: better by
            `amount` at most; stays: neither by more than `amount`; spread: its standard deviation over draws is
            `amount` at most; settled: its mean is within `amount` of that at the most examples.
        amount: in the topic's unit (`UNITS`).
        required: whether a score that fails it can decide no claim of this topic.
        made: how the case is made.
    """

    name: str
    topic: Topic
    case: str
    against: str
    rule: Rule
    amount: float
    required: bool
    made: str


def _of(topic: Topic, against: str, *rows: tuple[str, str, Rule, float, bool, str]) -> tuple[Check, ...]:
    """Checks against one case: (name, case, rule, amount, required, how it is made)."""
    return tuple(
        Check(name=name, topic=topic, case=case, against=against, rule=rule, amount=amount, required=needed, made=made)
        for name, case, rule, amount, needed, made in rows
    )


_CODES = _of(
    "disentanglement",
    "clean",
    ("another draw", "redrawn", "stays", 0.05, True, "a clean code of other examples"),
    ("added noise", "noisy", "worsens", 0.1, True, "noise as wide as the codes is added to each"),
    ("rotation", "rotated", "worsens", 0.25, True, "the six codes are turned by a random rotation"),
    ("non-linear mixing", "mixed", "worsens", 0.25, True, "turned, squeezed by tanh, and turned once more"),
    ("lost factors", "lost", "worsens", 0.1, True, "two of the six factors, shape and x, are coded nowhere"),
    ("duplicated codes", "doubled", "does not improve", 0.05, True, "each factor is coded twice"),
    ("order of codes", "codes permuted", "stays", 0.02, True, "the same codes in another order"),
    ("sign of codes", "codes negated", "stays", 0.02, True, "every second code is negated"),
    ("order of examples", "rows permuted", "stays", 0.05, True, "the same examples in another order"),
    ("unused codes", "wider", "stays", 0.05, False, "six more codes that hold nothing"),
    ("scale of a code", "scaled", "stays", 0.05, False, "one code is four times as wide"),
    ("curved codes", "curved", "stays", 0.05, False, "each code is cubed"),
)
_CODES_BY_N = _of(
    "disentanglement",
    "middling",
    ("spread", "middling", "spread", 0.05, True, "the clean code with noise as wide as the codes, half turned"),
    ("bias by n", "middling", "settled", 0.05, False, "the same at 15,000 examples"),
)
# two means over eight draws differ by half a noise by chance: three of that are 1.5, as one is of twenty draws below
_IMAGES = _of(
    "generation",
    "truth",
    ("another draw", "redrawn", "stays", 1.5, True, "fresh images of the data's own law"),
    ("order of examples", "permuted", "stays", 1.5, True, "the same images in another order"),
    ("mode dropped", "dropped", "worsens", 2.0, True, "no eights, one of ten classes"),
    ("mode invented", "invented", "worsens", 2.0, True, "a tenth of the images show two digits"),
    ("label imbalance", "imbalanced", "worsens", 2.0, True, "0 to 4 are twice as frequent as 5 to 9"),
    ("shifted mean", "brighter", "worsens", 2.0, True, "every pixel is 10 of 255 grey levels brighter"),
    ("blur", "blurred", "worsens", 2.0, True, "blurred by a normal of a pixel's width"),
    ("few images repeated", "repeated", "worsens", 2.0, True, "thirty true images, again and again"),
    ("copies of training data", "copies", "worsens", 2.0, False, "training images, each once"),
    ("unequal n", "half", "stays", 1.5, False, "half as many generated as test images"),
    ("bias by n", "truth", "settled", 1.5, False, "the truth at 5,000 examples"),
)
_MORE_IMAGES = (
    *_of(
        "generation",
        "sprites",
        ("mode hidden", "sprites dropped", "worsens", 2.0, False, "sprites without triangles, a third of them"),
    ),
    *_of(
        "generation",
        "dropped",
        ("outliers cover", "dropped and outliers", "does not improve", 1.0, True, "no eights, 1 % are white noise"),
    ),
    *_of(
        "generation",
        "truth, outliers in data",
        (
            "outliers in data", "dropped, outliers in data", "worsens", 2.0, True,
            "no eights, where 1 % of the test images are white noise",
        ),
    ),
)  # fmt: skip
_LINE = _of(
    "density",
    "truth",
    ("another draw", "redrawn", "stays", 1.0, True, "fresh draws of the density itself"),
    ("order of examples", "permuted", "stays", 1.0, True, "the same draws in another order"),
    ("mode dropped", "dropped", "worsens", 2.0, True, "the left mode, 30 %, is absent"),
    ("mode invented", "invented", "worsens", 2.0, True, "5 % lie in a narrow mode beyond the right one"),
    ("mode imbalance", "imbalanced", "worsens", 2.0, True, "the left mode has 20 % instead of 30 %"),
    ("shifted mean", "shifted", "worsens", 2.0, True, "all draws move by a twentieth of the interquartile range"),
    ("too wide", "wide", "worsens", 2.0, True, "all draws are 5 % farther from the median"),
    ("few values repeated", "repeated", "worsens", 2.0, True, "thirty true draws, again and again"),
    ("outliers", "outliers", "worsens", 2.0, False, "1 of 200 draws lies twenty interquartile ranges away"),
    ("copies of training data", "copies", "worsens", 2.0, False, "drawn with replacement from 2,000 training draws"),
    ("unequal n", "half", "stays", 1.0, False, "half as many draws"),
    ("bias by n", "truth", "settled", 1.0, False, "the truth at 20,000 draws"),
)
_COPIES = _of(
    "memorisation",
    "truth",
    ("another draw", "redrawn", "stays", 1.5, False, "fresh images of the data's own law"),
    ("copies of training data", "copies", "worsens", 2.0, False, "training images, each once"),
    ("some copies", "some copies", "worsens", 2.0, False, "a fifth are training images"),
    ("near copies", "near copies", "worsens", 2.0, False, "training images with noise of 5 grey levels"),
    ("blurred copies", "blurred copies", "worsens", 2.0, False, "training images blurred by a pixel's width"),
)
CHECKS: tuple[Check, ...] = (*_CODES, *_CODES_BY_N, *_IMAGES, *_MORE_IMAGES, *_LINE, *_COPIES)

# Why these checks are required of a claim, and others only shown.
WHY: dict[Topic, str] = {
    "disentanglement": "The claim says that single codes carry single factors. A score that decides it must fall when "
    "codes are mixed, in a line or not, when they drown in noise, and when factors are lost. It must not care in which "
    "order or with which sign codes come. Definitions differ on whether a factor coded twice is worse, and on whether "
    "scale, curvature and unused codes count. There the score must only not reward the copy.",
    "generation": "The claim says that generated images are closer to the data as a whole. A score that decides it "
    "must see what is missing, what is invented, what is too frequent, and what is shifted or blurred. Outliers must "
    "neither win it over nor blind it. Three things are shown only. No distance from the data can see copies of "
    "training images, which are true images (the memorisation scores look for them). Nor can it see a mode that the "
    "features do not distinguish. And grids compare at equal n.",
    "density": "The claim says that draws are closer to a known density. A score that decides it must see a mode that "
    "is missing, invented or of wrong weight, and a density that is shifted, too wide or made of few values. Two "
    "things are shown only. The distances differ by design in how much a far outlier weighs. And draws that copy many "
    "training draws are nearly true.",
    "memorisation": "These scores describe and have no better direction, so they decide no claim. The tables show "
    "whether they see what they are for.",
}
