"""What Figures 8 and 9 share: one test image, diffused and undone by DiffNet and by the U-Net, with residuals.

DiffNet's weights are those of Figure 6 or 7, applied here in float32. The U-Net's output is that of a record, see
`unets`: of the longest training that there is on these test images. Where there is none, it is trained.
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import against_unet, captions, measure, settings, unets, weights
from experiments.lib.study import Result

METHODS = {"diffnet": "DiffNet", "unet": "U-Net"}


def compute(task, paper, options):
    """Apply DiffNet, and put the U-Net's record beside it.

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
            "Give one of these, or another --results_dir to train a U-Net there."
        )
    return unet["arrays"]["unet"][shown.index(number)]


def claims(where, noise, paper):
    """Two claims: which network is ahead, over all test images, since the paper's ship is not among them; and by how
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
    """The image, diffused and restored; below, what each differs from the image by, on one scale."""
    trained = {"diffnet": record["weights"]["steps"], "unet": record["unet"]["steps"]}
    columns = {"target": "original", "input": f"diffused{captions.noisy(record['noise'])}", **METHODS}
    heads = [f"{label}, {trained[name]:,} steps" if name in trained else label for name, label in columns.items()]
    figure, axes = figures.panels(2, len(columns), caption(record), width=1.7, height=1.9)
    residuals = {name: arrays[name] - arrays["target"] for name in columns if name != "target"}
    figures.titles(axes[0], heads)
    figures.image(axes[0, 0], arrays["target"], f"test image {record['image']}")
    axes[1, 0].axis("off")
    both = figures.symmetric(*(residuals[method] for method in METHODS))
    scales = {"input": figures.symmetric(residuals["input"])}
    for (top, bottom), (name, pixels) in zip(axes.T[1:], residuals.items()):
        psnr = arrays["psnr_degraded" if name == "input" else f"psnr_{name}"]
        ship = f" (paper: {record['paper_psnr'][name]:.2f})" if name in METHODS else ""
        figures.image(top, arrays[name], f"{psnr[record['image']]:.2f} dB{ship}")
        scale = scales.get(name, both)
        artist = figures.image(bottom, pixels, None, -scale, scale, figures.RESIDUALS)
        bottom.set_title(f"{columns[name]}\n− original")
        if name == "input":
            figure.colorbar(artist, ax=bottom, location="left", shrink=0.8)
    figure.colorbar(artist, ax=axes[1, 2:], location="right", shrink=0.8, label="gray value (range 1)")
    return figure


def caption(record):
    """What is shown, its numbers, and where they come from."""
    means = ", ".join(f"{METHODS[name]} {result['psnr']['mean']:.2f} dB" for name, result in record["results"].items())
    return (
        f"{record['title']}, {captions.percent(record['noise'])}: {means} in the mean of "
        f"{record['results']['unet']['psnr']['n']} test images. U-Net: {unets.words(record['unet'])}. The paper's ship "
        f"is another one. The two colour scales differ. {captions.source(record)}"
    )
