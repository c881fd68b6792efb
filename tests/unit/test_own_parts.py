"""Parts of a user's own: what is refused, in one message; whose keys they are in; objects of classes nobody named."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from phvae.api.phvae import PHVAE
from phvae.cli import main
from phvae.determinism.untouched import untouched
from phvae.errors import ConfigError
from phvae.experiment import code
from phvae.experiment.stages import command
from phvae.metrics.own import check_entries
from phvae.metrics.registry import GROUPS, METRICS
from phvae.model.options import ModelConfig
from phvae.model.part import Divergence, Network
from phvae.own import load, named
from phvae.own.checks import check_free, classes
from phvae.own.load import Own
from phvae.training import recordable

HEAD = "from typing import ClassVar, Literal\nfrom phvae.model.part import Divergence, Network\n"
MINE = """
class Mine(Divergence):
    name: Literal["mine"] = "mine"
    beta: float = 1.0

    def value(self, q, at):
        return self.beta * q.kl_levels.sum(-1)
"""
NETWORK = """
class Plain(Network):
    name: Literal["plain"] = "plain"

    def encoder(self, shape, outputs, widths, generator):
        from torch import nn
        return nn.Linear(shape[0], outputs)

    def encoder_size(self, shape, outputs, widths):
        return 0

    def decoder(self, shape, inputs, generator):
        from torch import nn
        return nn.Linear(inputs, shape[0])
"""
KIND = """
import numpy as np
from phvae.data.density_set import DensitySet, density_about
from phvae.data.distributions.line import Density1D, normal

class Drawn(DensitySet):
    name: ClassVar[str] = "drawn"
    about = density_about("t", "c")

    def density(self):
        np.random.rand()
        return Density1D((normal(1, 0, 1), normal(1e-9, 0, 1)))
"""
ENTRY = """
from phvae.metrics.metric import Metric
SAID = dict(label="l", definition="d", unit="1", higher_is_better=None, source="s")
METRICS = (Metric(name={name!r}, group={group!r}, **SAID),)
"""


def phvae(folder: Path, *words: str, parts: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: what is registered is registered when a process begins."""
    return subprocess.run(
        [sys.executable, "-m", "phvae.cli", *words], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(code.PACKAGE.parent), "PHVAE_PARTS": parts},
    )  # fmt: skip


@pytest.fixture
def own_parts(tmp_path: Path) -> Iterator[Callable[..., Own]]:
    """A user's file of this text, imported."""

    def write(text: str, name: str = "mine.py") -> Own:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return Own(path.stem, load._imported(path), path)

    yield write
    for name in [name for name in sys.modules if name.startswith("phvae_own_")]:
        del sys.modules[name]


# the text of a file; what its refusal says after the file's name
IMPORTED = {
    "raises": ("x = 1\n\nraise KeyError('boo')\n", ", line 3: KeyError: 'boo'"),
    "raises within": ("def f():\n    return 1 / 0\nf()\n", ", line 2: ZeroDivisionError"),
    "ends the process": ("import sys\nsys.exit(3)\n", ", line 2: SystemExit: 3"),
    "is no Python": ("x = 1\ny = (\n", ", line 2: SyntaxError"),
    "imports what is not there": ("from phvae.model.part import Divergenz\n", ", line 1: ImportError"),
    "seeds numpy": ("import numpy\nnumpy.random.seed(0)\n", " draws random numbers from the global generator of numpy"),
    "draws": ("import random\nrandom.random()\n", " draws random numbers from the global generator of Python"),
}


@pytest.mark.parametrize("case", IMPORTED)
def test_a_file_that_cannot_be_imported_is_named_with_its_line(own_parts: Callable[..., Own], case: str):
    text, expected = IMPORTED[case]
    state = random.getstate()
    with pytest.raises(ConfigError) as error:
        own_parts(text)
    random.setstate(state)
    assert f"mine.py{expected}" in str(error.value)
    assert str(error.value).count("mine.py") == 1 or case == "is no Python"
    assert "phvae_own_mine" not in sys.modules, "half of it stayed"


CLASSES = {
    "another signature": (MINE.replace("(self, q, at)", "(self, q)"), "found Mine.value(self, q), expected one that"),
    "one more argument": (MINE.replace("(self, q, at)", "(self, q, at, x)"), "found Mine.value(self, q, at, x), exp"),
    "no function": (MINE.replace("def value(self, q, at):", "value: ClassVar[int] = 3\n    def v(self, q):"), "value:"),
    "without its method": (MINE.replace("value", "valu"), "Mine lacks value(self, q, at)"),
    "another signature of the base": (MINE + "\n    def check(self):\n        pass\n", "found Mine.check(self), exp"),
}


