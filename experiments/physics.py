"""Further physics, as the paper proposes (Remarks 2.3 and 4.2): colour, tensor diffusion, longer times, unknown λ.

Many short trainings of DiffNet, each without noise on small crops:

- colour: undo vector-valued Perona–Malik diffusion, with filters that all channels share, with filters that mix
  channels, and with a gray network on each channel separately;
- edge: learn and undo edge-enhancing tensor diffusion, with stencils of 5 and of 9 points;
- time: undo Perona–Malik diffusion until T = 0.4, 1, 2 and 4, with 5 and with 10 layers, compared with the classical
  inverses, which know the diffusion: the fixed point of all steps at once, and step by step;
- contrast: one network for all λ in [0.1, 0.4] that does not know λ, compared with one that was trained on λ = 0.2
  only, with the preset, which was trained on this λ for longer, and with the fixed point, which knows λ.

Each training, preset and classical inverse leaves its own record, see `lib.study`.

    python -m experiments.physics --budget quick  # about 10 min on 2 cores
    # 1.3 h: 16 trainings
    python -m experiments.physics --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
    python -m experiments.physics --budget cpu … --only edge-  # only these; --seed 1 adds trainings of another seed
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.physics_figure import alt, caption, draw  # noqa: F401
from experiments.lib.run import main

NAME = "physics"
TITLE = "Further physics"
DT = 0.1
TIMES = (0.4, 1.0, 2.0, 4.0)
CONTRASTS = (0.1, 0.4)  # drawn from uniformly
LEVELS = (0.1, 0.15, 0.2, 0.3, 0.4)  # measured at
TOLD = 0.2  # λ of the specialists
EDGES = {"steps": 4, "dt": DT, "contrast": 0.1, "sigma": 1.0}
ITERATIONS = {"fixed point": 200, "stepwise": 40}
VALIDATION = 16  # images
BUDGETS = study.budgets(2, 100, 7_000)


@dataclasses.dataclass(frozen=True)
class Run:
    """One trained network, preset or classical inverse.

    Attributes:
        part: part of the experiment.
        method: "DiffNet", "preset", "fixed point" or "stepwise".
        variant: what is varied within the part, for titles.
        problem: "inverse" or "forward".
        time: T.
        layers, points: size of the network.
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
        """The name of its record."""
        words = [self.part, *([f"{self.time:g}"] if self.part == "time" else []), self.variant]
        words += [f"seed-{self.seed}"] if self.seed else []
        return "-".join(words).replace(" ", "-")


def plan(seed=0):
    """All runs, part by part; networks are trained from this seed."""
    runs = [Run("colour", "DiffNet", colour, colour=colour) for colour in ("shared", "mixing", "gray")]
    runs += [
        Run("edge", "DiffNet", f"{problem} {points} points", problem, points=points)
        for problem in ("forward", "inverse")
        for points in (5, 9)
    ]
    for time in TIMES:
        layers = (5, 10) if time >= 1 else (5,)
        runs += [Run("time", "DiffNet", f"{number} layers", time=time, layers=number) for number in layers]
        runs += [Run("time", method, method, time=time) for method in ITERATIONS]
    runs += [Run("contrast", "DiffNet", "blind", contrast=None), Run("contrast", "DiffNet", "specialist")]
    runs += [Run("contrast", "preset", "preset"), Run("contrast", "fixed point", "fixed point", contrast=None)]
    return [dataclasses.replace(run, seed=seed) if run.method == "DiffNet" else run for run in runs]


def parts(options):
    """One training or measurement for each run of the plan."""
    recipe, steps, limit = BUDGETS[options.budget]
    images = functools.cache(lambda split, colour: options.images(split, limit, colour))
    do = functools.partial(_train, recipe=recipe, steps=steps, options=options, images=images)
    classical = functools.partial(_measure, images=images)
    return [
        study.part(run, do, steps) if run.method == "DiffNet" else study.part(run, classical)
        for run in plan(options.seed)
    ]


