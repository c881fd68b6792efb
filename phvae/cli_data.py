"""What `phvae data` does: list the sets, show, fetch or export one; the tables of docs/data.md."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phvae.data.card import read_card
from phvae.data.export import export
from phvae.data.files.obtain import fetch_published
from phvae.data.files.places import cache_folder, find, find_unpacked, locate, search_path
from phvae.data.files.published import Published, check
from phvae.data.prepared import load
from phvae.data.recipe import Kind, Sources
from phvae.data.registry import KINDS, kind_class
from phvae.data.store import prepare
from phvae.errors import ConfigError, DataError, nearest
from phvae.words import listed

if TYPE_CHECKING:
    from phvae.data.prepared import Prepared
    from phvae.experiment.grid import Cell, Grid

__all__ = [
    "cards_table",
    "check_places",
    "export_set",
    "fetch",
    "fetch_all",
    "files_table",
    "list_sets",
    "prepared_set",
    "show",
]

CACHE = Path("results/data")  # of sets that no configuration names


def list_sets() -> str:
    """One line a kind: name, shape, counts, whether its data are there, how they are checked, licence, title."""
    rows = [("NAME", "SHAPE", "TRAIN / VALIDATION / TEST", "DATA", "HASH", "LICENCE", "TITLE")]
    for kind, cls in KINDS.items():
        about = cls.about
        checked = ", ".join(dict.fromkeys(_hash(file).split()[0].rstrip(":") for file in cls.files)) or "-"
        rows.append((kind, _shape(cls), _counts(cls), _state(cls), checked, about.licence, about.title))
    widths = [max(len(row[i]) for row in rows) for i in range(6)]
    return "\n".join("  ".join([*(row[i].ljust(widths[i]) for i in range(6)), row[6]]).rstrip() for row in rows)


def show(name: str, cache: str | Path = CACHE) -> str:
    """The data card of a kind: what it is, its options, its files with their hashes, what is prepared in `cache`.

    Raises:
        ConfigError: on an unknown kind.
    """
    cls = kind_class(name)
    about = cls.about
    lines = [
        f"{name}: {about.title}",
        f"  source    {about.source}",
        f"  licence   {about.licence}",
        f"  citation  {about.citation}",
        f"  shape     {_shape(cls)}",
        f"  counts    {_counts(cls)} (train / validation / test)",
    ]
    lines += [f"  note      {about.note}"] if about.note else []
    lines += ["options" if cls.model_fields else "no options"]
    for key, info in cls.model_fields.items():
        default = "required" if info.is_required() else f"default {info.default!r}"
        lines.append(f"  {key}: {default}" + (f"; {info.description}" if info.description else ""))
    roots = search_path()
    for file in cls.files:
        copies = find(file, roots) or [p for p in [find_unpacked(file, roots)] if p]
        lines += [f"file {file.name}", f"  {_hash(file)}"]
        lines += [f"  {url}" for url in file.urls]
        lines.append(f"  found at {copies[0]}" if copies else f"  not found; a copy belongs into {_home(file)}")
    for card in _prepared(name, Path(cache)):
        counts = " / ".join(str(card["counts"][s]) for s in ("train", "validation", "test"))
        lines += [f"prepared {name}-{card['key'][:16]}", f"  counts    {counts}", f"  sha256    {card['sha256']}"]
        lines += [f"  from      {i['name']} {i['sha256']} ({_verified(i['verified'])})" for i in card["inputs"]]
    return "\n".join(lines)


def fetch(
    name: str, folder: str | Path | None = None, *, search: tuple[Path, ...] = (), progress: bool = True
) -> list[Path]:
    """Fetch the published files of a kind that are not there yet; return where each lies.

    Args:
        name: the kind.
        folder: where fetched files go, in a sub-folder of the kind's own, whatever lies elsewhere; by default what is
            absent along the search path goes to the platform's cache folder.
        search: folders of the search path before all others.
        progress: whether to show progress bars.

    Raises:
        ConfigError: on an unknown kind.
        DataError: if a file cannot be fetched, or what came is not the published file.
    """
    target = cache_folder() if folder is None else Path(folder)
    sources = Sources(cache=target, download=True, progress=progress, kind=name)
    roots = search_path(search) if folder is None else [target]
    return [_present(file, roots) or fetch_published(file, target, sources)[0] for file in kind_class(name).files]


def fetch_all(name: str | None, config: str | Path | None, folder: str | Path | None = None) -> None:
    """Fetch one kind, or every data set of a configuration; print where each file lies.

    With both, the files of `name` (a kind, or a data set of the configuration) are looked for where the configuration
    looks.

    Raises:
        ConfigError: on an unknown kind or a configuration that cannot be read.
        DataError: if a file cannot be fetched.
    """
    kinds, search = ([name], ()) if name and config is None else _wanted(config, name)
    for kind in kinds:
        files = fetch(kind, folder, search=search)
        print(*(f"{kind}: {path}" for path in files), *([] if files else [f"{kind}: nothing to fetch"]), sep="\n")


def prepared_set(name: str, config: str | Path | None = None) -> tuple[Prepared, list[Cell]]:
    """A kind with its defaults, or a data set of a configuration with its cells; prepared if it is not yet.

    Raises:
        ConfigError: on an unknown kind or data set, or a configuration that cannot be read.
        DataError: the set cannot be prepared.
    """
    if config is None:
        kind_class(name)
        return load(prepare(name, None, cache=CACHE, progress=True)), []
    from phvae.experiment.grid import load_grid

    grid = load_grid(config)
    cells, known = grid.dataset_cells(name), list(grid.config.datasets)
    if not cells:
        hint = nearest(name, known)
        raise ConfigError(f"{grid.source}: found no data set {name!r}, expected one of {listed(known)}{hint}")
    cache, search = Path(grid.config.results) / "data", [Path(place) for place in grid.config.data_path]
    folder = prepare(name, cells[0].data, cache=cache, search=search, download=grid.config.download, progress=True)
    return load(folder), cells


def export_set(name: str, config: str | Path | None, folder: str | Path) -> str:
    """Write the exact splits of a kind with its defaults, or of a data set of a configuration; a line a file.

    With a configuration the file also says which rows of `train` its smaller training sets have:
    `rows_n-{n_train}`, or `rows_n-{n_train}_seed-{seed}` where they vary with the seed.

    Raises:
        ConfigError: on an unknown kind or data set, or a configuration that cannot be read.
        DataError: the set cannot be prepared.
    """
    data, cells = prepared_set(name, config)
    rows = {}
    for cell in cells:
        for seed in (cell.seeds if cell.subset == "by_seed" else [None]) if cell.n_train != "all" else []:
            rows[f"rows_n-{cell.n_train}" + ("" if seed is None else f"_seed-{seed}")] = data.subset(cell.n_train, seed)
    return "\n".join(map(str, export(data, name, Path(folder), rows)))


def check_places(grid: Grid) -> None:
    """Refuse a configuration whose own data are neither prepared nor found on this machine, or an external model's.

    Raises:
        ConfigError: names the key, and where its file or folder was looked for.
    """
    for cell, seed in grid.runs():
        file = cell.external.file(cell.dataset, cell.n_train, seed) if cell.external else None
        recorded = grid.paths.run(cell.dataset, cell.n_train, cell.variant, seed) / "run.json"
        if file and not (file.is_file() or recorded.is_file()):
            raise ConfigError(f"{grid.source}: variants.{cell.variant}.external: {file}: absent (docs/external.md)")
    sources = Sources(search=tuple(Path(folder) for folder in grid.config.data_path))
    for name in grid.config.datasets:
        data = grid.dataset_cells(name)[0].data
        places = kind_class(data["kind"]).places if not grid.paths.data(name).is_file() else ()
        for key in filter(data.get, places):
            try:
                locate(data[key], sources)
            except DataError as error:
                raise ConfigError(f"{grid.source}: datasets.{name}.data.{key}: {error}") from None


def cards_table() -> str:
    """The kinds as a Markdown table."""
    lines = ["| name | what | shape | train / validation / test | licence | source; citation |", "|" + " --- |" * 6]
    for kind, cls in KINDS.items():
        about = cls.about
        note = f" ({about.note})" if about.note else ""
        lines.append(
            f"| `{kind}` | {about.title}{note} | {_shape(cls)} | {_counts(cls)} | {about.licence} | "
            f"{about.source}; {about.citation} |"
        )
    return "\n".join(lines)


def files_table() -> str:
    """The published files and their hashes as a Markdown table."""
    lines = ["| name | file | folders looked in | hash | known from |", "|" + " --- |" * 5]
    for kind, cls in KINDS.items():
        for file in cls.files:
            folders = ", ".join("the place itself" if f == "." else f"`{f}/`" for f in file.folders)
            if file.unpacked:
                folders += "; unpacked: " + ", ".join(f"`{f}/`" for f in file.unpacked)
            lines.append(f"| `{kind}` | {file.name} | {folders} | {_hash(file)} | {file.hashes_from or 'none known'} |")
    return "\n".join(lines)


def _wanted(config: str | Path | None, name: str | None = None) -> tuple[list[str], tuple[Path, ...]]:
    """The kinds of a configuration's data sets, each once, or that of `name`; and its own search path."""
    from phvae.experiment.grid import load_grid

    if config is None:
        raise ConfigError("fetch needs the name of a data set or a configuration")
    wanted = load_grid(config).config
    kinds = {key: str((dataset.data or {}).get("kind", key)) for key, dataset in wanted.datasets.items()}
    chosen = [kinds.get(name, name)] if name else list(dict.fromkeys(kinds.values()))
    return chosen, tuple(Path(folder) for folder in wanted.data_path)


