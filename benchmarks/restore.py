"""The time that the command `restore` spends in its parts, for each image format: `python -m benchmarks restore`.

Every run is a new process, so that importing and compiling count. The time in the network is that of its compiled
calls, including copies to and from the device. "fast device" stands for a device that needs 10 ms for a tile of 512×512
pixels: instead of the network, the process only waits. This shows which parts do not overlap with the network.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import ROOT, spread

REPETITIONS = 3
SHAPE = (4000, 6000)  # 24 megapixels
PRESET = "inverse-0.1pct"
WAIT = 0.01  # seconds a tile of the fast device
# Name of the file → (channels, bits).
FILES = {
    "gray16.tif": (1, 16),
    "rgb16.tif": (3, 16),
    "gray16.png": (1, 16),
    "rgb8.png": (3, 8),
    "gray8.jpg": (1, 8),
    "rgb8.jpg": (3, 8),
}
# How a file is restored → in words. In turns: reading, computing and writing do not overlap.
WAYS = {
    "own": "computed here",
    "fast": "a simulated fast device",
    "fast, in turns": "a simulated fast device, in turns",
}
GOAL = 0.10  # of the wall time outside the network, for TIFF


def image(channels, bits, shape=SHAPE):
    """A photograph repeated to fill a shape. A little noise keeps it from compressing too well."""
    import skimage.data

    u = skimage.data.astronaut()[..., -channels:] / np.float32(255)
    repeats = [-(-side // n) for side, n in zip(shape, u.shape)]
    u = np.tile(u, (*repeats, 1))[: shape[0], : shape[1]]
    u = u + np.float32(0.004) * np.random.default_rng(0).standard_normal(u.shape, dtype="float32")
    return ((2**bits - 1) * np.clip(u, 0, 1)).astype(f"uint{bits}")


def once(source, target, device="own", overlap=True):
    """Restore one file in this process, which should be new, and return the seconds of each kind.

    The wall time does not include the imports. It includes loading the network (counted as outside) and compiling
    (counted as network).

    Args:
        source, target: names of files.
        device: "own", or "fast" for one that only waits.
        overlap: False reads, computes and writes in turns.
    """
    start = time.perf_counter()
    from diffnet_tf.__main__ import main
    from diffnet_tf.commands import restore as command
    from diffnet_tf.restoration import arrays, tiles

    imported = time.perf_counter()
    calls, loading = [], []
    made, chosen = tiles.Tiled.__init__, command.models.chosen

    def watched(self, *arguments, **options):
        made(self, *arguments, **options)
        function = self._function

        def timed(part):
            begin = time.perf_counter()
            if device == "fast":
                time.sleep(WAIT)
                output = part
            else:
                output = np.asarray(function(part))
            calls.append(time.perf_counter() - begin)
            return output

        self._function = timed

    def load(arguments):
        begin = time.perf_counter()
        model = chosen(arguments)
        loading.append(time.perf_counter() - begin)
        return model

    tiles.Tiled.__init__, command.models.chosen = watched, load
    if not overlap:
        ahead = tiles.ahead
        tiles.ahead = arrays.ahead = lambda function, arguments, waiting: ahead(function, arguments, 0)
    if main(["restore", str(source), str(target), "--preset", PRESET, "--force"]):
        raise RuntimeError(f"restore failed on {source}.")
    wall, network = time.perf_counter() - imported, sum(calls)
    # TensorFlow traces in the first call, and once more in the first of another shape.
    compiling = sum(max(0.0, seconds - float(np.median(calls))) for seconds in calls[:2])
    return {
        "importing": imported - start,
        "loading": sum(loading),
        "compiling": compiling,
        "wall": wall,
        "network": network,
        "outside": wall - network,
        "share_outside": (wall - network) / wall,
    }


def _in_a_process(*arguments):
    """Run `once` in a new process."""
    code = f"import json; from benchmarks import restore; print(json.dumps(restore.once(*{arguments!r})))"
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"restore failed on {arguments[0]}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def encoding(pixels):
    """Seconds and megabytes of PNGs for each level of zlib; the package writes level 6."""
    from PIL import Image

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for level in (1, 6):
            path, times = Path(folder) / "image.png", []
            for _ in range(REPETITIONS):
                start = time.perf_counter()
                Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path, compress_level=level)
                times.append(time.perf_counter() - start)
            found[str(level)] = {"seconds": spread(times), "megabytes": path.stat().st_size / 1e6}
    return found


def measure(names=tuple(FILES), shape=SHAPE, repetitions=REPETITIONS):
    """Spreads over fresh processes: {"restore": file → device → kind of time, "png": level of zlib}."""
    from diffnet_tf.files import image_files

    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            pixels = image(*FILES[name], shape)
            with image_files.writing(Path(folder) / name, pixels.shape, pixels.dtype) as out:
                out[...] = pixels
        ways = {"own": ("own", True), "fast": ("fast", True), "fast, in turns": ("fast", False)}
        for _ in range(repetitions):  # by turns: what else the machine does falls on all of them
            for name in names:
                for way, options in ways.items():
                    target = Path(folder) / f"out{Path(name).suffix}"
                    found = _in_a_process(str(Path(folder) / name), str(target), *options)
                    runs.setdefault(name, {}).setdefault(way, []).append(found)
    spreads = {
        name: {way: {kind: spread([run[kind] for run in found]) for kind in found[0]} for way, found in ways.items()}
        for name, ways in runs.items()
    }
    pngs = [name for name in names if name == "gray16.png"]
    return {
        "restore": spreads,
        "megapixels": shape[0] * shape[1] / 1e6,
        "png": {name: encoding(image(*FILES[name], shape)) for name in pngs},
    }


def rows(result):
    """The lines of the table of `report`: the share outside the network, on this device and on a fast one."""
    lines = []
    for name, ways in result["restore"].items():
        for way, kinds in ways.items():
            low, middle, high = (100 * kinds["share_outside"][k] for k in ("min", "median", "max"))
            goal = f"≤ {100 * GOAL:.0f} %" if name.endswith(".tif") and way == "own" else ""
            lines.append(
                f"| `restore` of {name}, {result['megapixels']:g} megapixels, outside the network | {WAYS[way]} "
                f"| {kinds['wall']['median']:.1f} s, of which outside {kinds['outside']['median']:.2f} s "
                f"| {middle:.1f} % ({low:.1f}–{high:.1f}), {kinds['share_outside']['n']} | {goal} |"
            )
    return lines
