"""Where figures find what runs stored: in the runs' own files, or in the selection that an archive keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from phvae.records import read_record, verify

__all__ = ["ARRAYS", "ArchivedArrays", "Arrays", "RunFiles", "arrays_of"]

ARRAYS = "arrays"  # folder of an archive: NAME.npz for each data set
HISTORY = ("epoch", "validation_reconstruction", "validation_kl")  # columns of a history that figures read


class Arrays(Protocol):
    """What runs stored, by the run's folder (relative to the results)."""

    def array(self, run: Path, file: str, name: str) -> np.ndarray | None:
        """One array of a run's .npz file, or None."""

    def history(self, run: Path) -> pd.DataFrame | None:
        """The columns HISTORY of a run's training, a row an epoch, or None."""


class RunFiles:
    """The files of the runs; each is compared with the hash that its record holds before it is read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: set[Path] = set()  # files whose hashes were compared

    def array(self, run: Path, file: str, name: str) -> np.ndarray | None:
        """As in `Arrays`.

        Raises:
            DataError: the file is another than its record says, or gone, or without a record.
        """
        if not self._there(self.root / run, file, "encode.json"):
            return None
        with np.load(self.root / run / file, allow_pickle=False) as stored:
            return np.asarray(stored[name]) if name in stored.files else None

    def history(self, run: Path) -> pd.DataFrame | None:
        """As in `Arrays`.

        Raises:
            DataError: as `array`.
        """
        if not self._there(self.root / run, "history.csv", "run.json"):
            return None
        return pd.read_csv(self.root / run / "history.csv", usecols=lambda name: name in HISTORY)

    def _there(self, folder: Path, file: str, record: str) -> bool:
        if folder / file in self._known:
            return True
        remedy, absent = f"remove {folder / record} and run the workflow again", not (folder / file).is_file()
        if absent and not (folder / record).is_file():
            return False
        listed = read_record(folder / record, remedy).get("files", {})
        if absent and file not in listed:
            return False
        verify(folder, {file: listed.get(file, "")}, remedy)
        self._known.add(folder / file)
        return True


class ArchivedArrays:
    """The selection of an archive: one file a data set, whose arrays are named `RUN/FILE/NAME`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, dict[str, np.ndarray]] = {}

    def array(self, run: Path, file: str, name: str) -> np.ndarray | None:
        """As in `Arrays`."""
        found = self._of(run).get(f"{run.as_posix()}/{file}/{name}")
        return found.astype(np.float32) if found is not None and found.dtype == np.float16 else found

    def history(self, run: Path) -> pd.DataFrame | None:
        """As in `Arrays`."""
        found = {name: self.array(run, "history.csv", name) for name in HISTORY}
        columns = {name: column for name, column in found.items() if column is not None}
        return pd.DataFrame(columns) if columns else None

    def _of(self, run: Path) -> dict[str, np.ndarray]:
        dataset = run.parts[1]
        if dataset not in self._files:
            path = self.root / ARRAYS / f"{dataset}.npz"
            if not path.is_file():
                self._files[dataset] = {}
            else:
                with np.load(path, allow_pickle=False) as stored:
                    self._files[dataset] = {name: stored[name] for name in stored.files}
        return self._files[dataset]


def arrays_of(root: Path) -> Arrays:
    """The arrays of a results folder, or of an archive of one."""
    return ArchivedArrays(root) if (root / ARRAYS).is_dir() else RunFiles(root)
