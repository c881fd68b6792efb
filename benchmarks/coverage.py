"""How often the statistics are right, by simulation: writes coverage.csv beside this file (about a minute).

Rows: coverage of the 95 % intervals (20,000 repeats), and how often the ledger says "supported" under its least
favourable null (one control equal, the others far worse; 4,000 repeats) and at a real effect of two standard
deviations, each with 4 controls and 10 seeds. `python benchmarks/coverage.py`
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from phvae.analysis import ledger
from phvae.analysis.claims import Claims
from phvae.analysis.statistics import BOOTSTRAP_FROM, mean_interval
from phvae.seeding import numpy_generator

HERE = Path(__file__).resolve().parent
REPEATS = 20_000
LEDGER_REPEATS = 4_000
CONTROLS = ("a", "b", "c", "d")
LAWS: dict[str, tuple[Callable[[np.random.Generator, tuple[int, int]], np.ndarray], float]] = {
    "normal": (lambda g, shape: g.normal(size=shape), 0.0),
    "exponential": (lambda g, shape: g.exponential(size=shape), 1.0),
    "log-normal": (lambda g, shape: g.lognormal(size=shape), float(np.exp(0.5))),
}


def coverage(law: str, seeds: int) -> float:
    """Share of samples of `seeds` values whose interval holds the true mean."""
    draw, mean = LAWS[law]
    generator = numpy_generator(1, "coverage", law, seeds)
    inside = 0
    for part in range(20):  # in parts, for the memory of the bootstrap
        values = draw(generator, (REPEATS // 20, seeds))
        low, high = mean_interval(values, numpy_generator(1, "coverage", "bootstrap", part))
        inside += int(((low <= mean) & (mean <= high)).sum())
    return inside / REPEATS


def supported(effects: tuple[float, ...], seeds: int, what: str) -> float:
    """Share of repeats in which the ledger says "supported"; effects: how much each control is worse, in seeds' sd."""
    generator = numpy_generator(1, "ledger", what)
    shape = (LEDGER_REPEATS, 1 + len(effects), seeds)
    values = generator.normal(size=shape) + np.array([0.0, *effects])[None, :, None]
    repeats, variants, seed = (index.ravel() for index in np.indices(shape))
    names = np.array(["challenger", *CONTROLS])
    table = pd.DataFrame(
        {
            "dataset": np.char.add("d", repeats.astype(str)), "n_train": "all", "variant": names[variants],
            "order": 1, "basis": "monomial", "divergence": "kl", "beta": 1.0, "seed": seed, "split": "test",
            "metric": "loss", "value": values.ravel(), "higher_is_better": pd.array([False] * values.size, "boolean"),
            "floor": np.nan, "noise_sd": np.nan, "status": "ok", "reason": "",
        }
    )  # fmt: skip
    claim = {
        "text": "the challenger is better", "datasets": [f"d{i}" for i in range(LEDGER_REPEATS)], "metric": "loss",
        "direction": "lower", "challenger": "challenger", "controls": list(CONTROLS), "matters": {"absolute": 1.0},
    }  # fmt: skip
    claims = Claims.model_validate({"written": "2026-01-01", "claims": {"better": claim}})
    return float((ledger.evaluate(table, claims)["verdict"] == ledger.SUPPORTED).mean())


def main() -> None:
    rows = []

    def add(case: str, law: str, seeds: int, repeats: int, share: float, wanted: str) -> None:
        error = float(np.sqrt(share * (1 - share) / repeats))
        rows.append((case, law, seeds, repeats, round(share, 4), round(error, 4), wanted))
        print(*rows[-1], sep="  ")

    for seeds in (5, 10, 20, BOOTSTRAP_FROM):
        method = "Student t" if seeds < BOOTSTRAP_FROM else "studentised bootstrap"
        for law in LAWS:
            wanted = ".94 to .96" if law == "normal" else "reported"
            add(f"coverage of the 95 % interval ({method})", law, seeds, REPEATS, coverage(law, seeds), wanted)
    bound = 0.05 + 3 * np.sqrt(0.05 * 0.95 / LEDGER_REPEATS)
    null = supported((0.0, 20.0, 20.0, 20.0), 10, "null")
    add('ledger says "supported", one control equal', "normal", 10, LEDGER_REPEATS, null, f"at most {bound:.4f}")
    power = supported((2.0,) * 4, 10, "power")
    add('ledger says "supported", effect of 2 sd', "normal", 10, LEDGER_REPEATS, power, "at least .8")
    names = ["case", "law", "seeds", "repeats", "share", "monte_carlo_error", "wanted"]
    pd.DataFrame(rows, columns=names).to_csv(HERE / "coverage.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
