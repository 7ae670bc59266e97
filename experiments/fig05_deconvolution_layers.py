"""Figure 5: how three layers of DiffNet restore a blurred disk: image, spectrum and filters of every layer.

Paper: training and test PSNR 86.24 dB, 1,024 training images, about 1,000 epochs, 24 minutes on a Titan Xp; the centre
filter has the opposite sign of the others.

    python -m experiments.fig05_deconvolution_layers --budget quick  # about 2 min on 2 cores
    python -m experiments.fig05_deconvolution_layers --budget cpu  # about 15 min
    python -m experiments.fig05_deconvolution_layers --measure --results-dir DIR  # a minute: the network kept there
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, deconvolution, measure, networks, seeds, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.options import TRAINING
from experiments.lib.run import main

NAME = "fig05"
TITLE = "Figure 5"
OPTIONS = TRAINING  # it makes its images itself
PAPER_PSNR = 86.24
MINUTES = 24  # the paper's training
BUDGETS = {  # (recipe, steps); 1,000 epochs of 1,024 images in batches of 16 are 64,000 steps
    "smoke": ("fast", 2),
    "quick": ("fast", 2_400),
    "cpu": ("fast", 36_000),
    "paper": ("paper", 64_000),
}
CROP, BATCH = 32, 8  # of the recipe "fast"
RANGE = (-4, 3)  # decades of |FFT| shown
DEEP = 0.01  # of the contrast: a ring that is deeper counts as clearly negative
FILTERS = ("centre", "up", "down", "left", "right")  # stencil.ORDER, which a drawing without Keras cannot import


def compute(options):
    """Train on disks, measure on others, and keep the output of every layer for one of these."""
    import keras

    from diffnet_tf import models

    name, steps = BUDGETS[options.budget]
    changes = {"crop": CROP, "batch_size": BATCH} if name == "fast" else {}
    recipe = networks.recipe_for("DiffNet", name, measure.Task(), **changes)
    make = lambda recipe: models.DiffNet(num_layers=3, initial_scale=recipe.initial_scale)  # noqa: E731
    disks = {split: deconvolution.disks(split) for split in ("train", "validation")}
    more = {"validation": disks["validation"], "csv_log": options.directory / "log.csv", "degrade": deconvolution.blur}
    trained = study.train(options, make, recipe, disks["train"], steps=steps, seed=options.seed, **more)
    model, found = trained.model, measured(trained.model)
    record = {
        "problem": "deconvolution",
        "noise": 0.0,
        "diffusion": deconvolution.DIFFUSION,
        **deconvolution.SOURCE,
        "backend": keras.backend.backend(),
        "model": {"class": "DiffNet", **model.get_config()},
        "paper_psnr": PAPER_PSNR,
        **trained.record(history=True),
        **found.record,
    }
    return study.Result(record, found.arrays, model)


def measured(model):
    """Measure a trained network on the disks, and its layers on all test disks and on one that is shown.

    Returns:
        The record has "results" and what Section 5.1 says of layers, see `deconvolution`: the lists of `of_filters`;
        "negative_ring" with quantiles over the disks and the share of the disks whose ring is deeper than `DEEP`;
        "high_frequencies" with mean energy and error of the input, behind each layer, and of the output, and the share
        of the energy that each layer has "gained". The arrays have the values of every disk: "ring" (n,), "high_energy"
        and "high_error" (n, 2 + layers); and of both sets PSNR and extremes, for the authors' PSNR.
    """
    from diffnet_tf import data

    sets = {
        split: data.paired_arrays(deconvolution.disks(split), degrade=deconvolution.blur) for split in ("train", "test")
    }
    inputs, targets = sets["test"]
    near = deconvolution.near_edges(inputs, targets)
    filters = [np.asarray(f) for f in model.filters(inputs)]
    states = [inputs, *(np.asarray(u) for u in model.states(inputs))]
    output = np.asarray(model(inputs))
    ring = deconvolution.negative_ring(states[-1], targets, near)
    energy, error = deconvolution.high_frequencies([*states, output], targets)
    results, of_disks = {"degraded": measure.measured(None, *sets["test"])[2]}, {}
    for split, (given, wanted) in sets.items():
        _, values, results[split] = measure.measured(model, given, wanted)
        of_disks |= {f"psnr_{split}": values["psnr"]}
        of_disks |= {f"low_{split}": wanted.min(axis=(1, 2, 3)), f"high_{split}": wanted.max(axis=(1, 2, 3))}
    record = {
        "results": results,
        "edge_pixels": int(near.sum()),
        **deconvolution.of_filters(filters, states, near),
        "negative_ring": {
            "deeper_than": DEEP,
            "share": float(np.mean(ring > DEEP)),
            **{name: float(np.quantile(ring, q)) for name, q in (("min", 0), ("median", 0.5), ("max", 1))},
        },
        "high_frequencies": {
            "above": deconvolution.HIGH,
            "energy": energy.mean(axis=0).tolist(),
            "error": error.mean(axis=0).tolist(),
            "gained": deconvolution.gained(energy[:, :-1]).tolist(),
        },
    }
    shown = deconvolution.SHOWN
    arrays = {"disk": targets[shown, ..., 0], "blurred": inputs[shown, ..., 0], "output": output[shown, ..., 0]}
    arrays["states"] = np.stack([u[shown, ..., 0] for u in states[1:]])
    arrays["filters"] = np.stack([dt * f[shown] for dt, f in zip(model.time_steps, filters)])
    of_disks |= {"ring": ring, "high_energy": energy, "high_error": error}
    return study.Result(record, arrays | {name: np.float32(values) for name, values in of_disks.items()})


@figures.styled
def draw(record, arrays):
    """Images and their spectra from the input to the output; then one row of filters for each layer."""
    images = [arrays["blurred"], *arrays["states"], arrays["output"]]
    layers, high = len(arrays["states"]), float(arrays["disk"].max())
    columns = max(len(images), len(FILTERS))
    figure, axes = figures.panels(2 + layers, columns, caption(record), width=0.95, height=1.5)
    figures.titles(axes[0], ["diffused", *(f"after layer {i + 1}" for i in range(layers)), "after ReLU"])
    for (first, second, *_), pixels in zip(axes.T, images):
        shown = figures.image(first, pixels, low=-0.2 * high, high=high)
        spectrum = deconvolution.spectrum(second, pixels, *RANGE)
    axes[0, 0].set_ylabel("image")
    axes[1, 0].set_ylabel("spectrum")
    _bar(figure, shown, axes[0], "gray value")
    _bar(figure, spectrum, axes[1], "log₁₀ |FFT|")
    figures.titles(axes[2], FILTERS)
    for number, (row, filters) in enumerate(zip(axes[2:], arrays["filters"]), 1):
        scale = float(np.abs(filters).max())
        row[0].set_ylabel(f"layer {number}")
        for column, axis in enumerate(row[: len(FILTERS)]):
            artist = figures.image(axis, filters[..., column], None, -scale, scale, figures.RESIDUALS)
        _bar(figure, artist, row, f"δt ζ in layer {number}")
    for axis in (*axes[:2, len(images) :].flat, *axes[2:, len(FILTERS) :].flat):
        axis.axis("off")
    return figure


def _bar(figure, artist, row, label):
    """A colour bar in a separate row, so that all panels have one size."""
    bar = figure.colorbar(artist, ax=row, location="bottom", shrink=0.6, aspect=40, pad=0.02)
    bar.set_label(label, labelpad=1)


def caption(record):
    """The caption: what is shown, and its numbers."""
    train, test = (record["results"][split]["authors_psnr"]["mean"] for split in ("train", "test"))
    number = record["results"]["test"]["psnr"]["n"]
    return (
        f"{record['title']}: how three layers of DiffNet sharpen a blurred disk, and their five filters, each layer on "
        f"its own scale. The authors' PSNR of {number} test disks: {test:.2f} dB, of the training disks: "
        f"{train:.2f} dB. The paper, on other disks: {record['paper_psnr']} dB."
    )


def alt(record):
    """The alt text: what is seen."""
    test = record["results"]["test"]["psnr"]["mean"]
    return (
        "Top row: a disk, blurred at first, layer by layer, up to the output behind the ReLU. Second row: their "
        f"spectra. Below, a row for each layer with its five filters, which change at the edge of the disk; the centre "
        f"filter is the strongest. Test disks come out with {test:.1f} dB on average."
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------


OPPOSITE = 0.9  # share of the pixels at edges
SMALL = 0.1  # of the centre filter: a regulariser that is larger is not small
MAINLY = 0.5  # share of the high frequencies that a layer brings back


def _trainings(root):
    """(records, arrays) of all seeds."""
    return tuple(zip(*seeds.trainings(NAME, root)))


def _value(records, arrays):
    """The lower of train and test PSNR, an `Interval`; and both in words."""
    found = {}
    for split in ("train", "test"):
        if f"psnr_{split}" not in arrays[0]:
            raise verdicts.NotRun("a measurement of every disk")
        psnr = np.stack([of[f"psnr_{split}"] for of in arrays])
        found[split] = verdicts.authors_psnr(psnr, arrays[0][f"low_{split}"], arrays[0][f"high_{split}"])
    means = [min(record["results"][split]["authors_psnr"]["mean"] for split in found) for record in records]
    words = f"train {found['train']}, test {found['test']} dB, our own disks{verdicts.of_seeds(means)}"
    return min(found.values(), key=lambda interval: interval.value), words


def reaches(records, arrays):
    """Train and test PSNR are at least the paper's, on other disks than the paper's."""
    value, words = _value(records, arrays)
    n = verdicts.count(arrays[0]["psnr_test"].size, records)
    return verdicts.finding(records[0], words, verdicts.reaches(value, PAPER_PSNR), n, records)


def has_its_size(records, arrays):
    """Train and test PSNR are within ±1 dB of the paper's."""
    value, words = _value(records, arrays)
    n = verdicts.count(arrays[0]["psnr_test"].size, records)
    return verdicts.finding(records[0], words, verdicts.within(value, PAPER_PSNR), n, records)


