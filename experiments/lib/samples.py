"""What Figures 6 and 7 share: train DiffNet to undo (or do) Perona–Malik diffusion, measure it, show samples.

Beside the learned inverse stands the plain classical one, the fixed-point iteration u ← u + (y − PM(u)): it is told
λ, δt, the number of steps and the boundary, and needs no training. Without noise a learned inverse is worth something
only next to it.
"""

import dataclasses
import time

import numpy as np

from diffnet_tf import figures
from experiments.lib import measure, networks

SAMPLES = 4
# What is undone: the paper's settings, and the defaults of `diffusion.perona_malik`.
DIFFUSION = {"name": "perona_malik", "steps": 4, "dt": 0.1, "contrast": 0.2, "boundary": "neumann"}
METHODS = {"diffnet": "DiffNet", "fixed_point": "fixed point"}  # in this order, where a record has them


@dataclasses.dataclass(frozen=True)
class Config:
    """One experiment.

    Attributes:
        title: what the figure is called.
        problem: "inverse" or "forward".
        noise: σ of the noise on the diffused image.
        paper_psnr: the paper's mean test PSNR in dB; None where it prints none.
        budgets: budget → (recipe, steps, limit on the number of images of each set).
        crop: side of the training crops under the recipe "fast".
        iterations: of the fixed-point inverse; None chooses the best number on training images. Not for "forward".
    """

    title: str
    noise: float
    paper_psnr: float | None
    budgets: dict
    crop: int
    iterations: int | None = None
    problem: str = "inverse"


def compute(config, options):
    """Train, measure, and return (record, arrays, model); None when training was stopped by Ctrl-C."""
    import keras

    from diffnet_tf import data, training
    from diffnet_tf.networks import models

    recipe_name, steps, limit = config.budgets[options.budget]
    steps = options.steps or steps
    recipe = training.RECIPES[recipe_name]
    if recipe_name == "fast":
        recipe = dataclasses.replace(recipe, crop=config.crop)
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    shown_in_training = data.GrayImages(validation.pixels[:64])
    pairs = {"problem": config.problem, "noise": config.noise}

    keras.utils.set_random_seed(options.seed)
    model = models.DiffNet(initial_scale=recipe.initial_scale)
    trained = training.fit(
        model,
        train,
        recipe,
        steps=steps,
        seed=options.seed,
        validation=shown_in_training,
        checkpoint_dir=options.checkpoint_dir,
        csv_log=options.directory / "log.csv",
        **pairs,
    )
    if not trained.finished:
        return None

    iterations = config.iterations
    if iterations is None and config.problem == "inverse":
        chosen_on = data.GrayImages(train.pixels[:64])
        iterations = _best_iterations(*data.paired_arrays(chosen_on, noise=config.noise, seed=networks.TUNING_SEED))
    inputs, targets = data.paired_arrays(test, seed=networks.TEST_SEED, **pairs)
    results, outputs, costs = _measure(model, iterations, inputs, targets)
    shown = np.linspace(0, len(targets) - 1, min(SAMPLES, len(targets))).astype(int)
    record = {
        "title": config.title,
        **pairs,
        "diffusion": DIFFUSION,
        "backend": keras.backend.backend(),
        "model": {"class": "DiffNet", **model.get_config()},
        "paper_psnr": config.paper_psnr,
        "recipe": {"name": recipe_name, **dataclasses.asdict(recipe)},
        "steps": steps,
        "parameters": model.count_params(),
        "time_steps": model.time_steps,
        "training_images": len(train),
        "training_seconds": round(trained.seconds, 1),
        "times": trained.times,
        "milliseconds_per_image": costs,
        "history": trained.history,
        "fixed_point_iterations": iterations,
        "results": {name: result["summary"] for name, result in results.items()},
        "shown": shown.tolist(),
    }
    arrays = {"target": targets[shown, ..., 0], "input": inputs[shown, ..., 0]}
    # The authors' PSNR is relative to the range of a batch of targets: with these it can be computed for any batches.
    arrays |= {"target_low": targets.min(axis=(1, 2, 3)), "target_high": targets.max(axis=(1, 2, 3))}
    for name, result in results.items():
        arrays[f"psnr_{name}"], arrays[f"ssim_{name}"] = result["psnr"], result["ssim"]
        arrays[name] = outputs[name][shown, ..., 0]
    return record, arrays, model


