"""The columns of the tables of a results folder: each is one typed field that says what it holds."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_type_hints

import pandas as pd

__all__ = [
    "CellName",
    "Column",
    "Costs",
    "Design",
    "Line",
    "Origin",
    "Score",
    "check",
    "columns",
    "frame",
    "render",
    "types",
]


class Column(NamedTuple):
    """A column: its type for pandas, in JSON and in words, and what it holds."""

    pandas: str
    json: tuple[type, ...]
    words: str
    meaning: str


_KINDS: dict[Any, tuple[str, tuple[type, ...], str]] = {
    str: ("str", (str,), "a text"),
    int: ("int64", (int,), "a whole number"),
    int | None: ("Int64", (int,), "a whole number"),
    float | None: ("float64", (int, float), "a number"),
    bool | None: ("boolean", (bool,), "true or false"),
}


@dataclass(frozen=True, slots=True)
class CellName:
    """Which cell of the grid."""

    dataset: Annotated[str, "name of the data set in the configuration"]
    n_train: Annotated[str, "training examples, or all"]
    variant: Annotated[str, "name of the variant in the configuration"]


@dataclass(frozen=True, slots=True)
class Design:
    """What a variant is."""

    order: Annotated[int | None, "number of levels"]
    basis: Annotated[str, "basis of the polynomial"]
    encoder_width: Annotated[str, "width of the encoder"]
    coupling: Annotated[str, "coupling of the levels"]
    prior: Annotated[str, "prior of the latent variable"]
    divergence: Annotated[str, "divergence with its options"]
    beta: Annotated[float | None, "weight of the divergence; empty where it has no option beta"]
    backbone: Annotated[str, "hash of the rest of the model: what variants of one beta curve share"]


@dataclass(frozen=True, slots=True)
class Score:
    """One metric: its value and what is known of it."""

    split: Annotated[str, "part of the data that is scored"]
    metric: Annotated[str, "name of the metric (metrics.md); run in the one line of a run without numbers"]
    value: Annotated[float | None, "the value; empty unless status is ok"]
    unit: Annotated[str, "unit of the value; 1 for a pure number"]
    higher_is_better: Annotated[bool | None, "direction; empty where neither is better"]
    n: Annotated[int | None, "examples that the value is of"]
    ceiling: Annotated[float | None, "what a perfect code gives"]
    floor: Annotated[float | None, "what true data, or no information, give"]
    noise_sd: Annotated[float | None, "standard deviation over redraws"]
    settings: Annotated[str, "with which settings it was computed"]
    status: Annotated[str, "ok, empty, failed, diverged or missing"]
    reason: Annotated[str, "why there is no value"]
    caution: Annotated[str, "why a value decides nothing"]


@dataclass(frozen=True, slots=True)
class Line:
    """The long table (metrics.csv, metrics.parquet): one metric of a run, or of a cell's seeds together."""

    schema_version: Annotated[int, "version of these columns"]
    cell: CellName
    design: Design
    off_curve: Annotated[bool | None, "whether the configuration keeps the variant out of the beta curve"]
    seed: Annotated[int | None, "the run's seed; empty for scores of all seeds together"]
    score: Score
    run_key: Annotated[str, "hash of everything that decided the run's numbers"]
    family: Annotated[str, "what a line through several variants is called (method.md, section 6)"] = ""
    role: Annotated[str, "baseline, curve, control, external or challenger (method.md, section 6)"] = ""


@dataclass(frozen=True, slots=True)
class Epochs:
    """What a run's history says of its epochs: validation terms in nats."""

    late_gain: Annotated[float | None, "share of the validation loss's fall that came in the last tenth of the epochs"]
    kept_reconstruction: Annotated[float | None, "validation reconstruction of the epoch that was kept, nats"]
    kept_kl: Annotated[float | None, "its KL(q||p), nats"]
    last_reconstruction: Annotated[float | None, "validation reconstruction of the last epoch, nats"]
    last_kl: Annotated[float | None, "its KL(q||p), nats"]


