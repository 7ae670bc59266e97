"""What Figures 6 and 7 share: train DiffNet to undo (or do) Perona–Malik diffusion, measure it, show samples.

Beside the learned inverse stands the classical one, the fixed-point iteration u ← u + (y − PM(u)). It knows λ, δt, the
number of steps and the boundary, and needs no training. Without noise a learned inverse is worth something only next
to it.
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, conditions, measure, networks, seeds, settings, study, verdicts
from experiments.lib.ledger import Claim

SAMPLES = 4
METHODS = {"diffnet": "DiffNet", "fixed_point": "fixed point"}  # in this order, where a record has them


def compute(task, budgets, options, paper=None, iterations=None):
    """Train and measure.

    Args:
        task: a `measure.Task`.
        budgets: see `study.budgets`.
        options: the command line's.
        paper: the paper's mean test PSNR in dB; None where it prints none.
        iterations: of the fixed-point inverse; None chooses the best number on training images. Not for "forward".

    Returns:
        A `study.Result`.
    """
    import keras

    name, steps, limit = budgets[options.budget]
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    pairs = {**dataclasses.asdict(task), "validation": validation[: study.VALIDATION]}
    made, log = networks.of("DiffNet", name, task), options.directory / "log.csv"
    trained = study.train(options, *made, train, steps=steps, seed=options.seed, csv_log=log, **pairs)
    if iterations is None and task.problem == "inverse":
        iterations = _best_iterations(*measure.pairs(task, train[: study.VALIDATION], measure.TUNING_SEED))
    inputs, targets = measure.pairs(task, test)
    results, arrays, costs = _measure(trained.model, iterations, inputs, targets)
    kept = shown(len(targets))
    record = {
        **dataclasses.asdict(task),
        "diffusion": settings.DIFFUSION,
        "backend": keras.backend.backend(),
        "model": {"class": "DiffNet", **trained.model.get_config()},
        "paper_psnr": paper,
        **trained.record(history=True),
        "milliseconds_per_image": costs,
        "fixed_point_iterations": iterations,
        "results": results,
        "shown": kept,
    }
    arrays |= {"target": targets, "input": inputs}
    arrays = {key: array[kept, ..., 0] if array.ndim == 4 else array for key, array in arrays.items()}
    # The authors' PSNR is relative to the range of a batch of targets: with these it can be computed for any batches.
    arrays |= {"target_low": targets.min(axis=(1, 2, 3)), "target_high": targets.max(axis=(1, 2, 3))}
    return study.Result(record, arrays, trained.model)


def shown(number):
    """Which of so many test images are shown: a list of at most `SAMPLES`, evenly spread, the last one among them."""
    return np.linspace(0, number - 1, min(SAMPLES, number)).astype(int).tolist()


def _best_iterations(inputs, targets, most=20):
    """The number of fixed-point iterations with the best mean PSNR: stopping early is its only regularisation."""
    from diffnet_tf import diffusion, metrics

    u, means = inputs, []
    for _ in range(most):
        u = diffusion.fixed_point_inverse(inputs, 1, start=u)
        means.append(float(np.mean(metrics.psnr(targets, u))))
    return 1 + int(np.argmax(means))


def _measure(model, iterations, inputs, targets):
    """(summaries, outputs with PSNR and SSIM of every image, milliseconds) of every method on the test set."""
    from diffnet_tf import diffusion
    from diffnet_tf.base import backend

    methods = {"degraded": None, "diffnet": measure.applied(model)}
    if iterations:
        methods["fixed_point"] = backend.compiled(lambda y: diffusion.fixed_point_inverse(y, iterations), fused=True)
    results, arrays = {}, {}
    for name, function in methods.items():
        outputs, values, results[name] = measure.measured(function, inputs, targets)
        arrays |= {name: outputs} | {f"{kind}_{name}": values[kind] for kind in ("psnr", "ssim")}
    functions = {name: function for name, function in methods.items() if function}
    return results, arrays, measure.milliseconds(functions, inputs[: measure.BATCH])


def claims(experiment, paper, where, text, task):
    """Two claims on a mean PSNR of the test set: it reaches the paper's value; and it has its size, within ±1 dB.

    Args:
        experiment: its NAME.
        paper: dB.
        where: figure of the paper.
        text: what was learned.
        task: the `measure.Task` that records must be of.
    """

    def load(root):
        trained = seeds.trainings(experiment, root)
        if any(conditions.task(record) != (task.problem, task.noise) for record, _ in trained):
            raise verdicts.NotRun(f"records of {task.words}")
        arrays = [found for _, found in trained]
        psnr = np.stack([found["psnr_diffnet"] for found in arrays])
        reached = verdicts.authors_psnr(psnr, arrays[0]["target_low"], arrays[0]["target_high"])
        return [record for record, _ in trained], reached, psnr.mean(axis=1), psnr.shape[1]

    return claims_on(paper, where, text, load)


def claims_on(paper, where, text, load):
    """The same two claims on what `load` gives for a results folder: the trainings' records, the `verdicts.Interval` of
    the authors' PSNR, the mean PSNR per image of each, and the number of images."""

    def finding(trainings, reached, means, images, answer, before=""):
        ours = f"{before}{reached} dB; per image {np.mean(means):.2f}{verdicts.of_seeds(means)}"
        return verdicts.finding(trainings[0], ours, answer, verdicts.count(images, trainings), trainings)

    def reaches(trainings, reached, *more):
        return finding(trainings, reached, *more, verdicts.reaches(reached, paper))

    def has_its_size(trainings, reached, *more):
        gap = f"{reached.value - paper:+.2f} dB: "
        return finding(trainings, reached, *more, verdicts.within(reached, paper), gap)

    size = f"{paper} ± {verdicts.SIZE:g} dB"
    return (
        Claim(f"{text} is at least the paper's", f"{paper} dB", reaches, where, load=load),
        Claim(f"{text} is close to the paper's", size, has_its_size, where, load=load),
    )


