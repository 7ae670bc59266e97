"""The classical methods of `comparison`: parameters chosen on training images, quality on the test images."""

import json
import time

import numpy as np

from diffnet_tf import files
from experiments.lib import measure, networks, trainings

BEST = 150.0  # dB: the rounding of float32. What is better, or perfect, counts as this.


def methods(task, budget, train):
    """The methods of a task, with the Wiener filter of the training images."""
    from diffnet_tf.evaluation import classical

    return classical.methods(task.noise, classical.Wiener(*_training_pairs(task, train, budget.wiener)))


def _training_pairs(task, train, count):
    from diffnet_tf import data

    return networks.test_pairs(task, data.GrayImages(train.pixels[:count]), networks.TUNING_SEED)


def path(task, options):
    """Where the record of all of them is, or will be."""
    return options.directory / "classical" / f"classical-{task.problem}-{task.noise:g}-{options.budget}.json"


def measure_all(task, budget, options, train, test):
    """Choose parameters on training images and measure on the test images, unless that was done."""
    from diffnet_tf.evaluation import classical

    kept = path(task, options)
    if not options.wants(kept.name):
        return
    found, missing = {}, methods(task, budget, train)
    if kept.exists():
        record = json.loads(kept.read_text())
        trainings.check_same(record, options, kept)
        # What has been tried with other parameters than it would be now is tried again.
        found = {name: row for name, row in record["methods"].items() if row["grid"] == _grid(missing[name])}
        missing = {name: method for name, method in missing.items() if name not in found}
    if not missing:
        return
    files.check_writable(kept.parent)
    training, (inputs, targets) = _training_pairs(task, train, budget.tuning), networks.test_pairs(task, test)
    for name, method in missing.items():
        start = time.perf_counter()
        choice, tried = classical.tune(method, *training)
        values, _ = measure.quality(targets, classical.restored(method, inputs, choice))
        psnr, seconds = np.mean(np.minimum(values["psnr"], BEST)), time.perf_counter() - start
        print(f"{method.label}, {task.words}: {psnr:.2f} dB with {choice}, {seconds:.1f} s", flush=True)
        found[name] = {
            "kind": "told" if method.told else "untold",
            "label": method.label,
            "parameters": _parameters(method, targets.shape),
            "flops": _flops(name, choice, targets.shape),
            "training_images": budget.wiener if name == "wiener" else budget.tuning if method.tuned else 0,
            "choice": choice,
            "grid": _grid(method),
            "tried": tried,
            "psnr": [[round(float(value), 4) for value in values["psnr"]]],
            "ssim": [[round(float(value), 6) for value in values["ssim"]]],
        }
    files.write_json(kept, {"budget": options.budget, **options.provenance(), "methods": found})


def _grid(method):
    """The values that a method's parameters are chosen from, as a record has them."""
    return {key: list(values) for key, values in method.grid.items()}


def _parameters(method, shape):
    """The Wiener filter has one a frequency, the others those that were chosen."""
    chosen = sum(len(values) > 1 for values in method.grid.values()) + (method.most > 1)
    return chosen if method.label != "Wiener filter" else shape[1] * shape[2]


def _flops(name, choice, shape):
    """Of the inverses in `keras.ops`; what scikit-image and SciPy do is not counted."""
    from diffnet_tf.evaluation import costs

    counts = {
        "fixed_point": lambda iterations: costs.fixed_point(iterations),
        "stepwise": lambda iterations: 4 * costs.fixed_point(iterations, steps=1),
        "newton": lambda iterations, inner, alpha=0.0: costs.newton(iterations, inner),
    }
    return counts[name](**choice) * shape[1] * shape[2] if name in counts else None


def rows(task, options):
    """(name, row of the table, values of every image) of every method that was measured."""
    kept = path(task, options)
    if not kept.exists():
        return
    for name, row in json.loads(kept.read_text())["methods"].items():
        yield name, {key: row[key] for key in row if key not in ("psnr", "ssim")}, {k: row[k] for k in ("psnr", "ssim")}
