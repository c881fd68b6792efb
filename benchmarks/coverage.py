"""How often the statistics are right, by simulation: writes coverage.csv beside this file (a few minutes).

Rows: coverage of the 95 % intervals (20,000 repeats); how often the one-sided test of spreads says "less" of equal
spreads, and of half the spread (20,000 repeats, sides independent); how often the ledger, with 4 controls, says what is
not so (4,000 repeats), and how often it finds a real effect of two standard deviations. "Supported" has its least
favourable null with one control equal to the challenger and the others far worse, "contradicted" with all controls
equal. Tests of means err where only one side is skewed, and away from its long tail: there a challenger of the law
meets controls with a tenth of its noise ("supported"), or controls of the law a challenger with a tenth of theirs
("contradicted"). Each is counted twice: with the rule that skewed differences decide nothing, and without; the rate of
that rule is the share of contests that it keeps from deciding for the challenger.
`python benchmarks/coverage.py`
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from phvae.analysis.claims import ledger
from phvae.analysis.claims.schema import Claims
from phvae.analysis.statistics import BOOTSTRAP_FROM, mean_interval, spread_ratio
from phvae.analysis.statistics.verdict import SKEWED
from phvae.determinism.seeding import numpy_generator

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
SYMMETRIC, MIRRORED = ("normal", "Student t, 3"), "log-normal, sd 1, mirrored"


def lognormal(sigma: float) -> Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]:
    """Draws of mean 0 and standard deviation 1 whose logarithm, before that, had the standard deviation sigma."""
    mean, sd = np.exp(sigma**2 / 2), np.sqrt(np.expm1(sigma**2) * np.exp(sigma**2))
    return lambda g, shape: (g.lognormal(sigma=sigma, size=shape) - mean) / sd


ONE_SIDED: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "normal": lambda g, shape: g.normal(size=shape),
    "Student t, 3": lambda g, shape: g.standard_t(3, size=shape) / np.sqrt(3),
    "exponential": lambda g, shape: g.exponential(size=shape) - 1,
    "log-normal, sd 0.5": lognormal(0.5),
    "log-normal, sd 1": lognormal(1.0),
    MIRRORED: lambda g, shape: -lognormal(1.0)(g, shape),
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


def ledger_table(values: np.ndarray) -> pd.DataFrame:
    """A long table of values (repeats, variants, seeds), the challenger first; each repeat is a data set."""
    repeats, variants, seed = (index.ravel() for index in np.indices(values.shape))
    names = np.array(["challenger", *CONTROLS])
    return pd.DataFrame(
        {
            "dataset": np.char.add("d", repeats.astype(str)), "n_train": "all", "variant": names[variants],
            "order": 1, "basis": "monomial", "divergence": "kl", "beta": 1.0, "seed": seed, "split": "test",
            "metric": "loss", "value": values.ravel(), "higher_is_better": pd.array([False] * values.size, "boolean"),
            "floor": np.nan, "noise_sd": np.nan, "status": "ok", "reason": "", "caution": "",
        }
    )  # fmt: skip


def said(values: np.ndarray, word: str) -> tuple[float, float, float]:
    """Shares of repeats in which the ledger says `word`, with and without the rule of skewness; the rule's rate."""
    claim = {
        "text": "the challenger is better", "datasets": [f"d{i}" for i in range(len(values))], "metric": "loss",
        "direction": "lower", "challenger": "challenger", "controls": list(CONTROLS), "matters": {"absolute": 1.0},
    }  # fmt: skip
    claims = Claims.model_validate({"written": "2026-01-01", "claims": {"better": claim}})
    contests = ledger.contests(ledger_table(values), claims)
    verdicts = ledger.decide(contests, claims)
    skewed = (contests["withheld"] == SKEWED).mean()
    freed = contests.assign(withheld="", withheld_loss="")  # nothing but skewness withholds here
    without = ledger.decide(freed, claims)
    return float((verdicts["verdict"] == word).mean()), float((without["verdict"] == word).mean()), float(skewed)


def one_sided(law: str, seeds: int, word: str) -> tuple[float, float, float]:
    """`said` of a null in which only one side has noise of this law (mean 0, sd 1), the other a tenth, normal."""
    generator = numpy_generator(1, "ledger", law, seeds, word)
    values = 0.1 * generator.normal(size=(LEDGER_REPEATS, 1 + len(CONTROLS), seeds))
    if word == ledger.SUPPORTED:
        values[:, 0] = ONE_SIDED[law](generator, (LEDGER_REPEATS, seeds))
        values[:, 2:] += 20
    else:
        values[:, 1:] = ONE_SIDED[law](generator, values[:, 1:].shape)
    return said(values, word)


def normal(effects: tuple[float, ...], seeds: int, what: str) -> tuple[float, float, float]:
    """`said` of "supported" with normal noise of sd 1 everywhere; effects: how much each control is worse."""
    values = numpy_generator(1, "ledger", what, seeds).normal(size=(LEDGER_REPEATS, 1 + len(effects), seeds))
    return said(values + np.array([0.0, *effects])[None, :, None], ledger.SUPPORTED)


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
    bound = "at most .055"
    limits = {"log-normal, sd 0.5": "at most .13", "log-normal, sd 1": "at most .25"}
    for seeds in (5, 10, 20):
        for word in (ledger.SUPPORTED, ledger.CONTRADICTED):
            for law in ONE_SIDED:
                if law == MIRRORED and seeds != 10:  # shows that the other end is safe
                    continue
                share, without, rate = one_sided(law, seeds, word)
                case = f'ledger says "{word}", not so'
                add(case, law, seeds, LEDGER_REPEATS, share, bound if law in SYMMETRIC else "reported")
                asked = limits.get(law, "reported") if seeds == 10 else "reported"
                asked = bound if law in SYMMETRIC else asked
                add(f"{case}, skewed or not", law, seeds, LEDGER_REPEATS, without, asked)
                if word == ledger.SUPPORTED:
                    add("contests called skewed", law, seeds, 4 * LEDGER_REPEATS, rate, "reported")
        share, without, _ = normal((0.0, 20.0, 20.0, 20.0), seeds, "null")
        add('ledger says "supported", not so', "normal, equal noise", seeds, LEDGER_REPEATS, share, bound)
        share, without, _ = normal((2.0,) * 4, seeds, "power")
        wanted = "at least .9" if seeds == 10 else "reported"
        add('ledger says "supported", effect of 2 sd', "normal, equal noise", seeds, LEDGER_REPEATS, share, wanted)
        case = 'ledger says "supported", effect of 2 sd, skewed or not'
        add(case, "normal, equal noise", seeds, LEDGER_REPEATS, without, wanted)
    names = ["case", "law", "seeds", "repeats", "share", "monte_carlo_error", "wanted"]
    pd.DataFrame(rows, columns=names).to_csv(HERE / "coverage.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
