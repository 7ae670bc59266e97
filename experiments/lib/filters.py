"""What Figures 11 and 12 share: the filters that DiffNet estimates in every layer, for three levels of noise.

A layer adds δt S(ζ)u to its input, so δt·ζ is shown: network and time step share any factor between them.
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, settings, study, verdicts, weights


def compute(what, options):
    """Filters of every layer for one test image, from trained weights: a `study.Result`.

    Args:
        what: filters (height, width, 5) → the image (height, width) to show.
        options: the command line's; `options.image` is the number of the test image.
    """
    import keras

    from diffnet_tf import metrics

    test = options.images("test")
    number = options.image % len(test)
    shown, inputs, found = [], [], {"weights": [], "time_steps": [], "psnr": []}
    trained = weights.find_alike([setting.experiment for setting in settings.INVERSE], options.results_dir)
    for setting, (model, source) in zip(settings.INVERSE, trained):
        degraded, target = measure.pairs(measure.Task("inverse", setting.noise), test[number : number + 1])
        filters = [dt * np.asarray(f)[0] for dt, f in zip(model.time_steps, model.filters(degraded))]
        shown.append([what(f) for f in filters])
        inputs.append(degraded[0, ..., 0])
        psnr = float(np.asarray(metrics.psnr(target, model(degraded)))[0])
        for name, value in zip(found, (source, model.time_steps, psnr)):
            found[name].append(value)
    record = {
        "image": number,
        "noises": [setting.noise for setting in settings.INVERSE],
        "backend": keras.backend.backend(),
        **found,
        "mean": np.mean(shown, axis=(2, 3)).tolist(),
        "mean_modulus": np.mean(np.abs(shown), axis=(2, 3)).tolist(),
        "std": np.std(shown, axis=(2, 3)).tolist(),
    }
    return study.Result(record, {"inputs": np.array(inputs), "filters": np.array(shown)})


def of_seeds(record, quantity):
    """A quantity of every seed, (seeds, noise, layer); `verdicts.NotRun` where a record lacks it."""
    found = [of_seed[quantity] for of_seed in record.get("of_seeds", [record]) if quantity in of_seed]
    if not found:
        raise verdicts.NotRun(f"no {quantity}")
    return np.array(found)


def finding(record, ours, answer):
    """A finding of one image, with the trainings of all seeds whose weights were looked into."""
    used = [weights for of_seed in record.get("of_seeds", [record]) for weights in of_seed["weights"]]
    trainings = [weights | {"recipe": weights["training"]} for weights in used if "training" in weights]
    number = len(record.get("of_seeds", [record]))
    return verdicts.finding(record, ours, answer, f"1 image × {captions.count(number, 'seed')}", trainings)


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
    return f"Test image {record['image']}, restored to {psnr} dB. {captions.source(record)}"
