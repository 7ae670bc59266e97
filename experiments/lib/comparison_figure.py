"""The comparison as a picture and as a table, from its record: NumPy and Matplotlib only."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions

KINDS = {  # kind → (label, colour)
    "long": ("DiffNet, trained for an hour", figures.LINES[1]),
    "network": ("networks", figures.LINES[0]),
    "told": ("told the diffusion", figures.LINES[2]),
    "untold": ("not told", figures.LINES[3]),
    "input": ("the input", "black"),
}
COSTS = {
    "parameters": "parameters",
    "flops": "FLOPs an image",
    "milliseconds": "CPU milliseconds an image",
    "training_images": "training images",
}
METRICS = {"psnr": "mean PSNR in dB", "ssim": "1 − mean SSIM"}


def _measured(record, task):
    """The rows of a task that have values, best PSNR first, with their milliseconds: [(name, row)]."""
    times = record["milliseconds_per_image"][f"{task['noise']:g}"]
    rows = [(name, row | {"milliseconds": _time(name, times)}) for name, row in task["rows"].items() if "psnr" in row]
    return sorted(rows, key=lambda pair: -pair[1]["psnr"][0])


def _time(name, times):
    name = "DiffNet" if name == "long" else name  # the same network
    return times[name]["median"] if name in times else None


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
        numbers = {name: number for number, (name, _) in enumerate(rows, 1)}
        _dots(figure.add_subplot(grid[0, 2 * column : 2 * column + 2]), task, rows)
        for row, metric in enumerate(METRICS):
            for axis, cost in zip(axes[1 + 2 * column + row], COSTS):
                _pareto(axis, rows, numbers, metric, cost, task)
    handles = [figures.Line2D([], [], color=c, marker="o", linestyle="", label=label) for label, c in KINDS.values()]
    figure.axes[-2].legend(handles=handles, loc="best", fontsize=6)
    return figure


def _dots(axis, task, rows):
    for height, (_, row) in enumerate(rows):
        mean, low, high = row["psnr"]
        colour = KINDS[row["kind"]][1]
        axis.plot([low, high], [height, height], color=colour, linewidth=1.2)
        axis.plot(mean, height, "o", color=colour, markersize=3)
        if len(row["seed_psnr"]) > 1:
            axis.plot(row["seed_psnr"], [height] * len(row["seed_psnr"]), "|", color="black", markersize=4, mew=0.5)
        axis.annotate(f"{mean:.2f}", (high, height), (4, 0), textcoords="offset points", va="center", fontsize=6)
    labels = [f"{number}  {_label(row)}" for number, (_, row) in enumerate(rows, 1)]
    axis.set_yticks(range(len(rows)), labels)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set(title=task["title"], xlabel=METRICS["psnr"])


def _label(row):
    return f"{row['label']}, {row['steps']:,} steps" if row["kind"] == "network" else row["label"]


def _pareto(axis, rows, numbers, metric, cost, task):
    points = [(name, row[cost], row[metric][0]) for name, row in rows if row.get(cost) is not None]
    better = 1 if metric == "psnr" else -1
    if metric == "ssim":
        points = [(name, x, max(1 - y, 1e-7)) for name, x, y in points]
        axis.set_yscale("log")
    kinds = {name: row["kind"] for name, row in rows}
    for name, x, y in points:
        axis.plot(x, y, "o", color=KINDS[kinds[name]][1], markersize=3)
        axis.annotate(str(numbers[name]), (x, y), (2.5, 1.5), textcoords="offset points", fontsize=5.5)
    if cost in ("parameters", "training_images"):
        axis.set_xscale("symlog", linthresh=1)
        most = max((x for _, x, _ in points), default=1)
        axis.set_xlim(-0.4, 5 * most + 1)
        axis.set_xticks([0, *(10**k for k in range(0, 9, 2) if 10**k <= 5 * most)])  # every decade has no room
        axis.minorticks_off()
    else:
        axis.set_xscale("log")
    front = pareto([(x, better * y) for _, x, y in points])
    xs, ys = zip(*(points[i][1:] for i in front)) if front else ((), ())
    axis.plot(xs, ys, color="black", linewidth=0.5, alpha=0.5, drawstyle="steps-post", zorder=0)
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
    trained = [
        f"{row['label']} {row['steps']:,} steps × {len(row['seeds'])} seeds ({title})"
        for row, title in rows
        if row["kind"] == "network" and "psnr" in row
    ]
    missing = [f"{row['label']} ({title})" for row, title in rows if "psnr" not in row]
    tuned = max((row["training_images"] for row, _ in rows if len(row.get("tried", ())) > 1), default=0)
    not_run = f" Not run: {', '.join(missing)}." if missing else ""
    return (
        f"{record['title']}: undoing Perona–Malik diffusion of {record['test_images']} test images, the same pairs for "
        f"all. Bars: 95 % bootstrap intervals over images; strokes: seeds; numbers: ranks in PSNR; lines: Pareto "
        f"fronts. Networks: {'; '.join(trained) or 'none'}.{not_run} Budget {record['budget']}. Classical parameters "
        f"were chosen on {tuned} training images. FLOPs: networks and the inverses that are told the diffusion. "
        f"{captions.source(record)}"
    )


# ---- The table -------------------------------------------------------------------------------------------------------

HEADER = (
    "PSNR, 95 %",
    "seeds: std",
    "− DiffNet, equal steps",
    "− DiffNet, an hour",
    "SSIM",
    "parameters",
    "MFLOPs",
    "ms an image",
    "training images",
)


def table(record):
    """A Markdown table of both tasks: one row a method, best first, those without a run last."""
    lines = [f"| | {' | '.join(HEADER)} |", "|---" * (len(HEADER) + 1) + "|"]
    for task in record["tasks"]:
        lines.append(f"| **{task['title']}** {'| ' * len(HEADER)}|")
        rows = _measured(record, task)
        lines += [f"| {' | '.join((_label(row), *_cells(row)))} |" for _, row in rows]
        missing = [row for row in task["rows"].values() if "psnr" not in row]
        lines += [f"| {row['label']} | not run {'| ' * (len(HEADER) - 1)}|" for row in missing]
    return "\n".join(lines)


def _cells(row):
    spread = f"{len(row['seed_psnr'])}: {np.std(row['seed_psnr'], ddof=1):.2f}" if len(row["seed_psnr"]) > 1 else ""
    flops = row.get("flops")
    time = row["milliseconds"]
    count = row.get("training_images")
    return (
        _interval(row["psnr"], ".2f"),
        spread,
        _interval(row.get("psnr_minus_DiffNet"), "+.2f"),
        _interval(row.get("psnr_minus_long"), "+.2f"),
        f"{row['ssim'][0]:.5f}",
        f"{row['parameters']:,}" if "parameters" in row else "",
        f"{1e-6 * flops:,.0f}" if flops else "",
        f"{time:.3g}" if time is not None else "",
        f"{count:,}" if count is not None else "",
    )


def _interval(values, form):
    if values is None:
        return ""
    mean, low, high = (format(value, form).replace("-", "−") for value in values)
    return f"{mean} ({low} to {high})"
