"""How well is σ of the noise found in ordinary photographs, which were not diffused?

The estimate of this package (`dn.estimate_noise`) is compared with two others: the median absolute deviation of wavelet
coefficients (Donoho & Johnstone 1994, as scikit-image's `estimate_sigma`), and the smallest eigenvalues of the
covariance of small patches (Chen, Zhu & Heng 2015). The constants of our estimate for photographs are fitted here to
the training images, the first 360 of the 400. The measurements use the constants of the package, and the other images.

    # a minute, no training
    python -m experiments.noise_estimates --source folder --data-dir train400
"""

import importlib.util

import numpy as np

from diffnet_tf import figures
from experiments import any_noise
from experiments.lib import captions, study
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "noise-estimates"
TITLE = "Estimates of the noise"
OPTIONS = ("budget", *IMAGES)
IMAGE_FLAGS = "--source folder --data-dir train400"
LEVELS = (0, 1, 2, 5, 10, 15, 25, 50)  # σ of 255
FITTED = np.geomspace(
    2 / 255, 60 / 255, 10
)  # σ that the constants are fitted to: below, texture counts more than noise
RIDGE = 1e-3  # keeps the constants small: a quantile may be misled by a few odd blocks
SEED, FITTING_SEED = 1, 2  # of the noise
PATCH = 8  # side of the patches whose covariance is computed
OURS = {"photograph": "ours for photographs", "diffused": "ours for diffused images"}
OTHERS = {"wavelets": "wavelets (scikit-image)", "patches": "patches (Chen et al.)"}


def compute(options):
    """Estimate σ in every test image at each level, with each estimator."""
    limit = 8 if options.budget == "smoke" else None
    train, test = photographs(options, "train", limit), photographs(options, "test", limit)
    estimates = {
        name: np.array([[255 * function(image) for image in noisy(test, level / 255, SEED)] for level in LEVELS])
        for name, function in estimators().items()
    }
    record = {
        "levels": list(LEVELS),
        "images": len(test),
        "constants": calibrated(train),
        "results": {
            name: {f"{level}": _summary(level, row) for level, row in zip(LEVELS, values)}
            for name, values in estimates.items()
        },
    }
    return study.Result(record, {name: values.astype("float32") for name, values in estimates.items()})


def _summary(level, estimates):
    """Without noise the mean, of 255; with noise the bias, the spread and the rms error, as shares of the true σ."""
    if not level:
        return {"mean": float(estimates.mean()), "largest": float(estimates.max())}
    ratio = estimates / level
    error = float(np.sqrt(np.mean((ratio - 1) ** 2)))
    return {"bias": float(ratio.mean() - 1), "spread": float(ratio.std()), "error": error}


def photographs(options, split, limit=None):
    """The images of a split at their own sizes, white at 1: a list of float64 (height, width)."""
    images = options.images("validation" if split == "test" else split, limit, whole=True, scale="white")
    return [np.asarray(images.image(k), "float64") / images.maxima[k] for k in range(len(images))]


def noisy(images, sigma, seed):
    """Add noise to each image, with a stream of its own."""
    for k, image in enumerate(images):
        yield image + np.random.default_rng((seed, k)).normal(scale=sigma, size=image.shape)


def estimators():
    """Name → function from an image (height, width) to σ. Wavelets need PyWavelets, the extra `comparison`."""
    from skimage.restoration import estimate_sigma

    from diffnet_tf.restoration import noise

    ours = {kind: lambda image, kind=kind: noise.estimate_noise(image, kind) for kind in OURS}
    wavelets = {"wavelets": estimate_sigma} if importlib.util.find_spec("pywt") else {}
    return {**ours, **wavelets, "patches": of_patches}


def of_patches(image):
    """σ by Chen, Zhu & Heng, "An efficient statistical method for image noise level estimation", ICCV 2015.

    The eigenvalues of the covariance of all patches that are noise alone have a mean equal to their median. The largest
    ones, which are the image, are left out until this is so.
    """
    patches = np.lib.stride_tricks.sliding_window_view(image, (PATCH, PATCH)).reshape(-1, PATCH**2)
    values = np.linalg.eigvalsh(np.cov(patches.T))  # the smallest first
    for count in range(len(values), 1, -1):
        if values[:count].mean() <= np.median(values[:count]):
            return float(np.sqrt(max(values[:count].mean(), 0.0)))
    return float(np.sqrt(max(values[0], 0.0)))


def calibrated(images):
    """Fit the constants of `restoration.noise` for photographs to images (height, width) with known noise."""
    return any_noise.fitted(((level, noisy(images, level, FITTING_SEED + k)) for k, level in enumerate(FITTED)), RIDGE)


# ---- Picture ---------------------------------------------------------------------------------------------------------


@figures.styled
def draw(record, arrays):
    """Left the mean of the estimate over the true σ; right the error of single images."""
    figure, ((left, right),) = figures.plots(1, 2, caption(record), width=figures.WIDTH / 2, height=2.5)
    levels = [level for level in record["levels"] if level]
    for (name, results), colour in zip(record["results"].items(), figures.LINES):
        found = [results[f"{level}"] for level in levels]
        label = {**OURS, **OTHERS}[name]
        left.plot(levels, [1 + each["bias"] for each in found], color=colour, marker="o", label=label)
        right.plot(levels, [100 * each["error"] for each in found], color=colour, marker="o", label=label)
    left.axhline(1, color=figures.GRAY, **figures.THIN)
    left.set(ylabel="estimate / true σ, mean", xlabel="σ of 255", xscale="log", yscale="log")
    right.set(ylabel="rms error in %", xlabel="σ of 255", xscale="log", yscale="log")
    for axis, ticks in ((left, (1, 2, 4)), (right, (1, 10, 100))):
        axis.set_xticks(levels, [f"{level}" for level in levels])
        axis.set_yticks(ticks, [f"{tick}" for tick in ticks])
        axis.minorticks_off()
    left.legend()
    return figure


def caption(record):
    """The caption: what is shown, and the errors at σ = 25."""
    errors = {{**OURS, **OTHERS}[name]: 100 * results["25"]["error"] for name, results in record["results"].items()}
    return (
        f"{record['title']}: how well is σ found in {record['images']} ordinary photographs? Left the mean, right the "
        f"rms error. At σ = 25 of 255: {', '.join(f'{name} {value:.1f} %' for name, value in errors.items())}."
    )


def alt(record):
    """The alt text: what is seen."""
    ours = record["results"]["photograph"]
    errors = [f"{100 * ours[f'{level}']['error']:.0f} % at {level}" for level in record["levels"] if level]
    return (
        "Two plots of one line for each estimator against σ, both axes logarithmic. Left, the mean estimate over the "
        "true σ: all lines come down to 1 as σ grows, ours first. Right, the error of single images: for photographs, "
        f"ours is {captions.listed(errors)}."
    )


if __name__ == "__main__":
    main(__file__)
