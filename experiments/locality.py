"""How local must the inverse be? Conjecture 2.5 with stencils of 5, 9 and 13 points, at equal training.

Two answers. Without learning: of a known image the diffusion is a matrix; the best linear inverse whose rows reach only
so far is applied to the diffused image, for short and long times. And learned: DiffNets of one and of five
layers with stencils of 5, 9 and 13 points, otherwise alike, and how much weight the further points carry.

    python -m experiments.locality --budget quick  # about 10 min on 2 cores
    python -m experiments.locality --budget cpu --source stl10_binary --data_dir DIR  # about 20 min
"""

import dataclasses

import numpy as np

from diffnet_tf import figures
from experiments.lib import networks, trainings

NAME = "locality"
TASK = networks.Task("inverse", 0.0)
POINTS = (5, 9, 13)
LAYERS = (5, 1)
SQUARED_RADII = (1, 2, 4, 5, 8, 13, 20)
RINGS = {"4 nearest": slice(1, 5), "4 diagonal": slice(5, 9), "4 two away": slice(9, 13)}  # of `stencil.OFFSETS`
TIMES = (0.4, 1.0, 2.0)  # in pixels²; steps of 0.1
IMAGES, SIDE = 16, 32  # whose central part is inverted as a matrix, and in which filters are looked at
BUDGETS = {  # (recipe, steps, seeds, images, side, limit on the number of images of each set)
    "smoke": ("fast", 2, 1, 1, 12, 12),
    "quick": ("fast", 300, 1, 4, 32, None),
    "cpu": ("fast", 1_000, 3, IMAGES, SIDE, None),
    "paper": ("paper", 101_250, 3, IMAGES, SIDE, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    layers: int
    points: int
    seed: int

    @property
    def name(self):
        """What its record is called."""
        return f"{self.layers}-layers-{self.points}-points-{self.seed}"


def plan(seeds):
    """All runs; the first seeds of all come first."""
    return [Run(layers, points, seed) for seed in range(seeds) for layers in LAYERS for points in POINTS]


def compute(options):
    """Train what has no record yet, find local inverses: (record, arrays, None); None when stopped by Ctrl-C."""
    import keras

    from diffnet_tf.evaluation import locality as inverses

    recipe_name, steps, seeds, number, side, limit = BUDGETS[options.budget]
    recipe, steps = networks.recipe_for("DiffNet", recipe_name, TASK), options.steps or steps
    train, validation, test = (options.images(split, limit) for split in ("train", "validation", "test"))
    recipe = networks.for_images(recipe, len(train))

    def trained(run):
        return _train(run, recipe_name, recipe, steps, options, (train, validation, test))

    if not trainings.train_missing(plan(seeds), options, trained):
        return None
    runs = trainings.most_steps(trainings.gathered(options))
    if not runs:
        raise ValueError(f"--only {options.only} names no run; names are as {plan(1)[0].name}.")
    record = {
        "title": "Locality",
        "backend": keras.backend.backend(),
        "runs": runs,
        "squared_radii": list(SQUARED_RADII),
        "points": [inverses.points_within(radius) for radius in SQUARED_RADII],
        "diffusion_times": list(TIMES),
        "images": min(number, len(test)),
        "side": side,
    }
    return record, {"local": _local_inverses(test, min(number, len(test)), side)}, None


def _train(run, recipe_name, recipe, steps, options, images):
    import keras

    from diffnet_tf import data, training
    from diffnet_tf.networks import models

    train, validation, test = images
    keras.utils.set_random_seed(run.seed)
    model = models.DiffNet(num_layers=run.layers, points=run.points, initial_scale=recipe.initial_scale)
    trained = training.fit(
        model,
        train,
        recipe,
        steps=steps,
        seed=run.seed,
        validation=data.GrayImages(validation.pixels[:64]),
        checkpoint_dir=options.checkpoint_dir / run.name,
    )
    if not trained.finished:
        return None
    inputs, targets = networks.test_pairs(TASK, test)
    _, values, summary = networks.measured(model, inputs, targets)
    return {
        **trainings.described(run, options, recipe_name, recipe),
        "steps": steps,
        "rings": _rings(model, inputs[:IMAGES]),
        **trainings.results(model, trained, values, summary),
    }


def _rings(model, inputs):
    """Of each layer the mean modulus of δt ζ on each ring of neighbours, over all pixels of some images."""
    return [
        {
            name: float(np.mean(np.abs(dt * np.asarray(filters)[..., ring])))
            for name, ring in RINGS.items()
            if ring.start < filters.shape[-1]
        }
        for filters, dt in zip(model.filters(inputs), model.time_steps)
    ]


def _local_inverses(images, number, side):
    """PSNR in dB of what the local inverses make of the diffused images: (times, images, radii)."""
    from diffnet_tf import metrics
    from diffnet_tf.evaluation import locality

    _, height, width, _ = images.shape
    rows, columns = (slice((n - side) // 2, (n - side) // 2 + side) for n in (height, width))
    psnr = np.empty((len(TIMES), number, len(SQUARED_RADII)))
    for k, u in enumerate(images.take(np.arange(number), rows, columns)[..., 0].astype("float64")):
        for t, time in enumerate(TIMES):
            matrix = locality.diffusion_matrix(u, steps=round(time / 0.1))
            for r, radius in enumerate(SQUARED_RADII):
                inverse = locality.local_inverse(matrix, u.shape, radius)
                back = (inverse @ (matrix @ u.ravel())).reshape(u.shape)
                psnr[t, k, r] = float(metrics.psnr(u[None, ..., None], back[None, ..., None])[0])
    return psnr


def of(runs, layers, points):
    """The mean PSNRs, one a seed, of the runs with so many layers and points."""
    chosen = [run for run in runs if (run["layers"], run["points"]) == (layers, points)]
    return [run["results"]["psnr"]["mean"] for run in sorted(chosen, key=lambda run: run["seed"])]


@figures.styled
def draw(record, arrays):
    """Left: local inverses; middle: learned stencils; right: what the further points of the learned ones weigh."""
    figure, (axes,) = figures.plots(1, 3, caption(record), width=2.6)
    points = record["points"]
    for colour, time, psnr in zip(figures.LINES, record["diffusion_times"], arrays["local"]):
        low, middle, high = np.quantile(psnr, (0.25, 0.5, 0.75), axis=0)
        axes[0].plot(points, middle, "o-", color=colour, markersize=3, label=f"T = {time:g}")
        axes[0].fill_between(points, low, high, color=colour, alpha=0.2, linewidth=0)
    axes[0].set(title="best local linear inverse", xlabel="points of the stencil", ylabel="PSNR in dB", xscale="log")
    axes[0].set_xticks(points, ["" if n == 21 else str(n) for n in points])  # there is no room beside 25
    axes[0].minorticks_off()
    axes[0].legend()
    for colour, layers in zip(figures.LINES, LAYERS):
        means = [of(record["runs"], layers, n) for n in POINTS]
        known = [(n, values) for n, values in zip(POINTS, means) if values]
        label = f"{layers} layer{'s' * (layers > 1)}"
        axes[1].plot([n for n, _ in known], [np.mean(v) for _, v in known], "-", color=colour, label=label)
        for n, values in known:
            axes[1].plot([n] * len(values), values, "o", color=colour, markersize=3)
    axes[1].set(title="learned, a dot a seed", xlabel="points of the stencil", ylabel="mean test PSNR in dB")
    axes[1].set_xticks(POINTS)
    axes[1].legend()
    _draw_rings(axes[2], record["runs"])
    return figure


def _draw_rings(axis, runs):
    """Of each layer of the networks with most points: the mean |δt ζ| of each ring, a group of bars a layer."""
    most = max(run["points"] for run in runs)
    chosen = [run for run in runs if run["points"] == most and run["layers"] == max(r["layers"] for r in runs)]
    axis.set(title=f"{most} points, learned", xlabel="layer", ylabel="mean |δt ζ| of a point", yscale="log")
    if not chosen:
        return
    layers = np.arange(1, len(chosen[0]["rings"]) + 1)
    names = list(chosen[0]["rings"][0])
    for k, (name, colour) in enumerate(zip(names, figures.LINES)):
        values = np.array([[layer[name] for layer in run["rings"]] for run in chosen])
        shift = 0.26 * (k - (len(names) - 1) / 2)
        axis.bar(layers + shift, values.mean(axis=0), 0.24, color=colour, label=name.removeprefix("4 "))
        for row in values:
            axis.plot(layers + shift, row, ".", color="black", markersize=2)
    axis.set_xticks(layers)
    low, high = axis.get_ylim()
    axis.set_ylim(low, 5 * high)  # room for the legend
    axis.legend(ncols=3, columnspacing=0.8, handlelength=1)


def caption(record):
    """What is shown, and where it comes from."""
    runs = record["runs"]
    steps = "/".join(f"{n:,}" for n in sorted({run["steps"] for run in runs}))
    return (
        f"{record['title']}: how local is the inverse (Conjecture 2.5)? Left: of {record['images']} test images, "
        f"{record['side']}×{record['side']} pixels, the best linear inverse of their Perona–Malik diffusion "
        "that is told γ and sees only the nearest pixels (median and quartiles). Middle: networks trained alike, "
        f"inverse without noise, {steps} steps, mean of {runs[0]['results']['psnr']['n']} test images; "
        f"seeds: {1 + max(run['seed'] for run in runs)}. Right: what their filters weigh (dots: seeds). Budget "
        f"{record['budget']}; {record['source']} ({record['data']}, {record['test_data']}). {record['note'] or ''}"
    )


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
