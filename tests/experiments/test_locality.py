"""Locality: what is gathered, drawn and claimed when parts are missing, and when none is."""

import numpy as np
import pytest

from experiments import locality
from experiments.lib import study, verdicts

COMMON = {"title": "Locality", "budget": "cpu", "source": "s", "data": "here", "test_data": "there", "commit": None}


def training(layers, points, seed, psnr, steps=10):
    run = locality.Run(layers, points, seed)
    about = {"name": run.name, "layers": layers, "points": points, "seed": seed, "budget": f"{steps} steps"}
    rings = [dict.fromkeys(locality.RINGS, 0.1)] * layers
    return {**about, "steps": steps, "rings": rings, "results": {"psnr": {"mean": psnr}}}


def local(images, psnr):
    """The part of the local inverses, all of the same PSNRs: one for each number of points."""
    points = [5, 9, 13, 21, 25, 45, 69]
    about = {"name": "local", "squared_radii": [1], "points": points, "diffusion_times": [0.4], "images": images}
    return {**about, "side": 12, "arrays": {"local": np.tile(psnr, (1, images, 1))}}


def test_the_records_gathered_are_those_of_most_steps_and_images():
    weak, strong = local(1, [30.0] * 7), local(3, [40.0] * 7)
    runs = [training(1, 5, 0, 50.0, 20), training(1, 5, 0, 40.0, 10), strong, weak]
    result = locality.gather(runs, None)
    (kept,) = result.record["runs"]
    assert kept["steps"] == 20 and result.record["images"] == 3 and result.arrays is strong["arrays"]


@pytest.mark.parametrize("runs", [[local(3, [40.0] * 7)], [training(5, 13, 0, 50.0)], [training(1, 5, 0, 50.0)]])
def test_what_was_not_run_is_left_out_of_figure_and_claims(runs):
    result = locality.gather(runs, None)
    record = {**COMMON, **result.record}
    figure = locality.draw(record, result.arrays)
    assert bool(figure.axes[0].lines) == (runs[0]["name"] == "local")
    first, *others = locality.CLAIMS
    for claim in others:
        with pytest.raises(verdicts.NotRun):
            claim.check(runs)
    if runs[0]["name"] != "local":
        with pytest.raises(verdicts.NotRun):
            first.check(record, result.arrays)


def test_the_plan_has_what_the_figure_compares():
    plan = locality.plan(2)
    assert len({run.name for run in plan}) == len(plan) == 2 * len(locality.LAYERS) * len(locality.POINTS)
    assert study.Part(locality.LOCAL, None).name not in {run.name for run in plan}
