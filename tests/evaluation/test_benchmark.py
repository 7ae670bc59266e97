"""The benchmark: pairs that never change, a score that solvers cannot break, and records that are checked."""

import json
import re
import warnings

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import __main__
from diffnet_tf.data import sources
from diffnet_tf.evaluation import benchmark, classical
from diffnet_tf.evaluation.benchmark import measure, methods, records, solvers, tasks
from tests import oracle
from tests.conftest import run_python, slow, tensorflow_only

CLEAN, NOISY = tasks.TASKS["paper-0pct"], tasks.TASKS["paper-1pct"]


def same(image):
    return image


def own(report, task=NOISY):
    """(row, score) of the solver that was measured."""
    return next(pair for pair in report.ranking(task.name) if pair[0] is report.record["solvers"][0])


# ---- Pairs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", [CLEAN, tasks.TASKS["longer-0pct"]], ids=lambda task: task.name)
def test_the_diffusion_is_that_of_the_package(task):
    image = tasks.images()["coffee 1"]
    diffused = task.diffuse(image)
    expected = oracle.nonlinear(image, task.steps, task.dt, task.contrast, "perona_malik_1", "neumann", "explicit")
    np.testing.assert_allclose(diffused, expected, atol=1e-13)
    np.testing.assert_allclose(diffused, dn.diffusion.perona_malik(image, **task.diffusion), atol=1e-6)


def test_images_are_scaled_disjoint_and_not_those_that_users_train_on():
    images = np.stack(list(tasks.images().values()))
    assert images.shape == (20, 96, 96) and images.dtype == np.float32
    assert (images.max(axis=(1, 2)) == 1).all() and images.min() >= 0
    assert not set(tasks.PHOTOGRAPHS) & set(sources.SKIMAGE_TRAIN)
    assert len(np.unique(np.concatenate([images, tasks.training_images()]), axis=0)) == 20 + 99


def test_noise_is_normal_and_far_from_where_rounding_could_differ(monkeypatch):
    inputs, targets = tasks.pairs(NOISY)
    noise = (inputs - np.stack([NOISY.diffuse(target) for target in targets])) / NOISY.noise
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    assert abs(np.mean(noise[0] * noise[1])) < 0.05  # another noise for every image
    other = tasks.pairs(tasks.TASKS["paper-0.1pct"])[0][0] - CLEAN.diffuse(targets[0])
    assert np.abs(noise[0] - other / 0.001).max() > 1  # and for every task
    scaled = []
    monkeypatch.setattr(np, "rint", lambda values, rint=np.rint: scaled.append(values) or rint(values))
    for task in tasks.TASKS.values():
        for number in range(21 if task.noise else 0):
            tasks.standard_noise((96, 96) if number < 20 else tasks.LARGE_SIZE, tasks.SEED, task.number, number)
    values = np.concatenate([np.ravel(each) for each in scaled])
    assert np.abs(np.abs(values - np.floor(values)) - 0.5).min() > 1e-8  # libraries differ by less than 1e-9 there
    assert tasks.large(NOISY).shape == tasks.LARGE_SIZE


HASH = """
from diffnet_tf.evaluation.benchmark import tasks
for task in tasks.TASKS.values():
    tasks.pairs(task)  # raises an error if the hash differs
print(tasks.IDENTITY)
"""


@slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_pairs_are_the_same_bytes_on_every_backend(backend):
    pytest.importorskip(backend)
    printed = run_python(HASH, KERAS_BACKEND=backend)
    assert printed.split()[-1] == tasks.IDENTITY
    assert tasks.IDENTITY.startswith("db12775a6894"), "a change of the pairs needs a new VERSION, then a new hash here"


def test_other_pairs_and_photographs_are_refused(monkeypatch):
    inputs, targets = (array.copy() for array in tasks.pairs(CLEAN))
    tasks.check(CLEAN, inputs, targets)
    inputs[3, 5, 5] = np.nextafter(inputs[3, 5, 5], np.float32(1))
    with pytest.raises(ValueError, match="The pairs of paper-0pct have SHA-256 .* not be comparable"):
        tasks.check(CLEAN, inputs, targets)
    from skimage import data

    monkeypatch.setattr(data, "coins", lambda: np.zeros((303, 384), "uint8"))
    with pytest.raises(ValueError, match="another photograph 'coins'.*Install a version"):
        tasks.photograph("coins")
    with pytest.raises(ValueError, match="has no photograph 'dog'.*Install a version"):
        tasks.photograph("dog")


# ---- The score -------------------------------------------------------------------------------------------------------


