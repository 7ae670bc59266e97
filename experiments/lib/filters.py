"""Figures 11 and 12: the filters that DiffNet estimates in every layer, for three noise levels.

A layer adds δt S(ζ)u to its input, so only the product δt·ζ is determined. This product is shown.
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, seeds, settings, study, verdicts, weights

NAMES = [setting.experiment for setting in settings.INVERSE]
OF_A_SEED = ("seed", "weights", "time_steps", "psnr", "mean", "mean_modulus", "std", "edge_width")


def compute(what, options):
    """Compute the filters of every layer for one test image, from trained weights: a `study.Result`.

    All seeds are measured that have the three networks; the pictures are of the first.

    Args:
        what: filters (height, width, 5) → the image (height, width) to show.
        options: the command line's; `options.image` is the number of the test image.

    Returns:
        The record has, of the first seed, `OF_A_SEED` but its seed: three weights, three PSNRs, and lists (noise,
        layer) of numbers of the shown images; "of_seeds", the same of every seed; and "seeds". The arrays are "inputs"
        (noise, height, width) and "filters" (noise, layer, height, width), of the first seed.
    """
    import keras

    test = options.images("test")
    number = options.image % len(test)
    pairs = [measure.pairs(measure.Task("inverse", s.noise), test[number : number + 1]) for s in settings.INVERSE]
    found = [_of_seed(what, networks, pairs) for networks in _networks(options.results_dir)]
    (first, shown), of_seeds = found[0], [of_seed for of_seed, _ in found]
    record = {
        "image": number,
        "noises": [setting.noise for setting in settings.INVERSE],
        "backend": keras.backend.backend(),
        **{key: value for key, value in first.items() if key != "seed"},
        "seeds": [of_seed["seed"] for of_seed in of_seeds],
        "of_seeds": of_seeds,
    }
    return study.Result(record, {"inputs": np.array([inputs[0, ..., 0] for inputs, _ in pairs]), "filters": shown})


def _networks(results_dir):
    """The networks of every seed that has all three, trained alike: a list of results of `weights.in_folder`.

    They come from the results folder, or else from the project's own results.
    """
    first = weights.find_alike(NAMES, results_dir)
    found = [first]
    for folder in seeds.folders(weights.folder_of(NAMES, results_dir))[1:]:
        networks = weights.in_folder(NAMES, folder)
        if networks and all(weights.same_but_for_the_seed(*pair) for pair in zip(first, networks)):
            found.append(networks)
    return found


def _of_seed(what, networks, pairs):
    """(record of a seed, its images (noise, layer, height, width))."""
    from diffnet_tf import metrics

    images, found = [], {"weights": [], "time_steps": [], "psnr": []}
    for (model, source), (degraded, target) in zip(networks, pairs):
        filters = [dt * np.asarray(f)[0] for dt, f in zip(model.time_steps, model.filters(degraded))]
        images.append([what(f) for f in filters])
        psnr = float(np.asarray(metrics.psnr(target, model(degraded)))[0])
        for name, value in zip(found, (source, model.time_steps, psnr)):
            found[name].append(value)
    images = np.array(images)
    record = {
        "seed": networks[0][1]["seed"],
        **found,
        "mean": images.mean(axis=(2, 3)).tolist(),
        "mean_modulus": np.abs(images).mean(axis=(2, 3)).tolist(),
        "std": images.std(axis=(2, 3)).tolist(),
        "edge_width": [[edge_width(image) for image in level] for level in images],
    }
    return record, images


def edge_width(image):
    """How wide the lines and spots of an image are, in pixels: standard deviation over root mean square slope."""
    slope = np.mean([np.mean(np.diff(image, axis=axis) ** 2) for axis in (0, 1)])
    return float(image.std() / np.sqrt(slope)) if slope else 0.0


def of_seeds(record, quantity):
    """A quantity of every seed, (seeds, noise, layer); raises `verdicts.NotRun` if a record lacks it."""
    found = [of_seed[quantity] for of_seed in record.get("of_seeds", [record]) if quantity in of_seed]
    if not found:
        raise verdicts.NotRun(f"no {quantity}")
    return np.array(found)


def finding(record, ours, answer):
    """A finding on one image, with the trainings of all seeds whose weights were used."""
    test = record.get("image_sets", {}).get("test", {}) | {"count": None}  # of one of these images
    used = [weights for of_seed in record.get("of_seeds", [record]) for weights in of_seed["weights"]]
    trainings = [weights | {"recipe": weights["training"]} for weights in used if "training" in weights]
    trainings = [each | {"image_sets": each.get("image_sets", {}) | {"test": test}} for each in trainings]
    number = len(record.get("of_seeds", [record]))
    n = f"1 image × {captions.count(number, 'seed')}"
    return verdicts.finding(record, ours, answer, n, trainings, tested="one image")


@figures.styled
def draw(caption, record, arrays, each=False):
    """A row for each level of noise: the input, and one image for each layer.

    Args:
        caption: text.
        record, arrays: see `compute`.
        each: whether each image has a scale of its own, from its lowest to its highest value; else the images of a
            layer, one below the other, have one scale with zero in the middle.
    """
    shown = arrays["filters"]
    rows, columns = shown.shape[:2]
    figure, axes = figures.panels(rows, 1 + columns, caption, width=0.82, height=1.06 if each else 0.9)
    for row, noise in enumerate(record["noises"]):
        figures.image(axes[row, 0], arrays["inputs"][row])
        axes[row, 0].set_ylabel(captions.percent(noise))
        for column in range(columns):
            pixels = shown[row, column].astype("float64")
            if each:
                low, high = np.quantile(pixels, (0.005, 0.995))
                look = (low, high, figures.SPECTRA)
            else:
                scale = figures.symmetric(shown[:, column])
                look = (-scale, scale, figures.RESIDUALS)
            artist = figures.image(axes[row, 1 + column], pixels, None, *look)
            if each:
                _bar(figure, artist, axes[row, 1 + column])
            elif row == rows - 1:
                _bar(figure, artist, axes[:, 1 + column])
    figures.titles(axes[0], ("diffused", *(f"layer {i + 1}" for i in range(columns))))
    return figure


def _bar(figure, artist, axes):
    """A small colour bar below an image, labelled at its ends."""
    low, high = artist.get_clim()
    bar = figure.colorbar(artist, ax=axes, location="bottom", shrink=0.9, aspect=12, pad=0.02)
    bar.ax.tick_params(length=0, pad=1)
    if low == -high:  # of small panels, two such numbers have no room
        bar.set_ticks([0], labels=[f"±{high:.2g}"])
        return
    bar.set_ticks([low, high], labels=[f"{end:.2g}".replace("-", "−") for end in (low, high)])
    for label, side in zip(bar.ax.get_xticklabels(), ("left", "right")):
        label.set_horizontalalignment(side)


def numbers(record, quantity, digits, unit=""):
    """A quantity for each level of noise, averaged over layers and seeds, in words."""
    means = of_seeds(record, quantity).mean(axis=(0, 2))
    levels = captions.listed(f"{100 * noise:g}" for noise in record["noises"])
    return f"{captions.listed(f'{mean:.{digits}}' for mean in means)}{unit} for {levels} % noise"


def seed(record):
    """The end of a caption, which names the seed if there are several."""
    of = record.get("seeds", ())
    return f" Shown: seed {of[0]} of {len(of)}." if len(of) > 1 else ""


def rows(record):
    """The levels of noise in words, from top to bottom."""
    return captions.listed(captions.percent(noise) for noise in record["noises"])
