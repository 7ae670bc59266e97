"""The table of results/benchmarks, as Markdown: python -m benchmarks.report"""

import json
import sys
from pathlib import Path

from benchmarks import long_times, overhead, recompute, restore
from benchmarks.recipes import TARGET, load
from benchmarks.timing import spread

HEADER = "| what | against | ours | median (min–max), n | our goal |\n|---|---|---|---|---|"
RECIPES = "recipes"  # a folder, of trainings to a PSNR
GROUPS = {  # heading → files of results
    "Training": (RECIPES, "step"),
    "Inference": ("inference-96", "inference-1024", "inverse"),
    "Making pairs": ("pairs", "pipeline"),
    "Memory and image size": ("memory", "size"),
    "From file to file": ("restore",),
}
OVERHEAD = "overhead"  # a table of its own


def rows(result):
    """The lines of the table for one file of results."""
    if OVERHEAD in result:
        return overhead.rows(result[OVERHEAD])
    if "long_times" in result:  # a table of its own, on the page of long times
        return long_times.table(result).splitlines()
    if "recompute" in result:  # a table of its own, on the page of longer times
        return recompute.rows(result)
    if "memory" in result:
        found = result["memory"]
        sizes, deviation = sorted(map(int, found["bytes"])), 100 * found["largest_deviation_from_a_line"]
        line = (
            f"| peak memory of inference, {sizes[0]}² to {sizes[-1]}² pixels | "
            f"| {found['bytes_at_zero'] / 2**20:.0f} MiB + {found['bytes_per_pixel']:.0f} bytes per pixel "
            f"| {deviation:.1f} % from a straight line | linear |"
        )
        return [line]
    if "size" in result:
        return [_size_row(kind, found) for kind, found in result["size"].items()]
    if "restore" in result:  # the others stand in the record
        return [line for line in restore.rows(result) if f"| {restore.WAYS['own']} |" in line]
    return [_row(row, result["seconds_per_image"]) for row in result["ratios"]]


def _size_row(kind, found):
    """Times and peaks at the ends of the sizes, and the exponents."""
    rows = {int(side): row for side, row in found["sides"].items() if "seconds" in row}
    smallest, largest = min(rows), max(rows)
    ends = [
        f"{_duration(rows[side]['seconds']['median'])} and {rows[side]['peak_bytes'] / 2**20:,.0f} MiB at {side}² (n = "
        f"{rows[side]['seconds']['n']})"
        for side in (smallest, largest)
    ]
    time, cores, memory = (found["exponents"][key] for key in ("seconds", "core_seconds", "peak_memory_from_1024"))
    label = "`restore`, tile by tile" if kind == "tiles" else "the model on a whole image"
    power = f"time ∝ pixels^{time:.2f} (core time {cores:.2f}), peak memory from 1024² on ∝ pixels^{memory:.2f}"
    return f"| {label}, {smallest}² to {largest}² | | {', '.join(ends)} | {power} | linear |"


def _row(row, seconds):
    low, middle, high = (row["ratio"][k] for k in ("min", "median", "max"))
    if row["what"].startswith("pipeline"):  # a share, not a ratio
        ratio, goal = f"{100 * middle:.1f} % ({100 * low:.1f}–{100 * high:.1f})", f"≤ {100 * row['goal']:.0f} %"
    else:
        ratio = f"{middle:.2f}× ({low:.2f}–{high:.2f})"
        goal = f"≥ {row['goal']:.1f}×" if row["goal"] else ""
    against, ours = (f"{name}, {_duration(seconds[name]['median'])}" for name in (row["against"], row["ours"]))
    return f"| {row['what']} | {against} | {ours} | {ratio}, {row['ratio']['n']} | {goal} |"


def _duration(seconds):
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def recipe_rows(found):
    """The lines of the table for `recipes.load`: seconds and PSNR of the test images, each over the seeds."""
    lines = []
    for name, level, goal in ((TARGET, 50.0, "≥ 20×"), ("fast-63.72dB", 63.72, "≤ 5 min")):
        if name in found:
            seconds, psnr = _over_seeds(found[name])
            enough = f"{psnr['min']:.1f} to {psnr['max']:.1f} dB"
            ours = f"`fast`, {found[name][0]['steps']:,} steps: {enough}"
            if name == TARGET:
                against, ratio = _authors(found, level, seconds)
            else:
                against = "paper: 75 min on a Titan Xp"
                ratio = f"{seconds['median'] / 60:.1f} min ({seconds['min'] / 60:.1f}–{seconds['max'] / 60:.1f})"
            lines.append(f"| time to {level:g} dB, no noise | {against} | {ours} | {ratio}, {seconds['n']} | {goal} |")
    if "fast-hour" in found:
        seconds, psnr = _over_seeds(found["fast-hour"])
        ours = f"`fast`, {found['fast-hour'][0]['steps']:,} steps, {seconds['median'] / 60:.0f} min"
        best = f"{psnr['median']:.2f} dB ({psnr['min']:.2f}–{psnr['max']:.2f}), {psnr['n']}"
        lines.append(f"| best after an hour, no noise | paper: 63.72 dB | {ours} | {best} | ≥ 64 dB |")
    return lines


def _authors(found, level, ours):
    """The recipe to compare the time to `level` with, and the ratio: a lower bound if it stopped before."""
    if "authors" not in found:
        return "", "not run"
    times, psnr = _over_seeds(found["authors"])
    reached = psnr["max"] >= level
    against = f"`authors`, {times['median']:.0f} s: {psnr['min']:.1f} to {psnr['max']:.1f} dB"
    return against, f"{'' if reached else '≥ '}{times['median'] / ours['median']:.0f}×"


def _over_seeds(runs):
    return spread([run["seconds"] for run in runs]), spread([run["test_psnr"]["mean"] for run in runs])


def table(directory):
    """The tables of a folder of results, each below its heading."""
    found = {path.stem: rows(json.loads(path.read_text())) for path in Path(directory).glob("*.json") if _shown(path)}
    found[RECIPES] = recipe_rows(load(Path(directory) / RECIPES))
    tables = {title: [line for name in names for line in found.get(name, ())] for title, names in GROUPS.items()}
    tables = {title: [HEADER, *lines] for title, lines in tables.items() if lines}
    if OVERHEAD in found:
        tables["A training step, and what is outside the network"] = found[OVERHEAD]
    parts = ["\n".join([f"### {title}", "", *lines]) for title, lines in tables.items()]
    return "\n\n".join(parts + changed(directory))


def _shown(path):
    return path.stem == OVERHEAD or any(path.stem in names for names in GROUPS.values())


def changed(directory):
    """A line that names the records whose code was not committed; "" if there are none."""
    paths = sorted(Path(directory).glob("*.json"))
    names = [path.stem for path in paths if json.loads(path.read_text()).get("commit", "").endswith("+changes")]
    if not names:
        return []
    return [f"Measured with changes that are not in the commit of the record: {', '.join(names)}."]


if __name__ == "__main__":
    print(table(sys.argv[1] if len(sys.argv) > 1 else "results/benchmarks"))
