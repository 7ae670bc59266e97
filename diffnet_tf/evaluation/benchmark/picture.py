"""The picture of the benchmark: one row for each solver, one column for each task. Matplotlib only."""

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from diffnet_tf import figures
from diffnet_tf.evaluation.benchmark import solvers, tasks

if TYPE_CHECKING:
    from diffnet_tf.evaluation.benchmark.report import Report

COLOURS = dict(
    zip(("submitted", "network", "told", "untold", "input"), (*figures.LINES[1::-1], *figures.LINES[2:4], figures.GRAY))
)
LABELS, COLUMN, ROW = 2.0, 1.2, 0.17  # inches


@figures.styled
def draw(report: "Report") -> Figure:
    """Draw the mean PSNR of each solver with its interval."""
    names = list(report.record["tasks"])
    rankings = {name: report.ranking(name) for name in names}
    rows = report.ordered()
    heights = {id(row): height for height, row in enumerate(rows)}
    figure = figures.canvas(_caption(report), LABELS + COLUMN * len(names), 0.8 + ROW * len(rows))
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, names):
        task = tasks.TASKS[name]
        noise = f"{100 * task.noise:g} % noise" if task.noise else "no noise"
        axis.set_title(f"λ = {task.contrast:g}, T = {task.steps * task.dt:g}\n{noise}")
        best = rankings[name][0][0] if rankings[name] else None
        for row, score in rankings[name]:
            height, (mean, low, high) = heights[id(row)], score["psnr"]
            colour = COLOURS[row["kind"]]
            axis.plot([low, high], [height, height], color=colour, linewidth=1.5)
            axis.plot(mean, height, "o", color=colour, markersize=3.5)
            look: dict[str, Any] = {"weight": "bold" if row is best else "normal"}
            look["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # hides the line of the row
            axis.annotate(f"{mean:.1f}", (high, height), (4, 0), textcoords="offset points", va="center", **look)
        low, high = axis.get_xlim()
        axis.set_xlim(low, low + 1.45 * (high - low))  # room for the last number
        axis.grid(axis="y", linewidth=0.3)
        axis.set_xlabel("PSNR in dB")
    axes[0].set_yticks(range(len(rows)), [row["label"] for row in rows])
    for row, text in zip(rows, axes[0].get_yticklabels()):
        text.set(color=COLOURS[row["kind"]], parse_math=False)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    return figure


def _caption(report: "Report") -> str:
    kinds = [kind for kind in solvers.KINDS if any(row["kind"] == kind for row in report.rows)]
    colours = {"submitted": "orange", "network": "blue", "told": "green", "untold": "pink", "input": "gray"}
    key = "; ".join(f"{colours[kind]}: {solvers.KINDS[kind]}" for kind in kinds)
    return (
        f"{tasks.NAME} {tasks.VERSION}: which method undoes Perona–Malik diffusion best? Mean PSNR of "
        f"{len(report.record['images'])} images with 95 % intervals over images; bold: the best. "
        f"{key[:1].upper()}{key[1:]}."
    )
