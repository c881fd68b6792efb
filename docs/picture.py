"""README's picture: what three models draw of one density, beside the verdicts. `python docs/picture.py`"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from phvae.analysis.claims.answers import Answers, ClaimAnswers, read_answers
from phvae.analysis.figures.density_curves import best_bandwidth, smoothed
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.style import new_figure, styled
from phvae.experiment.grid import load_grid
from phvae.jobs.redraw import prepared

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "results/reference"
DATASET, SHOWN = "trimodal", ("vae", "copies-3", "ph-vae-3")
KINDS = {  # what an answer looks like: its colour, its words
    "supported": ("#2C7FB8", "better than every control"),
    "small": ("#B8B8B8", "difference too small to matter"),
    "undecided": ("#EDEDED", "not resolved"),
    "contradicted": ("#D95F0E", "a control is better"),
}


def densities(stored: Stored, axes: list[Axes]) -> None:
    """The true density in grey, and the band over seeds of each model's samples."""
    data = stored.prepared(DATASET)
    assert data is not None
    assert data.density is not None
    x = np.linspace(-4, 4.5, 600)
    true = data.density.pdf(x)
    width = best_bandwidth(data.density.pdf, x[0], x[-1], 2000)
    for ax, variant in zip(axes, SHOWN, strict=True):
        found = [stored.array(run, "samples.npz", "samples_mean") for run in stored.runs(DATASET, variant)]
        curves = np.stack([smoothed(array.reshape(-1), x, width) for array in found if array is not None])
        ax.fill_between(x, true, color="#E3E3E3", linewidth=0)
        ax.fill_between(x, curves.min(0), curves.max(0), color=stored.looks[variant].colour, alpha=0.35, linewidth=0)
        ax.plot(x, np.median(curves, 0), color=stored.looks[variant].colour, linewidth=1)
        ax.set_title(stored.labels[variant].replace(" (control)", ""), loc="left")
        ax.set(ylim=(0, 1.7 * true.max()), yticks=[], xlim=(x[0], x[-1]), xticks=[])


def verdicts(found: Answers, ax: Axes) -> None:
    """A row per claim, a column per data set."""
    claims = _tested(found)
    for row, claim in enumerate(claims):
        for answer in claim.questions[-1].answers:
            if answer.word in KINDS:
                at = found.datasets.index(answer.dataset)
                ax.add_patch(mpl.patches.Rectangle((at + 0.06, row + 0.08), 0.88, 0.84, color=KINDS[answer.word][0]))
    ax.set(xlim=(0, len(found.datasets)), ylim=(len(claims), 0))
    ax.set_xticks(np.arange(len(found.datasets)) + 0.5, found.datasets, rotation=35, ha="right")
    ax.set_yticks(np.arange(len(claims)) + 0.5, [claim.claim.replace("-", " ") for claim in claims])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    patches = [mpl.patches.Patch(color=colour, label=words) for colour, words in KINDS.values()]
    ax.legend(handles=patches, loc="lower left", bbox_to_anchor=(-0.45, 1.0), ncols=2, frameon=False, borderpad=0)


def _tested(found: Answers) -> list[ClaimAnswers]:
    """The claims with an answer on some data set."""
    stated = (claim for family in found.families for claim in family.claims)
    return [claim for claim in stated if any(one.word in KINDS for one in claim.questions[-1].answers)]


def main() -> None:
    """Draw it."""
    grid = load_grid(REFERENCE / "config.json")
    prepared(grid, REFERENCE)
    found, stored = read_answers(REFERENCE / "tables"), Stored(REFERENCE, grid.config.baseline)
    assert found is not None
    with styled():
        figure = new_figure(7.2, max(3.0, 0.9 + 0.24 * len(_tested(found))))
        left, right = figure.subfigures(1, 2, width_ratios=[1, 2])
        densities(stored, list(left.subplots(3, 1)))
        verdicts(found, right.subplots())
        figure.savefig(ROOT / "docs/verdicts.png", dpi=200)


if __name__ == "__main__":
    main()