def _best_iterations(inputs, targets, most=20):
    """The number of fixed-point iterations with the best mean PSNR: stopping early is its only regularisation."""
    from diffnet_tf import metrics
    from diffnet_tf.physics import diffusion

    u, means = inputs, []
    for _ in range(most):
        u = diffusion.fixed_point_inverse(inputs, 1, start=u)
        means.append(float(np.mean(metrics.psnr(targets, u))))
    return 1 + int(np.argmax(means))


def _measure(model, iterations, inputs, targets):
    """Quality of every image and cost of every method on the test set."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    methods = {"degraded": None, "diffnet": measure.applied(model)}
    if iterations:
        inverse = backend.compiled(lambda y: diffusion.fixed_point_inverse(y, iterations), fused=True)
        methods["fixed_point"] = inverse
    results, outputs, costs = {}, {}, {}
    for name, function in methods.items():
        outputs[name] = inputs if function is None else measure.batched(function, inputs)
        values, summary = measure.quality(targets, outputs[name])
        if function is not None:
            costs[name] = _milliseconds(function, inputs[: measure.BATCH])
        results[name] = {**values, "summary": summary}
    return results, outputs, costs


def _milliseconds(function, images, repetitions=5):
    """Median time an image in a batch, with the extremes, on this machine."""
    times = []
    for _ in range(repetitions + 1):  # the first compiles
        start = time.perf_counter()
        np.asarray(function(images))
        times.append(1000 * (time.perf_counter() - start) / len(images))
    low, middle, high = np.quantile(times[1:], (0, 0.5, 1))
    return {
        "median": round(middle, 3),
        "min": round(low, 3),
        "max": round(high, 3),
        "n": repetitions,
        "batch": len(images),
    }


@figures.styled
def draw(record, arrays):
    """Samples of the test set: input and target, what the methods make of the input, residuals on one scale."""
    count, forward = len(arrays["target"]), record["problem"] == "forward"
    methods = [name for name in METHODS if name in arrays]
    figure, axes = figures.panels(count, 2 + 2 * len(methods), caption(record))
    residuals = {name: arrays[name] - arrays["target"] for name in methods}
    # One scale for all residuals; the largest few would leave the rest white.
    scale = float(np.quantile(np.abs(residuals["diffnet"]), 0.995)) or 1e-6
    shown = {"input": "degraded", "target": None, **{name: name for name in methods}}
    order = ("input", "target") if forward else ("target", "input")
    for row in range(count):
        number = record["shown"][row]
        for column, name in enumerate((*order, *methods)):
            label = f"{arrays[f'psnr_{shown[name]}'][number]:.2f} dB" if shown[name] else f"test image {number}"
            figures.image(axes[row, column], arrays[name][row], label)
        for column, name in enumerate(methods, start=2 + len(methods)):
            artist = figures.image(axes[row, column], residuals[name][row], None, -scale, scale, figures.RESIDUALS)
    target = "diffused" if forward else "original"
    titles = ["original", f"diffused{_noise(record)}", *(_label(record, name) for name in methods)]
    titles += [f"{METHODS[name]}\n− {target}" for name in methods]
    for axis, title in zip(axes[0], titles):
        axis.set_title(title)
    last = axes[:, 2 + len(methods) :]
    figure.colorbar(artist, ax=last, location="right", shrink=0.6, label="residual (image range 1)")
    return figure


def _label(record, name):
    iterations = record["fixed_point_iterations"]
    return METHODS[name] + (f",\n{iterations} iteration{'s' * (iterations != 1)}" if name == "fixed_point" else "")


def _noise(record):
    return f", {100 * record['noise']:g} % noise" if record["noise"] else ""


def caption(record):
    """What the figure shows, its numbers, and where they come from: below the figure and at the end of a run."""
    results = record["results"]
    methods = []
    for name, label in METHODS.items():
        if name in results:
            told = " (which is told the diffusion)" if name == "fixed_point" else ""
            methods.append(f"{label}{told} {results[name]['psnr']['mean']:.2f} dB")
    paper = f"The paper's DiffNet on STL-10: {record['paper_psnr']} dB. " if record["paper_psnr"] else ""
    task = {"inverse": "undoing Perona–Malik diffusion", "forward": "learning Perona–Malik diffusion"}
    return (
        f"{record['title']}: {task[record['problem']]}{_noise(record) or ', no noise'}. Mean PSNR of "
        f"{results['diffnet']['psnr']['n']} test images ({record['source']}, {record['test_data']}): "
        f"{'; '.join(methods)}. {paper}Budget {record['budget']}: "
        f"{record['steps']:,} steps, recipe {record['recipe']['name']}, {record['training_images']:,} training images "
        f"({record['data']}), seed {record['seed']}. {record['note'] or ''}"
    )
