"""One network for every Perona–Malik diffusion: what is trained, gathered, drawn, and goes onto the preset's card."""

import json

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.networks import plain
from experiments import inverse_any, presets
from experiments.lib import given_card, given_classical, given_diffusion, given_figure, given_record, records
from experiments.lib.given_diffusion import CANDIDATES, CHOSEN, NAMES, SETTINGS, SPECIALISTS
from tests.conftest import mostly_slow, slow
from tests.experiments import fakes
from tests.small_experiments import execute

FEW = 5  # images


def values(mean, *names):
    """PSNR of each image at some settings, as the arrays of a part."""
    return {name: np.float32(mean + 0.1 * np.arange(FEW) + k) for k, name in enumerate(names or NAMES)}


def training(name, method, steps=30_000, **more):
    network = plain.describe(dn.models.ConditionedDiffNet(**CANDIDATES[CHOSEN])) if method == "inverse-any" else {}
    recipe = fakes.FAST | {"crop": 48}
    about = {"name": name, "method": method, "label": name, "kind": "network", "seed": 0, "steps": steps}
    about |= {"budget": "cpu", "recipe": recipe, "parameters": 108_515, "network": network, "validation_psnr": 35.0}
    return {**about, "training_images": 9, "training_seconds": 60.0, "note": None, "versions": {}, "file": name, **more}


def runs():
    """The records of all parts, made up: ours 3 dB above the classical methods, of which pnp_tv is the best."""
    common = {"budget": "cpu", "kind": "network", "label": "x"}
    found = [training(f"search-{name}", "inverse-any", 4_000, candidate=name) for name in ("maps", "start")]
    found[1]["validation_psnr"] = 36.0
    for seed in range(3):
        name = "inverse-any" + (f"-seed-{seed}" if seed else "")
        found.append(training(name, "inverse-any", seed=seed))
        test = {"name": f"test-{name}", "of": name, "method": "inverse-any", "steps": 30_000, **common}
        found.append({**test, "arrays": values(38.0 + 0.1 * seed)})
    for each in SPECIALISTS:
        name = f"specialist-{each.name}"
        found.append(training(name, "specialist", setting=each.name))
        test = {"name": f"test-{name}", "of": name, "method": "specialist", "steps": 30_000, **common}
        found.append({**test, "arrays": values(38.0, each.name)})
    for name, preset in given_diffusion.PRESETS.items():
        test = {"name": f"preset-{preset}", "of": preset, "method": "preset", "steps": 0, **common}
        found.append({**test, "arrays": values(38.0, name)})
    for method in given_classical.METHODS:
        about = {"budget": "cpu", "kind": "classical", "method": method, "label": method}
        about |= {"choice": {"alpha": 0.1}, "at_an_end": []}
        for k, name in enumerate(NAMES):
            mean = 35.0 + k - (method != "pnp_tv")
            found.append({**about, "name": f"c-{name}", "setting": name, "arrays": {"psnr": values(mean, name)[name]}})
    blank = {"name": "classical-input", "method": "input", "kind": "input", "label": "input", "budget": "cpu"}
    found.append({**blank, "arrays": values(30.0)})
    wrong = {kind: {error: dict.fromkeys(NAMES, 37.0) for error in ("-0.1", "+0.1")} for kind in ("contrast", "time")}
    noiseless = {"0.1-0.2-0": {"inverse-any": 50.0, "stepwise": 130.0, "newton": 140.0}}
    shown = {"photograph": {"name": "camera", "psnr": {"input": 30.0, "inverse-any": 35.0, "newton": 33.0}}}
    beside = {"name": "beside", "budget": "cpu", "wrong": wrong, "noiseless": noiseless, "diffusivities": {}, **shown}
    pixels = {f"photograph_{name}": np.zeros((8, 8), "uint8") for name in given_figure.PANELS}
    return [*found, {**beside, "arrays": pixels}]


@pytest.fixture(scope="module")
def gathered():
    result = inverse_any.gather(runs(), None)
    return {**fakes.COMMON, "experiment": "inverse-any", **result.record}, result.arrays


def test_the_settings_are_those_of_the_goals():
    assert len(SETTINGS) == len(NAMES) == 18 and len(SPECIALISTS) == len(set(SPECIALISTS)) == 6
    for field, count in (("contrast", 2), ("time", 2), ("noise", 3)):
        each = [getattr(setting, field) for setting in SPECIALISTS]
        assert {each.count(value) for value in each} == {count}
    sizes = [dn.models.ConditionedDiffNet(**arguments).count_params() for arguments in CANDIDATES.values()]
    assert max(sizes) <= given_diffusion.LARGEST


def test_everything_is_gathered(gathered):
    record, arrays = gathered
    assert arrays["psnr_inverse-any"].shape == (3, 18, FEW) and np.isfinite(arrays["psnr_inverse-any"]).all()
    assert np.isfinite(arrays["psnr_specialist"]).all(axis=(0, 2)).sum() == 6
    assert [run["candidate"] for run in record["search"]] == ["start", "maps"] and len(record["runs"]) == 9
    assert record["methods"]["inverse-any"]["results"]["0.1-0.2-0.001"]["mean"] == pytest.approx(38.3, abs=1e-3)
    assert given_record.best_classical(record, "0.1-0.2-0.001")[0] == "pnp_tv"
    json.dumps(record, allow_nan=False)
    for claim in inverse_any.CLAIMS:
        assert claim.check(record, arrays).answer == "holds", claim.text


