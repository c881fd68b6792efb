"""The configuration's JSON schema and reference page: ``python -m phvae.experiment.schema_docs [FOLDER]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from phvae.config.strict import Named
from phvae.experiment.schema import Config, DatasetConfig, ExternalConfig, VariantConfig
from phvae.experiment.tuning import TuningConfig
from phvae.files import write_text
from phvae.metrics.options import EvaluationConfig
from phvae.model.allowance import Capacity
from phvae.model.options import ModelConfig
from phvae.model.part import Divergence
from phvae.model.parts import REGISTRIES
from phvae.training.options import Schedule, TrainingConfig

__all__ = ["reference", "schema"]

SECTIONS: dict[str, type[BaseModel]] = {
    "model": ModelConfig,
    "training": TrainingConfig,
    "evaluation": EvaluationConfig,
}
NAMED: list[type[BaseModel]] = [part for registry in REGISTRIES.values() for part in registry.values()]
SHARED = set(Divergence.model_fields)  # told once

HEAD = """\
# The configuration, key by key

Generated from the types in `phvae/` (`make docs`); a test holds the two together. `schema.json` beside this
page is the same for editors: put `# yaml-language-server: $schema=schema.json` on the first line of a configuration.

| file | what it is | cost |
| --- | --- | --- |
| `quick.yaml` | the default: no download, two cores, minutes | 450 runs |
| `smoke.yaml` | the smallest grid through every stage; the tests run it | 18 runs |
| `divergences.yaml` | objectives at five weights each, tuned the same way; two cores, about an hour | 1260 runs |
| `reference.yaml` | the reference results, `results/reference/`; two cores, hours | 5404 runs |
| `held-out.yaml` | β-VAEs that the β-VAE's curve is tested on; docs/method.md, section 6 | 540 runs |
| `paper.yaml` | the full grid, for a GPU cluster; see `docs/cluster.md` | `phvae plan config/paper.yaml` |

A grid is data sets × training sizes × variants × seeds. A cell's settings are layered: the top level's `model`,
`training` and `evaluation`, over them the data set's, over them the variant's. A key given in a higher layer replaces
the whole key below (`divergence: kl` replaces a `divergence` with options). A part may be written as its bare name
(`coupling: identity`) or with options (`coupling: {name: chain, rho: 0.5}`).

Check a file with `phvae config FILE`; unknown keys are errors. The options of `data` are those of its kind:
`phvae data show NAME` lists them, docs/data.md explains them (splits, `correlated` factors, your own files).

## What a change redoes

A changed key redoes these stages of the cells that it concerns, and all that follows them; a job whose results stand
under the new settings as well leaves them as they are. `snakemake -n` shows the jobs beforehand.

| changed | redone |
| --- | --- |
| `name`, `results` | everything, in another folder |
| `data` | prepare |
| `model`, `device`, `n_train`, `subset` | train |
| `epochs`, `steps`, `batch_size`, `learning_rate`, `schedule`, `select`, `precision`, `compile` | train |
| `seeds`, `seeds_per_job` | train; seeds that are trained stay |
| `external` | train; a changed file of its folder redoes its own scores |
| `threads` | train, reference |
| `n_codes`, `n_samples`, `n_reconstructions`, `redraws` | encode, reference |
| `importance_samples`, `n_likelihood` | encode |
| `metrics`, `extractors`, `dci`, `votes` | reference |
| `cells_per_job` | encode; what is encoded and scored stays |
| `label`, `curve`, `baseline` | collect |
| `claims` | tables, figures |
| `tuning` | tables, figures |
| `description`, `data_path`, `download`, `inception_weights` | report |
| `checkpoint_minutes`, `memory_share`, `cuda_graph` | report |