def training_time(records, arrays):
    """Every seed reaches the paper's PSNR within the paper's time.

    Trainings run beside other work: their minutes are an upper bound, so a longer time decides nothing.
    """
    minutes = [record["training_seconds"] / 60 for record in records]
    psnr = [min(record["results"][split]["authors_psnr"]["mean"] for split in ("train", "test")) for record in records]
    answer = verdicts.of_each_seed([value >= PAPER_PSNR for value in psnr])
    if answer == verdicts.HOLDS and max(minutes) > MINUTES:
        answer = verdicts.Unsure("the machine did other work meanwhile, so the minutes are too many")
    text = f"{np.median(minutes):.0f} min on 2 CPU cores{verdicts.of_seeds(minutes, '.0f')}; reaches {min(psnr):.2f} dB"
    return verdicts.finding(records[0], text, answer, captions.count(len(records), "training"), records)


def of_layers(key, text, holds):
    """A check of a list with one number for each layer; it must hold in every seed."""

    def check(records, arrays):
        if any(key not in record for record in records):
            raise verdicts.NotRun(f"a measurement of {key}")
        values = np.array([record[key] for record in records])  # (seeds, layers)
        if not values.size:
            raise verdicts.NotRun("no layers")
        listed = ", ".join(f"{100 * value:.0f}" for value in values.mean(axis=0))
        return _finding(records, f"{text.format(listed)}, first to last layer", [holds(of_seed) for of_seed in values])

    return check


