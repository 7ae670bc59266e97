"""The paper's own protocol for a tenth of its steps: 16 whole images in each step, without noise and with 1 % noise.

How good does DiffNet become with the recipe `paper`, and with `authors` (of the authors' code), after how many steps
and minutes, compared with the recipe `fast` of Figures 6 and 7? Does a network with inner convolutions in bfloat16
learn as well as one in float32, and how much faster? (Only on devices that have bfloat16.) Networks of the same seed
start from the same weights and see the same examples. All are measured in float32. Nothing is extrapolated.

    python -m experiments.protocol --budget quick  # about 4 min on 2 cores
    # 4.8 h: each training takes 0.6 h in bfloat16, and 0.9 h in float32
    python -m experiments.protocol --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
    python -m experiments.protocol --budget cpu … --only DiffNet-bfloat16,DiffNet-float32-inverse-0.01  # only these
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, conditions, measure, networks, records, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "protocol"
TITLE = "The paper's protocol"
STEPS = {"smoke": 4, "quick": 100, "cpu": 10_125, "paper": 101_250}
BUDGETS = {name: ("paper", steps, 8 if name == "smoke" else None) for name, steps in STEPS.items()}
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
FAST = {0.0: "fig06", 0.01: "fig07"}  # the experiments that trained by the recipe `fast`
OF_THE_MACHINE = ("times", "training_seconds", "hardware")
LEAST = 3.0  # dB that an axis spans, so that a tenth does not look like much
CLOSE = 0.3  # dB between the precisions


@dataclasses.dataclass(frozen=True)
class Run:
    """One training: the precision of the inner convolutions, the task, and the recipe."""

    precision: str
    problem: str = "inverse"
    noise: float = 0.0
    protocol: str = "paper"

    @property
    def name(self):
        """Name of the part's record."""
        name = f"DiffNet-{self.precision}-{self.problem}-{self.noise:g}"
        return name if self.protocol == "paper" else f"{name}-{self.protocol}"


def plan(precisions):
    """The trainings in the order of their value: by the recipe `paper`, bfloat16 first, which is the shorter one."""
    paper = [Run(precision, noise=noise) for noise in FAST for precision in precisions]
    return paper + [Run("float32", noise=noise, protocol="authors") for noise in FAST]


def parts(options):
    """The trainings; those in bfloat16 where the device has it."""
    from diffnet_tf.base import backend

    _, steps, limit = BUDGETS[options.budget]
    images = [options.images(split, limit) for split in ("train", "validation", "test")]
    train = functools.partial(_train, options=options, images=images)
    precisions = ("bfloat16", "float32") if backend.has_bfloat16() else ("float32",)
    return [study.part(run, train, steps) for run in plan(precisions)]


