"""Results beside a database of MLflow: to be changed, and synced to be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from synthetic import write_results
from tracked import FEW, reads_data

from phvae.tracking import sync as tracking


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database: its migrations take seconds, so they run once."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    tracking._import()
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(scope="module")
def written(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two seeds of two variants, one diverged, beside an empty database."""
    root = write_results(
        tmp_path_factory.mktemp("written") / "quick", datasets=("digits",), variants=FEW, seeds=2,
        diverged=("digits", "vae", 1),
    )  # fmt: skip
    (root / "tables").mkdir()
    (root / "tables" / "claims.csv").write_text(
        "claim,verdict,dataset,n_train,challenger,control,reason\na,supported,claw,all,x,y,\n"
        "b,not resolved,claw,all,x,y,\nc,supported,claw,all,x,,\n"
    )
    (root / "report.html").write_text("<p>report</p>")
    (root.parent / "mlflow").mkdir()
    shutil.copy(empty, root.parent / "mlflow" / "mlflow.db")
    return root


@pytest.fixture
def results(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, free to be changed."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Path(shutil.copytree(written.parent, tmp_path / "some results")) / "quick"


@pytest.fixture(scope="module")
def synced(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that was synced, to be read."""
    root = Path(shutil.copytree(written.parent, tmp_path_factory.mktemp("synced") / "some results")) / "quick"
    reads_data(root)
    assert tracking.sync(root).uri == tracking.default_uri(root)
    return root
