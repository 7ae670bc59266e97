"""Further physics: the plan of runs, what is gathered of them, and the verdicts on them."""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from experiments import physics
from experiments.lib import verdicts

COMMON = {"budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": None}


def run(name, part, method="DiffNet", time=0.4, levels=(None,), seed=0):
    budget = {"method": method, "budget": "800 steps" if method == "DiffNet" else "cpu"}
    run = {"name": name, "part": part, "time": time, **budget, "seed": seed, "validation_psnr": 40.0}
    return {**run, "results": [{"contrast": v} for v in levels]}


@pytest.fixture
def measured(rng):
    """(record, arrays) of some runs, and the arrays' common part: how easy the images are."""
    easy = rng.normal(0, 3, 50)
    runs = [
        run("edge-inverse-9-points", "edge"),
        run("edge-inverse-5-points", "edge"),
        run("time-1-5-layers", "time", time=1.0),
        {**run("time-1-10-layers", "time", time=1.0), "validation_psnr": 39.0},  # best on the test images: not chosen
        run("time-1-fixed-point", "time", "fixed point", 1.0),
        run("time-2-5-layers", "time", time=2.0),
        run("time-2-fixed-point", "time", "fixed point", 2.0),
        run("time-4-5-layers", "time", time=4.0),
        run("time-4-fixed-point", "time", "fixed point", 4.0),
        run("contrast-blind", "contrast", levels=(0.1, 0.2)),
        run("contrast-specialist", "contrast", levels=(0.1, 0.2)),
    ]
    psnr = [easy + 50.3, easy + 50 + rng.normal(0, 0.1, 50), easy + 45, easy + 99, easy + 44, easy + 40, easy + 41]
    psnr += [easy + 30, easy + 32]
    psnr += [np.stack([easy + 50, easy + 48.5]), np.stack([easy + 40, easy + 49])]
    arrays = {f"psnr_{each['name']}": np.atleast_2d(values) for each, values in zip(runs, psnr)}
    return {**COMMON, "runs": runs}, arrays


def test_the_verdict_on_two_networks_is_of_equal_images(measured):
    ahead = physics.compared("edge-inverse-9-points", "edge-inverse-5-points")(*measured)
    assert (ahead.verdict, ahead.n, ahead.budget) == (verdicts.PARTIAL, 50, "800 steps")
    assert ahead.ours.startswith("+0.3") and ahead.ours.endswith("; 1 seed")
    behind = physics.compared("edge-inverse-5-points", "edge-inverse-9-points")(*measured)
    assert behind.verdict == verdicts.NOT_REPRODUCED


def test_the_verdict_on_two_networks_is_of_all_seeds(measured):
    record, arrays = measured
    for points in (9, 5):
        name = f"edge-inverse-{points}-points"
        for seed in (1, 2):
            record["runs"].append(run(f"{name}-seed-{seed}", "edge", seed=seed))
            arrays[f"psnr_{name}-seed-{seed}"] = arrays[f"psnr_{name}"] + seed * (points == 9)
    ahead = physics.compared("edge-inverse-9-points", "edge-inverse-5-points")(record, arrays)
    assert ahead.verdict == verdicts.REPRODUCED
    assert ahead.ours.startswith("+1.3") and ahead.ours.endswith("; 3 seeds")


def test_verdicts_on_longer_times_and_unknown_contrast(measured):
    longer = physics.longer("fixed-point")(*measured)
    assert longer.verdict == verdicts.PARTIAL and longer.ours.startswith("T = 1: 45") and "T = 2: 40" in longer.ours
    blind = physics.blind("specialist")(*measured)
    assert blind.verdict == verdicts.REPRODUCED and blind.ours == "dB: +10.0 at 0.1, -0.5 at 0.2"
    for check in (physics.longer("stepwise"), physics.compared("colour-shared", "colour-gray")):
        with pytest.raises(verdicts.NotRun):
            check(*measured)


def test_the_plan():
    """Names are the names of files, each once; every part is there, with the runs that the verdicts compare."""
    runs = physics.plan()
    names = [r.name for r in runs]
    assert len(set(names)) == len(names) and all(" " not in name and "/" not in name for name in names)
    assert {r.part for r in runs} == {"colour", "edge", "time", "contrast"}
    assert {"colour-shared", "edge-inverse-9-points", "time-4-10-layers", "time-0.4-stepwise"} < set(names)
    assert not [r for r in runs if r.part == "time" and r.layers == 10 and r.time < 1]
    other = {r.name for r in physics.plan(3)}
    assert {r.name for r in runs if r.method != "DiffNet"} == other & set(names)  # seeds are kept apart


def test_runs_are_gathered_in_the_order_of_the_plan():
    names = ["time-1-5-layers-seed-3", "time-1-5-layers", "colour-gray"]
    runs = [{"name": name, "steps": 2, "psnr": [[1.0, 2.0]], "versions": {}} for name in names]
    result = physics.gather([*runs, {**runs[1], "steps": 3, "psnr": [[4.0, 5.0]]}], None)
    assert [each["name"] for each in result.record["runs"]] == [names[2], *names[:2]]
    np.testing.assert_array_equal(result.arrays["psnr_time-1-5-layers"], [[4.0, 5.0]])
    assert all(each.keys() == {"name", "steps"} for each in result.record["runs"])


def test_the_figure_has_the_mean_over_seeds():
    def point(psnr, seed):
        values = {"psnr": {"mean": psnr, "std": 1.0, "n": 3}}
        about = {"part": "time", "method": "DiffNet", "variant": "5 layers", "time": 1.0, "steps": 2, "seed": seed}
        return {**about, "results": [{"contrast": None, **values, "degraded": values}]}

    record = {**COMMON, "title": "", "edges": physics.EDGES, "runs": [point(40.0, 0), point(42.0, 1)]}
    lines = physics.draw(record, {}).axes[2].lines
    assert 41.0 in [float(line.get_ydata()[0]) for line in lines if line.get_label() == "5 layers"]


def test_a_gray_network_on_colours_sees_one_channel(rng):
    network = dn.models.DiffNet(2, 2, 4)
    u = rng.random((2, 9, 8, 3)).astype("float32")
    found = keras.ops.convert_to_numpy(physics._channel_by_channel(network)(u))
    for k in range(3):
        np.testing.assert_allclose(found[..., k : k + 1], network(u[..., k : k + 1]), atol=1e-6)
