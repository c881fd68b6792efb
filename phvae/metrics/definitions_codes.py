"""The metrics of codes and of bounds, in words: disentanglement, latents, likelihood, scores over seeds."""

from __future__ import annotations

from phvae.metrics.metric import Metric

__all__ = ["CODE_METRICS"]

_LOCATELLO = "protocol of Locatello et al. 2019"
# every `comparable_from` was measured: benchmarks/score_sizes.csv; DCI by boosting has the forest's

_DISENTANGLEMENT: tuple[Metric, ...] = (
    Metric(
        "mig",
        "disentanglement",
        "MIG",
        "mutual information gap: mean over factors of the gap between the two codes with the most mutual information, "
        f"over the factor's entropy; plug-in estimate, 20 equal-width bins a code ({_LOCATELLO})",
        "1",
        True,
        "Chen et al. 2018, eq. 6",
        comparable_from=400,
    ),
    Metric(
        "mig_quantile",
        "disentanglement",
        "MIG (quantile bins)",
        "MIG with 20 quantile bins a code: unchanged by increasing maps of a code, robust to outliers",
        "1",
        True,
        "Chen et al. 2018, eq. 6",
        comparable_from=400,
    ),
    *(
        Metric(
            f"dci_{regressor}_{part}",
            "disentanglement",
            f"DCI {part} ({regressor})",
            f"{words}; classifier: {classifier}",
            "1",
            True,
            "Eastwood and Williams 2018, sec. 2",
            comparable_from=least,
        )
        for regressor, classifier in (
            ("forest", "random forest of 20 trees, all codes at each split, at least 20 points a leaf"),
            ("boosting", f"gradient boosting, 100 stages of depth 3 ({_LOCATELLO})"),
        )
        for part, least, words in (
            (
                "disentanglement",
                3_000,
                "1 - entropy over factors of a code's importances, averaged over codes by importance",
            ),
            (
                "completeness",
                1_500,
                "1 - entropy over codes of a factor's importances, averaged over factors by importance",
            ),
            ("informativeness", 3_000, "test accuracy of predicting a factor from all codes, mean over factors"),
        )
    ),
    Metric(
        "sap",
        "disentanglement",
        "SAP",
        "separated attribute predictability: mean over factors of the gap between the two best test accuracies of "
        f"one-code linear SVMs, C = .01, balanced classes ({_LOCATELLO})",
        "1",
        True,
        "Kumar et al. 2018, sec. 3",
        comparable_from=10_000,
    ),
    Metric(
        "sap_r2",
        "disentanglement",
        "SAP (R2)",
        "the same gap with the squared correlation of a code and the factor's index, on the training points",
        "1",
        True,
        "Kumar et al. 2018, sec. 3",
        comparable_from=200,
    ),
    Metric(
        "factor_vae",
        "disentanglement",
        "FactorVAE score",
        "test accuracy of the majority vote that maps the code of smallest relative variance, among 64 points that "
        "share a factor, to that factor; codes of standard deviation below .05 left out",
        "1",
        True,
        "Kim and Mnih 2018, sec. 4",
        comparable_from=1_500,
    ),
    Metric(
        "beta_vae",
        "disentanglement",
        "BetaVAE score",
        "test accuracy of a logistic regression that tells the shared factor from the mean absolute difference of "
        "64 pairs of codes",
        "1",
        True,
        "Higgins et al. 2017, sec. 3",
        comparable_from=900,
    ),
    Metric(
        "modularity",
        "disentanglement",
        "modularity",
        "mean over codes of 1 - (squared mutual information with all factors but the best) / (best squared, times "
        "the other factors' number); 20 equal-width bins; a code without information counts 0",
        "1",
        True,
        "Ridgeway and Mozer 2018, sec. 3",
        comparable_from=4_000,
    ),
    Metric(
        "explicitness",
        "disentanglement",
        "explicitness",
        "one-vs-rest area under the ROC curve of a logistic regression on standardised codes, on test points, mean "
        "over classes and factors",
        "1",
        True,
        "Ridgeway and Mozer 2018, sec. 3",
        comparable_from=300,
    ),
    Metric(
        "irs",
        "disentanglement",
        "IRS",
        "interventional robustness: 1 - the .99 quantile of a code's deviation from its mean given the best factor, "
        "over its largest deviation, averaged over codes by that deviation; constant codes left out",
        "1",
        True,
        "Suter et al. 2019, eq. 7",
        comparable_from=2_000,
    ),
    Metric(
        "level_{k}_informativeness",
        "disentanglement",
        "informativeness of level {k}",
        "test accuracy of predicting a factor from the codes of level k alone (a forest of 5 trees, at least 20 "
        "points a leaf), mean over factors",
        "1",
        True,
        "Eastwood and Williams 2018, sec. 2, by level",
        comparable_from=3_000,
    ),
    Metric(
        "level_{k}_informativeness_{factor}",
        "disentanglement",
        "informativeness of level {k} on {factor}",
        "the same for one factor: which level carries which factor",
        "1",
        True,
        "Eastwood and Williams 2018, sec. 2, by level",
        comparable_from=3_000,
    ),
)

