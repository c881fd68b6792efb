"""The command line: help, examples, bad usage, exit statuses, and what it loads."""

from __future__ import annotations

import argparse
import errno
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from phvae import cli
from phvae.errors import DataError, no_memory
from phvae.jobs import interrupts, stages

COMMANDS = next(action for action in cli._parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
HEAVY = {"torch", "mlflow", "pandas", "numpy", "scipy", "sklearn", "matplotlib", "pydantic", "snakemake", "yaml"}


LESS = "ask for less (latent_size, hidden, batch_size, seeds_per_job, n_samples) or run it where there is more"


def usage(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Status, standard output and standard error of a call that argparse ends."""
    with pytest.raises(SystemExit) as end:
        cli.main(list(arguments))
    return int(end.value.code or 0), *capsys.readouterr()


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_ends_with_status_0(command: str, capsys: pytest.CaptureFixture[str]):
    status, out, err = usage(capsys, *command.split(), "--help")
    assert status == 0
    assert out.startswith(f"usage: phvae {command}".rstrip())
    assert not err


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_an_example_that_parses(command: str, capsys: pytest.CaptureFixture[str]):
    _, out, _ = usage(capsys, command, "--help")
    words = shlex.split(out.partition("example:\n")[2])
    assert words[:2] == ["phvae", command]
    cli._parser().parse_args(words[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_each_argument_is_explained(command: str):
    assert all(action.help for action in COMMANDS[command]._actions), command


def test_the_help_names_every_status_and_every_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = usage(capsys, "--help")
    numbers = [line.split()[0] for line in out.partition("exit status:\n")[2].partition("\n\n")[0].splitlines()]
    told = {int(number) for number in numbers}
    assert told == {0, 1, 2, interrupts.EXIT_STATUS, 130}
    lines = [line.split()[0] for line in out.partition("COMMAND\n")[2].partition("\n\n")[0].splitlines()]
    assert lines == list(COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        "trian",
        "train",
        "train --config a --dataset b --n-train half --lot 0",
        "train --conf a --dataset b --n-train 1 --lot 0",  # no abbreviations
        "plan config/quick.yaml --wat",
        "encode --config a --dataset b --n-train all --batch one",
        "check results/a",
        "claims look --config a",
        "claims init",
        "data look",
        "data show",
        "data fetch",
        "data list extra",
        "data list --config nope",
        "data list --folder nope",
        "data show claw --folder nope",
        "data show claw --config config/quick.yaml",
        "data fetch inception --config config/quick.yaml",
    ],
)
def test_bad_usage_ends_with_status_2(arguments: str, capsys: pytest.CaptureFixture[str]):
    status, out, err = usage(capsys, *arguments.split())
    assert status == 2
    assert not out
    assert "error: " in err


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]):
    assert cli.main([]) == 2
    assert "exit status" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]):
    from phvae import __version__

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"phvae {__version__}\n"


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (DataError("a.npz: found 3 columns, expected 2"), 2, "phvae: a.npz: found 3 columns, expected 2\n"),
        (OSError(errno.ENOSPC, "No space left on device", "x.npz"), 1, "phvae: x.npz: No space left on device\n"),
        (OSError("the tape is torn"), 1, "phvae: the tape is torn\n"),
        (KeyboardInterrupt(), 130, "phvae: interrupted\n"),
        (MemoryError(), 1, f"phvae: not enough memory (MemoryError): {LESS}\n"),
        (MemoryError("array of 8 TiB"), 1, f"phvae: not enough memory (array of 8 TiB): {LESS}\n"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 4 bytes\nframe 0"),
            1,
            f"phvae: not enough memory (DefaultCPUAllocator: can't allocate memory: 4 bytes): {LESS}\n",
        ),
        (
            ImportError("libtorch_cpu.so: failed to map segment from shared object"),
            1,
            f"phvae: not enough memory (libtorch_cpu.so: failed to map segment from shared object): {LESS}\n",
        ),
        (RuntimeError("not enough memory: 4"), 1, f"phvae: not enough memory (not enough memory: 4): {LESS}\n"),
        (RuntimeError("CUDA out of memory. 4"), 1, f"phvae: not enough memory (CUDA out of memory. 4): {LESS}\n"),
    ],
)
def test_errors_become_a_line_and_a_status(
    error: BaseException, status: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(stages, "prepare", fail)
    assert cli.main(["prepare", "--config", "config/smoke.yaml", "--dataset", "claw"]) == status
    assert capsys.readouterr().err == message


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stages, "prepare", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["prepare", "--config", "config/smoke.yaml", "--dataset", "claw"])


def test_an_interrupted_training_ends_with_its_own_status(monkeypatch: pytest.MonkeyPatch):
    def stop(*_: object, **__: object) -> None:
        raise interrupts.Interrupted("SIGTERM")

    monkeypatch.setattr(stages, "train", stop)
    words = "train --config config/smoke.yaml --dataset claw --n-train 200 --lot 0"
    with pytest.raises(SystemExit) as end:
        cli.main(words.split())
    assert end.value.code == interrupts.EXIT_STATUS


def test_outside_a_checkout_it_says_where_the_workflow_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["config", "config/quick.yaml"]) == 2
    assert "config/quick.yaml: no such file; the workflow and its configurations live in the repository" in (
        capsys.readouterr().err
    )


def test_a_misspelt_configuration_in_a_checkout(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["config", "config/quik.yaml"]) == 2
    assert capsys.readouterr().err == "phvae: config/quik.yaml: no such file; did you mean 'quick.yaml'?\n"


def test_a_configuration_whose_own_data_are_nowhere_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"name: mine\nresults: {tmp_path}/results\ndatasets: {{own: {{data: {{kind: images, path: pics}}}}}}\n"
        f"data_path: [{tmp_path}/place]\nvariants: {{vae: {{}}}}\n"
    )
    assert cli.main(["config", str(config)]) == 2
    error = capsys.readouterr().err
    assert f"phvae: {config}: datasets.own.data.path: pics: not found in " in error
    assert f"{tmp_path}/place" in error
    (tmp_path / "place/pics").mkdir(parents=True)
    assert cli.main(["config", str(config)]) == 0


def test_own_data_that_are_prepared_may_be_gone(tmp_path: Path):
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"name: mine\nresults: {tmp_path}\nvariants: {{vae: {{}}}}\n"
        "datasets: {own: {data: {kind: images, path: pics}}}\n"
    )
    (tmp_path / "mine/data").mkdir(parents=True)
    (tmp_path / "mine/data/own.json").touch()
    assert cli.main(["config", str(config)]) == 0


@pytest.mark.parametrize(
    "code",
    [
        "import phvae; dir(phvae)",
        "from phvae.cli import main; main(['--version'])",
        "from phvae.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from phvae.cli import main\ntry: main(['train', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_asking_for_help_loads_nothing_heavy(code: str):
    end = f"\nimport sys; print(*sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code + end], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""


def test_a_reader_that_leaves_is_no_error():
    # as `phvae data list | head`, but the reader has left long before the first line
    command = f"{shlex.quote(str(Path(sys.executable).with_name('phvae')))} data list | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), RecursionError("too deep")])
def test_other_errors_of_torch_stay_bugs(error: RuntimeError, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(stages, "prepare", fail)
    with pytest.raises(type(error)):
        cli.main(["prepare", "--config", "config/smoke.yaml", "--dataset", "claw"])


def test_an_allocation_that_torch_refuses_is_known_as_one():
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as refused:
        torch.empty(10**17)
    assert no_memory(refused.value)


@pytest.mark.parametrize("size", ["²", "٣", "1_0", "-1", "9" * 5000])
def test_a_training_size_that_is_no_number_is_refused_in_words(size: str, capsys: pytest.CaptureFixture[str]):
    words = ["train", "--config", "a", "--dataset", "b", f"--n-train={size}", "--lot", "0"]
    status, _, err = usage(capsys, *words)
    assert status == 2
    assert f"found {size!r:.80}, expected a whole number of at most 18 digits or 'all'" in err
