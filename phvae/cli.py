"""The `phvae` command: every stage of the workflow by hand, and what people ask of results."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phvae.errors import PhvaeError, no_memory
from phvae.experiment.stages import PLACE, PUBLISHED, STAGES, flag
from phvae.own.named import name_files

__all__ = ["main"]

EPILOG = """\
exit status:
    0  done
    1  a check failed, a variant has no number (summary), or the machine failed (disk full, no permission)
    2  bad input; nothing was run
   75  interrupted after a checkpoint; the same command goes on from it
  130  interrupted before there was anything to keep

start with, in a checkout of the repository (the workflow and its configurations are not installed):
  phvae doctor
  phvae plan config/quick.yaml
  snakemake --cores 2

`phvae COMMAND --help` shows an example of each command.
"""

Arguments = argparse.Namespace
Command = Callable[[Arguments], int | None]


def _size(text: str) -> int | str:
    if text == "all":
        return text
    if not (text.isascii() and text.isdecimal() and len(text) < 19):  # as long as 63 bits
        raise argparse.ArgumentTypeError(f"found {text!r:.80}, expected a whole number of at most 18 digits or 'all'")
    return int(text)


OPTIONS: dict[str, dict[str, Any]] = {
    "dataset": {"metavar": "NAME", "help": "a data set of the grid", "example": "digits"},
    "n_train": {"metavar": "N", "type": _size, "help": "training size, or 'all'", "example": "all"},
    "lot": {"metavar": "INDEX", "type": int, "help": "which lot of stacks, from 0", "example": "0"},
    "batch": {"metavar": "INDEX", "type": int, "help": "which batch of cells, from 0", "example": "0"},
}


def _grid(arguments: Arguments) -> Any:
    from phvae.experiment.grid import load_grid

    grid = load_grid(arguments.config)
    grid.check_writable()
    return grid


def _run_stage(a: Arguments) -> None:
    from phvae.jobs import stages

    asked = {
        key: value for key, value in vars(a).items() if key not in ("command", "config", "parts", "run", "version")
    }
    getattr(stages, a.command)(_grid(a), **asked)


# ---- questions ----
def _check_config(a: Arguments) -> None:
    from phvae.analysis.claims.reading import claims_about, grid_claims, init_command
    from phvae.cli_data import check_places

    grid = _grid(a)
    check_places(grid)
    found = grid_claims(grid)
    print(f"{a.config}: {grid.size}")
    if found is not None and not claims_about(found, grid):
        print(
            f"none of the {len(found.claims)} claims of {grid.claims} is about these data sets and variants: "
            f"{init_command(a.config)} writes a first file of some that are, to be edited before the runs"
        )


def _claims(a: Arguments) -> None:
    from phvae.analysis.claims.first import write_first

    print(write_first(_grid(a), a.output))


def _plan(a: Arguments) -> None:
    from phvae.planning.plan import plan

    print(plan(_grid(a)))


def _doctor(a: Arguments) -> int:
    from phvae.doctor import doctor

    return doctor(a.config)


def _paper(a: Arguments) -> None:
    from phvae.jobs.paper import paper

    print(paper(_grid(a)))


def _archive(a: Arguments) -> None:
    from phvae.jobs.archive import archive

    print(archive(_grid(a), Path(a.to), a.threads))


def _redraw(a: Arguments) -> None:
    from phvae.jobs.redraw import redraw

    print(redraw(Path(a.results), a.threads))


def _summary(a: Arguments) -> int:
    from phvae.summary import empty_variants, summary

    grid = _grid(a)
    print(summary(grid, a.since, a.cores))
    return 1 if empty_variants(grid) else 0


def _status(a: Arguments) -> None:
    from phvae.jobs.status import status

    print(status(Path(a.results)))


def _compare(a: Arguments) -> None:
    from phvae.analysis.terminal.compare import compare

    print(compare(Path(a.results), baseline=a.baseline))


def _check(a: Arguments) -> int:
    from phvae.analysis.terminal.check import check

    text, good = check(Path(a.results), Path(a.against))
    print(text)
    return 0 if good else 1


def _clean(a: Arguments) -> None:
    from phvae.jobs.clean import clean

    print(clean(_grid(a), dry_run=a.dry_run))


def _accept(a: Arguments) -> None:
    from phvae.jobs.accept import accept

    print(accept(_grid(a), a.reason))


def _audit(a: Arguments) -> None:
    from phvae.audit.run import audit

    print(audit(Path(a.output), a.cores, accept=a.accept))


def _parts(a: Arguments) -> None:
    from phvae.cli_parts import list_parts

    print(list_parts())


def _data(a: Arguments) -> None:
    from phvae import cli_data as data_cli

    if a.action == "list":
        print(data_cli.list_sets())
    elif a.action == "show":
        print(data_cli.show(a.name))
    elif a.action == "export":
        print(data_cli.export_set(a.name, a.config, a.folder))
    elif a.name == "inception":
        from phvae.metrics.weights import fetch_inception

        print(f"Inception-v3 weights: {fetch_inception(Path(a.folder) if a.folder else None)}")
    else:
        data_cli.fetch_all(a.name, a.config, folder=a.folder)


def _score(a: Arguments) -> None:
    from phvae.cli_data import prepared_set
    from phvae.files import write_text
    from phvae.jobs.score import as_text, score_folder

    data, cells = prepared_set(a.data, a.config)
    scores = score_folder(Path(a.folder), data, cells[0].evaluation if cells else None)
    if a.output:
        write_text(a.output, scores.to_json(orient="records", indent=1, force_ascii=False, double_precision=15) + "\n")
    print(as_text(scores))


def _check_fid(a: Arguments) -> int:
    from phvae.jobs.check_fid import check_fid, report

    text, good = report(check_fid(a.weights, a.folders))
    print(text)
    return 0 if good else 1


def _export_model(a: Arguments) -> None:
    from phvae.api.export import export_model
    from phvae.api.saving import load

    print(*export_model(load(a.run_folder), Path(a.output)), sep="\n")


def _cores(text: str) -> int:
    """The number of cores in Snakemake's words.

    >>> _cores("2"), _cores("all") == len(os.sched_getaffinity(0))
    (2, True)
    """
    return len(os.sched_getaffinity(0)) if text == "all" else int(text)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Examples keep their lines, so that they can be copied."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog)
        self._action_max_length = 16  # argparse forgets that the names of commands are indented


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="phvae",
        description="Reproducible benchmark of polynomial hierarchical variational autoencoders (arXiv:2502.02856).",
        epilog=EPILOG,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and leave")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, run: Command, text: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            epilog=f"example:\n  {example}",
            formatter_class=_Help,
            allow_abbrev=False,
        )
        sub.add_argument("--parts", action="append", metavar="FILE", help="a file of parts of your own (repeatable)")
        sub.set_defaults(run=run)
        return sub

    def of_grid(name: str, run: Command, text: str, more: str = "") -> argparse.ArgumentParser:
        sub = add(name, run, text, f"phvae {name} --config config/quick.yaml{more}")
        sub.add_argument("--config", required=True, metavar="FILE", help="configuration of the grid")
        return sub

    processes = {"evaluate": "processes for the slow scores", "figures": "processes that draw"}
    for stage in STAGES.values():
        options = {flag(name): OPTIONS[name] for name in PLACE[stage.unit]}
        example = "".join(f" {name} {option['example']}" for name, option in options.items())
        sub = of_grid(stage.name, _run_stage, stage.summary, example)
        for name, option in options.items():
            given = {key: value for key, value in option.items() if key != "example"}
            sub.add_argument(name, required=True, **given)
        if stage.name in processes:
            sub.add_argument("--threads", type=int, default=1, metavar="N", help=processes[stage.name])
        if stage.name == "track":
            sub.add_argument("--watch", action="store_true", help="beside a running grid, until it is done")
        if stage.name == "tables":
            sub.add_argument(
                "--published", default=PUBLISHED, metavar="FILE", help="published numbers to hold ours against"
            )
    of_grid("clean", _clean, "remove what can be remade (arrays, checkpoints)").add_argument(
        "--dry-run", action="store_true", help="only say what would go"
    )
    accept = of_grid("accept", _accept, "accept a harmless edit of the code without retraining", ' --reason "renamed"')
    accept.add_argument("--reason", required=True, help="kept in every run.json")
    of_grid("paper", _paper, "tables and figures as a paper in LaTeX")
    archived = of_grid("archive", _archive, "results to publish: numbers, figures, their data", " --to published")
    archived.add_argument("--to", required=True, metavar="FOLDER", help="the archive; a later piece is added to it")
    archived.add_argument("--threads", type=int, default=1, metavar="N", help="processes that draw")
    summary = of_grid("summary", _summary, "where the results are and what they cost")
    summary.add_argument("--since", type=float, metavar="SECONDS", help="when the run began (seconds since 1970)")
    summary.add_argument(
        "--cores", type=_cores, default=0, metavar="N", help="cores of this machine that it had, or: all"
    )

    status = add("status", _status, "how far a grid is, here or on a cluster", "phvae status results/quick")
    status.add_argument("results", metavar="FOLDER", help="results folder of a grid")

    redrawn = add("redraw", _redraw, "draw an archive's tables and figures again", "phvae redraw results/reference")
    redrawn.add_argument("results", metavar="FOLDER", help="an archive, or results of a grid")
    redrawn.add_argument("--threads", type=int, default=1, metavar="N", help="processes that draw")

    config = add("config", _check_config, "check a configuration", "phvae config config/quick.yaml")
    config.add_argument("config", metavar="FILE", help="configuration of a grid")
    claims = add(
        "claims",
        _claims,
        "write a first file of claims for a grid of your own",
        "phvae claims init --config config/quick.yaml --output my-claims.yaml",
    )
    claims.add_argument("action", choices=["init"], help="what to do")
    claims.add_argument("--config", required=True, metavar="FILE", help="configuration of the grid")
    claims.add_argument(
        "--output", metavar="FILE", help="where to (default: beside the configuration, NAME-claims.yaml)"
    )
    plan = add("plan", _plan, "jobs, time, memory, disk before anything is submitted", "phvae plan config/paper.yaml")
    plan.add_argument("config", metavar="FILE", help="configuration of a grid")
    doctor = add("doctor", _doctor, "what a maintainer would ask first", "phvae doctor")
    doctor.add_argument("--config", default="config/quick.yaml", metavar="FILE", help="default: config/quick.yaml")
    compare = add("compare", _compare, "compare variants, paired by seed", "phvae compare results/quick --baseline vae")
    compare.add_argument("results", metavar="FOLDER", help="results of a grid: results/NAME")
    compare.add_argument("--baseline", default=None, metavar="VARIANT", help="default: the configuration's")
    check = add(
        "check",
        _check,
        "hold results against reference results",
        "phvae check results/mine --against results/reference",
    )
    check.add_argument("results", metavar="FOLDER", help="your results")
    check.add_argument("--against", required=True, metavar="FOLDER", help="the results to hold them against")
    fid = add("check-fid", _check_fid, "hold FID as computed here against torch-fidelity's own", "phvae check-fid")
    fid.add_argument("--weights", metavar="FILE", help="of Inception-v3; default: the published, fetched if absent")
    fid.add_argument(
        "--folders", nargs=2, metavar=("A", "B"), help="pictures; default: 5,000 + 5,000 of CIFAR-10, fetched if absent"
    )
    audit = add(
        "audit",
        _audit,
        "hold the scores against cases of known truth",
        "phvae audit --output docs --cores 2",
    )
    audit.add_argument("--output", required=True, metavar="FOLDER", help="where audit.md, audit.csv and pictures go")
    audit.add_argument("--cores", type=int, default=1, metavar="N", help="processes (default: 1)")
    audit.add_argument("--accept", action="store_true", help="write the verdicts to where the claims read them, too")
    add("parts", _parts, "list the parts that a configuration may name, and metrics", "phvae parts --parts my_parts.py")
    score = add(
        "score",
        _score,
        "score the outputs of another model without a grid",
        "phvae score outputs/digits --data digits",
    )
    score.add_argument("folder", metavar="FOLDER", help="holds seed-{seed}.npz (docs/external.md)")
    score.add_argument("--data", required=True, metavar="NAME", help="the data set that they are of")
    score.add_argument("--config", metavar="FILE", help="whose data set and evaluation; default: the kind's own")
    score.add_argument("--output", metavar="FILE", help="all rows as JSON")
    exported = add(
        "export-model",
        _export_model,
        "write a trained model as plain torch programs",
        "phvae export-model results/quick/runs/digits/n-all/vae/seed-0 --output exported",
    )
    exported.add_argument("run_folder", metavar="RUN", help="folder of a run")
    exported.add_argument("--output", required=True, metavar="FOLDER", help="where to")
    data = add("data", _data, "list, show, fetch or export data sets", "phvae data show claw")
    data.add_argument("action", choices=["list", "show", "fetch", "export"], help="what to do")
    data.add_argument(
        "name", nargs="?", help="a data set (show, fetch, export), or inception: the weights behind FID (fetch)"
    )
    data.add_argument(
        "--config",
        metavar="FILE",
        help="fetch what a configuration asks for, or NAME along its data_path; export its data set NAME",
    )
    data.add_argument("--folder", metavar="FOLDER", help="where files go (fetch: by default the platform's cache)")
    return parser


def _check_data_arguments(parser: argparse.ArgumentParser, arguments: Arguments) -> None:
    if arguments.command != "data":
        return
    action, name = arguments.action, arguments.name
    if action == "show" and not name:
        parser.error("data show needs the NAME of a data set; see `phvae data list`")
    if action == "fetch" and not (name or arguments.config):
        parser.error("data fetch needs the NAME of a data set or --config FILE")
    if action == "export" and not (name and arguments.folder):
        parser.error("data export needs the NAME of a data set and --folder FOLDER")
    weights = action == "fetch" and name == "inception"
    given = {"NAME": name, "--config": arguments.config, "--folder": arguments.folder}
    unread = {"list": set(given), "show": {"--config", "--folder"}, "fetch": {"--config"} if weights else set()}
    ignored = [key for key, value in given.items() if value is not None and key in unread.get(action, ())]
    if ignored:
        words = f"data {action} inception" if weights else f"data {action}"
        parser.error(f"{words} takes no {' and no '.join(ignored)}: leave it out")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.version:
        from phvae import __version__

        print(f"phvae {__version__}")
        return 0
    if arguments.command is None:
        parser.print_help()
        return 2
    _check_data_arguments(parser, arguments)
    if argv is None and hasattr(signal, "SIGPIPE"):  # not where a program calls main()
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `phvae data list | head` ends quietly
    if arguments.parts:
        name_files(arguments.parts)
    try:
        return arguments.run(arguments) or 0
    except PhvaeError as error:
        print(f"phvae: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        # a full disk or a folder without permission is the machine's fault, not the program's
        name = f"{error.filename}: " if error.filename else ""
        print(f"phvae: {name}{error.strerror or error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError, ImportError) as error:
        if not no_memory(error):
            raise
        first = (str(error) or "MemoryError").splitlines()[0]
        remedy = (
            "ask for less (latent_size, hidden, batch_size, seeds_per_job, n_samples) or run it where there is more"
        )
        print(f"phvae: not enough memory ({first}): {remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("phvae: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    sys.exit(main())