@dataclass(frozen=True, slots=True)
class Costs:
    """What a run cost (costs.parquet)."""

    cell: CellName
    seed: Annotated[int | None, "the run's seed"]
    seconds_train: Annotated[float | None, "seconds of training"]
    images_per_second: Annotated[float | None, "examples trained on per second"]
    parameters: Annotated[int | None, "parameters of the model"]
    parameters_encoder: Annotated[int | None, "of its encoder"]
    parameters_decoder: Annotated[int | None, "of its decoder"]
    peak_memory_mb: Annotated[float | None, "most memory in use, megabytes"]
    seconds_encode: Annotated[float | None, "seconds of encoding"]
    seconds_evaluate: Annotated[float | None, "seconds of scoring"]
    select: Annotated[str, "what chose the epoch that was kept"]
    best_epoch: Annotated[int | None, "epoch that was kept"]
    epochs: Annotated[int | None, "epochs trained"]
    history: Epochs
    status: Annotated[str, "ok, diverged, failed or missing"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run comes from (runs.parquet)."""

    cell: CellName
    label: Annotated[str, "the variant's label in the configuration"]
    seed: Annotated[int | None, "the run's seed"]
    status: Annotated[str, "ok, diverged, failed or missing"]
    reason: Annotated[str, "why there are no numbers"]
    run_key: Annotated[str, "hash of everything that decided the run's numbers"]
    binary: Annotated[bool | None, "whether the data are zeros and ones"]
    data_sha256: Annotated[str, "hash of the data"]
    claims_sha256: Annotated[str, "hash of the claims when the run was trained"]
    commit: Annotated[str, "commit of the code"]
    dirty: Annotated[bool | None, "whether the code differed from it"]
    device: Annotated[str, "cpu or cuda"]
    threads: Annotated[int | None, "threads of the training"]
    platform: Annotated[str, "operating system and architecture"]
    hardware: Annotated[str, "model of the CPU or GPU"]
    versions: Annotated[str, "versions of Python and packages, as JSON"]


@functools.cache
def _fields(record: type) -> dict[str, Column | type]:
    """The fields of a record: columns, and records within it."""
    hints = get_type_hints(record, include_extras=True)
    return {
        name: hint if isinstance(hint, type) else Column(*_KINDS[hint.__origin__], hint.__metadata__[0])
        for name, hint in hints.items()
    }


def columns(record: type) -> dict[str, Column]:
    """The columns of a record, with those of the records within it, in order."""
    found: dict[str, Column] = {}
    for name, one in _fields(record).items():
        found |= {name: one} if isinstance(one, Column) else columns(one)
    return found


def types(record: type) -> dict[str, str]:
    """The columns of a record, and pandas' types for them.

    >>> list(types(CellName)), types(Line)["seed"]
    (['dataset', 'n_train', 'variant'], 'Int64')
    """
    return {name: column.pandas for name, column in columns(record).items()}


def frame(record: type, records: Sequence[Any]) -> pd.DataFrame:
    """A table of records, each column of its type."""
    kinds, values = types(record), _values(record, records)
    return pd.DataFrame({name: pd.Series(each, dtype=kinds[name]) for name, each in values.items()}, copy=False)


def _values(record: type, records: Sequence[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, one in _fields(record).items():
        values = [getattr(each, name) for each in records]
        found |= {name: values} if isinstance(one, Column) else _values(one, values)
    return found


def check(record: type, values: Mapping[str, Sequence[Any]]) -> None:
    """Refuse values, by column, that a record cannot hold.

    Raises:
        TypeError: names the column and the value.
    """
    for name, each in values.items():
        column = columns(record)[name]
        if set(map(type, each)) <= {*column.json, type(None)}:
            continue
        for value in each:
            whole = int in column.json and isinstance(value, float) and value.is_integer()
            if not (value is None or type(value) in column.json or whole):
                raise TypeError(f"{name}: found {value!r:.60}, expected {column.words}")


def render() -> str:
    """The text of docs/columns.md."""
    lines = ["# Columns", "", "Written from `phvae/analysis/results/columns.py` by `make docs`; a test compares."]
    for record in (Line, Costs, Origin):
        lines += [
            "",
            f"## {(record.__doc__ or '').rstrip('.')}",
            "",
            "| column | type | what it holds |",
            "|---|---|---|",
        ]
        rows = ((name, one.words, one.meaning.replace("|", "\\|")) for name, one in columns(record).items())
        lines += [f"| `{name}` | {words} | {meaning} |" for name, words, meaning in rows]
    return "\n".join(lines) + "\n"
