"""What the paper says of the method and of the experiments, as LaTeX: from the configuration and the runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from phvae.analysis.tables.latex_text import escape_latex
from phvae.words import plural

__all__ = ["METHOD", "REFERENCES", "experiments"]

METHOD = r"""
PH-VAE \cite{chen} feeds a variational autoencoder \cite{kingma} with a polynomial hierarchy of its input. Encoder
$k = 1, \dots, n$ sees the powers $x^k$, element by element, and returns mean and variance of its level of the code; one
decoder reads all levels. Stacked over levels, $z = \mu + A\,(\sigma \odot \varepsilon)$ with
$\varepsilon \sim \mathcal{N}(0, I)$ and a matrix $A$ of unit diagonal that couples the levels. Minimised is
$-\mathbb{E}_q \log p(x \mid z) + \sum_k \omega_k D_k$, where $D_k$ is the divergence of level $k$ from the prior and
$\omega_k$ its weight. Order 1 with all weights 1 is the VAE, with one weight $\beta$ the $\beta$-VAE \cite{higgins}.
Controls separate the causes that a gain can have: copies of $x$ in place of its powers (only more encoders), encoders
that together are no larger than the VAE's (equal parameters), and the curve of the $\beta$-VAEs at equal rate (only a
weaker divergence). This is a reproduction from public summaries, not the authors' code. What is our reading of them,
and the switch that moves each choice, stand in the project's \texttt{docs/method.md}.
""".strip()
_RULE = r"""
Variants are compared seed by seed: those of one seed share data, order and initial weights where they can. A claim is
supported on a data set where its challenger beats all of its controls, each tested one-sided on paired seeds and
adjusted for the number of claims there \cite{holm}. It is contradicted where a control beats the challenger, with as
much care. A difference that is smaller than the effect that matters, fixed with the claim, decides nothing.
""".strip()
REFERENCES = r"""
\begin{thebibliography}{9}
\bibitem{chen} X. Chen and S. Li. PH-VAE: A Polynomial Hierarchical Variational Autoencoder Towards Disentangled
Representation Learning. arXiv:2502.02856, 2025.
\bibitem{higgins} I. Higgins et al. beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework.
ICLR, 2017.
\bibitem{holm} S. Holm. A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of Statistics 6,
1979.
\bibitem{kingma} D. P. Kingma and M. Welling. Auto-Encoding Variational Bayes. ICLR, 2014.
\end{thebibliography}
""".strip()


def experiments(config: Mapping[str, Any], runs: pd.DataFrame, labels: Mapping[str, str], claims: str) -> str:
    """What was run, and how it was judged.

    Args:
        config: the configuration that the results were made with; empty where it is not kept.
        runs: the runs.
        labels: variant -> what it is called.
        claims: where the claims come from and whether they are older than the runs; empty without claims.
    """
    seeds = runs.groupby(["dataset", "n_train", "variant"])["seed"].nunique()
    each = f"{seeds.min()}" if seeds.nunique() == 1 else f"{seeds.min()} to {seeds.max()}"
    variants = [labels.get(name, name) for name in dict.fromkeys(runs["variant"])]
    lost = int((runs["status"] != "ok").sum())
    said = [
        config.get("description", "").rstrip(". ") + "." if config.get("description") else "",
        f"Data sets: {', '.join(dict.fromkeys(runs['dataset']))}.",
        f"Variants: {'; '.join(variants)}.",
        f"{plural(len(runs), 'run')}, {each} seeds per cell" + (f"; {lost} gave no numbers." if lost else "."),
        claims,
    ]
    return f"{escape_latex(' '.join(filter(None, said)))}\n\n{_RULE}"
