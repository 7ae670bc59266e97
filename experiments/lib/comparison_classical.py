"""The classical methods of `comparison`: parameters chosen on training images, quality on the test images."""

import functools

import numpy as np

from experiments.lib import measure, study

BEST = 150.0  # dB: the rounding of float32. What is better, or perfect, counts as this.


def methods(task, budget, train):
    """The methods of a task by name. The Wiener filter is made from training images when it is first applied."""
    from diffnet_tf.evaluation import classical

    wiener = functools.cache(lambda: classical.Wiener(*_training_pairs(task, train, budget.wiener)))
    return classical.methods(task.noise, lambda images: wiener()(images))


def _training_pairs(task, train, count):
    return measure.pairs(task, train[:count], measure.TUNING_SEED)


def measured(name, method, task, budget, images):
    """Choose a method's parameters on training images and measure it on the test images: a `study.Result`."""
    from diffnet_tf.evaluation import classical

    train, test = images
    choice, tried = classical.tune(method, *_training_pairs(task, train, budget.tuning))
    inputs, targets = measure.pairs(task, test)
    record = {
        "kind": "told" if method.told else "untold",
        "label": method.label,
        "parameters": _parameters(method, targets.shape),
        "flops": _flops(name, choice, targets.shape),
        "training_images": budget.wiener if name == "wiener" else budget.tuning if method.tuned else 0,
        "choice": choice,
        "grid": {key: list(values) for key, values in method.grid.items()},
        "tried": tried,
    }
    return study.Result({**record, **values(targets, classical.restored(method, inputs, choice))})


def values(targets, outputs):
    """PSNR, at most `BEST`, and SSIM of every image, as a part's record keeps them."""
    found, _ = measure.quality(targets, outputs)
    return study.values({**found, "psnr": np.minimum(found["psnr"], BEST)})


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
