"""The figure of `diffusion_estimates`: estimates against the true λ and T, and the errors at each level of noise."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions

GOAL = 15  # %
BINS = 8  # of λ
NAMES = {"contrast": "λ", "time": "T in pixels²"}
TIMES = ("0.2", "0.3", "0.4–0.6", "0.7–1")  # those of `by_time`
LEVELS = ("0.1–0.3", "0.3–1", "1–2", "2–5")  # of σ in %, those of `by_noise`


@figures.styled
def draw(record, arrays):
    """Left and in the middle λ and T, estimated against true; right their errors against σ."""
    figure, ((*left, right),) = figures.plots(1, 3, caption(record), width=figures.WIDTH / 3, height=2.3)
    for number, (axis, label) in enumerate(zip(left, NAMES.values())):
        _against(axis, *(arrays[name][..., number].ravel() for name in ("true", "estimate")), number == 0)
        axis.set(xlabel=f"true {label}", ylabel=f"estimated {label}")
    for name, marker in zip(NAMES, "os"):
        errors = [np.nan if value is None else 100 * value for value in record["results"][name]["by_noise"]]
        right.plot(range(len(LEVELS)), errors, marker=marker, label=NAMES[name].split()[0])
    right.axhspan(0, GOAL, color=figures.BOXES[0], zorder=0)
    right.set(xlabel="σ in %", ylabel="median error in %", ylim=(0, None))
    right.set_xticks(range(len(LEVELS)), LEVELS, rotation=30)
    right.legend()
    return figure


def _against(axis, true, estimate, binned):
    """The median of the estimates, and half of them, for each true value; and the goal around the true value."""
    edges = np.geomspace(true.min(), true.max() * 1.0001, BINS + 1)
    groups = [(true >= low) & (true < high) for low, high in zip(edges, edges[1:])]
    groups = groups if binned else [true == value for value in np.unique(true)]
    groups = [group for group in groups if group.any()]
    places = [float(np.median(true[group])) for group in groups]
    low, middle, high = np.array([np.quantile(estimate[group], (0.25, 0.5, 0.75)) for group in groups]).T
    axis.fill_between(places, low, high, color=figures.BOXES[1])
    axis.plot(places, middle, color=figures.LINES[1], marker="o", markersize=3)
    ends = np.array([min(places), max(places)])
    axis.plot(ends, ends, color=figures.GRAY, **figures.THIN)
    for factor in (1 - GOAL / 100, 1 + GOAL / 100):
        axis.plot(ends, factor * ends, color=figures.GRAY, linestyle=":", **figures.THIN)


def caption(record):
    """The caption: what is shown, and the errors."""
    errors = [f"{name} {100 * record['results'][key]['median_error']:.0f} %" for key, name in _SHORT.items()]
    return (
        f"{record['title']}: λ and T estimated from the image alone. Lines: median; orange: half of the images; "
        f"dotted: ±{GOAL} %. Right, the error against σ; blue: the goal. Median errors: {captions.listed(errors)}."
    )


def alt(record):
    """The alt text: what is seen."""
    ends = {
        key: " to ".join(f"{100 * value:.0f}" for value in record["results"][key]["by_noise"] if value is not None)
        for key in NAMES
    }
    return (
        "Three plots. Left and middle, the estimated λ and T against the true ones: both rise with the true value and "
        "less steeply, so that small values are guessed too large and large ones too small. Right, the median error "
        f"against four levels of noise, from weak to strong: {ends['contrast']} % for λ and {ends['time']} % for T."
    )


_SHORT = {"contrast": "λ", "time": "T", "noise": "σ"}


def table(record):
    """Median errors, overall and at each level of noise, beside those of a guess that does not look at the image."""
    columns = ("", "median error", "within 15 %", "without looking", *(f"σ = {level} %" for level in LEVELS))
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for key, name in _SHORT.items():
        of = record["results"][key]
        by = ["–" if value is None else f"{100 * value:.1f} %" for value in of["by_noise"]]
        shares = [of["median_error"], of["within_15_percent"], of["median_error_of_the_middle"]]
        cells = [name, *(f"{100 * share:.1f} %" for share in shares), *by]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def times(record):
    """Median errors for short to long times."""
    columns = ("", *(f"T = {span}" for span in TIMES))
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for key, name in _SHORT.items():
        of = record["results"][key].get("by_time", [])
        cells = ["–" if value is None else f"{100 * value:.0f} %" for value in of]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def together(record):
    """What the errors of λ and T have to do with each other, in a sentence."""
    of = record["results"]["together"]
    products = [f"λ^{powers[0]:.2f} · T^{powers[1]:.2f}" for powers in of["powers"]]
    spreads = [f"{100 * spread:.0f} %" for spread in of["spreads"]]
    text = (
        f"The errors of log λ and log T have the correlation {of['correlation']:.2f}. The product {products[0]} is "
        f"found best, with a spread of {spreads[0]}, and {products[1]} worst, with {spreads[1]}."
    )
    return text.replace("-", "−")


def others(record):
    """The median errors for photographs of another kind, in a sentence."""
    errors = [f"{100 * record['others'][key]['median_error']:.0f} % for {name}" for key, name in _SHORT.items()]
    return f"There, the median errors are {captions.listed(errors)}."


def of_noise(record):
    """The errors of the two estimates of σ, in a sentence."""
    of = record["results"]["noise"]
    ours, theirs = (100 * of[name] for name in ("median_error", "median_error_of_estimate_noise"))
    return f"For σ, its median error is {ours:.1f} %, and that of `dn.estimate_noise` {theirs:.1f} %."