@pytest.mark.parametrize("case", CLASSES)
def test_a_class_that_the_model_cannot_use_is_refused(own_parts: Callable[..., Own], case: str):
    text, expected = CLASSES[case]
    one = own_parts(HEAD + text)
    with pytest.raises(ConfigError) as error:
        list(classes(one, Divergence, ["value"]))
    assert str(error.value).startswith(str(one.file))
    assert expected in str(error.value)


def test_parameters_may_have_other_names_and_defaults_and_a_private_class_is_no_part(own_parts: Callable[..., Own]):
    text = MINE.replace("(self, q, at)", "(self, posterior, context, more=1)").replace("q.", "posterior.")
    one = own_parts(HEAD + text + "\nclass _Base(Divergence):\n    pass\n")
    assert [part.__name__ for part in classes(one, Divergence, ["value"])] == ["Mine"]
    assert not list(classes(one, Network, ["encoder"]))


def test_a_name_that_is_taken_or_none_is_refused(own_parts: Callable[..., Own]):
    one = own_parts("")
    check_free(one, "Mine", "mine", ["kl"])
    for name, words in (("kl", "is taken"), ("", "expected letters"), ("a b", "expected letters"), (3, "expected")):
        with pytest.raises(ConfigError, match=words):
            check_free(one, "Mine", name, ["kl"])


METRIC_FILES = {
    "a name that is taken": (ENTRY.format(name="mig", group="latent"), "'mig' is taken"),
    "a name of another's pattern": (ENTRY.format(name="kl_level_2", group="latent"), "is taken (by kl_level_{k})"),
    "a pattern over another's name": (ENTRY.format(name="m{factor}", group="latent"), "is taken (by"),
    "no group": (ENTRY.format(name="mine", group="latend"), "did you mean 'latent'?"),
    "an unknown placeholder": (ENTRY.format(name="mine_{x}", group="latent"), "{x} stands for nothing here"),
    "no entry": ("METRICS = (1,)", "expected a tuple of phvae.metrics.metric.Metric"),
    "no rows": (ENTRY.format(name="mine", group="latent"), "rows: found None, expected a function of (inputs)"),
    "rows of other arguments": (
        ENTRY.format(name="mine", group="groups") + "def rows(inputs):\n    pass\n",
        "found rows(inputs), expected one that takes (codes, prior)",
    ),
}


@pytest.mark.parametrize("case", METRIC_FILES)
def test_a_file_of_scores_that_cannot_be_registered_is_refused(own_parts: Callable[..., Own], case: str):
    text, expected = METRIC_FILES[case]
    one = own_parts(text)
    with pytest.raises(ConfigError) as error:
        check_entries(one, GROUPS, list(METRICS), {"latent"})
    assert str(error.value).startswith(str(one.file))
    assert expected in str(error.value)


def test_a_file_of_scores_with_a_name_of_the_package_is_refused(own_parts: Callable[..., Own]):
    one = own_parts(ENTRY.format(name="mine", group="latent") + "def rows(inputs):\n    pass\n", "latent.py")
    with pytest.raises(ConfigError, match="the name 'latent' is taken"):
        check_entries(one, GROUPS, list(METRICS), {"latent"})
    check_entries(one, GROUPS, list(METRICS), {"other"})


NAMED = {
    "absent": ("gone.py", "gone.py does not exist"),
    "no Python": ("notes.txt", "expected a Python file whose name is letters, digits and _"),
    "no name of a module": ("my-parts.py", "expected a Python file whose name is letters, digits and _"),
    "two of one name": ("a/mine.py:b/mine.py", "expected files of different names"),
}


@pytest.mark.parametrize("case", NAMED)
def test_names_of_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, case: str):
    text, expected = NAMED[case]
    for name in ("notes.txt", "my-parts.py", "a/mine.py", "b/mine.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHVAE_PARTS", text)
    with pytest.raises(ConfigError) as error:
        named.named()
    assert str(error.value).startswith("PHVAE_PARTS: found ")
    assert expected in str(error.value)
    assert os.environ["PHVAE_PARTS"] == text


def test_paths_become_absolute_for_jobs_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/mine.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PHVAE_PARTS", "a b/mine.py:~/a b/mine.py")
    assert named.named() == [tmp_path / "a b/mine.py"]
    assert os.environ["PHVAE_PARTS"] == str(tmp_path / "a b/mine.py")
    assert named.assignment() == f"PHVAE_PARTS='{tmp_path}/a b/mine.py' "
    assert command("a.yaml", "collect") == f"phvae collect --config a.yaml --parts '{tmp_path}/a b/mine.py'"


