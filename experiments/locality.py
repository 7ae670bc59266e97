"""How local must the inverse be? A test of Conjecture 2.5 with stencils of 5, 9 and 13 points.

Two tests. Without learning: for a known image the diffusion is a matrix. The best linear inverse with filters of a
given radius is applied to the diffused image, for short and long times. With learning: DiffNets of one and of five
layers with stencils of 5, 9 and 13 points are trained alike, and the weights of the further points are measured. Each
training leaves its own record, and so do the local inverses, see `lib.study`.

    python -m experiments.locality --budget quick  # about 10 min on 2 cores
    # about 20 min
    python -m experiments.locality --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import DEVICES, IMAGES
from experiments.lib.run import main

NAME = "locality"
TITLE = "Locality"
OPTIONS = ("budget", "steps", *DEVICES, *IMAGES)  # it has seeds of its own
TASK = Task("inverse")
POINTS = (5, 9, 13)
LAYERS = (5, 1)
SQUARED_RADII = (1, 2, 4, 5, 8, 13, 20)
RINGS = {"4 nearest": slice(1, 5), "4 diagonal": slice(5, 9), "4 two away": slice(9, 13)}  # of `stencil.OFFSETS`
TIMES = (0.4, 1.0, 2.0)  # in pixels²; steps of 0.1
IMAGES, SIDE = 16, 32  # whose central part is inverted as a matrix, and in which filters are looked at
LOCAL = "local"  # the part of the local inverses


BUDGETS = {  # (recipe, steps, seeds, images and side of the local inverses, limit on the images of each set)
    "smoke": ("fast", 2, 1, 1, 12, 12),
    "quick": ("fast", 300, 1, 4, SIDE, None),
    "cpu": ("fast", 1_000, 3, IMAGES, SIDE, None),
    "paper": ("paper", 101_250, 3, IMAGES, SIDE, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training."""

    layers: int
    points: int
    seed: int
    name = property(lambda self: f"{self.layers}-layers-{self.points}-points-{self.seed}")


def plan(seeds):
    """All runs; the first seeds of all come first."""
    return [Run(layers, points, seed) for seed in range(seeds) for layers in LAYERS for points in POINTS]


def parts(options):
    """The local inverses, and one training for each number of layers and points and each seed."""
    recipe, steps, seeds, number, side, limit = BUDGETS[options.budget]
    images = [options.images(split, limit) for split in ("train", "validation", "test")]
    do = functools.partial(_train, recipe=recipe, steps=steps, options=options, images=images)
    local = study.Part(LOCAL, lambda: _local(images[-1], min(number, len(images[-1])), side))
    return [local, *(study.part(run, do, steps) for run in plan(seeds))]


def _train(run, recipe, steps, options, images):
    from diffnet_tf.networks import models

    def make(recipe):
        return models.DiffNet(run.layers, points=run.points, initial_scale=recipe.initial_scale)

    train, validation, test = images
    recipe = networks.recipe_for("DiffNet", recipe, TASK)
    about = {"seed": run.seed, "name": run.name, "validation": validation[: study.VALIDATION]}
    trained = study.train(options, make, recipe, train, steps=steps, **about)
    inputs, targets = measure.pairs(TASK, test)
    return study.tested(trained, inputs, targets, rings=_rings(trained.model, inputs[:IMAGES]))


def _rings(model, inputs):
    """The mean modulus of δt ζ of each layer on each ring of neighbours, over all pixels of some images."""
    return [
        {
            name: float(np.mean(np.abs(dt * np.asarray(filters)[..., ring])))
            for name, ring in RINGS.items()
            if ring.start < filters.shape[-1]
        }
        for filters, dt in zip(model.filters(inputs), model.time_steps)
    ]


def _local(images, number, side):
    """PSNR of the local inverses of diffused images in dB: (times, images, radii)."""
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
    record = {"squared_radii": SQUARED_RADII, "points": [locality.points_within(radius) for radius in SQUARED_RADII]}
    return study.Result({**record, "diffusion_times": TIMES, "images": number, "side": side}, {LOCAL: psnr})


def gather(runs, root):
    """The trainings with most steps, and the local inverses of most images."""
    record = {"runs": study.most_steps([run for run in runs if run["name"] != LOCAL])}
    local = max((run for run in runs if run["name"] == LOCAL), key=lambda run: run["images"], default=None)
    if local is None:
        return study.Result(record)
    kept = ("squared_radii", "points", "diffusion_times", "images", "side")
    return study.Result(record | {key: local[key] for key in kept}, local["arrays"])


def of(runs, layers, points):
    """The mean PSNRs, one for each seed, of the runs with these numbers of layers and points."""
    chosen = [run for run in runs if (run["layers"], run["points"]) == (layers, points)]
    return [run["results"]["psnr"]["mean"] for run in sorted(chosen, key=lambda run: run["seed"])]


