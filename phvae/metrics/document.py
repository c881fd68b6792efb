"""docs/metrics.md, written from the registry: ``python -m phvae.metrics.document docs/metrics.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from phvae.files import write_text
from phvae.metrics.audited import HOLDS, told, verdicts
from phvae.metrics.naming import PLACEHOLDERS
from phvae.metrics.registry import GROUPS, METRICS

__all__ = ["CHANGES", "main", "render"]

# What may happen to codes and factors without a change of their meaning; `Metric.invariances` says what a score does
# not notice: "yes" (to rounding), "nearly" (within .02: trees and votes draw anew), "no".
CHANGES = ("codes permuted", "code × 4", "code cubed", "dead code added", "factors reordered", "values renumbered")

_HEAD = """# Metrics

Written from the entries in `phvae/metrics/scores` by `python -m phvae.metrics.document docs/metrics.md`;
a test compares. One name is one definition. A row of the long table ([its columns](columns.md)) says on which points
(`n`, `split`), with which settings, and beside the value:

- `ceiling` and `floor`: for disentanglement, the same score of the identity code (each factor that varies,
  standardised, is one code) and of as many independent noise codes, on the same data at the same sample size. A
  perfect code need not score 1: MIG's ceiling on dSprites' factors is .90, SAP's .25. For distances, `floor` is the
  value between independent real data of the same size. Reconstructions compared with the very images or draws that
  were reconstructed have no floor: a perfect one lies below it. Floors of features are those of training images, which
  the data set's own classifier has seen; on digits that moves them by less than their spread between draws. For
  precision and recall, where higher is better, the same value is what true data reach. Errors and sharpness of
  reconstructions name as `floor` what the mean image gives (1 for errors of a band, its power), kNN accuracy what the
  commonest label gives, and the two measures of dependence what the codes give with each shuffled on its own. Tables
  keep these values below the variants, each row named by what it is: "real against real", "perfect code", "mean image",
  "mean row", "independent codes", "no information"; "best possible" is no error, or a value past which further is not
  better.
- `noise_sd`: the standard deviation over redraws of the samples.
- `status`: `ok`, `empty` (no value here, and `reason` says why) or `failed` (`reason` holds the error). There is no
  silent zero: a run whose codes are all constant has no MIG.

Every score of codes uses the posterior means after whitening (docs/method.md, section 3), encoded once: row i is test
example i. The first two thirds of the rows fit a score, the last third tests it (10,000 and 5,000 at `n_codes` 15,000);
test splits of sorted sources are stored in one fixed random order, so that both parts hold all values, and where a
frequent value is in the last third alone the scores are empty. The FactorVAE and BetaVAE scores draw rows of this table
that share a factor's value, with the multiplicity they have there, instead of new images: test splits of full grids are
uniform draws of all factors, so both are the same law, up to the finite table. Draws and trees are seeded by the run's
seed, the same for all variants.

A score averages all factors that vary over the test split, or it is empty and its reason names the factor, what was
found and what is needed. All of them need two values of every factor in the fitting rows; IRS 100 fitting rows of
every factor's typical value (it takes a .99 quantile of them), InfoM and InfoC 11; explicitness every value of a factor
in both parts, InfoE in the fitting rows; the votes two rows of every value in both parts; forests 63 fitting rows,
below which hardly a tree can split. Dependence of codes and UDR need 60 examples, as does every score of codes against
factors. Factors of one value over the whole test split are no part of any score, and the settings name them.

A difference between two models decides nothing where `n` is below the column "comparable from": the row is shown with
its `caution`. There a model's place among eight (four variants, two seeds, sprites) on one block of test rows errs by
more than half the spread between the models, against its place on 15,000 rows; from there on the sign of a typical
difference is right about 19 times in 20. kNN accuracy may err by .01, on MNIST: in it those models tie.
`python -m benchmarks.score_sizes` measures it (`benchmarks/score_sizes.csv`); DCI by boosting has the forest's numbers.
A score without a number was not measured. The values themselves go on moving with `n`, those of all models together and
by more than models differ: only rows of equal `n` compare. `n` counts the examples that a score reads: the fitting rows
alone, two thirds of `n_codes`, for MIG, SAP (R2), modularity, IRS and InfoMEC; all of them for the others. Factors of
many more values than the sprites' 16 need more rows.

