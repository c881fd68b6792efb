"""A trained model as MLflow loads one: `mlflow.pyfunc.load_model(...).predict(images)` gives reconstructions."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.files import read_json

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FILES", "Reconstructs", "write_model"]

FILES = ("model.safetensors", "model.json")


class Reconstructs:
    """What MLflow asks of a model: `predict`."""

    def __init__(self, folder: str) -> None:
        from phvae.api.saving import load

        self.model = load(folder)

    def predict(self, images: np.ndarray, params: Any = None) -> np.ndarray:
        """Means of the reconstructions of images (n, *shape)."""
        import numpy as np

        return np.asarray(self.model.reconstruct(images))


def _load_pyfunc(path: str) -> Reconstructs:
    """MLflow calls it by this name."""
    return Reconstructs(path)


def write_model(run: Path, folder: Path, model_id: str, run_id: str) -> None:
    """Write a run's model into an empty folder, in MLflow's layout, with its signature: a batch in, a batch out."""
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow's own classes
        from mlflow.pyfunc import add_to_model
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema, TensorSpec

    (folder / "data").mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(run / name, folder / "data" / name)
    described = read_json(run / "model.json")
    batch = Schema([TensorSpec(np.dtype(described["dtype"]), (-1, *described["shape"]))])
    model = Model(model_id=model_id, run_id=run_id, signature=ModelSignature(batch, batch))
    add_to_model(model, loader_module=__name__, data="data")
    model.save(str(folder / "MLmodel"))
