"""The result of the benchmark: a table, a JSON file and a picture."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffnet_tf import files
from diffnet_tf.base.types import PathLike
from diffnet_tf.evaluation.benchmark import records, solvers, tasks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE, PICTURE = "benchmark.json", "benchmark.png"


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of `benchmark`. `print` shows a table.

    Attributes:
        record: what was measured, a dict of plain values; `save` writes it.
        beside: records of other solvers, which tables and pictures also show.
        baseline: name of the solver that the others are compared with.
    """

    record: dict[str, Any]
    beside: tuple[dict[str, Any], ...] = ()
    baseline: str = records.BASELINE

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All solvers: those that were measured, then those beside them."""
        return [row for record in (self.record, *self.beside) for row in record["solvers"]]

    @property
    def _compared(self) -> dict[str, Any] | None:
        """The row of the baseline. A measured solver may have the same name: it is looked for beside it first."""
        rows = [row for record in (*self.beside, self.record) for row in record["solvers"]]
        return next((row for row in rows if row["name"] == self.baseline), None)

    @property
    def _short(self) -> str:
        """The name of the baseline in a table's header."""
        return str(self._compared["label"]).split(",")[0] if self._compared else self.baseline

    def _is_own(self, row: dict[str, Any]) -> bool:
        return any(row is own for own in self.record["solvers"])

    def ranking(self, task: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The solvers of a task with their scores, best first: (row of the record, `records.summary`)."""
        baseline = self._compared
        scored = [(row, records.summary(row, task, baseline)) for row in self.rows if task in row["tasks"]]
        return sorted(scored, key=lambda pair: -pair[1]["psnr"][0])

    def __str__(self) -> str:
        lines = [f"{tasks.NAME} {tasks.VERSION}, {len(self.record['images'])} images, pairs {tasks.IDENTITY[:12]}"]
        width = max(len(row["label"]) for row in self.rows)
        label = self._short
        for task in self.record["tasks"]:
            header = f"  {'':<{width}}  {'PSNR in dB, 95 %':>23}  {'SSIM':>7}  {f'minus {label}':>25}"
            lines += ["", tasks.TASKS[task].title, f"{header}  {'parameters':>10}  {'ms':>8}  {'ms, large':>9}"]
            for row, score in self.ranking(task):
                mark = ">" if self.beside and self._is_own(row) else " "
                cells = (
                    f"{_interval(score['psnr']):>23}",
                    f"{score['ssim']:>7.5f}",
                    f"{_interval(score['difference'], '+.2f'):>25}",
                    f"{_count(row['parameters']):>10}",
                    f"{_time(row['tasks'][task]['milliseconds']):>8}",
                    f"{_time(_large(row, task)):>9}",
                )
                lines.append(f"{mark} {row['label']:<{width}}  {'  '.join(cells)}{_remarks(row, task, score)}")
        return "\n".join([*lines, "", *self._notes()])

    __repr__ = __str__

    def _notes(self) -> list[str]:
        rows, columns = tasks.LARGE_SIZE
        notes = [
            f"ms: median time for one image of {tasks.SIDE}×{tasks.SIDE} pixels, and for a large one of "
            f"{rows}×{columns}."
        ]
        for record in (self.record, *self.beside):
            names = [row["label"] for row in record["solvers"]]
            whose = names[0] if len(names) == 1 else f"{len(names)} solvers"
            device = f"{record['run']['device']}, {record['run']['hardware']['processor']}"
            blind = len(names) == 1 and not record["solvers"][0]["knows_task"]
            notes.append(f"{whose}: measured on {device}{'; gets only the image' if blind else ''}.")
        return notes

    def ordered(self) -> list[dict[str, Any]]:
        """The solvers, kind by kind, and within a kind by their PSNR in the task that most solvers are for."""
        chosen = self.record["tasks"]
        shown = [row for row in self.rows if set(row["tasks"]) & set(chosen)]
        of = max(chosen, key=lambda task: (sum(task in row["tasks"] for row in shown), task == tasks.TIMED))
        psnr = {id(row): score["psnr"][0] for row, score in self.ranking(of)}
        kinds = list(solvers.KINDS)
        return sorted(shown, key=lambda row: (kinds.index(row["kind"]), -psnr.get(id(row), 0.0)))

    def markdown(self) -> str:
        """A table in Markdown: one row for each solver, one column for the PSNR in each task."""
        chosen = list(self.record["tasks"])
        scores = {task: {id(row): score for row, score in self.ranking(task)} for task in chosen}
        lines = [f"| PSNR in dB, 95 % | {' | '.join(f'`{task}`' for task in chosen)} | parameters | ms¹ | ms, large |"]
        lines.append("|---" * (len(chosen) + 4) + "|")
        for row in self.ordered():
            found = [scores[task].get(id(row)) for task in chosen]
            cells = [_interval(score["psnr"]) if score else "" for score in found]
            timed = row["tasks"].get(tasks.TIMED, {}).get("milliseconds")
            large = row["large"] and row["large"]["milliseconds"]
            cells += [_count(row["parameters"]), _time(timed), _time(large)]
            lines.append(f"| {row['label']} | {' | '.join(cells)} |")
        lines += [
            "",
            f"¹ In `{tasks.TIMED}`. In other tasks a method may take longer: the iterations are tuned for each.",
        ]
        return "\n".join(lines)

    def save(self, folder: PathLike) -> Path:
        """Write `benchmark.json`, with what was measured, and `benchmark.png`, with all solvers, to a folder.

        Returns:
            The folder. It is made if it does not exist.
        """
        from diffnet_tf import figures

        folder = files.check_writable(folder, "--out")
        own: dict[str, Any] = {row["name"]: {} for row in self.record["solvers"]}
        for task in self.record["tasks"]:
            for row, score in self.ranking(task):
                if self._is_own(row):
                    own[row["name"]][task] = score
        files.write_json(folder / FILE, {**self.record, "baseline": self.baseline, "scores": own})
        figures.save(self.draw(), folder / PICTURE)
        return folder

    def draw(self) -> "Figure":
        """Draw the picture: one panel for each task, best solver first."""
        from diffnet_tf.evaluation.benchmark import picture

        return picture.draw(self)


def _remarks(row: dict[str, Any], task: str, score: dict[str, Any]) -> str:
    """What a reader has to know: images that failed, and perfect ones."""
    remarks = []
    if score["failed"]:
        reason = next(iter(row["tasks"][task]["failures"].values()))
        remarks.append(f"{score['failed']} of {len(row['tasks'][task]['psnr'])} images failed ({reason})")
    if score["perfect"]:
        remarks.append(f"{score['perfect']} perfect")
    return f"  {'; '.join(remarks)}" if remarks else ""


def _interval(values: Any, form: str = ".2f") -> str:
    if values is None:
        return ""
    return "{} ({} to {})".format(*(format(value, form).replace("-", "−") for value in values))


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _time(value: dict[str, float] | None) -> str:
    if value is None:
        return "–"
    milliseconds = value["median"]
    return "< 0.01" if milliseconds < 0.01 else f"{milliseconds:.3g}" if milliseconds < 1000 else f"{milliseconds:,.0f}"


def _large(row: dict[str, Any], task: str) -> dict[str, float] | None:
    large = row["large"]
    return large["milliseconds"] if large is not None and large["task"] == task else None
