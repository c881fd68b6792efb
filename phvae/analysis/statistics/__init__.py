"""Statistics over seeds; arrays are (..., seeds), NaN where a seed has no value."""

from phvae.analysis.statistics.intervals import (
    BOOTSTRAP_FROM,
    bootstrap_t_interval,
    interval_method,
    mean_interval,
    t_interval,
)
from phvae.analysis.statistics.many_tests import holm
from phvae.analysis.statistics.moments import (
    IQM_FROM,
    Moments,
    interquartile_mean,
    median,
    moments,
    skew_bound,
    skewness,
)
from phvae.analysis.statistics.paired_tests import paired_interval, paired_p, paired_t, probability_of_improvement
from phvae.analysis.statistics.seeds_needed import seeds_for_mean, seeds_for_ratio
from phvae.analysis.statistics.sign_flips import EXACT_UP_TO, sign_flip, sign_flip_method, smallest_p, wilcoxon
from phvae.analysis.statistics.spreads import Spread, spread_ratio

__all__ = [
    "BOOTSTRAP_FROM",
    "EXACT_UP_TO",
    "IQM_FROM",
    "Moments",
    "Spread",
    "bootstrap_t_interval",
    "holm",
    "interquartile_mean",
    "interval_method",
    "mean_interval",
    "median",
    "moments",
    "paired_interval",
    "paired_p",
    "paired_t",
    "probability_of_improvement",
    "seeds_for_mean",
    "seeds_for_ratio",
    "sign_flip",
    "sign_flip_method",
    "skew_bound",
    "skewness",
    "smallest_p",
    "spread_ratio",
    "t_interval",
    "wilcoxon",
]
