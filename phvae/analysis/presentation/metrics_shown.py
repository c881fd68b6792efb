"""Which metrics are shown where: the tables of scores; the metrics say themselves where they appear (`Shown`)."""

from __future__ import annotations

from dataclasses import dataclass

from phvae.metrics.registry import shown

__all__ = [
    "BY_ORDER",
    "BY_SIZE",
    "DENSITY_MARKERS",
    "DISTORTIONS",
    "FIGURES_BY_SIZE",
    "FIGURES_FIRST",
    "HEADLINES",
    "IMAGE_DISTANCES",
    "MATCHED_RATE",
    "SCORES_SHOWN",
    "SCORE_TABLES",
    "ScoreTable",
]


@dataclass(frozen=True)
class ScoreTable:
    """One table of scores.

    Attributes:
        title: above the table.
        groups: of metrics; all their numbers go to the CSV file.
        markers: metrics that mark a data set as belonging to the table.
    """

    title: str
    groups: tuple[str, ...]
    markers: tuple[str, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """The table's columns."""
        return shown("table", self.groups)


DENSITY_MARKERS = ("w1_samples_mean", "sliced_w1_samples_mean")
# by the table's name
SCORE_TABLES: dict[str, ScoreTable] = {
    "densities": ScoreTable("Densities", ("density", "likelihood"), DENSITY_MARKERS),
    "columns": ScoreTable("Tables", ("table", "likelihood"), ("w1_columns_samples_mean", "mse_columns")),
    "images": ScoreTable(
        "Image reconstruction and generation", ("reconstruction", "generation", "likelihood"), ("mse",)
    ),
    "disentanglement": ScoreTable("Disentanglement", ("disentanglement", "groups"), ("mig", "udr_spearman")),
    "latent": ScoreTable("Latent codes", ("latent",), ("kl",)),
}
BY_SIZE, BY_ORDER, MATCHED_RATE = shown("sizes"), shown("orders"), shown("matched")
# every score that a table shows, each once, table by table
SCORES_SHOWN: tuple[str, ...] = tuple(dict.fromkeys(name for table in SCORE_TABLES.values() for name in table.shown))
HEADLINES = shown("headline")  # of `phvae compare`
# what a data set is judged by, in the order in which the panels of figures are given away; small data, too
FIGURES_FIRST, FIGURES_BY_SIZE = shown("panel"), shown("small_panel")
IMAGE_DISTANCES = shown("panel", ("generation",))  # said beside samples: the first known
DISTORTIONS = shown("distortion")  # of the rate-distortion figure: the first known
