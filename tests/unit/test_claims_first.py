"""The first file of claims for a grid of one's own, and the key of the configuration that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from phvae.analysis.claims.first import first_claims
from phvae.analysis.claims.reading import claims_about, grid_claims, read_claims, read_known_claims
from phvae.cli import main
from phvae.errors import ConfigError
from phvae.experiment.grid import Grid, load_grid, parse_grid
from phvae.metrics.registry import lookup

PICTURES = {"kind": "images", "path": "nowhere"}
VAE, BETA = {"model": {"divergence": "kl"}}, {"model": {"divergence": {"name": "kl", "beta": 2}}}
PH = {"label": "PH-VAE: 3", "model": {"order": 3}}
COPIES, MATCHED = {"model": {"order": 3, "basis": "copies"}}, {"model": {"order": 3, "encoder_width": "matched"}}


def own(variants: dict[str, Any], datasets: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A configuration of one's own pictures."""
    return {"name": "own", "datasets": datasets or {"flowers": {"data": PICTURES}}, "variants": variants, **more}


def first(*arguments: Any, **more: Any) -> dict[str, dict[str, Any]]:
    claims = first_claims(parse_grid(own(*arguments, **more), "own.yaml"))
    return {name: claim.model_dump(exclude_unset=True) for name, claim in claims.items()}


