"""The picture and the tables of `denoise_colour`, from its record (`colour_record`): NumPy and Matplotlib only."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions, denoise_card, ledger_tables
from experiments.lib.camera import METHODS, SIGMAS
from experiments.lib.colour import PHOTOGRAPHS, SET, SHOWN
from experiments.lib.colour_record import OURS

LEVEL = str(denoise_card.SHOWN)  # σ of the picture
SIDE = 2.45  # inches of a panel


def mean(record, method, level=LEVEL):
    """Mean PSNR of a row of the record over the photographs, in dB."""
    return record["methods"][method]["results"][SET][level]["mean"]


def shown(record):
    """The rows in the picture: what is not denoised, the best classical method and the network, where measured."""
    classical = [name for name, row in record["methods"].items() if row["kind"] == "classical"]
    best = [max(classical, key=lambda name: mean(record, name))] if classical else []
    return [name for name in ("input", *best, OURS) if name in record["methods"]]


@figures.styled
def draw(record, arrays):
    """A part of a photograph: without noise, with noise, and after the best classical method and the network."""
    names = (["clean"] if "part_clean" in arrays else []) + shown(record)
    figure, axes = figures.panels(2, 2, caption(record), SIDE, SIDE + 0.15)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes.flat, names):
        label = "original" if name == "clean" else f"{_label(record, name)}, {_of_shown(record, arrays, name):.1f} dB"
        figures.image(axis, arrays[f"part_{name}"] / 255, label)
    return figure


def _label(record, name):
    return {"input": f"with noise, σ = {LEVEL}"}.get(name, record["methods"][name]["label"])


def _of_shown(record, arrays, name):
    """PSNR of the whole photograph that is shown."""
    place = list(PHOTOGRAPHS).index(SHOWN)
    return float(arrays[f"psnr_{SET}_{name}"][0, record["levels"].index(int(LEVEL)), place])


def caption(record):
    """The caption: what is shown, and the means over all photographs."""
    means = [f"{record['methods'][name]['label']} {mean(record, name):.2f}" for name in shown(record)]
    count = captions.count(record["sets"][SET]["count"], "photograph")
    return (
        f"{record['title']}: part of scikit-image's {SHOWN} with noise of σ = {LEVEL} of 255; PSNR of the "
        f"whole photograph. Means over {count}: {captions.listed(means)} dB. None was trained on."
    )


def alt(record):
    """The alt text: what is seen."""
    seen = {
        "input": "with specks of all colours, which hide the hairs",
        OURS: "after DiffNet, without specks, the eye clear, the fur smoother, with faint streaks of colour",
        "bm3d": "after BM3D, without specks, the eye clear, the fur smoother than in the original",
    }
    named = [seen.get(name, f"after {_label(record, name)}") for name in shown(record)]
    return f"An eye of {PHOTOGRAPHS[SHOWN]} and the fur around it: the original; {'; '.join(named)}."


# ---- Tables ----------------------------------------------------------------------------------------------------------


def table(record):
    """A Markdown table with a row for each method, the best first: PSNR, parameters and time."""
    levels, times = list(map(str, record["levels"])), record.get("milliseconds_per_image", {})
    rows = []
    for method, row in record["methods"].items():
        of = [mean(record, method, level) for level in levels]
        time = times.get(method, {}).get("median")
        number = f"{row['parameters']:,}" if row["kind"] == "network" else f"{row['parameters'] or ''}"
        psnr = " / ".join(f"{value:.2f}" for value in of)
        rows.append((mean(record, method), row["label"], psnr, number, "" if time is None else f"{time:,.0f}"))
    sizes = {"×".join(map(str, time["size"][:2])) for time in times.values()}
    columns = ("method", f"PSNR at σ = {' / '.join(levels)}, dB", "parameters", f"ms for {' or '.join(sizes)} pixels")
    return ledger_tables.table(columns, [row[1:] for row in sorted(rows, reverse=True)])


def camera_table(record):
    """A Markdown table with a row for each camera: σ of the noise, and PSNR with σ given in different ways."""
    cells = []
    for camera in record.get("cameras", ()):
        sigma = [_cell(camera["sigma"][key], ".1f") for key in SIGMAS]
        psnr = [_cell(camera["results"][method]["psnr"], ".2f") for method in METHODS]
        cells.append((camera["name"], " / ".join(sigma), *psnr))
    columns = (
        "camera",
        "σ of 255: true, rms / estimated / from every third pixel / best",
        *(f"{words}, dB" for words in METHODS.values()),
    )
    return ledger_tables.table(columns, cells) if cells else "Not run."


def left_table(record):
    """A Markdown table with a row for each camera: what errors are left, where σ is given in some ways."""
    kinds = {"shadows": "in shadows", "elsewhere": "elsewhere", "blotches": "blotches of colour"}
    methods = {method: METHODS[method] for method in ("input", "auto", "best")}
    cells = []
    for camera in record.get("cameras", ()):
        errors = [[_cell(camera["results"][method][kind], ".1f") for method in methods] for kind in kinds]
        cells.append((camera["name"], *map(" / ".join, errors)))
    order = " / ".join(methods.values())
    columns = ("rms error in units of 1/255: " + order, *kinds.values())
    return ledger_tables.table(columns, cells) if cells else "Not run."


def _cell(values, spec):
    """The mean of the known values as text."""
    known = [value for value in values if value is not None]
    return format(np.mean(known), spec) if known else "–"
