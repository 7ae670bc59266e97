"""Figure 5: what three layers of DiffNet do to a blurred disk: images, spectra and filters after every layer.

Paper: training and test PSNR 86.24 dB, 1,024 training images, about 1,000 epochs, 24 minutes on a Titan Xp; the centre
filter has the opposite sign of the others.

    python -m experiments.fig05_deconvolution_layers --budget quick  # about 2 min on 2 cores
    python -m experiments.fig05_deconvolution_layers --budget cpu
"""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, deconvolution, measure, networks, study, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.run import main

NAME = "fig05"
TITLE = "Figure 5"
PAPER_PSNR = 86.24
BUDGETS = {  # (recipe, steps); 1,000 epochs of 1,024 images in batches of 16 are 64,000 steps
    "smoke": ("fast", 2),
    "quick": ("fast", 2_400),
    "cpu": ("fast", 36_000),
    "paper": ("paper", 64_000),
}
CROP, BATCH = 32, 8  # of the recipe "fast"
RANGE = (-4, 3)  # decades of |FFT| shown
FILTERS = ("centre", "up", "down", "left", "right")  # stencil.ORDER, which a drawing without Keras cannot import


def compute(options):
    """Train on disks, measure on others, and keep what every layer does to one of these."""
    import keras

    from diffnet_tf import data, models

    name, steps = BUDGETS[options.budget]
    changes = {"crop": CROP, "batch_size": BATCH} if name == "fast" else {}
    trained = study.train(
        options,
        lambda recipe: models.DiffNet(num_layers=3, initial_scale=recipe.initial_scale),
        networks.recipe_for("DiffNet", name, measure.Task(), **changes),
        deconvolution.disks("train"),
        steps=steps,
        seed=options.seed,
        degrade=deconvolution.blur,
        validation=deconvolution.disks("validation"),
        csv_log=options.directory / "log.csv",
    )
    if trained is None:
        return None
    model = trained.model
    sets = {
        split: data.paired_arrays(deconvolution.disks(split), degrade=deconvolution.blur) for split in ("train", "test")
    }
    blurred, disk = (array[deconvolution.SHOWN :][:1] for array in sets["test"])
    states, filters = model.states(blurred), model.filters(blurred)
    record = {
        "problem": "deconvolution",
        "noise": 0.0,
        "diffusion": deconvolution.DIFFUSION,
        **deconvolution.about_the_data(),
        "backend": keras.backend.backend(),
        "model": {"class": "DiffNet", **model.get_config()},
        "paper_psnr": PAPER_PSNR,
        **trained.record(history=True),
        "results": {
            "degraded": measure.measured(None, *sets["test"])[2],
            **{split: measure.measured(model, *pair)[2] for split, pair in sets.items()},
        },
        "opposite_signs": _opposite_signs(model, *sets["test"]),
    }
    arrays = {
        "disk": disk[0, ..., 0],
        "blurred": blurred[0, ..., 0],
        "output": np.asarray(model(blurred))[0, ..., 0],
        "states": np.stack([np.asarray(u)[0, ..., 0] for u in states]),
        "filters": np.stack([dt * np.asarray(f)[0] for dt, f in zip(model.time_steps, filters)]),
    }
    return study.Result(record, arrays, model)


def _opposite_signs(model, inputs, targets):
    """For each layer: of the pixels near an edge of a disk, the share whose centre filter and whose sum of the other
    four have opposite signs."""
    near = np.abs(inputs - targets)[..., 0] > 1e-3
    shares = []
    for filters in model.filters(inputs):
        filters = np.asarray(filters)[near]
        shares.append(float(np.mean(filters[:, 0] * filters[:, 1:].sum(axis=1) < 0)))
    return shares


@figures.styled
def draw(record, arrays):
    """A row a layer: the image, its spectrum, and the five filters that made it."""
    rows = len(arrays["states"]) + 2
    figure, axes = figures.panels(rows, 2 + len(FILTERS), caption(record), width=1.2, height=1.3)
    high = float(arrays["disk"].max())
    images = [arrays["blurred"], *arrays["states"], arrays["output"]]
    labels = ["diffused", *(f"after layer {i + 1}" for i in range(rows - 2)), "after the ReLU"]
    for row, (pixels, label) in enumerate(zip(images, labels)):
        shown = figures.image(axes[row, 0], pixels, low=-0.2 * high, high=high)
        axes[row, 0].set_ylabel(label)
        spectrum = deconvolution.spectrum(axes[row, 1], pixels, *RANGE)
        for column in range(len(FILTERS)):
            axis = axes[row, 2 + column]
            if not 0 < row < rows - 1:
                axis.axis("off")
                continue
            filters = arrays["filters"][row - 1]
            scale = float(np.abs(filters).max())
            artist = figures.image(axis, filters[..., column], None, -scale, scale, figures.RESIDUALS)
            if row == 1:
                axis.set_title(f"δt ζ {FILTERS[column]}")
        if 0 < row < rows - 1:
            figure.colorbar(artist, ax=axes[row, 2:], shrink=0.9)
    axes[0, 0].set_title("image")
    axes[0, 1].set_title("log₁₀ |FFT|")
    figure.colorbar(shown, ax=axes[:, 0], location="left", shrink=0.3, label="gray value")
    figure.colorbar(spectrum, ax=axes[:, 1], location="left", shrink=0.3)
    return figure


def caption(record):
    """What is shown, its numbers, and where they come from."""
    train, test = (record["results"][split]["psnr"] for split in ("train", "test"))
    signs = ", ".join(f"{100 * share:.0f}" for share in record["opposite_signs"])
    return (
        f"{record['title']}: three layers of DiffNet undo isotropic diffusion of a disk up to T = "
        f"{record['diffusion']['time']:g} pixel². Mean PSNR of {test['n']} test disks {test['mean']:.2f} dB, of the "
        f"training disks {train['mean']:.2f} dB (diffused: {record['results']['degraded']['psnr']['mean']:.2f} dB). "
        f"The paper, on other disks: {record['paper_psnr']} dB. Near edges, the centre filter has the opposite sign of "
        f"the sum of the others in {signs} % of the pixels of layers 1, 2, 3. {captions.training(record)}"
    )


# ---- Claims ----------------------------------------------------------------------------------------------------------


def psnr(record, arrays):
    """Train and test PSNR, on other disks than the paper's."""
    train, test = (record["results"][split]["authors_psnr"] for split in ("train", "test"))
    enough = min(train["mean"], test["mean"]) >= record["paper_psnr"]
    ours = f"train {train['mean']:.2f}, test {test['mean']:.2f} ± {test['std']:.2f} dB, on our own disks"
    verdict = verdicts.PARTIAL if enough else verdicts.NOT_REPRODUCED
    return verdicts.Finding(ours, verdict, test["n"], **verdicts.provenance(record))


def opposite_signs(record, arrays):
    """The share of pixels where the centre filter has the opposite sign of the others."""
    shares = record["opposite_signs"]
    verdict = verdicts.grade([share >= 0.9 for share in shares], half=False)
    ours = f"in {', '.join(f'{100 * share:.0f}' for share in shares)} % of the pixels at edges, layer by layer"
    return verdicts.Finding(ours, verdict, len(shares), **verdicts.provenance(record))


CLAIMS = (
    Claim("deconvolution of disks, train and test PSNR", f"{PAPER_PSNR} dB", psnr, "Fig. 4–5"),
    Claim("centre filter of opposite sign", "yes", opposite_signs, "Sec. 5.1"),
)

if __name__ == "__main__":
    main(__file__)
