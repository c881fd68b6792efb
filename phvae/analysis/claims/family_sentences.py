"""What was found of a family of claims, in one plain sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Found", "Outcome", "family_sentence"]


@dataclass(frozen=True)
class Outcome:
    """An answer on one data set: its word, the control that decides it (the hardest, or the one that wins), and why."""

    word: str
    control: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What was found of a claim on the data sets that it names and the results have.

    Attributes:
        claim: its name.
        text: its text.
        challenger: the challenger's label.
        baseline: the outcomes against the baseline; none where that is not asked.
        controls: those against all controls; none where the baseline is the only one.
    """

    claim: str
    text: str
    challenger: str
    baseline: list[Outcome]
    controls: list[Outcome]

    @property
    def tested(self) -> bool:
        """Whether anything was tested."""
        return any(one.word != "not tested" for one in (*self.baseline, *self.controls))


Items = list[tuple[str, list[Outcome]]]  # what a claim is about (empty for a claim of its own), its outcomes
Said = tuple[str, bool]  # a part of the sentence, and whether the challenger won anywhere


def family_sentence(found: Sequence[Found], baseline: str) -> str:
    """The sentence on the claims of one family.

    A family of one claim begins with its name and its text in quotation marks; of several claims each is called by
    what follows the family's name in its own.

    Args:
        found: the claims of the family.
        baseline: the baseline's label.
    """
    several = len(found) > 1
    name, text = found[0].claim.partition("-")[0] if several else found[0].claim, found[0].text.rstrip(". ")
    head = name.replace("-", " ").replace("_", " ")
    head = f"{head[:1].upper()}{head[1:]}" + ("" if several else f' ("{text}")')
    groups: dict[str, list[Found]] = {}
    for one in found:
        if one.tested:
            groups.setdefault(one.challenger, []).append(one)
    parts = [_of_challenger(challenger, group, several, baseline) for challenger, group in groups.items()]
    untested = [one for one in found if not one.tested]
    if untested:
        topics = f": {', '.join(_topic(one.claim) for one in untested)}" if parts else f" ({_why(untested)})"
        parts.append(f"not tested here{topics}")
    return f"{head}: {'; '.join(parts)}."


def _topic(claim: str) -> str:
    """What a claim of a family is about: its name behind the family's, its whole name where that is no word."""
    topic = claim.partition("-")[2]
    return topic.replace("-", " ").replace("_", " ") if re.search(r"[^\W\d]{2}", topic) else claim


def _why(untested: Iterable[Found]) -> str:
    """Why claims were tested nowhere."""
    reasons = [outcome.reason for one in untested for outcome in one.controls or one.baseline]
    return "; ".join(dict.fromkeys(reasons)) or "no runs on the data sets that are named"


def _of_challenger(challenger: str, group: Sequence[Found], several: bool, baseline: str) -> str:
    """A challenger against the baseline, and against all controls."""
    topics = [_topic(one.claim) if several else "" for one in group]
    plain = list(zip(topics, [one.baseline for one in group], strict=True))
    hard = list(zip(topics, [one.controls for one in group], strict=True))
    than, better = _against_baseline(plain, baseline, "worse" if any(found for _, found in hard) else "contradicted")
    every, best = _against_controls(hard, not than)
    but = ", but " if better and not best else ", and "
    return f"{challenger} {but.join(filter(None, (than, every)))}"


def _against_baseline(items: Items, baseline: str, worse: str) -> Said:
    """What is said against the baseline; `worse` is the word where it wins."""
    if wins := _share(items, "supported", True):
        losses = _share(items, "contradicted", False)
        return f"is better than the {baseline} on {wins}" + (f" ({worse} on {losses})" if losses else ""), True
    if losses := _share(items, "contradicted", True):
        more = f" ({worse})" if worse != "worse" else ""
        return f"is worse than the {baseline} on {losses}{more}", False
    if equal := _share(items, "small", True):
        return f"is as good as the {baseline} on {equal}", False
    return f"is not shown to be better or worse than the {baseline}" if _count(items) else "", False


def _against_controls(items: Items, first: bool) -> Said:
    """What is said against all controls; `first` where nothing was said of data sets before."""
    wins = _share(items, "supported", first)
    losses, equal = (_share(items, word, first and not wins) for word in ("contradicted", "small"))
    if not (wins or losses or equal):
        return "is not shown to beat every control" if _count(items) else "", False
    none = "beats every control on none" if _count(items) > 1 else "does not beat every control"
    said = f"beats every control on {wins}" if wins else none
    if losses:
        said += f"; contradicted on {losses}, where {_who(items, 'contradicted')} is better"
    elif equal:
        said += f"; on {equal} {_who(items, 'small')} is as good"
    return said, bool(wins)


def _count(items: Items) -> int:
    return sum(one.word != "not tested" for _, outcomes in items for one in outcomes)


def _share(items: Items, word: str, first: bool) -> str:
    """On how many of its data sets each claim has a word: "2 of 3 data sets for accuracy and 1 of 3 for detail"."""
    told: list[str] = []
    for topic, outcomes in items:
        count, tested = sum(one.word == word for one in outcomes), _count([(topic, outcomes)])
        if count:
            share, unit = f"{count} of {tested}", " data sets" if first and not told else ""
            if tested == 1 and not told:
                share, unit = "the one data set tested" if first else "that one", ""
            told.append(f"{share}{unit}" + (f" for {topic}" if topic else ""))
    return " and ".join(filter(None, (", ".join(told[:-1]), *told[-1:])))


def _who(items: Items, word: str) -> str:
    """The control that decides most outcomes with a word."""
    controls = Counter(one.control for _, outcomes in items for one in outcomes if one.word == word).most_common()
    first = controls[0][0]
    return first if len(controls) == 1 else f"a control, most often {first},"
