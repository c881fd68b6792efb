"""`phvae data list`, `show` and `fetch`, and the tables of docs/data.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from idx_files import write_idx
from loopback import CONTENT, SHA, serving

from phvae import cli_data as cli
from phvae import data, doctor
from phvae.cli import main
from phvae.data.files import places
from phvae.data.files.published import Published
from phvae.data.kinds import idx
from phvae.errors import ConfigError

pytestmark = pytest.mark.usefixtures("no_usual_places")


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as found:
        yield found


def a_file(**changes: Any) -> Published:
    return Published(**{"name": "a.bin", "folders": ("kmnist",), "sha256": SHA, "limit": 1 << 24, **changes})


def test_list_and_show_print_the_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "mnist", monkeypatch)
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    lines = {line.split()[0]: line for line in cli.list_sets().splitlines()}
    assert set(lines) == {"NAME", *data.KINDS}
    assert re.search(r"1x28x28 .* found +sha256 +CC", lines["mnist"])
    assert " absent " in lines["kmnist"]
    assert " built in " in lines["claw"]
    data.prepare("mnist", {"n_validation": 7}, cache=tmp_path / "cache")
    text = cli.show("mnist", tmp_path / "cache")
    for part in (
        "licence   CC BY-SA",
        "LeCun",
        "n_validation: default 5000",
        "53 / 7 / 20",
        "(verified)",
        str(tmp_path),
    ):
        assert part in text
    assert idx.Mnist.files[0].sha256 is not None
    assert idx.Mnist.files[0].sha256 in text
    with pytest.raises(ConfigError, match="did you mean 'mnist'"):
        cli.show("mnits")


def test_fetch_gets_what_is_absent(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(idx.Kmnist, "files", (a_file(folders=("kmnist",), urls=(server.url + "/good",)),))
    cli.fetch_all("kmnist", None, tmp_path / "here")
    assert (tmp_path / "here/kmnist/a.bin").read_bytes() == CONTENT
    assert "kmnist: " + str(tmp_path / "here/kmnist/a.bin") in capsys.readouterr().out
    cli.fetch_all("kmnist", None, tmp_path / "here")
    assert len(server.seen) == 1
    cli.fetch_all(None, "config/quick.yaml", tmp_path / "here")
    assert "claw: nothing to fetch" in capsys.readouterr().out


def test_fetch_looks_where_the_configuration_does(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(idx.Kmnist, "files", (a_file(folders=("kmnist",), urls=(server.url + "/good",)),))
    config = yaml.safe_load(Path("config/quick.yaml").read_text())
    config |= {"datasets": {"kmnist": {}}, "data_path": [str(tmp_path / "mine")]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "mine/kmnist").mkdir(parents=True)
    (tmp_path / "mine/kmnist/a.bin").write_bytes(CONTENT)
    cli.fetch_all(None, tmp_path / "config.yaml")
    assert capsys.readouterr().out == f"kmnist: {tmp_path}/mine/kmnist/a.bin\n"
    assert server.seen == []


def test_what_lies_unpacked_is_found_and_not_fetched(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = a_file(urls=(server.url + "/good",), unpacked=("set/inside",), members=("1", "2"))
    monkeypatch.setattr(idx.Kmnist, "files", (wanted,))
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    folder = tmp_path / "set/inside"
    folder.mkdir(parents=True)
    (folder / "1").touch()
    assert re.search("kmnist .* absent", cli.list_sets())  # half of it is not it
    (folder / "2").touch()
    assert re.search("kmnist .* found", cli.list_sets())
    assert f"found at {folder}" in cli.show("kmnist")
    assert cli.fetch("kmnist", progress=False) == [folder]
    assert places.find_unpacked(wanted, [folder]) == folder
    assert server.seen == []


def test_a_file_beside_the_unpacked_ones_may_still_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = (a_file(unpacked=("kmnist/inside",)), a_file(name="list.txt"))
    monkeypatch.setattr(idx.Kmnist, "files", files)
    monkeypatch.setenv("PHVAE_DATA_PATH", str(tmp_path))
    (tmp_path / "kmnist/inside").mkdir(parents=True)
    assert re.search("kmnist .* absent", cli.list_sets())
    config = yaml.safe_load(Path("config/quick.yaml").read_text()) | {"datasets": {"kmnist": {}}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    assert doctor._data(str(tmp_path / "config.yaml"))[1].startswith("absent: kmnist: list.txt; phvae data fetch")


def test_docs_hold_the_current_tables() -> None:
    text = Path("docs/data.md").read_text(encoding="utf-8")
    for name, table in (("cards", cli.cards_table()), ("files", cli.files_table())):
        inside = re.search(f"<!-- {name} -->\n(.*)\n<!-- /{name} -->", text, re.DOTALL)
        assert inside is not None
        assert inside[1] == table, f"docs/data.md: the table {name} is not that of phvae.cli_data.{name}_table()"


def test_fetch_of_one_set_looks_where_the_configuration_does(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(idx.Kmnist, "files", (a_file(folders=("kmnist",), urls=(server.url + "/good",)),))
    config = yaml.safe_load(Path("config/quick.yaml").read_text())
    config |= {"datasets": {"mine": {"data": {"kind": "kmnist"}}, "claw": {}}, "data_path": [str(tmp_path / "mine")]}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    (tmp_path / "mine/kmnist").mkdir(parents=True)
    (tmp_path / "mine/kmnist/a.bin").write_bytes(CONTENT)
    for name in ("kmnist", "mine"):  # the kind, and the configuration's name for it
        assert main(["data", "fetch", name, "--config", str(path)]) == 0
        assert capsys.readouterr().out == f"kmnist: {tmp_path}/mine/kmnist/a.bin\n"
    assert server.seen == []
    assert main(["data", "fetch", "claw", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: no such file" in capsys.readouterr().err
