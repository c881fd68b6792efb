"""The level of `phvae check`: how often it refuses one half of a grid's seeds held against the other half.

    python -m benchmarks.agreement [RESULTS [SPLITS]]

Both halves come from the same code, so every refusal is a false alarm. Writes benchmarks/agreement.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from phvae.analysis.results.long_table import read_table
from phvae.analysis.statistics.agreement import compare_tables
from phvae.determinism.seeding import numpy_generator


def halves(table: pd.DataFrame, split: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of two random halves of the seeds, those of no seed left out."""
    seeds = np.array(sorted(table["seed"].dropna().unique()))
    chosen = numpy_generator(split, "halves").permutation(seeds)[: len(seeds) // 2]
    return table[table["seed"].isin(chosen)], table[table["seed"].notna() & ~table["seed"].isin(chosen)]


def main() -> None:
    """Split, compare, count."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("results/reference")
    splits = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    table, rows = read_table(root), []
    for split in range(splits):
        found = compare_tables(*halves(table, split))
        counts = found.numbers["verdict"].value_counts()
        rows.append(
            {
                "split": split,
                "numbers": len(found.numbers),
                "differ": int(counts.get("differs", 0)),
                "refused": not found.good,
            }
        )
    result = pd.DataFrame(rows)
    result.to_csv("benchmarks/agreement.csv", index=False)
    share = result["differ"].sum() / result["numbers"].sum()
    print(f"{root}: {result['refused'].sum()} of {splits} splits refused; {share:.2%} of the numbers differ")


if __name__ == "__main__":
    main()
