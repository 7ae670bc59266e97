"""Our own contestants. Each function prepares a task and returns (once, number of images)."""

import resource

import keras
import numpy as np

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.networks import precision
from diffnet_tf.training import recipes


def _images(batch, size, seed=0):
    return np.random.default_rng(seed).uniform(size=(batch, size, size, 1)).astype("float32")


def train_step(batch=16, size=96, dtype="float32", recipe="authors", steps=1):
    """Time training steps on one fixed batch: forward, backward and update, without making pairs."""
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


def inference(batch=16, size=96, auto=False, calls=1):
    """Time the network in float32, or in the precision that "auto" chooses on a device with bfloat16."""
    model = dn.models.DiffNet(dtype="mixed_bfloat16" if auto else "float32")
    if auto:
        precision.compensate(model)
    apply = backend.compiled(lambda u: model(u, training=False))
    images = keras.ops.convert_to_tensor(_images(batch, size))

    def once():
        for _ in range(calls):
            np.asarray(apply(images))

    return once, batch * calls


def restored(size, tile=None):
    """The preset `inverse` on one float32 image: by `restore`, tile by tile, or as a whole by the model itself.

    Warmed up on a corner of three tiles a side, which has every shape of a tile. Its "number of images" is the memory
    in bytes that the process has had before there is the image.
    """
    model = dn.from_preset("inverse")
    tiled = dn.restoration.tiles.Tiled(model, tile or 512)
    apply = backend.compiled(lambda u: model(u, training=False))

    def once(pixels):
        if tile:
            return dn.restore(pixels, tiled)
        return np.asarray(apply(pixels[None, ..., None]))

    for side in (96, 97):
        once(_images(1, side)[0, ..., 0])
    before = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    image = np.random.default_rng(0).random((size, size), "float32")
    if tile and size > tile:
        once(image[: 3 * tile, : 3 * tile])
    return lambda: once(image), before


def fixed_point(batch=16, size=96, iterations=200, fused=False):
    apply = backend.compiled(lambda y: dn.diffusion.fixed_point_inverse(y, iterations), fused=fused)
    images = dn.diffusion.perona_malik(keras.ops.convert_to_tensor(_images(batch, size)))
    return lambda: np.asarray(apply(images)), batch


def pairs(batch=64, size=96, crop=None, augment=False, noise=0.0, batches=400):
    """Time the pipeline alone. It is started anew each time, so it makes no batch during another's turn.

    Its images are kept as 8 bits, as those of every source.
    """
    pixels = (255 * _images(640, size)[..., 0]).astype("uint8")
    options = {"batch_size": batch, "crop": crop, "augment": augment, "noise": noise, "epochs": None}
    stream = dn.data.pairs(dn.data.GrayImages(pixels), **options).take(batches)

    def once():
        for _ in stream:
            pass

    return once, batch * batches
