"""The fair comparison: intervals that cover, operations that are counted by hand, and what the record says."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.evaluation import classical, costs, statistics
from diffnet_tf.files import reading
from experiments import comparison
from experiments.lib import comparison_classical, comparison_figure, measure, networks, run
from tests.conftest import ROOT, run_python, tensorflow_only
from tests.small_experiments import execute

# ---- Intervals -------------------------------------------------------------------------------------------------------


def test_intervals_contain_the_true_mean_as_often_as_they_say():
    """Of a skewed distribution with known mean, 60 images: about 95 % of the 95 % intervals, half of those of 50 %."""
    rng = np.random.default_rng(0)
    covered = {0.95: [], 0.5: []}
    for _ in range(400):
        values = rng.gamma(4.0, 0.5, 60)
        for level, hits in covered.items():
            mean, low, high = statistics.interval(values, level, draws=400)
            assert low < mean < high
            hits.append(low <= 2.0 <= high)
    assert 0.91 < np.mean(covered[0.95]) < 0.98 and 0.44 < np.mean(covered[0.5]) < 0.56


def test_pairs_leave_only_the_difference_and_cover_it():
    """Images that are hard for both: the paired interval is as narrow as the difference, and covers it."""
    rng, hits = np.random.default_rng(1), []
    for _ in range(300):
        images = rng.normal(60, 3, 80)
        ours, theirs = (images + shift + rng.normal(0, 0.3, (3, 80)) for shift in (0.2, 0.0))
        _, low, high = statistics.paired(ours, theirs, draws=400)
        hits.append(low <= 0.2 <= high)
        alone = statistics.interval(ours, draws=400)
        assert high - low < 0.3 * (alone[2] - alone[1])
    assert 0.91 < np.mean(hits) < 0.985


def test_pairs_are_antisymmetric_and_average_seeds():
    rng = np.random.default_rng(2)
    ours, theirs = rng.normal(size=(3, 20)), rng.normal(size=20)
    mean, low, high = statistics.paired(ours, theirs)
    assert mean == pytest.approx(ours.mean() - theirs.mean())
    np.testing.assert_allclose(statistics.paired(theirs, ours), (-mean, -high, -low), atol=1e-12)
    with pytest.raises(ValueError, match="ours has 20 images, but theirs has 19"):
        statistics.paired(ours, theirs[:19])
    with pytest.raises(ValueError, match="1 are not finite"):
        statistics.interval([1.0, np.inf])


# ---- Operations ------------------------------------------------------------------------------------------------------


def test_operations_are_those_counted_by_hand():
    pixels = 16 * 20
    by_hand = 2 * pixels * 9 * (1 * 3 + 3 * 3 + 3 * 1)
    assert costs.flops(dn.models.ConvNet(depth=3, width=3), 16, 20) == by_hand
    estimator = 2 * pixels * 9 * (1 * 4 + 4 * 5)
    assert costs.flops(dn.models.DiffNet(2, 2, 4), 16, 20) == 2 * (estimator + pixels * 12)
    unet = dn.models.UNet(widths=(2, 4))
    fine = 9 * (1 * 2 + 2 * 2 + (2 + 2) * 2 + 2 * 2 + 2 * 1) * pixels
    coarse = 9 * (2 * 4 + 4 * 4 + 4 * 2) * pixels // 4  # and the transposed convolution, on the coarse pixels
    assert costs.flops(unet, 16, 20) == 2 * (fine + coarse)
    assert costs.flops(unet, 15, 19) == costs.flops(unet, 16, 20)  # padded to the same size


@tensorflow_only
def test_operations_are_those_of_tensorflows_profiler():
    """It also counts biases and additions, a few per cent."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = dn.models.ResNet(blocks=2, width=16)
    function = tf.function(lambda u: model(u)).get_concrete_function(tf.TensorSpec((1, 16, 16, 1)))
    graph = convert_variables_to_constants_v2(function).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    profile = tf.compat.v1.profiler.profile(graph, options=options.with_empty_output().build())
    assert costs.flops(model, 16, 16) == pytest.approx(profile.total_float_ops, rel=0.03)


def test_networks_of_equal_size_are():
    diffnet = dn.models.DiffNet().count_params()
    for network in networks.EQUAL:
        _, recipe = found = networks.recipe_for(network, "fast", comparison.TASKS[0])
        assert networks.make(network, recipe).count_params() == pytest.approx(diffnet, rel=0.02)
        assert found == networks.recipe_for("DiffNet", "fast", comparison.TASKS[0])


# ---- The experiment --------------------------------------------------------------------------------------------------


def small(network, recipe):
    """What `networks.make` gives, with few parameters."""
    makes = {
        "UNet": lambda: dn.models.UNet(widths=(4, 8)),
        "ConvNet": lambda: dn.models.ConvNet(2, 4),
        "ResNet": lambda: dn.models.ResNet(1, 4),
    }
    return makes.get(network, lambda: dn.models.DiffNet(2, 2, 4, initial_scale=recipe.initial_scale))()


def few(noise, wiener=None):
    """Of the classical methods the quick ones, each with few parameters to try."""
    names = ("fixed_point", "unsharp", "wiener") if noise else ("stepwise", "unsharp", "wiener")
    return {name: method for name, method in classical_methods(noise, wiener).items() if name in names}