def _present(file: Published, roots: list[Path]) -> Path | None:
    for path in find(file, roots):
        try:
            check(file, path)
            return path
        except DataError:
            continue
    return find_unpacked(file, roots)


def _shape(cls: type[Kind]) -> str:
    if cls.about.shape is None:
        return "as in the source"
    return "x".join(map(str, cls.about.shape)) + (" (or any resolution)" if "resolution" in cls.model_fields else "")


def _counts(cls: type[Kind]) -> str:
    if cls.about.counts is None:
        return "as in the source, or options"
    return " / ".join(f"{n:,}" for n in cls.about.counts) + (" (options)" if "n_train" in cls.model_fields else "")


def _state(cls: type[Kind]) -> str:
    if cls.places:
        return "yours"
    if not cls.files:
        return "built in"
    roots = search_path()
    there = all(find(file, roots) or find_unpacked(file, roots) for file in cls.files)
    return "found" if there else "absent"


def _home(file: Published) -> Path:
    return cache_folder() / file.folders[0]


def _hash(file: Published) -> str:
    if file.sha256:
        return f"sha256 {file.sha256} (unpacked)"
    return f"md5 {file.md5} (as published)" if file.md5 else "unverified: recorded at first use"


def _verified(verified: bool | None) -> str:
    return {True: "verified", False: "unverified", None: "your own"}[verified]


def _prepared(kind: str, cache: Path) -> list[dict[str, Any]]:
    cards = []
    for path in sorted(cache.glob(f"{kind}-*/card.json")):
        with contextlib.suppress(DataError):
            known, card = read_card(path.parent)
            cards += [card] if known.kind == kind else []
    return cards