def test_others_than_at_the_start_are_refused_not_ignored(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    load.own()
    monkeypatch.setenv("PHVAE_PARTS", "")
    (tmp_path / "mine.py").write_text(HEAD + MINE)
    assert main(["parts", "--parts", str(tmp_path / "mine.py")]) == 2
    assert "when this process began: start another" in capsys.readouterr().err


@pytest.mark.slow
def test_a_command_registers_all_or_nothing(tmp_path: Path):
    (tmp_path / "good.py").write_text(HEAD + MINE)
    (tmp_path / "taken.py").write_text(HEAD + MINE.replace("mine", "kl"))
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "circle.py").write_text("import phvae.model.options\nimport phvae.data.registry\n" + HEAD + MINE)
    listed = phvae(tmp_path, "parts", "--parts", "good.py")
    assert "divergence  mine" in listed.stdout
    assert not list(tmp_path.glob("__pycache__")), "nothing is written beside the user's file"
    for files, words in (
        ("good.py:taken.py", "taken.py: Mine: the name 'kl' is taken"),
        ("empty.py", "empty.py: holds no part"),
        ("circle.py", "circle.py, line 1: "),
    ):
        done = phvae(tmp_path, "parts", parts=files)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_configuration_names_no_file_and_says_what_it_lacks(tmp_path: Path):
    """Neither a part, nor one of the results' own configuration, is looked for in a file that nobody named."""
    (tmp_path / "good.py").write_text("open('executed', 'w')\n" + HEAD + MINE)
    content = {"name": "a", "datasets": {"claw": {}}, "variants": {"vae": {"model": {"divergence": "mine"}}}}
    (tmp_path / "a.yaml").write_text(json.dumps(content))
    kept = {"source": "a.yaml", "config": content, "parts": {str(tmp_path / "good.py"): "0"}}
    (tmp_path / "kept.yaml").write_text(json.dumps(kept))
    (tmp_path / "more.yaml").write_text(json.dumps(content | {"parts": ["good.py"]}))
    for name, words in (
        ("a.yaml", "model.divergence: found 'mine', expected one of 'beta_tcvae'"),
        ("a.yaml", "a part of your own is in a file that you name: --parts FILE, or PHVAE_PARTS=FILE"),
        ("kept.yaml", f"set PHVAE_PARTS={tmp_path / 'good.py'}"),
        ("more.yaml", "parts: unknown key"),
    ):
        done = phvae(tmp_path, "config", name)
        assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "executed").exists()
    assert phvae(tmp_path, "config", "kept.yaml", "--parts", "good.py").returncode == 0
    assert (tmp_path / "executed").exists()


@pytest.mark.slow
def test_global_random_numbers_of_a_network_and_a_data_kind_are_refused(tmp_path: Path):
    (tmp_path / "plain.py").write_text(HEAD + NETWORK)
    (tmp_path / "drawn.py").write_text(HEAD + KIND)
    model = "import phvae; phvae.PHVAE((2,), network='plain', latent_size=2)"
    data = "from phvae.data import prepare; prepare('drawn', None, cache='cache')"
    for script, generator, what in ((model, "torch", "a part of the model"), (data, "numpy", "data kind drawn")):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": str(code.PACKAGE.parent), "PHVAE_PARTS": "plain.py:drawn.py"},
        )  # fmt: skip
        assert f"ConfigError: {what} draws random numbers from the global generator of {generator}" in done.stderr
    assert not list((tmp_path / "cache").glob("*/card.json"))


@pytest.mark.parametrize("draw", [random.random, lambda: np.random.seed(3), lambda: torch.rand(1)])  # noqa: NPY002
def test_a_global_generator_that_moved_is_seen(draw: Callable[[], Any]):
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        with pytest.raises(ConfigError, match=r"^it draws"), untouched("it"):
            draw()
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
    with untouched("it"):
        torch.rand(1, generator=torch.Generator())


class Unnamed(Divergence):
    """Of a notebook."""

    name: Literal["unnamed"] = "unnamed"
    beta: float = 1.0

    def value(self, q: Any, at: Any) -> Any:
        return self.beta * q.kl_levels.sum(-1)


