"""Trains the network of `dn.estimate_diffusion`: its twin in Keras, its examples, and its weights for the package."""

import functools
import time

import numpy as np

from diffnet_tf.base.choices import ESTIMATED
from diffnet_tf.files import sealed
from experiments.lib import study

EXPERIMENT = "diffusion-estimates"
TOLD = ("data", "note", "training_images", "recipe", "steps", "seed", "training_seconds", "parameters", "commit")
WIDTHS = (16, 32, 48)  # channels of the convolutions
DENSE = 64
SCALES = (0.005, 0.1)  # differences far below a scale enter linearly, those far above in their logarithm
DRAWN = {"contrast": (*ESTIMATED["contrast"], "log"), "time": (*ESTIMATED["time"], 0.1)}
NOISE = (*ESTIMATED["noise"], "log")
MIDDLE, SPREAD = np.log([0.2, 0.5, 0.007]), (0.4, 0.48, 1.1)  # of log λ, log T and log σ over these ranges
RECIPE = {  # Adam, whose learning rate falls as a cosine
    "name": "estimate",
    "batch_size": 32,
    "crop": None,
    "augment": True,
    "loss": "mean absolute error of log λ, log T and log σ",
    "optimizer": "adam",
    "learning_rate": 3e-3,
    "warmup_steps": 100,
    "clipnorm": 1.0,
}


def pairs(images, **options):
    """Diffused and noisy images, each with its own λ, T and σ in further channels: a `data.PairSequence`."""
    from diffnet_tf import data

    shown = {"noise_map": True, "parameter_map": True}
    return data.PairSequence(images, noise=NOISE, parameter=DRAWN, degrade=_diffuse(), **shown, **options)


@functools.cache
def _diffuse():
    from diffnet_tf.base import backend
    from diffnet_tf.physics.diffusion import per_image

    return backend.compiled(lambda u, contrast, time: per_image(u, contrast, time), fused=True)


def separate(inputs):
    """Images (n, height, width) and their λ, T and σ (n, 3), from inputs of `pairs`."""
    return inputs[..., 0], inputs[:, 0, 0, [2, 3, 1]]


def in_shares(images, settings):
    """Images divided by their maximum, with λ and σ of the settings (n, 3), which it changes, too."""
    largest = images.max(axis=(1, 2))[:, None]
    return images / largest[..., None], settings / largest ** [1, 0, 1]


def network():
    """The network in Keras: images (batch, height, width, 1) with maximum 1 → log λ, log T and log σ, standardised."""
    import keras
    from keras import layers, ops

    from diffnet_tf.restoration import diffusion

    image = keras.Input((None, None, 1))
    here, pooled = image[:, 1:, 1:], []
    differences = ops.concatenate([here - image[:, 1:, :-1], here - image[:, :-1, 1:]], axis=-1)
    u = ops.concatenate([ops.arcsinh(differences / scale) for scale in SCALES], axis=-1)
    for k, (width, stride) in enumerate(zip(WIDTHS, diffusion.STRIDES, strict=True)):
        u = layers.Conv2D(width, diffusion.SIDE, stride, activation="relu", name=f"layer{k + 1}")(u)
        pooled += [ops.mean(u, axis=(1, 2)), ops.sqrt(ops.var(u, axis=(1, 2)) + diffusion.TINY)]
    u = ops.concatenate(pooled, axis=-1)
    for k in (1, 2):
        u = layers.Dense(DENSE, activation=lambda x: keras.activations.gelu(x, approximate=False), name=f"dense{k}")(u)
    return keras.Model(image, layers.Dense(3, name="dense3")(u))


def weights(model):
    """The arrays that `restoration.diffusion.output` needs, by name; they make log λ, log T and log σ themselves."""
    found = {"scales": np.array(SCALES, "float32")}
    for k in range(1, len(WIDTHS) + 1):
        found[f"filters{k}"], found[f"offsets{k}"] = model.get_layer(f"layer{k}").get_weights()
    for k in (1, 2, 3):
        found[f"dense{k}"], found[f"bias{k}"] = model.get_layer(f"dense{k}").get_weights()
    found["dense3"] = (found["dense3"] * SPREAD).astype("float32")
    found["bias3"] = (found["bias3"] * SPREAD + MIDDLE).astype("float32")
    return found


def trained(images, steps, seed):
    """Train for some steps on random examples: (model, seconds, the mean loss over the last tenth)."""
    import keras

    keras.utils.set_random_seed(seed)
    model, tenth = network(), max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, 0.01, warmup_target=RECIPE["learning_rate"], warmup_steps=min(RECIPE["warmup_steps"], tenth)
    )
    model.compile(keras.optimizers.Adam(schedule, clipnorm=RECIPE["clipnorm"]), "mean_absolute_error")
    size = min(RECIPE["batch_size"], len(images))
    drawn = pairs(images, batch_size=size, seed=seed, augment=True, shuffle=True, epochs=None)

    start = time.perf_counter()
    losses = []
    for number in range(steps):
        losses.append(float(model.train_on_batch(*_example(drawn[number][0]))))
        if (number + 1) % tenth == 0:
            print(f"step {number + 1:,} of {steps:,}: loss {np.mean(losses[-tenth:]):.3f}", flush=True)
    return model, time.perf_counter() - start, float(np.mean(losses[-tenth:]))


def _example(inputs):
    """Images with maximum 1 and what the network should say, from inputs of `pairs`."""
    images, true = separate(inputs)
    images, true = in_shares(images, true)
    return images[..., None], (np.log(true) - MIDDLE) / SPREAD


def package(root, folder):
    """Write the weights of the longest training in a results folder into another, with a card.

    Returns:
        The path of the weights; None if there is no training.
    """
    from diffnet_tf.restoration import diffusion

    runs = [run for run in study.finished(root / EXPERIMENT) if run["name"] == "estimator" and not run["seed"]]
    if not runs:
        return None
    best = max(runs, key=lambda run: run["steps"])
    budget = f"cpu --steps {best['steps']}" if best["budget"].endswith("steps") else best["budget"]
    images = f"--source {best['source']} --data-dir {best['data']}"
    card = {
        "name": diffusion.CARD.stem,
        "about": "the network of dn.estimate_diffusion",
        "ranges": ESTIMATED,
        "training": {key: best[key] for key in TOLD},
        "command": f"python -m experiments.diffusion_estimates --budget {budget} {images}",
    }
    sealed.write(folder / diffusion.CARD.name, best["arrays"], card)
    return folder / f"{diffusion.CARD.stem}.npz"
