"""What Figures 6 and 7 share: train DiffNet to undo (or do) Perona–Malik diffusion, measure it, show samples.

Beside the learned inverse stands the classical one, the fixed-point iteration u ← u + (y − PM(u)). It knows λ, δt, the
number of steps and the boundary, and needs no training. Without noise a learned inverse is worth something only next
to it.
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, networks, settings, study, verdicts
from experiments.lib.ledger import Claim

SAMPLES = 4
METHODS = {"diffnet": "DiffNet", "fixed_point": "fixed point"}  # in this order, where a record has them


def budgets(quick, cpu):
    """Budget → (recipe, steps, limit on the number of images of each set)."""
    return {
        "smoke": ("fast", 4, 8),
        "quick": ("fast", quick, None),
        "cpu": ("fast", cpu, None),
        "paper": ("paper", 101_250, None),
    }


def compute(task, budgets, options, paper=None, iterations=None):
    """Train and measure.

    Args:
        task: a `measure.Task`.
        budgets: see `budgets`.
        options: the command line's.
        paper: the paper's mean test PSNR in dB; None where it prints none.
        iterations: of the fixed-point inverse; None chooses the best number on training images. Not for "forward".

    Returns:
        A `study.Result`; None when training was stopped by Ctrl-C.
    """
    import keras

    name, steps, limit = budgets[options.budget]
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    trained = study.train(
        options,
        lambda recipe: networks.make("DiffNet", recipe),
        networks.recipe_for("DiffNet", name, task),
        train,
        steps=steps,
        seed=options.seed,
        problem=task.problem,
        noise=task.noise,
        validation=validation[: study.VALIDATION],
        csv_log=options.directory / "log.csv",
    )
    if trained is None:
        return None
    if iterations is None and task.problem == "inverse":
        chosen_on = train[: study.VALIDATION]
        iterations = _best_iterations(*measure.pairs(task, chosen_on, measure.TUNING_SEED))
    inputs, targets = measure.pairs(task, test)
    results, arrays, costs = _measure(trained.model, iterations, inputs, targets)
    shown = np.linspace(0, len(targets) - 1, min(SAMPLES, len(targets))).astype(int)
    record = {
        "problem": task.problem,
        "noise": task.noise,
        "diffusion": settings.DIFFUSION,
        "backend": keras.backend.backend(),
        "model": {"class": "DiffNet", **trained.model.get_config()},
        "paper_psnr": paper,
        **trained.record(history=True),
        "milliseconds_per_image": costs,
        "fixed_point_iterations": iterations,
        "results": results,
        "shown": shown.tolist(),
    }
    arrays |= {"target": targets, "input": inputs}
    arrays = {key: array[shown, ..., 0] if array.ndim == 4 else array for key, array in arrays.items()}
    # The authors' PSNR is relative to the range of a batch of targets: with these it can be computed for any batches.
    arrays |= {"target_low": targets.min(axis=(1, 2, 3)), "target_high": targets.max(axis=(1, 2, 3))}
    return study.Result(record, arrays, trained.model)


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


def claim(paper, where, text):
    """The claim of a mean PSNR of the test set: at least the paper's, on images of STL-10."""

    def check(record, arrays):
        value, lower, upper = verdicts.interval(arrays["psnr_diffnet"], arrays["target_low"], arrays["target_high"])
        verdict = verdicts.NOT_REPRODUCED if upper < paper else verdicts.REPRODUCED
        words = ", equal within uncertainty" if lower <= paper <= upper else ""
        per_image = record["results"]["diffnet"]["psnr"]
        ours = f"{value:.2f} dB ({lower:.2f}–{upper:.2f}){words}; "
        ours += f"per image {per_image['mean']:.2f} ± {per_image['std']:.2f}"
        return verdicts.Finding(ours, verdicts.at_most(record, verdict), per_image["n"], **verdicts.provenance(record))

    return Claim(text, f"{paper} dB", check, where)


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
    for row in range(count):
        number = record["shown"][row]
        for column, name in enumerate((*order, *methods)):
            label = f"{arrays[f'psnr_{shown[name]}'][number]:.2f} dB" if shown[name] else f"test image {number}"
            figures.image(axes[row, column], arrays[name][row], label)
        for column, name in enumerate(methods, start=2 + len(methods)):
            artist = figures.image(axes[row, column], residuals[name][row], None, -scale, scale, figures.RESIDUALS)
    target = "diffused" if forward else "original"
    titles = ["original", f"diffused{captions.noisy(record['noise'])}", *(_label(record, name) for name in methods)]
    titles += [f"{METHODS[name]}\n− {target}" for name in methods]
    for axis, title in zip(axes[0], titles):
        axis.set_title(title)
    last = axes[:, 2 + len(methods) :]
    figure.colorbar(artist, ax=last, location="right", shrink=0.6, label="residual (image range 1)")
    return figure


def _label(record, name):
    iterations = captions.count(record["fixed_point_iterations"] or 0, "iteration")
    return METHODS[name] + (f",\n{iterations}" if name == "fixed_point" else "")


def caption(record):
    """What the figure shows, its numbers, and where they come from: below the figure and at the end of a run."""
    results = record["results"]
    known = {"fixed_point": " (which knows the diffusion)"}
    methods = "; ".join(
        f"{label}{known.get(name, '')} {results[name]['psnr']['mean']:.2f} dB"
        for name, label in METHODS.items()
        if name in results
    )
    paper = f"The paper's DiffNet on STL-10: {record['paper_psnr']} dB. " if record["paper_psnr"] else ""
    task = {"inverse": "undoing Perona–Malik diffusion", "forward": "learning Perona–Malik diffusion"}
    return (
        f"{record['title']}: {task[record['problem']]}, {captions.percent(record['noise'])}. Mean PSNR of "
        f"{results['diffnet']['psnr']['n']} test images ({captions.tested(record)}): {methods}. {paper}"
        f"{captions.training(record)} {record['note'] or ''}"
    )
