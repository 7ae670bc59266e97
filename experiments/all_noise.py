"""One network for all noise levels, σ from 0 to 10 %, with and without knowledge of σ, against one for each level.

Goal: within 0.3 dB of each specialist, and above the U-Net's mean on identical images.

All trainings start from the preset for 1 % noise. "blind" and "conditioned" (its input has a second channel with σ) are
trained on all levels; a specialist is trained on one level. They are compared with each other, with the presets, which
were trained longer on one level, and with the longest trainings of the U-Net.

    python -m experiments.all_noise --budget quick  # about 10 min on 2 cores
    # 1.1 h
    python -m experiments.all_noise --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
    python -m experiments.all_noise --budget cpu … --only specialist  # a part
"""

import dataclasses
import functools

import numpy as np

from experiments.lib import all_noise_figure, conditions, measure, networks, settings, study, unets, verdicts
from experiments.lib.all_noise_figure import GOAL, LABELS, line
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.run import main

NAME = "all-noise"
TITLE = "One network for all noise"
LEVELS = (0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1)
RANGE = (0.0, 0.1)
START = "inverse-1pct"
ASSUMED = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the true σ: what a conditioned network is given
WRONG = 0.01  # the true σ there
LEARNING_RATE = 1e-3  # of fine-tuning
BUDGETS = {  # (recipe, steps of the two networks, steps of a specialist, levels, limit on the number of images)
    "smoke": ("fast", 1, 1, (0.0, 0.01), 8),
    "quick": ("fast", 300, 50, LEVELS, None),
    "cpu": ("fast", 22_400, 2_800, LEVELS, None),  # one network gets the steps of all specialists together
    "paper": ("paper", 101_250, 101_250, LEVELS, None),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A training of a network for all levels or, with `noise`, of a specialist; or a preset, only measured."""

    network: str
    noise: float | None = None
    seed: int = 0

    @property
    def name(self):
        """The name of its record."""
        name = self.network if self.noise is None else f"{self.network}-{self.noise:g}"
        return f"{name}-seed-{self.seed}" if self.seed else name

    conditioned = property(lambda self: self.network == "conditioned", doc="Whether the network is given σ.")


def parts(options):
    """The two networks, the specialists, and the presets."""
    _, *steps, levels, limit = BUDGETS[options.budget]
    images = [options.images(split, limit) for split in ("train", "validation", "test")]
    trained = [Run("blind", None, options.seed), Run("conditioned", None, options.seed)]
    trained += [Run("specialist", level, options.seed) for level in levels]
    presets = [Run("preset", level) for level in levels if settings.inverse(level)]
    train = functools.partial(_train, options=options, images=images)
    measured = functools.partial(_preset, test=images[-1])
    trained = [study.part(run, train, steps[run.noise is not None]) for run in trained]
    return [*trained, *(study.part(run, measured) for run in presets)]


def _recipe(name):
    """The recipe of all these trainings. In one batch there are errors of 26 and of 50 dB: the loss is a logarithm.

    On validation images, after 700 steps of small crops, it is ahead of the mean of the images' norms by 0.3 dB in the
    mean over the levels (by 1.1 dB without noise, behind by 0.5 dB at 10 %); the norm of the batch is behind both.
    """
    task = Task("inverse", RANGE[1])
    return networks.recipe_for("DiffNet", name, task, loss="log", learning_rate=LEARNING_RATE)


def _train(run, options, images):
    name, *steps, levels, _ = BUDGETS[options.budget]
    train, validation, test = images
    pairs = {"noise": RANGE if run.noise is None else run.noise, "noise_map": run.conditioned}
    about = {"steps": steps[run.noise is not None], "seed": run.seed, "name": run.name, **pairs}
    validation = validation[: study.VALIDATION]
    trained = study.train(options, lambda recipe: _start(run), _recipe(name), train, validation=validation, **about)
    record = trained.record() | _measured(trained.model, run, levels if run.noise is None else [run.noise], test)
    if run.conditioned:
        record["assumed"] = _assumed(trained.model, test)
    return study.Result(record, model=trained.model if run.noise is None else None)


def _start(run):
    from diffnet_tf.networks import presets, transfer

    model = presets.from_preset(START)
    return transfer.with_noise_map(model) if run.conditioned else model


def _preset(run, test):
    """Measure a preset at the noise level that it was trained for."""
    from diffnet_tf.networks import presets

    name = settings.inverse(run.noise).preset
    steps = presets.card(name)["training"]["steps"]
    found = _measured(presets.from_preset(name), run, [run.noise], test)
    return study.Result({"budget": "preset", "steps": steps, **found})


def _measured(model, run, levels, test):
    """Measure a network at each level: summaries, and the PSNR of every image (levels, n)."""
    results, psnr, function = [], [], measure.applied(model)
    for level in levels:
        pairs = measure.pairs(Task("inverse", level), test, noise_map=run.conditioned)
        _, values, summary = measure.measured(function, *pairs)
        results.append(summary)
        psnr.append(study.values(values)["psnr"])
    return {"levels": list(levels), "results": results, "psnr": psnr}


def _assumed(model, test):
    """Mean PSNR of a conditioned network that is given multiples of the true σ."""
    inputs, targets = measure.pairs(Task("inverse", WRONG), test, noise_map=True)
    means, function = [], measure.applied(model)
    for factor in ASSUMED:
        _, _, summary = measure.measured(function, inputs * np.float32([1.0, factor]), targets)
        means.append(summary["psnr"]["mean"])
    return {"noise": WRONG, "factors": list(ASSUMED), "psnr": means}


def gather(runs, root):
    """For each network and level, the run with the most steps and the lowest seed; also presets and U-Nets."""
    trained = [run for run in runs if run["network"] != "preset"]
    if not trained:
        raise ValueError("Presets alone were measured: train a network, too.")
    seed = min(run["seed"] for run in trained)
    kept = [run for run in runs if run["network"] == "preset" or run["seed"] == seed]
    kept = study.most_steps(kept, left_out=study.LEFT_OUT)
    kept.sort(key=lambda run: ([*LABELS].index(run["network"]), run["noise"] or 0.0))
    arrays = {f"psnr_{run['name']}": np.array(run.pop("psnr"), "float32") for run in kept}
    images, beside = len(next(iter(arrays.values()))[0]), []
    for level in LEVELS:
        unet = unets.longest(root, Task("inverse", level), trained[-1])
        if unet and len(unet["psnr"]) == images:
            beside.append({"noise": level, "data": unet["data"], **unets.about(unet)})
            arrays[f"psnr_unet-{level:g}"] = np.array(unet["psnr"], "float32")
    record = {"budget": verdicts.budgets(trained), "start": START, "runs": kept, "unets": beside}
    return study.Result(record, arrays)


draw, caption, alt = all_noise_figure.draw, all_noise_figure.caption, all_noise_figure.alt


# ---- Claims ----------------------------------------------------------------------------------------------------------


def one_for_all(network, reference):
    """A network for all levels of noise is within 0.3 dB of another at each, on identical images."""

    def check(record, arrays):
        ours, theirs = (dict(zip(*line(record, arrays, kind))) for kind in (network, reference))
        levels = sorted(ours.keys() & theirs.keys())
        if not levels:
            raise verdicts.NotRun("no run of both")
        gaps = {level: verdicts.difference(ours[level], theirs[level]) for level in levels}
        answers = [verdicts.reaches(gap, -GOAL) for gap in gaps.values()]
        listed = ", ".join(f"{gap.value:+.2f} at {100 * level:g} %" for level, gap in gaps.items())
        text = f"at {answers.count(verdicts.HOLDS)} of {len(gaps)} levels; difference in dB: {listed}"
        theirs = [run for run in record["runs"] if run["network"] == reference]
        return _finding(text, verdicts.agreed(answers), record, arrays, network, theirs)

    return check


def above_unet(network):
    """A network for all levels of noise is above the U-Net that was trained for one, on identical images."""

    def check(record, arrays):
        ours = dict(zip(*line(record, arrays, network)))
        beside = {unet["noise"]: unet for unet in record["unets"] if unet["noise"] in ours}
        if not beside:
            raise verdicts.NotRun("no U-Net that was measured on the same images")
        answers, texts = [], []
        for noise in sorted(beside):
            mine, theirs = ours[noise], arrays[f"psnr_unet-{noise:g}"]
            gap = verdicts.difference(mine, theirs)
            answers.append(verdicts.ahead(gap, [run for run in record["runs"] if run["network"] == network]))
            texts.append(f"{gap:+.2f} dB at {100 * noise:g} %")
        return _finding("; ".join(texts), verdicts.agreed(answers), record, arrays, network, list(beside.values()))

    return check


def _finding(text, answer, record, arrays, network, theirs):
    """Compare a network for all levels with trainings like its own (`conditions.alike`) or with presets."""
    ours = [run for run in record["runs"] if run["network"] == network]
    trained = [run for run in theirs if "recipe" in run]
    fair, words = conditions.alike(ours, trained or ours)
    if not trained:
        fair, words = conditions.pixels(ours[0]) >= conditions.LONG, f"after {conditions.size(ours[0])}"
    n = verdicts.count(len(line(record, arrays, network)[1][0]), ours)
    used = [*ours, *(run for run in trained if "network" in run)]
    return verdicts.finding(
        record, f"{text}; {words}", answer if fair else verdicts.Unsure("not trained equally"), n, used
    )


_NAMES = {"blind": "one network that does not know σ", "conditioned": "one network that is given σ"}
_WITHIN = {"specialist": "networks that were trained for one level each", "preset": "presets for one level"}
CLAIMS = tuple(
    Claim(f"{name} is within {GOAL} dB of the {others}", "at all levels", one_for_all(network, reference))
    for reference, others in _WITHIN.items()
    for network, name in _NAMES.items()
) + tuple(
    Claim(
        f"{name} is ahead of U-Nets that were trained for one level each", "> 0 dB at all levels", above_unet(network)
    )
    for network, name in _NAMES.items()
)

if __name__ == "__main__":
    main(__file__)
