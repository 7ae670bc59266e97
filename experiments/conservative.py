"""A diffusion by construction: what do the laws of `DiffusionLayer(conservative=True)` cost, and what do they give?

- laws: random weights and random images; how often a law is broken, beside the free layer;
- forward: it learns Perona–Malik diffusion, as the free DiffNet of the preset `forward` does;
- denoise: it removes noise of σ = 25/255, with 5, 10 and 20 layers, beside a free DiffNet of five layers;
- iterations: the networks are applied 1,000 times to their own output;
- undone: a network of eight smaller steps (`courant` 0.25) learns the diffusion, and is then inverted by
  `inverses.undo`: round trip, error against noise, and worst-case gain beside free DiffNets.

    python -m experiments.conservative --budget quick  # 20 min on 2 cores
    # 4 h: 6 trainings
    python -m experiments.conservative --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
    python -m experiments.conservative --budget cpu … --only laws,forward,iterations
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import conservative_laws, conservative_undone, kept, measure, networks, study
from experiments.lib.conservative_claims import CLAIMS  # noqa: F401
from experiments.lib.conservative_figure import alt, caption, draw  # noqa: F401
from experiments.lib.conservative_laws import PAIRS
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "conservative"
TITLE = "A diffusion by construction"
SIGMA = 25 / 255
VALIDATION = 16  # images
BUDGETS = {  # (recipe, steps of forward and undone, of denoise, limit on the number of images of each set)
    "smoke": ("fast", 2, 2, 4),
    "quick": ("fast", 600, 200, None),
    "cpu": ("fast", 72_000, 16_500, None),
    "paper": ("paper", 101_250, 101_250, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, of a network with laws or without."""

    part: str  # "forward", "denoise" or "undone": the network that is inverted
    layers: int = 5
    conservative: bool = True
    seed: int = 0

    @property
    def name(self):
        """The name of its record."""
        words = [self.part] if self.part != "denoise" else ["denoise", "free" if not self.conservative else "laws"]
        words += [str(self.layers)] if self.part == "denoise" else []
        return "-".join(words + ([f"seed-{self.seed}"] if self.seed else []))


def plan(seed=0):
    """All trainings."""
    denoise = [Run("denoise", 5, False), *(Run("denoise", number) for number in (5, 10, 20))]
    runs = [Run("forward"), Run("undone", 8), *denoise]
    return [dataclasses.replace(run, seed=seed) for run in runs]


def parts(options):
    """The trainings, and what is measured without one."""
    recipe, steps, denoise, limit = BUDGETS[options.budget]
    images = functools.cache(lambda split, scale: options.images(split, limit, scale=scale))
    do = functools.partial(_train, recipe=recipe, options=options, images=images)
    laws = study.Part("laws", lambda: study.Result(conservative_laws.broken(20 if limit else PAIRS)))
    found = [laws]
    for run in plan(options.seed):
        number = denoise if run.part == "denoise" else steps
        found.append(study.part(run, functools.partial(do, steps=number), number))
    test = functools.partial(images, "test", "maximum")
    after = {
        "iterations": ("forward", conservative_laws.iterated),
        "inverse": ("undone", conservative_undone.inverted),
        "gain": ("undone", conservative_undone.gains),
    }
    for name, (training, measure_it) in after.items():
        of = next(run.name for run in plan(options.seed) if run.part == training)
        found.append(study.Part(name, functools.partial(_measured, measure_it, of, options, test), {"of": of}, of=[of]))
    undone = functools.partial(conservative_undone.undone_at_random, 2 if limit else 12)
    return [*found, study.Part("random-inverse", lambda: study.Result(undone()))]


def _measured(measure_it, name, options, test):
    return study.Result(measure_it(kept.network(name, options), test()))


def _task(run):
    return Task("denoise", SIGMA) if run.part == "denoise" else Task("forward")


def _train(run, recipe, steps, options, images):
    task, scale = _task(run), "white" if run.part == "denoise" else "maximum"
    label, recipe = networks.recipe_for("DiffNet", recipe, Task("inverse" if run.part == "denoise" else "forward"))
    if run.part == "denoise" and label == "fast":
        recipe = dataclasses.replace(recipe, crop=48)  # noise needs a larger neighbourhood than a diffusion
    pairs = {"problem": task.problem, "noise": task.noise, "validation": images("validation", scale)[:VALIDATION]}
    make = functools.partial(_network, run)
    train = images("train", scale)
    trained = study.train(options, make, (label, recipe), train, steps=steps, seed=run.seed, name=run.name, **pairs)
    inputs, targets = measure.pairs(task, images("test", scale))
    function = measure.applied(trained.model)
    found = study.tested(trained, inputs, targets)
    if run.part == "denoise":  # denoised images are clipped, as those of `denoise` are
        _, values, summary = measure.measured(lambda u: np.clip(function(u), 0, 1), inputs, targets)
        found = study.Result({**trained.record(), "results": summary, **study.values(values)})
    return dataclasses.replace(found, model=trained.model)


def _network(run, recipe):
    from diffnet_tf.networks import models

    if not run.conservative:
        return models.DiffNet(run.layers, initial_scale=recipe.initial_scale, relu=False)
    if run.part == "undone":  # steps of at most a quarter of the CFL bound, so that each can be undone
        return models.DiffNet(run.layers, 4, 24, conservative=True, courant=0.25, initial_time_step=0.08, relu=False)
    return models.DiffNet(run.layers, conservative=True, initial_time_step=0.15, relu=False)


def gather(runs, root):
    """The trainings, the other parts by name, and the PSNR of every test image."""
    from experiments.lib import conservative_record

    return conservative_record.gather(runs, root)


if __name__ == "__main__":
    main(__file__)
