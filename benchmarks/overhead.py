"""The time of a training step outside the network: python -m benchmarks overhead

Compares a step of `training.fit` with the compiled step alone on a constant batch, for a tiny network. The difference
is the cost of making examples and of Python. It uses the current backend of Keras, with its settings.
"""

import time

import numpy as np

import diffnet_tf as dn
from benchmarks.timing import spread
from diffnet_tf.training import recipes

SIZES = {"24×24 × 8": (8, 24, 400), "96×96 × 16": (16, None, 20)}  # batch, crop, steps that are timed
NOISES = (0.0, 0.01)


def outside(turns=7):
    """For each size and noise: seconds per step of `fit`, of the compiled step alone, and their difference."""
    return {
        f"{size}, {100 * noise:g} % noise": _outside(*options, noise, turns)
        for size, options in SIZES.items()
        for noise in NOISES
    }


def _outside(batch, crop, steps, noise, turns):
    import keras

    recipe = recipes.Recipe(batch, crop, augment=True, optimizer="soap", loss="norm", schedule="constant")
    images = _images()
    options = {"noise": noise, "batch_size": batch, "crop": crop, "augment": True, "epochs": None}
    pair = [keras.ops.convert_to_tensor(part) for part in _first(images, options)]
    network, in_fit = _alone(recipe, pair, steps), []

    alone = []

    class Turns(keras.callbacks.Callback):  # of intervals: one of batches would hold up calls of several steps
        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter(), time.process_time()

        def on_epoch_end(self, epoch, logs=None):
            in_fit.append([now - then for now, then in zip((time.perf_counter(), time.process_time()), self.began)])
            began = time.perf_counter(), time.process_time()
            network()
            alone.append([now - then for now, then in zip((time.perf_counter(), time.process_time()), began)])

    warm = 2
    total = (warm + turns) * steps
    dn.training.fit(
        _model(), images, recipe, steps=total, noise=noise, validate_every=steps, callbacks=[Turns()], verbose=False
    )
    total, alone = (np.array(times[warm:]) / steps for times in (in_fit, alone))
    return {
        kind: {
            "fit": spread(total[:, i]),
            "network": spread(alone[:, i]),
            "outside": spread(total[:, i] - alone[:, i]),
        }
        for i, kind in enumerate(("seconds", "cpu_seconds"))
    }


def _model():
    return dn.models.DiffNet(num_layers=1, estimator_depth=1, width=1)


def _images():
    return dn.data.GrayImages(np.random.default_rng(0).integers(1, 256, (640, 96, 96), "uint8"))


def _first(images, options):
    return dn.data.PairSequence(images, **options)[0]


def _alone(recipe, pair, steps):
    """A function that runs the compiled step the same number of times on one fixed batch."""
    import keras

    model = _model()
    model.compile(recipes.optimizer(recipe, 100_000), dn.metrics.LOSSES[recipe.loss](), metrics=[dn.metrics.PSNR()])
    model.optimizer.build(model.trainable_variables)
    model.train_on_batch(*pair)  # makes what is missing
    if keras.backend.backend() == "jax":
        import jax

        compiled = jax.jit(model.train_step, donate_argnums=0)
        state = [jax.tree.map(jax.numpy.copy, model._get_jax_state(True, True, True, True))]

        def run():
            for _ in range(steps):
                logs, state[0] = compiled(state[0], pair)
            jax.block_until_ready(state)

    else:
        import tensorflow as tf

        compiled = tf.function(lambda: model.train_step(pair), jit_compile=model.jit_compile)

        def run():
            for _ in range(steps):
                logs = compiled()
            float(logs["loss"])

    run()
    return run


def rows(result):
    """The lines of the table for a result of `outside`, in milliseconds: median (min–max)."""
    lines = [
        "| ms per step | fit | network alone | outside the network | CPU time outside | n |",
        "|---|---|---|---|---|---|",
    ]
    for name, kinds in result.items():
        wall, cpu = kinds["seconds"], kinds["cpu_seconds"]
        shown = [wall["fit"], wall["network"], wall["outside"], cpu["outside"]]
        cells = [f"{1e3 * v['median']:.2f} ({1e3 * v['min']:.2f}–{1e3 * v['max']:.2f})" for v in shown]
        lines.append(f"| {name} | {' | '.join(cells)} | {wall['outside']['n']} |")
    return lines