def test_the_score_of_the_input_is_the_psnr_computed_elsewhere():
    row, score = own(dn.benchmark(same, ["paper-1pct"]))
    inputs, targets = (array[..., None] for array in tasks.pairs(NOISY))
    np.testing.assert_allclose(row["tasks"]["paper-1pct"]["psnr"], dn.metrics.psnr(targets, inputs), atol=2e-4)
    expected = float(np.mean(dn.metrics.ssim(targets, inputs)))  # without the margin of the window
    assert np.mean(row["tasks"]["paper-1pct"]["ssim"]) == pytest.approx(expected, abs=0.01)
    assert score["psnr"][1] < score["psnr"][0] < score["psnr"][2]
    assert (score["perfect"], score["failed"], row["knows_task"], row["parameters"]) == (0, 0, False, None)
    baseline = next(row for row in benchmark.reference()["solvers"] if row["name"] == "diffnet")
    expected = score["psnr"][0] - np.mean(baseline["tasks"]["paper-1pct"]["psnr"])
    assert score["difference"][0] == pytest.approx(expected) and expected < -3


def test_a_perfect_solver_is_counted_and_leads():
    inputs, targets = tasks.pairs(CLEAN)
    known = {image.tobytes(): target for image, target in zip(inputs, targets)}
    report = dn.benchmark(lambda image: known[image.tobytes()], ["paper-0pct"], name="oracle")
    row, score = report.ranking("paper-0pct")[0]
    assert (row["name"], score["perfect"], score["psnr"]) == ("oracle", 20, (measure.BEST,) * 3)
    assert measure.psnr(targets[0], targets[0] + 1e-9) == measure.BEST  # never lower than a worse image
    assert measure.psnr(targets[0], targets[0] + 1e9) == 0
    assert "20 perfect" in str(report)


def test_a_solver_may_overwrite_its_image():
    def careless(image, task):
        image[:] = 0
        return image

    assert own(dn.benchmark(careless, ["paper-1pct"]))[1]["failed"] == 0
    tasks.check(NOISY, *tasks.pairs(NOISY))
    with pytest.raises(ValueError):
        tasks.pairs(NOISY)[0][:] = 0


def test_times_are_positive_and_leave_out_the_first_call():
    row, _ = own(dn.benchmark(same, ["paper-1pct"]))
    times = row["tasks"]["paper-1pct"]["milliseconds"]
    assert 0 < times["min"] <= times["median"] <= times["max"] and times["n"] == 19
    assert row["large"]["milliseconds"]["n"] == 3 and row["large"]["pixels"] == [300, 451]
    assert measure.milliseconds([]) is None


def test_random_solvers_give_the_same_again():
    rng = np.random.default_rng()

    def random(image):
        return image + 0.01 * rng.normal(size=image.shape) + 0.01 * np.random.normal(size=image.shape)

    first, second = (own(dn.benchmark(random, ["paper-1pct"]))[0]["tasks"]["paper-1pct"]["psnr"] for _ in range(2))
    assert first == second and len(set(first)) == 20


# ---- Solvers that fail -----------------------------------------------------------------------------------------------


def failing_on(number, result):
    """A solver that returns (or raises) something else for the image of this number."""
    calls = []

    def solver(image):
        calls.append(image)
        if len(calls) != number + 1:
            return image
        if isinstance(result, Exception):
            raise result
        return result(image)

    return solver


