"""docs/audit.md, written from the numbers and the verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill

import pandas as pd

from phvae.audit.checks import BEYOND, CHECKS, DRAWS, SIZES, TOPICS, TRUTH, UNITS, WHY, Check, Topic
from phvae.audit.judge import Numbers
from phvae.metrics.audited import FAILS, HOLDS, Verdict, number, told

__all__ = ["render"]

_HEAD = """# The audit of the scores

Does a score measure what it claims, at the sizes that the grids use? Some do, and many do not. Here each score meets
cases whose truth is known. What it must say of each case was fixed as data (`phvae/audit/checks.py`) before the first
run. A score that fails a required check decides no claim of that kind: the ledger says "not resolved" and names the
check.

- **Codes:** MIG, DCI by forests and SAP see all that they must. Explicitness, InfoE, modularity and the FactorVAE and
  BetaVAE scores hardly notice that the codes are turned. InfoM and IRS do not notice that two factors are coded
  nowhere.
- **Images:** at 300 and at 1,000 images no score sees all. A missing class is lost in the noise, and so are images made
  of two digits, a tenth of all. At 2,500 the Frechet distance, KID and clipped coverage see all. Precision and both
  densities call blurred images good at every size. None sees copies of training images; AuthPct and C_T do.
- **Densities:** the distances of one dimension see all. In two dimensions one of two columns has the fault. There the
  sliced distance needs 10,000 draws to see that it is 5 % too wide. MMD, which reads 2,000 of them, hardly does.

The numbers are in [audit.csv](audit.csv): mean and standard deviation over draws. This command writes numbers, page and
pictures:

    phvae audit --output docs --cores 2

With `--accept` it also writes the verdicts to `phvae/metrics/audited.csv`. From there they stand beside each
[definition](metrics.md).

**What was changed.** Cases and amounts are those of before the first run. The size of 10,000 draws was added after it.
One change came before it, but after small trials of some cases: "stays" and "bias" were given 1.5 units of noise
instead of 1 where draws are eight.

**What was not audited**, and is not held back: scores of reconstructions, of tables, of codes without factors and of
likelihood; UDR; DCI by boosting; and scores of images by Inception or EfficientNet. The features of the last two need
weights from outside. Their arithmetic is that of the classifier's.

**How to read the tables.** An entry is how much worse the case makes the score, in the unit named. It is **bold with a
cross** where the check fails, and `-` where the score has no value. Checks with an asterisk are required.
"""
_TITLES: dict[Topic, str] = {
    "disentanglement": "Disentanglement",
    "generation": "Generated images",
    "density": "Densities",
    "memorisation": "Memorisation",
}
_NOISE = (
    "The unit of an entry is a standard deviation: that of the score, over draws of the case that it is compared with."
)
_SETTING: dict[Topic, str] = {
    "disentanglement": """\
Six factors of the sizes of the sprites', drawn uniformly. The clean code holds each factor in one code, with noise of a
tenth of its width, beside six codes that hold nothing. The noise code holds nothing. The unit of an entry is the range
from the clean code's value to the noise code's. FactorVAE and BetaVAE have 2,000 votes.""",
    "generation": f"""\
scikit-learn's digits, turned, resized and shifted at random on 16 x 16 pixels, in ten equal classes. The features are
those of their own classifier, trained on 5,000. One more case is of sprites of 32 x 32, in features of theirs.
{_NOISE}

![The cases: images of each](audit-cases.png)""",
    "density": f"""\
Trimodal: .3 N(-2, .5²) + .4 N(0, .3²) + .3 N(2, .7²). In two dimensions a second column is true and independent.
{_NOISE}""",
    "memorisation": f"""\
The same digits: 5,000 training images, test and generated images of equal number. A lower value is worse: images
nearer to training images than test images are.
{_NOISE}""",
}
_SAYS = {
    "worsens": "is worse by {amount}",
    "does not improve": "is better by {amount} at most",
    "stays": "moves by {amount} at most",
    "spread": "spreads by {amount} at most",
    "settled": "is within {amount} of this",
}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(heads)
    yield f"|{'---|' * len(heads)}"
    yield from (_line(row) for row in rows)


def _amount(check: Check) -> str:
    unit = "of the range" if UNITS[check.topic] == "range" else "noise"
    return f"{check.amount:g} {unit}"


def _entry(verdict: Verdict) -> str:
    text = number(verdict.effect)
    return f"**{text} ✗**" if verdict.verdict == FAILS else text


def _checks(topic: Topic) -> list[Check]:
    return [check for check in CHECKS if check.topic == topic]


def _of_topic(topic: Topic, verdicts: Sequence[Verdict], numbers: Numbers) -> Iterator[str]:
    checks = _checks(topic)
    yield from (f"## {_TITLES[topic]}", "", _SETTING[topic], "", fill(WHY[topic], 120), "")
    rows = [
        [check.name, "yes" if check.required else "", check.made, _SAYS[check.rule].format(amount=_amount(check))]
        for check in checks
    ]
    yield from _table(["check", "required", "the case", "holds where the score"], rows)
    for n in SIZES[topic]:
        found = {(v.score, v.check): v for v in verdicts if v.n == n}
        yield from ("", f"At {n:,} examples, {DRAWS[topic]} draws:", "")
        heads = ["score", *(check.name + ("*" if check.required else "") for check in checks)]
        lines = [[f"`{s}`", *(_entry(found[s, check.name]) for check in checks)] for s in numbers.scores]
        yield from _table(heads, lines)
    sizes = sorted({*SIZES[topic], *BEYOND[topic]})
    yield from ("", f"Bias and spread: the case `{TRUTH[topic]}`, mean ± standard deviation over the draws:", "")
    heads = ["score", *(f"n = {n:,}" for n in sizes)]
    yield from _table(heads, [[f"`{s}`", *(_spread(numbers, s, n) for n in sizes)] for s in numbers.scores])
    yield ""


def _spread(numbers: Numbers, score: str, n: int) -> str:
    mean, sd = (find(score, n, TRUTH[numbers.topic]) for find in (numbers.mean, numbers.sd))
    return f"{mean:.3g} ± {sd:.2g}" if mean == mean else ""


def _summary(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """One line a score: the required checks that it fails, and at which sizes."""
    yield from ("## In short", "", "![Which check each score passes](audit-verdicts.png)", "")
    rows = []
    for score in dict.fromkeys(v.score for v in verdicts):
        mine = [v for v in verdicts if v.score == score]
        failed = [v for v in mine if v.required and v.verdict != HOLDS]
        shown = [v for v in mine if not v.required and v.verdict != HOLDS]
        decides = "no claim" if mine[0].topic == "memorisation" else _decides(mine, failed)
        rows.append([f"`{score}`", mine[0].topic, decides, told(failed), told(shown)])
    yield from _table(["score", "about", "can decide", "required checks failed", "other checks failed"], rows)
    yield ""


def _decides(mine: Sequence[Verdict], failed: Sequence[Verdict]) -> str:
    sizes = sorted({v.n for v in mine} - {v.n for v in failed})
    everywhere = len(sizes) == len({v.n for v in mine})
    return "yes" if everywhere else f"at {', '.join(f'{n:,}' for n in sizes)}" if sizes else "no"


def render(table: pd.DataFrame, verdicts: Sequence[Verdict]) -> str:
    """The whole page."""
    lines = [_HEAD, *_summary(verdicts)]
    for topic in TOPICS:
        lines += _of_topic(topic, [v for v in verdicts if v.topic == topic], Numbers(table, topic))
    lines += ["![Bias and spread by n](audit-n.png)"]
    return "\n".join(lines) + "\n"
