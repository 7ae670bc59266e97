"""Seconds and peak memory of the preset `inverse` for square float32 images of different sizes.

Each size is measured twice, each time in a new process: with `diffnet_tf.restore`, which works tile by tile, and with
the model on the whole image. If the time is c · pixels^p, then p is the slope of a line through the logarithms.
"""

import time

import numpy as np

from benchmarks.timing import Worker, spread

SIDES = (96, 256, 512, 1024, 2048, 4096, 8192)
TILE = 512
BYTES_PER_PIXEL = 550  # of a whole image, roughly, to leave out what does not fit
REPETITIONS = 7
PATIENCE = 30.0  # seconds; what takes longer than this is repeated less often, what takes twice as long is not


def measure(sides=SIDES, memory_gib=None, repetitions=REPETITIONS):
    """Seconds, bytes and exponents.

    Args:
        sides: sides of the images in pixels, at least two.
        memory_gib: memory of the machine; whole images that need more than two thirds of it are left out. None: no
            limit.
        repetitions: repetitions of measurements that take less than 3 seconds.

    Returns:
        {"tiles": ..., "whole": ...}, each with "sides": side → {"seconds" and "core_seconds": a `spread`, "peak_bytes",
        "bytes_before"} (the process's peak memory, and what it was before the image was made) or {"left_out": why},
        and "exponents". Seconds of cores, of all threads together, suffer less from other programs.
    """
    found = {}
    for name, tile in (("tiles", TILE), ("whole", None)):
        rows = {}
        for side in sides:
            needed = side**2 * BYTES_PER_PIXEL / 2**30
            if tile is None and memory_gib and needed > memory_gib * 2 / 3:
                rows[str(side)] = {"left_out": f"needs about {needed:.0f} GiB of {memory_gib:g} GiB"}
            else:
                rows[str(side)] = _one(side, tile, repetitions)
        found[name] = {"sides": rows, "exponents": exponents(rows)}
    return found


def _one(side, tile, repetitions):
    start = time.perf_counter()
    worker = Worker("benchmarks.ours:restored", warm_up=1 if side <= 1024 else 0, size=side, tile=tile)
    times, of_cores = [], []
    while len(times) < repetitions:
        seconds, peak, used = worker()
        times.append(seconds)
        of_cores.append(used)
        if (len(times) >= 3 and sum(times) > PATIENCE) or seconds > 2 * PATIENCE:
            break
    worker.close()
    print(
        f"{side}×{side}, {'tiles' if tile else 'whole'}: {np.median(times):.3g} s, {peak / 2**20:.0f} MiB", flush=True
    )
    return {
        "seconds": spread(times),
        "core_seconds": spread(of_cores),
        "peak_bytes": peak,
        "bytes_before": worker.items,
        "wall_seconds": round(time.perf_counter() - start, 1),
    }


def exponents(rows, least=1024):
    """Slopes against log pixels: of log seconds (wall and cores), log peak memory, and log added memory.

    Args:
        rows: side → a result of `measure`.
        least: the memory is also fitted from this side on, where the image outweighs the libraries.

    Returns:
        A dict of floats; None where fewer than two sizes are there to fit.
    """
    rows = {int(side): row for side, row in rows.items() if "seconds" in row}

    def slope(value, sides):
        values = np.array([value(rows[side]) for side in sides])
        sides = np.array(sides, float)[values > 0]
        values = values[values > 0]
        return float(np.polyfit(2 * np.log(sides), np.log(values), 1)[0]) if len(sides) > 1 else None

    every, large = list(rows), [side for side in rows if side >= least]
    peak, above = (lambda row: row["peak_bytes"]), (lambda row: row["peak_bytes"] - row["bytes_before"])
    return {
        "seconds": slope(lambda row: row["seconds"]["median"], every),
        f"seconds_from_{least}": slope(lambda row: row["seconds"]["median"], large),
        "core_seconds": slope(lambda row: row["core_seconds"]["median"], every),
        "peak_memory": slope(peak, every),
        f"peak_memory_from_{least}": slope(peak, large),
        f"memory_above_start_from_{least}": slope(above, large),
    }
