"""How long `import phvae` and `phvae --help` take, whole processes: `python -m benchmarks.startup`, ten seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common import alternate, median, record, table

PHVAE = str(Path(sys.executable).with_name("phvae"))
CASES = {
    "startup: import phvae (at most 0.3)": [sys.executable, "-c", "import phvae"],
    "startup: phvae --help (at most 0.5)": [PHVAE, "--help"],
    "startup: phvae config config/quick.yaml": [PHVAE, "config", "config/quick.yaml"],
}
PEER = "python -c pass"
REPEATS = 15


def timed(command: list[str]) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start

    return run


def main() -> None:
    runs = {name: timed(command) for name, command in CASES.items()}
    found = alternate(runs | {PEER: timed([sys.executable, "-c", "pass"])}, REPEATS)
    for case in CASES:
        record(case, "s", median(found[case]), PEER, median(found[PEER]), REPEATS)
    print(table("startup"))


if __name__ == "__main__":
    main()