_GROUPS: tuple[Metric, ...] = (
    Metric(
        "udr_lasso",
        "groups",
        "UDR (Lasso)",
        "unsupervised disentanglement ranking: how well codes of models of different seeds match one to one, by "
        "Lasso(.1) weights (a perfect match gives .9); median over partners, mean over seeds; codes with KL of at most "
        ".01 left out",
        "1",
        True,
        "Duan et al. 2020, eq. 4",
        comparable_from=300,
    ),
    Metric(
        "udr_spearman",
        "groups",
        "UDR (Spearman)",
        "the same with absolute Spearman correlations",
        "1",
        True,
        "Duan et al. 2020, eq. 4",
        comparable_from=300,
    ),
)

_LATENT: tuple[Metric, ...] = (
    Metric(
        "kl",
        "latent",
        "KL",
        "mean over test examples of KL(q(z|x) || p(z)), unweighted",
        "nats",
        None,
        "Kingma and Welling 2014, eq. 10",
    ),
    Metric(
        "kl_level_{k}",
        "latent",
        "KL of level {k}",
        "level k's unweighted term D_k of the divergence, mean over test examples",
        "nats",
        None,
        "docs/method.md, section 4",
    ),
    Metric(
        "kl_level_{k}_coordinate_{j}",
        "latent",
        "KL of level {k}, coordinate {j}",
        "coordinate j's part of kl_level_{k}",
        "nats",
        None,
        "docs/method.md, section 4",
    ),
    Metric(
        "active_units",
        "latent",
        "active units",
        "number of whitened code coordinates whose posterior mean has variance above .01 over the test examples",
        "coordinates",
        None,
        "Burda et al. 2016, sec. 5.2",
    ),
    Metric(
        "w_norm",
        "latent",
        "E|w|^2 / L",
        "mean squared norm of the whitened posterior means over the code's size",
        "1",
        None,
        "this project",
    ),
    Metric(
        "ball_share",
        "latent",
        "central ball share",
        "share of the aggregate posterior inside the ball that holds half of the prior (.5 is the prior's own)",
        "1",
        None,
        "this project",
    ),
    Metric(
        "knn_accuracy",
        "latent",
        "kNN accuracy",
        "accuracy of k-nearest-neighbour prediction of labels from whitened codes (labelled sets)",
        "1",
        True,
        "Cover and Hart 1967",
        comparable_from=1_500,
    ),
    Metric(
        "mmd_prior",
        "latent",
        "MMD to the prior",
        "squared maximum mean discrepancy, unbiased, between the aggregate posterior and the prior",
        "1",
        False,
        "Gretton et al. 2012, eq. 3",
    ),
    Metric(
        "gaussian_tc",
        "latent",
        "Gaussian total correlation",
        "total correlation of a normal with the covariance of the active codes (as in active_units), -1/2 log det of "
        "their correlation matrix",
        "nats",
        False,
        f"Watanabe 1960; {_LOCATELLO}",
        comparable_from=300,
    ),
    Metric(
        "mean_code_mi",
        "latent",
        "mean MI of codes",
        "mean over pairs of different active codes of their mutual information, plug-in estimate with 20 equal-width "
        "bins",
        "nats",
        False,
        _LOCATELLO,
        comparable_from=600,
    ),
)

_LIKELIHOOD: tuple[Metric, ...] = (
    Metric(
        "nll",
        "likelihood",
        "NLL",
        "-log p(x) by adaptive importance sampling (docs/method.md, section 5), in original units; a density only",
        "nats",
        False,
        "Cornuet et al. 2012",
    ),
    Metric(
        "bits_per_dim",
        "likelihood",
        "bits/dim",
        "NLL over (dimensions times log 2), of binary images under a Bernoulli likelihood alone",
        "bits",
        False,
        "Theis et al. 2016, sec. 3.1",
    ),
    Metric(
        "elbo",
        "likelihood",
        "ELBO",
        "evidence lower bound of the examples that nll is of: minus reconstruction_nll minus their KL(q(z|x) || p(z))",
        "nats",
        True,
        "Kingma and Welling 2014, eq. 3",
    ),
    Metric(
        "reconstruction_nll",
        "likelihood",
        "reconstruction NLL",
        "the ELBO's expected -log p(x|z)",
        "nats",
        False,
        "Kingma and Welling 2014, eq. 3",
    ),
    Metric(
        "bce_elbo",
        "likelihood",
        "BCE bound",
        "-(bce_reconstruction + kl) of a Bernoulli likelihood on grey data: not a density, never compared with elbo",
        "nats",
        True,
        "Loaiza-Ganem and Cunningham 2019",
    ),
    Metric(
        "bce_reconstruction",
        "likelihood",
        "BCE under the posterior",
        "expected binary cross-entropy of a Bernoulli likelihood on grey data: not a density",
        "nats",
        False,
        "Loaiza-Ganem and Cunningham 2019",
    ),
)

CODE_METRICS: tuple[Metric, ...] = (*_DISENTANGLEMENT, *_GROUPS, *_LATENT, *_LIKELIHOOD)
