"""The evaluate stage: every metric of one run from the files of its encode stage; one failure costs one row."""

from __future__ import annotations

import dataclasses
import importlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.determinism.device import resolve
from phvae.errors import PhvaeError
from phvae.experiment.code import code
from phvae.experiment.stages import STAGES
from phvae.files import read_json, sha256, write_json
from phvae.metrics.expected import expected_names, groups_of
from phvae.metrics.registry import pattern_of
from phvae.metrics.rows import Inputs, Row, without_value
from phvae.metrics.weights import present
from phvae.records import inputs_sha256

if TYPE_CHECKING:
    from phvae.data import Prepared
    from phvae.experiment.grid import Cell

__all__ = ["MODULES", "evaluate"]

# The modules whose `rows(inputs)` make up each group.
MODULES: dict[str, tuple[str, ...]] = {
    "density": ("phvae.metrics.density",),
    "reconstruction": ("phvae.metrics.reconstruction",),
    "generation": ("phvae.metrics.generation",),
    "disentanglement": ("phvae.metrics.disentanglement",),
    "latent": ("phvae.metrics.latent", "phvae.metrics.dependence"),
    "likelihood": ("phvae.metrics.likelihood",),
}


def evaluate(
    run_dir: str | Path,
    cell: Cell,
    seed: int,
    data: Prepared,
    reference_dir: str | Path,
    *,
    device: str = "cpu",
    threads: int = 1,
) -> list[dict[str, Any]]:
    """Compute all metrics of a run and write ``metrics.json`` ({"key", "rows"}); equal inputs give equal bytes.

    A run whose ``metrics.json`` has the same key is left alone. The time it took goes to ``costs.json``.

    Args:
        run_dir: folder with encode.json, codes.npz and arrays.npz.
        cell: the run's cell.
        seed: the run's seed; it also drives the metrics' own draws, alike for all variants.
        data: the prepared data set.
        reference_dir: folder of the reference stage.
        device: where features of images are computed: auto, cpu or cuda.
        threads: processes that slow scores may use; no value depends on it.

    Returns:
        The rows, as in ``metrics.json``: the fields of `phvae.metrics.Row`.

    Raises:
        PhvaeError: a file of an earlier stage is absent. A metric that fails does not raise: its row says why.
    """
    from threadpoolctl import threadpool_limits

    run_dir, reference_dir, device = Path(run_dir), Path(reference_dir), resolve(device)
    encoded = _read(run_dir / "encode.json", "encode")
    reference = _read(reference_dir / "reference.json", "reference")
    key = inputs_sha256(
        code(STAGES["evaluate"].code),
        {name: encoded["files"][name] for name in ("codes.npz", "arrays.npz")},
        # not its key: what was built under it may differ, a classifier's weights for one
        sha256(reference_dir / "reference.json"),
        cell.evaluation.model_dump(exclude={"cells_per_job", "inception_weights"}),
        present(cell.evaluation),
        cell.model.model_dump(),
        seed,
        data.sha256,
        device,
    )
    if (run_dir / "metrics.json").is_file() and (done := read_json(run_dir / "metrics.json"))["key"] == key:
        found: list[dict[str, Any]] = done["rows"]
        return found
    started = time.perf_counter()
    names = expected_names(cell.evaluation, cell.model, data)
    for name in ("codes.npz", "arrays.npz"):
        if not (run_dir / name).is_file():
            raise PhvaeError(f"{run_dir / name}: absent; run `phvae encode` for this run before `phvae evaluate`")
    # The number of BLAS threads changes sums in the last bit: one thread, whatever the machine.
    with threadpool_limits(1), np.load(run_dir / "arrays.npz") as arrays, np.load(run_dir / "codes.npz") as codes:
        inputs = Inputs(
            data,
            dict(codes),
            arrays,
            cell.model,
            cell.evaluation,
            reference_dir,
            seed,
            threads=max(1, threads),
            device=device,
        )
        rows = [row for group in names for row in _group(group, inputs, names[group])]
    content = [dataclasses.asdict(_with_bounds(row, reference["bounds"])) for row in rows]
    write_json(run_dir / "metrics.json", {"key": key, "rows": content})
    costs = read_json(run_dir / "costs.json") if (run_dir / "costs.json").is_file() else {}
    write_json(run_dir / "costs.json", costs | {"seconds_evaluate": round(time.perf_counter() - started, 3)})
    return content


def _read(path: Path, stage: str) -> dict[str, Any]:
    if not path.is_file():
        raise PhvaeError(f"{path}: absent; run `phvae {stage}` before `phvae evaluate`")
    found: dict[str, Any] = read_json(path)
    return found


def _group(group: str, inputs: Inputs, names: list[str]) -> list[Row]:
    """The rows of one group; where it means nothing on these data, empty rows say so."""
    if group not in groups_of(inputs.data):
        reason = f"{group} has no meaning on {inputs.data.kind}: its groups are {', '.join(groups_of(inputs.data))}"
        return [without_value(name, "empty", reason) for name in names]
    rows: list[Row] = []
    reasons = []
    for module in MODULES[group]:
        try:
            rows += importlib.import_module(module).rows(inputs)
        except Exception as error:  # the last net: one group must not end a grid of hundreds
            reasons.append(f"{module.rpartition('.')[2]}: {type(error).__name__}: {error}")
    done = {row.metric for row in rows}
    lacking = [name for name in names if name not in done] if reasons else []
    return rows + [without_value(name, "failed", "; ".join(reasons)) for name in lacking]


def _with_bounds(row: Row, bounds: dict[str, dict[str, float]]) -> Row:
    """The row with the reference's ceiling, floor and noise where it has none of its own."""
    # "level_{k}_informativeness_shape" bounds that metric for every level
    keys = (row.metric, re.sub(r"level_\d+", "level_{k}", row.metric), pattern_of(row.metric))
    found: dict[str, float] = next((bounds[key] for key in keys if key in bounds), {})
    missing: dict[str, Any] = {k: found.get(k) for k in ("ceiling", "floor", "noise_sd") if getattr(row, k) is None}
    return dataclasses.replace(row, **missing)
