"""The figure of `conservative`: denoising against layers, 1,000 iterations, error against noise, worst-case gains."""

import numpy as np

from diffnet_tf import figures

TASKS = {"conservative": "with laws", "free": "free"}
INVERSES = {"undone": "undone network", "inverse": "inverse", "inverse-0.1pct": "0.1 %", "inverse-1pct": "1 %"}
GAINS = {"exact": "exact", "undone": "undone", **{k: INVERSES[k] for k in list(INVERSES)[1:]}}


@figures.styled
def draw(record, arrays):
    """Four panels."""
    figure, axes = figures.plots(2, 2, caption(record), width=figures.WIDTH / 2, height=2.3)
    drawn = {"Denoising, σ = 25/255": _denoise, "Applied again and again": _iterations}
    drawn |= {"Undoing diffusion with noise": _noise, "Worst-case gain": _gain}
    for axis, (title, panel) in zip(axes.flat, drawn.items()):
        axis.set_title(title)
        if not panel(axis, record):
            figures.not_run(axis)
    return figure


def _mean(runs):
    return float(np.mean([run["results"]["psnr"]["mean"] for run in runs]))


def _denoisers(record, conservative):
    found = {}
    for run in record["runs"]:
        if run["part"] == "denoise" and run["conservative"] == conservative:
            found.setdefault(run["layers"], []).append(run)
    return {number: _mean(found[number]) for number in sorted(found)}


def _denoise(axis, record):
    ours, free = _denoisers(record, True), _denoisers(record, False)
    for values, colour, marker, name in ((ours, 0, "o", "conservative"), (free, 1, "s", "free")):
        axis.plot(list(values), list(values.values()), marker=marker, color=figures.LINES[colour], label=TASKS[name])
    for level in free.values():
        axis.axhline(level, color=figures.LINES[1], **figures.THIN)
    numbers = sorted({*ours, *free})
    axis.set(xlabel="layers", ylabel="mean PSNR in dB", xticks=numbers)
    figures.span(axis, 2.0)
    axis.legend()
    return bool(numbers)


def _iterations(axis, record):
    found = record.get("iterations")
    if not found:
        return False
    for name, colour, marker in (("conservative", 0, "o"), ("free", 1, "s")):
        values = [abs(value) if value else np.nan for value in found[name]["largest"]]
        axis.plot(found["iterations"], values, marker=marker, color=figures.LINES[colour], label=TASKS[name])
    axis.set(xscale="log", xlabel="iterations", ylabel="largest value")
    if max(np.nan_to_num(np.array(found["free"]["largest"], float), nan=np.inf)) > 10:
        axis.set(yscale="log")
    axis.legend()
    return True


def _noise(axis, record):
    found = record.get("inverse")
    if not found:
        return False
    places = np.arange(len(found["levels"]))
    for (name, label), colour, marker in zip(INVERSES.items(), figures.LINES, "os^v"):
        axis.plot(places, found[name], marker=marker, color=colour, label=label, markersize=4)
    axis.set_xticks(places, [f"{100 * level:g}" for level in found["levels"]])
    axis.set(xlabel="σ of the noise in %", ylabel="mean PSNR in dB")
    axis.legend()
    return True


def _gain(axis, record):
    found = record.get("gain")
    if not found:
        return False
    names = [name for name in GAINS if name in found["gains"]]
    for place, name in enumerate(names):
        values = found["gains"][name]
        axis.plot([place] * len(values), values, ".", color=figures.LINES[0], markersize=4)
        axis.plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color="black", linewidth=1)
    axis.set(yscale="log", ylabel="largest singular value", ylim=(1, None))
    axis.set_xticks(range(len(names)), [GAINS[name] for name in names])
    return True


def caption(record):
    """The caption: what is shown, and how to read it."""
    return (
        f"{record['title']}: what laws cost and give. Top: DiffNets with laws beside free ones (right: the preset "
        "forward). Bottom: a network of small steps, undone, beside presets trained without noise, with 0.1 and 1 %, "
        "and the exact inverse. Points: 24×24 crops."
    )


def alt(record):
    """The alt text: the values of the panels."""
    texts = []
    for name, conservative in (("with laws", True), ("free", False)):
        values = _denoisers(record, conservative)
        texts += [f"{name}, {number} layers {value:.2f} dB" for number, value in values.items()]
    found = [f"Four panels; those that were not run say so. Denoising: {', '.join(texts) or 'not run'}."]
    if "iterations" in record:
        ends = {name: record["iterations"][name]["largest"][-1] for name in TASKS}
        words = [f"{TASKS[name]} {'not finite' if end is None else f'{end:.3g}'}" for name, end in ends.items()]
        found.append(f"Largest value after 1,000 iterations: {', '.join(words)}.")
    if "inverse" in record:
        ends = [f"{label} {record['inverse'][name][0]:.1f} dB" for name, label in INVERSES.items()]
        found.append(f"With the most noise: {', '.join(ends)}.")
    if "gain" in record:
        medians = [f"{name} {np.median(values):.3g}" for name, values in record["gain"]["gains"].items()]
        found.append(f"Median gain: {', '.join(medians)}.")
    return " ".join(found)
