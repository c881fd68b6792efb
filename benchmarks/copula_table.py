"""The generated table of config/reference.yaml: six columns whose laws and dependence are known.

    python -m benchmarks.copula_table [FOLDER]

writes copula.csv (10,000 rows) into FOLDER, by default where data are looked for. The rows are draws of a Gaussian
copula with correlations .8^|i - j| (Nelsen, 2006, ch. 2.3); the columns are log-normal, Student's t with 5 degrees of
freedom, Weibull of shape 1.5, a bimodal mixture, uniform, and normal. Six digits are kept, so that the file has the
same bytes wherever it is made.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import stats

ROWS, RHO, SEED = 10_000, 0.8, 2502
COLUMNS = {
    "lognormal": stats.lognorm(0.6),
    "student_t": stats.t(5),
    "weibull": stats.weibull_min(1.5),
    "uniform": stats.uniform(),
    "normal": stats.norm(),
}


def bimodal(u: np.ndarray) -> np.ndarray:
    """Quantiles of .6 N(-1, .5²) + .4 N(1.5, .3²), by interpolation of the cdf."""
    x = np.linspace(-5, 5, 20_001)
    cdf = 0.6 * stats.norm.cdf(x, -1, 0.5) + 0.4 * stats.norm.cdf(x, 1.5, 0.3)
    return np.interp(u, cdf, x)


def table() -> tuple[list[str], np.ndarray]:
    """Names of the columns, and the rows (ROWS, 6)."""
    names = [*list(COLUMNS)[:3], "bimodal", *list(COLUMNS)[3:]]
    index = np.arange(len(names))
    covariance = RHO ** np.abs(index[:, None] - index)
    normal = np.random.default_rng(SEED).standard_normal((ROWS, len(names))) @ np.linalg.cholesky(covariance).T
    u = stats.norm.cdf(normal)
    columns = [bimodal(u[:, j]) if name == "bimodal" else COLUMNS[name].ppf(u[:, j]) for j, name in enumerate(names)]
    return names, np.stack(columns, axis=1)


def main() -> None:
    """Write the file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path.home() / ".cache/phvae/data"
    folder.mkdir(parents=True, exist_ok=True)
    names, rows = table()
    path = folder / "copula.csv"
    np.savetxt(path, rows, fmt="%.6g", delimiter=",", header=",".join(names), comments="")
    print(path)


if __name__ == "__main__":
    main()
