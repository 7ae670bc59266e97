"""Our contestants. Each function prepares a task and returns (once, number of images)."""

import keras
import numpy as np

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.training import recipes


def _images(batch, size, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, size, size, 1)).astype("float32")


def train_step(batch=16, size=96, dtype="float32", recipe="authors", steps=1):
    """Training steps on one batch that does not change: forward, backward and update, without making pairs."""
    recipe = recipes.get(recipe)
    model = dn.models.DiffNet(initial_scale=recipe.initial_scale, dtype=dtype)
    model.compile(recipes.optimizer(recipe, 100_000), dn.metrics.LOSSES[recipe.loss]())
    model.optimizer.build(model.trainable_variables)
    target = keras.ops.convert_to_tensor(_images(batch, size))
    pair = dn.diffusion.perona_malik(target), target

    def once():
        for _ in range(steps):
            loss = model.train_on_batch(*pair)
        return float(loss)

    return once, batch * steps


def inference(batch=16, size=96, dtype="float32", calls=1):
    model = dn.models.DiffNet(dtype=dtype)
    apply = backend.compiled(lambda u: model(u, training=False))
    images = keras.ops.convert_to_tensor(_images(batch, size))

    def once():
        for _ in range(calls):
            np.asarray(apply(images))

    return once, batch * calls


def fixed_point(batch=16, size=96, iterations=200, fused=False):
    apply = backend.compiled(lambda y: dn.diffusion.fixed_point_inverse(y, iterations), fused=fused)
    images = dn.diffusion.perona_malik(keras.ops.convert_to_tensor(_images(batch, size)))
    return lambda: np.asarray(apply(images)), batch


def pairs(batch=64, size=96, crop=None, augment=False, noise=0.0, batches=400):
    """The pipeline alone, started anew each time, so that no batch is made in the others' turns.

    Its images are kept as 8 bits, as those of every source.
    """
    pixels = (255 * _images(640, size)[..., 0]).astype("uint8")
    options = {"batch_size": batch, "crop": crop, "augment": augment, "noise": noise, "epochs": None}
    stream = dn.data.pairs(dn.data.GrayImages(pixels), **options).take(batches)

    def once():
        for _ in stream:
            pass

    return once, batch * batches
