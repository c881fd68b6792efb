"""Outputs scored without a grid, and a model of ours written for those who have no phvae."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
import yaml
from external_outputs import linear_model, write

import phvae
from phvae import cli
from phvae.api.export import export_model
from phvae.config.reader import read_yaml
from phvae.data import load, prepare
from phvae.errors import ConfigError, DataError
from phvae.jobs.score import as_text, score, score_folder
from phvae.metrics.options import EvaluationConfig

LESS: dict[str, Any] = {"extractors": [], "n_samples": 32, "n_codes": 300}


def test_arrays_are_scored_as_a_folder_is(tmp_path: Path):
    data = load(prepare("digits", None, cache=tmp_path / "data"))
    given = linear_model(data, samples=96)
    table = score(
        data.folder,
        codes=(given["mean"], given["log_variance"]),
        reconstructions=given["reconstructions"],
        samples=given["samples"],
        **LESS,
    )
    known = table[table["status"] == "ok"].set_index("metric")["value"]
    x, y = np.asarray(data.test) / 255, np.rint(255 * given["reconstructions"]) / 255
    assert known["mse"] == pytest.approx(float(((x - y) ** 2).mean()), rel=1e-5)
    assert {"ssim", "kl", "knn_accuracy", "ball_share"} <= set(known.index)
    empty = table[table["metric"] == "nll"].iloc[0]
    assert (empty["status"], empty["reason"]) == ("empty", "external: no log_px given")
    for seed in range(2):
        write(tmp_path / f"outputs/seed-{seed}.npz", data, linear_model(data, seed, samples=96))
    settings = EvaluationConfig(**LESS)
    both = score_folder(tmp_path / "outputs", data, settings)
    assert both[(both["metric"] == "mse") & (both["seed"] == 0)]["value"].item() == known["mse"]
    assert both[both["metric"] == "udr_spearman"]["value"].item() > 0.9
    text = as_text(both)
    assert text.startswith("metric ")
    assert any(line.startswith("drop_level_1_low ") and "needs the model" in line for line in text.splitlines())


def test_what_cannot_be_scored_is_refused(tmp_path: Path):
    data = tiny.images()
    with pytest.raises(DataError, match="score: mean: found the shape"):
        score(data, codes=np.zeros((3, 2)))
    with pytest.raises(DataError, match="found nothing to score"):
        score(data)
    with pytest.raises(ConfigError, match="score: n_code"):
        score(data, codes=linear_model(data)["mean"], n_code=3)
    with pytest.raises(DataError, match=r"expected seed-0.npz and so on"):
        score_folder(tmp_path, data)


def test_the_exact_splits_are_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    content = read_yaml("config/smoke.yaml") | {"results": str(tmp_path / "results")}
    content["datasets"]["digits"] |= {"n_train": [20, "all"], "subset": "by_seed"}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["data", "export", "digits", "--config", "mine.yaml", "--folder", "exported"]) == 0
    files = capsys.readouterr().out.split()
    assert files == [f"exported/{name}" for name in ("digits.npz", "digits.npz.sha256", "read_digits.py")]
    data = load(next((tmp_path / "results/data").glob("digits-*")))
    with np.load("exported/digits.npz") as found:
        for split in ("train", "validation", "test"):
            assert (found[split] == getattr(data, split)).all()
        assert str(found["sha256"]) == data.sha256
        assert (found["test_labels"] == data.labels["test"]).all()
        assert (found["rows_n-20_seed-1"] == data.subset(20, 1)).all()
        assert not any(name.startswith("rows_n-all") for name in found.files)
    text = Path("exported/read_digits.py").read_text()
    assert len(text.strip().splitlines()) == 6  # an empty line among them
    reader = [sys.executable, "-c", f"{text}\nassert test.shape == {data.test.shape}"]
    subprocess.run(reader, cwd="exported", check=True)
    Path("exported/digits.npz").write_bytes(Path("exported/digits.npz").read_bytes() + b"0")
    assert subprocess.run(reader, cwd="exported", check=False, capture_output=True).returncode == 1
    assert cli.main(["data", "export", "digit", "--config", "mine.yaml", "--folder", "exported"]) == 2
    assert "found no data set 'digit', expected one of claw, digits, sprites; did you mean 'digits'?" in (
        capsys.readouterr().err
    )
    with pytest.raises(SystemExit):
        cli.main(["data", "export", "digits"])


@pytest.mark.slow
def test_an_exported_model_needs_torch_alone(tmp_path: Path):
    for name, shape, likelihood, scaling in (
        ("images", (1, 8, 8), "bernoulli", None),
        ("table", (2,), "gaussian", ([0.1, 0.2], [3.0, 0.5])),
    ):
        network = tiny.dense(9)
        model = phvae.PHVAE(shape, order=3, latent_size=6, likelihood=likelihood, network=network, seed=1)
        model.scaling = scaling
        export_model(model, tmp_path / name)
        x, w = torch.rand(5, *shape, dtype=torch.float64 if scaling else torch.float32), torch.randn(5, 3, 2)
        mean, log_variance = model.encode(x)
        expected = [mean, log_variance, model.decode(mean), model.decode(model.unwhiten(w))]
        torch.save([x, w, *(part.detach() for part in expected)], tmp_path / name / "known.pt")
        assert len((tmp_path / name / "load_model.py").read_text().splitlines()) <= 20
    code = """
import sys
sys.modules["phvae"] = None
import runpy, torch
for name in ("images", "table"):
    model = runpy.run_path(f"{name}/load_model.py", run_name="__main__")
    x, w, *expected = torch.load(f"{name}/known.pt")
    mean, log_variance = model["encode"](x)
    found = [mean, log_variance, model["decode"](mean), model["generate"](w)]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert (one - other).abs().max() <= 1e-6
    assert model["encode"](x[:1])[0].shape == (1, 3, 2)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
