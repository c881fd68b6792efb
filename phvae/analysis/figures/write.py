"""Every figure of a results folder: the registry with captions, and the writing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from phvae.analysis import figures_compare as compare
from phvae.analysis import figures_density as density
from phvae.analysis import figures_images as images
from phvae.analysis import figures_latent as latent
from phvae.analysis import figures_training as training
from phvae.analysis.figures_plans import Plan, plans
from phvae.analysis.figures_sources import Stored
from phvae.analysis.style import save
from phvae.files import write_json

__all__ = ["FIGURES", "Entry", "write"]


class Entry(NamedTuple):
    """A figure's function and what to see in it."""

    draw: Callable[..., Figure]
    caption: str


FIGURES: dict[str, Entry] = {
    "density_curves": Entry(
        density.density_curves,
        "Density of {n} samples against the true pdf (grey). Bands span all seeds, lines are their median. A model "
        "that learnt the density fills the grey shape: look for missing or merged modes, and for bands as narrow "
        "as the line. Means are decoder outputs of prior draws; with noise adds the observation noise of the "
        "likelihood. The axis ends at 1.6 times the highest true density at most: what leaves the panel rises further.",
    ),
    "density_maps": Entry(
        density.density_maps,
        "Samples (decoder means of prior draws, first seed) beside draws of the true density, on one scale. Look "
        "for mass in the gaps between modes.",
    ),
    "reconstructions": Entry(
        images.reconstructions,
        "Test images and their reconstructions, first seed of each variant. Look at edges and small parts: at an "
        "equal rate, less blur is more information about the image.",
    ),
    "samples": Entry(
        images.sample_images,
        "Decoder means of draws from the prior, first seed of each variant. Look for shapes that no test image "
        "has, and for repeats.",
    ),
    "metric_by_order": Entry(
        compare.metric_by_order,
        "Metrics against the order of the polynomial hierarchy; mean over seeds with its 95 % interval, order 1 "
        "(VAE) as the grey band. A gain that the copies control shares is not due to the polynomials.",
    ),
    "paired_seeds": Entry(
        compare.paired_seeds,
        "Every seed as a thin line through the variants; bars are means. Parallel lines show variation that "
        "pairing by seed removes; crossing lines show differences that are not resolved.",
    ),
    "forest": Entry(
        compare.forest,
        "Difference of each variant from {baseline}, paired by seed, with its 95 % interval (the wider of Student's "
        "and Hall's). Filled: better or worse, by the rule of the tables. Hollow: not resolved, or neither direction "
        "is better. The shaded half is better. No correction for the number of comparisons; the claims are judged in "
        "their own table.",
    ),
    "rate_distortion": Entry(
        compare.rate_distortion,
        "Distortion against rate. Thin grey lines: the β-VAE's curve of each seed; black: their mean. Other "
        "variants: mean and standard deviation over seeds. Only a point below the curve is better than every "
        "choice of β.",
    ),
    "learning_curves": Entry(
        training.learning_curves,
        "Validation terms by epoch; the line is the median over seeds, the band spans all. Curves that still fall "
        "at the end mean a budget too small for the comparison.",
    ),
    "kl_levels": Entry(
        latent.kl_levels,
        "KL(q‖p) split into its levels; mean over seeds, whiskers the total's standard deviation. A level of zero "
        "width carries nothing.",
    ),
    "traversals": Entry(
        images.traversals,
        "Each level's most varying coordinate moved from -3 to 3 standard deviations of the prior, the rest held at "
        "a test image's code, first seed. A level that changes nothing is unused; levels that change the same thing "
        "are not separated.",
    ),
    "interpolations": Entry(
        images.interpolations,
        "Straight lines between the codes of two test images. Look for in-between images that are no images.",
    ),
    "latent_maps": Entry(
        latent.latent_maps,
        "Whitened codes of test images on their first two principal components (shares of the variance in brackets; "
        "the axes are scaled apart), first seed, coloured by {target}. Look for classes that lie apart and for gaps.",
    ),
    "factor_maps": Entry(
        latent.factor_maps,
        "Mutual information of each code with each factor over the factor's entropy, first seed, codes ordered by "
        "level. A disentangled code has one dark cell a row; a level that carries one scale has its dark cells in "
        "one block.",
    ),
    "small_data": Entry(
        compare.small_data,
        "Metrics by number of training examples; mean over seeds, the band its 95 % interval. A help for small "
        "data shows as a gap that widens to the left.",
    ),
    "level_drop": Entry(
        latent.level_drop,
        "Change of the reconstruction by frequency band when one level is replaced by its prior mean; mean over "
        "seeds, whiskers span all seeds. Information split by scale shows as different bands for different levels.",
    ),
}


def write(root: Path, *, baseline: str | None = None) -> list[Path]:
    """Draw every figure that the results allow into root/figures, as PNG and PDF, with index.json.

    Args:
        root: folder of a grid's results, with its long table.
        baseline: the variant that others are compared with; by default the configuration's.

    Returns:
        The written pictures.

    Raises:
        DataError: there is no long table.
    """
    stored = Stored(Path(root), baseline)
    folder = stored.root / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    entries = []
    for plan in plans(stored):
        entry = FIGURES[plan.figure]
        files = save(entry.draw(**plan.arguments), folder / plan.name)
        if plan.figure == "traversals":
            files += _animate(plan, folder)
        written += files
        entries.append(
            {
                "name": plan.name,
                "figure": plan.figure,
                "subject": plan.subject,
                "caption": entry.caption.format(**plan.caption),
                "files": [file.name for file in files],
            }
        )
    drawn = {entry["figure"] for entry in entries}
    absent = [name for name in FIGURES if name not in drawn]
    write_json(folder / "index.json", {"figures": entries, "absent": absent})
    kept = {path.name for path in written}
    for path in folder.iterdir():
        if path.suffix in (".png", ".pdf", ".gif") and path.name not in kept:
            path.unlink()  # drawn by an earlier run from results that are gone
    return written


def _animate(plan: Plan, folder: Path) -> list[Path]:
    """The traversal of the variant with most levels as a GIF."""
    label, levels = max(plan.arguments["rows"].items(), key=lambda item: len(item[1]))
    path = folder / f"{plan.name}.gif"
    images.write_gif(images.traversal_frames(levels, label), path)
    return [path]
