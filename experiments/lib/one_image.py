"""What Figures 8 and 9 share: one test image, diffused and undone by DiffNet and by the U-Net, with residuals.

DiffNet's weights are those of Figure 6 or 7; the U-Net is trained here, and on two cores not for long.
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import measure, networks, weights

METHODS = {"diffnet": "DiffNet", "unet": "U-Net"}


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment.

    Attributes:
        title: what the figure is called.
        noise: σ of the noise on the diffused image.
        paper_psnr: the paper's PSNR of its image, a ship, for each method.
        budgets: budget → (recipe, steps of the U-Net, limit on the number of images of each set).
    """

    title: str
    noise: float
    paper_psnr: dict
    budgets: dict


def compute(config, options):
    """Train the U-Net, apply both networks: (record, arrays, model); None when training was stopped by Ctrl-C."""
    import keras

    from diffnet_tf import data

    name, steps, limit = config.budgets[options.budget]
    steps, task = options.steps or steps, networks.Task("inverse", config.noise)
    diffnet, source = weights.find(weights.INVERSE[config.noise], options.results_dir)
    recipe = networks.recipe_for("UNet", name, task)
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    unet, trained = networks.train(
        "UNet",
        task,
        recipe,
        train,
        steps=steps,
        seed=options.seed,
        validation=data.GrayImages(validation.pixels[:64]),
        checkpoint_dir=options.checkpoint_dir,
        csv_log=options.directory / "log.csv",
    )
    if not trained.finished:
        return None
    inputs, targets = networks.test_pairs(task, test)
    number = options.image % len(targets)
    results, arrays = {}, {"input": inputs[number, ..., 0], "target": targets[number, ..., 0]}
    for method, model in (("diffnet", diffnet), ("unet", unet)):
        outputs, values, results[method] = networks.measured(model, inputs, targets)
        arrays[method], arrays[f"psnr_{method}"] = outputs[number, ..., 0], values["psnr"]
    arrays["psnr_degraded"] = measure.quality(targets, inputs)[0]["psnr"]
    record = {
        "title": config.title,
        **dataclasses.asdict(task),
        "image": number,
        "backend": keras.backend.backend(),
        "paper_psnr": config.paper_psnr,
        "weights": source,
        "recipe": {"name": name, **dataclasses.asdict(recipe)},
        "model": {"class": "UNet", **unet.get_config()},
        "steps": steps,
        "parameters": {"diffnet": diffnet.count_params(), "unet": unet.count_params()},
        "training_images": len(train),
        "training_seconds": round(trained.seconds, 1),
        "times": trained.times,
        "history": trained.history,
        "results": results,
    }
    return record, arrays, None  # 138 MB of weights stay here


@figures.styled
def draw(record, arrays):
    """The image, diffused and restored; below, what each differs from the image by, on one scale."""
    columns = {"target": "original", "input": f"diffused{_noise(record)}", **METHODS}
    figure, axes = figures.panels(2, len(columns), caption(record), width=1.7, height=1.9)
    residuals = {name: arrays[name] - arrays["target"] for name in columns if name != "target"}
    scales = {"input": _scale(residuals["input"]), "networks": _scale(*(residuals[m] for m in METHODS))}
    for column, (name, title) in enumerate(columns.items()):
        psnr = arrays["psnr_degraded" if name == "input" else f"psnr_{name}"] if name != "target" else None
        label = f"test image {record['image']}" if psnr is None else f"{psnr[record['image']]:.2f} dB"
        figures.image(axes[0, column], arrays[name], label)
        axes[0, column].set_title(title)
        if name == "target":
            axes[1, column].axis("off")
            continue
        scale = scales["input" if name == "input" else "networks"]
        artist = figures.image(axes[1, column], residuals[name], None, -scale, scale, figures.RESIDUALS)
        axes[1, column].set_title(f"{title}\n− original")
        if name == "input":
            figure.colorbar(artist, ax=axes[1, column], location="left", shrink=0.8)
    figure.colorbar(artist, ax=axes[1, 2:], location="right", shrink=0.8, label="gray value (range 1)")
    return figure


def _scale(*residuals):
    return float(np.quantile(np.abs(residuals), 0.995)) or 1e-6


def _noise(record):
    return f", {100 * record['noise']:g} % noise" if record["noise"] else ""


def caption(record):
    """What is shown, its numbers, and where they come from."""
    paper = ", ".join(f"{METHODS[name]} {value} dB" for name, value in record["paper_psnr"].items())
    means = ", ".join(f"{METHODS[name]} {result['psnr']['mean']:.2f} dB" for name, result in record["results"].items())
    return (
        f"{record['title']}: undoing Perona–Malik diffusion{_noise(record) or ', no noise'}, of one test image "
        f"({record['source']}, {record['test_data']}); the paper's ship: {paper}. Mean of all "
        f"{record['results']['unet']['psnr']['n']} test images: {means}. U-Net: budget {record['budget']}, "
        f"{record['steps']:,} steps of {record['recipe']['batch_size']} images, recipe {record['recipe']['name']}, "
        f"where the paper took 101,250 of 16; seed {record['seed']}. DiffNet: "
        f"{weights.described([record['weights']])} {record['note'] or ''}"
    )
