"""What a model trained elsewhere made of the test split: checked, and laid out as our own models' arrays are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phvae.data.columns import to_user
from phvae.data.files.arrays import Rows, array_names, open_rows, read_text
from phvae.encoding.order import in_order
from phvae.errors import DataError, nearest
from phvae.words import listed

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.metrics.options import EvaluationConfig

__all__ = ["OUTPUTS", "in_memory", "layout", "opened", "original"]

# What may be given -> what it is.
OUTPUTS = {
    "mean": "posterior means, N x L, in coordinates in which the prior is N(0, I)",
    "log_variance": "logarithms of their variances, N x L",
    "reconstructions": "of the test examples, N x an example's shape",
    "samples": "of the model without observation noise, K x an example's shape",
    "noisy_samples": "with observation noise, K x an example's shape",
    "log_px": "log p(x) of the test examples in nats, N",
}
HASH = "data"  # the array that says which set was exported

LARGEST = 30.0  # of a log-variance; beyond it, it is none
FAR = 3.0  # widths of the data that half of all numbers may lie beyond it


def opened(path: Path, data: Prepared) -> dict[str, Rows]:
    """The outputs in a file that `numpy.savez` wrote, unread.

    Raises:
        DataError: it is no such file, holds something else, or is of another set than `data`.
    """
    names = array_names(path)
    if HASH not in names:
        raise DataError(f"{path}: found no array {HASH!r}, expected the hash of the exported set: {HASH}=sha256")
    for name in names:
        if name not in (*OUTPUTS, HASH):
            raise DataError(
                f"{path}: found an array {name!r}, expected some of {listed(OUTPUTS)}{nearest(name, OUTPUTS)}"
            )
    found = read_text(path, HASH)
    if found != data.sha256:
        raise DataError(
            f"{path}: {HASH}: found {found!r:.80}, expected {data.sha256!r}, the array sha256 of the exported "
            f"{data.kind}: these outputs are of another set"
        )
    return {name: open_rows(path, name) for name in names if name != HASH}


def in_memory(what: str, given: Mapping[str, np.ndarray]) -> dict[str, Rows]:
    """Outputs that are arrays already."""
    arrays = {name: np.asarray(array) for name, array in given.items()}
    return {
        name: Rows(f"{what}: {name}", array.shape, array.dtype, lambda array=array: iter([array]))  # type: ignore[misc]
        for name, array in arrays.items()
    }


def layout(
    given: Mapping[str, Rows], where: object, data: Prepared, settings: EvaluationConfig
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Codes and arrays as the encoder of our own models has them, of what is given; the rest is absent.

    Images become bytes 0..255, densities and tables numbers in original units. Codes are of one level, whose prior is
    N(0, I): whitened codes are the means, the coupling is 1. The samples are cut into as many
    sets of `n_samples` as there are, `redraws` at most.

    Args:
        given: some of `OUTPUTS`.
        where: the file, for messages.
        data: the prepared set.
        settings: how many of each are scored.

    Raises:
        DataError: a type, shape, count, range or order that cannot be; says what was found and expected.
    """
    if not given:
        raise DataError(f"{where}: found nothing to score, expected some of {listed(OUTPUTS)}")
    codes = _codes(given, where, data, settings)
    arrays: dict[str, np.ndarray] = {}
    if "reconstructions" in given:
        arrays["reconstructions"] = _examples(given["reconstructions"], data, settings.n_reconstructions)
        _check_order("reconstructions", where, data, arrays["reconstructions"])
    for name, ours in (("samples", "samples_mean"), ("noisy_samples", "samples_model")):
        if name in given:
            arrays[ours] = _samples(given[name], data, settings)
    if "log_variance" in codes:
        mean, log_variance = (codes[name].astype(np.float64) for name in ("mean", "log_variance"))
        levels = 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(-1)
        arrays |= {"kl_levels": levels, "kl": levels.sum(1)}
    if "log_px" in given:
        arrays["log_px"] = _log_px(given["log_px"], data, settings)
    return codes, arrays


def original(x: np.ndarray, data: Prepared) -> np.ndarray:
    """Examples as the encoder stores them: images as they are, numbers in original units, in the set's precision."""
    return np.asarray(x) if data.scaling is None else to_user(x, data).astype(data.test.dtype)


def _codes(
    given: Mapping[str, Rows], where: object, data: Prepared, settings: EvaluationConfig
) -> dict[str, np.ndarray]:
    if "mean" not in given:
        if "log_variance" in given:
            raise DataError(f"{where}: found log_variance without mean, expected both or mean alone")
        return {}
    mean = given["mean"]
    if len(mean.shape) != 2:
        raise DataError(f"{mean.what}: found the shape {mean.shape}, expected N x L")
    found = {"mean": _numbers(mean, mean.shape[1:], data, settings.n_codes)}
    if "log_variance" in given:
        log_variance = given["log_variance"]
        found["log_variance"] = _numbers(log_variance, mean.shape[1:], data, settings.n_codes)
        if len(found["log_variance"]) != len(found["mean"]):
            raise DataError(f"{log_variance.what}: found {log_variance.shape}, expected {mean.shape}, as of mean")
        if (most := float(found["log_variance"].max())) > LARGEST:
            raise DataError(f"{log_variance.what}: found values up to {most:.4g}, expected logarithms of variances")
    _check_order("mean", where, data, found["mean"])
    levels = {name: array[:, None, :] for name, array in found.items()}
    return {**levels, "whitened": levels["mean"], "coupling": np.ones((1, 1), np.float32)}


