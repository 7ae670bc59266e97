"""What a part keeps: a measurement is of the network that is there, and the longest budget counts."""

import json

import keras
import pytest

from diffnet_tf.files import model_files
from experiments import fig13_smoothing
from experiments.lib import colour_record, conservative_record, denoise_record, given_record, kept, study
from tests.experiments.rules_denoise import classical, network
from tests.small_experiments import options


def train(chosen, scale):
    """Keep a network in place of the training "DiffNet"."""
    inputs = keras.Input((None, None, 1))
    kept.network_path("DiffNet", chosen).parent.mkdir(parents=True, exist_ok=True)
    model_files.save(keras.Model(inputs, scale * inputs), kept.network_path("DiffNet", chosen))


def test_a_network_that_was_trained_anew_is_measured_anew(tmp_path):
    chosen, calls = options(fig13_smoothing, tmp_path), []

    def measure():
        calls.append(kept.network("DiffNet", chosen)(keras.ops.ones((1, 2, 2, 1))).numpy().max())
        return study.Result({})

    def do():
        study.do_missing([study.Part("test-DiffNet", measure, of=["DiffNet"])], chosen)
        return [float(call) for call in calls]

    with pytest.raises(FileNotFoundError, match="--only DiffNet"):
        do()
    train(chosen, 2.0)
    assert do() == [2.0] and do() == [2.0]
    train(chosen, 3.0)
    assert do() == [2.0, 3.0] and do() == [2.0, 3.0]
    record = kept.path("test-DiffNet", chosen)
    older = json.loads(record.read_text())
    assert older.pop(kept.HASHES).keys() == {"DiffNet"}
    record.write_text(json.dumps(older))
    assert do() == [2.0, 3.0]  # a record of an older version does not say which network


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_budgets_the_longest_counts(order):
    """A short run beside a long one changes nothing, in whichever order the files are read."""
    long, short = {"budget": "cpu"}, {"budget": "quick"}
    about = {"data": "x", "source": "z", "commit": "0", "name": "inverse", "of": "undone"}
    runs = [{**about, **long, "iterations": 40}, {**about, **short, "iterations": 4}]
    found = conservative_record.gather(runs[::order], None).record
    assert found["inverse"]["iterations"] == 40
    runs = [classical("bm3d", by=1.0) | long, classical("bm3d", by=-1.0) | short]
    found = denoise_record.gather(runs[::order], None).record
    assert found["methods"]["bm3d"]["results"]["bsd68"]["25"]["mean"] == pytest.approx(30.2)
    beside = {"wrong": 1, "name": "beside"}
    found = given_record.gather([{**beside, **long}, {**beside, **short, "wrong": 2}][::order], None).record
    assert found["wrong"] == 1


@pytest.mark.parametrize("order", [1, -1])
def test_a_measurement_belongs_to_the_training_of_its_budget(order):
    from experiments import denoise

    runs = []
    for budget, by, steps in (("cpu", 0.0, 30_000), ("quick", -5.0, 300)):
        whole = network("diffnet", by=by, steps=steps) | {"budget": budget, "name": "DiffNet"}
        test = {key: whole.pop(key) for key in denoise_record.MEASURED if key in whole}
        runs += [whole, {**test, "name": "test-DiffNet", "of": "DiffNet", "budget": budget}]
    record = denoise.gather(runs[::order], None).record
    assert record["methods"]["diffnet"]["results"]["bsd68"]["25"]["mean"] == pytest.approx(29.2)
    assert [run["steps"] for run in record["runs"]] == [30_000]


def test_a_part_of_a_photograph_is_that_of_the_longest_budget():
    runs = [classical("nlm", by=1.0) | {"budget": "cpu"}, classical("nlm", by=2.0) | {"budget": "quick"}]
    for run, part in zip(runs, "ab"):
        run["arrays"] = {"part": part}
    sets = {colour_record.colour.SET: runs[0]["sets"]["bsd68"]}
    runs = [{**run, "sets": sets, "psnr": {colour_record.colour.SET: run["psnr"]["bsd68"]}} for run in runs]
    for each in (runs, runs[::-1]):
        assert colour_record.gather(each, None).arrays["part_nlm"] == "a"