def _train(run, options, images):
    from diffnet_tf import models

    _, steps, _ = BUDGETS[options.budget]
    train, validation, test = images
    task = Task(run.problem, run.noise)

    def make(recipe):
        return models.DiffNet(initial_scale=recipe.initial_scale, dtype=POLICIES[run.precision])

    trained = study.train(
        options,
        make,
        networks.recipe_for("DiffNet", run.protocol, task),
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
    """The longest run of each training, and the trainings by the recipe `fast`.

    Returns:
        A record with "runs", each with its precision, noise, "protocol", steps, history and times, and "fast", the same
        of Figures 6 and 7 where they were measured on the same images; arrays "psnr_NAME" with the PSNR of every test
        image, and as "psnr_PRECISION" those of the recipe `paper` without noise, too.
    """
    kept = study.most_steps(runs, [key for key in study.LEFT_OUT if key not in OF_THE_MACHINE])
    arrays = {}
    for run in kept:
        run.setdefault("protocol", "paper")  # older ones
        run["device"] = _device(run.pop("hardware"))
        run.pop("ssim")
        psnr = np.float32(run.pop("psnr"))
        arrays[f"psnr_{run['name']}"] = psnr
        if _without_noise(run):
            arrays[f"psnr_{run['precision']}"] = psnr
    return study.Result({**study.common(runs), "runs": kept, "fast": _fast(root, runs[-1])}, arrays)


def _device(hardware):
    """The name of the accelerator that trained, or of the cores."""
    names = hardware.get("accelerators") or [captions.count(hardware["cores"], "core")]
    return ", ".join(dict.fromkeys(names))


def _fast(root, like):
    """The trainings of Figures 6 and 7, each with its description and its curve."""
    kept = ("experiment", "noise", "budget", "steps", "recipe", "seed", "commit", "training_images", "history", "times")
    found = []
    for name in FAST.values():
        if (root / name / records.RECORD).exists():
            record, _ = records.load(root / name)
            if study.same_test_images(record, like) and record["recipe"]["name"] == "fast":
                known = {key: record[key] for key in kept if key in record}
                found.append({**known, "results": record["results"]["diffnet"]})
    return found


def _without_noise(run):
    return run.get("protocol", "paper") == "paper" and not run.get("noise")


@figures.styled
def draw(record, arrays):
    """A row for each level of noise: validation PSNR against steps and against minutes."""
    figure, axes = figures.plots(len(FAST), 2, caption(record), width=figures.WIDTH / 2, height=2.1)
    labels = {}
    for row, noise in zip(axes, FAST):
        runs = [run for run in record["runs"] if run.get("noise", 0.0) == noise]
        title = captions.percent(noise) + ("" if runs else " (paper: not run)")
        runs += [run for run in record.get("fast", ()) if run["noise"] == noise]
        row[0].set(title=title, xlabel="thousands of steps", ylabel="validation PSNR in dB")
        row[1].set(title=title, xlabel="minutes, on two cores if no GPU is named")
        for run in runs:
            label = _label(run)
            look = labels.setdefault(label, {"color": figures.LINES[len(labels)]})
            steps, psnr = np.array([(each["step"], each["val_psnr"]) for each in run["history"]]).T
            for axis, values in zip(row, (steps / 1_000, steps * milliseconds(run) / 60_000)):
                axis.plot(values, psnr, **look)
    for axis in axes.flat:
        figures.span(axis, LEAST)
    figures.key(figure, list(labels.items()), loc="outside upper center", ncols=4)
    return figure


def _label(run):
    """The label of a training in the figure: its recipe, and the device if it is not a processor."""
    label, device = _recipe(run), run.get("device", "cores")
    if "core" in device:
        return label
    return f"{label}, {device.removeprefix('NVIDIA ')}" + (" (TF32)" if conditions.narrowed(run) else "")


def _recipe(run):
    """The recipe of a training, and its precision if it is not float32."""
    if run.get("precision", "float32") == "float32":
        return run.get("protocol", run["recipe"]["name"])
    return f"{run['protocol']}, {run['precision']}"


def _found(record):
    """The PSNR of the trainings on the test images, in words, for each level of noise."""
    found = {}
    for run in [*record["runs"], *record.get("fast", ())]:
        if run.get("precision") == "bfloat16":
            continue  # its claim has the difference to float32
        found.setdefault(run.get("noise", 0.0), []).append(f"{_recipe(run)} {run['results']['psnr']['mean']:.2f}")
    return "; ".join(f"{captions.percent(noise)}: {', '.join(values)} dB" for noise, values in found.items())


def caption(record):
    """The caption: what is shown, and its numbers."""
    run = record["runs"][0]
    size, n = run["recipe"]["batch_size"], run["results"]["psnr"]["n"]
    return (
        f"{record['title']}: how far does DiffNet get with {size} whole images a step (paper, authors), and how far "
        f"with small crops (fast)? Mean PSNR of {n} test images; {_found(record)}."
    )


def alt(record):
    """The alt text: what is seen."""
    return (
        "Two rows of plots, without noise and with 1 % noise; PSNR rises steeply at first and then levels off, against "
        f"steps on the left and against minutes on the right. Each line is a recipe. At the end, {_found(record)}."
    )


def milliseconds(run):
    """The time of a step with validation, in the fastest interval: other work on the machine only adds to it."""
    steps = [0, *(row["step"] for row in run["history"])]
    return 1000 * float(np.min(np.diff([0, *run["times"]]) / np.diff(steps)))


def equal(record, arrays):
    """Trained in bfloat16, the network is as good as trained in float32."""
    runs = {run["precision"]: run for run in record["runs"] if _without_noise(run)}
    if set(runs) != set(POLICIES):
        raise verdicts.NotRun("one of the trainings")
    if len({run["steps"] for run in runs.values()}) > 1:
        raise verdicts.NotRun("trainings of as many steps")
    gap = verdicts.difference(arrays["psnr_bfloat16"], arrays["psnr_float32"])
    text = f"{gap:+.2f} dB"
    if len({run.get("device") for run in runs.values()}) == 1:
        step = {name: milliseconds(run) for name, run in runs.items()}
        text += f"; {step['bfloat16']:.0f} ms per step instead of {step['float32']:.0f} ms"
    half, full = ([runs[name]] for name in ("bfloat16", "float32"))
    n = verdicts.count(len(arrays["psnr_float32"]), half)
    return verdicts.compared(record, half, full, text, verdicts.reaches(gap, -CLOSE), n)


CLAIMS = (
    Claim("training in bfloat16 by the paper's protocol is as good as in float32", f"loses at most {CLOSE} dB", equal),
)

if __name__ == "__main__":
    main(__file__)
