"""Run benchmarks: python -m benchmarks [step inference-96 inference-1024 inverse pairs pipeline memory recompute …]"""

import importlib.metadata
import os
import sys
import time
from pathlib import Path

from benchmarks import long_times, overhead, recompute, report, restore, size, speed
from benchmarks.timing import spread
from diffnet_tf import files
from diffnet_tf.base import checks, command_line
from diffnet_tf.files import provenance

PEERS = ("torch", "medpy", "SimpleITK", "opencv-contrib-python-headless", "scipy")


# What is measured without a peer.
_ALONE = {
    "memory": lambda: {"memory": speed.memory()},
    "size": lambda: {"size": size.measure(memory_gib=provenance.hardware()["memory_gib"])},
    "overhead": lambda: {"overhead": overhead.outside()},
    "long-times": lambda: {"long_times": long_times.measure()},
    "recompute": recompute.measure,
    "restore": restore.measure,
}


NAMES = (*speed.COMPARISONS, *_ALONE)


def parser():
    """The command line."""
    parser = command_line.Parser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(NAMES)} (default: all but restore)")
    parser.add_argument("--results-dir", default="results/benchmarks", type=Path, help="folder for the records")
    return parser


@command_line.reports_errors
def main(arguments=None):
    """Measure, and write a record for each name. Returns the exit status."""
    chosen = parser().parse_args(arguments)
    for name in chosen.names:
        checks.one_of(name, "name", NAMES)
    for name in chosen.names or NAMES[:-1]:
        start, load = time.perf_counter(), os.getloadavg()[0]
        result = _ALONE[name]() if name in _ALONE else _compare(speed.COMPARISONS[name])
        result |= {
            "commit": provenance.commit(),
            "versions": {**provenance.versions(), **_peers()},
            "hardware": provenance.hardware(),
            "load_average_before": round(load, 2),  # above 0: other programs were running, too
            "wall_seconds": round(time.perf_counter() - start, 1),
        }
        stem = f"{name}-{result['backend']}" if "backend" in result else name  # a record of each backend
        files.write_json(files.check_writable(chosen.results_dir) / f"{stem}.json", result)
        print("\n".join(report.rows(result)), flush=True)


def _compare(comparison):
    times, ratios = comparison()
    return {
        "seconds_per_image": {name: spread(values) for name, values in times.items()},
        "ratios": [dict(zip(("what", "against", "ours", "ratio", "goal"), row)) for row in ratios],
    }


def _peers():
    found = {}
    for name in PEERS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


if __name__ == "__main__":
    sys.exit(main())