def test_an_object_of_a_class_that_nobody_named_is_taken_as_it_is():
    given = Unnamed(beta=3.0)
    model = PHVAE((2,), divergence=given, latent_size=2, network={"name": "dense", "hidden": [4]}, seed=0)
    assert model.config.divergence is given
    assert PHVAE((2,), ModelConfig(divergence=given), latent_size=2).config.divergence is given
    assert model.config.model_dump(mode="json")["divergence"] == {
        "name": "unnamed", "beta": 3.0, "capacity": None, "free_bits": 0.0,
    }  # fmt: skip
    x = np.random.default_rng(0).random((64, 2), dtype=np.float32)
    charged = model.fit(x, epochs=1, seed=0, device="cpu")["validation_divergence"]
    same = PHVAE((2,), divergence={"name": "kl", "beta": 3.0}, latent_size=2, network=model.config.network, seed=0)
    assert np.allclose(charged, same.fit(x, epochs=1, seed=0, device="cpu")["validation_divergence"])
    with pytest.raises(ConfigError, match="network: "):
        PHVAE((2,), network=given)


def test_an_object_is_not_checked_for_what_it_draws_alone():
    class Loose(Network):
        name: Literal["loose"] = "loose"

        def encoder(self, shape: Any, outputs: int, widths: Any, generator: Any) -> nn.Module:
            return nn.Linear(2, outputs)

        def encoder_size(self, shape: Any, outputs: int, widths: Any) -> int:
            return 0

        def decoder(self, shape: Any, inputs: int, generator: Any) -> nn.Module:
            return nn.Linear(inputs, 2)

    state = torch.get_rng_state()
    with pytest.raises(ConfigError, match="global generator of torch"):
        PHVAE((2,), network=Loose(), latent_size=2)
    torch.set_rng_state(state)


def test_numbers_drawn_in_a_step_and_a_branch_are_refused_with_the_users_file(
    own_parts: Callable[..., Own], monkeypatch: pytest.MonkeyPatch
):
    x = np.random.default_rng(0).random((64, 2), dtype=np.float32)
    state = np.random.get_state()  # noqa: NPY002
    for line, words in (
        ("np.random.rand() * self.beta", r"^a part of the model, in a training step, draws .* generator of numpy"),
        ("float(q.mean.mean()) * self.beta", r"^mine\.py \(line 10, `return float.*`\) branches on a tensor's value"),
    ):
        one = own_parts("import numpy as np\n" + HEAD + MINE.replace("self.beta", line))
        monkeypatch.setattr(recordable, "own", lambda one=one: (one,))
        given = one.module.Mine()
        model = PHVAE((2,), divergence=given, latent_size=2, network={"name": "dense", "hidden": [4]})
        with pytest.raises(ConfigError, match=words):
            model.fit(x, epochs=1, seed=0, device="cpu")
    np.random.set_state(state)  # noqa: NPY002


# ---- keys ----
def placed(monkeypatch: pytest.MonkeyPatch, *found: Own) -> None:
    monkeypatch.setattr(code, "root", lambda name: next((o.file for o in found if o.module.__name__ == name), None))
    for cached in (code._file, code._hash):
        cached.cache_clear()


def test_the_code_of_a_users_file_and_what_it_imports_is_in_its_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def digest(text: str, name: str = "mine", folder: str = "a") -> str:
        path = tmp_path / folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        placed(monkeypatch, Own(name, ModuleType(f"phvae_own_{name}"), path))
        return code.code([f"phvae_own_{name}"])

    today = digest("x = 1\n")
    assert digest("x = 1\n", folder="b") == today, "where it lies decides nothing"
    assert digest('"""A docstring."""\nx = 1  # a remark\n') == today
    assert digest("x = 2\n") != today
    assert digest("x = 1\n", name="other") != today
    with_import = "from phvae.model.divergences.kl import Kl\n"
    digest(with_import)
    names = {path.name for path in code.files(["phvae_own_mine"])}
    assert {"mine.py", "kl.py", "part.py"} <= names
    placed(monkeypatch)
    code._file.cache_clear()
    code._hash.cache_clear()


def test_a_users_package_counts_with_what_its_part_imports_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    package = tmp_path / "theirs"
    (package / "sub").mkdir(parents=True)
    for name, text in {
        "__init__.py": "", "parts.py": "from .sub.losses import f\nfrom theirs import more\nfrom . import near\n",
        "sub/__init__.py": "", "sub/losses.py": "from ..deep import g\n", "deep.py": "", "more.py": "", "near.py": "",
        "unused.py": "",
    }.items():  # fmt: skip
        (package / name).write_text(text)
    monkeypatch.setattr(code, "root", lambda name: package if name == "theirs" else None)
    code._file.cache_clear()
    found = {path.relative_to(tmp_path).as_posix() for path in code.files(["theirs.parts"])}
    assert {f"theirs/{name}.py" for name in ("parts", "sub/losses", "deep", "more", "near")} <= found
    assert "theirs/unused.py" not in found
    code._file.cache_clear()
