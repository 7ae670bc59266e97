"""The table of results/benchmarks, as Markdown: python -m benchmarks.report"""

import json
import sys
from pathlib import Path

HEADER = "| what (times are of an image) | against | ours | ratio: median (min–max), n | goal |\n|---|---|---|---|---|"
ORDER = ("step", "inference-96", "inference-1024", "inverse", "pairs", "pipeline", "memory")


def rows(result):
    """The lines of the table for one file of results."""
    if "memory" in result:
        found = result["memory"]
        sizes, deviation = sorted(map(int, found["bytes"])), 100 * found["largest_deviation_from_a_line"]
        line = (
            f"| peak memory of inference | | {found['bytes_per_pixel']:.0f} bytes a pixel above "
            f"{found['bytes_at_zero'] / 2**20:.0f} MiB, {sizes[0]}² to {sizes[-1]}² pixels "
            f"| {deviation:.1f} % off a line | linear |"
        )
        return [line]
    return [_row(row, result["seconds_per_image"]) for row in result["ratios"]]


def _row(row, seconds):
    low, middle, high = (row["ratio"][k] for k in ("min", "median", "max"))
    if row["what"].startswith("pipeline"):  # a share, not a ratio
        ratio, goal = f"{100 * middle:.1f} % ({100 * low:.1f}–{100 * high:.1f})", f"≤ {100 * row['goal']:.0f} %"
    else:
        ratio = f"{middle:.2f}× ({low:.2f}–{high:.2f})"
        goal = f"≥ {row['goal']:.1f}×" if row["goal"] else ""
    against, ours = (f"{name}, {1000 * seconds[name]['median']:.3g} ms" for name in (row["against"], row["ours"]))
    return f"| {row['what']} | {against} | {ours} | {ratio}, {row['ratio']['n']} | {goal} |"


def table(directory):
    """The whole table of a folder of results."""
    lines = [HEADER]
    for name in ORDER:
        path = Path(directory) / f"{name}.json"
        if path.exists():
            lines += rows(json.loads(path.read_text()))
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(sys.argv[1] if len(sys.argv) > 1 else "results/benchmarks"))
