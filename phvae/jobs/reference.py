"""The reference stage: what all runs on a data set share, computed once (ceilings, floors, classifier, features)."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from phvae.analysis.presentation.attempts import NotMade, attempt
from phvae.config.strict import stated
from phvae.determinism.device import resolve
from phvae.experiment.code import code
from phvae.files import sha256
from phvae.jobs.evaluate import chosen
from phvae.metrics.registry import pattern_of
from phvae.records import Key, current, inputs_sha256, write_record

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["build", "keys"]

# Settings that change how the evaluation is carried out, what is scored at all, or only what is drawn from a run;
# weights go in by what they are.
_APART = {"cells_per_job", "importance_samples", "n_likelihood", "inception_weights", "metrics"}


def keys(data: Prepared, settings: EvaluationConfig, device: str, threads: int) -> dict[str, Key]:
    """The key of what each scorer shares on a data set: its own code, and what it reads."""
    machine = [device, threads]  # a classifier's weights depend on where it is trained
    found = {}
    for scorer in chosen(data, settings):
        if scorer.reference is not None and scorer.applies(data):
            outside = scorer.outside(data, settings, machine)
            inputs = inputs_sha256(data.sha256, stated(settings, _APART), outside)
            found[scorer.name] = Key(code([scorer.module, *scorer.modules(data)]), inputs)
    return found


def build(
    folder: str | Path, data: Prepared, settings: EvaluationConfig, *, device: str = "cpu", threads: int = 1
) -> Path:
    """Write ``reference.json``, and a folder for each scorer that has something to share; returns the file's path.

    A scorer's folder holds its files, and a record of them and of its bounds: from a metric's name, or its pattern in
    the registry, to {ceiling, floor, noise_sd}. Both come from its ``reference(folder, data, settings, device=...,
    threads=...)``; one that fails gives no bounds, and the log says so. A folder with today's key, whose files are
    whole, is left alone. ``reference.json`` holds them all.

    Raises:
        PhvaeError: data or settings that no reference can be built from.
    """
    from threadpoolctl import threadpool_limits

    path = Path(folder) / "reference.json"
    sections = {}
    asked = keys(data, settings, resolve(device), threads)
    with threadpool_limits(1):
        for scorer in chosen(data, settings):
            if scorer.name not in asked:
                continue
            record, key = path.parent / scorer.name / "record.json", asked[scorer.name]
            found = current(record, key)
            if found is None:
                assert scorer.reference is not None
                shutil.rmtree(record.parent, ignore_errors=True)  # what an earlier build left is no part of this one
                record.parent.mkdir(parents=True)
                share = partial(scorer.reference, record.parent, data, settings, device=device, threads=threads)
                bounds = attempt(f"reference of {scorer.name}", share)
                if isinstance(bounds, NotMade):  # its rows say themselves why they have no value, or lack bounds
                    bounds = {}
                for name in bounds:
                    pattern_of(name.replace("{k}", "1"))  # a bound of an unknown metric would never be shown
                files = {file.name: sha256(file) for file in sorted(record.parent.iterdir())}
                found = key.fields() | {"bounds": bounds, "files": files}
                write_record(record, found)
            sections[scorer.name] = found
    write_record(path, {"scores": sections})
    return path
