"""The configuration: what is accepted, and how what is not is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from small_grid import SMALL, changed

from phvae.cli import main
from phvae.errors import ConfigError
from phvae.experiment.grid import load_grid, parse_grid
from phvae.model.networks.dense import Dense
from phvae.model.options import ModelConfig

GRIDS = [path for path in sorted(Path("config").glob("*.yaml")) if path.name != "claims.yaml"]


def test_expands_in_the_order_of_the_file():
    grid = parse_grid(SMALL, "small.yaml")
    assert [cell.name for cell in grid.cells] == [
        "claw/n-100/vae",
        "claw/n-100/ph-vae-3",
        "digits/n-all/vae",
        "digits/n-all/ph-vae-3",
    ]
    assert len(grid.runs()) == 8
    assert grid.cells[1].model.order == 3
    assert grid.cells[0].model.divergence.name == "kl"


def test_layers_variant_over_data_set_over_default():
    content = changed("model", {"latent_size": 6, "order": 2})
    content["datasets"]["digits"]["model"] = {"latent_size": 24}
    grid = parse_grid(content, "small.yaml")
    assert grid.cell("claw", 100, "vae").model.latent_size == 6
    assert grid.cell("digits", "all", "vae").model.latent_size == 24
    assert grid.cell("digits", "all", "ph-vae-3").model.order == 3


# key changed, value, words that the message must hold: key, found, expected, nearest spelling
BAD = {
    "unknown data set": ("datasets.digitz", {}, ["datasets.digitz", "digitz", "did you mean 'digits'"]),
    "unknown variant": ("datasets.claw.variants", ["vea"], ["datasets.claw.variants", "'vea'", "did you mean 'vae'"]),
    "unknown divergence": (
        "variants.vae.model.divergence",
        "hierarchicl",
        [
            "variants.vae.model.divergence",
            "'hierarchicl'",
            "'dip_vae', 'factor_vae', 'hierarchical', 'info_vae'",
            "did you mean 'hierarchical'",
        ],
    ),
    "unknown key": ("variants.vae.model.ordr", 2, ["variants.vae.model.ordr", "unknown key", "did you mean 'order'"]),
    "unknown top key": ("dataset", {}, ["small.yaml: dataset:", "unknown key", "did you mean 'datasets'"]),
    "unknown key of a part": (
        "variants.vae.model.divergence",
        {"name": "kl", "bета": 1},
        ["variants.vae.model.divergence.bета", "unknown key"],
    ),
    "unknown key of a data set": (
        "datasets.claw.n_trian",
        [100],
        ["datasets.claw.n_trian", "unknown key", "did you mean 'n_train'"],
    ),
    "order 0": ("variants.vae.model.order", 0, ["variants.vae.model.order", "found 0", "at least 1"]),
    "indivisible": ("variants.ph-vae-3.model.order", 5, ["variants.ph-vae-3", "latent_size 12", "order 5"]),
    "negative weight": (
        "variants.vae.model.divergence",
        {"name": "kl", "beta": -1},
        ["variants.vae.model.divergence.beta", "found -1", "at least 0"],
    ),
    "negative level weight": (
        "variants.ph-vae-3.model.divergence",
        {"name": "hierarchical", "weights": [1, -2, 1]},
        ["variants.ph-vae-3.model.divergence.weights", "-2"],
    ),
    "no seeds": ("seeds", [], ["small.yaml: seeds", "found []"]),
    "zero seeds": ("seeds", 0, ["small.yaml: seeds", "found 0"]),
    "duplicate seeds": ("seeds", [1, 2, 1], ["small.yaml: seeds", "1 is given twice"]),
    "duplicate seeds of a data set": (
        "datasets.claw.seeds",
        [3, 3],
        ["datasets.claw.seeds", "[3, 3]", "3 is given"],
    ),
    "slash": ("name", "a/b", ["small.yaml: name", "'a/b'", "letters, digits"]),
    "space": ("name", "a b", ["small.yaml: name", "'a b'"]),
    "shell": ("variants.$(reboot)", {}, ["variants", "$(reboot)"]),
    "dots": ("name", "..", ["small.yaml: name", "'..'"]),
    "semicolon in a data set": ("datasets.a;b", {"data": {"kind": "claw"}}, ["datasets", "a;b"]),
    "not a number": ("training", {"learning_rate": "fast"}, ["training.learning_rate", "'fast'"]),
    "infinite": ("training", {"learning_rate": float("inf")}, ["training.learning_rate", "finite"]),
    "baseline": ("baseline", "vaee", ["baseline", "'vaee'", "did you mean 'vae'"]),
    "log polynomial": (
        "variants.vae.model.divergence",
        {"name": "log_polynomial", "coefficients": [1, 0, 1]},
        ["variants.vae.model.divergence", "not guaranteed non-negative"],
    ),
    "likelihood on [0, 1] of a density": (
        "variants.vae.model.likelihood",
        "bernoulli",
        ["variants.vae.model.likelihood", "found bernoulli, expected gaussian", "claw are not confined to [0, 1]"],
    ),
    "likelihood from another layer": (
        "datasets.claw.model",
        {"likelihood": "continuous_bernoulli"},
        ["datasets.claw.model.likelihood", "found continuous_bernoulli, expected gaussian"],
    ),
    "network on a density": (
        "model.network",
        "conv_locatello",
        ["small.yaml: model.network", "28, 32 or 64 pixels a side, not shape (1,)", "claw"],
    ),
    "network on small images": (
        "datasets.digits.model",
        {"network": "conv_locatello"},
        ["datasets.digits.model.network", "28, 32 or 64 pixels a side, not shape (1, 8, 8)", "use network dense"],
    ),
    "more examples than there are": (
        "datasets.digits.n_train",
        [100, 999999],
        ["datasets.digits.n_train", "found 999999", "at most 1258"],
    ),
    "warm-up without a schedule": (
        "training.schedule",
        {"name": "constant", "warm_up": 0.5},
        ["small.yaml: training.schedule", "warm_up is 0.5, but schedule constant has none"],
    ),
    "a schedule without warm-up": (
        "training.schedule",
        {"name": "linear"},
        ["small.yaml: training.schedule", "warm_up is 0, but schedule linear grows"],
    ),
    "named level weights that are not to be normalised": (
        "variants.ph-vae-3.model.divergence",
        {"name": "hierarchical", "weights": "uniform", "normalise": False},
        ["variants.ph-vae-3.model.divergence", "weights uniform are normalised always"],
    ),
    "a ratio beside uniform weights": (
        "variants.ph-vae-3.model.divergence",
        {"name": "hierarchical", "weights": "uniform", "ratio": 3},
        ["variants.ph-vae-3.model.divergence", "ratio is 3, but uniform weights have none: use weights: geometric"],
    ),
    "a ratio beside listed weights": (
        "variants.ph-vae-3.model.divergence",
        {"name": "hierarchical", "weights": [1, 2, 3], "ratio": 3},
        ["variants.ph-vae-3.model.divergence", "ratio is 3, but listed weights have none"],
    ),
    "a degree beside coefficients": (
        "variants.ph-vae-3.model.divergence",
        {"name": "log_polynomial", "coefficients": [1, 0.5], "degree": 2},
        ["variants.ph-vae-3.model.divergence", "degree is 2, but the coefficients are listed: give one of the two"],
    ),
    "one model under two names": (
        "variants.again",
        {"model": {"order": 3, "divergence": {"name": "hierarchical", "ratio": 2.0}}},
        ["variants.again: found the model of ph-vae-3 under another name (data set claw)"],
    ),
    "a variant that no data set trains": (
        "datasets",
        {"digits": {"variants": ["vae"]}, "claw": {"n_train": [100], "variants": ["vae"]}},
        ["small.yaml: variants: ph-vae-3 in no data set's list"],
    ),
    "a learned scale that nothing trains": (
        "variants.ph-vae-3.model",
        {"order": 3, "likelihood": {"name": "gaussian", "scale": "learned"}, "reconstruction_weights": [0, 1, 0]},
        ["variants.ph-vae-3.model", "scale learned needs a positive first reconstruction weight", "[0.0, 1.0, 0.0]"],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_with_one_readable_message(case):
    path, value, words = BAD[case]
    with pytest.raises(ConfigError) as caught:
        parse_grid(changed(path, value), "small.yaml")
    for word in words:
        assert word in str(caught.value)
    assert str(caught.value).startswith("small.yaml: ")


def test_what_is_not_known_of_the_users_own_pictures_is_not_refused(tmp_path):
    own = {
        "data": {"kind": "images", "path": str(tmp_path)},
        "n_train": [70_000],
        "model": {"network": "conv_locatello"},
    }
    assert len(parse_grid(SMALL | {"datasets": {"own": own}}, "a").cells) == 2


@pytest.mark.parametrize("missing", ["name", "datasets", "variants"])
def test_names_what_is_missing(missing):
    content = {key: value for key, value in SMALL.items() if key != missing}
    with pytest.raises(ConfigError, match=rf"small.yaml: {missing}: missing, and required"):
        parse_grid(content, "small.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "found a list"),
        ("", "found nothing"),
        ("just words", "found a str"),
        ("a: [1", "not valid YAML"),
        ("name: a\nname: b\n", "given twice"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("\x00", "not valid YAML"),
        ("name: a\nseeds: 2024-13-45", "'2024-13-45' is no timestamp (line 2)"),
        ("a: 0x_", "'0x_' is no int (line 1)"),
        ("a: !!int x", "'x' is no int (line 1)"),
        ("a: !!int ''", "'' is no int (line 1)"),
        ("a: !!bool x", "'x' is no bool (line 1)"),
        ("a: !!timestamp x", "'x' is no timestamp (line 1)"),
        (f"a: {'9' * 5000}", "is no int (line 1)"),
        (f"a: 0x{'f' * 5000}", "an integer beyond 63 bits (line 1)"),
        (f"a: 1{':00' * 200}.5", "is no float (line 1)"),
        ("a: &a {b: 1}\nc: {<<: *a}", "<< merges keys: write them out (line 2)"),
        ("a: 1\nb: &b [1, *b]", "more than 100,000 values"),
        ('a: 1\nb: {c: "x\\0"}', "the character U+0000 is no part of a text (line 2)"),
        ('"a\\e[31m": 1', "the character U+001B is no part of a text (line 1)"),
        ('a: "\\ud800"', "the character U+D800 is no part of a text (line 1)"),
    ],
)
def test_refuses_files_that_are_no_configuration(tmp_path, capsys, text, words):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    assert main(["config", str(path)]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert "bad.yaml" in message
    assert "Traceback" not in message


@pytest.mark.parametrize("value", ["[*, *, *, *, *, *, *, *, *, *]", "{a: *, b: *, c: *, d: *, e: *, f: *, g: *}"])
def test_aliases_of_aliases_are_counted_before_they_are_followed(tmp_path, capsys, value):
    """Less than a kilobyte that stands for 10^20 values."""
    path = tmp_path / "laughs.yaml"
    lines = [f"k{i}: &k{i} {value.replace('*', f'*k{i - 1}')}" for i in range(1, 21)]
    path.write_text("\n".join(["k0: &k0 x", *lines]))
    assert main(["config", str(path)]) == 2
    assert "laughs.yaml: not valid YAML: more than 100,000 values" in capsys.readouterr().err


def test_names_the_nearest_file(tmp_path, capsys):
    (tmp_path / "quick.yaml").write_text("name: a")
    assert main(["config", str(tmp_path / "quik.yaml")]) == 2
    assert "did you mean 'quick.yaml'" in capsys.readouterr().err


def test_reads_back_what_the_workflow_writes_for_its_jobs(tmp_path):
    grid = parse_grid(SMALL, "small.yaml")
    path = tmp_path / "config.json"
    path.write_text(grid.dump())
    again = load_grid(path)
    assert again.cells == grid.cells
    assert list(again.batches()) == list(grid.batches())
    assert again.source == "small.yaml"


def test_every_script_reads_back(tmp_path):
    """JSON writes a character beyond U+FFFF as two escapes."""
    grid = parse_grid(changed("variants.vae.label", "β-VAE 𝛽 😀\n变分"), "small.yaml")
    path = tmp_path / "config.json"
    path.write_text(grid.dump())
    assert load_grid(path).labels == grid.labels


def test_a_new_seed_leaves_the_cells_of_the_others_alone():
    few, more = parse_grid(SMALL, "a"), parse_grid(SMALL | {"seeds": 3}, "a")
    assert [cell.science() for cell in few.cells] == [cell.science() for cell in more.cells]
    assert more.cells[0].seeds == (0, 1, 2)


def test_the_key_changes_with_the_science_only():
    before = parse_grid(SMALL, "a").cells[0].science()
    for path, value, same in [
        ("training.epochs", 31, False),
        ("model.latent_size", 24, False),
        ("training.checkpoint_minutes", 1.0, True),
        ("evaluation.n_samples", 77, True),
        ("description", "other words", True),
        ("variants.vae.curve", False, True),
    ]:
        assert (parse_grid(changed(path, value), "a").cells[0].science() == before) is same, path


def test_a_variant_stays_off_the_curve_only_where_its_entry_says_so():
    assert parse_grid(SMALL, "a").off_curve == frozenset()
    assert parse_grid(changed("variants.vae.curve", False), "a").off_curve == {"vae"}


def test_chunks_follow_the_seeds():
    grid = parse_grid(changed("training.seeds_per_job", 3) | {"seeds": [1, 4, 5, 9]}, "a")
    assert grid.stacks(grid.cells[0]) == [[1, 4, 5], [9]]


def test_stacks_are_cut_from_the_configuration_alone():
    grid = parse_grid(SMALL | {"device": "auto", "seeds": 10}, "a")
    assert grid.stacks(grid.cells[0]) == [[*range(8)], [8, 9]]
    assert grid.stacks(grid.cells[0]) == parse_grid(SMALL | {"device": "cpu", "seeds": 10}, "a").stacks(grid.cells[0])


def test_what_does_not_stack_trains_one_seed_a_job():
    """With two threads a stack's bits would depend on its company; see `phvae.determinism.device.stackable`."""
    grid = parse_grid(SMALL | {"threads": 2, "seeds": 10}, "a")
    assert grid.stacks(grid.cells[0]) == [[seed] for seed in range(10)]
    cuda = parse_grid(SMALL | {"threads": 2, "seeds": 10, "device": "cuda"}, "a")
    assert cuda.stacks(cuda.cells[0]) == [[*range(10)]]


