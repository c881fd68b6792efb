"""Whether FactorVAE and beta-TCVAE disentangle sprites, beside the VAE and the beta-VAE; writes disentangling.csv.

    snakemake --cores 2 results/disentangling/metrics.csv --configfile benchmarks/disentangling.yaml
    python -m benchmarks.disentangling

Half an hour on one core. Binary sprites of 32 x 32 pixels and five factors, Bernoulli likelihood, ten coordinates,
dense 256-256, 10,000 steps, four seeds. A row per variant and score: mean and standard deviation over the seeds, and
the mean difference from the VAE with its 95 % interval (Student's, paired by seed).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from scipy import stats

from phvae.analysis.results.long_table import read_table

PATH = Path(__file__).with_name("disentangling.csv")
SCORES = ("mig", "factor_vae", "dci_forest_disentanglement", "sap", "mse", "kl")


def table(results: Path) -> pd.DataFrame:
    """The rows of the CSV."""
    found = read_table(results)
    found = found[found["metric"].isin(SCORES) & (found["split"] == "test")]
    rows = []
    for metric in SCORES:
        wide = found[found["metric"] == metric].pivot_table(index="seed", columns="variant", values="value")
        for variant in found["variant"].unique():
            values, differences = wide[variant], wide[variant] - wide["vae"]
            half = stats.t.ppf(0.975, len(values) - 1) * differences.sem()
            rows.append(
                {
                    "variant": variant,
                    "metric": metric,
                    "mean": values.mean(),
                    "sd": values.std(),
                    "difference": differences.mean(),
                    "low": differences.mean() - half,
                    "high": differences.mean() + half,
                    "seeds": len(values),
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Read, record, print."""
    found = table(Path("results/disentangling"))
    found.to_csv(PATH, index=False, float_format="%.4g")
    print(found.pivot_table(index="variant", columns="metric", values="mean", sort=False).round(3).to_string())


if __name__ == "__main__":
    main()
