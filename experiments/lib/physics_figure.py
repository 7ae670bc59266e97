"""The figure of `physics`: a panel each for colour, edge-enhancing diffusion, longer times and unknown λ."""

import numpy as np

from diffnet_tf import figures

COLOURS = {"gray": "channel\nby channel", "shared": "shared\nfilters", "mixing": "mixing\nfilters"}
TIME = ("5 layers", "10 layers", "fixed point", "stepwise")
BARS = {"colour": "colour", "edge": "edge-enhancing"}  # parts → words
CONTRAST = ("blind", "specialist", "preset", "fixed point")


@figures.styled
def draw(record, arrays):
    """Bars for colour and tensor diffusion, lines for times and contrast parameters."""
    figure, axes = figures.plots(4, 1, caption(record), width=4.6, height=1.85)
    parts = {"colour": _colour, "edge": _edge, "time": _time, "contrast": _contrast}
    titles = ("Colour images, inverse", "Edge-enhancing diffusion", "Longer times, inverse", "Unknown λ, inverse")
    for axis, (part, drawn), title in zip(axes.flat, parts.items(), titles):
        axis.set_title(title)
        runs = [run for run in record["runs"] if run["part"] == part]
        if runs:
            drawn(axis, runs)
            axis.set_ylabel("mean PSNR in dB")
        else:
            figures.not_run(axis)
    return figure


def _by(runs, key):
    """The runs by one of their fields: value → runs, in the order of the plan."""
    found = {}
    for run in runs:
        found.setdefault(run[key], []).append(run)
    return found


def _psnr(runs, level=0, degraded=False):
    """Mean and standard deviation over the test images, averaged over the runs; at one λ, for outputs or inputs."""
    results = [run["results"][level]["degraded"] if degraded else run["results"][level] for run in runs]
    return [np.mean([result["psnr"][kind] for result in results]) for kind in ("mean", "std")]


def _colour(axis, runs):
    found = _by(runs, "variant")
    shown = [variant for variant in COLOURS if variant in found]
    values = [_psnr(found[runs[0]["variant"]], degraded=True), *(_psnr(found[variant]) for variant in shown)]
    labels = ["input", *(COLOURS[variant] for variant in shown)]
    figures.bars(axis, labels, {"": ([figures.GRAY, *figures.LINES[: len(shown)]], values)}, 0.9)


def _edge(axis, runs):
    problems = _by(runs, "problem")
    series = {"input": (figures.GRAY, [_psnr(of, degraded=True) for of in problems.values()])}
    for n, colour in zip((5, 9), figures.LINES):
        found = [[run for run in of if run["points"] == n] for of in problems.values()]
        series[f"{n} points"] = colour, [_psnr(of) if of else [np.nan] * 2 for of in found]
    figures.bars(axis, list(problems), series)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _time(axis, runs):
    times = _by(sorted(runs, key=lambda run: run["time"]), "time")
    psnr = [_psnr(of, degraded=True)[0] for of in times.values()]
    axis.plot(list(times), psnr, ".-", color=figures.GRAY, label="input")
    for variant, colour, marker in zip(TIME, figures.LINES, "os^v"):
        found = {time: chosen for time, of in times.items() if (chosen := _by(of, "variant").get(variant))}
        line, psnr = "-" if "layers" in variant else "--", [_psnr(of)[0] for of in found.values()]
        axis.plot(list(found), psnr, marker + line, color=colour, label=variant, markersize=4)
    axis.set(xlabel="T in pixels²", xscale="log")
    axis.set_xticks(list(times), [f"{time:g}" for time in times])
    axis.minorticks_off()
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _contrast(axis, runs):
    levels = [result["contrast"] for result in runs[0]["results"]]
    numbers, found = range(len(levels)), _by(runs, "variant")
    psnr = [_psnr(runs[:1], n, degraded=True)[0] for n in numbers]
    axis.plot(levels, psnr, ".-", color=figures.GRAY, label="input")
    labels = {"blind": "one network\nfor all λ", "specialist": "trained on 0.2", "fixed point": "fixed point,\ngiven λ"}
    for variant, colour, marker in zip(CONTRAST, figures.LINES, "os^v"):
        if variant in found:
            line, label = "--" if variant == "fixed point" else "-", labels.get(variant, variant)
            psnr = [_psnr(found[variant], n)[0] for n in numbers]
            axis.plot(levels, psnr, marker + line, color=colour, label=label, markersize=4)
    axis.set(xlabel="λ of the test images")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def caption(record):
    """The caption: what is shown, and how to read it."""
    return (
        f"{record['title']}: does DiffNet learn other diffusions? Mean PSNR of "
        f"{record['runs'][0]['results'][0]['psnr']['n']} test images, no noise (thin bars: standard deviation). "
        "Dashed: classical inverses that are given the diffusion and λ."
    )


def alt(record):
    """The alt text: the best network of each panel."""
    found = []
    for run in record["runs"]:
        if run["part"] in BARS:
            found.append(f"{BARS[run['part']]} {run['variant']} {run['results'][0]['psnr']['mean']:.1f} dB")
    return (
        f"Four panels above each other. Bars: {', '.join(found) or 'not run'}. Lines: PSNR falls with the "
        "time of the diffusion, and undoing it step by step falls fastest; against λ, networks for one λ have a peak "
        "at 0.2, and the network for all λ is flatter and lower there."
    )