def test_batches_hold_every_cell_once():
    grid = parse_grid(changed("evaluation.cells_per_job", 1), "a")
    batches = grid.batches()
    assert list(batches) == [("claw", 100, 0), ("claw", 100, 1), ("digits", "all", 0), ("digits", "all", 1)]
    assert [cell for batch in batches.values() for cell in batch] == list(grid.cells)


@pytest.mark.parametrize("path", GRIDS, ids=lambda p: p.name)
def test_shipped_configurations_parse(path):
    # results/reference is the archive of the reference grid's runs
    assert load_grid(path).config.name == {"reference": "reference-runs"}.get(path.stem, path.stem)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("seeds", True, "a whole number"),
        ("seeds", "3", "a whole number"),
        ("seeds", [0, True], "a whole number"),
        ("threads", "1", "a whole number"),
        ("download", "yes", "true or false"),
        ("datasets.claw.n_train", ["100"], "a whole number"),
        ("model.latent_size", "12", "a whole number"),
        ("model.network", {"name": "dense", "hidden": ["8"]}, "a whole number"),
        ("training.steps", True, "a whole number"),
        ("training.seeds_per_job", "2", "'auto' or a whole number"),
        ("evaluation.redraws", True, "a whole number"),
    ],
)
def test_texts_and_truth_values_are_no_numbers(path, value, expected):
    """As in the schema."""
    with pytest.raises(ConfigError, match=rf"small.yaml: {path}.*: found .*, expected {expected}"):
        parse_grid(changed(path, value), "small.yaml")