The column "audit" says what [the audit](audit.md) found of a score on cases whose truth is known: whether it passes the
checks that a claim asks for, and which it fails, by how much (the size asked for is in that page) at how many examples.
A score that fails one decides no claim at that size. A score without an entry was not audited.
"""

_FID = """
## Whether FID here is FID

No test has the Inception-v3 weights. Where there is a network, one command holds FID as computed here against
torch-fidelity's own:

    phvae check-fid

It fetches the weights (91 MB, from torch-fidelity's release on GitHub; any other SHA-256 is refused) and CIFAR-10
(170 MB), draws the 5,000 training and 5,000 test images that torch-fidelity tests itself with, and computes their FID
twice: by the code behind `fid_{images}`, and by torch-fidelity from the files of the pictures on. The two may differ by
1e-5 of the value, or by .001: at fewer images than the 2,048 features, torch-fidelity's number holds roots of rounding
errors. Both may differ by .01 from the 10.3233274 in torch-fidelity's tests, which let versions of torch and GPUs move
it so far; there the first implementation, in TensorFlow, has the same to 1e-5. All this takes 40 to 90 minutes of a
CPU core. The report (versions, machine, hashes, both numbers, verdict) is made to be pasted into an issue.

`--folders A B` takes two folders of pictures of your own, which have no published number; torch-fidelity ignores
transparency and EXIF orientation. `--weights FILE` takes weights that lie elsewhere; other ones than the published are
named as such, and must be plain tensors, because torch-fidelity runs what a pickle holds.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _audited(score: str) -> str:
    """How many verdicts hold, and the checks that do not."""
    found = verdicts().get(score, [])
    if not found:
        return ""
    failed = [one for one in found if one.verdict != HOLDS]
    words = [f"holds {len(found) - len(failed)} of {len(found)}"]
    for what, required in (("fails", True), ("not required: fails", False)):
        if told_of := told(one for one in failed if one.required is required):
            words.append(f"{what} {told_of}")
    return "; ".join(words)


def render() -> str:
    """The whole text of docs/metrics.md."""
    lines = [_HEAD, "Placeholders of names:", ""]
    meanings = {"k": "a level, from 1", "j": "a coordinate of that level", "factor": "a factor of the data set"}
    meanings["column"] = "a column of the table, other characters than A-Z a-z 0-9 _ . + - as _"
    for key, values in PLACEHOLDERS.items():
        lines.append(f"- `{{{key}}}`: {meanings.get(key) or ', '.join(values or ())}")
    arrows = {True: "higher", False: "lower", None: ""}
    for group in GROUPS:
        members = [metric for metric in METRICS.values() if metric.group == group]
        sizes = ["comparable from"] if any(m.comparable_from for m in members) else []
        audit = ["audit"] if any(m.name in verdicts() for m in members) else []
        heads = ["name", "definition", "unit", "better", *sizes, *audit, "source"]
        lines += ["", f"## {group.capitalize()}", "", _line(heads), f"|{'---|' * len(heads)}"]
        for m in members:
            least = [f"{m.comparable_from:,}" if m.comparable_from else ""] if sizes else []
            name, found = f"`{_cell(m.name)}`", [_audited(m.name)] if audit else []
            direction = arrows[m.higher_is_better]
            lines.append(_line([name, _cell(m.definition), m.unit, direction, *least, *found, m.source]))
    lines += [
        "",
        "## What the scores of codes do not notice",
        "",
        "yes: equal to rounding; nearly: within .02, because trees and votes draw again; no: a test holds an example",
        "that moves it. `dci_boosting` is as `dci_forest`. FactorVAE leaves out codes of standard deviation below .05,",
        "InfoM and InfoC those of a range up to a twentieth of the widest: there their yes to a factor of 4 ends.",
        "",
        f"| score | {' | '.join(CHANGES)} |",
        f"|---|{'---|' * len(CHANGES)}",
    ]
    lines += [f"| `{m.name}` | {' | '.join(m.invariances)} |" for m in METRICS.values() if m.invariances]
    return "\n".join(lines) + f"\n{_FID}"


def main(path: str | Path) -> None:
    """Write the page to `path`."""
    write_text(path, render())


if __name__ == "__main__":
    main(sys.argv[1])
