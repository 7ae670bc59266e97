"""What `conservative` measures about inverses: a round trip, the error against noise, and worst-case gains."""

import numpy as np

ITERATIONS = 40  # of the fixed point, for each layer, at most; each at least halves the error of a linear layer
LEVELS = (0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)  # σ
PRESETS = {"inverse": 0.0, "inverse-0.1pct": 0.001, "inverse-1pct": 0.01}  # → σ that they were trained for
WITH_NOISE = 32  # photographs that are restored at every level
SIDE = 24  # of the crops whose Jacobians are computed: 576 × 576 numbers
CROPS = 12
CHUNK = 96  # rows of a Jacobian at once
SCALES = (0.3, 1.0, 3.0)  # of random weights
COURANT = 0.25  # of random layers
CONVERGED, DIFFERENT = 1e-5, 1e-3  # largest |y − f(u)| of a result; error from which on it is another image


def inverted(model, test):
    """The round trip u → F(u) → u of a network F, and its inverse of diffused images with noise.

    Returns:
        {"iterations", "round_trip": {"largest", "residual"}, "levels", "undone" and each preset: PSNR in dB at every
        level, for the first `WITH_NOISE` images, "seconds": of the round trips of all images}.
    """
    import time

    from diffnet_tf.base import backend
    from diffnet_tf.networks import presets
    from diffnet_tf.physics import inverses
    from experiments.lib import measure
    from experiments.lib.measure import Task

    undo = backend.compiled(lambda y: inverses.undo(model.diffusion_layers, y, ITERATIONS))

    targets = measure.pairs(Task("inverse"), test)[1]
    start, errors, residuals = time.perf_counter(), [], []
    for k in range(0, len(targets), measure.BATCH):
        batch = targets[k : k + measure.BATCH]
        again, residual = undo(model(batch))
        errors.append(np.abs(np.asarray(again) - batch).max(axis=(1, 2, 3)))
        residuals.append(np.asarray(residual))
    seconds = time.perf_counter() - start
    methods = {"undone": lambda y: undo(y)[0]}
    methods |= {name: measure.applied(presets.from_preset(name)) for name in PRESETS}
    found = {name: [] for name in methods}
    for level in LEVELS:
        inputs, of_level = measure.pairs(Task("inverse", level), test[:WITH_NOISE])
        for name, function in methods.items():
            _, _, summary = measure.measured(function, inputs, of_level)
            found[name].append(round(summary["psnr"]["mean"], 3))
    round_trip = {"largest": float(np.concatenate(errors).max()), "residual": float(np.concatenate(residuals).max())}
    about = {"iterations": ITERATIONS, "round_trip": round_trip, "seconds": round(seconds, 1), "levels": list(LEVELS)}
    return {**about, "images": len(targets), **found}


def undone_at_random(number):
    """Undo single layers with random weights, and count what happens.

    Args:
        number: of layers with weights of each size.

    Returns:
        {"layers": number, "courant", "scales": standard deviations of the weights, and "failed", "another": how many at
        each scale did not converge, or converged to another image with the same output}.
    """
    from diffnet_tf.base import backend
    from diffnet_tf.networks import layers
    from diffnet_tf.physics import inverses
    from experiments.lib.conservative_laws import of_weights

    layer = layers.DiffusionLayer(depth=2, width=16, conservative=True, courant=COURANT)
    layer.build((None, None, None, 1))
    step = of_weights(layer)
    undo = backend.compiled(lambda y, *weights: inverses.undo([lambda u: step(u, *weights)], y))
    rng, failed, another = np.random.default_rng(0), [], []
    for scale in SCALES:
        errors = []
        for _ in range(number):
            weights = [rng.normal(0, scale, weight.shape).astype("float32") for weight in layer.get_weights()]
            image = rng.uniform(size=(1, SIDE, SIDE, 1)).astype("float32")
            again, residual = undo(step(image, *weights), *weights)
            errors.append((float(np.abs(np.asarray(again) - image).max()), float(np.asarray(residual)[0])))
        converged = [(error, residual) for error, residual in errors if residual <= CONVERGED]
        failed.append(number - len(converged))
        another.append(sum(error > DIFFERENT for error, _ in converged))
    return {"layers": number, "courant": COURANT, "scales": list(SCALES), "failed": failed, "another": another}


def gains(model, test):
    """The largest factor by which a small change of the diffused image can grow in the restored one.

    This is the largest singular value of the Jacobian of the inverse, at a crop of each of some diffused photographs.
    The Jacobian of a network that is undone is the inverse of that of the network. It is an estimate of the worst case:
    a local one, for small changes, on these crops.

    Returns:
        {"side", "crops", "gains": method → list over the crops}.
    """
    from diffnet_tf.networks import presets
    from diffnet_tf.physics import diffusion

    clean = [_crop(test, k) for k in range(min(CROPS, len(test)))]
    diffused = [np.asarray(diffusion.perona_malik(u)) for u in clean]
    found = {}
    for name, forward in (("undone", model), ("exact", diffusion.perona_malik)):
        found[name] = [1 / values[-1] for values in _singular_values(forward, clean)]
    for name in PRESETS:
        found[name] = [values[0] for values in _singular_values(presets.from_preset(name), diffused)]
    rounded = {name: [float(f"{value:.5g}") for value in values] for name, values in found.items()}
    return {"side": SIDE, "crops": len(clean), "gains": rounded}


def _crop(test, k):
    image = test.image(k).astype("float32") / test.maxima[k]
    top, left = ((size - SIDE) // 2 for size in image.shape[:2])
    return image[None, top : top + SIDE, left : left + SIDE, None]


def _singular_values(function, images):
    """Those of the Jacobian at each image, the largest first."""
    gradient = gradient_of(function)
    return [np.linalg.svd(jacobian(gradient, u).astype("float64"), compute_uv=False) for u in images]


def jacobian(gradient, image):
    """The Jacobian of a function at one image (1, height, width, 1), a square matrix; `gradient` as `gradient_of`."""
    rows = np.eye(image.size, dtype="float32").reshape(-1, *image.shape[1:])
    found = [gradient(np.repeat(image, len(part), axis=0), part) for part in np.array_split(rows, image.size // CHUNK)]
    return np.concatenate([np.asarray(part) for part in found]).reshape(image.size, image.size)


def gradient_of(function):
    """(images, cotangents) → the gradient of Σ cotangents · function(images) with respect to the images."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(jax.grad(lambda u, rows: (function(u) * rows).sum()))
    import tensorflow as tf

    def of_images(u, rows):
        with tf.GradientTape() as tape:
            tape.watch(u)
            total = tf.reduce_sum(function(u) * rows)
        return tape.gradient(total, u)

    compiled = tf.function(of_images, reduce_retracing=True)
    return lambda u, rows: compiled(tf.convert_to_tensor(u), tf.convert_to_tensor(rows))
