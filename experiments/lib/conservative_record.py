"""The record of `conservative`, gathered from its parts: NumPy and the standard library only.

    runs                          the trainings, each with its results
    laws, iterations, inverse, gain, random-inverse    what these parts measured, see `conservative_laws` and
                                                       `conservative_undone`; "of": the training, if it is of one

and as arrays psnr_NAME, the PSNR of every test image of a training.
"""

import numpy as np

from experiments.lib import kept, study

MEASURED = ("laws", "iterations", "inverse", "gain", "random-inverse")
OF = {"iterations": "forward", "inverse": "undone", "gain": "undone"}  # the training, where an older part does not say


def gather(runs, root):
    """The record and the arrays of the finished parts; each training once, the longest."""
    trained = study.most_steps([run for run in runs if "part" in run], study.LEFT_OUT)
    trained.sort(key=lambda run: (run["part"], run["conservative"], run["layers"], run["seed"]))
    arrays = {f"psnr_{run['name']}": np.array(run.pop("psnr"), "float32") for run in trained}
    for run in trained:
        run.pop("ssim")
    left_out = {*study.LEFT_OUT, "budget", "name", "note", "source", "data", "test_data"}
    found = {}
    for run in kept.by_budget(runs):
        if run["name"] in MEASURED:
            found[run["name"]] = {"of": OF.get(run["name"])} | {
                key: value for key, value in run.items() if key not in left_out
            }
    return study.Result({"runs": trained, **found}, arrays)
