"""Writing every figure that a results folder allows, with an index for the report."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from pathlib import Path

from phvae.analysis.figures.alt_text import alt_text
from phvae.analysis.figures.contest import ContestPlot
from phvae.analysis.figures.family_curves import FamilyCurves
from phvae.analysis.figures.index import DrawnFigure, FigureIndex, write_figure_index
from phvae.analysis.figures.plans import Plan, PlanGroup, plan_groups
from phvae.analysis.figures.registry import FIGURES
from phvae.analysis.figures.stored import Stored
from phvae.analysis.figures.style import save
from phvae.analysis.figures.traversals import Traversals
from phvae.analysis.presentation.attempts import NotMade, attempt
from phvae.experiment.tuning import TuningConfig

__all__ = ["write_figures"]


def write_figures(
    root: Path,
    *,
    claims: Path | None = None,
    baseline: str | None = None,
    tuning: TuningConfig | None = None,
    threads: int = 1,
) -> list[Path]:
    """Draw every figure that the results allow into root/figures, as PNG and PDF, with index.json.

    Args:
        root: folder of a grid's results, with its long table.
        claims: the claims' file; None without one.
        baseline: the variant that others are compared with; by default the configuration's.
        tuning: families whose weights are chosen; None without them.
        threads: processes that draw, each some groups of figures; no byte depends on it.

    A figure that cannot be drawn stands in index.json with the reason.

    Returns:
        The written pictures.

    Raises:
        DataError: there is no long table.
        ConfigError: claims that cannot be used.
    """
    from joblib import Parallel, delayed

    stored = Stored(Path(root), baseline, tuning, claims)
    folder = stored.root / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    # those of a data set read the same arrays: a process draws them one after the other
    parts = [[group.name for group in some] for _, some in groupby(plan_groups(stored), lambda group: group.datasets)]
    tasks = (delayed(_draw_groups)(stored, names) for names in parts)
    processes = Parallel(n_jobs=max(1, min(threads, len(parts))), batch_size=1, max_nbytes=None)
    drawn = [figure for part in processes(tasks) for figure in part]
    written = [folder / name for figure in drawn for name in figure.files]
    unasked = {ContestPlot.kind: not claims, FamilyCurves.kind: not tuning}
    asked = [kind for kind in FIGURES if not unasked.get(kind)]
    absent = set(asked) - {figure.kind for figure in drawn}
    write_figure_index(folder, FigureIndex(drawn, [kind for kind in asked if kind in absent]))
    kept = {path.name for path in written}
    for path in folder.iterdir():
        if path.suffix in (".png", ".pdf", ".gif") and path.name not in kept:
            path.unlink()  # drawn by an earlier run from results that are gone
    return written


def _draw_groups(stored: Stored, names: list[str]) -> list[DrawnFigure]:
    """Draw some groups, by name: they hold functions, which no process can be sent."""
    chosen = [group for group in plan_groups(stored) if group.name in names]
    return [figure for group in chosen for figure in _draw_group(group, stored.root / "figures")]


def _draw_group(group: PlanGroup, folder: Path) -> list[DrawnFigure]:
    """Draw the figures of a group into a folder; what cannot be drawn says why."""
    planned = attempt(f"figures {group.name}", partial(_planned, group))
    if isinstance(planned, NotMade):
        return [DrawnFigure(group.name, group.name, group.datasets, "", [], planned.reason)]
    return [_drawn(plan, attempt(f"figure {plan.name}", partial(_draw, plan, folder))) for plan in planned]


def _drawn(plan: Plan, made: DrawnFigure | NotMade) -> DrawnFigure:
    if isinstance(made, NotMade):
        return DrawnFigure(plan.name, plan.figure.kind, plan.datasets, "", [], made.reason)
    return made


def _planned(group: PlanGroup) -> list[Plan]:
    return list(group.plans())


def _draw(plan: Plan, folder: Path) -> DrawnFigure:
    """Write the files of one picture."""
    figure = plan.figure
    files = save(figure.draw(), folder / plan.name)
    if isinstance(figure, Traversals):
        files.append(folder / f"{plan.name}.gif")
        figure.animate(files[-1])
    names, alt = [file.name for file in files], alt_text(figure, plan.datasets)
    return DrawnFigure(plan.name, figure.kind, plan.datasets, figure.caption(), names, alt=alt)
