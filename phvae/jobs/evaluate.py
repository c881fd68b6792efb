"""The evaluate stage: every score of one run from the files of its encode stage; one failure costs one row."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phvae.config.strict import stated
from phvae.determinism.device import resolve, session
from phvae.determinism.untouched import untouched
from phvae.errors import PhvaeError, of_the_machine
from phvae.experiment.code import code, parts
from phvae.experiment.stages import STAGES
from phvae.jobs.costs import known_costs, note_costs
from phvae.jobs.scores import Section, kept, plain, save
from phvae.metrics.given import Given
from phvae.metrics.naming import expected
from phvae.metrics.registry import GROUPS, SCORERS, Scorer, pattern_of
from phvae.metrics.rows import Inputs, Row, Undefined, without_value
from phvae.records import Key, inputs_sha256, read_record, verify

if TYPE_CHECKING:
    from phvae.api.phvae import PHVAE
    from phvae.data.prepared import Prepared
    from phvae.experiment.grid import Cell
    from phvae.metrics.options import EvaluationConfig

__all__ = ["chosen", "evaluate", "groups_of", "keys"]

# Settings that say how scoring is carried out, or what is scored at all; weights go in by what they are.
_APART = {"cells_per_job", "inception_weights", "metrics"}
READ = ("codes.npz", "arrays.npz")


def groups_of(data: Prepared) -> list[str]:
    """The groups of metrics that mean something on a data set."""
    meant = {scorer.group for scorer in SCORERS if scorer.applies(data)}
    return [group for group in GROUPS if group in meant]


def chosen(data: Prepared, settings: EvaluationConfig) -> list[Scorer]:
    """The scorers of the groups that the settings ask for; of a group that means nothing on the data, all."""
    meant = groups_of(data)
    asked = meant if settings.metrics == "auto" else settings.metrics
    return [s for s in SCORERS if s.group in asked and (s.applies(data) or s.group not in meant)]


def keys(
    run_dir: Path, cell: Cell, seed: int, data: Prepared, reference_dir: Path, device: str = "cpu"
) -> dict[str, Key]:
    """The key of each scorer of a run: its own code, and what it reads.

    Raises:
        PhvaeError: a file of an earlier stage is absent, damaged or incomplete.
    """
    encoding = _read(run_dir / "encode.json", "encode", files=dict)
    encoded = encoding["files"]
    reference = _read(reference_dir / "reference.json", "reference", scores=dict)["scores"]
    shared = [
        {name: encoded.get(name) for name in READ},
        stated(cell.evaluation, _APART),
        stated(cell.own_model) if cell.own_model else "external",
        seed,
        data.sha256,
        device,
    ]
    found = {}
    for scorer in chosen(data, cell.evaluation):
        part = None
        if scorer.reference and scorer.applies(data):
            if scorer.name not in reference:
                where = reference_dir / "reference.json"
                raise PhvaeError(f"{where}: holds nothing of {scorer.name}; run `phvae reference` before")
            # not its key: what was built under it may differ, a classifier's weights for one
            part = [reference[scorer.name].get(name) for name in ("bounds", "files")]
        modules = [scorer.module, *(scorer.modules(data) if scorer.applies(data) else ())]
        inputs = [*shared, part, scorer.outside(data, cell.evaluation, None)]
        if scorer.uses_model:
            modules += [*STAGES["encode"].code, *parts(cell.model)]
            inputs.append(encoding.get("reads"))
        found[scorer.name] = Key(code(modules), inputs_sha256(*inputs))
    return found


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
    """Compute the scores of a run whose keys are not today's, and write ``metrics.json``; equal inputs, equal bytes.

    The file (`phvae.jobs.scores`) is written after every scorer: a kill loses the one at work. The time it took goes
    to ``costs.json``.

    Args:
        run_dir: folder with encode.json, codes.npz and arrays.npz.
        cell: the run's cell.
        seed: the run's seed; it also drives the metrics' own draws, alike for all variants.
        data: the prepared data set.
        reference_dir: folder of the reference stage.
        device: where features of images are computed: auto, cpu or cuda.
        threads: processes that slow scores may use; no value depends on it.

    Returns:
        The rows: the fields of `phvae.metrics.rows.Row`.

    Raises:
        PhvaeError: a file of an earlier stage is absent. A metric that fails does not raise: its row says why.
    """
    from threadpoolctl import threadpool_limits

    run_dir, reference_dir, device = Path(run_dir), Path(reference_dir), resolve(device)
    path, asked = run_dir / "metrics.json", keys(run_dir, cell, seed, data, reference_dir, device)
    scorers = [scorer for scorer in SCORERS if scorer.name in asked]
    sections = kept(path, asked)
    todo = [scorer for scorer in scorers if scorer.name not in sections]
    if todo:
        known = _read(run_dir / "encode.json", "encode", files=dict)["files"]
        verify(run_dir, {name: known[name] for name in READ}, f"remove {run_dir / 'encode.json'} and encode it again")
        reference = _read(reference_dir / "reference.json", "reference", scores=dict)["scores"]
        for name in (scorer.name for scorer in todo if scorer.name in reference):
            remedy = f"remove {reference_dir / 'reference.json'} and run the workflow again"
            verify(reference_dir / name, reference[name]["files"], remedy)
        # The number of BLAS threads changes sums in the last bit: one thread, whatever the machine.
        with threadpool_limits(1), np.load(run_dir / "arrays.npz") as arrays, np.load(run_dir / "codes.npz") as codes:
            inputs = Inputs(
                data,
                Given(dict(codes)) if cell.external else dict(codes),
                Given(arrays) if cell.external else arrays,
                cell.own_model,
                cell.evaluation,
                reference_dir,
                seed,
                threads=max(1, threads),
                device=device,
            )
            for scorer in todo:
                started = time.perf_counter()
                given = dataclasses.replace(inputs, trained=partial(_trained, run_dir)) if scorer.uses_model else inputs
                rows = _rows(scorer, given, reference.get(scorer.name, {}))
                sections[scorer.name] = asked[scorer.name].fields() | {"rows": rows}
                save(path, sections, list(asked))
                _note(run_dir, scorer.name, time.perf_counter() - started, list(asked))
    elif _read(path, "evaluate").get("asked") != list(asked):
        save(path, sections, list(asked))
    return [row for scorer in scorers for row in sections[scorer.name]["rows"]]


def _read(path: Path, stage: str, **kinds: type) -> dict[str, Any]:
    if not path.is_file():
        raise PhvaeError(f"{path}: absent; run `phvae {stage}` before `phvae evaluate`")
    return read_record(path, f"remove it and run `phvae {stage}` again", **kinds)


def _note(folder: Path, scorer: str, seconds: float, asked: Sequence[str]) -> None:
    """Keep the seconds of a scorer, and those of all that were asked for, beside the costs of other stages."""
    each = known_costs(folder).get("seconds_by_scorer", {}) | {scorer: round(seconds, 3)}
    total = round(sum(each.get(name, 0.0) for name in asked), 3)
    note_costs(folder, seconds_by_scorer=each, seconds_evaluate=total)


def _rows(scorer: Scorer, inputs: Inputs, reference: Section) -> list[dict[str, Any]]:
    """The rows of a scorer; where it means nothing on these data, or fails, rows of its metrics say so."""
    inputs = dataclasses.replace(inputs, reference=inputs.reference / scorer.name)
    if not scorer.applies(inputs.data):
        meant = ", ".join(groups_of(inputs.data))
        reason = f"{scorer.group} has no meaning on {inputs.data.kind}: its groups are {meant}"
        return plain(scorer, [without_value(name, "empty", reason) for name in expected(scorer.metrics, inputs)])
    try:
        bounds = reference.get("bounds", {})
        with untouched(scorer.name), session("cpu") if scorer.uses_model else nullcontext():
            found = scorer.rows(inputs)
        return plain(scorer, [_with_bounds(row, bounds) for row in found])
    except Undefined as error:
        return plain(scorer, [without_value(name, "empty", str(error)) for name in expected(scorer.metrics, inputs)])
    except Exception as error:  # the last net: one scorer must not end a grid of hundreds
        if of_the_machine(error):
            raise
        reason = f"{scorer.name}: {type(error).__name__}: {error}"
        return plain(scorer, [without_value(name, "failed", reason) for name in expected(scorer.metrics, inputs)])


def _trained(folder: Path) -> PHVAE:
    """The model of a run, in the units of the prepared arrays."""
    from phvae.api.saving import load

    model = load(folder).eval()
    model.scaling = None
    return model


def _with_bounds(row: Row, bounds: Mapping[str, Mapping[str, float]]) -> Row:
    """The row with the reference's ceiling, floor and noise where it has none of its own."""
    # "level_{k}_informativeness_shape" bounds that metric for every level
    known = (row.metric, re.sub(r"level_\d+", "level_{k}", row.metric), pattern_of(row.metric))
    found: Mapping[str, float] = next((bounds[key] for key in known if key in bounds), {})
    missing: dict[str, Any] = {k: found.get(k) for k in ("ceiling", "floor", "noise_sd") if getattr(row, k) is None}
    return dataclasses.replace(row, **missing)
