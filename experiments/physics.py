"""Further physics, as the paper proposes (Remarks 2.3 and 4.2): colour, tensor diffusion, longer times, unknown λ.

Many short trainings of DiffNet, each without noise on small crops:

- colour: undoing vector-valued Perona–Malik diffusion, with filters that all channels share, with filters that mix
  them, and with a gray network on each channel by itself;
- edge: edge-enhancing tensor diffusion, learned and undone, with stencils of 5 and of 9 points;
- time: undoing Perona–Malik diffusion up to T = 0.4, 1, 2 and 4, with 5 and with 10 layers, beside the classical
  inverses, which are told everything: the fixed point of all steps at once, and of one step after the other;
- contrast: one network for every λ in [0.1, 0.4] that is not told which, beside one that was trained on λ = 0.2 alone,
  the preset, which was too and for longer, and the fixed point, which is told.

Every finished training is a record of its own in `runs/` and is not repeated.

    python -m experiments.physics --budget quick  # about 10 min on 2 cores
    python -m experiments.physics --budget cpu --source stl10_binary --data_dir DIR  # about 50 min
    python -m experiments.physics --budget cpu … --only edge-  # a part
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import measure, networks, trainings
from experiments.lib.physics_figure import caption, draw

__all__ = ["BUDGETS", "NAME", "caption", "compute", "draw"]

NAME = "physics"
DT = 0.1
TIMES = (0.4, 1.0, 2.0, 4.0)
CONTRASTS = (0.1, 0.4)  # drawn from uniformly
LEVELS = (0.1, 0.15, 0.2, 0.3, 0.4)  # measured at
TOLD = 0.2  # λ of the specialists
EDGES = {"steps": 4, "dt": DT, "contrast": 0.1, "sigma": 1.0}
ITERATIONS = {"fixed point": 200, "stepwise": 40}
VALIDATION = 16  # images
BUDGETS = {  # (recipe, steps, limit on the number of images of each set)
    "smoke": ("fast", 2, 8),
    "quick": ("fast", 100, None),
    "cpu": ("fast", 800, None),
    "paper": ("paper", 101_250, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One network, trained, a preset, or a classical inverse.

    Attributes:
        part: of the experiment.
        method: "DiffNet", "preset", "fixed point" or "stepwise".
        variant: what is varied within the part, for titles.
        problem: "inverse" or "forward".
        time: T.
        layers, points: of the network.
        contrast: λ that it is trained on; None for all of them.
        colour: "shared", "mixing" or "gray"; None for gray images.
    """

    part: str
    method: str
    variant: str
    problem: str = "inverse"
    time: float = 0.4
    layers: int = 5
    points: int = 5
    contrast: float | None = TOLD
    colour: str | None = None
    seed: int = 0

    @property
    def name(self):
        """What its record is called."""
        words = [self.part, *([f"{self.time:g}"] if self.part == "time" else []), self.variant]
        words += [f"seed-{self.seed}"] if self.seed else []
        return "-".join(words).replace(" ", "-")


def plan(seed=0):
    """All runs, part by part; networks are trained from this seed."""
    return [dataclasses.replace(run, seed=seed) if run.method == "DiffNet" else run for run in _plan()]


def _plan():
    runs = [Run("colour", "DiffNet", colour, colour=colour) for colour in ("shared", "mixing", "gray")]
    runs += [
        Run("edge", "DiffNet", f"{problem} {points} points", problem, points=points)
        for problem in ("forward", "inverse")
        for points in (5, 9)
    ]
    for time in TIMES:
        runs += [
            Run("time", "DiffNet", f"{layers} layers", time=time, layers=layers)
            for layers in ((5, 10) if time >= 1 else (5,))
        ]
        runs += [Run("time", method, method, time=time) for method in ITERATIONS]
    runs += [Run("contrast", "DiffNet", "blind", contrast=None), Run("contrast", "DiffNet", "specialist")]
    return runs + [Run("contrast", "preset", "preset"), Run("contrast", "fixed point", "fixed point", contrast=None)]


def compute(options):
    """Train what has no record yet, then gather all: (record, arrays, None); None when stopped by Ctrl-C."""
    recipe, steps, limit = BUDGETS[options.budget]
    sets = functools.cache(lambda split, colour: options.images(split, limit, colour))
    order = [run.name for run in plan(options.seed)]
    if not trainings.train_missing(plan(options.seed), options, lambda run: _run(run, recipe, steps, options, sets)):
        return None
    runs = [run for run in trainings.gathered(options) if run["name"] in order]
    if not runs:
        raise ValueError(f"--only {options.only} names no run; names are {', '.join(sorted(order))}")
    runs = trainings.most_steps(runs, left_out=("ssim", "versions", "hardware", "training_seconds"))
    runs.sort(key=lambda run: order.index(run["name"]))
    arrays = {f"psnr_{run['name']}": np.array(run.pop("psnr"), "float32") for run in runs}
    record = {"title": "Further physics", "edges": EDGES, "levels": LEVELS, "dt": DT, "runs": runs}
    return record, arrays, None


