"""The pictures and the tables of `inverse_any`, from its record (`given_record`). NumPy and Matplotlib only."""

import functools

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, given_record, ledger_tables
from experiments.lib.given_diffusion import NAMES, NOISES, Setting
from experiments.lib.given_record import OURS, PRESET, SPECIALIST

SHOWN = Setting(0.01, 0.15, 0.6)  # of the photograph: none of the 18 settings
SIDE = 2.0  # inches of a panel
PANELS = {"input": "diffused, noisy", "newton": "Newton, given λ, T, σ", OURS: "inverse-any", "original": "original"}
MARKERS = {  # row → label and style
    OURS: ("inverse-any", {"marker": "o", "color": figures.LINES[0], "zorder": 4}),
    SPECIALIST: (
        "trained for this setting alone",
        {"marker": "s", "color": figures.LINES[1], "markerfacecolor": "none"},
    ),
    PRESET: ("preset for this diffusion", {"marker": "*", "color": figures.LINES[2], "markersize": 9}),
    "classical": ("best classical inverse", {"marker": "_", "color": "black", "markersize": 11}),
    "input": ("diffused and noisy", {"marker": "x", "color": figures.GRAY}),
}


def mean(record, row, name):
    """Mean PSNR of a row at a setting, in dB; None where it was not measured."""
    if row == "classical":
        best = given_record.best_classical(record, name)
        return best[1]["mean"] if best else None
    found = record["methods"].get(row, {}).get("results", {}).get(name)
    return found["mean"] if found else None


def draw(record, arrays):
    """PSNR at all settings; and a photograph, if that part has been run."""
    found = {"figure": _draw(record)}
    return {**found, "figure-photograph": _draw_photograph(record, arrays)} if "photograph" in record else found


@figures.styled
def _draw(record):
    figure, axes = figures.plots(2, 1, _caption(record), width=figures.WIDTH, height=2.3)
    for axis, noise in zip(axes[:, 0], NOISES):
        names = [name for name, setting in NAMES.items() if setting.noise == noise]
        for row, (_, look) in MARKERS.items():
            points = [(k, value) for k, name in enumerate(names) if (value := mean(record, row, name)) is not None]
            if points:
                axis.plot(*zip(*points), linestyle="none", **{"markersize": 6, **look})
        labels = [f"λ {NAMES[name].contrast:g}\nT {NAMES[name].time:g}" for name in names]
        axis.set_xticks(range(len(names)), labels)
        axis.set(xlim=(-0.5, len(names) - 0.5), ylabel="PSNR in dB", title=f"{100 * noise:g} % noise")
        axis.grid(axis="y", alpha=0.3)
    entries = [(label, {"linestyle": "", "markersize": 6, **look}) for label, look in MARKERS.values()]
    figures.key(figure, entries, loc="outside upper center", ncols=3)
    return figure


@figures.styled
def _draw_photograph(record, arrays):
    figure, axes = figures.panels(2, 2, _caption_of_photograph(record), SIDE, SIDE + 0.15)
    for axis, (name, label) in zip(axes.flat, PANELS.items()):
        psnr = record["photograph"]["psnr"].get(name)
        said = label if psnr is None else f"{label}: {psnr:.1f} dB"
        figures.image(axis, arrays[f"photograph_{name}"] / 255, said)
    return figure


def caption(record):
    """The captions."""
    found = {"figure": _caption(record)}
    return {**found, "figure-photograph": _caption_of_photograph(record)} if "photograph" in record else found


def _caption(record):
    count = record.get("image_sets", {}).get("test", {}).get("count")
    images = f"; means over {captions.count(count, 'image')}" if count else ""
    return (
        f"{record['title']}: how well does one network, given λ, T and σ, undo 18 diffusions, beside networks for one "
        f"of them and the best classical inverse that is given as much{images}."
    )


def _caption_of_photograph(record):
    found = record["photograph"]
    return (
        f"{record['title']}: part of scikit-image's {found['name']}, diffused with {SHOWN.words}, a diffusion that no "
        "specialist was trained for. PSNR of this part."
    )


def alt(record):
    """The alt texts."""
    found = {"figure": _alt(record)}
    if "photograph" in record:
        found["figure-photograph"] = (
            "Four images of the same part of a photograph. Diffused and noisy: blurred with a fine grain. Restored by "
            "Newton's method: sharper, with more grain. Restored by inverse-any: sharp, without grain. The original."
        )
    return found


def _alt(record):
    gains = []
    for name in NAMES:
        ours, best = mean(record, OURS, name), mean(record, "classical", name)
        gains += [ours - best] if None not in (ours, best) else []
    lead = (
        f" inverse-any lies {min(gains):.1f} to {max(gains):.1f} dB above the best classical inverse." if gains else ""
    )
    return (
        "Two plots, for 0.1 % and 1 % noise: PSNR at nine settings of λ and T. At every setting, markers for the "
        f"diffused image, the best classical inverse and inverse-any; at some, for a specialist or a preset.{lead}"
    )


