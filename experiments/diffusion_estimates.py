"""How well can λ, T and σ be found in a diffused, noisy photograph alone, as `dn.estimate_diffusion` does?

The part "estimator" trains its network; `python -m experiments.presets` puts the weights into the package. "guesses"
compares its estimates with the truth on test images, with λ, T and σ drawn at random, and "others" on photographs of
scikit-image. "restored" undoes the diffusion with the estimates in place of the true values, by the longest training
`inverse-any` of `inverse_any` in the same results folder, if there is one.

    python -m experiments.diffusion_estimates --budget quick  # on photographs of scikit-image
    # 15 min on 2 cores
    python -m experiments.diffusion_estimates --budget cpu --source stl10_binary --data-dir photos96 \
        --test-dir stl10_real
    python -m experiments.diffusion_estimates --budget cpu … --only restored  # after experiments.inverse_any
"""

import functools

import numpy as np

from experiments.lib import diffusion_figure, kept, study, verdicts
from experiments.lib import diffusion_measured as measured
from experiments.lib import diffusion_network as network
from experiments.lib.ledger import Claim
from experiments.lib.options import IMAGES, OWN_SPLIT
from experiments.lib.run import main

NAME = "diffusion-estimates"
TITLE = "Estimates of the diffusion"
IMAGE_FLAGS = "--source stl10_binary --data-dir photos96"  # tested on its test split
OPTIONS = ("budget", "seed", "steps", *IMAGES)
BUDGETS = {"smoke": (4, 4), "quick": (300, None), "cpu": (4_000, None), "paper": (40_000, None)}  # steps, images
DRAWS = 6  # of λ, T and σ for each test image
GOAL, BEHIND = 0.15, 1.5  # a relative error; dB
CHANCE = 0.01  # of a median relative error that another seed may make; not measured


def parts(options):
    """The training, the estimates on test images and, where there is a network, restoration with them."""
    images = functools.cache(lambda split: options.images(split, BUDGETS[options.budget][1]))
    steps = options.steps or BUDGETS[options.budget][0]
    found = [
        study.Part("estimator", functools.partial(_train, steps, options, images), steps=steps),
        study.Part("guesses", functools.partial(_guess, options, images), steps=steps, of=["estimator"]),
        study.Part("others", functools.partial(_others, options), steps=steps, of=["estimator"]),
    ]
    if restorer := measured.restorer(options.results_dir):
        of = ["estimator", restorer.with_name(f"{restorer.name}.keras")]
        found.append(study.Part("restored", functools.partial(_restore, options, images), steps=steps, of=of))
    return found


def _train(steps, options, images):
    model, seconds, loss = network.trained(images("train"), steps, options.seed)
    about = {"network": "estimator", "recipe": network.RECIPE, "steps": steps, "seed": options.seed, "loss": loss}
    cost = {"training_seconds": round(seconds, 1), "training_images": len(images("train"))}
    only = {kind: found for kind, found in options.image_sets().items() if kind == "training"}
    record = {**about, **cost, "parameters": model.count_params(), "image_sets": only}
    return study.Result(record, network.weights(model))


def weights(options):
    """The arrays of the trained network, and its steps.

    Raises:
        FileNotFoundError: before its training.
    """
    from diffnet_tf.files import reading

    record = kept.path("estimator", options)
    if not record.exists():
        raise FileNotFoundError(f"{record} does not exist. Train it first: --only estimator")
    return reading.arrays(record.with_suffix(".npz")), reading.json_object(record)["steps"]


def _guess(options, images):
    arrays, steps = weights(options)
    return study.Result({"steps": steps}, measured.guessed(images("test"), arrays, DRAWS))


def _others(options):
    """The same for scikit-image's photographs, of which many show texture, details or synthetic patterns."""
    from diffnet_tf import data

    (arrays, steps), limit = weights(options), BUDGETS[options.budget][1]
    images = data.load_images("skimage", split="test", limit=limit)
    return study.Result({"steps": steps}, measured.guessed(images, arrays, DRAWS))


def _restore(options, images):
    arrays, steps = weights(options)
    about, found = measured.restored(measured.restorer(options.results_dir), images("test"), arrays)
    return study.Result({"steps": steps, "undone_by": about}, found)


def gather(runs, root):
    """The estimates, what is restored with them, and the training behind them; of each part that with most steps."""
    best = {run["name"]: run for run in sorted(runs, key=lambda run: run["steps"])}
    for name in ("estimator", "guesses", "others"):
        if name not in best:
            raise FileNotFoundError(f"{root / NAME} holds no part {name!r}. Run it, or run all parts without --only.")
    arrays = best["guesses"]["arrays"] | best.get("restored", {}).get("arrays", {})
    training = {key: value for key, value in best["estimator"].items() if key not in study.LEFT_OUT}
    record = {
        "training": training,
        "results": measured.results(arrays),
        "others": measured.results(best["others"]["arrays"]),
    }
    if "restored" in best:
        record |= {"undone_by": best["restored"]["undone_by"], "settings": measured.SETTINGS, "sigma": measured.SIGMA}
    return study.Result(record, arrays)


draw, caption, alt = diffusion_figure.draw, diffusion_figure.caption, diffusion_figure.alt


def _found(number):
    """The median relative error of λ (0) or T (1)."""

    def check(record, arrays):
        error = verdicts.Interval(*measured.median_error(arrays, number))
        text = f"{100 * error.value:.1f} ({100 * error.low:.1f} to {100 * error.high:.1f}) %"
        n = verdicts.count(arrays["true"].shape[1], [record["training"]])
        return verdicts.finding(record, text, _below(error, record), n, [record["training"]])

    return check


def _below(error, record):
    """Whether the error of one training is below the goal, by more than another seed may change it."""
    if error.high <= GOAL - CHANCE:
        return (
            verdicts.HOLDS
            if record["test_data"] != OWN_SPLIT
            else verdicts.Unsure("variants of the network were chosen on these images")
        )
    if error.low > GOAL + CHANCE:
        return verdicts.FAILS
    sure = error.high <= GOAL or error.low > GOAL
    return verdicts.Unsure("another seed may change the answer" if sure else "the bound lies in the interval")


def _close(record, arrays):
    """Restoration with the estimates is close to that with the true values, in the mean over all settings."""
    if "psnr_auto" not in arrays:
        raise verdicts.NotRun("no network that is given the diffusion")
    auto, given = (arrays[f"psnr_{name}"] for name in ("auto", "given"))
    gap = verdicts.difference(auto.mean(axis=0), given.mean(axis=0))
    gaps = (auto - given).mean(axis=1)
    contrast, time = record["settings"][int(np.argmin(gaps))]
    text = f"{gap} dB; the worst of {len(gaps)} settings, λ = {contrast:g}, T = {time:g}: {gaps.min():.2f} dB"
    trainings = [record["training"], record["undone_by"]]
    n = verdicts.count(auto.shape[1], trainings)
    return verdicts.finding(record, text, verdicts.reaches(gap, -BEHIND), n, trainings)


WHERE = "for λ in 0.1–0.4, T in 0.2–1, σ in 0.1–5 %"
CLAIMS = (
    Claim(f"λ is found in the image, {WHERE}", f"median error ≤ {100 * GOAL:.0f} %", _found(0)),
    Claim(f"T is found in the image, {WHERE}", f"median error ≤ {100 * GOAL:.0f} %", _found(1)),
    Claim("restoration with estimated λ, T and σ is close to that with the true ones", f"≥ −{BEHIND} dB", _close),
)

if __name__ == "__main__":
    main(__file__)
