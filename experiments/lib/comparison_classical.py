"""The classical methods of `comparison`: parameters tuned on training images, quality measured on test images."""

import functools

import numpy as np

from experiments.lib import measure, study


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
    chosen = sum(len(values) > 1 for values in method.grid.values()) + (method.most > 1)
    pixels, images = targets.shape[1] * targets.shape[2], budget.tuning if method.tuned else 0
    record = {
        "kind": "told" if method.knows_diffusion else "untold",
        "label": method.label,
        "parameters": pixels if name == "wiener" else chosen,  # one a frequency
        "flops": _flops(name, choice, pixels),
        "training_images": budget.wiener if name == "wiener" else images,
        "choice": choice,
        "grid": {key: list(values) for key, values in method.grid.items()},
        "tried": tried,
    }
    return study.Result({**record, **values(targets, classical.restored(method, inputs, choice))})


def values(targets, outputs):
    """PSNR, at most `measure.BEST`, and SSIM of every image, as saved in a part's record."""
    found, _ = measure.quality(targets, outputs)
    return study.values({**found, "psnr": np.minimum(found["psnr"], measure.BEST)})


def _flops(name, choice, pixels):
    """Floating-point operations of the inverses in `keras.ops`; those of scikit-image and SciPy are not counted."""
    from diffnet_tf.evaluation import costs

    iterations = choice.get("iterations", 0)
    counts = {"fixed_point": costs.fixed_point(iterations), "stepwise": 4 * costs.fixed_point(iterations, steps=1)}
    counts["newton"] = costs.newton(iterations, choice.get("inner", 0))
    return counts[name] * pixels if name in counts else None