def test_numbers_of_numpy_and_whole_fractions_stay_whole_numbers():
    model = ModelConfig(order=np.int64(3), latent_size=12.0, network=Dense(hidden=[np.int64(8)]))
    assert model.model_dump_json() == ModelConfig(order=3, network=Dense(hidden=[8])).model_dump_json()


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("model.likelihood", {"name": "gaussian", "scale": 9e-7}, "at least 1e-06"),
        ("model.likelihood", {"name": "gaussian", "scale": 0}, "at least 1e-06"),
        ("model.likelihood", {"name": "gaussian", "scale": 1e7}, "at most 1000000"),
        ("model.latent_size", 12_000_000, "at most 1000000"),
        ("model.network", {"name": "dense", "hidden": [16, 1_000_001]}, "at most 1000000"),
        ("training.batch_size", 1_000_001, "at most 1000000"),
        ("training.steps", 1_000_000_001, "at most 1000000000"),
        ("training.epochs", 1_000_000_001, "at most 1000000000"),
    ],
)
def test_slips_of_the_keyboard_are_refused_before_training(path, value, expected):
    with pytest.raises(ConfigError, match=rf"small.yaml: {path}.*: found .*, expected {expected}"):
        parse_grid(changed(path, value), "small.yaml")


def test_the_smallest_scale_is_accepted():
    grid = parse_grid(changed("model.likelihood", {"name": "gaussian", "scale": 1e-6}), "small.yaml")
    assert grid.cells[0].model.likelihood.scale == 1e-6


