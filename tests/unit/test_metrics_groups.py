"""UDR against loops and other libraries; KL of code coordinates; scores of all seeds of a cell on files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso

from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import Cell
from phvae.files import read_json, sha256
from phvae.jobs import groups
from phvae.metrics.across_seeds.udr import METRICS, relative_strength, udr
from phvae.metrics.options import EvaluationConfig
from phvae.metrics.registry import Scorer
from phvae.metrics.rows import Row, Undefined, row
from phvae.metrics.stored import stored
from phvae.model.options import ModelConfig
from phvae.records import write_record
from phvae.training.options import TrainingConfig


def normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def models(count: int = 3) -> list[np.ndarray]:
    source = normal((500, 4), 0)
    return [source @ (np.eye(4) + 0.6 * normal((4, 4), 1 + k)) for k in range(count)]


ALL = np.ones(4)


def make_cell(prior: str = "hierarchical", metrics: Any = "auto") -> Cell:
    return Cell(
        "toy", "all", "ph", "PH", {"kind": "toy"}, "fixed",
        ModelConfig(order=2, latent_size=4, prior=prior), TrainingConfig(), EvaluationConfig(metrics=metrics), (0, 1),
    )  # fmt: skip


@pytest.mark.parametrize("method", ["lasso", "spearman"])
def test_udr_against_loops(method: str) -> None:
    tables = models()
    scaled = [(t - t.mean(0)) / t.std(0) for t in tables]
    pairs = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            strength = np.zeros((4, 4))
            for a in range(4):
                if method == "lasso":  # the weights that predict code a of model j from the codes of model i
                    strength[:, a] = np.abs(Lasso(alpha=0.1, tol=1e-10).fit(scaled[i], scaled[j][:, a]).coef_)
                else:
                    strength[:, a] = [abs(spearmanr(tables[i][:, b], tables[j][:, a])[0]) for b in range(4)]
            columns = [strength[:, a].max() ** 2 / strength[:, a].sum() for a in range(4)]
            rows = [strength[b].max() ** 2 / strength[b].sum() for b in range(4)]
            pairs[i, j] = (np.mean(columns) + np.mean(rows)) / 2
    expected = [np.median([pairs[i, j] for i in range(3) if i != j]) for j in range(3)]
    assert np.allclose(udr(tables, [ALL] * 3, method), expected, atol=1e-7)


@pytest.mark.parametrize(("method", "ceiling"), [("lasso", 0.9), ("spearman", 1.0)])
def test_the_same_codes_in_another_order_with_other_signs_are_a_perfect_match(method: str, ceiling: float) -> None:
    codes, _ = np.linalg.qr(normal((400, 4), 0) - normal((400, 4), 0).mean(0))
    others = [codes, -3 * codes[:, [2, 0, 3, 1]], codes[:, [1, 0, 2, 3]] * [1, -1, 5, 1]]
    found = udr(others, [ALL] * 3, method)
    assert found == pytest.approx([ceiling] * 3, abs=0.06 if method == "spearman" else 1e-6)


def test_rotated_codes_match_less_than_permuted_ones() -> None:
    codes = normal((2000, 4), 0)
    rotation = np.linalg.qr(normal((4, 4), 5))[0]
    same, turned = udr([codes, codes[:, ::-1]], [ALL] * 2), udr([codes, codes @ rotation], [ALL] * 2)
    assert turned.max() < same.min() - 0.2


def test_codes_without_divergence_are_dropped() -> None:
    codes = normal((400, 4), 0)
    with_dead = np.hstack([codes, normal((400, 1), 9)])
    full = udr([codes, codes], [ALL, ALL])
    assert np.array_equal(udr([with_dead, codes], [np.append(ALL, 0.01), ALL]), full)
    assert not np.allclose(udr([with_dead, codes], [np.append(ALL, 0.02), ALL]), full)


def test_relative_strength_of_a_code_matched_by_none_counts_zero() -> None:
    assert relative_strength(np.diag([1.0, 0.0])) == 0.5


def test_too_few_models_have_no_score() -> None:
    codes = normal((100, 4), 0)
    with pytest.raises(Undefined, match="found 1, expected at least 2"):
        udr([codes], [ALL])
    with pytest.raises(Undefined, match="1 of 2 models"):
        udr([codes, codes], [ALL, np.zeros(4)])
    with pytest.raises(ValueError, match="not finite"):
        udr([codes, np.full((100, 4), np.nan)], [ALL, ALL])
    with pytest.raises(ValueError, match=r"\[90, 100\]"):
        udr([codes[:90], codes], [ALL, ALL])


def write_codes(folder: Path, whitened: np.ndarray, log_variance: float = -2.0) -> Path:
    folder.mkdir(parents=True)
    shaped = whitened.reshape(len(whitened), 2, 2).astype(np.float32)
    np.savez(
        folder / "codes.npz", whitened=shaped, mean=shaped,
        log_variance=np.full(shaped.shape, log_variance, np.float32), coupling=np.eye(2, dtype=np.float32),
    )  # fmt: skip
    write_record(folder / "encode.json", {"files": {"codes.npz": sha256(folder / "codes.npz")}})
    return folder


def test_codes_that_changed_since_they_were_written_are_refused(tmp_path: Path) -> None:
    folders = [write_codes(tmp_path / str(k), codes) for k, codes in enumerate(models())]
    (folders[1] / "codes.npz").write_bytes((folders[0] / "codes.npz").read_bytes())  # another seed's
    with pytest.raises(DataError, match=r"1/codes\.npz: its content changed since it was written"):
        groups.evaluate(tmp_path / "groups.json", make_cell(), folders)


def test_the_stage_reads_the_seeds_and_gives_two_rows(tmp_path: Path) -> None:
    folders = [write_codes(tmp_path / str(k), codes) for k, codes in enumerate(models())]
    found = groups.evaluate(tmp_path / "groups.json", make_cell(), folders)
    assert [row["metric"] for row in found] == ["udr_lasso", "udr_spearman"]
    assert all(row["status"] == "ok" and row["n"] == 500 and 0 < row["value"] < 1 for row in found)
    assert "3 seeds" in found[0]["settings"]
    assert stored(read_json(tmp_path / "groups.json")) == found
    assert groups.evaluate(tmp_path / "groups.json", make_cell(metrics=["latent"]), folders) == []


def test_the_stage_says_why_there_is_no_value(tmp_path: Path) -> None:
    one = write_codes(tmp_path / "0", models()[0])
    collapsed = write_codes(tmp_path / "1", np.zeros((500, 4)), 0.0)
    broken = write_codes(tmp_path / "2", np.full((500, 4), np.nan))
    for folders, status, reason in (
        ([], "empty", "found 0"),
        ([one], "empty", "found 1"),
        ([one, collapsed], "empty", "1 of 2 models"),
        ([one, broken], "failed", "not finite"),
    ):
        found = groups.evaluate(tmp_path / "groups.json", make_cell(), folders)
        assert {(row["status"], row["value"]) for row in found} == {(status, None)}
        assert all(reason in row["reason"] for row in found)
    two = [one, write_codes(tmp_path / "3", models()[1])]
    whole, part = (
        groups.evaluate(tmp_path / "groups.json", make_cell(), two),
        groups.evaluate(tmp_path / "groups.json", make_cell(), [*two, collapsed]),
    )
    assert [row["value"] for row in part] == [row["value"] for row in whole]
    assert all(row["settings"].startswith("2 of 3 seeds; 1 without an informative code; ") for row in part)
    assert all(row["settings"].startswith("2 seeds; codes") for row in whole)


def test_a_run_that_is_not_encoded_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhvaeError, match=r"codes\.npz: absent; remove .*/encode\.json and encode it"):
        groups.evaluate(tmp_path / "groups.json", make_cell(), [tmp_path])


def test_the_seeds_are_scored_again_where_codes_prior_or_code_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def rows(codes: Any, prior: str) -> list[Row]:
        calls.append(len(codes))
        return [row("udr_lasso", 0.5)]

    monkeypatch.setattr(groups, "SEED_SCORERS", [Scorer("toy", "toy", METRICS, rows)])
    path, folders = tmp_path / "groups.json", [write_codes(tmp_path / str(k), c) for k, c in enumerate(models())]
    for again in (folders, folders, folders[:2], folders[:2]):
        groups.evaluate(path, make_cell(), again)
    assert calls == [3, 2]
    groups.evaluate(path, make_cell("standard"), folders[:2])
    monkeypatch.setattr(groups, "code", lambda modules: "other")
    groups.evaluate(path, make_cell("standard"), folders[:2])
    assert len(calls) == 4
    for harm in (b"{}", b"[]", b"[", b"\xff"):
        path.write_bytes(harm)
        groups.evaluate(path, make_cell("standard"), folders[:2])
    assert len(calls) == 8
