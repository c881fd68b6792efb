"""How often the statistics are right, by simulation: writes coverage.csv beside this file (about a minute).

Rows: coverage of the 95 % intervals (20,000 repeats); how often the one-sided test of spreads says "less" of equal
spreads, and of half the spread (20,000 repeats, sides independent); how often the ledger, with 4 controls, says
"supported" under its least favourable null (one control equal, the others far worse; 4,000 repeats) and at a real
effect of two standard deviations. Both tests are least right where only one side is skewed: there a log-normal
challenger (mean 0, sd of the logarithm .5 or 1) meets a control with a tenth of its noise, and a skewed challenger a
normal control of the same mean absolute deviation from the median.
`python benchmarks/coverage.py`
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from phvae.analysis import ledger
from phvae.analysis.claims import Claims
from phvae.analysis.statistics import BOOTSTRAP_FROM, mean_interval, spread_ratio
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
SPREADS: dict[str, Callable[[np.random.Generator, tuple[int, int]], np.ndarray]] = {
    **{law: draw for law, (draw, _) in LAWS.items()},
    "Student t, 5": lambda g, shape: g.standard_t(5, size=shape),
    "Student t, 3": lambda g, shape: g.standard_t(3, size=shape),
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


def narrower(law: str, seeds: int, factor: float) -> float:
    """How often the test says of two samples, the second `factor` times as wide, that the first is narrower."""
    generator = numpy_generator(1, "spread", law, seeds)
    first, second = (SPREADS[law](generator, (REPEATS, seeds)) for _ in range(2))
    return float((spread_ratio(first, factor * second, "less").p <= 0.05).mean())


def narrower_skewed(law: str, seeds: int) -> float:
    """How often the test says that a challenger of this law is narrower than a normal control that spreads equally."""
    generator = numpy_generator(1, "spread", law, "against normal", seeds)
    many = SPREADS[law](generator, (1, 4_000_000))
    spread = np.abs(many - np.median(many)).mean()
    first, second = SPREADS[law](generator, (REPEATS, seeds)), generator.normal(size=(REPEATS, seeds))
    return float((spread_ratio(first / spread, second / np.sqrt(2 / np.pi), "less").p <= 0.05).mean())


def supported(effects: tuple[float, ...], seeds: int, what: str, skew: float = 0.0) -> float:
    """Share of repeats in which the ledger says "supported"; effects: how much each control is worse, in seeds' sd.

    With `skew` the challenger is log-normal with that sd of the logarithm, and the controls have a tenth of its noise.
    """
    generator = numpy_generator(1, "ledger", what)
    shape = (LEDGER_REPEATS, 1 + len(effects), seeds)
    values = generator.normal(size=shape)
    if skew:
        drawn = generator.lognormal(sigma=skew, size=(LEDGER_REPEATS, seeds))
        sd = np.sqrt(np.expm1(skew**2) * np.exp(skew**2))
        values *= 0.1
        values[:, 0] = (drawn - np.exp(skew**2 / 2)) / sd
    values += np.array([0.0, *effects])[None, :, None]
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
    for seeds in (10, 20):
        for law in SPREADS:
            error = 3 * np.sqrt(0.05 * 0.95 / REPEATS)
            add(
                "spreads told apart, equal", law, seeds, REPEATS, narrower(law, seeds, 1), f"at most {0.05 + error:.4f}"
            )
        for law in ("exponential", "log-normal"):
            share = narrower_skewed(law, seeds)
            add("spreads told apart, equal", f"{law}, against normal", seeds, REPEATS, share, "reported")
        add("spreads told apart, half", "normal", seeds, REPEATS, narrower("normal", seeds, 2), "reported")
    bound = 0.05 + 3 * np.sqrt(0.05 * 0.95 / LEDGER_REPEATS)
    null = supported((0.0, 20.0, 20.0, 20.0), 10, "null")
    add('ledger says "supported", one control equal', "normal", 10, LEDGER_REPEATS, null, f"at most {bound:.4f}")
    for seeds in (5, 10):
        for skew in (0.5, 1.0):
            share = supported((0.0, 20.0, 20.0, 20.0), seeds, f"skew {skew} {seeds}", skew)
            law = f"log-normal, sd {skew:g}, against little noise"
            add('ledger says "supported", one control equal', law, seeds, LEDGER_REPEATS, share, "reported")
    power = supported((2.0,) * 4, 10, "power")
    add('ledger says "supported", effect of 2 sd', "normal", 10, LEDGER_REPEATS, power, "at least .8")
    names = ["case", "law", "seeds", "repeats", "share", "monte_carlo_error", "wanted"]
    pd.DataFrame(rows, columns=names).to_csv(HERE / "coverage.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
