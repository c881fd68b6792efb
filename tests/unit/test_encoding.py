"""The encode stage: what is computed from a trained run, in which units, with which noise."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import cell, dense, density, images, runs

import phvae
from phvae.determinism.seeding import numpy_generator, torch_generator
from phvae.encoding import encoder as encoding
from phvae.encoding.importance import log_likelihood
from phvae.errors import DataError
from phvae.experiment.grid import Cell
from phvae.files import read_json, sha256
from phvae.jobs.encode import encode
from phvae.jobs.training import train
from phvae.records import read_record

Arrays = dict[str, np.ndarray]


def _run(root: Path, tiny: Cell, data: Any, seed: int = 0) -> tuple[Path, dict[str, Arrays]]:
    [run] = runs(root, [seed], threads=1)
    train(tiny, [run], data, device="cpu", threads=1)
    encode(run.folder, tiny, seed, data, device="cpu")
    return run.folder, {name: dict(np.load(run.folder / f"{name}.npz")) for name in ("codes", "arrays", "samples")}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Arrays], Any]:
    data = images(n_test=30)
    folder, found = _run(tmp_path_factory.mktemp("images"), cell({"order": 2, "latent_size": 6}), data)
    return folder, found, data


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Arrays], Any]:
    data = density()
    few = {"n_train": 150, "subset": "by_seed"}
    tiny = cell({"order": 2, "latent_size": 2, "network": dense(16)}, {"epochs": 4, "learning_rate": 0.01}, **few)
    folder, found = _run(tmp_path_factory.mktemp("density"), tiny, data)
    return folder, found, data


def test_shapes_and_types(pictures: Any):
    _, found, _ = pictures
    shapes = {
        name: (value.shape, value.dtype.name) for kind in ("codes", "arrays") for name, value in found[kind].items()
    }
    assert shapes == {
        "mean": ((24, 2, 3), "float32"),
        "log_variance": ((24, 2, 3), "float32"),
        "whitened": ((24, 2, 3), "float32"),
        "coupling": ((2, 2), "float32"),
        "reconstructions": ((20, 1, 6, 6), "uint8"),
        "samples_mean": ((3, 32, 1, 6, 6), "uint8"),
        "samples_model": ((3, 32, 1, 6, 6), "uint8"),
        "dropped": ((2, 20, 1, 6, 6), "uint8"),
        "elbo": ((5,), "float64"),
        "elbo_reconstruction": ((5,), "float64"),
        "elbo_error": ((5,), "float64"),
        "elbo_draws": ((), "int64"),
        "kl_levels": ((24, 2), "float64"),
        "kl": ((24,), "float64"),
        "log_px": ((5,), "float64"),
        "log_px_error": ((5,), "float64"),
        "log_px_k": ((5,), "float64"),
        "log_px_draws": ((5,), "int64"),
        "log_px_settled": ((5,), "bool"),
        "traversals": ((2, 7, 1, 6, 6), "uint8"),
        "interpolations": ((8, 1, 6, 6), "uint8"),
        "train_elbo": ((5,), "float64"),
        "train_elbo_reconstruction": ((5,), "float64"),
        "train_elbo_error": ((5,), "float64"),
        "train_elbo_draws": ((), "int64"),
        "train_log_px": ((5,), "float64"),
        "train_log_px_error": ((5,), "float64"),
        "train_log_px_k": ((5,), "float64"),
        "train_log_px_draws": ((5,), "int64"),
        "train_log_px_settled": ((5,), "bool"),
        "train_error": ((20,), "float64"),
        "train_rows": ((192,), "int64"),
        "nearest": ((12, 1, 6, 6), "uint8"),
    }


def test_training_examples_are_the_runs_own(pictures: Any):
    """A fixed draw of what the run was trained on: errors of its stored reconstructions, log p(x) as the model says."""
    folder, found, data = pictures
    arrays, model = found["arrays"], phvae.load(folder)
    rows = arrays["train_rows"]
    assert np.array_equal(rows, np.arange(192))
    order = numpy_generator(0, "evaluation", "training examples").permutation(rows)
    x = np.array(data.train[np.sort(order[:20])])
    made = np.rint(model.reconstruct(x).numpy().clip(0, 1) * 255)
    assert np.allclose(arrays["train_error"], ((made - x) ** 2).mean((1, 2, 3)) / 255**2, atol=1e-4)
    drawn = found["samples"]["samples_mean"][:12].astype(float)
    apart = ((drawn[:, None] - data.train[None]) ** 2).sum((2, 3, 4))
    assert np.array_equal(found["samples"]["nearest"], data.train[apart.argmin(axis=1)])
    some = np.array(data.train[np.sort(order[:5])])
    draws = cell().evaluation.importance_samples
    expected = log_likelihood(model, some, draws, seed=0, first=len(data.test)).numpy()
    assert np.allclose(arrays["train_log_px"], expected, atol=1e-4)
    assert not np.allclose(arrays["train_elbo"], arrays["elbo"])


def test_codes_are_the_models_own(pictures: Any):
    folder, found, data = pictures
    model = phvae.load(folder)
    mean, log_variance = model.encode(np.array(data.test[:24]))
    codes = found["codes"]
    assert np.allclose(codes["mean"], mean, atol=1e-6)
    assert np.allclose(codes["log_variance"], log_variance, atol=1e-6)
    back = np.einsum("kl,nlj->nkj", codes["coupling"], codes["whitened"])
    assert np.allclose(back, codes["mean"], atol=1e-5)
    assert codes["coupling"].tolist() == [[1, 0], [0.5, 1]]


def test_reconstructions_and_dropped_levels(pictures: Any):
    folder, found, data = pictures
    model = phvae.load(folder)
    expected = model.reconstruct(np.array(data.test[:20])).numpy()
    assert np.abs(found["arrays"]["reconstructions"] / 255 - expected).max() <= 0.5 / 255 + 1e-6
    w = torch.from_numpy(found["codes"]["whitened"][:20]).clone()
    w[:, 1] = 0
    dropped = model.decode(model.unwhiten(w)).numpy()
    assert np.abs(found["arrays"]["dropped"][1] / 255 - dropped).max() <= 0.5 / 255 + 1e-6
    assert not np.array_equal(found["arrays"]["dropped"][0], found["arrays"]["dropped"][1])


def test_redraws_differ_and_depend_on_the_seed_alone(pictures: Any, tmp_path: Path):
    folder, found, _ = pictures
    draws = found["arrays"]["samples_mean"]
    assert not np.array_equal(draws[0], draws[1])
    noise = torch.randn(32, 2, 3, generator=torch_generator(0, "evaluation", "prior", 1))
    model = phvae.load(folder)
    expected = model.decode(model.unwhiten(noise)).numpy()
    assert np.abs(draws[1] / 255 - expected).max() <= 0.5 / 255 + 1e-6
    difference = found["arrays"]["samples_model"].astype(float) - draws
    inside = (draws > 90) & (draws < 165)
    assert difference[inside].std() / 255 == pytest.approx(0.1, rel=0.1)
    both = inside.all(0)
    assert not np.allclose(difference[0][both], difference[1][both], atol=3), "the noise is drawn again"


def test_another_seed_is_other_noise(pictures: Any, tmp_path: Path):
    folder, found, data = pictures
    again = tmp_path / "again"
    shutil.copytree(folder, again, ignore=shutil.ignore_patterns("encode.json"))
    tiny = cell({"order": 2, "latent_size": 6})
    encode(again, tiny, 1, data, device="cpu")
    other = dict(np.load(again / "arrays.npz"))
    model = phvae.load(folder)
    noise = torch.randn(32, 2, 3, generator=torch_generator(1, "evaluation", "prior", 1))
    expected = model.decode(model.unwhiten(noise)).numpy()
    assert np.abs(other["samples_mean"][1] / 255 - expected).max() <= 0.5 / 255 + 1e-6
    x = model.as_data(np.array(data.test[:5]))
    noise = [torch.randn(5, 2, 3, generator=torch_generator(1, "evaluation", "posterior", draw)) for draw in range(16)]
    with torch.no_grad():
        reconstruction = torch.stack([model.terms(x, eps)[0][:, 0] for eps in noise]).mean(0).numpy()
    assert np.allclose(other["elbo_reconstruction"], reconstruction, rtol=1e-5)
    draws = tiny.evaluation.importance_samples
    expected = model.log_likelihood(np.array(data.test[:5]), draws, seed=1).numpy()
    assert np.allclose(other["log_px"], expected, atol=1e-4)
    for name in ("samples_mean", "samples_model", "elbo_reconstruction", "log_px"):
        assert not np.allclose(other[name], found["arrays"][name]), name
    for name in ("mean", "log_variance"):
        assert np.array_equal(np.load(again / "codes.npz")[name], found["codes"][name]), name


def test_a_subset_by_seed_is_that_of_the_run(line: Any):
    _, found, data = line
    assert np.array_equal(found["arrays"]["train_rows"], data.subset(150, 0))
    assert "train_error" not in found["arrays"]


def test_the_bound_and_the_likelihood(line: Any):
    """In nats of original units, as a loaded model speaks; its terms are in its own: the scale is .2."""
    folder, found, data = line
    arrays = found["arrays"]
    model = phvae.load(folder)
    assert np.allclose(arrays["kl_levels"].sum(1), arrays["kl"])
    jacobian = math.log(0.2)
    original = (data.test[:5].astype(float) - data.scaling[0]) / data.scaling[1]
    expected = model.log_likelihood(original, 32, seed=0).numpy()
    assert np.allclose(arrays["log_px"], expected, atol=1e-6)
    x = model.as_data(original)
    assert np.allclose(x.numpy(), data.test[:5], atol=1e-6)
    noise = [torch.randn(5, 2, 1, generator=torch_generator(0, "evaluation", "posterior", draw)) for draw in range(16)]
    with torch.no_grad():
        drawn = torch.stack([model.terms(x, eps)[0][:, 0] for eps in noise]).numpy() - jacobian
        kl = model.terms(x, noise[0])[2]
    assert np.allclose(arrays["elbo_reconstruction"], drawn.mean(0), atol=1e-5)
    assert np.allclose(arrays["elbo_error"], drawn.std(0, ddof=1) / 4, rtol=1e-4)
    assert np.allclose(arrays["kl_levels"][:5], kl.numpy(), atol=1e-6)
    assert np.allclose(arrays["elbo"], -(arrays["elbo_reconstruction"] + arrays["kl"][:5]))
    settled = model.log_likelihood(original, seed=1).numpy()
    assert (arrays["elbo"] <= settled + 3 * arrays["elbo_error"] + 0.3).all()


def _stored(data: Any, x: torch.Tensor) -> np.ndarray:
    """Decoder means in the units of the arrays: 0..255, not yet rounded, or those of the density."""
    return 255 * x.numpy() if data.scaling is None else x.numpy()


@pytest.mark.parametrize("kind", ["pictures", "line"])
def test_traversals_move_one_coordinate_over_the_prior(kind: str, request: pytest.FixtureRequest):
    folder, found, data = request.getfixturevalue(kind)
    model, w = phvae.load(folder), torch.from_numpy(found["codes"]["whitened"])
    for level in range(2):
        widest = int(w[:, level].var(0, unbiased=False).argmax())
        for at, value in enumerate(range(-3, 4)):
            moved = w[:1].clone()
            moved[0, level, widest] = value
            expected = _stored(data, model.decode(model.unwhiten(moved)))[0]
            difference = np.abs(found["arrays"]["traversals"][level, at] - expected).max()
            assert difference <= (0.51 if kind == "pictures" else 1e-5), (level, value)


@pytest.mark.parametrize("kind", ["pictures", "line"])
def test_interpolations_go_from_the_first_example_to_the_second(kind: str, request: pytest.FixtureRequest):
    folder, found, data = request.getfixturevalue(kind)
    model, w = phvae.load(folder), torch.from_numpy(found["codes"]["whitened"])
    for at in range(8):
        between = (1 - at / 7) * w[:1] + at / 7 * w[1:2]
        expected = _stored(data, model.decode(model.unwhiten(between)))[0]
        difference = np.abs(found["arrays"]["interpolations"][at] - expected).max()
        assert difference <= (0.51 if kind == "pictures" else 1e-5), at


def test_each_example_has_noise_of_its_own_whatever_the_batches(
    line: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, found, data = line
    again = shutil.copytree(folder, tmp_path / "again")
    (again / "arrays.npz").unlink()
    monkeypatch.setattr(encoding, "BATCH", 2)
    few = {"n_train": 150, "subset": "by_seed"}
    tiny = cell({"order": 2, "latent_size": 2, "network": dense(16)}, {"epochs": 4, "learning_rate": 0.01}, **few)
    encode(again, tiny, 0, data, device="cpu")
    arrays = dict(np.load(again / "arrays.npz"))
    assert np.allclose(arrays["log_px"], found["arrays"]["log_px"], atol=1e-6)
    for name in found["arrays"].keys() - {"samples_model"}:  # its observation noise is drawn batch by batch
        assert np.allclose(arrays[name], found["arrays"][name], atol=1e-4), name


def test_densities_come_back_in_original_units(line: Any):
    _, found, data = line
    truth = (data.test - data.scaling[0]) / data.scaling[1]
    assert found["arrays"]["reconstructions"].shape == (20, 1)
    assert found["arrays"]["reconstructions"].dtype == np.float32
    assert np.allclose(found["samples"]["originals"][:, 0], truth[:, 0], atol=1e-4)
    assert np.corrcoef(found["arrays"]["reconstructions"][:, 0], truth[:20, 0])[0, 1] > 0.3
    spread = found["arrays"]["samples_model"] - found["arrays"]["samples_mean"]
    assert spread.std() == pytest.approx(0.1 / 0.2, rel=0.2)


def test_equal_inputs_give_equal_bytes_and_a_done_run_is_left_alone(tmp_path: Path):
    files = ("codes.npz", "arrays.npz", "samples.npz", "encode.json", "pictures/samples.png")
    tiny, data = cell(training={"epochs": 1}), images()
    one, _ = _run(tmp_path / "one", tiny, data)
    two, _ = _run(tmp_path / "two", tiny, data)
    assert [sha256(one / name) for name in files] == [sha256(two / name) for name in files]
    record = read_record(one / "encode.json", "")
    assert record["files"] == {name: sha256(one / name) for name in record["files"]}
    assert "seconds_encode" in read_json(one / "costs.json")
    before = [(one / name).stat().st_mtime_ns for name in files]
    assert encode(one, tiny, 0, data, device="cpu") == record
    assert [(one / name).stat().st_mtime_ns for name in files] == before
    (one / "arrays.npz").unlink()  # as `phvae clean` leaves it
    encode(one, tiny, 0, data, device="cpu")
    assert sha256(one / "arrays.npz") == sha256(two / "arrays.npz")
    more = cell(training={"epochs": 1}, evaluation={"n_samples": 40})
    assert encode(one, more, 0, data, device="cpu")["inputs"] != record["inputs"]
    assert np.load(one / "arrays.npz")["samples_mean"].shape[1] == 40


def test_what_is_kept_is_small_and_starts_with_the_same_examples(tmp_path: Path):
    data = images(64, (3, 64, 64), 8, 70)
    tiny = cell({"network": dense(4), "latent_size": 4}, {"epochs": 1}, {"n_samples": 80, "n_reconstructions": 70})
    folder, found = _run(tmp_path, tiny, data)
    kept = found["samples"]
    count = len(kept["originals"])
    assert 8 <= count <= 64
    assert (folder / "samples.npz").stat().st_size < 2_000_000
    assert np.array_equal(kept["originals"], data.test[:count])
    assert np.array_equal(kept["reconstructions"], found["arrays"]["reconstructions"][:count])
    assert np.array_equal(kept["samples_model"], found["arrays"]["samples_model"][0, :count])


def test_pictures_show_what_they_say(pictures: Any):
    folder, found, _ = pictures
    page = np.asarray(Image.open(folder / "pictures" / "reconstructions.png"))
    tile = page[2:50, 2:50, 0]
    assert np.array_equal(tile[::8, ::8], found["samples"]["originals"][0, 0])
    below = page[2:50, 52:100, 0]
    assert np.array_equal(below[::8, ::8], found["samples"]["reconstructions"][0, 0])
    assert np.asarray(Image.open(folder / "pictures" / "traversals.png")).shape == (2 * 50 + 2, 7 * 50 + 2, 3)


def test_densities_have_figures_not_pictures(line: Any, tmp_path: Path):
    plane, found = _run(tmp_path, cell({"order": 1, "latent_size": 2, "network": dense(8)}), density(dimensions=2))
    assert found["samples"]["samples_mean"].shape[1:] == (2,)
    for folder in (line[0], plane):
        assert not (folder / "pictures").exists()
        assert set(read_json(folder / "encode.json")["files"]) == {"codes.npz", "arrays.npz", "samples.npz"}


def test_json_is_plain(pictures: Any):
    model = json.loads((pictures[0] / "encode.json").read_text())["reads"]["model.safetensors"]
    assert model == sha256(pictures[0] / "model.safetensors")


def test_a_model_that_changed_since_it_was_trained_is_not_encoded(tmp_path: Path):
    tiny, data = cell(training={"epochs": 1}), images()
    [run] = runs(tmp_path, [0], threads=1)
    train(tiny, [run], data, device="cpu", threads=1)
    content = bytearray((run.folder / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (run.folder / "model.safetensors").write_bytes(content)
    with pytest.raises(
        DataError, match=r"model\.safetensors: its content changed .* remove .*run\.json and train it again"
    ):
        encode(run.folder, tiny, 0, data, device="cpu")
