"""What checking costs: the share of a grid's jobs that is spent on hashes of files and of records.

`python -m benchmarks.hashing config/smoke.yaml`: every job in turn, in one process, so without the seconds in which a
job of the workflow loads its libraries: the share in a workflow is smaller.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.attack_grid import Workflow
from benchmarks.common import record
from phvae import records


def timed(function: Callable[..., Any], spent: Counter[str]) -> Callable[..., Any]:
    """The function, adding its seconds to `spent`."""

    def call(*given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            spent["hashes"] += time.perf_counter() - started

    return call


def main() -> None:
    source = Path(sys.argv[1] if len(sys.argv) > 1 else "config/smoke.yaml")
    spent: Counter[str] = Counter()
    hashlib.file_digest = timed(hashlib.file_digest, spent)
    records.seal = timed(records.seal, spent)
    by_stage: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / source.name
        config.write_text(yaml.safe_dump(yaml.safe_load(source.read_text()) | {"results": f"{folder}/results"}))
        started, hashed = time.perf_counter(), 0.0
        for (stage, _), answer in Workflow(config).run():
            if answer.status:
                raise SystemExit(answer.words)
            now = time.perf_counter()
            by_stage[stage, "all"] += now - started
            by_stage[stage, "hashes"] += spent["hashes"] - hashed
            started, hashed = now, spent["hashes"]
    for stage in dict.fromkeys(stage for stage, _ in by_stage):
        print(f"{stage:10} {by_stage[stage, 'all']:8.1f} s, hashes {by_stage[stage, 'hashes']:6.2f} s")
    wall = sum(seconds for (_, what), seconds in by_stage.items() if what == "all")
    print(f"{100 * spent['hashes'] / wall:.2f} % of {wall:.0f} s")
    record(f"hashes: share of the jobs of {source.stem} (aim 2)", "%", 100 * spent["hashes"] / wall)


if __name__ == "__main__":
    main()