@pytest.mark.parametrize("label", ["$x_{$", "$\\beta$-VAE", "5 $"])
def test_labels_are_no_mathematics(label):
    """Matplotlib alone would read them so; one that it cannot read ended the figures after all training."""
    with pytest.raises(ConfigError, match=r"variants\.vae\.label: found .*, expected a text without \$"):
        parse_grid(changed("variants.vae.label", label), "small.yaml")


def test_the_reason_for_refusing_a_basis_is_true_of_all_it_refuses():
    content = changed("variants.ph-vae-3.model", {"order": 3, "basis": "legendre", "likelihood": "bernoulli"})
    content["variants"]["ph-vae-3"]["model"]["reconstruction_weights"] = "uniform"
    with pytest.raises(ConfigError, match="legendre, whose levels are not computed from the logit: use likelihood"):
        parse_grid(content, "small.yaml")


TWINS = {
    "one level is x itself": ({"order": 1, "divergence": "kl", "basis": "legendre", "encoder_width": "matched"}, "vae"),
    "weighing one level is weighing KL": ({"order": 1, "divergence": "hierarchical", "prior": "standard"}, "vae"),
    "weights as numbers": ({"order": 3, "divergence": {"name": "hierarchical", "weights": [1, 2, 4]}}, "ph-vae-3"),
    "one reconstruction weight": ({"order": 1, "divergence": "kl", "reconstruction_weights": "uniform"}, "vae"),
}