@figures.styled
def draw(record, arrays):
    """Local inverses; learned stencils; below, the weights of the outer points of the learned ones."""
    figure = figures.canvas(caption(record), figures.WIDTH, 4.3)
    axes = figure.subplot_mosaic([["left", "middle"], ["right", "right"]])
    left, middle, right = (axes[name] for name in ("left", "middle", "right"))
    left.set(title="best local linear inverse", xlabel="points of the stencil", ylabel="PSNR in dB")
    if LOCAL in arrays:
        _draw_local(left, record, arrays[LOCAL])
    for colour, layers in zip(figures.LINES, LAYERS):
        found = {n: values for n in POINTS if (values := of(record["runs"], layers, n))}
        means, label = [np.mean(values) for values in found.values()], captions.count(layers, "layer")
        middle.plot(list(found), means, "-", color=colour, label=label)
        for n, values in found.items():
            middle.plot([n] * len(values), values, "o", color=colour, markersize=3)
    middle.set(title="learned, a dot for each seed", xlabel="points of the stencil", ylabel="mean test PSNR in dB")
    middle.set_xticks(POINTS)
    middle.legend()
    _draw_rings(right, record["runs"])
    return figure


def _draw_local(axis, record, psnr):
    """Median and quartiles over the images against the number of points, one line for each time."""
    points = record["points"]
    for colour, time, values in zip(figures.LINES, record["diffusion_times"], psnr):
        low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
        axis.plot(points, middle, "o-", color=colour, markersize=3, label=f"T = {time:g}")
        axis.fill_between(points, low, high, color=colour, alpha=0.2, linewidth=0)
    axis.set_xscale("log")
    axis.set_xticks(points, ["" if n in (9, 21) else str(n) for n in points])  # there is no room beside others
    axis.minorticks_off()
    axis.legend()


def _draw_rings(axis, runs):
    """The mean |δt ζ| of each ring in the networks with most points: one group of bars for each layer."""
    most = max((run["points"] for run in runs), default=0)
    chosen = [run for run in runs if (run["points"], run["layers"]) == (most, max(LAYERS))]
    axis.set(
        title=f"what the points of a learned stencil of {most} weigh",
        xlabel="layer",
        ylabel="mean |δt ζ| of a point",
        yscale="log",
    )
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
    """The caption: what is shown, and how to read it."""
    return (
        f"{record['title']}: how many neighbours does the inverse need (Conjecture 2.5)? No noise. Left: the best "
        f"linear inverse of each of {captions.count(record.get('images', 0), 'test image')}, median and quartiles. "
        "Right: networks trained alike. Below: how strong their filters are near and far."
    )


def alt(record):
    """The alt text: what more points bring to learned stencils."""
    found = []
    for layers in LAYERS:
        means = {n: np.mean(values) for n in POINTS if (values := of(record["runs"], layers, n))}
        if means:
            listed = captions.listed(f"{mean:.1f} dB with {n}" for n, mean in means.items())
            found.append(f"{captions.count(layers, 'layer')}, {listed}")
    return (
        "Top left: PSNR of the best linear inverse rises with the points of the stencil, more for short times than for "
        f"long ones. Top right: learned stencils: {'; '.join(found)} points. Bottom: bars for each layer, on a "
        "logarithmic axis, for the nearest, diagonal and further neighbours."
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------

GOOD = 63.72  # dB, the authors' PSNR of the paper's DiffNet without noise; compared with PSNR per image
LITTLE = 0.5  # dB


def local_filters(record, arrays):
    """The best linear filters of 13 points that know γ reach the paper's PSNR for its diffusion time."""
    if LOCAL not in arrays:
        raise verdicts.NotRun("no local inverses")
    psnr = dict(zip(record["points"], arrays[LOCAL][record["diffusion_times"].index(0.4)].T))  # points → (images,)
    text = "; ".join(f"{points} points {psnr[points].mean():.1f} dB" for points in (5, 9, 13, 25, 69))
    answer = verdicts.reaches(verdicts.mean(psnr[13]), GOOD)
    return verdicts.finding(record, f"PSNR per image, T = 0.4: {text}", answer, verdicts.count(record["images"]))


def _trainings(root):
    """The records of the networks; the gathered record has no values of single images."""
    return (study.finished(root / NAME),)


def more_points(layers):
    """Networks with 13 points gain less than 0.5 dB over those with 5 points, trained alike."""

    def check(runs):
        found = {}
        for run in runs:
            if run.get("layers") == layers:
                found.setdefault(run["points"], []).append(run)
        if not {5, 13} <= found.keys():
            raise verdicts.NotRun("no runs of both")
        psnr = {points: np.array([run["psnr"] for run in runs]) for points, runs in found.items()}
        gap = verdicts.difference(psnr[5], psnr[13])
        text = "; ".join(f"{points} points {values.mean():.2f} dB" for points, values in sorted(psnr.items()))
        text += f": 5 − 13 {gap:+.2f} dB"
        n = verdicts.count(psnr[5].shape[1], found[5] + found[13])
        return verdicts.compared(found[5][0], found[5], found[13], text, verdicts.reaches(gap, -LITTLE), n)

    return check


_CONJECTURE = "Conjecture 2.5 for one linear step: the best local filters that know γ undo the diffusion of T = 0.4"
_ALIKE = "filters of 5 points do as well as filters of 13 after equal training", "within 0.5 dB"
CLAIMS = (
    Claim(_CONJECTURE, "63.72 dB with 13 points", local_filters),
    Claim(f"five layers: {_ALIKE[0]}", _ALIKE[1], more_points(5), load=_trainings),
    Claim(f"one layer: {_ALIKE[0]}", _ALIKE[1], more_points(1), load=_trainings),
)

if __name__ == "__main__":
    main(__file__)
