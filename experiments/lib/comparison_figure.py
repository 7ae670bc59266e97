"""The comparison as a picture and as a table, from its record: NumPy and Matplotlib only."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions

KINDS = {  # kind → (label, colour)
    "long": ("networks, trained for long", figures.LINES[1]),
    "network": ("networks", figures.LINES[0]),
    "told": ("know the diffusion", figures.LINES[2]),
    "untold": ("do not know it", figures.LINES[3]),
    "input": ("the input", "black"),
}
COSTS = {
    "parameters": "parameters",
    "flops": "FLOPs per image",
    "milliseconds": "CPU milliseconds per image",
    "training_images": "training images",
}
METRICS = {"psnr": "mean PSNR in dB", "ssim": "1 − mean SSIM"}


def _measured(record, task):
    """The rows of a task that have values, best PSNR first, with their milliseconds."""
    times = record["milliseconds_per_image"][f"{task['noise']:g}"]
    for name, same in (("long", "DiffNet"), ("long-UNet", "UNet")):
        times = times | {name: times[same]} if same in times else times  # the same network
    named = [(row, times.get(name, {})) for name, row in task["rows"].items() if "psnr" in row]
    return sorted((row | {"milliseconds": time.get("median")} for row, time in named), key=lambda row: -row["psnr"][0])


@figures.styled
def draw(record, arrays):
    """Above, PSNR with intervals, best first; below, PSNR and SSIM against each cost, with the Pareto front."""
    figure, axes = figures.plots(5, 4, caption(record), width=2.6, height=2.3)
    grid = axes[0, 0].get_gridspec()
    most = max(len(_measured(record, task)) for task in record["tasks"])
    grid.set_height_ratios((0.14 * most + 0.4, 2, 2, 2, 2))
    for axis in axes[0]:
        axis.remove()
    for column, task in enumerate(record["tasks"]):
        rows = _measured(record, task)
        _dots(figure.add_subplot(grid[0, 2 * column : 2 * column + 2]), task, rows)
        for row, metric in enumerate(METRICS):
            for axis, cost in zip(axes[1 + 2 * column + row], COSTS):
                _pareto(axis, rows, metric, cost, task)
    entries = [(label, {"color": colour, "marker": "o", "linestyle": ""}) for label, colour in KINDS.values()]
    figures.key(figure.axes[-2], entries, loc="best", fontsize=6)
    return figure


def _dots(axis, task, rows):
    for height, row in enumerate(rows, 1):
        mean, low, high = row["psnr"]
        colour = KINDS[row["kind"]][1]
        axis.plot([low, high], [height, height], color=colour, linewidth=1.2)
        axis.plot(mean, height, "o", color=colour, markersize=3)
        if len(row["seed_psnr"]) > 1:
            axis.plot(row["seed_psnr"], [height] * len(row["seed_psnr"]), "|", color="black", markersize=4, mew=0.5)
        axis.annotate(f"{mean:.2f}", (high, height), (4, 0), textcoords="offset points", va="center", fontsize=6)
    axis.set_yticks(range(1, len(rows) + 1), [f"{number}  {_label(row)}" for number, row in enumerate(rows, 1)])
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set(title=task["title"], xlabel=METRICS["psnr"])


def _label(row):
    return f"{row['label']}, {row['steps']:,} steps" if row["kind"] == "network" else row["label"]


def _pareto(axis, rows, metric, cost, task):
    better, points = 1 if metric == "psnr" else -1, []
    for number, row in enumerate(rows, 1):
        if row.get(cost) is not None:
            x, y = row[cost], row["psnr"][0] if metric == "psnr" else max(1 - row["ssim"][0], 1e-7)
            points.append((x, y))
            axis.plot(x, y, "o", color=KINDS[row["kind"]][1], markersize=3)
            axis.annotate(str(number), (x, y), (2.5, 1.5), textcoords="offset points", fontsize=5.5)
    axis.set_yscale("linear" if metric == "psnr" else "log")
    if cost in ("parameters", "training_images"):
        axis.set_xscale("symlog", linthresh=1)
        most = max((x for x, _ in points), default=1)
        axis.set_xlim(-0.4, 5 * most + 1)
        axis.set_xticks([0, *(10**k for k in range(0, 9, 2) if 10**k <= 5 * most)])  # every decade has no room
        axis.minorticks_off()
    else:
        axis.set_xscale("log")
    front = np.reshape([points[i] for i in pareto([(x, better * y) for x, y in points])], (-1, 2))
    axis.plot(*front.T, color="black", linewidth=0.5, alpha=0.5, drawstyle="steps-post", zorder=0)
    axis.margins(x=0.15, y=0.12)
    axis.set(xlabel=COSTS[cost], ylabel=METRICS[metric], title=task["title"] if cost == "parameters" else None)


def pareto(points):
    """Which of (cost, value) are on the front, the cheapest first: nothing is at most as dear and better."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    front, best = [], -np.inf
    for i in order:
        if points[i][1] > best:
            front.append(i)
            best = points[i][1]
    return front


def caption(record):
    """What is shown, and where it comes from."""
    rows = [(row, task["title"]) for task in record["tasks"] for row in task["rows"].values()]
    missing = [f"{row['label']} ({title})" for row, title in rows if "psnr" not in row]
    not_run = f" Not run: {', '.join(missing)}." if missing else ""
    return (
        f"{record['title']}: undoing Perona–Malik diffusion of {record['test_images']} test images, the same pairs for "
        f"all. Bars: 95 % bootstrap intervals over images; strokes: seeds; numbers: ranks in PSNR; lines: Pareto "
        f"fronts.{not_run} FLOPs: networks and the inverses that "
        f"know the diffusion. {captions.source(record)}"
    )


# ---- The table -------------------------------------------------------------------------------------------------------

HEADER = ("PSNR, 95 %", "seeds: std", "− DiffNet, equal steps", "− DiffNet, trained for long", "SSIM")
HEADER += ("parameters", "MFLOPs", "ms per image", "training images")


def table(record):
    """A Markdown table of both tasks: one row a method, best first, those without a run last."""
    lines = [f"| | {' | '.join(HEADER)} |", "|---" * (len(HEADER) + 1) + "|"]
    for task in record["tasks"]:
        lines.append(f"| **{task['title']}** {'| ' * len(HEADER)}|")
        rows = _measured(record, task)
        lines += [f"| {' | '.join((_label(row), *_cells(row)))} |" for row in rows]
        missing = [row for row in task["rows"].values() if "psnr" not in row]
        lines += [f"| {row['label']} | not run {'| ' * (len(HEADER) - 1)}|" for row in missing]
    return "\n".join(lines)


def _cells(row):
    spread = f"{len(row['seed_psnr'])}: {np.std(row['seed_psnr'], ddof=1):.2f}" if len(row["seed_psnr"]) > 1 else ""
    return (
        _interval(row["psnr"], ".2f"),
        spread,
        _interval(row.get("psnr_minus_DiffNet"), "+.2f"),
        _interval(row.get("psnr_minus_long"), "+.2f"),
        f"{row['ssim'][0]:.5f}",
        _number(row.get("parameters")),
        _number(row.get("flops"), 1e-6, ",.0f"),
        _number(row["milliseconds"], 1, ".3g"),
        _number(row.get("training_images")),
    )


def _number(value, unit=1, form=","):
    return "" if value is None else format(unit * value, form)


def _interval(values, form):
    return "{} ({} to {})".format(*(format(value, form).replace("-", "−") for value in values)) if values else ""