classical_methods = classical.methods
TASK = comparison.TASKS[1]


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A finished run at budget smoke with small networks, all but the U-Net: (folder, record, arrays)."""
    root = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "make", small)
        patch.setattr(classical, "methods", few)
        patch.setattr(measure, "REPETITIONS", 2)
        patch.setattr(comparison, "TASKS", (TASK,))
        return root, *execute(comparison, root, only="input,long,classical,DiffNet,ResNet,ConvNet,costs")


@tensorflow_only
@pytest.mark.slow
def test_every_method_is_measured_on_the_same_pairs(compared):
    root, record, arrays = compared
    (task,) = record["tasks"]
    rows = task["rows"]
    assert {name for name, row in rows.items() if "psnr" not in row} == {"UNet"}
    kept = reading.json_object(root / "comparison" / "runs" / "ResNet-inverse-0.01-0-smoke.json")
    np.testing.assert_allclose(arrays["psnr_0.01_ResNet"], [kept["psnr"]], rtol=1e-6)
    test = dn.data.open_images("skimage", None, "test", 12)
    inputs, targets = dn.data.paired_arrays(test, noise=0.01, seed=measure.TEST_SEED)
    undone = dn.diffusion.fixed_point_inverse(inputs, rows["fixed_point"]["choice"]["iterations"])
    np.testing.assert_allclose(arrays["psnr_0.01_fixed_point"][0], dn.metrics.psnr(targets, undone), atol=2e-3)
    np.testing.assert_allclose(arrays["ssim_0.01_input"][0], dn.metrics.ssim(targets, inputs), atol=1e-5)
    for name in ("ConvNet", "unsharp"):
        difference = arrays[f"psnr_0.01_{name}"].mean() - arrays["psnr_0.01_DiffNet"].mean()
        mean, low, high = rows[name]["psnr_minus_DiffNet"]
        assert mean == pytest.approx(difference, abs=1e-4) and low < mean < high
    times = record["milliseconds_per_image"]["0.01"]
    assert set(times) == set(rows) - {"input", "long"} and times["UNet"]["n"] == 2
    assert rows["long"]["training_images"] == 3_600 and rows["long"]["parameters"] == 101_310


@tensorflow_only
@pytest.mark.slow
def test_parameters_are_chosen_on_training_images_alone(compared):
    """Other test images, the same choice."""
    _, record, _ = compared
    row, budget = record["tasks"][0]["rows"]["unsharp"], comparison.BUDGETS["smoke"]
    train = dn.data.open_images("skimage", None, "train", 12)
    pairs = dn.data.paired_arrays(train[: budget.tuning], noise=0.01, seed=measure.TUNING_SEED)
    method = classical.methods(0.01)["unsharp"]
    choice, tried = classical.tune(method, *pairs)
    assert tried == row["tried"] and choice == row["choice"]
    assert measure.TUNING_SEED != measure.TEST_SEED
    again = comparison_classical.measured("unsharp", method, TASK, budget, (train, train[8:])).record
    assert again["tried"] == tried and len(again["psnr"]) == 4


@tensorflow_only
@pytest.mark.slow
def test_the_table_and_the_picture_say_what_was_not_run(compared):
    root, record, arrays = compared
    lines = comparison_figure.table(record).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert any(line.startswith("| U-Net | not run") for line in lines)
    best = next(line for line in lines if line.startswith("| DiffNet, 30,000 steps"))
    mean = arrays["psnr_0.01_long"].mean()
    assert f"| {mean:.2f} (" in best and "| 101,310 | 1,858 |" in best and "| 3,600 |" in best
    assert "Not run: U-Net (inverse, 1 % noise)" in comparison.caption(record)
    (picture,) = run.render(comparison, root / comparison.NAME)
    assert picture.stat().st_size > 10_000


def test_of_each_run_the_one_with_most_steps_counts_and_a_part_alone_is_drawn():
    def run(of, **more):
        return {"name": of.name, "task": {"problem": "inverse", "noise": 0.01}, **more, "commit": None}

    diffnet = {"network": "DiffNet", "seed": 0, "recipe": {}, "training_images": 9, "parameters": 7}
    runs = [
        run(comparison.Run("DiffNet", TASK, 0), **diffnet, steps=steps, budget=budget, psnr=[steps, 2], ssim=[1, 1])
        for steps, budget in ((400, "cpu"), (120, "quick"))
    ]
    tv = {"method": "tv", "kind": "untold", "label": "TV"}
    runs += [
        run(comparison.Beside("tv", TASK, True), **tv, training_images=n, budget=b, psnr=[n, 1], ssim=[1, 1])
        for n, b in ((32, "cpu"), (16, "quick"))
    ]
    result = comparison.gather(runs, None)
    rows = result.record["tasks"][1]["rows"]
    assert rows["DiffNet"]["steps"] == rows["DiffNet"]["fewest_steps"] == 400 and rows["tv"]["training_images"] == 32
    np.testing.assert_array_equal(result.arrays["psnr_0.01_tv"], [[32.0, 1.0]])
    assert result.record["budget"] == "cpu" and result.record["test_images"] == 2
    for some in (runs[:1], runs[2:3]):
        record = comparison.gather(some, None).record | {"title": "t", "source": "s", "data": "a", "test_data": "b"}
        comparison.draw(record, {})
        assert "not run" in comparison_figure.table(record)


GATHER = """
import sys
for name in ("keras", "tensorflow", "scipy", "skimage"):
    sys.modules[name] = None  # importing it fails
from pathlib import Path
import numpy as np
from experiments import comparison
from experiments.lib import study
found = comparison.gather(study.finished(Path("results/comparison")), Path("results"))
np.savez(sys.argv[1], **found.arrays)
"""


def test_the_committed_parts_give_the_committed_arrays_without_keras(tmp_path):
    run_python(GATHER, tmp_path / "arrays.npz")
    expected, found = np.load(ROOT / "results" / "comparison" / "arrays.npz"), np.load(tmp_path / "arrays.npz")
    assert set(found) == set(expected) and "psnr_0_newton" in found
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name])