def _degrade(run, contrast=None):
    """The diffusion of a run, fused; for `fit`, with λ as a second argument where it varies."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    if run.part == "edge":
        return backend.compiled(functools.partial(diffusion.edge_enhancing, **EDGES), fused=True)
    function = diffusion.vector_valued if run.part == "colour" else diffusion.perona_malik
    process = functools.partial(function, steps=round(run.time / DT), dt=DT)
    contrast = contrast or run.contrast
    if contrast is None:
        return backend.compiled(lambda u, parameter: process(u, contrast=parameter), fused=True)
    return backend.compiled(functools.partial(process, contrast=contrast), fused=True)


def _run(run, recipe, steps, options, sets):
    """The record of a run; None when it was stopped."""
    if run.method != "DiffNet":
        described = {"name": run.name, **dataclasses.asdict(run), "budget": options.stamp, **options.provenance()}
        described |= {"iterations": ITERATIONS.get(run.method), "steps": 0}
        return {**described, **_measured(run, functools.partial(_classical, run), sets("test", False))}
    import keras

    from diffnet_tf import training
    from diffnet_tf.networks import models

    steps = options.steps or steps
    settings = networks.recipe_for("DiffNet", recipe, networks.Task(run.problem))
    train, validation = (sets(split, run.colour is not None) for split in ("train", "validation"))
    settings = networks.for_images(settings, len(train))
    keras.utils.set_random_seed(run.seed)
    channels = {"channels": 3, "mixing": run.colour == "mixing"} if run.colour in ("shared", "mixing") else {}
    network = models.DiffNet(run.layers, points=run.points, initial_scale=settings.initial_scale, **channels)
    model = _channel_by_channel(network) if run.colour == "gray" else network
    trained = training.fit(
        model,
        train,
        settings,
        steps=steps,
        seed=run.seed,
        problem=run.problem,
        degrade=_degrade(run),
        parameter=CONTRASTS if run.contrast is None else None,
        validation=type(validation)(validation.pixels[:VALIDATION]),
        checkpoint_dir=options.checkpoint_dir / run.name,
    )
    if not trained.finished:
        return None
    return {
        **trainings.described(run, options, recipe, settings),
        "steps": trained.steps,
        "validation_psnr": trained.history[-1]["val_psnr"],
        "training_seconds": round(trained.seconds, 1),
        "training_images": len(train),
        "parameters": model.count_params(),
        "time_steps": network.time_steps,
        **_measured(run, lambda contrast: measure.applied(model), sets("test", run.part == "colour")),
    }


def _channel_by_channel(network):
    """A gray network as one of colours: on each channel by itself, which sees nothing of the others."""
    import keras

    colours = keras.Input((None, None, 3))
    channels = [network(colours[..., k : k + 1]) for k in range(3)]
    return keras.Model(colours, keras.ops.concatenate(channels, axis=-1))


def _classical(run, contrast):
    """A preset or a classical inverse, the latter told everything, as a function of diffused images."""
    from diffnet_tf.base import backend
    from diffnet_tf.networks import presets
    from diffnet_tf.physics import diffusion, inverses

    if run.method == "preset":
        return measure.applied(presets.from_preset("inverse"))
    told = {"steps": round(run.time / DT), "dt": DT, "contrast": contrast or run.contrast}
    function = {"fixed point": diffusion.fixed_point_inverse, "stepwise": inverses.stepwise_inverse}[run.method]
    return backend.compiled(functools.partial(function, iterations=ITERATIONS[run.method], **told), fused=True)


def _measured(run, function, test):
    """Quality on the test images, in the part "contrast" at every λ: a list of results, and the PSNR of every image."""
    results, psnr = [], []
    for contrast in LEVELS if run.part == "contrast" else (None,):
        inputs, targets = _pairs(run, contrast, test)
        values, summary = measure.quality(targets, measure.batched(function(contrast), inputs))
        _, degraded = measure.quality(targets, inputs)
        results.append({"contrast": contrast, **{kind: summary[kind] for kind in ("psnr", "ssim")}})
        results[-1]["degraded"] = {kind: degraded[kind] for kind in ("psnr", "ssim")}
        psnr.append([round(float(value), 3) for value in values["psnr"]])
    return {"results": results, "psnr": psnr}


def _pairs(run, contrast, test):
    from diffnet_tf import data

    degrade = _degrade(run, contrast)
    return data.paired_arrays(test, problem=run.problem, seed=networks.TEST_SEED, degrade=degrade)


if __name__ == "__main__":
    import sys

    from experiments.lib import run

    run.main(sys.modules[__name__])
