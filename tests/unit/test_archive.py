"""An archive of results: pieces that are added, what is kept of an array, and a manifest that is held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic import write_results

from phvae.analysis.figures.arrays import HISTORY, ArchivedArrays, RunFiles, arrays_of
from phvae.analysis.results.archived import check_archive, write_manifest
from phvae.analysis.results.long_table import read_costs, read_runs, read_table
from phvae.analysis.terminal.check import check
from phvae.errors import DataError
from phvae.jobs.archive import _merged, shown

VARIANTS = ("vae", "ph-vae-3")
ORDER = ["trimodal", "digits", "sprites"]


@pytest.mark.parametrize("name", ["metrics.parquet", "costs.parquet", "runs.parquet"])
def test_a_piece_is_added_or_replaces_what_was_there(tmp_path: Path, name: str) -> None:
    read = {"metrics.parquet": read_table, "costs.parquet": read_costs, "runs.parquet": read_runs}[name]
    whole = write_results(tmp_path / "whole", datasets=tuple(ORDER), variants=VARIANTS, seeds=2, arrays=False)
    table, to = read(whole), tmp_path / "archive"
    to.mkdir()
    _merged(table, to / name, ["sprites"], ORDER)
    _merged(table.assign(variant="wrong"), to / name, ["trimodal"], ORDER)
    _merged(table, to / name, ["trimodal", "digits"], ORDER)
    pd.testing.assert_frame_equal(read(to), table.reset_index(drop=True))


def test_numbers_are_cut_and_rounded_and_pictures_are_cut() -> None:
    numbers = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    kept = shown(numbers)
    assert kept.shape == (1000, 3)
    np.testing.assert_allclose(kept, numbers[:1000], rtol=5e-4, atol=1e-6)
    assert np.isfinite(shown(1e6 * numbers)).all()
    pictures = np.arange(60, dtype=np.uint8).reshape(60, 1, 1, 1)
    np.testing.assert_array_equal(shown(pictures), pictures[:16])
    steps = np.arange(60)
    np.testing.assert_array_equal(shown(steps), steps)


def test_a_folder_with_arrays_of_an_archive_is_read_as_one(tmp_path: Path) -> None:
    run = Path("runs/digits/n-all/vae/seed-3")
    assert isinstance(arrays_of(tmp_path), RunFiles)
    (tmp_path / "arrays").mkdir()
    np.savez(
        tmp_path / "arrays/digits.npz",
        **{f"{run}/codes.npz/whitened": np.full(2, 0.5, np.float16), f"{run}/history.csv/{HISTORY[0]}": np.arange(3)},
    )
    found = arrays_of(tmp_path)
    assert isinstance(found, ArchivedArrays)
    codes, history = found.array(run, "codes.npz", "whitened"), found.history(run)
    assert codes is not None
    assert codes.dtype == np.float32
    assert history is not None
    assert list(history) == [HISTORY[0]]
    assert found.array(run, "codes.npz", "mean") is None
    assert found.history(run.with_name("seed-4")) is None
    assert found.array(Path("runs/absent/n-all/vae/seed-3"), "codes.npz", "whitened") is None


def test_a_check_against_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    root = write_results(tmp_path / "archive", datasets=("digits",), variants=VARIANTS, seeds=3, arrays=False)
    check_archive(root)
    write_manifest(root)
    assert check(root, root)[1]
    (root / "more.txt").write_text("what is added changes nothing")
    check_archive(root)
    record = next(path for path in root.rglob("*.json") if path.name != "archive.json")
    record.write_text(record.read_text() + " ")
    with pytest.raises(DataError, match=rf"found 1 file other than archive.json lists: .*{record.name}; take"):
        check(root, root)
