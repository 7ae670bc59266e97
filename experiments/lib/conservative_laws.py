"""What `conservative` measures about laws: how often random weights break one, and what 1,000 iterations do."""

import numpy as np

LAWS = ("mean", "maximum", "minimum", "constant", "stable", "symmetric", "semi-definite")
BOUNDARIES = ("neumann", "periodic")
ROUNDING = 3e-6  # relative to the largest value of the image: a few units of float32
ITERATIONS = (1, 10, 100, 1_000)
PAIRS = 1_000  # of random weights and images
SIDE = 16  # of a random image, in pixels
SCALES = (0.01, 0.1, 1.0, 10.0)  # of random weights
SHOWN = 8  # photographs that are iterated
RANDOM = 40  # random layers that are iterated
OUTSIDE = 1e-4  # beyond the range of the image after 1,000 iterations, relative to it: their rounding


def broken(number):
    """Draw random weights and an image for each, and count which laws the layers break.

    Args:
        number: of pairs of weights and image, half of them with each of `BOUNDARIES`.

    Returns:
        {"pairs": number, "conservative": law → count, "free": law → count}.
    """
    return {"pairs": number} | {
        name: _broken(number, conservative) for name, conservative in (("conservative", True), ("free", False))
    }


def _broken(number, conservative):
    from diffnet_tf.physics import stencil

    counts = dict.fromkeys(LAWS, 0)
    for boundary in BOUNDARIES:
        for layer, image in _random(number // len(BOUNDARIES), conservative, boundary):
            broken_here = _violations(layer, image, np.full_like(image, image[0, 0, 0, 0]))
            (filters,) = np.asarray(layer.filters(image))
            broken_here |= _of_matrix(stencil.operator(filters, float(layer.step_size), boundary))
            for law, violated in broken_here.items():
                counts[law] += bool(violated)
    return counts


def _of_matrix(operator):
    """Law of the matrix S → whether it is broken; semi-definite: δt S has eigenvalues between −2 and 0."""
    dt = np.abs(operator.dt)
    matrix = dt * operator.stencil_matrix.toarray()
    asymmetry = np.abs(matrix - matrix.T).max()
    values = np.linalg.eigvalsh((matrix + matrix.T) / 2)
    return {
        "symmetric": not asymmetry <= ROUNDING,
        "semi-definite": not (values[-1] <= ROUNDING and values[0] >= -2 - ROUNDING),
    }


def _random(number, conservative, boundary="neumann"):
    """Yield a layer with random weights, and a random image."""
    from diffnet_tf.networks import layers

    rng = np.random.default_rng(BOUNDARIES.index(boundary))
    layer = layers.DiffusionLayer(depth=3, width=8, conservative=conservative, boundary=boundary)
    layer.build((None, None, None, 1))
    for k in range(number):
        scale = SCALES[k % len(SCALES)]
        layer.set_weights([rng.normal(0, scale, weight.shape).astype("float32") for weight in layer.get_weights()])
        image = rng.normal(size=(1, SIDE, SIDE, 1)) * 10 ** rng.uniform(-2, 2)
        yield layer, image.astype("float32")


def of_weights(layer):
    """The layer as a function of an image and its weights: JAX compiles variables as constants."""
    return lambda u, *weights: layer.stateless_call(weights, [], u)[0]


def _left(conservative):
    """How many of `RANDOM` random layers leave the range of the image in 1,000 iterations."""
    from diffnet_tf.base import backend

    left, step = 0, None
    for layer, image in _random(RANDOM, conservative):
        step = step or backend.compiled(of_weights(layer))
        u, weights = image, layer.get_weights()
        for _ in range(ITERATIONS[-1]):
            u = step(u, *weights)
        u, allowed = np.asarray(u), OUTSIDE * np.abs(image).max()
        left += not (u.max() <= image.max() + allowed and u.min() >= image.min() - allowed)
    return left


def _violations(layer, image, constant):
    """Law → whether it is broken for this image and, where it is about these, for a constant one."""
    after, flat = np.asarray(layer(image)), np.asarray(layer(constant))
    allowed = ROUNDING * np.abs(image).max()
    return {
        "mean": not abs(after.mean(dtype="float64") - image.mean(dtype="float64")) <= allowed,
        "maximum": not after.max() <= image.max() + allowed,
        "minimum": not after.min() >= image.min() - allowed,
        "constant": not np.array_equal(flat, constant),
        "stable": not np.linalg.norm(after) <= np.linalg.norm(image) * (1 + ROUNDING),
    }


def iterated(model, test):
    """Apply the network, and the preset `forward` without laws, up to 1,000 times to their own output.

    Args:
        model: the conservative network.
        test: images.

    Returns:
        A dict with "iterations", their numbers; "photographs", how many; "random": how many of some layers with random
        weights leave the range of their image; and for "conservative" and "free" lists over the iterations, worst over
        the photographs: "largest" and "smallest" value, "mean_shift", and "deviation" within an image. None stands for
        what is not finite.
    """
    from diffnet_tf.networks import presets
    from experiments.lib import measure

    images = np.stack([test.image(k).astype("float32") / test.maxima[k] for k in range(min(SHOWN, len(test)))])
    found = {"iterations": list(ITERATIONS), "photographs": len(images)}
    found["random"] = {"layers": RANDOM, "conservative": _left(True), "free": _left(False)}
    for name, network in (("conservative", model), ("free", presets.from_preset("forward"))):
        found[name] = _followed(measure.applied(network), images[..., None])
    return found


def _followed(function, start):
    rows, u = [], start
    for k in range(1, ITERATIONS[-1] + 1):
        u = np.asarray(function(u))
        if k in ITERATIONS:
            shift = np.abs(u.mean(axis=(1, 2, 3), dtype="float64") - start.mean(axis=(1, 2, 3), dtype="float64"))
            rows.append((u.max(), u.min(), shift.max(), u.std(axis=(1, 2, 3), dtype="float64").max()))
    names = ("largest", "smallest", "mean_shift", "deviation")
    return {name: [_plain(row[i]) for row in rows] for i, name in enumerate(names)}


def _plain(value):
    return float(f"{value:.6g}") if np.isfinite(value) else None
