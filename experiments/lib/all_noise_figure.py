"""The figure of `all_noise`: PSNR of one network against many. NumPy and Matplotlib only."""

import numpy as np

from diffnet_tf import figures

GOAL = 0.3  # dB below a specialist
LINEAR = 1.0  # dB: up to it the axis of differences is linear, beyond it logarithmic
REFERENCES = {  # what a network is compared with → (label, style of its line, filling of its markers)
    "specialist": ("minus a specialist", "o-", {}),
    "preset": ("minus a preset", "*", {"markerfacecolor": "white", "zorder": 3}),
}
LABELS = {
    "blind": "blind",
    "conditioned": "conditioned on σ",
    "specialist": "specialists",
    "preset": "presets for one level",
}


def line(record, arrays, network):
    """(levels, PSNR of every image (levels, n)) of the networks of one kind."""
    runs = [run for run in record["runs"] if run["network"] == network]
    levels = [level for run in runs for level in run["levels"]]
    return levels, np.concatenate([arrays[f"psnr_{run['name']}"] for run in runs]) if runs else np.zeros((0, 1))


@figures.styled
def draw(record, arrays):
    """PSNR against σ; the difference from the specialists with the goal; PSNR with a wrong σ."""
    figure, axes = figures.plots(3, 1, caption(record), width=4.8, height=2.1)
    top, below, wrong = axes[:, 0]
    colours = dict(zip(LABELS, figures.LINES))
    lines = {network: line(record, arrays, network) for network in LABELS}
    styles = {"blind": "o-", "conditioned": "o-", "specialist": "s--", "preset": "*"}
    sizes = dict.fromkeys(LABELS, 3.5) | {"preset": 8}
    entries = []
    for network, (levels, psnr) in lines.items():
        if levels:
            look = {"color": colours[network], "markersize": sizes[network]}
            top.plot(np.sqrt(levels), psnr.mean(1), styles[network], **look)
            entries.append((LABELS[network], {**look, "marker": styles[network][0], "linestyle": ""}))
    look = {"color": "black", "marker": "P", "linestyle": "", "markersize": 6}
    for unet in record["unets"]:
        top.plot(np.sqrt(unet["noise"]), arrays[f"psnr_unet-{unet['noise']:g}"].mean(), **look)
    entries += [("U-Net", look)] if record["unets"] else []
    figures.key(figure, entries, loc="outside upper center", ncols=3)
    below.axhspan(-GOAL, GOAL, color="0.9", zorder=0)
    below.axhline(0, color="black", linewidth=0.6)
    for network in ("blind", "conditioned"):
        for reference, (_, style, filling) in REFERENCES.items():
            levels, difference = differences(lines[network], lines[reference])
            look = {"color": colours[network], "markersize": sizes[reference], **filling}
            below.plot(np.sqrt(levels), difference, style, **look)
    styled = [
        (label, {"color": "black", "linestyle": "", "marker": style[0], "markersize": sizes[name], **filling})
        for name, (label, style, filling) in REFERENCES.items()
    ]
    figures.key(below, styled, loc="lower right")
    below.set_yscale("symlog", linthresh=LINEAR)
    below.yaxis.set_major_formatter("{x:g}")
    top.set(ylabel="mean test PSNR in dB", title="What does each network reach?")
    below.set(ylabel=f"difference in dB\n(log beyond ±{LINEAR:g})", title="How far is it from a network for one level?")
    for axis in (top, below):
        ticks = (0.0, 0.001, 0.01, 0.02, 0.05, 0.1)
        axis.set_xticks(np.sqrt(ticks), [f"{100 * tick:g}" for tick in ticks])
    below.set_xlabel("noise in % of the range (scale: √σ)")
    _draw_wrong(wrong, record, lines, colours)
    return figure


def _draw_wrong(axis, record, lines, colours):
    assumed = next((run["assumed"] for run in record["runs"] if "assumed" in run), None)
    if assumed is None:
        return figures.not_run(axis)
    title = f"And if it is given a wrong σ? At {100 * assumed['noise']:g} % noise"
    axis.set(title=title, xlabel="σ that it is given / true σ", ylabel="mean test PSNR in dB")
    axis.plot(assumed["factors"], assumed["psnr"], "o-", color=colours["conditioned"], markersize=3.5)
    axis.ticklabel_format(axis="y", useOffset=False)
    axis.set_xscale("log", base=2)
    axis.set_xticks(assumed["factors"], [f"{factor:g}" for factor in assumed["factors"]])
    levels, psnr = lines["blind"]
    if assumed["noise"] in levels:
        value = psnr[levels.index(assumed["noise"])].mean()
        axis.axhline(value, color=colours["blind"], linewidth=0.8, linestyle="--")


def differences(one, other):
    """Mean difference of PSNR on identical images at the levels that both have: (levels, dB)."""
    common = [level for level in one[0] if level in other[0]]
    return common, [float((one[1][one[0].index(v)] - other[1][other[0].index(v)]).mean()) for v in common]


def caption(record):
    """The caption: what is shown, and how to read it."""
    runs = [run for run in record["runs"] if run["network"] != "preset"]
    return (
        f"{record['title']}: can one network undo the diffusion at every level of noise, as well as specialists that "
        f"are trained for one level each? Mean PSNR of {runs[0]['results'][0]['psnr']['n']} test images. Gray: the "
        f"goal, ±{GOAL} dB. Dashed: the blind network."
    )


def alt(record, arrays=None):
    """The alt text: what is seen."""
    levels = [level for run in record["runs"] for level in run["levels"]]
    return (
        f"Three plots above each other. First, PSNR falls as the noise grows from {100 * min(levels):g} to "
        f"{100 * max(levels):g} %, much alike for all networks. Second, the gap to networks for one level, of the "
        "network that is given σ and of the blind one; a gray band is the goal, and hollow stars are the gaps to "
        "presets. Third, a curve with its peak where the given σ is the true one, and a dashed line for the blind "
        "network."
    )
