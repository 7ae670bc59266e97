"""The comparison as a picture and as a table, from its record: NumPy and Matplotlib only."""

import numpy as np

from diffnet_tf import figures
from experiments.lib import captions

GROUPS = {  # of rows: title → (colour, kinds)
    "trained networks": (figures.LINES[0], ("long", "network")),
    "classical, know the diffusion": (figures.LINES[2], ("told",)),
    "classical, do not know it": (figures.LINES[1], ("untold",)),
}


def _measured(task):
    """The rows of a task that have values, best PSNR first."""
    return sorted((row for row in task["rows"].values() if "psnr" in row), key=lambda row: -row["psnr"][0])


@figures.styled
def draw(record, arrays):
    """One panel for each task: PSNR with its interval, one row for each method, best first in each group."""
    found = [_grouped(task) for task in record["tasks"]]
    heights = [sum(len(rows) + 1 for rows in groups.values()) or 3 for groups in found]
    figure = figures.canvas(caption(record), figures.WIDTH, 0.165 * sum(heights) + 0.55 * len(heights))
    axes = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for axis, task, groups in zip(axes, record["tasks"], found):
        axis.set(title=task["title"], xlabel="mean PSNR in dB")
        if groups:
            _dots(axis, task, groups)
        else:
            figures.not_run(axis)
    return figure


def _grouped(task):
    """Title of a group → its rows, best first."""
    rows = _measured(task)
    groups = {title: [row for row in rows if row["kind"] in kinds] for title, (_, kinds) in GROUPS.items()}
    return {title: of for title, of in groups.items() if of}


def _dots(axis, task, groups):
    height, ticks = 0, []
    for title, rows in groups.items():
        ticks.append((height, title))
        for row in rows:
            height += 1
            (mean, low, high), colour = row["psnr"], GROUPS[title][0]
            axis.plot([low, high], [height, height], color=colour, linewidth=1.5)
            axis.plot(mean, height, "o", color=colour, markersize=4)
            axis.annotate(f"{mean:.2f}", (high, height), (5, 0), textcoords="offset points", va="center")
            ticks.append((height, _label(row)))
        height += 1
    axis.set_yticks(*zip(*ticks))
    for (_, text), label in zip(ticks, axis.get_yticklabels()):
        if text in groups:
            label.set(color=GROUPS[text][0], weight="bold")
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(height - 0.3, -0.7)
    if "input" in task["rows"] and "psnr" in task["rows"]["input"]:
        axis.axvline(task["rows"]["input"]["psnr"][0], color=figures.GRAY, linewidth=0.8, linestyle=":")
    axis.margins(x=0.18)


def _label(row):
    return f"{row['label']}, {row['steps']:,} steps" if row["kind"] == "network" else row["label"]


def caption(record):
    """The caption: what is shown, and how to read it."""
    rows = [(row, task["title"]) for task in record["tasks"] for row in task["rows"].values()]
    missing = [f"{row['label']} ({title})" for row, title in rows if "psnr" not in row]
    not_run = f" Not run: {', '.join(missing)}." if missing else ""
    return (
        f"{record['title']}: which method undoes Perona–Malik diffusion best? Mean PSNR of {record['test_images']} "
        f"test images, the same pairs for all, with 95 % intervals over images. Dotted: the diffused image.{not_run}"
    )


def alt(record):
    """The alt text: the best row of each group."""
    told = []
    for task in record["tasks"]:
        best = [f"{rows[0]['label']} with {rows[0]['psnr'][0]:.1f} dB" for rows in _grouped(task).values()]
        told.append(f"{task['title']}: {captions.listed(best) if best else 'nothing'}")
    return (
        "One panel for each level of noise, with a row for each method in three groups: trained networks, classical "
        f"methods that know the diffusion, and others that do not. A dot with a bar is its PSNR. The best of each "
        f"group: {'; '.join(told)}."
    )


# ---- The table -------------------------------------------------------------------------------------------------------

HEADER = (
    "PSNR, 95 %",
    "seeds: std",
    "difference to DiffNet, equal steps",
    "difference to DiffNet, trained for long",
    "SSIM",
)
HEADER += ("parameters", "MFLOPs", "training images")


def table(record):
    """A Markdown table of both tasks: one row for each method, best first, those without a run last."""
    lines = [f"| | {' | '.join(HEADER)} |", "|---" * (len(HEADER) + 1) + "|"]
    for task in record["tasks"]:
        lines.append(f"| **{task['title']}** {'| ' * len(HEADER)}|")
        rows = _measured(task)
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
        _number(row.get("training_images")),
    )


def _number(value, unit=1, form=","):
    return "" if value is None else format(unit * value, form)


def _interval(values, form):
    return "{} ({} to {})".format(*(format(value, form).replace("-", "−") for value in values)) if values else ""
