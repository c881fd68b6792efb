"""The paper of a grid: its source, and the PDF that LaTeX makes of it elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from phvae.analysis.figures.index import DrawnFigure, FigureIndex, write_figure_index
from phvae.analysis.figures.style import save
from phvae.analysis.paper.source import write_paper
from phvae.cli import main
from phvae.errors import DataError, PhvaeError
from phvae.experiment.grid import load_grid
from phvae.jobs import paper as jobs

pytestmark = pytest.mark.slow


def drawn(folder: Path, name: str, kind: str, *datasets: str) -> DrawnFigure:
    files = save(Figure(figsize=(2, 1)), folder / name)
    return DrawnFigure(name, kind, list(datasets), f"What {name} shows: β & 5 %.", [file.name for file in files])


@pytest.fixture(scope="module")
def root(known_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("paper") / "results"
    shutil.copytree(known_tables, root)
    folder = root / "figures"
    folder.mkdir()
    figures = [
        drawn(folder, "forest-bits", "forest", "bits"),
        drawn(folder, "contest-better_images", "contest", "grey", "bits"),
        DrawnFigure("contest-lost", "contest", ["grey"], "", [], reason="a bug"),
    ]
    write_figure_index(folder, FigureIndex(figures, []))
    return root


def test_the_source_holds_method_verdicts_tables_figures_and_provenance(root: Path) -> None:
    source = write_paper(root)
    text = source.read_text(encoding="utf-8")
    assert [part.split("}")[0] for part in text.split(r"\section{")[1:]] == [
        "Method", "Experiments", "Verdicts", "Numbers", "Figures", "Provenance",
    ]  # fmt: skip
    assert r"\input{tables/family-better_images.tex}" in text
    assert r"Images are better: 100 \% \& more\_\allowbreak{}so." in text
    assert r"better than the VAE? & $\checkmark$ & $\cdot$ \\" in text
    assert "What contest-better\\_\\allowbreak{}images shows: $\\beta$ \\& 5 \\%." in text
    assert "forest-bits" not in text, "no claim names it"
    assert "240 runs, 10 seeds per cell; 11 gave no numbers." in text
    files = sorted(path.relative_to(source.parent).as_posix() for path in source.parent.rglob("*") if path.is_file())
    assert files == [
        "figures/contest-better_images.pdf", "paper.tex", "tables/family-better_images.tex", "tables/provenance.tex",
    ]  # fmt: skip


def test_without_claims_the_scores_and_the_first_figure_of_each_kind_are_shown(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "results"
    shutil.copytree(root, copy)
    (copy / "tables/answers.json").unlink()
    text = write_paper(copy).read_text(encoding="utf-8")
    shown = [part.split("}")[0] for part in text.split(r"\input{tables/")[1:]]
    assert shown == ["densities.tex", "images.tex", "latent.tex", "provenance.tex"]
    assert "figures/forest-bits.pdf" in text
    assert "No claim was tested." in text


def test_what_an_earlier_paper_showed_is_gone(root: Path) -> None:
    source = write_paper(root)
    (source.parent / "figures/old.pdf").write_bytes(b"old")
    before = source.read_bytes()
    assert write_paper(root).read_bytes() == before
    assert not (source.parent / "figures/old.pdf").exists()


@pytest.mark.latex
def test_the_source_compiles_elsewhere_to_equal_bytes(root: Path, tmp_path: Path) -> None:
    shutil.copytree(write_paper(root).parent, tmp_path / "elsewhere")
    for name in ("a.pdf", "b.pdf"):
        jobs.typeset(tmp_path / "elsewhere/paper.tex", tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "elsewhere/paper.tex").write_text(r"\documentclass{article}\begin{document}\nonsense")
    with pytest.raises(PhvaeError, match=r"paper.tex: pdflatex failed[\s\S]*Undefined control sequence"):
        jobs.typeset(tmp_path / "elsewhere/paper.tex", tmp_path / "a.pdf")


def test_without_tables_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="found no tables"):
        write_paper(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_latex_the_source_is_there_and_a_sentence_says_what_lacks(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {
        "name": "known", "results": str(tmp_path), "seeds": 1, "datasets": {"claw": {"data": {"n_train": 20}}},
        "variants": {"vae": {"model": {"divergence": "kl"}}}, "model": {"latent_size": 2},
    }  # fmt: skip
    path = tmp_path / "known.yaml"
    path.write_text(json.dumps(config))
    assert main(["paper", "--config", str(path)]) == 2
    assert "tables.json: absent; run first: phvae tables" in capsys.readouterr().err
    shutil.copytree(root, load_grid(path).paths.root)
    monkeypatch.setattr(jobs, "needed", lambda *_: {})
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert main(["paper", "--config", str(path)]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path}/known/paper/paper.tex: written, but no PDF: pdflatex is not installed "
        "(Debian: texlive-latex-recommended)\n"
    )
    assert (tmp_path / "known/paper/paper.tex").is_file()
