"""Trains the network of `dn.estimate_diffusion`: its twin in Keras, its examples, and its weights as plain arrays."""

import functools
import time

import numpy as np

from diffnet_tf.restoration import diffusion

WIDTHS = (16, 32, 48)  # channels of the convolutions
DENSE = 64
SCALES = (0.005, 0.1)  # differences far below a scale enter linearly, those far above in their logarithm
DRAWN = {"contrast": (*diffusion.RANGES["contrast"], "log"), "time": (*diffusion.RANGES["time"], 0.1)}
NOISE = (*diffusion.RANGES["noise"], "log")
MIDDLE, SPREAD = np.log([0.2, 0.5, 0.007]), (0.4, 0.48, 1.1)  # of log λ, log T and log σ over these ranges
NAMES = tuple(diffusion.RANGES)
LEVELS = (0.0, 0.003, 0.01, 0.02, 1.0)  # ends of the ranges of σ that are judged separately
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


# ---- Measurements ----------------------------------------------------------------------------------------------------


def estimates(images, arrays):
    """Estimates for images (n, height, width) with maximum 1, as the package makes them from some weights: (n, 3)."""
    return np.array([diffusion.of_squares([image], arrays) for image in images])


def median_error(arrays, number):
    """The median relative error of λ (0), T (1) or σ (2) over draws and images, and its interval over images."""
    from diffnet_tf.evaluation import statistics

    errors = np.abs(arrays["estimate"] / arrays["true"] - 1)[..., number]
    return statistics.bootstrap(lambda chosen: np.median(errors[:, chosen]), errors.shape[1])


def results(arrays):
    """What the record says of the estimates: medians of relative errors, and which product of λ and T is found best."""
    true, estimate = (arrays[name].reshape(-1, 3).astype("float64") for name in ("true", "estimate"))
    errors, found = np.log(estimate / true), {}
    for number, name in enumerate(NAMES):
        of = np.abs(estimate[:, number] / true[:, number] - 1)
        levels = [(true[:, 2] >= low) & (true[:, 2] < high) for low, high in zip(LEVELS, LEVELS[1:])]
        found[name] = {
            "median_error": float(np.median(of)),
            "within_15_percent": float(np.mean(of <= 0.15)),
            "quarter_above": float(np.quantile(of, 0.75)),
            "bias": float(np.median(errors[:, number])),
            "median_error_of_the_middle": float(np.median(np.abs(np.exp(MIDDLE[number]) / true[:, number] - 1))),
            "by_noise": [float(np.median(of[level])) if level.any() else None for level in levels],
        }
    known = np.abs(arrays["noise"].ravel() / true[:, 2] - 1)
    found["noise"]["median_error_of_estimate_noise"] = float(np.median(known))
    spreads, directions = np.linalg.eigh(np.cov(errors[:, :2].T))
    found["together"] = {
        "correlation": float(np.corrcoef(errors[:, :2].T)[0, 1]),
        "powers": [(direction * np.sign(direction[1])).round(4).tolist() for direction in directions.T],
        "spreads": np.sqrt(spreads).round(4).tolist(),
    }
    return found
