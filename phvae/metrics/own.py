"""Whether the entries of a user's file of scores can be registered."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from phvae.errors import ConfigError, nearest
from phvae.metrics.metric import Metric
from phvae.metrics.naming import regex
from phvae.own.checks import check_call, check_free
from phvae.own.load import Own

__all__ = ["check_entries"]


def check_entries(one: Own, groups: Sequence[str], known: Sequence[str], scorers: Collection[str]) -> None:
    """Refuse entries of no group or of two, names that are taken, and `rows` of other arguments.

    Args:
        groups: those that an entry may name.
        known: the names of all metrics before, some with placeholders.
        scorers: the names of all files of scores before.
    """
    entries = one.module.METRICS
    check_free(one, "the file's name, by which its scores are kept,", one.name, scorers)
    if not (isinstance(entries, list | tuple) and entries and all(isinstance(entry, Metric) for entry in entries)):
        raise ConfigError(
            f"{one.file}: METRICS: found {entries!r:.60}, expected a tuple of phvae.metrics.metric.Metric"
        )
    for place, entry in enumerate(entries):
        if entry.group not in groups or entry.group != entries[0].group:
            raise ConfigError(
                f"{one.file}: {entry.name}: found the group {entry.group!r}, expected one of {', '.join(groups)}"
                f"{nearest(entry.group, groups)}; the entries of one file are of one group"
            )
        try:
            pattern = regex(entry.name)
        except KeyError as error:
            raise ConfigError(f"{one.file}: {entry.name}: {{{error.args[0]}}} stands for nothing here") from None
        before = [*known, *(other.name for other in entries[:place])]
        if taken := next((name for name in before if _meet(pattern.fullmatch(name), entry.name, name)), None):
            raise ConfigError(f"{one.file}: METRICS: the name {entry.name!r} is taken (by {taken}): choose another")
    asked = ["codes", "prior"] if entries[0].group == "groups" else ["inputs"]
    check_call(one, "rows", getattr(one.module, "rows", None), asked)


def _meet(matched: object, name: str, other: str) -> bool:
    """Whether one name may be the other's: equal, or one follows the other's pattern."""
    return bool(matched) or name == other or bool(regex(other).fullmatch(name))
