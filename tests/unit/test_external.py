"""Outputs of models trained elsewhere: what is refused, and how they are laid out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
from external_outputs import linear_model, write
from grids import run_through
from matplotlib.text import Text

from phvae.analysis.figures.plans import plans
from phvae.analysis.figures.stored import Stored
from phvae.analysis.report.write import write_report
from phvae.analysis.results.long_table import read_runs, read_table
from phvae.analysis.tables.inputs import OUTSIDE
from phvae.data import Prepared, load
from phvae.encoding.external import in_memory, layout, opened
from phvae.encoding.order import in_order
from phvae.errors import ConfigError, DataError, PhvaeError
from phvae.experiment.grid import Grid, parse_grid
from phvae.experiment.manifests import stale
from phvae.experiment.questions import Questions
from phvae.files import read_json
from phvae.jobs import stages
from phvae.jobs.accept import accept
from phvae.metrics.given import Given
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.rows import Undefined
from phvae.tracking.run_entry import read_run

FEW = EvaluationConfig(n_codes=24, n_samples=16, n_reconstructions=20, n_likelihood=5, redraws=2)
Outputs = dict[str, Any]


@pytest.fixture(scope="module")
def data() -> Prepared:
    return tiny.images()


def laid_out(path: Path, data: Prepared) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return layout(opened(path, data), path, data, FEW)


# ---- what is laid out ----
def test_images_become_bytes_and_codes_levels(tmp_path: Path, data: Prepared):
    given = linear_model(data)
    codes, arrays = laid_out(write(tmp_path / "seed-0.npz", data, given), data)
    assert {name: array.shape for name, array in codes.items()} == {
        "mean": (24, 1, 3), "log_variance": (24, 1, 3), "whitened": (24, 1, 3), "coupling": (1, 1),
    }  # fmt: skip
    assert (codes["whitened"][:, 0] == given["mean"][:24]).all()
    assert arrays["reconstructions"].dtype == np.uint8
    assert (arrays["reconstructions"] == np.rint(255 * given["reconstructions"][:20])).all()
    assert arrays["samples_mean"].shape == (2, 16, 1, 6, 6)  # 32 samples are two sets of 16
    mean, log_variance = given["mean"][:24].astype(float), given["log_variance"][:24].astype(float)
    kl = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(1)
    assert np.allclose(arrays["kl"], kl)
    bytes_too = given | {"reconstructions": np.rint(255 * given["reconstructions"]).astype(np.uint8)}
    again = laid_out(write(tmp_path / "seed-1.npz", data, bytes_too), data)[1]
    assert (again["reconstructions"] == arrays["reconstructions"]).all()


def test_densities_come_in_the_exported_units_and_are_kept_in_their_own(tmp_path: Path):
    data = tiny.density()
    assert data.scaling is not None
    offset, scale = data.scaling
    given = linear_model(data)
    arrays = laid_out(write(tmp_path / "seed-0.npz", data, given), data)[1]
    assert np.allclose(arrays["reconstructions"], (given["reconstructions"][:20] - offset) / scale, rtol=1e-6)
    assert np.allclose(arrays["log_px"], -1.5 + np.log(0.2))


@pytest.mark.parametrize("name", ["mean", "reconstructions", "samples", "log_px"])
def test_each_may_come_alone_and_the_rest_says_why_it_is_empty(tmp_path: Path, data: Prepared, name: str):
    codes, arrays = laid_out(write(tmp_path / "seed-0.npz", data, {name: linear_model(data)[name]}), data)
    ours = {"mean": {"mean", "whitened", "coupling"}, "samples": {"samples_mean"}}
    assert codes.keys() | arrays.keys() == ours.get(name, {name})
    with pytest.raises(Undefined, match="external: no log_variance given"):
        Given(codes)["log_variance"]
    with pytest.raises(Undefined, match="needs the model itself"):
        Given(arrays)["dropped"]


# ---- what is refused ----
def changed(name: str, how: Callable[[np.ndarray], Any]) -> Callable[[Outputs], Outputs]:
    return lambda given: given | {name: how(given[name])}


def with_nan(array: np.ndarray) -> np.ndarray:
    found = array.copy()
    found[3] = np.nan
    return found


REFUSED: dict[str, tuple[Callable[[Outputs], Outputs], str]] = {
    "another split": (lambda given: given | {"data": "1" * 64}, "data: found '1111.* expected '0000.*another set"),
    "no hash": (lambda given: given | {"data": np.zeros(3)}, "data: found float64 of shape .3,., expected one text"),
    "a long hash": (lambda given: given | {"data": "1" * 9999}, "more than 4096 bytes, expected one text"),
    "another name": (lambda given: given | {"reconstruction": given["mean"]}, "did you mean 'reconstructions'"),
    "another order": (changed("reconstructions", lambda a: a[::-1]), "reconstructions: found rows that fit"),
    "rolled": (changed("reconstructions", lambda a: np.roll(a, 1, 0)), "expected row i of test example i"),
    "codes in another order": (changed("mean", lambda a: a[np.random.default_rng(0).permutation(30)]), "mean: found"),
    "floats as bytes": (changed("reconstructions", lambda a: 255 * a), "float32 from .* to 2.*floats from 0 to 1"),
    "from -1 to 1": (changed("samples", lambda a: 2 * a - 1), "samples: found float32 from -.*floats from 0 to 1"),
    "bytes of floats": (changed("reconstructions", lambda a: a.astype(np.uint8)), "found uint8 from 0 to"),
    "whole numbers": (changed("reconstructions", lambda a: (255 * a).astype(int)), "found int64, expected uint8"),
    "codes in whole numbers": (changed("mean", lambda a: a.astype(int)), "mean: found int64, expected floats"),
    "nan": (changed("reconstructions", with_nan), "not finite in row 3"),
    "codes with nan": (changed("mean", with_nan), "mean: found a number that is not finite in row 3"),
    "channels last": (
        changed("reconstructions", lambda a: np.moveaxis(a, 1, -1)),
        r"found the shape \(30, 6, 6, 1\), expected \(30, 1, 6, 6\)",
    ),
    "too few rows": (changed("mean", lambda a: a[:23]), r"found the shape \(23, 3\), expected \(30, 3\).*first 24"),
    "more rows than examples": (changed("mean", lambda a: np.repeat(a, 2, 0)), r"\(60, 3\), expected \(30, 3\)"),
    "codes of three axes": (changed("mean", lambda a: a[:, None]), "expected N x L"),
    "sizes that differ": (changed("log_variance", lambda a: a[:, :2]), r"log_variance: found the shape \(30, 2\)"),
    "variances": (changed("log_variance", lambda a: np.full_like(a, 99)), "expected logarithms of variances"),
    "few samples": (changed("samples", lambda a: a[:15]), "at least 16 of the 32 samples"),
    "no means": (lambda given: {"log_variance": given["log_variance"]}, "log_variance without mean"),
    "nothing": (lambda given: {}, "found nothing to score"),
    "no row": (changed("mean", lambda a: a[:0]), "expected at least one row"),
    "pickles": (changed("mean", lambda a: a.astype(object)), "pickled objects; refused"),
    "a structure": (changed("mean", lambda a: a.view([("a", "f4"), ("b", "f4"), ("c", "f4")])), "expected numbers"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_bad_outputs_are_refused(tmp_path: Path, data: Prepared, why: str):
    change, message = REFUSED[why]
    path = write(tmp_path / "seed-0.npz", data, change(linear_model(data)))
    with pytest.raises(DataError, match=message) as caught:
        laid_out(path, data)
    assert str(path) in str(caught.value)


def header(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_hostile_files_are_refused(tmp_path: Path, data: Prepared):
    path = write(tmp_path / "seed-0.npz", data, linear_model(data))
    whole = path.read_bytes()
    path.write_bytes(b"\x93NUMPY" + whole)
    with pytest.raises(DataError, match="no npz file"):
        opened(path, data)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged"):
        opened(path, data)
    np.savez(path, data=data.sha256)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("mean.npy", header((10**12, 3)))
    with pytest.raises(DataError, match=r"but states the shape .1000000000000, 3."):
        opened(path, data)
    np.savez(path, data=data.sha256)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("mean.npy", header((30, 3)) + bytes(100))
    with pytest.raises(DataError, match="its header states"):
        opened(path, data)


def test_a_probability_of_binary_images_is_at_most_one(data: Prepared):
    binary = replace(data, binary=True)
    with pytest.raises(DataError, match="found 2, expected at most 0"):
        layout(in_memory("mine", {"log_px": np.full(30, 2.0)}), "mine", binary, FEW)


def test_densities_in_other_units_are_refused():
    data = tiny.density()
    given = linear_model(data)
    with pytest.raises(DataError, match="expected them in the units of the exported arrays"):
        layout(in_memory("mine", {"samples": given["samples"] * 100 + 50}), "mine", data, FEW)


def test_collapsed_models_have_no_order(data: Prepared):
    x = np.asarray(data.test)
    flat = np.broadcast_to(x.mean(0), x.shape)
    assert in_order(x, flat, alike=True)
    assert in_order(x, np.zeros((len(x), 4)), alike=False)
    assert in_order(x, 1e-9 * np.random.default_rng(0).standard_normal((len(x), 4)), alike=False)
    assert not in_order(x, np.random.default_rng(0).standard_normal((len(x), 4)), alike=False)


# ---- in a grid ----
def grid_of(root: Path, **more: Any) -> Grid:
    content = {
        "name": "mixed",
        "results": str(root / "results"),
        "device": "cpu",
        "seeds": 2,
        "claims": "none",
        "model": {"latent_size": 3, "network": {"name": "dense", "hidden": [16]}},
        "training": {"epochs": 1},
        "evaluation": {
            "n_codes": 300, "n_samples": 32, "n_reconstructions": 64, "n_likelihood": 8, "importance_samples": 32,
            "extractors": [],
        },
        "datasets": {"claw": {"n_train": [200]}, "digits": {"n_train": [200]}},
        "variants": {
            "vae": {"model": {"divergence": "kl"}},
            "pca": {"label": "PCA", "external": {"folder": str(root / "pca"), "parameters": 123, "code": "pca 1.0"}},
            "codes": {"external": str(root / "codes")},
            "ph-vae-2": {"model": {"order": 2, "latent_size": 4}},
        },
    }  # fmt: skip
    return parse_grid(content | more, "mixed.yaml")


def outputs_of(grid: Grid, name: str) -> Prepared:
    """Prepare a data set of the grid, and write the outputs of its external variants."""
    stages.prepare(grid, name)
    data = load(Path(grid.config.results) / "data" / read_json(grid.paths.data(name))["folder"])
    for cell, seed in grid.runs():
        if cell.external and cell.dataset == name:
            given = linear_model(data, seed, samples=96)
            few = given if cell.variant == "pca" else {"mean": given["mean"]}
            write(cell.external.file(name, cell.n_train, seed), data, few)
    return data


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    grid = grid_of(tmp_path_factory.mktemp("mixed"))
    for name in grid.config.datasets:
        outputs_of(grid, name)
    run_through(grid, until="tables")
    return grid


def scores(grid: Grid) -> dict[str, str]:
    return {str(path): path.read_text() for path in grid.paths.root.glob("runs/**/metrics.json")}


@pytest.mark.slow
def test_two_external_variants_go_through_every_stage(finished: Grid):
    root = finished.paths.root
    left = {path.stem for path, _ in stale(Questions(finished))}
    assert not left
    table = read_table(root)
    outside = table[table["variant"].isin(["pca", "codes"])]
    assert set(outside["role"]) == {"external"}
    assert set(outside["family"]) == {"external (pca)", "external (codes)"}
    assert set(table[table["variant"] == "vae"]["role"]) == {"baseline"}
    assert outside["order"].isna().all()
    assert set(outside["status"]) == {"ok", "empty"}
    assert outside[outside["status"] == "empty"]["reason"].ne("").all()

    def known(variant: str, dataset: str, rows: pd.DataFrame = table) -> set[str]:
        return set(rows[(rows["variant"] == variant) & (rows["dataset"] == dataset)]["metric"])

    valued = outside[outside["value"].notna()]
    assert {"mse", "ssim", "kl", "kl_level_1", "active_units", "knn_accuracy", "nll"} <= known("pca", "digits", valued)
    assert {"w1_samples_mean", "w1_samples_model", "w1_reconstructions", "nll"} <= known("pca", "claw", valued)
    assert {"active_units", "knn_accuracy"} <= known("codes", "digits", valued)
    assert not {"mse", "kl"} & known("codes", "digits", valued)
    assert known("vae", "digits") == known("pca", "digits")
    (reason,) = set(outside[(outside["variant"] == "codes") & (outside["metric"] == "mse")]["reason"])
    assert reason == "external: no reconstructions given"

    runs = read_runs(root)
    assert set(runs[runs["variant"] == "pca"]["label"]) == {"PCA (external)"}
    assert set(runs[runs["variant"] == "pca"]["commit"]) == {"external: pca 1.0"}
    page = write_report(root).read_text()
    assert OUTSIDE in page
    assert "PCA (external)" in page
    for name in ("images", "cost", "latent"):
        assert "PCA (external)" in (root / f"tables/{name}.md").read_text()
    figures = {plan.name: plan.figure for plan in plans(Stored(root))}
    assert "PCA (external)" in figures["reconstructions-digits"].rows  # type: ignore[attr-defined]
    shown = {text.get_text() for text in figures["paired_seeds-digits"].draw().findobj(Text)}
    assert "PCA (external)" in shown
    assert not {"pca", "codes"} & shown

    entry = read_run(finished.paths.run("digits", 200, "pca", 0), root)
    assert entry.tags["phvae.code"] == "external: pca 1.0"
    assert entry.params["external.folder"].endswith("pca")
    assert not any(name.startswith(("model", "training")) for name in entry.params)


@pytest.mark.slow
def test_a_changed_file_redoes_its_own_scores_alone(finished: Grid):
    before = scores(finished)
    file = finished.cell("digits", 200, "pca").external.file("digits", 200, 1)  # type: ignore[union-attr]
    data = load(next((Path(finished.config.results) / "data").glob("digits-*")))
    kept = file.read_bytes()
    try:
        fewer = linear_model(data, 1, size=2, samples=96)["reconstructions"]
        write(file, data, linear_model(data, 1, samples=96) | {"reconstructions": fewer})
        (found,) = [str(path) for path, why in stale(Questions(finished)) if "outputs" in why]
        assert found == str(finished.paths.manifest("train", *lot_of(finished, "pca", "digits")))
        stages.train(finished, *lot_of(finished, "pca", "digits"))
        stages.encode(finished, "digits", 200, 0)
        stages.evaluate(finished, "digits", 200, 0)
        after = scores(finished)
        assert [path for path in before if before[path] != after[path]] == [
            str(finished.paths.run("digits", 200, "pca", 1) / "metrics.json")
        ]
    finally:
        file.write_bytes(kept)
        for stage, where in Questions(finished).jobs():
            if stage in ("train", "encode", "evaluate", "collect"):
                getattr(stages, stage)(finished, *where)
    assert scores(finished) == before
    assert accept(finished, "nothing").startswith("accepted 0 runs; 16 up to date")


def lot_of(grid: Grid, variant: str, dataset: str = "claw") -> tuple[Any, ...]:
    return next(
        lot for lot, [(cell, _), *_] in grid.lots().items() if (cell.dataset, cell.variant) == (dataset, variant)
    )


def refused(grid: Grid, match: str) -> None:
    with pytest.raises(DataError, match=match):
        stages.train(grid, *lot_of(grid, "pca"))
    assert not (grid.paths.root / "runs").exists()
    assert not (grid.paths.root / "batches").exists()


def test_what_differs_between_seeds_is_refused_and_nothing_written(tmp_path: Path):
    grid = grid_of(tmp_path, datasets={"claw": {"n_train": [200], "data": {"kind": "moons"}}})
    data = outputs_of(grid, "claw")
    external = grid.cell("claw", 200, "pca").external
    assert external is not None
    second = external.file("claw", 200, 1)
    whole = linear_model(data, 1, samples=96)
    narrow = {name: array[:, :1] if name in ("mean", "log_variance") else array for name, array in whole.items()}
    write(second, data, narrow)
    refused(grid, r"seed-1.npz: mean: found codes of size \(1,\), expected \(2,\), as in .*seed-0.npz")
    write(second, data, {"mean": whole["mean"]})
    refused(grid, "seed-1.npz: found mean, expected mean, log_variance, .* as in .*seed-0.npz")
    second.unlink()
    refused(grid, "seed-1.npz: absent; found the outputs of 1 seed of claw/n-200/pca, expected all 2: 0, 1")


def test_the_configuration_refuses_what_cannot_be(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"variants.pca: .*external or model, not both"):
        grid_of(tmp_path, variants={"vae": {}, "pca": {"external": "here", "model": {"order": 2}}})
    with pytest.raises(ConfigError, match="parameters"):
        grid_of(tmp_path, variants={"vae": {}, "pca": {"external": {"folder": "here", "parameters": 0}}})
    families = {"VAE": ["vae"], "PCA": ["pca"]}
    with pytest.raises(ConfigError, match=r"tuning.families.PCA: found pca, expected variants that are trained here"):
        grid_of(tmp_path, tuning={"seeds": [0], "families": families})
    with pytest.raises(ConfigError, match="the model of pca under another name"):
        grid_of(tmp_path, variants={"vae": {}, "pca": {"external": "here"}, "again": {"external": "here"}})


def test_a_configuration_names_the_first_absent_file(tmp_path: Path):
    from phvae.cli_data import check_places

    with pytest.raises(ConfigError, match=r"variants.pca.external: .*pca/claw/n-200/seed-0.npz: absent"):
        check_places(grid_of(tmp_path))


def test_encoding_refuses_a_file_that_changed_since(finished: Grid):
    from phvae.jobs.external import outputs

    cell = finished.cell("claw", 200, "pca")
    data = load(next((Path(finished.config.results) / "data").glob("claw-*")))
    with pytest.raises(PhvaeError, match=r"seed-0.npz: changed since its run was recorded"):
        outputs(cell, 0, data, "f" * 64)
