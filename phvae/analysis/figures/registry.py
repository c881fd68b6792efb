"""Every kind of figure by its name, in the order of the report."""

from __future__ import annotations

from phvae.analysis.figures.contest import ContestPlot
from phvae.analysis.figures.correlation_errors import CorrelationErrors
from phvae.analysis.figures.density_curves import DensityCurves
from phvae.analysis.figures.density_maps import DensityMaps
from phvae.analysis.figures.drawable import Drawable
from phvae.analysis.figures.factor_maps import FactorMaps
from phvae.analysis.figures.family_curves import FamilyCurves
from phvae.analysis.figures.interpolations import Interpolations
from phvae.analysis.figures.interval_plot import IntervalPlot
from phvae.analysis.figures.kl_levels import KlLevels
from phvae.analysis.figures.latent_maps import LatentMaps
from phvae.analysis.figures.learning_curves import LearningCurves
from phvae.analysis.figures.level_drop import LevelDrop
from phvae.analysis.figures.marginals import Marginals
from phvae.analysis.figures.metric_by_order import MetricByOrder
from phvae.analysis.figures.pair_plot import PairPlot
from phvae.analysis.figures.paired_seeds import PairedSeeds
from phvae.analysis.figures.rank_matrix import RankMatrix
from phvae.analysis.figures.rate_distortion import RateDistortion
from phvae.analysis.figures.reconstructions import Reconstructions
from phvae.analysis.figures.samples import Samples
from phvae.analysis.figures.score_agreement import ScoreAgreement
from phvae.analysis.figures.score_strips import ScoreStrips
from phvae.analysis.figures.small_data import SmallData
from phvae.analysis.figures.traversals import Traversals

__all__ = ["FIGURES"]

_KINDS: tuple[type[Drawable], ...] = (
    ContestPlot,
    IntervalPlot,
    RankMatrix,
    DensityCurves,
    DensityMaps,
    Marginals,
    PairPlot,
    CorrelationErrors,
    Reconstructions,
    Samples,
    MetricByOrder,
    PairedSeeds,
    ScoreStrips,
    ScoreAgreement,
    FamilyCurves,
    RateDistortion,
    LearningCurves,
    KlLevels,
    Traversals,
    Interpolations,
    LatentMaps,
    FactorMaps,
    SmallData,
    LevelDrop,
)
FIGURES: dict[str, type[Drawable]] = {figure.kind: figure for figure in _KINDS}
