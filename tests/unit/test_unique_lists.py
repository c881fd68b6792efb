"""Lists of the configuration: those that hold each entry once are refused while parsing where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from phvae.analysis.claims.schema import Claim
from phvae.config.strict import Strict
from phvae.data.registry import KINDS
from phvae.errors import ConfigError
from phvae.experiment.grid import parse_grid
from phvae.experiment.schema import Config, DatasetConfig, VariantConfig
from phvae.experiment.tuning import TuningConfig
from phvae.metrics.options import EvaluationConfig
from phvae.model.options import ModelConfig
from phvae.model.parts import REGISTRIES
from phvae.training.options import Schedule, TrainingConfig

PARTS = [part for registry in REGISTRIES.values() for part in registry.values()]
SECTIONS: list[type[BaseModel]] = [
    *(Config, DatasetConfig, VariantConfig, ModelConfig, TrainingConfig, Schedule, EvaluationConfig, Claim),
    TuningConfig,
    *PARTS,
    *KINDS.values(),
]
MAY_REPEAT = {
    "ModelConfig.reconstruction_weights": "a weight for each level",
    "Hierarchical.weights": "a weight for each level",
    "LogPolynomial.coefficients": "a coefficient for each power",
    "Dense.hidden": "a width for each layer",
    "Factors.sizes": "a number of values for each factor",
    "Images.size": "height and width",
    "Images.crop": "height and width",
    "Rings.radii": "two rings may lie on each other",
    "TuningConfig.families": "by name, each tried in test_tuning.py",
    "Claim.controls": "told apart by what they are and whom they stand against: by the claim's own check",
}
ENTRIES: tuple[Any, ...] = ("vae", "density", "classifier", "forest", 7, 1.5, ("x", "y", 0.2))


def lists(annotation: Any) -> Iterator[Any]:
    """The annotations of lists and tuples within one."""
    if get_origin(annotation) in (list, tuple):
        yield annotation
    for inner in get_args(annotation):
        yield from lists(inner)


FIELDS = {
    f"{section.__name__}.{name}": field
    for section in SECTIONS
    for name, field in section.model_fields.items()
    if any(lists(field.annotation))
}


def sections(base: type[BaseModel] = Strict) -> Iterator[type[BaseModel]]:
    """Every section of the package."""
    for section in base.__subclasses__():
        if section.__module__.startswith("phvae."):
            yield section
        yield from sections(section)


def test_every_section_with_a_list_is_looked_at():
    listed = {s.__name__ for s in sections() if any(any(lists(f.annotation)) for f in s.model_fields.values())}
    shared = {"Card", "_Grid"}  # a card is written by the program; what dSprites and 3D Shapes share is theirs
    assert listed - shared == {where.partition(".")[0] for where in FIELDS}


def accepts(field: FieldInfo, value: Any) -> bool:
    try:
        TypeAdapter(Annotated[field.annotation, field]).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("where", [where for where in FIELDS if where not in MAY_REPEAT])
def test_a_repeated_entry_is_refused(where: str):
    known = [entry for entry in ENTRIES if accepts(FIELDS[where], [entry])]
    assert known, "no entry that it takes is known: nothing was tried"
    for entry in known:
        assert not accepts(FIELDS[where], [entry, entry]), entry


def test_no_reason_is_given_for_a_list_that_is_gone():
    assert set(MAY_REPEAT) <= set(FIELDS)


CONFIG = {"name": "small", "datasets": {"claw": {}}, "variants": {"vae": {}}}
REPEATED = {
    "evaluation.extractors": {"evaluation": {"extractors": ["classifier", "classifier"]}},
    "evaluation.dci": {"evaluation": {"dci": ["forest", "forest"]}},
    "evaluation.metrics": {"evaluation": {"metrics": ["latent", "latent"]}},
    "data_path": {"data_path": ["a", "a"]},
    "seeds": {"seeds": [3, 3]},
    "datasets.claw.seeds": {"datasets": {"claw": {"seeds": [3, 3]}}},
    "datasets.claw.n_train": {"datasets": {"claw": {"n_train": [20, 20]}}},
    "datasets.claw.variants": {"datasets": {"claw": {"variants": ["vae", "vae"]}}},
}


@pytest.mark.parametrize("key", REPEATED)
def test_a_repetition_is_named_with_its_key(key: str):
    found = r"found \[.*\], expected each entry once: .* is given twice"
    with pytest.raises(ConfigError, match=rf"^small.yaml: {key}: {found}$"):
        parse_grid(CONFIG | REPEATED[key], "small.yaml")
