"""The registry: every scorer of a run or of seeds by its file, the user's too, every metric by name (no torch)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from phvae.errors import nearest
from phvae.metrics.metric import Metric, Place
from phvae.metrics.naming import regex
from phvae.metrics.options import Group
from phvae.metrics.own import check_entries
from phvae.own.load import own
from phvae.own.named import HOW

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared

__all__ = ["GROUPS", "METRICS", "SCORERS", "SEED_SCORERS", "Scorer", "lookup", "pattern_of", "shown"]

GROUPS: tuple[str, ...] = (*get_args(Group), "groups")
_OPTIONAL = ("reference", "applies", "modules", "outside", "uses_model")


@dataclass(frozen=True)
class Scorer:
    """What a module of `phvae/metrics/scores` (of a run) or `phvae/metrics/across_seeds` holds, or a user's file.

    Attributes:
        name: its file's name.
        module: its module's name; that file, and those that it imports, are the code behind its rows.
        metrics: its entries.
        rows: of the `Inputs` of a run; across seeds, of their codes and the prior.
        reference: ceilings, floors and files that all runs on a data set share, where it has any.
        applies: whether it means something on a data set.
        modules: further modules whose code decides its rows on a data set.
        outside: what else decides them: weights from outside, and the machine if something is trained on it.
        uses_model: whether its rows ask for the trained model (`Inputs.trained`), which is then in their key.
    """

    name: str
    module: str
    metrics: tuple[Metric, ...]
    rows: Callable[..., Any]
    reference: Callable[..., dict[str, dict[str, Any]]] | None = None
    applies: Callable[[Prepared], bool] = lambda data: True
    modules: Callable[[Prepared], Sequence[str]] = lambda data: ()
    outside: Callable[..., Any] = lambda data, settings, machine: None
    uses_model: bool = False

    @property
    def group(self) -> str:
        """The group of its entries."""
        return self.metrics[0].group


def _found(folder: str) -> list[Scorer]:
    """The scorers of a folder of this room."""
    files = pkgutil.iter_modules([str(Path(__file__).parent / folder)])
    return [_scorer(file.name, importlib.import_module(f"phvae.metrics.{folder}.{file.name}")) for file in files]


def _scorer(name: str, module: Any) -> Scorer:
    given = {option: getattr(module, option) for option in _OPTIONAL if hasattr(module, option)}
    return Scorer(name, module.__name__, tuple(module.METRICS), module.rows, **given)


def _all() -> list[Scorer]:
    """Every scorer, by group and name; of the user's files those that have `METRICS`."""
    scorers = [*_found("scores"), *_found("across_seeds")]
    for one in own():
        if hasattr(one.module, "METRICS"):
            known = [metric.name for scorer in scorers for metric in scorer.metrics]
            check_entries(one, GROUPS, known, {scorer.name for scorer in scorers})
            scorers.append(_scorer(one.name, one.module))
    return sorted(scorers, key=lambda scorer: (GROUPS.index(scorer.group), scorer.name))


_SCORERS = _all()
SCORERS = [scorer for scorer in _SCORERS if scorer.group != "groups"]
SEED_SCORERS = [scorer for scorer in _SCORERS if scorer.group == "groups"]
METRICS: dict[str, Metric] = {metric.name: metric for scorer in (*SCORERS, *SEED_SCORERS) for metric in scorer.metrics}
_REGEXES = {pattern: regex(pattern) for pattern in METRICS}


@lru_cache(maxsize=4096)
def pattern_of(name: str) -> str:
    """The registered pattern that a metric's name follows.

    >>> pattern_of("kl_level_2"), pattern_of("mig")
    ('kl_level_{k}', 'mig')

    Raises:
        KeyError: no registered metric has this name.
    """
    if name in METRICS:
        return name
    for pattern, compiled in _REGEXES.items():
        if compiled.fullmatch(name):
            return pattern
    raise KeyError(f"metric {name!r} is not registered in phvae/metrics/scores{nearest(name, METRICS)}{HOW}")


def lookup(name: str) -> Metric:
    """The definition behind a metric's name.

    >>> lookup("mig").higher_is_better, lookup("w1_samples_mean").unit
    (True, 'interquartile ranges')
    """
    return METRICS[pattern_of(name)]


def shown(place: Place, groups: Sequence[str] = GROUPS) -> tuple[str, ...]:
    """The names of the metrics of some groups that a table or figure shows, in its order.

    >>> shown("distortion")
    ('mse', 'mse_columns', 'reconstruction_nll', 'bce_reconstruction')
    """
    found = [
        (number, one.name or metric.name)
        for metric in METRICS.values()
        if metric.group in groups
        for one in metric.shown
        if (number := getattr(one, place)) is not None
    ]
    return tuple(name for _, name in sorted(found))
