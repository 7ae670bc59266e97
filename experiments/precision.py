"""The cost of low precision: every preset in float32, with inner convolutions in bfloat16, and in TF32.

bfloat16 uses the processor's own instructions if it has them; "auto" also has the last convolutions in bfloat16. TF32,
which GPUs use for float32 by default, is emulated: every convolution rounds its operands to 11 significant bits.
"unprotected" is TF32 for networks of plain convolutions, where the first and last ones see rounded images and kernels.

    # 2 minutes, no training
    python -m experiments.precision --source stl10_binary --data-dir photos96 --test-dir stl10_real
"""

import contextlib

import numpy as np

from diffnet_tf import figures
from experiments.lib import measure, narrow, settings, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES
from experiments.lib.run import main

NAME = "precision"
TITLE = "Precision"
OPTIONS = ("budget", *IMAGES)
MEASURED = tuple(setting for setting in settings.SETTINGS if setting.problem != "deconvolution")
LABELS = {"auto": "bfloat16, last convolution too"}  # "auto" does so where it costs at most 0.02 dB
FLOOR = 1e-3  # dB: what is lower is drawn as this
TF32 = {"TF32": True, "TF32, unprotected": False}
INVERSE, FORWARD, NOISY, NARROWED = 65.0, 1.5, 0.02, 0.1  # goals in dB: the first absolute, the others at most lost


def compute(options):
    """Measure each preset in each precision."""
    import keras

    from diffnet_tf.base import backend
    from diffnet_tf.networks import precision, presets

    test = options.images("test", 8 if options.budget == "smoke" else None)
    results, arrays = {}, {}
    for setting in MEASURED:
        inputs, targets = measure.pairs(Task(setting.problem, setting.noise), test)
        models = {name: presets.from_preset(setting.preset, precision=name) for name in ("float32", "bfloat16")}
        models["auto"] = presets.from_preset(setting.preset, precision="bfloat16")
        precision.compensate(models["auto"])  # as "auto" does where it costs nothing
        functions = {name: (measure.applied(model), contextlib.nullcontext()) for name, model in models.items()}
        for name, guarded in TF32.items():
            functions[name] = measure.applied(models["float32"]), narrow.device("TF32", guarded)
        results[setting.preset] = {}
        for name, (function, device) in functions.items():
            with device:
                _, values, summary = measure.measured(function, inputs, targets)
            results[setting.preset][name] = summary["psnr"]
            arrays[f"{setting.preset}/{name}"] = np.float32(values["psnr"])
    record = {
        "backend": keras.backend.backend(),
        "has_bfloat16": backend.has_bfloat16(),
        "weights": {preset: presets.card(preset)["sha256"] for preset in results},
        "results": results,
    }
    return study.Result(record, arrays)


def lost(record, preset, name):
    """The loss of a preset in a precision: dB of mean PSNR below float32, negative if it is better."""
    found = record["results"][preset]
    return found["float32"]["mean"] - found[name]["mean"]


@figures.styled
def draw(record, arrays):
    """One group for each preset, one bar for each precision: its loss on a logarithmic axis, and the PSNR."""
    presets, names = list(record["results"]), ("bfloat16", "auto", *TF32)
    figure, ((axis,),) = figures.plots(1, 1, caption(record), width=figures.WIDTH, height=3.6)
    for k, name in enumerate(names):
        costs = [max(lost(record, preset, name) - FLOOR, 0) for preset in presets]
        places = np.arange(len(presets)) + 0.21 * (k - 1.5)
        drawn = axis.barh(places, costs, 0.19, left=FLOOR, color=figures.LINES[k], label=LABELS.get(name, name))
        axis.bar_label(drawn, [f"{record['results'][preset][name]['mean']:.2f} dB" for preset in presets], padding=2)
    labels = [f"{preset}\n{record['results'][preset]['float32']['mean']:.2f} dB" for preset in presets]
    axis.set(xscale="log", xlabel="loss against float32 in dB", xlim=(FLOOR, 40))
    axis.set_yticks(range(len(presets)), labels)
    axis.tick_params(axis="y", length=0)
    axis.invert_yaxis()
    handles, words = axis.get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=2)
    return figure


def caption(record):
    """The caption: what is shown, and how to read it."""
    count = next(iter(record["results"].values()))["float32"]["n"]
    own = "the processor's own" if record["has_bfloat16"] else "emulated by software"
    return (
        f"{record['title']}: what does a preset lose when its inner convolutions run in bfloat16 ({own}) or in TF32 "
        f"(emulated)? Left: mean PSNR of {count} test images in float32; beside the bars: in that precision. No bar: "
        f"at most {FLOOR:g} dB."
    )


def alt(record):
    """The alt text: the largest loss of each preset."""
    told = []
    for preset, found in record["results"].items():
        worst = max((name for name in found if name != "float32"), key=lambda name: lost(record, preset, name))
        told.append(f"{preset}, {max(lost(record, preset, worst), 0):.2f} dB in {LABELS.get(worst, worst)}")
    return (
        "Four groups of horizontal bars on a logarithmic axis, one group for each preset, one bar for each precision. "
        f"The largest loss of each: {'; '.join(told)}."
    )


def _check(name, presets, loses=None, reaches=None):
    """Some presets lose at most a number of dB against float32, or reach a number of dB."""

    def check(record, arrays):
        texts, answers = [], []
        for preset in presets:
            psnr, reference = (arrays[f"{preset}/{precision}"] for precision in (name, "float32"))
            gap = verdicts.difference(psnr, reference)
            texts.append(f"`{preset}` {psnr.mean():.2f} dB, {gap:+.3f}")
            answers.append(
                verdicts.reaches(gap, -loses) if reaches is None else verdicts.reaches(verdicts.mean(psnr), reaches)
            )
        return verdicts.finding(
            record, "; ".join(texts), verdicts.agreed(answers), verdicts.count(psnr.size), budget="presets"
        )

    return check


_NOISY = ["inverse-0.1pct", "inverse-1pct"]
PRESETS = tuple(setting.preset for setting in MEASURED)
CLAIMS = (
    Claim(
        "`inverse` with inner convolutions in bfloat16",
        f"≥ {INVERSE:g} dB",
        _check("bfloat16", ["inverse"], reaches=INVERSE),
    ),
    Claim(
        "`forward` with inner convolutions in bfloat16",
        f"loses at most {FORWARD} dB",
        _check("bfloat16", ["forward"], FORWARD),
    ),
    Claim(
        "presets for noisy images with inner convolutions in bfloat16",
        f"lose at most {NOISY} dB",
        _check("bfloat16", _NOISY, NOISY),
    ),
    Claim(
        'presets for noisy images with `precision="auto"`', f"lose at most {NOISY} dB", _check("auto", _NOISY, NOISY)
    ),
    Claim("all presets in emulated TF32", f"lose at most {NARROWED} dB", _check("TF32", PRESETS, NARROWED)),
)

if __name__ == "__main__":
    main(__file__)
