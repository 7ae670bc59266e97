"""Figures 6 and 7: train DiffNet to undo (or compute) Perona–Malik diffusion, measure it, and show samples.

The learned inverse is compared with the classical one, the fixed-point iteration u ← u + (y − PM(u)), which knows λ,
δt, the number of steps and the boundary, and does not need training. Without noise, this comparison is essential.
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
        iterations: iterations of the fixed-point inverse; None chooses the best number on training images. Not for
            "forward".

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
    """The numbers of the test images to show: at most `SAMPLES`, evenly spread, with the last one."""
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
    """Two claims on a mean PSNR of the test set: it reaches the paper's value, and it is within ±1 dB of it.

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
    """The same two claims for another source of trainings.

    Args:
        paper, where, text: see `claims`.
        load: results folder → (records of the trainings, `verdicts.Interval` of the authors' PSNR, mean PSNR per image
            of each, number of images).
    """

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
    """One column for each test image: original, input, the outputs of the methods, and the moduli of their errors."""
    count, forward = len(arrays["target"]), record["problem"] == "forward"
    methods = [name for name in METHODS if name in arrays]
    errors = {name: np.abs(arrays[name] - arrays["target"]) for name in methods}
    figure, axes = figures.panels(2 + 2 * len(methods), count, caption(record), width=1.1, height=1.3)
    rows = ["target", "input", *methods]
    labels = {
        "target": "original",
        "input": f"diffused{captions.noisy(record['noise'])}".replace(", ", ",\n"),
        **METHODS,
    }
    if forward:  # its target is the diffused image
        rows[:2] = rows[1::-1]
        labels |= {"target": "diffused", "input": "original"}
    measured = {"input": "degraded", **{name: name for name in methods}}
    for row, name in zip(axes, rows):
        row[0].set_ylabel(labels[name])
        for axis, pixels, number in zip(row, arrays[name], record["shown"]):
            psnr = arrays[f"psnr_{measured[name]}"][number] if name in measured else None
            figures.image(axis, pixels, None if psnr is None else f"{psnr:.2f} dB")
    scale = figures.symmetric(*errors.values())  # one for all
    for row, name in zip(axes[len(rows) :], methods):
        row[0].set_ylabel(f"|error| of\n{METHODS[name]}")
        for axis, pixels in zip(row, errors[name]):
            artist = figures.image(axis, pixels, None, 0, scale, figures.ERRORS)
    figures.titles(axes[0], (f"test image {number}" for number in record["shown"]))
    figures.errors(figure, artist, axes[-1], max(map(np.max, errors.values())))
    return figure


def report(record):
    """The report at the end of a run: what was learned from which images, and how the numbers compare.

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
        f"PSNR per image, mean over {captions.count(n, 'other image')}:",
        f"  {degraded:6.2f} dB  its input",
        f"  {results['diffnet']['psnr']['mean']:6.2f} dB  DiffNet",
    ]
    if "fixed_point" in results:
        fixed = f"{results['fixed_point']['psnr']['mean']:.2f}"
        lines.append(f"  {fixed:>6} dB  the fixed point: it knows the diffusion exactly and learns nothing")
    if paper:
        lines += [
            "The authors' PSNR, over batches, which is what the paper gives:",
            f"  {results['diffnet']['authors_psnr']['mean']:6.2f} dB  DiffNet",
            f"  {paper:6.2f} dB  the paper's DiffNet: on images of STL-10, after 101,250 larger steps",
        ]
    return "\n".join(lines)


def _means(record):
    """(method, mean PSNR over the test images) for each measured method, the input first."""
    results = record["results"]
    return [(name, results[name]["psnr"]["mean"]) for name in ("degraded", *METHODS) if name in results]


def caption(record):
    """What the figure shows, and its numbers."""
    task = {"inverse": "DiffNet undoes", "forward": "DiffNet learns"}[record["problem"]]
    words = {"degraded": "input", **METHODS}
    found = "; ".join(f"{words[name]} {mean:.2f} dB" for name, mean in _means(record))
    known = " (it knows the diffusion)" if "fixed_point" in record["results"] else ""
    paper = ""
    if record["paper_psnr"]:
        ours = record["results"]["diffnet"]["authors_psnr"]["mean"]
        paper = f" The authors' PSNR: DiffNet {ours:.2f} dB, the paper's {record['paper_psnr']} dB."
    return (
        f"{record['title']}: {task} Perona–Malik diffusion, {captions.percent(record['noise'])}. Mean PSNR of "
        f"{record['results']['diffnet']['psnr']['n']} test images: {found}{known}.{paper}"
    )


def alt(record):
    """The alt text: what is seen."""
    means = dict(_means(record))
    shown = captions.count(len(record["shown"]), "test image")
    change = {"inverse": "blurred by diffusion", "forward": "sharp"}[record["problem"]]
    noise = " and noisy" if record["noise"] else ""
    text = f"{shown}, one in each column: the original, and below it the input, {change}{noise}, and DiffNet's output."
    if record["problem"] == "forward":
        text = f"{shown}, one in each column: the sharp image, below it the diffused one and DiffNet's output."
    if "fixed_point" in means:
        darker = "darker" if means["diffnet"] > means["fixed_point"] else "brighter"
        return (
            f"{text} Then the fixed point's output, and maps of both errors; DiffNet's is the {darker} one on average."
        )
    return f"{text} Last, a map of its error, which is brightest at edges."
