"""The paper's own test images: every preset on the last 10,000 of STL-10's 100,000 unlabelled images, without training.

The committed records use stl10_real, 123 of the 100,000 images. These are found by their hashes and measured again: the
means must be those of the records. Other images than STL-10's are measured, too, but the record says that they are not
STL-10's.

    python -m experiments.stl10_test --source stl10_binary --data-dir DIR  # DIR holds STL-10's unlabeled_X.bin; minutes
"""

import dataclasses
import functools

import numpy as np

from diffnet_tf import figures
from experiments import fig06_samples, fig07_samples
from experiments.lib import captions, measure, records, samples, settings, stl10, study, verdicts, weights
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES, STL10_SHAPE
from experiments.lib.run import main

NAME = "stl10-test"
TITLE = "STL-10's test images"
OPTIONS = ("budget", *IMAGES)
MEASURED = tuple(setting for setting in settings.SETTINGS if setting.problem != "deconvolution")
PAPER = {
    "inverse": fig06_samples.PAPER,
    "inverse-1pct": fig07_samples.PAPER,
}  # mean test PSNR in dB, where it prints it
PART = 40  # batches in memory at a time as floats
EQUAL = 0.05  # dB: on another machine, means of the same images do not differ by more
IMAGE_FLAGS = "--source stl10_binary --data-dir stl10_binary"  # the folder in STL-10's archive


def compute(options):
    """Measure each preset on the test images, and on those of stl10_real wherever they are among all images."""
    import keras

    from diffnet_tf import data
    from diffnet_tf.networks import presets

    test = options.images("test")
    in_test = stl10.places(test.pixels)
    if options.budget == "smoke":
        test = options.images("test", 8)
    everything = data.open_images(options.source, options.test_dir or options.data_dir, "all")
    places = stl10.places(everything.pixels)
    real = everything[np.array(list(places.values()), int)]
    del everything  # of STL-10 a gigabyte
    results, intervals, again, trained, arrays = {}, {}, {}, {}, {}
    for setting in MEASURED:
        preset = setting.preset
        print(f"{preset}: {captions.count(len(test), 'image')}", flush=True)
        task, model = Task(setting.problem, setting.noise), presets.from_preset(preset)
        values, results[preset] = on_many(task, model, test)
        arrays |= {f"{preset}/{name}": np.float32(value) for name, value in values.items()}
        interval = verdicts.authors_psnr(values["psnr_diffnet"], values["target_low"], values["target_high"])
        intervals[preset] = dataclasses.asdict(interval)
        trained[preset], kept = records.load(weights.COMMITTED / setting.experiment)
        if places:
            psnr = on_many(task, model, real)[0]["psnr_diffnet"], kept["psnr_diffnet"][list(places)]
            again[preset] = {"here": float(psnr[0].mean()), "recorded": float(psnr[1].mean())}
    sets = options.image_sets()
    record = {
        "backend": keras.backend.backend(),
        "diffusion": settings.DIFFUSION,
        "data": "/".join(sorted({record["data"] for record in trained.values()})),
        "image_sets": sets | {"training": trained[MEASURED[0].preset]["image_sets"]["training"]},
        "weights": {preset: presets.card(preset)["sha256"] for preset in results},
        "trained": {preset: _training(record) for preset, record in trained.items()},
        "is_stl10": is_stl10(sets["test"]["shape"], places),
        "stl10_real": {
            "known": len(stl10.real()),
            "places": list(places.items()),
            "in_test": len(in_test),
            "psnr": again,
        },
        "paper_psnr": PAPER,
        "authors_psnr": intervals,
        "results": results,
    }
    return study.Result(record, arrays)


def is_stl10(shape, places):
    """Whether images are all of STL-10's unlabelled ones, judged by their shape and by stl10_real."""
    return list(shape) == STL10_SHAPE and len(places) == len(stl10.real())


def _training(record):
    """The training of a preset."""
    return {
        key: record[key]
        for key in ("experiment", "budget", "recipe", "steps", "seed", "commit", "image_sets", "parameters")
    }


def on_many(task, model, images):
    """The quality of the inputs and of a model's outputs on many images, with few of them in memory.

    Args:
        task: a `measure.Task`.
        model: a network.
        images: `GrayImages`.

    Returns:
        (arrays of every image: psnr and ssim of "degraded" and "diffnet", "target_low" and "target_high"; summaries of
        both methods), the same as of all images at once, noise included.
    """
    from diffnet_tf import metrics
    from diffnet_tf.data.pairs import in_order

    noise = {"noise": task.noise, "seed": measure.TEST_SEED}
    batches = in_order(images, problem=task.problem, batch_size=measure.BATCH, **noise)
    methods, found = {"degraded": None, "diffnet": measure.applied(model)}, {}
    for first in range(0, len(batches), PART):
        part = [batches[number] for number in range(first, min(first + PART, len(batches)))]
        inputs, targets = (np.concatenate(arrays) for arrays in zip(*part))
        values = {"target_low": targets.min(axis=(1, 2, 3)), "target_high": targets.max(axis=(1, 2, 3))}
        for name, function in methods.items():
            _, quality, _ = measure.measured(function, inputs, targets)
            values |= {f"{kind}_{name}": of for kind, of in quality.items()}
        for name, of in values.items():
            found.setdefault(name, []).append(of)
    arrays = {name: np.concatenate(parts) for name, parts in found.items()}
    summaries = {
        name: {kind: metrics.summary(arrays[f"{kind}_{name}"]) for kind in ("psnr", "authors_psnr", "ssim")}
        for name in methods
    }
    return {name: of for name, of in arrays.items() if not name.startswith("authors")}, summaries


