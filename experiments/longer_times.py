"""Longer times: one diffusion layer, applied again and again, against ten layers with weights of their own, for T = 2.

Perona–Malik diffusion of 20 explicit steps of 0.1 is undone (inverse) and learned (forward), without noise. The
inverse continues the question of `physics`, which trained ten layers for a minute. Forward is simpler: one shared layer
could be exactly the explicit step. All networks are trained for equal time, so the slower ones get fewer steps. None
recomputes (`model.recompute`): for these small crops memory is no matter, and it would only cost the shared layer time.

Budget `quick` tries 10, 20 and 40 applications, by validation images; `cpu` trains the chosen number for an hour.

    # 4 h: 4 trainings; with --only inverse, 2 of them
    python -m experiments.longer_times --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import measure, networks, recompute_claims, study, verdicts
from experiments.lib.kept import by_budget
from experiments.lib.ledger import Claim
from experiments.lib.longer_times_figure import alt, caption, draw  # noqa: F401
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "longer-times"
TITLE = "Longer times"
DIFFUSION = {"steps": 20, "dt": 0.1, "contrast": 0.2}
TRIED = (10, 20, 40)  # applications of a shared layer, by `quick`
CHOSEN = {"inverse": 10, "forward": 20}  # by validation images, after `quick`; of forward, only 20 was tried
ITERATIONS, VALIDATION = 200, 16  # of the fixed point; images
# The time of a training step, in units of that of ten layers, whose optimiser has ten times the weights.
# With recomputation; measure anew before a long training.
COST = {"ten": 1.0, "shared-10": 0.95, "shared-20": 1.65, "shared-40": 3.25}
BUDGETS = study.budgets(2, 700, 85_000)  # steps of the ten layers
OF_TIME = ("training_seconds", "times")


@dataclasses.dataclass(frozen=True)
class Run:
    """A training, or the fixed point. `method` is "ten", "shared-N" (applications of one layer) or "fixed-point"."""

    problem: str
    method: str
    seed: int = 0

    @property
    def name(self):
        """The name of its record."""
        return f"{self.problem}-{self.method}" + f"-seed-{self.seed}" * bool(self.seed)

    shared = property(lambda self: self.method.startswith("shared-"))
    layers = property(lambda self: int(self.method.split("-")[1]) if self.shared else 10)


def plan(budget, seed=0):
    """All runs of a budget: `quick` tries several numbers of applications, the others have one."""
    runs = [Run("inverse", "fixed-point")]
    for problem, chosen in CHOSEN.items():
        tried = {"smoke": TRIED[:1], "quick": TRIED}.get(budget, (chosen,))
        runs += [Run(problem, method, seed) for method in ("ten", *(f"shared-{number}" for number in tried))]
    return runs


def parts(options):
    """One training or measurement for each run of the plan."""
    recipe, steps, limit = BUDGETS[options.budget]
    images = functools.cache(lambda split: options.images(split, limit))
    fixed, *trained = plan(options.budget, options.seed)

    def part(run):
        number = steps if recipe == "paper" else round(steps / COST[run.method])  # `paper` is no time
        return study.part(run, functools.partial(_train, recipe, number, options, images), number)

    return [study.part(fixed, functools.partial(_measure, images)), *map(part, trained)]


def gather(runs, root):
    """All runs, their times, and the PSNR of every test image; of each problem those of the longest budget."""
    longest = {run["problem"]: run["budget"] for run in by_budget(runs) if run["steps"]}
    runs = [run for run in runs if not run["steps"] or run["budget"] == longest[run["problem"]]]
    kept = sorted(study.most_steps(runs, (*set(study.LEFT_OUT) - {*OF_TIME}, "ssim")), key=lambda run: run["name"])
    arrays = {f"psnr_{run['name']}": np.array(run.pop("psnr"), "float32") for run in kept}
    times = {key: {run["name"]: run.pop(key) for run in kept if key in run} for key in OF_TIME}
    return study.Result({"diffusion": DIFFUSION, "runs": kept, **times}, arrays)


def _degrade():
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    return backend.compiled(functools.partial(diffusion.perona_malik, **DIFFUSION), fused=True)


def _train(recipe, steps, options, images, run):
    pairs = {"problem": run.problem, "degrade": _degrade(), "validation": images("validation")[:VALIDATION]}
    made = functools.partial(_network, run), networks.recipe_for("DiffNet", recipe, Task(run.problem))
    trained = study.train(options, *made, images("train"), steps=steps, seed=run.seed, name=run.name, **pairs)
    tests = measure.pairs(Task(run.problem), images("test"), degrade=_degrade())
    return study.tested(trained, *tests, **trained.record(history=True))


def _network(run, recipe):
    from diffnet_tf.networks import models

    return models.DiffNet(run.layers, initial_scale=recipe.initial_scale, shared=run.shared)


def _measure(images, run):
    """The classical inverse, which knows the diffusion."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    inverse = functools.partial(diffusion.fixed_point_inverse, iterations=ITERATIONS, **DIFFUSION)
    tests = measure.pairs(Task(run.problem), images("test"), degrade=_degrade())
    _, found, summary = measure.measured(backend.compiled(inverse, fused=True), *tests)
    return study.Result({"steps": 0, "iterations": ITERATIONS, "results": summary, **study.values(found)})


# ---- Claims ----------------------------------------------------------------------------------------------------------

GOAL, ALIKE = 1.0, 1.2  # dB; two times count as equal up to this factor


def ahead(problem):
    """The shared layer is ahead of ten layers by `GOAL`, after equal time."""

    def check(record, arrays):
        wanted = [(problem, method) for method in (f"shared-{CHOSEN[problem]}", "ten")]
        both = [[run for run in record["runs"] if (run["problem"], run["method"]) == each] for each in wanted]
        if not all(both):
            raise verdicts.NotRun(f"{problem} was not run by both")
        ours, theirs = (np.stack([arrays[f"psnr_{run['name']}"] for run in runs]) for runs in both)
        minutes = [np.mean([record["training_seconds"][run["name"]] for run in runs]) / 60 for runs in both]
        gap = verdicts.difference(ours, theirs)
        alike = max(minutes) <= ALIKE * min(minutes)
        answer = verdicts.reaches(gap, GOAL, *both) if alike else verdicts.Unsure("not trained for equal times")
        text = f"{gap:+.2f} dB: {ours.mean():.2f} − {theirs.mean():.2f}"
        text += ", after {:.0f} and {:.0f} min".format(*minutes)
        return verdicts.finding(record, text, answer, verdicts.count(ours.shape[-1], both[0]), [*both[0], *both[1]])

    return check


TEXT = "{}, T = 2: a layer applied {} times is ahead of ten layers with weights of their own, in equal time"
CLAIMS = (
    *(Claim(TEXT.format(problem, number), "≥ 1 dB", ahead(problem)) for problem, number in CHOSEN.items()),
    *recompute_claims.CLAIMS,
)

if __name__ == "__main__":
    main(__file__)
