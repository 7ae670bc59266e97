"""What `diffusion_estimates` measures: the errors of the estimates, and what is restored with them."""

import numpy as np

from diffnet_tf.base.choices import ESTIMATED
from experiments.lib import diffusion_network as network
from experiments.lib import measure, study

NAMES = tuple(ESTIMATED)
SPANS = (0.15, 0.25, 0.35, 0.65, 1.05)  # of T, for errors by time
LEVELS = (0.0, 0.003, 0.01, 0.02, 1.0)  # ends of the ranges of σ that are judged separately
RESTORER = "inverse-any"  # the experiment, and its part, that trains the network that restores
SETTINGS = [(contrast, time) for contrast in (0.1, 0.2, 0.4) for time in (0.2, 0.4, 0.8)]  # that are undone
SIGMA = 0.01  # there
MIDDLE = np.exp(network.MIDDLE)  # λ, T and σ of somebody who does not look at the image


def guessed(images, arrays, draws):
    """λ, T and σ of each draw and image and their estimates, as shares of the maximum and in pixels².

    Returns:
        "true" and "estimate", (draws, n, 3), and "noise", (draws, n): σ by `dn.estimate_noise`.
    """
    from diffnet_tf.restoration import noise

    found = {"true": [], "estimate": [], "noise": []}
    for draw in range(draws):
        seed = measure.TEST_SEED + draw
        pairs = network.pairs(images, batch_size=len(images), seed=seed, shuffle=False, epochs=1)
        diffused, true = network.in_shares(*network.separate(pairs[0][0]))
        found["true"].append(true)
        found["estimate"].append(estimates(diffused, arrays))
        found["noise"].append([noise.estimate_noise(image) for image in diffused])
    return {name: np.array(values, "float32") for name, values in found.items()}


def estimates(images, arrays):
    """Estimates for images (n, height, width) with maximum 1, as the package makes them from some weights: (n, 3)."""
    from diffnet_tf.restoration import diffusion

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
        of, blind = (np.abs(value / true[:, number] - 1) for value in (estimate[:, number], MIDDLE[number]))
        spans = [(true[:, 1] > low) & (true[:, 1] < high) for low, high in zip(SPANS, SPANS[1:])]
        levels = [(true[:, 2] >= low) & (true[:, 2] < high) for low, high in zip(LEVELS, LEVELS[1:])]
        found[name] = {
            "median_error": float(np.median(of)),
            "within_15_percent": float(np.mean(of <= 0.15)),
            "quarter_above": float(np.quantile(of, 0.75)),
            "bias": float(np.median(errors[:, number])),
            "median_error_of_the_middle": float(np.median(blind)),
            "by_time": [float(np.median(of[span])) if span.any() else None for span in spans],
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


def restorer(root):
    """The path of the longest training of the network that is given the diffusion, without its suffix, or None."""
    runs = [run for run in study.finished(root / RESTORER) if run["name"] == RESTORER]
    best = max(runs, key=lambda run: run["steps"], default=None)
    return best and root / RESTORER / study.RUNS / best["file"]


def restored(kept, images, arrays):
    """Undo the diffusion of each setting on images with the true λ, T and σ, with the estimates, and with `MIDDLE`.

    Args:
        kept: the path of the network's record, without its suffix.
        images: clean ones.
        arrays: the weights of the estimate.

    Returns:
        What the record says of the network, and PSNR in dB: "psnr_given", "psnr_auto", "psnr_middle" → (settings, n).
    """
    from diffnet_tf.files import model_files, reading
    from experiments.lib import given_diffusion as given

    model = model_files.load(f"{kept}{model_files.SUFFIX}")
    function, found = measure.applied(model), {"given": [], "auto": [], "middle": []}
    for contrast, time in SETTINGS:
        diffused, targets = given.pairs(images, given.Setting(SIGMA, contrast, time))
        largest = diffused.max(axis=(1, 2, 3))[:, None]
        guesses = estimates(diffused[..., 0] / largest[..., None], arrays) * largest ** [1, 0, 1]
        for name, settings in {
            "given": (contrast, time, SIGMA),
            "auto": guesses,
            "middle": (*MIDDLE[:2], SIGMA),
        }.items():
            told = np.broadcast_to(settings, (len(images), 3))[:, None, None, [2, 0, 1]]
            maps = np.broadcast_to(told, (*diffused.shape[:3], 3))
            outputs = measure.batched(function, np.concatenate([diffused, maps], axis=-1, dtype="float32"))
            found[name].append(given.psnr(targets, outputs))
    of = reading.json_object(kept.with_name(f"{kept.name}.json"))
    about = {key: of[key] for key in ("steps", "seed", "budget", "recipe", "parameters", "commit") if key in of}
    return about, {f"psnr_{name}": np.array(values) for name, values in found.items()}
