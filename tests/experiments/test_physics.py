"""Further physics: the plan of runs, what is gathered of them, and the verdicts on them."""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from experiments import physics

COMMON = {"budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": None}


def run(name, part, method="DiffNet", time=0.4, levels=(None,), seed=0):
    budget = {"method": method, "budget": "800 steps" if method == "DiffNet" else "cpu"}
    run = {"name": name, "part": part, "time": time, **budget, "seed": seed, "validation_psnr": 40.0}
    return {**run, "results": [{"contrast": v} for v in levels]}


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


@pytest.mark.slow
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