@slow
def test_a_measurement_of_a_shorter_training_does_not_count(gathered):
    short = {"name": "test-inverse-any", "of": "inverse-any", "method": "inverse-any", "label": "x", "kind": "network"}
    short |= {"steps": 2, "budget": "smoke", "arrays": values(10.0)}
    _, arrays = gathered
    again = inverse_any.gather([*runs(), short], None).arrays
    np.testing.assert_array_equal(again["psnr_inverse-any"], arrays["psnr_inverse-any"])


def test_it_is_drawn_and_told(gathered):
    record, arrays = gathered
    for drawn in (inverse_any.draw(record, arrays), inverse_any.caption(record), inverse_any.alt(record)):
        assert list(drawn) == ["figure", "figure-photograph"]
    axes = inverse_any.draw(record, arrays)["figure"].axes
    assert [len(axis.lines) for axis in axes] == [5, 5]
    assert "inverse-any lies 3.1 to 3.1 dB above the best classical inverse." in inverse_any.alt(record)["figure"]


def test_its_tables(gathered):
    record, _ = gathered
    rows = given_figure.table(record).splitlines()
    assert len(rows) == 20 and "| 0.1 | 0.2 | 0.1 % | 30.20 | 35.20 (pnp_tv) | 38.30 | – | – |" in rows
    best = given_figure.search_table(record).splitlines()[2]
    assert best.startswith(
        "| `start` | sees y − PM(u); returns to y through PM; starts from 3 fixed-point iterations; "
    )
    assert "| 0.1 | 0.2 | 0.1 % | 38.20 | -1.20 | -1.20 | -1.20 | -1.20 |" in given_figure.wrong_table(record)
    assert "| 0.1 | 0.2 | 50.00 | 130.00 | 140.00 |" in given_figure.noiseless_table(record)


def test_its_record_makes_a_preset(gathered, tmp_path):
    record, arrays = gathered
    records.save(tmp_path / "inverse-any", record, arrays)
    model = dn.models.ConditionedDiffNet(**CANDIDATES[CHOSEN])
    fakes.part(tmp_path, "inverse-any", training("inverse-any", "inverse-any"))
    model.save(tmp_path / "inverse-any" / "runs" / "inverse-any.keras")
    folder = tmp_path / "weights"
    folder.mkdir()
    assert presets.main(["--results_dir", str(tmp_path), "--folder", str(folder)]) == 0
    card = json.loads((folder / "inverse-any.json").read_text())
    assert card["noise"] == [0.001, 0.05] and card["diffusion"]["contrast"] == [0.1, 0.4]
    assert card["quality"]["settings"]["0.4-0.8-0.01"]["output"] > card["quality"]["settings"]["0.4-0.8-0.01"]["input"]
    assert plain.describe(plain.make(card["network"])) == card["network"]
    text = presets.as_markdown(card)
    assert "`ConditionedDiffNet(" in text and "per_image(contrast=[0.1, 0.4], time=[0.2, 1.0]" in text
    assert "with λ, T, σ = 0.4, 0.8, 0.01" in text and given_card.LIMITS in text


@slow
def test_what_a_network_is_given(photographs):
    """The same images and noise for a network that is given the setting as for one that is not; the errors are seen."""
    setting = NAMES["0.2-0.4-0.01"]
    inputs, targets = given_diffusion.pairs(photographs[:2], setting)
    expected = dn.data.paired_arrays(photographs[:2], noise=0.01, seed=1)
    np.testing.assert_allclose(inputs, expected[0], atol=1e-6)
    np.testing.assert_array_equal(targets, expected[1])
    keras.utils.set_random_seed(0)
    model = dn.models.ConditionedDiffNet(1, 1, 4)
    restored = given_diffusion.restorer(model)
    right, wrong = restored(inputs, setting), restored(inputs, setting, time=0.44)
    array = keras.ops.convert_to_numpy
    np.testing.assert_allclose(right, array(model(model.inputs_of(inputs, 0.01, 0.2, 0.4))), atol=1e-5)
    np.testing.assert_allclose(wrong, array(model(model.inputs_of(inputs, 0.01, 0.2, 0.44))), atol=1e-5)
    assert np.abs(wrong - right).max() > 1e-4


@pytest.mark.parametrize("method", mostly_slow(given_classical.METHODS, "newton"))
def test_classical_methods_know_the_setting(photographs, method):
    setting = NAMES["0.4-0.2-0.001"]
    one = given_classical.method(method, setting)
    assert one.knows_diffusion
    inputs, targets = given_diffusion.pairs(photographs[:1, :32, :32], setting)
    choice = {name: options[len(options) // 2] for name, options in one.grid.items()}
    choice |= {"iterations": 3} if one.most or method == "stepwise" else {}
    from diffnet_tf.evaluation import classical

    outputs = classical.restored(one, inputs, choice)
    assert float(given_diffusion.psnr(targets, outputs)[0]) > float(given_diffusion.psnr(targets, inputs)[0]) + 1


@slow
def test_all_parts_run(tmp_path, monkeypatch):
    small = {"num_layers": 1, "estimator_depth": 1, "width": 2}
    monkeypatch.setattr(given_diffusion, "CANDIDATES", {"maps": small, "start": {**small, "start": 1}})
    monkeypatch.setattr(given_classical, "METHODS", ("newton",))
    monkeypatch.setattr(given_figure, "SHOWN", given_diffusion.Setting(0.01, 0.15, 0.1))
    monkeypatch.setattr(inverse_any, "_settings", lambda budget: [NAMES["0.2-0.2-0.001"], NAMES["0.2-0.2-0.01"]])
    record, arrays = execute(inverse_any, tmp_path)
    assert len(record["search"]) == 2 and len(record["runs"]) == 4 and arrays["psnr_inverse-any"].shape == (2, 18, 4)
    assert set(record["wrong"]) == {"contrast", "time"} and record["noiseless"]["0.2-0.2-0"]["newton"] > 100