def photographed(model):
    """A photograph of scikit-image that was diffused and restored: (plain values, arrays of bytes)."""
    import skimage.data

    from diffnet_tf.base import backend
    from diffnet_tf.physics import inverses
    from experiments.lib import given_diffusion, measure

    clean = (skimage.data.camera()[60:220, 130:290] / 255).astype("float32")[None, ..., None]
    clean /= clean.max()
    y, _ = given_diffusion.pairs(clean, SHOWN)
    images = {"input": y, OURS: given_diffusion.restorer(model)(y, SHOWN), "original": clean}
    newton = functools.partial(inverses.newton_inverse, iterations=6, inner=10, **SHOWN.known)
    newton = backend.compiled(newton, fused=True)
    tried = [np.asarray(newton(y, alpha=np.float32(alpha))) for alpha in (0.2, 0.3, 0.4, 0.5, 0.7, 1.0)]
    # The best α for this very image: an advantage for the classical method.
    images["newton"] = max(tried, key=lambda u: float(given_diffusion.psnr(clean, u)[0]))
    psnr = {
        name: round(float(given_diffusion.psnr(clean, u)[0]), 2) for name, u in images.items() if name != "original"
    }
    assert max(psnr.values()) < measure.BEST
    arrays = {f"photograph_{name}": np.uint8(np.clip(np.rint(255 * u), 0, 255)) for name, u in images.items()}
    return {"name": "camera", "psnr": psnr}, {name: image[0, ..., 0] for name, image in arrays.items()}


# ---- Tables ----------------------------------------------------------------------------------------------------------


def table(record):
    """A Markdown table with a row for each setting: mean PSNR of the input, classical methods and networks."""
    rows = []
    for name, setting in NAMES.items():
        best = given_record.best_classical(record, name)
        classical = "–" if best is None else f"{best[1]['mean']:.2f} ({record['methods'][best[0]]['label']})"
        others = (_cell(mean(record, row, name)) for row in (OURS, SPECIALIST, PRESET))
        numbers = (f"{setting.contrast:g}", f"{setting.time:g}", f"{100 * setting.noise:g} %")
        rows.append((*numbers, _cell(mean(record, "input", name)), classical, *others))
    columns = ("λ", "T", "σ", "input, dB", "best classical", "`inverse-any`", "specialist", "preset")
    return ledger_tables.table(columns, rows)


def search_table(record):
    """A Markdown table of the candidates, the best first."""
    if not record["search"]:
        return "Not run."
    rows = [
        (
            f"`{run['candidate']}`",
            _arguments(run["network"]),
            f"{run['parameters']:,}",
            f"{run['steps']:,}",
            f"{run['validation_psnr']:.2f}",
        )
        for run in record["search"]
    ]
    return ledger_tables.table(
        ("candidate", "what it has", "parameters", "steps", "PSNR on validation images, dB"), rows
    )


def _arguments(network):
    """What distinguishes a candidate, in words."""
    said = ["sees y − PM(u)"] * network["residual"] + ["returns to y through PM"] * network["correction"]
    said += [f"starts from {captions.count(network['start'], 'fixed-point iteration')}"] * (network["start"] > 0)
    said += [f"{network['num_layers']} shared layers"] * network["shared"] + [f"width {network['width']}"]
    number = len(network["diffusivities"])
    return "; ".join(said + [f"{number} diffusivities"] * (number > 1))


def wrong_table(record):
    """A Markdown table: what is lost at each setting if λ or T is given wrongly by 10 %, in dB."""
    if "wrong" not in record:
        return "Not run."
    kinds = [(name, error) for name, of in record["wrong"].items() for error in of]
    symbols = {"contrast": "λ", "time": "T"}
    rows = []
    for name, setting in NAMES.items():
        if name not in record["methods"][OURS]["results"]:
            continue
        right = record["methods"][OURS]["results"][name]["seeds"][0]
        lost = (f"{record['wrong'][kind][error][name] - right:+.2f}" for kind, error in kinds)
        rows.append((f"{setting.contrast:g}", f"{setting.time:g}", f"{100 * setting.noise:g} %", f"{right:.2f}", *lost))
    heads = (f"{symbols[kind]} {100 * float(error):+.0f} %" for kind, error in kinds)
    return ledger_tables.table(("λ", "T", "σ", "given rightly, dB", *heads), rows)


def noiseless_table(record):
    """A Markdown table: mean PSNR without noise, of the network and of classical inverses."""
    if "noiseless" not in record:
        return "Not run."
    found = {tuple(map(float, name.split("-")[:2])): of for name, of in record["noiseless"].items()}
    methods = {
        OURS: "`inverse-any`",
        "stepwise": "`dn.inverses.stepwise_inverse`",
        "newton": "`dn.inverses.newton_inverse`",
    }
    rows = [
        (f"{contrast:g}", f"{time:g}", *(f"{of[method]:.2f}" for method in methods))
        for (contrast, time), of in found.items()
    ]
    return ledger_tables.table(("λ", "T", *(f"{label}, dB" for label in methods.values())), rows)


def _cell(value):
    return "–" if value is None else f"{value:.2f}"
