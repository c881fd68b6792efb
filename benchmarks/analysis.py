"""How the analysis grows: 5,000 runs of 40 metrics through collect, tables, compare and check.

`python -m benchmarks.analysis`, about a minute on one core. The aim for tables: 60 s and 2 GB. Each stage runs in a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.common import record
from phvae.metrics.rows import row
from phvae.model.options import ModelConfig
from phvae.records import write_record

DATASETS, SIZES, SEEDS = 10, (100, 300, 1000, 3000, 10000), 10
VARIANTS: dict[str, dict[str, object]] = {
    "vae": {"divergence": "kl"},
    **{f"beta-vae-{b:g}": {"divergence": {"name": "kl", "beta": b}} for b in (0.25, 0.5, 2.0, 4.0)},
    **{f"ph-vae-{n}": {"order": n} for n in (2, 3, 4)},
    "ph-vae-3-matched": {"order": 3, "encoder_width": "matched"},
    "copies-3": {"order": 3, "basis": "copies"},
}
METRICS = (
    "kl", "mse", "psnr", "ssim", "bce", "sharpness", "band_error_low", "band_error_mid", "band_error_high",
    "fd_classifier_samples", "fd_classifier_reconstructions", "kid_classifier_samples",
    "kid_classifier_reconstructions", "precision_classifier_samples", "recall_classifier_samples", "fid_samples",
    "fid_reconstructions", "kid_inception_samples", "precision_inception_samples", "recall_inception_samples", "mig",
    "mig_quantile", "dci_forest_disentanglement", "dci_forest_completeness", "dci_forest_informativeness", "sap",
    "factor_vae", "beta_vae", "modularity", "explicitness", "irs", "active_units", "w_norm", "ball_share",
    "knn_accuracy", "mmd_prior", "gaussian_tc", "mean_code_mi", "nll", "elbo",
)  # fmt: skip

STAGE = """
import resource, sys, time
from pathlib import Path
stage, root = sys.argv[1], Path(sys.argv[2])
start = time.perf_counter()
if stage == "collect":
    from phvae.analysis.results.collect import collect
    collect(root)
elif stage == "tables":
    from phvae.analysis.tables.write import write_tables
    write_tables(root, Path("config/claims.yaml"), Path("config/published.csv"), baseline="vae")
elif stage == "compare":
    from phvae.analysis.terminal.compare import compare
    compare(root, "vae")
else:
    from phvae.analysis.terminal.check import check
    check(root, root)
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def write_runs(root: Path) -> int:
    """The run.json and metrics.json of every run; returns their number."""
    generator = np.random.default_rng(0)
    runs = 0
    for variant, model in VARIANTS.items():
        config = {"model": ModelConfig.model_validate(model).model_dump(mode="json")}
        for dataset in range(DATASETS):
            for size in SIZES:
                for seed in range(SEEDS):
                    folder = root / "runs" / f"set{dataset}" / f"n-{size}" / variant / f"seed-{seed}"
                    folder.mkdir(parents=True)
                    run = {
                        "run_key": f"{runs:064d}", "label": variant, "status": "ok", "config": config, "seconds": 1.0,
                        "parameters": {"total": 3, "encoder": 2, "decoder": 1}, "commit": "0" * 40, "dirty": False,
                        "versions": {"numpy": "2"}, "device": "cpu", "threads": 1, "platform": "x",
                    }  # fmt: skip
                    values = generator.lognormal(size=len(METRICS))
                    rows = [asdict(row(name, float(v), n=1000)) for name, v in zip(METRICS, values, strict=True)]
                    write_record(folder / "run.json", run)
                    (folder / "metrics.json").write_text(json.dumps({"scores": {"synthetic": {"rows": rows}}}))
                    runs += 1
    return runs


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        start = time.perf_counter()
        runs = write_runs(root)
        print(f"{runs} runs written in {time.perf_counter() - start:.0f} s")
        for stage in ("collect", "tables", "compare", "check"):
            command = [sys.executable, "-c", STAGE, stage, str(root)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, memory = map(float, answer.stdout.split())
            case = f"{stage}: {runs:,} runs of {len(METRICS)} metrics"
            print(f"{case}: {seconds:.1f} s, {memory:.0f} MB")
            record(case, "s", seconds)
            record(f"{case}, peak memory", "MB", memory)


if __name__ == "__main__":
    main()
