"""Measurements of all experiments: tasks, test pairs, PSNR and SSIM of every image, and milliseconds.

The paper uses the authors' PSNR, which is computed over batches.
"""

import dataclasses
import time

import numpy as np

from experiments.lib import captions

BATCH = 16  # the paper's; the authors' PSNR is over batches of this size
REPETITIONS = 5  # of every time
BEST = 150.0  # dB: the rounding of float32. What is better, or perfect, may count as this.
TEST_SEED = 1  # of the noise on test images, whatever the seed of the run
TUNING_SEED = 2  # of the noise on images that something is chosen on: not that of the test images


@dataclasses.dataclass(frozen=True)
class Task:
    """What is learned: the problem, "inverse" or "forward", and σ of the noise on the diffused image."""

    problem: str = "inverse"
    noise: float = 0.0

    @property
    def words(self):
        """The task, for titles."""
        return "forward" if self.problem == "forward" else f"inverse, {captions.percent(self.noise)}"


def pairs(task, images, seed=TEST_SEED, **options):
    """(inputs, targets) to measure on, always with the same noise; options go to `data.paired_arrays`."""
    from diffnet_tf import data

    return data.paired_arrays(images, problem=task.problem, noise=task.noise, seed=seed, **options)


def batched(function, images):
    """Apply a function of batches to all images: an array."""
    return np.concatenate([np.asarray(function(images[i : i + BATCH])) for i in range(0, len(images), BATCH)])


def quality(targets, outputs):
    """PSNR and SSIM of every image, the authors' PSNR of every batch, and summaries of the three.

    Args:
        targets, outputs: (n, height, width, 1) in [0, 1].

    Returns:
        (dict of arrays "psnr" and "ssim" (n,) and "authors_psnr" (batches,), dict of their summaries).
    """
    from diffnet_tf import metrics

    batches = [slice(i, i + BATCH) for i in range(0, len(targets), BATCH)]
    values = {
        "psnr": np.concatenate([np.asarray(metrics.psnr(targets[b], outputs[b])) for b in batches]),
        "authors_psnr": np.array([float(metrics.authors_psnr(targets[b], outputs[b])) for b in batches]),
        "ssim": np.concatenate([np.asarray(metrics.ssim(targets[b], outputs[b])) for b in batches]),
    }
    return values, {name: metrics.summary(value) for name, value in values.items()}


def applied(model):
    """A trained model as a compiled function of a batch, in float32 on a GPU, too: never in TF32."""
    from diffnet_tf.base import backend
    from diffnet_tf.networks import precision

    return precision.exact(backend.compiled(lambda u: model(u, training=False)))


def measured(method, inputs, targets):
    """(outputs, values, summary) of a model or a function of batches on the test images, see `quality`.

    A function None returns its inputs unchanged.
    """
    import keras

    function = applied(method) if isinstance(method, keras.Model) else method
    outputs = inputs if function is None else batched(function, inputs)
    return outputs, *quality(targets, outputs)


def milliseconds(functions, images):
    """Milliseconds per image of functions of a batch, measured in turns: name → median, extremes, number and batch."""
    times = {name: [] for name in functions}
    for _ in range(REPETITIONS + 1):  # the first compiles
        for name, function in functions.items():
            start = time.perf_counter()
            np.asarray(function(images))
            times[name].append(1000 * (time.perf_counter() - start) / len(images))
    found = {}
    for name, values in times.items():
        low, middle, high = (round(float(q), 3) for q in np.quantile(values[1:], (0, 0.5, 1)))
        found[name] = {"median": middle, "min": low, "max": high, "n": REPETITIONS, "batch": len(images)}
    return found