# ---- The figure, and what is said ------------------------------------------------------------------------------------


@figures.styled
def draw(record, arrays):
    """One group for each preset: its input, its output, and the paper's DiffNet."""
    figure, axes = figures.plots(1, 1, caption(record), width=5.0)
    series = {}
    for method, label, colour in (("degraded", "its input", figures.GRAY), ("diffnet", "DiffNet", figures.LINES[0])):
        psnr = [result[method]["authors_psnr"] for result in record["results"].values()]
        series[label] = colour, [(values["mean"], values["std"]) for values in psnr]
    paper = [(record["paper_psnr"].get(preset, np.nan), 0.0) for preset in record["results"]]
    figures.bars(axes[0, 0], list(record["results"]), series | {"the paper's DiffNet": (figures.LINES[1], paper)})
    axes[0, 0].set_ylabel("authors' PSNR of the test in dB")
    axes[0, 0].legend()
    return figure


def images_in_words(record):
    """Whether these are STL-10's images, and which of stl10_real are among them."""
    test, real = record["image_sets"]["test"], record["stl10_real"]
    found, every = len(real["places"]), test["shape"][0]
    words = f"of stl10_real's {real['known']} images {found} are among them, {real['in_test']} in the test set"
    if not record["is_stl10"]:
        return f"These are not STL-10's 100,000 images: {every:,} images, SHA-256 {test['sha256'][:12]}…; {words}."
    return f"STL-10's {every:,} images; {words}, {found - real['in_test']} in the training set."


def report(record):
    """The report at the end of a run: the source of the images, and each preset beside the paper.

    Returns:
        Lines of text.
    """
    lines = [images_in_words(record), "Mean PSNR of the test images in dB:"]
    lines.append(f"  {'preset':<15} {'n':>6}  {'per image':>14}  {'of the authors (95 %)':>22}  {'paper':>6}")
    for preset, results in record["results"].items():
        psnr, authors = results["diffnet"]["psnr"], record["authors_psnr"][preset]
        interval = f"{authors['value']:.2f} ({authors['low']:.2f}–{authors['high']:.2f})"
        paper = record["paper_psnr"].get(preset)
        lines.append(
            f"  {preset:<15} {psnr['n']:>6,}  {psnr['mean']:>6.2f} ± {psnr['std']:<5.2f}  {interval:>22}  "
            f"{'' if paper is None else f'{paper:.2f}':>6}".rstrip()
        )
    found = len(record["stl10_real"]["places"])
    if found:
        lines.append(f"Of stl10_real, {captions.count(found, 'image')}, here and in the committed record:")
    for preset, psnr in record["stl10_real"]["psnr"].items():
        agree = "agree" if abs(psnr["here"] - psnr["recorded"]) <= EQUAL else "DISAGREE"
        lines.append(f"  {preset:<15} {psnr['here']:.3f} and {psnr['recorded']:.3f} dB: they {agree}")
    lines.append("The paper's claims on these images:")
    measured = [preset for preset in _CLAIMS if preset in record["results"]]
    for preset, claim in [(name, claim) for name in measured for claim in _CLAIMS[name]]:
        found = claim.check(*_of(record, preset))
        lines.append(f"  {found.answer}: {claim.text}: {found.ours} [paper: {claim.reference}] [{found.conditions}]")
    return "\n".join(lines)


def caption(record):
    """The caption: what is shown, and the source of the images."""
    count = next(iter(record["results"].values()))["diffnet"]["psnr"]["n"]
    return (
        f"{record['title']}: do the presets reach the paper's PSNR? The authors' PSNR, mean and standard deviation "
        f"over batches of {count:,} test images. {images_in_words(record)}"
    )


def alt(record):
    """The alt text: what is seen."""
    told = [
        f"{preset}, from {found['degraded']['psnr']['mean']:.1f} to {found['diffnet']['psnr']['mean']:.1f} dB"
        for preset, found in record["results"].items()
    ]
    return f"Groups of bars, one group for each preset: its input, its output, the paper's DiffNet. {'; '.join(told)}."


# ---- Claims ----------------------------------------------------------------------------------------------------------


def _of(record, preset):
    """The `load` of `samples.claims_on`: the preset's training, as if tested on these images, and its quality."""
    test = record["image_sets"]["test"] | {"holds_stl10_real": record["is_stl10"]}
    sets = {"training": record["trained"][preset]["image_sets"]["training"], "test": test}
    shared = ("source", "data", "test_data", "budget")
    trained = {**{key: record[key] for key in shared}, **record["trained"][preset], "image_sets": sets}
    if record["budget"] == "smoke":
        trained["budget"] = "smoke"
    psnr = record["results"][preset]["diffnet"]["psnr"]
    return [trained], verdicts.Interval(**record["authors_psnr"][preset]), np.array([psnr["mean"]]), psnr["n"]


def _load(preset, root):
    record = records.load(root / NAME)[0]
    if preset not in record["results"]:
        raise verdicts.NotRun(preset)
    return _of(record, preset)


_WORDS = {"inverse": ("Fig. 6", "no noise"), "inverse-1pct": ("Fig. 7", "1 % noise")}
_CLAIMS = {
    preset: samples.claims_on(
        PAPER[preset],
        where,
        f"on the paper's own test images, inverse, {noise}: test PSNR",
        functools.partial(_load, preset),
    )
    for preset, (where, noise) in _WORDS.items()
}
CLAIMS = tuple(claim for claims in _CLAIMS.values() for claim in claims)

if __name__ == "__main__":
    main(__file__)
