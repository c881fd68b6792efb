"""One page with everything: claims, tables, figures, where the numbers come from; opens from disk, offline."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from phvae.analysis.report_graph import STAGES, draw_graph
from phvae.analysis.report_tables import Page, read_csv, read_markdown
from phvae.analysis.results import read_runs
from phvae.errors import DataError
from phvae.files import read_object, write_text

__all__ = ["write"]

TEMPLATES = Path(__file__).parent / "templates"
MOST_ROWS = 300  # of one table on the page; the whole table lies in its CSV file
MOST_BYTES = 20_000_000  # of all pictures together; base64 adds a third
FIRST = ("claims",)
_VERDICTS = {
    "supported": "good", "better": "good", "contradicted": "bad", "worse": "bad", "not resolved": "open",
    "not testable": "mute", "not tested": "mute", "diverged": "bad", "both at the noise floor": "mute",
}  # fmt: skip
_TYPES = {".png": "image/png", ".gif": "image/gif"}


def write(root: Path) -> Path:
    """Write root/report.html from the tables, figures, configuration and run records that lie in `root`.

    Args:
        root: folder of a grid's results.

    Returns:
        The page's path.

    Raises:
        DataError: `root` holds neither tables nor figures, or one of its files is damaged.
    """
    root = Path(root)
    tables, figures = _tables(root / "tables"), _figures(root / "figures")
    if not tables and not figures["shown"]:
        raise DataError(f"{root}: found neither tables nor figures; run `phvae tables` and `phvae figures` first")
    resolved: dict[str, Any] = {}
    if (root / "config.json").is_file():
        resolved = read_object(root / "config.json", "remove it and run the workflow again", config=dict)
    config, source = resolved.get("config", {}), resolved.get("source", "CONFIG")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["verdict"] = lambda text: _VERDICTS.get(text.partition(" (")[0].strip().lower(), "")
    page = environment.get_template("report.html").render(
        name=config.get("name", root.name),
        description=config.get("description", ""),
        runs=_runs(root),
        claims=[page for page in tables if page.name in FIRST],
        tables=[page for page in tables if page.name not in FIRST],
        figures=figures["shown"],
        absent=figures["absent"],
        names={entry["name"] for entry in figures["shown"]},
        shown_in=_claim_figures(root / "tables" / "claims.csv", figures["shown"]),
        graph=Markup(draw_graph(STAGES)),
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100) if config else "",
        source=source,
        root=root.as_posix(),
        most_rows=MOST_ROWS,
    )
    path = root / "report.html"
    write_text(path, page)
    return path


def _tables(folder: Path) -> list[Page]:
    """Every table of the tables stage's index, in its order; without an index, every file there is."""
    if not folder.is_dir():
        return []
    if (folder / "index.json").is_file():
        names = [entry["name"] for entry in _index(folder, name=str)["tables"]]
    else:
        names = sorted({path.stem for path in folder.iterdir() if path.suffix in (".md", ".csv")})
    pages = []
    for name in names:
        file = folder / f"{name}.md"
        pages.append(read_markdown(file) if file.is_file() else read_csv(folder / f"{name}.csv"))
    return pages


def _index(folder: Path, **kinds: type) -> dict[str, Any]:
    """The index that the stage tables or figures left in its folder; its entries have values of these kinds.

    Raises:
        DataError: it is damaged.
    """
    path, stage = folder / "index.json", folder.name
    remedy = f"run `phvae {stage}` again"
    content = read_object(path, remedy, **{stage: list})
    for entry in content[stage]:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), kind) for key, kind in kinds.items()):
            raise DataError(f"{path}: {stage}: found {entry!r:.60}, expected objects with {', '.join(kinds)}; {remedy}")
    return content


def _claim_figures(path: Path, shown: list[dict[str, Any]]) -> dict[str, list[str]]:
    """claim -> names of the figures that show it on some data set; of a figure of several pages those with that set."""
    found: dict[str, list[str]] = {}
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            if "claim" not in (rows.fieldnames or ()):
                raise DataError(f"{path}: lacks the column claim; run `phvae tables` again")
            for row in rows:
                names = found.setdefault(row["claim"], [])
                for entry in shown:
                    named = row.get("figure") in (entry["name"], entry["figure"])
                    if named and row.get("dataset") in entry["subject"].split(", ") and entry["name"] not in names:
                        names.append(entry["name"])
    return found


def _figures(folder: Path) -> dict[str, Any]:
    """The figures with their captions and their pictures as data addresses."""
    if not (folder / "index.json").is_file():
        return {"shown": [], "absent": []}
    content = _index(folder, name=str, figure=str, subject=str, caption=str, files=list)
    files = {
        name: (folder / name).read_bytes()
        for entry in content["figures"]
        for name in entry["files"]
        if Path(name).suffix in _TYPES and (folder / name).is_file()
    }
    total = sum(len(data) for data in files.values())
    if total > MOST_BYTES:
        files = {name: _smaller(name, data, MOST_BYTES / total) for name, data in files.items()}
    shown = []
    for entry in content["figures"]:
        pictures = [
            {"name": name, "address": _address(name, files[name]), "moving": name.endswith(".gif")}
            for name in entry["files"]
            if files.get(name)
        ]
        if pictures:
            shown.append(entry | {"pictures": pictures, "others": [n for n in entry["files"] if n.endswith(".pdf")]})
    return {"shown": shown, "absent": content.get("absent", [])}


def _address(name: str, data: bytes) -> str:
    return f"data:{_TYPES[Path(name).suffix]};base64,{base64.b64encode(data).decode()}"


def _smaller(name: str, data: bytes, share: float) -> bytes:
    """A picture in about `share` of its bytes; moving pictures are left out (they lie beside the page)."""
    from PIL import Image

    if name.endswith(".gif"):
        return b""
    with Image.open(io.BytesIO(data)) as image:
        scale = min(1.0, 0.9 * share**0.5)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS).quantize(128)
    out = io.BytesIO()
    small.save(out, "png", optimize=True)
    return min(out.getvalue(), data, key=len)


def _runs(root: Path) -> dict[str, Any]:
    """Counts and origins of the runs."""
    runs = read_runs(root)
    versions: dict[str, list[str]] = {}
    for text in dict.fromkeys(runs["versions"]):
        for package, version in json.loads(text or "{}").items():
            found = versions.setdefault(package, [])
            if version not in found:
                found.append(version)
    origins = {
        "commit": [f"{commit}{' (with edits)' if dirty else ''}" for commit, dirty in _pairs(runs, "commit", "dirty")],
        "device": [f"{device}, {threads} threads" for device, threads in _pairs(runs, "device", "threads")],
        "platform": [text for (text,) in _pairs(runs, "platform")],
        "claims, sha256 when trained": [text for (text,) in _pairs(runs, "claims_sha256")],
        "data, sha256": [f"{dataset}: {text}" for dataset, text in _pairs(runs, "dataset", "data_sha256")],
    }
    return {
        "count": len(runs),
        "statuses": dict(runs["status"].value_counts()),
        "datasets": list(dict.fromkeys(runs["dataset"])),
        "variants": list(dict.fromkeys(runs["variant"])),
        "lost": runs[runs["status"] != "ok"].head(50).to_dict("records"),
        "versions": versions,
        "origins": {key: values for key, values in origins.items() if any(values)},
    }


def _pairs(runs: Any, *columns: str) -> list[tuple[Any, ...]]:
    frame = runs[list(columns)].drop_duplicates()
    return [tuple(row) for row in frame.itertuples(index=False) if str(row[-1]) not in ("", "<NA>")]
