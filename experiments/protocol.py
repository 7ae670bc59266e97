"""The paper's own protocol for a tenth of its steps: 16 whole images a step, and what half precision costs there.

Question: does a DiffNet whose inner convolutions run in bfloat16 learn as well as one in float32, and how much sooner?
Both start from the same weights and see the same examples. Measured in float32, as all networks are.

    python -m experiments.protocol --budget quick  # about 2 min on 2 cores
    # about 100 min
    python -m experiments.protocol --budget cpu --source stl10_binary --data_dir photos96 --test_dir stl10_real
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "protocol"
TITLE = "The paper's protocol"
STEPS = {"smoke": 4, "quick": 100, "cpu": 10_125, "paper": 101_250}
BUDGETS = {name: ("paper", steps, 8 if name == "smoke" else None) for name, steps in STEPS.items()}
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
TIMES = ("times", "training_seconds")
CLOSE = 0.3  # dB between the precisions


@dataclasses.dataclass(frozen=True)
class Run:
    """One training: the task and the precision of the inner convolutions."""

    precision: str
    problem: str = "inverse"
    noise: float = 0.0

    @property
    def name(self):
        """Of the part's record."""
        return f"DiffNet-{self.precision}-{self.problem}-{self.noise:g}"


def parts(options):
    """The trainings, bfloat16 first: it is the shorter one."""
    images = [options.images(split, BUDGETS[options.budget][2]) for split in ("train", "validation", "test")]
    train = functools.partial(_train, options=options, images=images)
    return [study.part(Run(precision), train) for precision in ("bfloat16", "float32")]


def _train(run, options, images):
    from diffnet_tf import models

    name, steps, _ = BUDGETS[options.budget]
    train, validation, test = images
    task = Task(run.problem, run.noise)

    def make(recipe):
        return models.DiffNet(initial_scale=recipe.initial_scale, dtype=POLICIES[run.precision])

    trained = study.train(
        options,
        make,
        networks.recipe_for("DiffNet", name, task),
        train,
        steps=steps,
        seed=options.seed,
        name=run.name,
        validation=validation[: study.VALIDATION],
        **dataclasses.asdict(task),
    )
    in_float32 = models.DiffNet()
    in_float32.set_weights(trained.model.get_weights())
    _, found, summary = measure.measured(in_float32, *measure.pairs(task, test))
    record = {**trained.record(history=True), "seed": options.seed, "results": summary, **study.values(found)}
    return study.Result(record, model=in_float32)


def gather(runs, root):
    """Of each training the run of most steps."""
    kept = study.most_steps(runs, [key for key in study.LEFT_OUT if key not in TIMES])
    arrays = {f"psnr_{run['precision']}": np.float32(run.pop("psnr")) for run in kept}
    for run in kept:
        run.pop("ssim")
    return study.Result({**study.common(runs), "runs": kept}, arrays)


@figures.styled
def draw(record, arrays):
    """Two panels: validation PSNR against steps and against minutes."""
    figure, axes = figures.plots(1, 2, caption(record), width=3.4)
    for run, colour in zip(record["runs"], figures.LINES):
        curve = [(row["step"], row["val_psnr"]) for row in run["history"]]
        steps, psnr = np.array(curve).T
        for axis, values in zip(axes[0], (steps, steps * milliseconds(run) / 60_000)):
            axis.plot(values, psnr, color=colour, label=run["precision"])
    axes[0, 0].set(xlabel="steps", ylabel="validation PSNR in dB")
    axes[0, 1].set(xlabel="minutes, at the pace of the fastest interval")
    axes[0, 0].legend(loc="lower right")
    return figure


def caption(record):
    """What is shown, and where it comes from."""
    results = ", ".join(f"{run['precision']} {run['results']['psnr']['mean']:.2f} dB" for run in record["runs"])
    run = record["runs"][0]
    return (
        f"{record['title']}: DiffNet, {captions.count(run['steps'], 'step')} of {run['recipe']['batch_size']} whole "
        f"images, no noise. Mean PSNR of {run['results']['psnr']['n']} test images: {results}. "
        f"{captions.source(record)}"
    )


def milliseconds(run):
    """A step's time, validation included, in the fastest interval: what else the machine does only adds to it."""
    steps = [0, *(row["step"] for row in run["history"])]
    return 1000 * float(np.min(np.diff([0, *run["times"]]) / np.diff(steps)))


def equal(record, arrays):
    """Trained in bfloat16, the network is as good as trained in float32."""
    runs = {run["precision"]: run for run in record["runs"]}
    if set(runs) != set(POLICIES):
        raise verdicts.NotRun("one of the trainings")
    if len({run["steps"] for run in runs.values()}) > 1:
        raise verdicts.NotRun("trainings of as many steps")
    gap = verdicts.difference(arrays["psnr_bfloat16"], arrays["psnr_float32"])
    step = {name: milliseconds(run) for name, run in runs.items()}
    text = f"{gap:+.2f} dB; {step['bfloat16']:.0f} ms a step instead of {step['float32']:.0f}"
    half, full = ([runs[name]] for name in ("bfloat16", "float32"))
    n = verdicts.count(len(arrays["psnr_float32"]), half)
    return verdicts.compared(record, half, full, text, verdicts.reaches(gap, -CLOSE), n)


CLAIMS = (Claim("trained in bfloat16 against float32, the paper's protocol", f"≥ −{CLOSE} dB", equal),)

if __name__ == "__main__":
    main(__file__)
