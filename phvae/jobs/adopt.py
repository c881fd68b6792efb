"""A renamed variant keeps its runs: a finished one of the same key is copied instead of trained again."""

from __future__ import annotations

import logging
import shutil

from phvae.errors import DataError
from phvae.files import atomic
from phvae.jobs.run import Run
from phvae.records import outdated, read_record, write_record

__all__ = ["adopt"]

LOG = logging.getLogger("phvae")


def adopt(run: Run) -> None:
    """Copy a run that another variant's folder holds, if there is none here: equal keys mean equal numbers."""
    if run.record.exists():
        return
    for path in sorted(run.folder.parent.parent.glob(f"*/{run.folder.name}/{run.record.name}")):
        try:
            record = read_record(path, "")
        except (DataError, OSError):
            continue
        if outdated(record, run.key, path.parent):
            continue
        for name in record["files"]:
            with atomic(run.folder / name) as temporary:
                shutil.copyfile(path.parent / name, temporary)
        write_record(run.record, record | {name: run.origin[name] for name in ("variant", "label")})
        LOG.warning("%s: copied from %s, which has the same key", run.folder, path.parent)
        return