A variant that is added or renamed costs its own cells; a renamed one keeps its trained runs.
"""


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file."""
    found = Config.model_json_schema()
    definitions = found.setdefault("$defs", {})
    for key, cls in SECTIONS.items():
        section = cls.model_json_schema()
        definitions |= section.pop("$defs", {})
        definitions[cls.__name__] = section
        for holder in (found, definitions["DatasetConfig"], definitions["VariantConfig"]):
            if key in holder["properties"]:
                text = holder["properties"][key]["description"]
                holder["properties"][key] = {"$ref": f"#/$defs/{cls.__name__}", "description": text, "default": {}}
    for cls in NAMED:
        if cls.__name__ in definitions:
            name = cls.model_fields["name"].default
            definitions[cls.__name__] = {"anyOf": [{"const": name}, definitions[cls.__name__] | {"required": ["name"]}]}
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "phvae configuration"
    return found


def _words(annotation: Any) -> str:
    """An annotation in a reader's words."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [metadata for item in arguments[1:] for metadata in getattr(item, "metadata", [item])]
        return _words(arguments[0]) + _bounds(inner)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(_words(argument) for argument in arguments)
    if origin is list:
        return f"list of {_words(arguments[0])}"
    if origin is dict:
        return "mapping" if arguments[1] is Any else f"mapping from names to `{arguments[1].__name__}`"
    if annotation in NAMED:
        return f"`{annotation.model_fields['name'].default}`"
    return {type(None): "null", float: "number", str: "text", ExternalConfig: "text or mapping"}.get(
        annotation
    ) or annotation.__name__


def _bounds(metadata: list[Any]) -> str:
    found = [
        f"{sign} {value:g}"
        for item in metadata
        for attribute, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
        if isinstance(value := getattr(item, attribute, None), int | float)
    ]
    return " " + ", ".join(found) if found else ""


def _type(field: FieldInfo) -> str:
    """A field's type and domain."""
    return _words(field.annotation) + _bounds(field.metadata)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, Named):
        return f"`{type(value).model_fields['name'].default}`"
    if isinstance(value, BaseModel):
        return f"`{json.dumps(value.model_dump())}`"
    return f"`{json.dumps(value)}`" if not callable(value) else ""


def _table(cls: type[BaseModel]) -> str:
    lines = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    for name, field in cls.model_fields.items():
        if (name == "name" and issubclass(cls, Named)) or (name in SHARED and cls in NAMED):
            continue
        lines.append(f"| `{name}` | {_type(field)} | {_default(field)} | {field.description or ''} |")
    return "\n".join(lines)


def reference() -> str:
    """The reference page config/README.md."""
    chapters = [HEAD]

    def chapter(title: str, cls: type[BaseModel]) -> None:
        chapters.append(f"## {title}\n\n{cls.__doc__ or ''}\n\n{_table(cls)}\n")

    chapter("Top level", Config)
    chapter("`tuning`", TuningConfig)
    chapter("`datasets.NAME`", DatasetConfig)
    chapter("`variants.NAME`", VariantConfig)
    chapter("`variants.NAME.external`", ExternalConfig)
    chapter("`model`", ModelConfig)
    chapter("`training`", TrainingConfig)
    chapter("`training.schedule`", Schedule)
    chapter("`evaluation`", EvaluationConfig)
    chapters.append("## Parts and their options\n")
    chapters.append(f"### Any divergence\n\n{_table(Divergence)}\n")
    chapters.append(f"### `divergence.capacity`\n\n{Capacity.__doc__}\n\n{_table(Capacity)}\n")
    for cls in NAMED:
        options = set(cls.model_fields) - SHARED
        title = f"### `{cls.model_fields['name'].default}`\n\n{cls.__doc__ or ''}\n"
        chapters.append(title + (f"\n{_table(cls)}\n" if options else ""))
    return "\n".join(chapters)


def main(folder: str | Path = "config") -> None:
    """Write both files."""
    write_text(Path(folder) / "schema.json", json.dumps(schema(), indent=1, ensure_ascii=False) + "\n")
    write_text(Path(folder) / "README.md", reference())


if __name__ == "__main__":
    main(*sys.argv[1:])