@pytest.mark.parametrize("case", TWINS)
def test_spellings_of_one_model_are_told(case):
    model, twin = TWINS[case]
    with pytest.raises(ConfigError, match=f"variants.again: found the model of {twin} under another name"):
        parse_grid(changed("variants.again", {"model": model}), "small.yaml")


def test_what_differs_in_one_thing_is_no_twin():
    for model in ({"order": 1, "divergence": {"name": "kl", "beta": 2}}, {"order": 3, "divergence": "kl"},
                  {"order": 1, "divergence": "log_polynomial"}, {"order": 3, "basis": "copies"}):  # fmt: skip
        assert len(parse_grid(changed("variants.again", {"model": model}), "small.yaml").cells) == 6
    trained = {"model": {"order": 1, "divergence": "kl"}, "training": {"epochs": 3}}
    assert len(parse_grid(changed("variants.again", trained), "small.yaml").cells) == 6


def test_a_check_of_a_configuration_reads_the_claims_too(tmp_path, capsys, monkeypatch):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/claims.yaml").write_text(
        "written: 2026-01-01\nclaims: {x: {text: t, datasets: [clow], metric: mse, direction: lower, "
        "challenger: vae, controls: [ph-vae-3], matters: {absolute: 1}}}"
    )
    (tmp_path / "small.yaml").write_text(json.dumps(SMALL))
    monkeypatch.chdir(tmp_path)
    assert main(["config", "small.yaml"]) == 2
    assert "claims.x.datasets: found 'clow'" in capsys.readouterr().err
