"""The preset inverse-any-noise: one network that is given σ, and σ estimated from the image itself.

How far is it behind the presets for one level of noise, and what does it cost to estimate σ (`noise="auto"`) instead of
knowing it? The network is the longest training `conditioned` of `all_noise`. The constants of the estimate are fitted
here to training photographs, the measurements use those of the package.

    python -m experiments.all_noise --budget cpu --steps 30000 --only conditioned …  # trains it: 25 min
    # two minutes, no training
    python -m experiments.any_noise --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import numpy as np

from diffnet_tf import figures
from experiments import all_noise
from experiments.lib import captions, conditions, measure, settings, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "any-noise"
TITLE = "Any noise"
OPTIONS = ("budget", *IMAGES)
LEVELS = all_noise.LEVELS
CLOSE = 0.3  # dB
CLEAN = 55.0  # dB without noise
ORDINARY = (0.005, 0.1)  # the range of σ in which an estimate must be as good as the true value
CARD = 0.01  # σ of the quality on the card
FITTED = np.geomspace(5e-4, 0.1, 12)  # levels of noise that the constants are fitted to
PHOTOGRAPHS = 200  # training photographs that they are fitted to
RIDGE = 3e-3  # keeps the constants small: a quantile may be misled by a few odd blocks


def compute(options):
    """Measure the network at each level with the true σ and with the estimate, and the presets at theirs."""
    from diffnet_tf.networks import presets
    from diffnet_tf.restoration import noise

    limit = 8 if options.budget == "smoke" else None
    train, test = options.images("train", limit or PHOTOGRAPHS), options.images("test", limit)
    model, training = trained(options.results_dir)
    function, results = measure.applied(model), {}
    arrays = {name: [] for name in ("psnr_given", "psnr_auto", "estimate")}
    for level in LEVELS:
        inputs, targets = (np.asarray(each) for each in measure.pairs(Task("inverse", level), test, noise_map=True))
        guessed = inputs.copy()
        guessed[..., 1] = np.array([noise.estimate_noise(image) for image in inputs[..., 0]])[:, None, None]
        arrays["estimate"].append(guessed[:, 0, 0, 1])
        found = {}
        for name, given in (("given", inputs), ("auto", guessed)):
            _, values, found[name] = measure.measured(function, given, targets)
            arrays[f"psnr_{name}"].append(values["psnr"])
        _, _, found["degraded"] = measure.measured(None, inputs[..., :1], targets)
        if setting := settings.inverse(level):
            _, values, found["preset"] = measure.measured(presets.from_preset(setting.preset), inputs[..., :1], targets)
            arrays[f"psnr_preset-{level:g}"] = values["psnr"]
        results[f"{level:g}"] = found
    arrays = {name: np.array(values, "float32") for name, values in arrays.items()}
    record = {
        "problem": "inverse",
        "diffusion": settings.DIFFUSION,
        "levels": list(LEVELS),
        "training": {key: value for key, value in training.items() if key not in ("psnr", "file", "assumed")},
        "constants": calibrated(train),
        "results": results,
    }
    return study.Result(record, arrays)


def trained(root):
    """(The network, its record): the training `conditioned` of `all_noise` with the most steps.

    Raises:
        FileNotFoundError: when there is none.
    """
    from diffnet_tf.files import model_files

    runs = [run for run in study.finished(root / all_noise.NAME) if run["network"] == "conditioned"]
    runs = [run for run in runs if not run.get("seed")]
    if not runs:
        raise FileNotFoundError(
            f"{root / all_noise.NAME} holds no training. Run python -m experiments.all_noise --only conditioned first."
        )
    best = max(runs, key=lambda run: run["steps"])
    return model_files.load(root / all_noise.NAME / study.RUNS / f"{best['file']}{model_files.SUFFIX}"), best


def calibrated(images):
    """Fit the constants of `restoration.noise` to diffused photographs with known noise."""
    tasks = [(float(level), Task("inverse", float(level)), measure.TUNING_SEED + k) for k, level in enumerate(FITTED)]
    pairs = ((level, measure.pairs(task, images, seed=seed)[0]) for level, task, seed in tasks)
    return fitted(((level, np.asarray(inputs)[..., 0]) for level, inputs in pairs), RIDGE)


def fitted(sets, ridge):
    """Fit the constants of `restoration.noise` by ridge regression.

    Args:
        sets: (σ, images (height, width) with this noise) for several σ.
        ridge: weight of the penalty of large constants.
    """
    from diffnet_tf.restoration import noise

    features, logarithms = [], []
    for level, images in sets:
        for image in images:
            features.append(noise.features(noise.deviations([image])))
            logarithms.append(np.log(level))
    features = np.array(features)
    reference, others = features[:, :1], features[:, 1:]
    matrix = np.hstack([np.ones_like(reference), others - reference])
    penalty = ridge * len(matrix) * np.diag([0.0, *[1.0] * others.shape[1]])
    wanted = np.array(logarithms) - reference[:, 0]
    return np.linalg.solve(matrix.T @ matrix + penalty, matrix.T @ wanted).round(3).tolist()


# ---- Picture ---------------------------------------------------------------------------------------------------------


@figures.styled
def draw(record, arrays):
    """Left the estimate over the true σ; right what the network loses by it, and against the presets."""
    figure, ((left, right),) = figures.plots(1, 2, caption(record), width=figures.WIDTH / 2, height=2.5)
    percent = 100 * np.array(record["levels"])
    places, noisy = np.arange(len(percent)), percent > 0
    ratios = 100 * arrays["estimate"][noisy] / percent[noisy, None]
    low, middle, high = np.quantile(ratios, (0.05, 0.5, 0.95), axis=1)
    left.fill_between(places[noisy], low, high, color=figures.BOXES[0], label="9 of 10 images")
    left.plot(places[noisy], middle, color=figures.LINES[0], marker="o", label="median")
    left.axhline(1, color=figures.GRAY, **figures.THIN)
    left.set(ylabel="estimate / true σ", xlabel="σ in %", ylim=(0, max(2.0, 1.05 * high.max())))
    gaps = [verdicts.difference(*pair) for pair in zip(arrays["psnr_auto"], arrays["psnr_given"])]
    right.axhspan(-CLOSE, CLOSE, color=figures.BOXES[0])
    right.plot(places, [gap.value for gap in gaps], color=figures.LINES[0], marker="o", label="σ estimated − σ given")
    beside = [(k, level) for k, level in enumerate(record["levels"]) if f"psnr_preset-{level:g}" in arrays]
    right.plot(
        [k for k, _ in beside],
        [float(np.mean(arrays["psnr_given"][k] - arrays[f"psnr_preset-{level:g}"])) for k, level in beside],
        color=figures.LINES[1],
        marker="s",
        linestyle="none",
        label="σ given − preset for this σ",
    )
    right.set(ylabel="difference of mean PSNR in dB", xlabel="σ in %")
    figures.span(right, 3.0)
    for axis in (left, right):
        axis.set_xticks(places, [f"{value:g}" for value in percent])
        axis.legend()
    return figure


def caption(record):
    """The caption: what is shown, and the numbers at 1 %."""
    found = record["results"][f"{CARD:g}"]
    psnr = {name: found[name]["psnr"]["mean"] for name in ("given", "auto", "preset") if name in found}
    return (
        f"{record['title']}: what does one network for all noise lose if it must estimate σ from the image (left), and "
        f"against presets for one σ (right)? At {captions.percent(CARD)}: "
        f"{', '.join(f'{name} {value:.2f}' for name, value in psnr.items())} dB; {found['given']['psnr']['n']} images."
    )


def alt(record):
    """The alt text: what is seen."""
    gaps = [found["auto"]["psnr"]["mean"] - found["given"]["psnr"]["mean"] for found in record["results"].values()]
    worst = [f"{gap:+.2f} dB at {100 * level:g} %" for level, gap in zip(record["levels"], gaps)]
    return (
        "Left, the estimated σ over the true one: a line near 1 with a band that narrows as σ grows. Right, "
        "differences in PSNR against σ; a blue band marks ±0.3 dB. With the estimate instead of the true σ: "
        f"{captions.listed(worst)}. Orange squares: the gap to the presets for one σ."
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------


def _beside_presets(record, arrays):
    """With the true σ, it is close to the presets for 0.1 and 1 %."""
    texts, answers = [], []
    for level in (0.001, 0.01):
        gap = verdicts.difference(_of(record, arrays, "given", level), arrays[f"psnr_preset-{level:g}"])
        texts.append(f"{gap:+.2f} dB at {100 * level:g} %")
        answers.append(verdicts.reaches(gap, -CLOSE))
    return _finding(record, arrays, texts, answers)


def _clean(record, arrays):
    """Without noise, with σ = 0 given."""
    psnr = verdicts.mean(_of(record, arrays, "given", 0.0))
    return _finding(record, arrays, [f"{psnr} dB"], [verdicts.reaches(psnr, CLEAN)])


def _automatic(record, arrays):
    """The estimate costs little in the ordinary range of noise."""
    texts, answers = [], []
    for level in record["levels"]:
        if ORDINARY[0] <= level <= ORDINARY[1]:
            gap = verdicts.difference(*(_of(record, arrays, name, level) for name in ("auto", "given")))
            texts.append(f"{gap.value:+.2f} dB at {100 * level:g} %")
            answers.append(verdicts.reaches(gap, -CLOSE))
    return _finding(record, arrays, texts, answers)


def _of(record, arrays, name, level):
    return arrays[f"psnr_{name}"][record["levels"].index(level)]


def _finding(record, arrays, texts, answers):
    training = record["training"]
    text = f"{'; '.join(texts)}; after {conditions.size(training)}"
    n = verdicts.count(arrays["psnr_given"].shape[1], [training])
    return verdicts.finding(record, text, verdicts.agreed(answers), n, [training])


CLAIMS = (
    Claim(
        "`inverse-any-noise`, given σ, is within 0.3 dB of `inverse-0.1pct` and `inverse-1pct`",
        f"≥ −{CLOSE} dB",
        _beside_presets,
    ),
    Claim("`inverse-any-noise`, given σ = 0, without noise", f"≥ {CLEAN:g} dB", _clean),
    Claim('`noise="auto"` costs at most 0.3 dB for σ from 0.5 to 10 %', f"≥ −{CLOSE} dB at all levels", _automatic),
)

if __name__ == "__main__":
    main(__file__)