def gather(runs, root):
    """All runs in the order of the plan, and the PSNR of every test image."""
    order = [run.name for run in plan()]
    runs = sorted(study.most_steps(runs, study.LEFT_OUT), key=lambda run: order.index(unseeded(run)))
    arrays = {f"psnr_{run['name']}": np.array(run.pop("psnr"), "float32") for run in runs}
    return study.Result({"edges": EDGES, "levels": LEVELS, "dt": DT, "runs": runs}, arrays)


def unseeded(run):
    """The name of a run without its seed."""
    return run["name"].split("-seed-")[0]


def _degrade(run, contrast=None):
    """The fused diffusion of a run; for `fit`, with λ as a second argument if it varies."""
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


def _train(run, recipe, steps, options, images):
    train, validation = (images(split, run.colour is not None) for split in ("train", "validation"))
    make, recipe = functools.partial(_network, run), networks.recipe_for("DiffNet", recipe, Task(run.problem))
    pairs = {"problem": run.problem, "degrade": _degrade(run), "validation": validation[:VALIDATION]}
    pairs["parameter"] = CONTRASTS if run.contrast is None else None
    trained = study.train(options, make, recipe, train, steps=steps, seed=run.seed, name=run.name, **pairs)
    test = images("test", run.part == "colour")
    return study.Result({**trained.record(), **_measured(run, lambda contrast: measure.applied(trained.model), test)})


def _network(run, recipe):
    from diffnet_tf.networks import models

    channels = {"channels": 3, "mixing": run.colour == "mixing"} if run.colour in ("shared", "mixing") else {}
    network = models.DiffNet(run.layers, points=run.points, initial_scale=recipe.initial_scale, **channels)
    return _channel_by_channel(network) if run.colour == "gray" else network


def _measure(run, images):
    """A preset or a classical inverse."""
    found = _measured(run, functools.partial(_classical, run), images("test", False))
    return study.Result({"iterations": ITERATIONS.get(run.method), "steps": 0, **found})


def _channel_by_channel(network):
    """Apply a gray network to each channel of a colour image separately."""
    import keras

    colours = keras.Input((None, None, 3))
    channels = [network(colours[..., k : k + 1]) for k in range(3)]
    return keras.Model(colours, keras.ops.concatenate(channels, axis=-1))


def _classical(run, contrast):
    """A preset, or a classical inverse that knows the diffusion, as a function of diffused images."""
    from diffnet_tf.base import backend
    from diffnet_tf.networks import presets
    from diffnet_tf.physics import diffusion, inverses

    if run.method == "preset":
        return measure.applied(presets.from_preset("inverse"))
    told = {"steps": round(run.time / DT), "dt": DT, "contrast": contrast or run.contrast}
    function = {"fixed point": diffusion.fixed_point_inverse, "stepwise": inverses.stepwise_inverse}[run.method]
    return backend.compiled(functools.partial(function, iterations=ITERATIONS[run.method], **told), fused=True)


def _measured(run, function, test):
    """Quality on the test images (part "contrast": at every λ): a list of results, and the PSNR of every image."""
    results, psnr = [], []
    for contrast in LEVELS if run.part == "contrast" else (None,):
        inputs, targets = measure.pairs(Task(run.problem), test, degrade=_degrade(run, contrast))
        _, values, summary = measure.measured(function(contrast), inputs, targets)
        _, degraded = measure.quality(targets, inputs)
        found, before = ({kind: of[kind] for kind in study.OF_IMAGES} for of in (summary, degraded))
        results.append({"contrast": contrast, **found, "degraded": before})
        psnr.append([round(float(value), 3) for value in values["psnr"]])
    return {"results": results, "psnr": psnr}


# ---- Claims ----------------------------------------------------------------------------------------------------------

BLIND = 1.0  # dB that not knowing λ may cost


