"""What Figures 11 and 12 share: the filters that DiffNet estimates in every layer, for three levels of noise.

A layer adds δt S(ζ)u to its input, so δt·ζ is shown: network and time step share any factor between them.
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, seeds, settings, study, verdicts, weights

NAMES = [setting.experiment for setting in settings.INVERSE]
OF_A_SEED = ("seed", "weights", "time_steps", "psnr", "mean", "mean_modulus", "std", "edge_width")


def compute(what, options):
    """Filters of every layer for one test image, from trained weights: a `study.Result`.

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
    """The networks of every seed that has all three, alike but for the seed: a list of what `weights.in_folder` gives.

    They are those of the results folder, else the project's own.
    """
    first = weights.find_alike(NAMES, results_dir)
    found = [first]
    for folder in seeds.folders(weights.folder_of(NAMES, results_dir))[1:]:
        networks = weights.in_folder(NAMES, folder)
        if networks and all(weights.same_but_for_the_seed(*pair) for pair in zip(first, networks)):
            found.append(networks)
    return found


def _of_seed(what, networks, pairs):
    """(what is recorded of a seed, its images (noise, layer, height, width))."""
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
    """A quantity of every seed, (seeds, noise, layer); `verdicts.NotRun` where a record lacks it."""
    found = [of_seed[quantity] for of_seed in record.get("of_seeds", [record]) if quantity in of_seed]
    if not found:
        raise verdicts.NotRun(f"no {quantity}")
    return np.array(found)


def finding(record, ours, answer):
    """A finding of one image, with the trainings of all seeds whose weights were looked into."""
    test = record.get("image_sets", {}).get("test", {}) | {"count": None}  # of one of these images
    used = [weights for of_seed in record.get("of_seeds", [record]) for weights in of_seed["weights"]]
    trainings = [weights | {"recipe": weights["training"]} for weights in used if "training" in weights]
    trainings = [each | {"image_sets": each.get("image_sets", {}) | {"test": test}} for each in trainings]
    number = len(record.get("of_seeds", [record]))
    n = f"1 image × {captions.count(number, 'seed')}"
    return verdicts.finding(record, ours, answer, n, trainings, tested="one image")


@figures.styled
def draw(caption, record, arrays):
    """A row for each level of noise: the input, and one image a layer, all on one scale."""
    rows, columns = arrays["filters"].shape[:2]
    figure, axes = figures.panels(rows, 1 + columns, caption)
    scale = figures.symmetric(arrays["filters"])
    for row, noise in enumerate(record["noises"]):
        figures.image(axes[row, 0], arrays["inputs"][row])
        axes[row, 0].set_ylabel(f"noise {100 * noise:g} %")
        for axis, pixels, mean in zip(axes[row, 1:], arrays["filters"][row], record["mean"][row]):
            artist = figures.image(axis, pixels, f"mean {mean:.1e}", -scale, scale, figures.RESIDUALS)
    figures.titles(axes[0], ("diffused image", *(f"layer {i + 1}" for i in range(columns))))
    figure.colorbar(artist, ax=axes[:, 1:], location="right", shrink=0.6, extend="both")
    return figure


def provenance(record):
    """What all captions of filters end with."""
    psnr = ", ".join(f"{value:.2f}" for value in record["psnr"])
    shown = f" Shown: seed {record['seeds'][0]} of {len(record['seeds'])}." if len(record.get("seeds", ())) > 1 else ""
    return f"Test image {record['image']}, restored to {psnr} dB.{shown} {captions.source(record)}"