def controls(variants: dict[str, Any]) -> list[Any]:
    (claim,) = first(variants).values()
    return [tuple(one.values()) if len(one) > 1 else one["variant"] for one in claim["controls"]]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of pictures alone, in a folder with the shipped claims."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/claims.yaml").write_text(Path("config/claims.yaml").read_text(encoding="utf-8"))
    for path in Path("config").glob("*.yaml"):
        (tmp_path / path).write_text(path.read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere").mkdir()  # its pictures
    (tmp_path / "own.yaml").write_text(json.dumps(own({"vae": VAE, "ph-vae-3": PH}, seeds=3)))
    return Path("own.yaml")


def named(config: Path, claims: str) -> Grid:
    config.write_text(json.dumps(json.loads(config.read_text()) | {"claims": claims}))
    return load_grid(config)


def test_a_challenger_is_held_against_the_baseline_or_the_curve_and_what_takes_one_thing_away() -> None:
    assert controls({"vae": VAE, "ph-vae-3": PH}) == ["vae"]
    assert controls({"vae": VAE, "beta": BETA, "ph-vae-3": PH}) == ["rate-distortion"]
    assert controls({"vae": VAE, "ph-vae-3": PH, "copies-3": COPIES, "small": MATCHED}) == [
        "vae", "copies-3", ("vae", "small"),
    ]  # fmt: skip
    assert controls({"vae": VAE, "beta": BETA}) == ["vae"]


def test_the_challenger_is_the_one_with_most_controls() -> None:
    variants = {"vae": VAE, "ph-vae-2": {"model": {"order": 2}}, "ph-vae-3": PH, "copies-3": COPIES}
    (claim,) = first(variants).values()
    assert (claim["challenger"], claim["text"]) == ("ph-vae-3", "PH-VAE: 3 reconstructs more accurately than vae.")


def test_the_metric_is_one_that_the_data_have() -> None:
    sets = {"flowers": {"data": PICTURES}, "claw": {}, "moons": {}, "trimodal": {}}
    found = first({"vae": VAE, "beta": BETA, "ph-vae-3": PH}, sets)
    assert {name: (claim["metric"], claim["datasets"]) for name, claim in found.items()} == {
        "reconstruction": ("mse", ["flowers"]),
        "density": ("w1_samples_mean", ["claw", "trimodal"]),
        "density-joint": ("sliced_w1_samples_mean", ["moons"]),
    }
    for claim in found.values():
        assert lookup(claim["metric"]).higher_is_better is False
    assert found["density-joint"]["controls"] == [{"variant": "vae"}], "the curve's own error is not known for it"


def test_data_sets_whose_variants_differ_have_claims_of_their_own() -> None:
    sets = {"flowers": {"data": PICTURES}, "digits": {"variants": ["vae", "ph-vae-3"]}}
    found = first({"vae": VAE, "beta": BETA, "ph-vae-3": PH}, sets)
    assert {name: claim["datasets"] for name, claim in found.items()} == {
        "reconstruction": ["flowers"], "reconstruction-2": ["digits"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        own({"vae": VAE}),
        own({"vae": VAE, "ph-vae-3": PH}, evaluation={"metrics": ["latent"]}),
        own({"vae": VAE, "a": PH, "b": COPIES}, {"digits": {"variants": ["a", "b"]}, "claw": {"variants": ["vae"]}}),
    ],
)
def test_a_grid_of_which_nothing_can_be_claimed_says_so(content: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"own.yaml: found nothing to claim, expected a data set with two variants"):
        first_claims(parse_grid(content, "own.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["quick", "smoke", "paper", "reference", "held-out"])
def test_every_shipped_grid_could_have_one(name: str) -> None:
    grid = load_grid(f"config/{name}.yaml")
    covered = {dataset for claim in first_claims(grid).values() for dataset in claim.datasets}
    assert covered == set(grid.config.datasets)


def test_the_file_written_can_be_read_is_about_the_grid_and_says_what_is_next(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["claims", "init", "--config", str(config)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("own-claims.yaml: 1 claim\n")
    assert "add to own.yaml:  claims: own-claims.yaml\n" in told
    assert "a claim needs 5 seeds; fewer has flowers" in told
    grid = named(config, "own-claims.yaml")
    found, _ = read_known_claims("own-claims.yaml", grid.config.datasets, grid.config.variants)
    assert found.claims == first_claims(grid)
    assert claims_about(found, grid) == ["reconstruction"]
    text = Path("own-claims.yaml").read_text(encoding="utf-8")
    assert "    # EDIT: the smallest effect worth having" in text
    assert main(["claims", "init", "--config", str(config), "--output", "again.yaml"]) == 0
    assert Path("again.yaml").read_text(encoding="utf-8") == text


def test_a_name_that_yaml_reads_as_something_else_stays_a_name(config: Path) -> None:
    config.write_text(json.dumps(own({"no": VAE, "1": PH}, {"2026-01-01": {"data": PICTURES}}, baseline="no")))
    assert main(["claims", "init", "--config", str(config)]) == 0
    (claim,) = grid_claims(named(config, "own-claims.yaml")).claims.values()
    assert (claim.datasets, claim.challenger, claim.controls[0].variant) == (["2026-01-01"], "1", "no")


def test_nothing_is_written_over(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("own-claims.yaml").write_text("my words")
    assert main(["claims", "init", "--config", str(config)]) == 2
    assert "own-claims.yaml: exists, and is not written over; give another file: --output" in capsys.readouterr().err
    assert Path("own-claims.yaml").read_text() == "my words"


def test_a_grid_that_was_run_is_told_that_its_claims_come_late(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = load_grid(config).paths.run("flowers", "all", "vae", 0) / "run.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    assert main(["claims", "init", "--config", str(config)]) == 0
    assert "this grid has runs already: claims on them will be marked" in capsys.readouterr().out


def test_a_check_of_a_configuration_says_that_no_claim_is_about_it(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", str(config)]) == 0
    told = capsys.readouterr().out
    stated = len(read_claims("config/claims.yaml")[0].claims)
    assert f"none of the {stated} claims of config/claims.yaml is about these data sets and variants" in told
    assert "`phvae claims init --config own.yaml`" in told
    for path in ("none", "config/quick.yaml"):
        target = config if path == "none" else Path(path)
        if path == "none":
            named(config, path)
        assert main(["config", str(target)]) == 0
        assert "none of the" not in capsys.readouterr().out


def test_a_file_that_is_named_and_absent_is_refused_and_then_written_there(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named(config, "here/my.yaml")
    assert main(["config", str(config)]) == 2
    message = capsys.readouterr().err
    assert "own.yaml: claims: found 'here/my.yaml', no such file; expected one, or none; " in message
    assert "`phvae claims init --config own.yaml` writes a first one" in message
    assert main(["claims", "init", "--config", str(config)]) == 0
    assert "add to" not in capsys.readouterr().out
    assert main(["config", str(config)]) == 0


def test_the_shipped_claims_are_what_a_grid_tests_unless_it_says_otherwise(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = load_grid(config)
    assert grid.claims == Path("config/claims.yaml")
    assert grid_claims(grid) == read_claims("config/claims.yaml")[0]
    Path("config/claims.yaml").unlink()
    assert grid_claims(grid) is None, "outside the checkout"
    assert grid_claims(named(config, "none")) is None
    monkeypatch.setenv("HOME", "/home/me")
    assert named(config, "~/mine.yaml").claims == Path("/home/me/mine.yaml")
    with pytest.raises(ConfigError, match=r"own.yaml: claims: found '{a}.yaml', expected a file without braces"):
        named(config, "{a}.yaml")
    with pytest.raises(ConfigError, match=r"own.yaml: claims: found '', expected 'none' or"):
        named(config, "")
    with pytest.raises(ConfigError, match=r"own.yaml: claims: found None, expected 'none'"):
        named(config, None)


def test_claims_move_no_key_of_a_run() -> None:
    one, two = (parse_grid(own({"vae": VAE}, claims=claims), "own.yaml").cells[0] for claims in ("none", "a.yaml"))
    assert (one.science(), one.evaluation) == (two.science(), two.evaluation)