FAILURES = {
    "raises": (RuntimeError("mine\x00\nwent wrong"), "RuntimeError: mine went wrong"),
    "NaN": (lambda image: image * np.nan, "ValueError: the returned values hold 9216 .*NaN"),
    "shape": (lambda image: image[1:], r"ValueError: returned shape \(95, 96\); expected \(96, 96\)"),
    "bytes": (lambda image: (255 * image).astype("uint8"), "InputTypeError: .*uint8; expected floating point"),
    "nothing": (lambda image: None, "InputTypeError: returned no array"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_an_image_on_which_a_solver_fails_counts_as_0_decibels(name):
    result, message = FAILURES[name]
    with pytest.warns(UserWarning, match=r"failed on 1 of 20 images of paper-1pct, first on 'coffee 1'"):
        report = dn.benchmark(failing_on(2, result), ["paper-1pct"])
    row, score = own(report)
    assert list(row["tasks"]["paper-1pct"]["failures"]) == ["coffee 1"] and score["failed"] == 1
    assert re.match(message, row["tasks"]["paper-1pct"]["failures"]["coffee 1"].replace("  ", " "))
    assert row["tasks"]["paper-1pct"]["psnr"][2] == 0 < min(np.delete(row["tasks"]["paper-1pct"]["psnr"], 2))
    assert "1 of 20 images failed" in str(report)
    json.dumps(report.record, allow_nan=False)
    with pytest.raises((RuntimeError, ValueError, TypeError)):
        dn.benchmark(failing_on(2, result), ["paper-1pct"], strict=True)


def test_images_after_the_time_limit_count_as_failed():
    import time

    def slow_solver(image):
        time.sleep(0.05)
        return image

    with pytest.warns(UserWarning, match="time limit"):
        row, score = own(dn.benchmark(slow_solver, ["paper-1pct"], time_limit=0.12))
    assert 10 < score["failed"] < 20 and set(row["tasks"]["paper-1pct"]["failures"].values()) == {measure.LATE}
    assert row["tasks"]["paper-1pct"]["psnr"][-1] == 0 < row["tasks"]["paper-1pct"]["psnr"][0]


# ---- What a solver can be --------------------------------------------------------------------------------------------


def test_a_network_is_a_solver():
    model = dn.models.DiffNet(1, 1, 4, initial_scale=1e-6, name="still")  # the identity
    row, score = own(dn.benchmark(model, ["paper-1pct"]))
    assert (row["name"], row["parameters"], row["knows_task"]) == ("still", model.count_params(), False)
    reference = next(row for row in benchmark.reference()["solvers"] if row["name"] == "input")
    expected = np.mean(reference["tasks"]["paper-1pct"]["psnr"])
    assert score["psnr"][0] == pytest.approx(expected, abs=0.05)  # the network clips at 0


def test_a_network_with_two_channels_gets_the_noise_level():
    inputs = keras.Input((None, None, 2))
    solver = solvers.of(keras.Model(inputs, inputs[..., 1:]))
    image = tasks.pairs(NOISY)[0][0]
    np.testing.assert_allclose(solvers.image_of(solver.solve(image, NOISY), image.shape), 0.01, rtol=1e-6)
    assert solver.knows_task
    inputs = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="gray images"):
        solvers.of(keras.Model(inputs, inputs))


def test_a_function_gets_the_task_if_it_asks_for_it():
    given = []
    for function in (
        lambda image, task: given.append(task) or image,
        lambda image, task=None: given.append(task) or image,
        lambda image, strength=3: given.append(strength) or image,
    ):
        solvers.of(function).solve(np.zeros((3, 3), "float32"), NOISY)
    assert given == [NOISY, NOISY, 3]

    class Method:
        parameters = 7

        def __call__(self, image):
            return image

    assert solvers.of(Method()).parameters == 7 and solvers.of(Method()).label == "Method"
    assert solvers.of(same, parameters=3).parameters == 3
    for wrong, message in ((3, "solver is a int"), (lambda: 3, "takes no image")):
        with pytest.raises((TypeError, ValueError), match=message):
            dn.benchmark(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["paper-2pct"]}, "Did you mean"),
        ({"tasks": "paper-1pct"}, "expected a list"),
        ({"tasks": []}, "empty"),
        ({"baseline": "difnet"}, "Did you mean 'diffnet'"),
        ({"time_limit": 0}, "time_limit=0"),
        ({"parameters": -1}, "parameters=-1"),
        ({"name": "a\nb"}, "printable"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(options, message):
    def never(image):
        raise AssertionError

    with pytest.raises((TypeError, ValueError), match=message):
        dn.benchmark(never, **options)


# ---- Our methods and their stored results ----------------------------------------------------------------------------


def test_every_method_of_the_package_has_stored_results():
    stored = {row["name"]: set(row["tasks"]) for row in benchmark.reference()["solvers"]}
    assert {solver.name: set(solver.tasks or tasks.TASKS) for solver in methods.ours()} == stored
    names = set(classical.methods(0.0, same)) | set(classical.methods(0.01, same))
    assert names | {"input", "diffnet", "any_noise", "richardson_lucy"} == set(stored)


def test_stored_results_are_those_of_a_fresh_run():
    stored = {row["name"]: row["tasks"] for row in benchmark.reference()["solvers"]}
    for solver in methods.ours({"paper-1pct": NOISY}):
        if solver.name in ("input", "unsharp", "diffnet"):
            row = measure.measured(solver, {"paper-1pct": NOISY}, None)["tasks"]["paper-1pct"]
            np.testing.assert_allclose(row["psnr"], stored[solver.name]["paper-1pct"]["psnr"], atol=2e-3)
            assert row["choice"] == stored[solver.name]["paper-1pct"]["choice"]


def test_stored_choices_are_of_the_grids():
    for task in tasks.TASKS.values():
        for name, method in methods.of(task).items():
            stored = next(row for row in benchmark.reference()["solvers"] if row["name"] == name)
            for key, value in stored["tasks"][task.name]["choice"].items():
                assert value in [round(v, 6) for v in method.grid.get(key, range(1, method.most + 1))]


# ---- Records and reports ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report():
    return dn.benchmark(lambda image, task: image, ["paper-0pct", "paper-1pct"], name="mine $a_$")


@pytest.mark.slow
def test_a_report_is_saved_and_shown_beside_others(report, tmp_path):
    report.save(tmp_path / "new")
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"benchmark.json", "benchmark.png", "benchmark.pdf"}
    read = records.read(tmp_path / "new" / "benchmark.json")
    assert [row["name"] for row in read["solvers"]] == ["mine $a_$"] and read["run"]["hardware"]["cores"]
    assert read["scores"]["mine $a_$"]["paper-1pct"]["psnr"][0] == pytest.approx(own(report)[1]["psnr"][0])
    both = dn.benchmark(same, ["paper-1pct"], beside=[tmp_path / "new" / "benchmark.json"])
    lines = str(both).splitlines()
    assert sum("mine $a_$" in line for line in lines) == 2  # in the table, and where it was measured
    assert [line.startswith(">") for line in lines if "same " in line[:8]] == [True]
    assert "λ = 0.2, T = 0.4, 1 % noise" in str(both)
    rows = [line for line in both.markdown().splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + len(both.ranking("paper-1pct"))


def _set(record, value, *path):
    for key in path[:-1]:
        record = record[key]
    record[path[-1]] = value


DAMAGE = {
    "another version": (2, "version"),
    "other pairs": ("0" * 64, "sha256"),
    "a score too high": (1000.0, "solvers", 0, "tasks", "paper-1pct", "psnr", 0),
    "a score that is text": ("60", "solvers", 0, "tasks", "paper-1pct", "psnr", 0),
    "too few images": ([30.0], "solvers", 0, "tasks", "paper-1pct", "psnr"),
    "an unknown task": ({}, "solvers", 0, "tasks", "other"),
    "control characters": ("\x1b[2J", "solvers", 0, "label"),
    "no solvers": ([], "solvers"),
    "times below 0": (-1, "solvers", 0, "tasks", "paper-1pct", "milliseconds", "median"),
    "no machine": ({}, "run"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_records_are_refused(name, report, tmp_path):
    record = json.loads(json.dumps(report.record))
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(record))
    records.read(path)
    value, *where = DAMAGE[name]
    _set(record, value, *where)
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="theirs.json"):
        records.read(path)


# ---- The command -----------------------------------------------------------------------------------------------------


@tensorflow_only
def test_the_command_measures_a_function_of_a_module(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_solver.py").write_text("def restore(image, task):\n    return image\n")
    (tmp_path / "broken_solver.py").write_text("import nothing_like_this\n")
    command = ["benchmark", "my_solver:restore", "--tasks", "paper-1pct", "--out", "new", "--name", "mine"]
    assert __main__.main(command) == 0
    printed = capsys.readouterr()
    assert re.search(r"^> mine +29\.97 \(", printed.out, re.MULTILINE) and "mine: paper-1pct" in printed.err
    assert (tmp_path / "new" / "benchmark.png").exists()
    assert __main__.main(["benchmark", "--beside", "new/benchmark.json", "--tasks", "paper-1pct"]) == 0
    assert "mine" in capsys.readouterr().out
    for wrong, message in (
        ("my_solver", "expected MODULE:FUNCTION"),
        ("my_solver:nothing", "my_solver has no nothing"),
        ("not_there:restore", "cannot be imported"),
        ("broken_solver:restore", "nothing_like_this"),
        ("mine.keras", "does not exist"),
    ):
        assert __main__.main(["benchmark", wrong]) == 2
        assert message in capsys.readouterr().err
    assert __main__.main(["benchmark", "my_solver:restore", "--all"]) == 2


@tensorflow_only
def test_the_command_shows_stored_results_at_once(capsys):
    assert __main__.main(["benchmark"]) == 0
    assert capsys.readouterr().out.count("DiffNet, preset for σ") == len(tasks.TASKS)


def test_a_preset_for_another_problem_is_warned_of(tmp_path):
    texts = {"description": "It denoises.", "author": "A", "license": "other", "data": "None.", "limits": "Untrained."}
    model = dn.models.DiffNet(1, 1, 2, noise_map=True)
    for problem in ("denoise", "inverse"):
        dn.save_to_preset(model, tmp_path / problem, {**texts, "problem": problem, "scale": "white", "noise": [0, 0.2]})
    with pytest.warns(UserWarning, match="trained for the problem 'denoise'.*measures how well diffusion is undone"):
        solvers.of(dn.from_preset(tmp_path / "denoise"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solvers.of(dn.from_preset(tmp_path / "inverse"))
        solvers.of(model)