# ---- The figure ------------------------------------------------------------------------------------------------------


@figures.styled
def draw(record, arrays):
    """Samples of the test set: input and target, what the methods make of the input, residuals on one scale."""
    count, forward = len(arrays["target"]), record["problem"] == "forward"
    methods = [name for name in METHODS if name in arrays]
    figure, axes = figures.panels(count, 2 + 2 * len(methods), caption(record))
    residuals = {name: arrays[name] - arrays["target"] for name in methods}
    scale = figures.symmetric(residuals["diffnet"])  # one for all residuals
    shown = {"input": "degraded", "target": None, **{name: name for name in methods}}
    order = ("input", "target") if forward else ("target", "input")
    for row, number in enumerate(record["shown"]):
        for column, name in enumerate((*order, *methods)):
            label = f"{arrays[f'psnr_{shown[name]}'][number]:.2f} dB" if shown[name] else f"test image {number}"
            figures.image(axes[row, column], arrays[name][row], label)
        for column, name in enumerate(methods, start=2 + len(methods)):
            artist = figures.image(axes[row, column], residuals[name][row], None, -scale, scale, figures.RESIDUALS)
    known = {"fixed_point": f",\n{captions.count(record['fixed_point_iterations'] or 0, 'iteration')}"}
    titles = ["original", f"diffused{captions.noisy(record['noise'])}"]
    titles += [METHODS[name] + known.get(name, "") for name in methods]
    titles += [f"{METHODS[name]}\n− {'diffused' if forward else 'original'}" for name in methods]
    figures.titles(axes[0], titles)
    last = axes[:, 2 + len(methods) :]
    figure.colorbar(artist, ax=last, location="right", shrink=0.6, label="residual (image range 1)")
    return figure


def report(record):
    """What a run says at its end: what was learned from what, and how the numbers compare.

    Returns:
        Lines of text.
    """
    results, paper = record["results"], record["paper_psnr"]
    n, degraded = (results["degraded"]["psnr"][key] for key in ("n", "mean"))
    task = {"inverse": "to undo", "forward": "to do"}[record["problem"]]
    lines = [
        f"DiffNet learned {task} Perona–Malik diffusion, {captions.percent(record['noise'])}, in "
        f"{captions.count(record['steps'], 'step')} on {captions.count(record['training_images'], 'image')}. "
        f"Source: {captions.source(record)}",
        f"Mean PSNR of {captions.count(n, 'other image')}:",
        f"  {degraded:6.2f} dB  its input",
        f"  {results['diffnet']['psnr']['mean']:6.2f} dB  DiffNet",
    ]
    if "fixed_point" in results:
        fixed = f"{results['fixed_point']['psnr']['mean']:.2f}"
        lines.append(f"  {fixed:>6} dB  the fixed point: it knows the diffusion exactly and learns nothing")
    if paper:
        lines.append(f"  {paper:6.2f} dB  the paper's DiffNet: on images of STL-10, after 101,250 larger steps")
        if "fixed_point" in results and fixed == f"{paper:.2f}":
            lines.append("The last two are equal by chance: the methods differ, and so do the images.")
    return "\n".join(lines)


def caption(record):
    """What the figure shows, its numbers, and where they come from: below the figure and at the end of a run."""
    results = record["results"]
    found = [f"{label} {results[name]['psnr']['mean']:.2f} dB" for name, label in METHODS.items() if name in results]
    paper = f"The paper's DiffNet on STL-10: {record['paper_psnr']} dB. " if record["paper_psnr"] else ""
    task = {"inverse": "undoing", "forward": "learning"}[record["problem"]]
    return (
        f"{record['title']}: {task} Perona–Malik diffusion, {captions.percent(record['noise'])}. Mean PSNR of "
        f"{results['diffnet']['psnr']['n']} test images: {'; '.join(found)}. {paper}{captions.training(record)} "
        f"{captions.source(record)}"
    )
