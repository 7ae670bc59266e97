"""Generalisation: networks that were trained on photographs, applied to other pictures, sizes, diffusions and noise.

Three parts, all without training: the inverse presets on textures, text, medical and other pictures; on whole pictures
of 512×512 pixels and on their crops of 96×96 pixels; and on test images with another contrast parameter,
diffusion time or noise than in training. They are compared with the fixed-point iteration, with the parameters of the
training and, where these are wrong, also with the true ones.

    # about 15 min of one core
    python -m experiments.generalisation --budget cpu --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import functools

import numpy as np

from experiments.lib import crops, measure, settings, study, verdicts
from experiments.lib.generalisation_figure import STRIP, alt, caption, draw  # noqa: F401
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "generalisation"
TITLE = "Generalisation"
OPTIONS = ("budget", *IMAGES)
CONTRASTS = (0.1, 0.15, 0.2, 0.3, 0.4)  # λ; trained on 0.2
STEPS = (2, 3, 4, 6, 8)  # of δt = 0.1; trained on 4
NOISES = (0.5, 1.0, 2.0)  # times the σ trained on
BUDGETS = {  # (crops of a picture, test images of the last part) at most
    "smoke": (1, 2),
    "quick": (4, 16),
    "cpu": (16, None),
    "paper": (None, None),
}
BORDER = 4  # pixels


def compute(options):
    """Apply the presets to everything."""
    import keras

    from diffnet_tf.networks import presets

    most, limit = BUDGETS[options.budget]
    pixels, groups, names = crops.of_all(most)
    test = options.images("test", limit)
    cards = {setting.preset: presets.card(setting.preset) for setting in settings.INVERSE}
    record = {
        "backend": keras.backend.backend(),
        "diffusion": settings.DIFFUSION,
        "weights": {preset: card["sha256"] for preset, card in cards.items()},
        "trained_on": {preset: card["training"]["data"] for preset, card in cards.items()},
        "fixed_point_iterations": {setting.preset: setting.iterations for setting in settings.INVERSE},
        "pictures": crops.PICTURES,
        "groups": {},
        "crops": [{"group": group, "picture": name} for group, name in zip(groups, names)],
        "large": {},
        "test_images": len(test),
        "noise": {},
    }
    arrays = {}
    for setting in settings.INVERSE:
        preset, noise, methods = setting.preset, setting.noise, _methods(setting)
        record["groups"][preset], psnr, worst = _on_groups(methods, noise, pixels, groups, names)
        arrays |= {f"{preset}_{name}": values for name, values in psnr.items()}
        record["large"][preset] = _large(methods, noise, crops.LARGE[: 1 if options.budget == "smoke" else None])
        if noise:
            record["noise"][preset] = [
                {"value": factor, **_compared(methods, *measure.pairs(Task(noise=factor * noise), test))}
                for factor in NOISES
            ]
        if preset == STRIP:
            arrays |= worst
            record["contrast"] = _other(setting, methods, "contrast", CONTRASTS, test)
            record["steps"] = _other(setting, methods, "steps", STEPS, test)
    return study.Result(record, arrays)


def _methods(setting):
    """The methods to compare: the degraded image itself, the preset, and the fixed point with the same knowledge."""
    from diffnet_tf.networks import presets

    model = measure.applied(presets.from_preset(setting.preset))
    return {"degraded": lambda y: y, "diffnet": model, "fixed_point": _fixed_point(setting.iterations)}


def _fixed_point(iterations, **told):
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    return backend.compiled(lambda y: diffusion.fixed_point_inverse(y, iterations, **told), fused=True)


def _on_groups(methods, noise, pixels, groups, names):
    """Quality of all crops by group, by picture and against the fixed point; all PSNRs; the worst crops.

    Returns:
        (group → results, method → PSNR of every crop, arrays of the crops with the lowest PSNR).
    """
    from diffnet_tf import data, metrics

    inputs, targets = measure.pairs(Task(noise=noise), data.GrayImages(pixels))
    outputs, values = {}, {}
    for name, function in methods.items():
        outputs[name], values[name], _ = measure.measured(function, inputs, targets)
    groups, names, results = np.array(groups), np.array(names), {}
    for group in dict.fromkeys(groups.tolist()):
        of = groups == group
        found = {
            name: {kind: metrics.summary(kept[kind][of]) for kind in study.OF_IMAGES} for name, kept in values.items()
        }
        ahead = values["diffnet"]["psnr"][of] - values["fixed_point"]["psnr"][of]
        found["ahead"] = metrics.summary(np.where(np.isnan(ahead), 0.0, ahead))  # both perfect
        pictures = dict.fromkeys(names[of].tolist())
        found["pictures"] = {each: metrics.summary(values["diffnet"]["psnr"][names == each]) for each in pictures}
        results[group] = found
    psnr = {name: found["psnr"].astype("float32") for name, found in values.items()}
    return results, psnr, _worst(groups, psnr["diffnet"], inputs, targets, outputs["diffnet"])


def _worst(groups, psnr, inputs, targets, outputs):
    """The crop of every group with the lowest PSNR; half precision is enough for a picture."""
    worst = [np.flatnonzero(groups == g)[np.argmin(psnr[groups == g])] for g in dict.fromkeys(groups.tolist())]
    images = {"original": targets, "diffused": inputs, "restored": outputs, "residual": outputs - targets}
    shown = {f"worst_{name}": image[worst, ..., 0].astype("float16") for name, image in images.items()}
    return {"worst": np.array(worst), **shown}


def _large(methods, noise, names):
    """Whole pictures of 512×512 against their crops of 96×96, on the pixels that both have: PSNR of every picture.

    Crops keep the scale of the picture. Any difference that is left comes from their border, whose error is given too.
    """
    from diffnet_tf import data

    found = []
    for name in names:
        whole = crops.read(name)
        whole = whole / whole.max()
        parts = crops.crops(whole)
        side = crops.SIDE * int(np.sqrt(len(parts)))
        row = {"picture": name, "crops": len(parts)}
        for kind, images in (("whole", whole[None]), ("crops", parts)):
            inputs, targets = measure.pairs(Task(noise=noise), data.GrayImages(images, scaled=False))
            for method, function in methods.items():
                error = (measure.batched(function, inputs) - targets)[:, :side, :side, 0].astype("float64")
                row[f"{method}_{kind}"] = _psnr(error)
                if kind == "crops":
                    inside = np.zeros(error.shape, bool)
                    inside[:, BORDER:-BORDER, BORDER:-BORDER] = True
                    row[f"{method}_inside"], row[f"{method}_border"] = _psnr(error[inside]), _psnr(error[~inside])
        found.append(row)
    return found


def _psnr(error):
    return float(-10.0 * np.log10(np.mean(error**2)))


def _other(setting, methods, quantity, values, test):
    """The preset without noise on diffusions of another contrast parameter or number of steps."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import diffusion

    found = []
    for value in values:
        degrade = backend.compiled(functools.partial(diffusion.perona_malik, **{quantity: value}), fused=True)
        told = {"told": _fixed_point(setting.iterations, **{quantity: value})}
        found.append({"value": value, **_compared(methods | told, *measure.pairs(Task(), test, degrade=degrade))})
    return found


