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

Every score of the long table has a row here: its definition, its unit, whether higher or lower is better, and its
source. The same name always has the same definition. The page is written from the entries in `phvae/metrics/scores` by
`python -m phvae.metrics.document docs/metrics.md`. A test compares the two.

## How to read a number

A row of the long table ([its columns](columns.md)) holds more than a value:

- `n` and `split` say on which points it was computed, and `settings` how.
- `ceiling` and `floor` say what can be expected of it; see the next section.
- `noise_sd` is the standard deviation over redraws of the samples.
- `status` is `ok`, `empty` (no value here; `reason` says why) or `failed` (`reason` holds the error). There is no
  silent zero: a run whose codes are all constant has no MIG.

## What ceilings and floors are

They are the same score of something known, on the same data and at the same sample size. A perfect code need not
score 1.

- **Disentanglement.** The ceiling is the score of the identity code: each factor that varies, standardised, is one
  code. The floor is that of as many independent noise codes. MIG's ceiling on dSprites' factors is .90, SAP's .25.
- **Distances.** The floor is the value between independent real data of the same size. For precision and recall, where
  higher is better, it is the value that true data reach.
- **Reconstructions** that are compared with the very images or draws that were reconstructed have no floor: a perfect
  reconstruction lies below it.
- **Features.** Their floors are those of training images, which the data set's own classifier has seen. On digits that
  moves them by less than their spread between draws.
- **Errors and sharpness of reconstructions.** The floor is what the mean image gives. For errors of a band, that is 1,
  the power of the band.
- **kNN accuracy.** The floor is what the commonest label gives.
- **Dependence of codes.** The floor of both measures is what the codes give with each shuffled on its own.

Tables keep these values below the variants. Each row is named by what it is: "real against real", "perfect code", "mean
image", "mean row", "independent codes", "no information". "Best possible" is an error of zero, or a value beyond which
further is not better.

## Which codes a score reads

Every score of codes uses the posterior means after whitening (docs/method.md, section 3). They are encoded once: row i
is test example i. The first two thirds of the rows fit a score, and the last third tests it (10,000 and 5,000 at
`n_codes` 15,000). Test splits of sorted sources are stored in one fixed random order, so that both parts hold all
values. Where a frequent value is in the last third alone, the scores are empty.

The FactorVAE and BetaVAE scores need rows that share a factor's value. They draw them from this table, with the
multiplicity they have there, instead of making new images. Test splits of full grids are uniform draws of all factors.
So both ways have the same law, up to the finite table. The run's seed also seeds draws and trees. It is the same for
all variants.

## When a score is empty

A score averages all factors that vary over the test split. If it cannot, it is empty. Its reason then names the factor,
what was found and what is needed:

- all scores need two values of every factor in the fitting rows;
- IRS needs 100 fitting rows of every factor's typical value (it takes a .99 quantile of them), InfoM and InfoC 11;
- explicitness needs every value of a factor in both parts, InfoE in the fitting rows;
- the votes need two rows of every value in both parts;
- forests need 63 fitting rows, because with fewer hardly a tree can split;
- dependence of codes and UDR need 60 examples, as does every score of codes against factors.

Factors with one value over the whole test split are no part of any score. The settings name them.

## From how many examples on a difference counts

From the number in the column "comparable from". Below it, a difference between two models decides nothing: the row is
shown with its `caution`.

- **Below it** a model's place is too uncertain. The place among eight models (four variants, two seeds, sprites) on one
  block of test rows errs by more than half the spread between the models, against the place on 15,000 rows.
- **From it on** the sign of a typical difference is right about 19 times in 20. kNN accuracy may err by .01, on MNIST:
  in it those models tie.
- A score without a number was not measured. DCI by boosting has the forest's numbers.
- `python -m benchmarks.score_sizes` measures it (`benchmarks/score_sizes.csv`).

Values go on moving with `n` after that. Those of all models move together, and by more than models differ. So compare
only rows of equal `n`. `n` counts the examples that a score reads. For MIG, SAP (R2), modularity, IRS and InfoMEC these
are the fitting rows alone, two thirds of `n_codes`. For the others they are all rows. Factors of many more values than
the sprites' 16 need more rows.

## What the audit says

The column "audit" says what [the audit](audit.md) found of a score on cases whose truth is known. It counts the checks
that hold. Then it names those that fail, by how much and at how many examples; the size that is asked for is on the
audit's page. A score that fails a required check decides no claim at that size. A score without an entry was not
audited.
"""

_FID = """
## Is FID here the FID of others?

One command answers that, where there is a network. It compares FID as computed here with torch-fidelity's own:

    phvae check-fid

No test does, because no test has the Inception-v3 weights. The command takes 40 to 90 minutes of a CPU core:

- It fetches the weights (91 MB, from torch-fidelity's release on GitHub; any other SHA-256 is refused) and CIFAR-10
  (170 MB).
- It draws the 5,000 training and 5,000 test images that torch-fidelity tests itself with.
- It computes their FID twice: by the code behind `fid_{images}`, and by torch-fidelity from the files of the pictures
  on.

The two may differ by 1e-5 of the value, or by .001: at fewer images than the 2,048 features, torch-fidelity's number
holds roots of rounding errors. Both may differ by .01 from the 10.3233274 in torch-fidelity's tests. Those tests let
versions of torch and GPUs move the number so far. There the first implementation, in TensorFlow, has the same to 1e-5.
The report (versions, machine, hashes, both numbers, verdict) is made to be pasted into an issue.

`--folders A B` takes two folders of pictures of your own. They have no published number, and torch-fidelity ignores
transparency and EXIF orientation. `--weights FILE` takes weights that lie elsewhere. Weights other than the published
ones are named as such. They must be plain tensors, because torch-fidelity runs what a pickle holds.
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
    lines = [_HEAD, "## Placeholders of names", "", "A name in braces stands for one of these:", ""]
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
        "- *yes*: the score stays equal, to rounding.",
        "- *nearly*: it stays within .02, because trees and votes draw again.",
        "- *no*: it moves; a test holds an example.",
        "",
        "`dci_boosting` behaves as `dci_forest` does. FactorVAE leaves out codes with a standard deviation below .05.",
        "InfoM and InfoC leave out codes whose range is a twentieth of the widest or less. There their yes to a factor",
        "of 4 ends.",
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