def compared(ours, theirs):
    """A network is ahead of another on the same images, by more than another seed may change."""

    def check(record, arrays):
        (mine, psnr), (other, reference) = (_of(record, arrays, name) for name in (ours, theirs))
        gap = verdicts.difference(psnr[:, 0], reference[:, 0])
        text = f"{gap:+.2f} dB: {psnr[:, 0].mean():.2f} − {reference[:, 0].mean():.2f}"
        n = verdicts.count(psnr.shape[-1], [*mine, *other])
        return verdicts.compared(record, mine, other, text, verdicts.ahead(gap, mine, other), n)

    return check


def longer(reference):
    """At every T the network that is best on validation images is ahead of a classical inverse.

    Args:
        reference: "fixed-point" or "stepwise".
    """

    def check(record, arrays):
        runs = [run for run in record["runs"] if run["part"] == "time"]
        texts, answers, used = [], [], []
        for time in sorted({run["time"] for run in runs}):
            learned = [run for run in runs if run["time"] == time and run["method"] == "DiffNet"]
            if learned and f"psnr_time-{time:g}-{reference}" in arrays:
                best = max(learned, key=lambda run: run["validation_psnr"])
                mine, told = arrays[f"psnr_{best['name']}"][0], arrays[f"psnr_time-{time:g}-{reference}"][0]
                answers.append(verdicts.ahead(verdicts.difference(mine, told), [best]))
                texts.append(f"T = {time:g}: {mine.mean():.1f} against {told.mean():.1f} dB")
                used.append(best)
        if not texts:
            raise verdicts.NotRun("no run of both")
        n = verdicts.count(mine.size, used)
        return verdicts.finding(record, ", ".join(texts), verdicts.agreed(answers), n, used)

    return check


def blind(reference):
    """One network for every λ is within 1 dB of a network for one λ, at that λ."""

    def check(record, arrays):
        (mine, psnr), (other, told) = (_of(record, arrays, f"contrast-{name}") for name in ("blind", reference))
        levels = [result["contrast"] for result in mine[0]["results"]]
        gaps = {level: verdicts.difference(psnr[:, k], told[:, k]) for k, level in enumerate(levels)}
        text = ", ".join(f"{gap.value:+.1f} at {level:g}" for level, gap in gaps.items())
        answer, n = verdicts.reaches(gaps[TOLD], -BLIND), verdicts.count(psnr.shape[-1], [*mine, *other])
        return verdicts.compared(record, mine, other, f"difference in dB: {text}", answer, n)

    return check


def _of(record, arrays, name):
    """The runs of all seeds, and the PSNR of every test image at every λ: (seeds, levels, n)."""
    runs = [run for run in record["runs"] if unseeded(run) == name]
    if not runs:
        raise verdicts.NotRun(f"no run {name}")
    return runs, np.stack([arrays[f"psnr_{run['name']}"] for run in runs])


_AHEAD = {
    "colour: filters that all channels share are ahead of a gray network on each channel": (
        "colour-shared",
        "colour-gray",
    ),
    "colour: filters that mix the channels are ahead of shared filters": ("colour-mixing", "colour-shared"),
    "edge-enhancing diffusion, forward: filters of 9 points are ahead of filters of 5": (
        "edge-forward-9-points",
        "edge-forward-5-points",
    ),
    "edge-enhancing diffusion, inverse: filters of 9 points are ahead of filters of 5": (
        "edge-inverse-9-points",
        "edge-inverse-5-points",
    ),
    **{
        f"longer times, T = {t}: 10 layers are ahead of 5 layers": (f"time-{t}-10-layers", f"time-{t}-5-layers")
        for t in (1, 2, 4)
    },
}
CLAIMS = (
    *(Claim(text, "> 0 dB", compared(*names)) for text, names in _AHEAD.items()),
    Claim("longer times: DiffNet is ahead of the fixed point", "at every T", longer("fixed-point")),
    Claim("longer times: DiffNet is ahead of undoing the diffusion step by step", "at every T", longer("stepwise")),
    Claim(
        "unknown λ: at λ = 0.2 one network for every λ is as good as a network for 0.2",
        "within 1 dB",
        blind("specialist"),
    ),
)

if __name__ == "__main__":
    main(__file__)
