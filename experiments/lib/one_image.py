"""What Figures 8 and 9 share: one test image, diffused and undone by DiffNet and by the U-Net, with residuals.

DiffNet's weights are those of Figure 6 or 7; the U-Net is trained here, and on two cores not for long.
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import against_unet, captions, measure, networks, settings, study, weights

METHODS = {"diffnet": "DiffNet", "unet": "U-Net"}


def compute(task, budgets, paper, options):
    """Train the U-Net, apply both networks.

    Args:
        task: a `measure.Task`.
        budgets: see `study.budgets`.
        paper: the paper's PSNR of its image, a ship, for each method.
        options: the command line's.

    Returns:
        A `study.Result`.
    """
    import keras

    name, steps, limit = budgets[options.budget]
    diffnet, source = weights.find(settings.inverse(task.noise).experiment, options.results_dir)
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    pairs = {**dataclasses.asdict(task), "validation": validation[: study.VALIDATION]}
    made, log = networks.of("UNet", name, task), options.directory / "log.csv"
    trained = study.train(options, *made, train, steps=steps, seed=options.seed, csv_log=log, **pairs)
    unet = trained.model
    inputs, targets = measure.pairs(task, test)
    number = options.image % len(targets)
    results, arrays = {}, {"input": inputs[number, ..., 0], "target": targets[number, ..., 0]}
    for method, model in (("diffnet", diffnet), ("unet", unet)):
        outputs, values, results[method] = measure.measured(model, inputs, targets)
        arrays[method], arrays[f"psnr_{method}"] = outputs[number, ..., 0], values["psnr"]
    arrays["psnr_degraded"] = measure.quality(targets, inputs)[0]["psnr"]
    record = {
        **dataclasses.asdict(task),
        "image": number,
        "backend": keras.backend.backend(),
        "paper_psnr": paper,
        "weights": source,
        "model": {"class": "UNet", **unet.get_config()},
        **trained.record(history=True),
        "parameters": {"diffnet": diffnet.count_params(), "unet": unet.count_params()},
        "results": results,
    }
    return study.Result(record, arrays)  # 138 MB of weights stay here


def claims(where, noise, paper):
    """Two claims: which network is ahead, over all test images, since the paper's ship is not among them; and by how
    much."""
    gap = paper["diffnet"] - paper["unet"]
    words = "no noise" if not noise else f"{100 * noise:g} % noise"
    ahead = f"{'DiffNet' if gap > 0 else 'the U-Net'} is ahead, {words}"
    values = ", ".join(f"{METHODS[name]} {value}" for name, value in paper.items()) + " dB on a ship"
    task = ("inverse", noise)
    return (
        against_unet.claim(ahead, values, against_unet.ahead, where, task, np.sign(gap)),
        against_unet.claim(
            f"DiffNet − U-Net, {words}", f"{gap:+.2f} ± 1 dB", against_unet.has_the_size, where, task, gap
        ),
    )


@figures.styled
def draw(record, arrays):
    """The image, diffused and restored; below, what each differs from the image by, on one scale."""
    columns = {"target": "original", "input": f"diffused{captions.noisy(record['noise'])}", **METHODS}
    figure, axes = figures.panels(2, len(columns), caption(record), width=1.7, height=1.9)
    residuals = {name: arrays[name] - arrays["target"] for name in columns if name != "target"}
    figures.titles(axes[0], columns.values())
    figures.image(axes[0, 0], arrays["target"], f"test image {record['image']}")
    axes[1, 0].axis("off")
    both = figures.symmetric(*(residuals[method] for method in METHODS))
    scales = {"input": figures.symmetric(residuals["input"])}
    for (top, bottom), (name, pixels) in zip(axes.T[1:], residuals.items()):
        psnr = arrays["psnr_degraded" if name == "input" else f"psnr_{name}"]
        figures.image(top, arrays[name], f"{psnr[record['image']]:.2f} dB")
        scale = scales.get(name, both)
        artist = figures.image(bottom, pixels, None, -scale, scale, figures.RESIDUALS)
        bottom.set_title(f"{columns[name]}\n− original")
        if name == "input":
            figure.colorbar(artist, ax=bottom, location="left", shrink=0.8)
    figure.colorbar(artist, ax=axes[1, 2:], location="right", shrink=0.8, label="gray value (range 1)")
    return figure


def caption(record):
    """What is shown, its numbers, and where they come from."""
    paper = ", ".join(f"{METHODS[name]} {value} dB" for name, value in record["paper_psnr"].items())
    means = ", ".join(f"{METHODS[name]} {result['psnr']['mean']:.2f} dB" for name, result in record["results"].items())
    return (
        f"{record['title']}: undoing Perona–Malik diffusion, {captions.percent(record['noise'])}; the paper's ship: "
        f"{paper}. Mean of all {record['results']['unet']['psnr']['n']} test images: {means}. U-Net: "
        f"{record['steps']:,} steps of {record['recipe']['batch_size']} images, where the paper took 101,250 of 16. "
        f"DiffNet: {record['weights']['steps']:,} steps. {captions.source(record)}"
    )