def negative_ring(records, arrays):
    """Before the ReLU there is a clearly negative ring around nearly every disk."""
    if any("negative_ring" not in record for record in records):
        raise verdicts.NotRun("a measurement of the ring")
    rings = [record["negative_ring"] for record in records]
    deep = f"deeper than {100 * rings[0]['deeper_than']:g} % of the contrast"
    shares = ", ".join(f"{100 * ring['share']:.0f}" for ring in rings)
    text = f"around {shares} % of the disks, {deep}"
    return _finding(records, text, [ring["share"] >= OPPOSITE for ring in rings])


def high_frequencies(records, arrays):
    """The last layer brings back more of the high frequencies than the others together."""
    if any("high_frequencies" not in record for record in records):
        raise verdicts.NotRun("a measurement of the spectra")
    gained = np.array([record["high_frequencies"]["gained"] for record in records])
    listed = ", ".join(f"{100 * share:.0f}" for share in gained.mean(axis=0))
    return _finding(
        records, f"{listed} % of the restored energy, first to last layer", [of[-1] > MAINLY for of in gained]
    )


def _finding(records, text, holds):
    n = f"{captions.count(len(records), 'seed')}, 128 disks"
    return verdicts.finding(records[0], text, verdicts.of_each_seed(holds), n, records)


_SIGNS = "opposite in {} % of the pixels at edges"
CLAIMS = tuple(
    Claim(text, reference, check, where, load=_trainings)
    for text, reference, check, where in (
        (
            "deconvolution of disks: training and test PSNR are at least the paper's",
            f"{PAPER_PSNR} dB",
            reaches,
            "Fig. 4–5",
        ),
        (
            "training on the disks takes no longer than in the paper",
            f"{MINUTES} min on a GPU",
            training_time,
            "Sec. 5.1",
        ),
        (
            "deconvolution of disks: training and test PSNR are close to the paper's",
            f"{PAPER_PSNR} ± 1 dB",
            has_its_size,
            "Fig. 4–5",
        ),
        (
            "the centre filter has the opposite sign to the sum of the other four",
            f"in ≥ {100 * OPPOSITE:g} % of the pixels",
            of_layers("opposite_signs", _SIGNS, lambda shares: (shares >= OPPOSITE).all()),
            "Sec. 5.1",
        ),
        (
            "the centre filter has the opposite sign to each of the other four",
            f"in ≥ {100 * OPPOSITE:g} % of the pixels",
            of_layers("opposite_to_each", _SIGNS, lambda shares: (shares >= OPPOSITE).all()),
            "Sec. 5.1",
        ),
        (
            "the regularising part is small",
            f"≤ {100 * SMALL:g} % of the centre filter",
            of_layers("regulariser", "{} % of the centre filter", lambda values: (values <= SMALL).all()),
            "Sec. 5.1",
        ),
        (
            "there is a negative ring around the disks before the ReLU",
            f"around ≥ {100 * OPPOSITE:g} % of the disks",
            negative_ring,
            "Sec. 5.1",
        ),
        ("the last layer restores most of the high frequencies", "> 50 %", high_frequencies, "Sec. 5.1"),
    )
)

if __name__ == "__main__":
    main(__file__)
