"""The measures of `denoise_stencils`: diffusion tensors of a network's layers, across and along edges of photographs.

Gradients are in gray values of 255 for each pixel, of an image after a Gaussian of 1 pixel.
"""

import numpy as np

from experiments.lib import denoising, records, study

LEVEL = 25  # σ of 255
SHOWN = "camera"
SIDE, FRAME = 256, 8  # of the part of a photograph in pixels; near its border nothing is measured
BINS = (0, 1, 2, 4, 8, 16, 32, 64)  # lower ends of bins of |∇u|
FLAT, EDGE = 2, 16  # |∇u| of flat regions is below, of edges above; a step of 40 gray values has 16
FEWEST = 50  # pixels of a mean
QUANTITIES = ("negative", "flat", "across", "along", "reaction_flat", "reaction_edges")  # of a layer
PROFILE = ("gradient", "across", "along")  # means in a bin


def networks(results_dir):
    """The networks of `denoise` of all seeds with the most steps: a list of (model, record of its training).

    Raises:
        FileNotFoundError: if neither this results folder nor the project's own has one.
    """
    from diffnet_tf.files import model_files

    for root in dict.fromkeys((results_dir, records.COMMITTED)):
        folder = root / "denoise"
        runs = [
            run
            for run in study.finished(folder)
            if run.get("method") == "diffnet" and (folder / study.RUNS / f"{run['file']}.keras").exists()
        ]
        best = study.most_steps(runs, (*records.OF_THE_RUN, "arrays", "versions", "history", "image_sets"))
        if best:
            return [(model_files.load(folder / study.RUNS / f"{run.pop('file')}.keras"), run) for run in best]
    raise FileNotFoundError(
        "No trained network in denoise/runs. Run python -m experiments.denoise --only DiffNet first."
    )


def photographs():
    """Parts of the photographs of scikit-image, name → float32 (SIDE, SIDE) in [0, 1]."""
    import skimage.data

    from diffnet_tf.data import gray, sources

    found = {}
    for name in sources.SKIMAGE_TRAIN + sources.SKIMAGE_TEST:
        pixels = np.asarray(gray.to_gray(getattr(skimage.data, name)())).squeeze()
        first = [side.start for side in denoising.PART] if name == SHOWN else [(n - SIDE) // 2 for n in pixels.shape]
        found[name] = pixels[tuple(slice(k, k + SIDE) for k in first)].astype("float32") / denoising.WHITE
    return found


def gradient(image):
    """∇u after a Gaussian of 1 pixel, of 255 a pixel: (its modulus, its direction (height, width, 2))."""
    from scipy.ndimage import gaussian_filter

    parts = [gaussian_filter(denoising.WHITE * image.astype("float64"), 1.0, order) for order in ((1, 0), (0, 1))]
    modulus = np.hypot(*parts)
    return modulus, np.stack(parts, axis=-1) / np.maximum(modulus, 1e-9)[..., None]


def measured(model, clean, noisy):
    """Measure a network on an image.

    Args:
        model: a `DiffNet` with a noise map.
        clean, noisy: (height, width), in [0, 1] and with noise of LEVEL.

    Returns:
        "layers": the QUANTITIES of each layer; "profile": PROFILE in each bin, of the sum over the layers; "rank": the
        rank correlation of the mean diffusivity with γ; "sharpened": the share of edges that are sharpened, where the
        diffusivity across is below 0; "across", "along": the maps (height, width). NaN stands for a mean of fewer than
        FEWEST pixels.
    """
    from keras import ops

    from diffnet_tf.evaluation import analysis
    from diffnet_tf.physics import stencil

    modulus, direction = gradient(clean)
    inside = np.zeros(clean.shape, bool)
    inside[FRAME:-FRAME, FRAME:-FRAME] = True
    flat, edges = inside & (modulus < FLAT), inside & (modulus > EDGE)
    inputs = np.stack([noisy, np.full_like(noisy, LEVEL / denoising.WHITE)], axis=-1)[None]
    layers, total = [], 0.0
    for layer, dt, state in zip(model.diffusion_layers, model.time_steps, [inputs[..., :1], *model.states(inputs)]):
        filters, rate = layer.coefficients(state, inputs[..., 1:])
        operator = stencil.operator(filters, dt, layer.boundary)
        tensor = analysis.diffusion_tensor(operator)
        across, along = directional(tensor, direction)
        reaction = np.zeros(clean.shape) if rate is None or not layers else dt * ops.convert_to_numpy(rate)[0, ..., 0]
        means = [_mean(of, where) for of, where in (((across + along) / 2, flat), (across, edges), (along, edges))]
        layers.append([analysis.signs(operator)[0], *means, _mean(reaction, flat), _mean(reaction, edges)])
        total = total + tensor
    maps = dict(zip(PROFILE, (modulus, *directional(total, direction))))
    bins = [inside & (modulus >= low) & (modulus < high) for low, high in zip(BINS, (*BINS[1:], np.inf))]
    inner = (slice(FRAME, -FRAME),) * 2
    mean = (maps["across"] + maps["along"])[inner]
    return {
        "layers": layers,
        "profile": [[_mean(of, where) for of in maps.values()] for where in bins],
        "rank": analysis.correlations(mean, -modulus[inner])[1],  # γ falls with |∇u|, whatever λ is
        "sharpened": _mean(maps["across"] < 0, edges),
        **maps,
    }


def directional(tensor, direction):
    """n·Dn for the unit vectors n of an image of directions, and the same for the directions perpendicular to them."""
    across = np.einsum("ijab,ija,ijb->ij", tensor, direction, direction)
    return across, np.trace(tensor, axis1=-2, axis2=-1) - across


def _mean(values, where):
    return float(values[where].mean()) if where.sum() >= FEWEST else np.nan


def fitted(gradients, values):
    """c and λ of the curve c γ = c / (1 + |∇u|²/λ²), the nearest one to some means, and its root mean square error."""
    from scipy.optimize import least_squares

    there = np.isfinite(values)
    g, values = gradients[there], values[there]
    best = least_squares(lambda p: p[0] / (1 + (g / p[1]) ** 2) - values, (values.max(), 10.0))
    factor, contrast = map(float, np.abs(best.x))
    return {"factor": factor, "contrast": contrast, "rms_error": float(np.sqrt(np.mean(best.fun**2)))}
