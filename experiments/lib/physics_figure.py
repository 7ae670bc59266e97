"""The figure of `physics`: a panel each for colour, edge-enhancing diffusion, longer times and unknown λ."""

from diffnet_tf import figures

COLOURS = {"gray": "gray, channel by channel", "shared": "shared filters", "mixing": "mixing filters"}
TIME = ("5 layers", "10 layers", "fixed point", "stepwise")
CONTRAST = ("blind", "specialist", "preset", "fixed point")
INPUT = "#999999"


@figures.styled
def draw(record, arrays):
    """Bars for colour and tensor diffusion, lines for times and contrast parameters."""
    figure, axes = figures.plots(2, 2, caption(record))
    parts = {"colour": _colour, "edge": _edge, "time": _time, "contrast": _contrast}
    titles = ("colour, inverse", "edge-enhancing diffusion", "longer times, inverse", "unknown λ, inverse")
    for axis, (part, drawn), title in zip(axes.flat, parts.items(), titles):
        axis.set_title(title)
        runs = {run["name"]: run for run in record["runs"] if run["part"] == part}
        if runs:
            drawn(axis, runs, record)
            axis.set_ylabel("mean test PSNR in dB")
        else:
            axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center")
            axis.set(xticks=[], yticks=[])
    return figure


def _psnr(result):
    return result["psnr"]["mean"], result["psnr"]["std"]


def _bars(axis, place, result, colour, width=0.8, label=None):
    mean, spread = _psnr(result)
    bars = axis.bar(place, mean, width, yerr=spread, color=colour, label=label, error_kw={"linewidth": 0.6})
    axis.bar_label(bars, [f"{mean:.1f}"], padding=1, fontsize=6)


def _colour(axis, runs, record):
    found = {run["variant"]: run["results"][0] for run in runs.values()}
    _bars(axis, 0, next(iter(found.values()))["degraded"], INPUT)
    shown = [variant for variant in COLOURS if variant in found]
    for place, (variant, colour) in enumerate(zip(shown, figures.LINES), 1):
        _bars(axis, place, found[variant], colour)
    labels = ["input", *(COLOURS[variant].replace(", ", ",\n") for variant in shown)]
    axis.set(xticks=range(len(labels)), xticklabels=labels)
    axis.margins(y=0.12)


def _edge(axis, runs, record):
    problems = [p for p in ("forward", "inverse") if any(run["problem"] == p for run in runs.values())]
    labelled = set()
    for place, problem in enumerate(problems):
        found = {run["points"]: run["results"][0] for run in runs.values() if run["problem"] == problem}
        bars = [("input", next(iter(found.values()))["degraded"], INPUT)]
        bars += [(f"{n} points", found[n], c) for n, c in zip((5, 9), figures.LINES) if n in found]
        for k, (label, result, colour) in enumerate(bars):
            _bars(axis, place + 0.27 * (k - 1), result, colour, 0.24, None if label in labelled else label)
            labelled.add(label)
    axis.set(xticks=range(len(problems)), xticklabels=problems)
    axis.margins(y=0.25)  # room for the legend
    axis.legend(loc="upper right", ncols=3)


def _time(axis, runs, record):
    by_time = {run["time"]: run["results"][0]["degraded"] for run in runs.values()}
    times = sorted(by_time)
    axis.plot(times, [_psnr(by_time[t])[0] for t in times], ".-", color=INPUT, label="input")
    for variant, colour, marker in zip(TIME, figures.LINES, "os^v"):
        found = {run["time"]: run["results"][0] for run in runs.values() if run["variant"] == variant}
        times = sorted(found)
        line = "-" if "layers" in variant else "--"
        axis.plot(times, [_psnr(found[t])[0] for t in times], marker + line, color=colour, label=variant, markersize=4)
    axis.set(xlabel="T in pixels²", xscale="log")
    axis.set_xticks(sorted(by_time), [f"{time:g}" for time in sorted(by_time)])
    axis.minorticks_off()
    axis.legend(loc="best")


def _contrast(axis, runs, record):
    found = {run["variant"]: run["results"] for run in runs.values()}
    results = next(iter(found.values()))
    levels = [result["contrast"] for result in results]
    axis.plot(levels, [_psnr(result["degraded"])[0] for result in results], ".-", color=INPUT, label="input")
    labels = {"blind": "one network for all", "specialist": "trained on 0.2", "fixed point": "fixed point, told λ"}
    for variant, colour, marker in zip(CONTRAST, figures.LINES, "os^v"):
        if variant in found:
            line, label = "--" if variant == "fixed point" else "-", labels.get(variant, variant)
            psnr = [_psnr(result)[0] for result in found[variant]]
            axis.plot(levels, psnr, marker + line, color=colour, label=label, markersize=4)
    axis.set(xlabel="λ of the test images")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.6 * (high - low))  # room for the legend
    axis.legend(loc="upper center", ncols=2, columnspacing=1, fontsize=6)


def caption(record):
    """What is shown, and where it comes from."""
    runs = record["runs"]
    trained = [run for run in runs if run["method"] == "DiffNet"]
    steps = sorted({run["steps"] for run in trained})
    words = f"{len(trained)} trainings of {' or '.join(f'{n:,}' for n in steps)} steps" if trained else "no training"
    images = f" on {max(run['training_images'] for run in trained):,} images" if trained else ""
    seeds = sorted({run["seed"] for run in trained})
    edges = record["edges"]
    missing = sorted({"colour", "edge", "time", "contrast"} - {run["part"] for run in runs})
    not_run = f" Not run: {', '.join(missing)}." if missing else ""
    return (
        f"{record['title']}: mean PSNR of {runs[0]['results'][0]['psnr']['n']} test images, no noise; bars with the "
        f"standard deviation over images. {words}{images}, seed {', '.join(map(str, seeds))}. Colour: vector-valued "
        f"Perona–Malik. Edge-enhancing: {edges['steps']} steps, λ = {edges['contrast']:g}, σ = {edges['sigma']:g}. "
        f"Longer times: explicit steps of {record['dt']:g}; the fixed point (200 iterations) and the same step by step "
        f"(40 each) are told all of it. Unknown λ: drawn from [0.1, 0.4] for every example.{not_run} Budget "
        f"{record['budget']}. {record['source']} ({record['data']}, {record['test_data']}). {record['note'] or ''}"
    )
