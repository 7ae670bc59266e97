"""The README's excerpt of the results: five tasks, the paper's numbers beside ours.

NumPy and the standard library only.
"""

from pathlib import Path

import numpy as np

from experiments.lib import captions, conditions, ledger, ledger_tables, measure, records, seeds, settings, study, unets

# Experiment → its task in words, and what its record calls the network's result.
TASKS = {
    "fig06": ("undo diffusion, no noise (Figure 6)", "diffnet"),
    "inverse-0.1pct": ("undo diffusion, 0.1 % noise", "diffnet"),
    "fig07": ("undo diffusion, 1 % noise (Figure 7)", "diffnet"),
    "forward": ("diffuse as Perona–Malik does", "diffnet"),
    "fig05": ("deblur disks (Figures 4 and 5)", "test"),
}
HEAD = (
    "DiffNet learned to",
    "input",
    "DiffNet, paper",
    "DiffNet here",
    "U-Net here",
    "fixed point, at most 200 iterations",
)


def headline(root):
    """A Markdown table with one row for each task that has a record: the authors' PSNR in dB, means over seeds."""
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for name, (task, network) in TASKS.items():
        if (Path(root) / name / records.RECORD).exists():
            trained = [record for record, _ in seeds.trainings(name, root)]
            first = trained[0]
            ours = np.mean([_psnr(record["results"][network]) for record in trained])
            paper = first.get("paper_psnr")
            cells = (
                task,
                f"{_psnr(first['results']['degraded']):.2f}",
                f"{paper}" if paper else "",
                f"{ours:.2f} ({captions.count(len(trained), 'seed')})",
                _unet(root, first) if name != "fig05" else "",
                f"{_psnr(first['results']['fixed_point']):.2f}" if "fixed_point" in first["results"] else "",
            )
            lines.append(f"| {' | '.join(cells)} |")
    total = ledger.total(ledger.PAPER, ledger_tables.rows(ledger.PAPER, root))
    return "\n".join([*lines, "", f"{total} ([how to read this](docs/ledgers.md)).", *_of_optimisers(root)])


def _of_optimisers(root):
    """That the U-Net had another optimiser, with what DiffNet reaches with the U-Net's optimiser and loss."""
    first = next((record for record, _ in seeds.trainings(settings.INVERSE[0].experiment, root)), None)
    unet = first and unets.longest(Path(root), measure.Task("inverse", 0.0), first)
    folders = seeds.folders(root)
    runs = [run for folder in folders for run in study.finished(folder / "protocol")]
    found = unet and [run for run in runs if not run["noise"] and _learned_alike(run, unet)]
    if found:
        most = max(map(conditions.pixels, found))
        found = [run for run in found if conditions.pixels(run) == most]
        run, psnr = found[0], sorted({f"{_psnr(run['results']):.2f}" for run in found})
        yield (
            f"The U-Net was trained with Adam, DiffNet with SOAP. With the U-Net's optimiser and loss, DiffNet reached "
            f"{captions.listed(psnr)} dB without noise after {_share(run)} of the paper's pixels, the U-Net "
            f"{_psnr(unet['results']):.2f} dB after {_share(unet)} ([more](docs/beyond/fair-comparison.md)). So the "
            "optimiser makes a part of the lead."
        )


def _learned_alike(run, other):
    """Whether two trainings minimised the same loss by the same optimiser."""
    return all(run["recipe"][key] == other["recipe"][key] for key in ("optimizer", "loss"))


def _share(run):
    whole = conditions.PAPER_STEPS * conditions.PAPER_BATCH * conditions.SIDE**2
    return f"{100 * conditions.pixels(run) / whole:.0f} %"


def _psnr(result):
    return result["authors_psnr"]["mean"]


def _unet(root, record):
    run = unets.longest(Path(root), measure.Task(record["problem"], record["noise"]), record)
    return f"{_psnr(run['results']):.2f}" if run else ""