def _compared(methods, inputs, targets):
    summaries = {name: measure.measured(function, inputs, targets)[2] for name, function in methods.items()}
    return {name: {kind: summary[kind] for kind in study.OF_IMAGES} for name, summary in summaries.items()}


# ---- Claims ----------------------------------------------------------------------------------------------------------

CLOSE = 1.0  # dB that the border of a crop may cost


def ahead(preset):
    """A preset is ahead of the fixed point on every picture of every kind, each the mean of its crops."""

    def check(record, arrays):
        ours, theirs = (np.minimum(arrays[f"{preset}_{name}"], measure.BEST) for name in ("diffnet", "fixed_point"))
        gains = {}  # of the crops of every picture of a group
        for crop, gain in zip(record["crops"], ours - theirs):
            gains.setdefault(crop["group"], {}).setdefault(crop["picture"], []).append(float(gain))
        texts, holds = [], []
        for group, pictures in gains.items():
            means = np.array([np.mean(values) for values in pictures.values()])
            number = np.count_nonzero(means > 0)
            holds.append(number == len(means))
            some = "" if holds[-1] else f" (better on {number} of {len(means)} pictures)"
            texts.append(f"{group} {np.mean(means):+.1f}{some}")
        pictures = sum(map(len, gains.values()))
        return verdicts.finding(
            record, f"difference in dB: {', '.join(texts)}", verdicts.agreed(holds), f"{pictures} pictures"
        )

    return check


def large(record, arrays):
    """Whole pictures of 512×512 are restored as well as their crops of 96×96."""
    gaps = [row["diffnet_whole"] - row["diffnet_crops"] for rows in record["large"].values() for row in rows]
    text = f"{min(gaps):+.2f} to {max(gaps):+.2f} dB, {len(record['large'])} presets"
    return verdicts.finding(record, text, max(map(abs, gaps)) <= CLOSE, f"{len(gaps)} pictures")


def other(quantity):
    """The preset still gains on diffusions that it was not trained on: "contrast" or "steps"."""

    def check(record, arrays):
        rows = record[quantity]
        gains = {row["value"]: row["diffnet"]["psnr"]["mean"] - row["degraded"]["psnr"]["mean"] for row in rows}
        text = ", ".join(f"{gain:+.1f} at {value:g}" for value, gain in gains.items())
        answer = verdicts.agreed(gain > 0 for gain in gains.values())
        return verdicts.finding(record, f"gain in dB: {text}", answer, verdicts.count(record["test_images"]))

    return check


CLAIMS = (
    *(
        Claim(
            f"`{each.preset}` is ahead of the fixed point on other kinds of pictures",
            "on every picture",
            ahead(each.preset),
        )
        for each in settings.INVERSE
    ),
    Claim("whole pictures of 512×512 are restored as well as their crops of 96×96", "within 1 dB", large),
    Claim("trained for λ = 0.2, `inverse` improves images diffused with another λ", "> 0 dB", other("contrast")),
    Claim(
        "trained for 4 steps, `inverse` improves images diffused for another number of steps", "> 0 dB", other("steps")
    ),
)

if __name__ == "__main__":
    main(__file__)