def _numbers(rows: Rows, shape: tuple[int, ...], data: Prepared, wanted: int) -> np.ndarray:
    """The first rows, float32, one a test example."""
    n = _count(rows, shape, data, wanted)
    _check_floats(rows)
    return _first(rows, n, np.dtype(np.float32))


def _count(rows: Rows, shape: tuple[int, ...], data: Prepared, wanted: int) -> int:
    """How many of the rows are read: the first `wanted` test examples, all of which must be there."""
    n, total = min(wanted, len(data.test)), len(data.test)
    if rows.shape[1:] != shape or not n <= rows.shape[0] <= total:
        words = "" if n == total else f", or at least its first {n}"
        raise DataError(
            f"{rows.what}: found the shape {rows.shape}, expected {(total, *shape)}: one row a test example{words}"
        )
    return n


def _check_floats(rows: Rows) -> None:
    if rows.dtype.kind != "f":
        raise DataError(f"{rows.what}: found {rows.dtype}, expected floats")


def _blocks(rows: Rows, n: int) -> Iterator[np.ndarray]:
    """The first n rows, finite, piece by piece."""
    start = 0
    for block in rows.blocks():
        block = block[: n - start]
        if block.dtype.kind == "f":
            with np.errstate(over="ignore"):
                fine = np.isfinite(block.astype(np.float32)).reshape(len(block), -1).all(1)
            if not fine.all():
                row = start + int(np.argmin(fine))
                raise DataError(f"{rows.what}: found a number that is not finite in row {row}, expected finite ones")
        yield block
        start += len(block)
        if start == n:
            return


def _first(rows: Rows, n: int, dtype: np.dtype) -> np.ndarray:
    return np.concatenate([block.astype(dtype) for block in _blocks(rows, n)])


def _examples(rows: Rows, data: Prepared, wanted: int) -> np.ndarray:
    """The first rows, one a test example, as they are stored."""
    return _stored(rows, _count(rows, data.shape, data, wanted), data)


def _samples(rows: Rows, data: Prepared, settings: EvaluationConfig) -> np.ndarray:
    """Sets of samples: (redraws, K, *shape)."""
    size = settings.n_samples
    if rows.shape[1:] != data.shape or rows.shape[0] < size:
        raise DataError(
            f"{rows.what}: found the shape {rows.shape}, expected {(settings.redraws * size, *data.shape)}, or at "
            f"least {size} of the {settings.redraws * size} samples"
        )
    sets = min(settings.redraws, rows.shape[0] // size)
    return _stored(rows, sets * size, data).reshape(sets, size, *data.shape)


def _stored(rows: Rows, n: int, data: Prepared) -> np.ndarray:
    if data.scaling is None:
        return np.concatenate([_bytes(rows, block) for block in _checked_bytes(rows, n, data)])
    _check_floats(rows)
    found = _first(rows, n, np.dtype(np.float64))
    low, high = data.test.min(0), data.test.max(0)
    width = FAR * np.maximum(high - low, 1e-12)
    if np.mean((found < low - width) | (found > high + width)) > 0.5:
        raise DataError(
            f"{rows.what}: found numbers from {found.min():.4g} to {found.max():.4g}, expected them in the units of "
            f"the exported arrays, which lie from {low.min():.4g} to {high.max():.4g}"
        )
    return original(found, data)


def _checked_bytes(rows: Rows, n: int, data: Prepared) -> Iterator[np.ndarray]:
    """Blocks of images in bytes, or in floats from 0 to 1."""
    wanted = "expected uint8 from 0 to 255 or floats from 0 to 1"
    if rows.dtype != np.uint8 and rows.dtype.kind != "f":
        raise DataError(f"{rows.what}: found {rows.dtype}, {wanted}")
    most = 0.0
    for block in _blocks(rows, n):
        low, most = float(block.min()), max(most, float(block.max()))
        if rows.dtype.kind == "f" and (low < 0 or most > 1):
            raise DataError(f"{rows.what}: found {rows.dtype} from {low:.4g} to {most:.4g}, {wanted} (numpy.clip)")
        yield block
    if rows.dtype == np.uint8 and most <= 1 < int(data.test[:1000].max()):
        raise DataError(f"{rows.what}: found uint8 from 0 to {most:.0f}, {wanted}")


def _bytes(rows: Rows, block: np.ndarray) -> np.ndarray:
    return block if rows.dtype == np.uint8 else np.rint(block.astype(np.float64) * 255).astype(np.uint8)


def _log_px(rows: Rows, data: Prepared, settings: EvaluationConfig) -> np.ndarray:
    """log p(x) of the first test examples, in original units."""
    n = _count(rows, (), data, settings.n_likelihood)
    _check_floats(rows)
    found = _first(rows, n, np.dtype(np.float64))
    if data.binary and (most := float(found.max())) > 0:
        raise DataError(
            f"{rows.what}: found {most:.4g}, expected at most 0: images of zeros and ones have a probability"
        )
    return found if data.scaling is None else found + float(np.log(np.abs(data.scaling[1])).sum())


def _check_order(name: str, where: object, data: Prepared, rows: np.ndarray) -> None:
    alike = name == "reconstructions"
    if not in_order(original(data.test[: len(rows)], data), rows, alike=alike):
        raise DataError(
            f"{where}: {name}: found rows that fit their own test examples no better than others, expected row i of "
            "test example i, in the order of the exported array test"
        )
