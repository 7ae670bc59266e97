"""Figures 8 and 9: one test image, diffused and then restored by DiffNet and by the U-Net, with residuals.

DiffNet has the weights of Figure 6 or 7, and runs here in float32. The U-Net's output comes from a record, see `unets`:
that of its longest training that was measured on these test images. If there is none, the U-Net is trained.
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import against_unet, captions, measure, settings, unets, weights
from experiments.lib.study import Result

METHODS = {"diffnet": "DiffNet", "unet": "U-Net"}


def compute(task, paper, options):
    """Apply DiffNet, and add the U-Net's record for the same image.

    Args:
        task: a `measure.Task`.
        paper: the paper's PSNR of its image, a ship, for each method.
        options: the command line's.

    Returns:
        A `study.Result`.

    Raises:
        ValueError: when the U-Net's record does not hold its output for --image.
    """
    import keras

    diffnet, source = weights.find(settings.inverse(task.noise).experiment, options.results_dir)
    images = unets.opened(options)
    unet = unets.made(options, task, images)
    inputs, targets = measure.pairs(task, images[-1])
    number = options.image % len(targets)
    output = _output(unet, number)
    outputs, values, result = measure.measured(diffnet, inputs, targets)
    record = {
        **dataclasses.asdict(task),
        "image": number,
        "backend": keras.backend.backend(),
        "paper_psnr": paper,
        "weights": source,
        "unet": unets.about(unet),
        "parameters": {"diffnet": diffnet.count_params(), "unet": unet["parameters"]},
        "results": {"diffnet": result, "unet": unet["results"]},
    }
    arrays = {
        "input": inputs[number, ..., 0],
        "target": targets[number, ..., 0],
        "diffnet": outputs[number, ..., 0],
        "unet": output,
        "psnr_diffnet": values["psnr"],
        "psnr_unet": np.array(unet["psnr"], "float32"),
        "psnr_degraded": measure.quality(targets, inputs)[0]["psnr"],
    }
    return Result(record, arrays)


def _output(unet, number):
    """The U-Net's output for a test image, from its record."""
    shown = unet.get("shown", [])
    if number not in shown:
        kept = ", ".join(map(str, shown)) or "none"
        raise ValueError(
            f"{unet['file']} keeps the U-Net's outputs for test images {kept}; --image names {number}. "
            "Give one of these, or another --results-dir to train a U-Net there."
        )
    return unet["arrays"]["unet"][shown.index(number)]


def claims(where, noise, paper):
    """Two claims over all test images, because the paper's ship is not among them: which network is ahead, and by how
    much."""
    gap = paper["diffnet"] - paper["unet"]
    words = "no noise" if not noise else f"{100 * noise:g} % noise"
    first, second = ("DiffNet", "the U-Net") if gap > 0 else ("the U-Net", "DiffNet")
    values = ", ".join(f"{METHODS[name]} {value}" for name, value in paper.items()) + " dB on one image, a ship"
    task = ("inverse", noise)
    return (
        against_unet.claim(
            f"{first} is ahead of {second}, {words}", values, against_unet.ahead, where, task, np.sign(gap)
        ),
        against_unet.claim(
            f"the difference DiffNet − U-Net is close to the paper's, {words}",
            f"{gap:+.2f} ± 1 dB",
            against_unet.has_the_size,
            where,
            task,
            gap,
        ),
    )


@figures.styled
def draw(record, arrays):
    """The image, diffused and restored; below, the moduli of the errors, those of both networks on one scale."""
    columns = {"target": "original", "input": f"diffused{captions.noisy(record['noise'])}", **METHODS}
    figure, axes = figures.panels(2, len(columns), caption(record), width=1.22, height=1.68)
    figures.titles(axes[0], columns.values())
    figures.image(axes[0, 0], arrays["target"], f"test image {record['image']}")
    axes[1, 0].axis("off")
    errors = {name: np.abs(arrays[name] - arrays["target"]) for name in columns if name != "target"}
    both = figures.symmetric(*(errors[method] for method in METHODS))
    for (top, bottom), (name, pixels) in zip(axes.T[1:], errors.items()):
        psnr = arrays["psnr_degraded" if name == "input" else f"psnr_{name}"]
        figures.image(top, arrays[name], f"{psnr[record['image']]:.2f} dB")
        scale = both if name in METHODS else figures.symmetric(pixels)
        artist = figures.image(bottom, pixels, None, 0, scale, figures.ERRORS)
        if name == "input":
            figures.errors(figure, artist, bottom, pixels.max(), short=True)
    figures.errors(figure, artist, axes[1, 2:], max(errors[method].max() for method in METHODS))
    return figure


def caption(record):
    """The caption: what is shown, and its numbers."""
    means = " and ".join(f"{METHODS[name]} {of['psnr']['mean']:.2f} dB" for name, of in record["results"].items())
    ship = " and ".join(f"{value:.2f}" for value in record["paper_psnr"].values())
    return (
        f"{record['title']}: one test image, diffused and restored, {captions.percent(record['noise'])}. Below, "
        f"|error| on two scales. Mean over {record['results']['unet']['psnr']['n']} test images: {means}. The "
        f"paper, on another image: {ship} dB."
    )


def alt(record):
    """The alt text: what is seen."""
    ahead, behind = sorted(METHODS, key=lambda name: -record["results"][name]["psnr"]["mean"])
    noise = " and noise" if record["noise"] else ""
    return (
        f"Four versions of test image {record['image']} side by side: the original, one with blurred edges{noise}, and "
        f"the outputs of DiffNet and of the U-Net. Below, maps of their errors. Over all test images, the "
        f"{METHODS[behind]}'s error is larger than the {METHODS[ahead]}'s."
    )
