"""The tables of docs/reproduction.md, from the records: which claims hold, both protocols, and the cost of trainings.

NumPy and the standard library only.
"""

from pathlib import Path

from diffnet_tf.files import reading
from experiments.lib import captions, conditions, ledger, ledger_tables, records, seeds, settings, study, verdicts

WATTS = {"core": 10.0, "NVIDIA H100": 700.0, "NVIDIA H200": 700.0}  # a busy core with its memory; the boards' limits
MARKS = ("network", "protocol", "training images", "test images", "seeds")
ADVICE = "remove it"


# ---- What holds ------------------------------------------------------------------------------------------------------


def summary(root):
    """The paper's claims, counted by answer and by the number of conditions under which they were tested."""
    rows = [row for row in ledger_tables.rows(ledger.PAPER, root) if row.finding.conditions.marks()]
    exact = [row for row in ledger_tables.rows(ledger.PAPER, root) if not row.finding.conditions.marks()]
    lines = [f"| conditions met, of five | {' | '.join(verdicts.ANSWERS[:3])} |", "|---" * 4 + "|"]
    for number in range(len(MARKS) + 1):
        found = [row.finding.answer for row in rows if sum(row.finding.conditions.marks().values()) == number]
        counts = " | ".join(str(found.count(answer)) for answer in verdicts.ANSWERS[:3])
        lines.append(f"| {number} | {counts} |")
    run = [row.finding.answer for row in exact if row.finding.answer in verdicts.ANSWERS[:3]]
    counts = " | ".join(str(run.count(answer)) for answer in verdicts.ANSWERS[:3])
    lines.append(f"| none applies | {counts} |")
    lines += ["", f"Not run: {len(exact) - len(run)} of {len(rows) + len(exact)} claims."]
    return "\n".join(lines)


def failing(root):
    """The paper's claims that do not hold: a Markdown table."""
    rows = [row for row in ledger_tables.rows(ledger.PAPER, root) if row.finding.answer == verdicts.FAILS]
    if not rows:
        return "None."
    cells = [(f"{row.where}: {row.claim.text}", row.claim.reference, row.finding.ours) for row in rows]
    return ledger_tables.table(("claim that does not hold here", "paper", "ours"), cells)


# ---- Protocols -------------------------------------------------------------------------------------------------------


def protocols(root):
    """DiffNet under our recipe and under the paper's, beside the paper's number: a Markdown table."""
    lines = ["| task | recipe | steps × batch × side | share of the paper's pixels | PSNR of the authors | per image |"]
    lines.append("|---" * 6 + "|")
    whole = conditions.PAPER_STEPS * conditions.PAPER_BATCH * conditions.SIDE**2
    papers = settings.PAPER_PSNR
    for setting in settings.INVERSE:
        runs = [record for record, _ in _trainings(setting.experiment, root)]
        found = [(run["recipe"]["name"], run, run["results"]["diffnet"]) for run in runs]
        for run in [run for folder in seeds.folders(root) for run in study.finished(folder / "protocol")]:
            if (run["problem"], run["noise"]) == (setting.problem, setting.noise):
                how = "TF32" if conditions.narrowed(run) else run["precision"]
                found.append((f"{run['recipe']['name']}, {how}", run, run["results"]))
        found.sort(key=lambda each: each[0])
        task = f"inverse, {100 * setting.noise:g} % noise"
        for name, run, results in found:
            share = f"{100 * conditions.pixels(run) / whole:.1f} %"
            name += f", seed {run['seed']}"
            values = f"{results['authors_psnr']['mean']:.2f} dB | {results['psnr']['mean']:.2f} dB"
            lines.append(f"| {task} | {name} | {conditions.size(run)} | {share} | {values} |")
        if setting.noise in papers:
            size = f"{conditions.PAPER_STEPS:,} × {conditions.PAPER_BATCH} × {conditions.SIDE}²"
            lines.append(f"| {task} | **the paper** | {size} | 100 % | {papers[setting.noise]} dB |  |")
    return "\n".join(lines)


def _trainings(name, root):
    try:
        return seeds.trainings(name, root)
    except FileNotFoundError:
        return []


# ---- Costs -----------------------------------------------------------------------------------------------------------


def costs(root):
    """Hours and energy of all trainings that have a record, by machine: a Markdown table."""
    spent = {}
    for seconds, hardware in _times(Path(root)):
        spent.setdefault(_machine(hardware), []).append((seconds / 3600, _watts(hardware)))
    lines = ["| machine | trainings | hours | watts | kWh |", "|---" * 5 + "|"]
    hours = energy = 0.0
    for machine, times in sorted(spent.items()):
        of_all, used = sum(h for h, _ in times), sum(h * w for h, w in times) / 1_000
        lines.append(f"| {machine} | {len(times)} | {of_all:.1f} | {times[0][1]:g} | {used:.2f} |")
        hours, energy = hours + of_all, energy + used
    return "\n".join([*lines, f"| all | {sum(map(len, spent.values()))} | {hours:.1f} |  | {energy:.2f} |"])


def _times(root):
    """(seconds, hardware) of every training with a record below a folder, each once."""
    for path in sorted(root.glob(f"**/{records.RUN}")):
        run = reading.json_object(path, ADVICE)
        if "training_seconds" in run:
            yield run["training_seconds"], run.get("hardware", {})
    for folder in sorted({path.parent.parent for path in root.glob(f"**/{study.RUNS}/*.json")}):
        for run in study.finished(folder):
            if "training_seconds" in run:
                yield run["training_seconds"], run.get("hardware", {})


def _machine(hardware):
    accelerators = hardware.get("accelerators") or []
    if accelerators:
        return ", ".join(dict.fromkeys(accelerators))
    return f"{captions.count(hardware.get('cores', 0), 'core')}, {hardware.get('processor', 'not recorded')}"


def _watts(hardware):
    accelerators = hardware.get("accelerators") or []
    boards = sum(WATTS.get(name, 0.0) for name in accelerators)
    return boards or WATTS["core"] * hardware.get("cores", 2)
