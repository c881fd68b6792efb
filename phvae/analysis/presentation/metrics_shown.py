"""Which metrics are shown where, by name: each list stands here alone."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BY_ORDER",
    "BY_SIZE",
    "DENSITY_MARKERS",
    "DISTORTIONS",
    "FIGURES_BY_SIZE",
    "FIGURES_FIRST",
    "HEADLINES",
    "MATCHED_RATE",
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
        shown: the table's columns.
    """

    title: str
    groups: tuple[str, ...]
    markers: tuple[str, ...]
    shown: tuple[str, ...]


DENSITY_MARKERS = ("w1_samples_mean", "sliced_w1_samples_mean")

# by the table's name
SCORE_TABLES: dict[str, ScoreTable] = {
    "densities": ScoreTable(
        "Densities",
        ("density", "likelihood"),
        DENSITY_MARKERS,
        (
            "w1_samples_mean", "w1_samples_model", "ks_samples_mean", "cvm_samples_mean", "sliced_w1_samples_mean",
            "sliced_w1_samples_model", "mmd_samples_mean", "w1_reconstructions", "nll",
        ),
    ),
    "images": ScoreTable(
        "Image reconstruction and generation",
        ("reconstruction", "generation", "likelihood"),
        ("mse",),
        (
            "mse", "psnr", "ssim", "sharpness", "sharpness_error", "band_error_high", "bce", "nll",
            "fid_reconstructions", "fid_samples", "kid_inception_samples", "fd_classifier_samples",
            "kid_classifier_samples", "precision_classifier_samples", "recall_classifier_samples",
            "fd_efficientnet_lite0_samples",
        ),
    ),
    "disentanglement": ScoreTable(
        "Disentanglement",
        ("disentanglement", "groups"),
        ("mig", "udr_spearman"),
        (
            "mig", "mig_quantile", "dci_forest_disentanglement", "dci_forest_completeness",
            "dci_forest_informativeness", "dci_boosting_disentanglement", "sap", "factor_vae", "beta_vae",
            "modularity", "explicitness", "irs", "udr_lasso", "udr_spearman",
        ),
    ),
    "latent": ScoreTable(
        "Latent codes",
        ("latent",),
        ("kl",),
        ("kl", "active_units", "w_norm", "ball_share", "knn_accuracy", "mmd_prior", "gaussian_tc", "mean_code_mi"),
    ),
}  # fmt: skip

# the table of small data, a block a metric
BY_SIZE = (
    "w1_samples_mean", "sliced_w1_samples_mean", "mse", "fd_classifier_samples", "mig", "knn_accuracy", "ball_share",
    "w_norm", "active_units",
)  # fmt: skip
# the table of divergences and orders, a block a metric
BY_ORDER = ("w1_samples_mean", "sliced_w1_samples_mean", "mse", "fd_classifier_samples", "mig")
# the table at matched rate
MATCHED_RATE = (
    "mse", "ssim", "sharpness", "band_error_high", "fid_samples", "fd_classifier_samples", "w1_samples_mean",
    "w1_samples_model", "ball_share",
)  # fmt: skip
# `phvae compare`
HEADLINES = (
    "w1_samples_mean", "sliced_w1_samples_mean", "mse", "fid_samples", "fd_classifier_samples", "mig",
    "knn_accuracy", "nll",
)  # fmt: skip

# what a data set is judged by, in the order in which the panels of figures are given away
FIGURES_FIRST = (
    "w1_samples_mean", "w1_samples_model", "ks_samples_mean", "sliced_w1_samples_mean", "mmd_samples_mean",
    "mse", "ssim", "fid_samples", "fd_classifier_samples", "fd_efficientnet_lite0_samples", "mig",
    "dci_forest_disentanglement", "factor_vae", "nll", "bce_elbo", "sharpness", "knn_accuracy", "kl", "active_units",
    "w_norm", "cvm_samples_mean",
)  # fmt: skip
FIGURES_BY_SIZE = ("ball_share",)  # what small data are judged by, too
DISTORTIONS = ("mse", "reconstruction_nll", "bce_reconstruction")  # of the rate-distortion figure: the first known
