"""Gradients by recomputation: memory and time of a training step, and the gradients: python -m benchmarks recompute

One layer is applied 5 to 40 times to 32 images of 96×96, with and without `model.recompute`. Each measurement of memory
is a new process. It uses the current backend of Keras; the record has its name. Eight minutes on two idle cores.
"""

import json
import resource
from pathlib import Path

import numpy as np

from benchmarks.timing import Worker, spread

LAYERS = (5, 10, 20, 40)
BATCH, SIZE = 32, 96
PROCESSES = 3
GOALS = {"memory": 1.5, "gradients": 1e-4}  # memory of the most layers over that of the fewest; largest difference
WAYS = ("kept", "recomputed")
TITLES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def measure(layers=LAYERS, batch=BATCH, size=SIZE, processes=PROCESSES):
    """Memory, seconds and gradients.

    Returns:
        A dict with "backend", and "recompute": for "kept" and "recomputed", the number of layers → "bytes" (peak memory
        of the process above that before the first step), "seconds" of a step, each a `spread`, and on JAX
        "planned_bytes", what XLA reserves for a step. "gradients": number of layers → the largest relative difference.
    """
    import keras

    found = {
        way: {str(number): _step(number, way == "recomputed", batch, size, processes) for number in layers}
        for way in WAYS
    }
    differences = {str(number): difference(number) for number in layers}
    sizes = {"batch": batch, "size": size}
    return {"backend": keras.backend.backend(), "recompute": {**sizes, **found, "gradients": differences}}


def _step(layers, recompute, batch, size, processes):
    import keras

    peaks, times = [], []
    for _ in range(processes):
        worker = Worker(
            "benchmarks.recompute:prepared", warm_up=1, layers=layers, recompute=recompute, batch=batch, size=size
        )
        seconds, peak, _ = worker()
        worker.close()
        peaks.append(peak - worker.items)
        times.append(seconds)
    print(
        f"{layers} layers, {WAYS[recompute]}: {np.median(peaks) / 2**20:.0f} MiB, {np.median(times):.2g} s", flush=True
    )
    found = {"bytes": spread(peaks), "seconds": spread(times)}
    if keras.backend.backend() == "jax":
        found["planned_bytes"] = planned(layers, recompute, batch, size)
    return found


def _model(layers, recompute, optimizer):
    import keras

    import diffnet_tf as dn

    keras.utils.set_random_seed(0)
    model = dn.models.DiffNet(layers, shared=True, initial_scale=0.01)
    model.recompute = recompute
    model.compile(optimizer, dn.metrics.NormLoss())
    model.optimizer.build(model.trainable_variables)
    return model


def _pair(batch, size):
    import diffnet_tf as dn

    target = np.random.default_rng(0).uniform(size=(batch, size, size, 1)).astype("float32")
    return np.asarray(dn.diffusion.perona_malik(target)), target


def prepared(layers, recompute, batch, size):
    """A training step for `Worker`. Its "number of images" is the peak memory of the process in bytes before it."""
    from diffnet_tf.training import recipes

    model, pair = _model(layers, recompute, recipes.optimizer(recipes.get("authors"), 1_000)), _pair(batch, size)
    before = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return lambda: float(model.train_on_batch(*pair)), before


def planned(layers, recompute, batch, size):
    """The bytes that XLA reserves for what a step computes, from the step compiled by JAX."""
    import jax
    import keras

    model, pair = _model(layers, recompute, keras.optimizers.Adam()), _pair(batch, size)
    model._symbolic_build(data_batch=pair)
    state = model._get_jax_state(True, True, True, True)
    return jax.jit(model.train_step).lower(state, pair).compile().memory_analysis().temp_size_in_bytes


def difference(layers, batch=2, size=32):
    """The largest relative difference of a weight's gradient, from one step of gradient descent each."""
    import keras

    rate = 2.0**20  # so that rounding of the weights does not count

    def gradients(recompute):
        model = _model(layers, recompute, keras.optimizers.SGD(rate))
        before = model.get_weights()
        model.train_on_batch(*_pair(batch, size))
        return [(old - new) / rate for old, new in zip(before, model.get_weights())]

    pairs = zip(gradients(True), gradients(False))
    return max(float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)) for ours, theirs in pairs)


def table(results):
    """The records of all backends as a table, one row for each number of layers."""
    lines = []
    for backend, title in TITLES.items():
        path = Path(results) / "benchmarks" / f"recompute-{backend}.json"
        if path.exists():
            lines += rows(json.loads(path.read_text()), title)
    head = "| layers | kept: memory, time | recomputed: memory, time | gradients differ by |\n|---|---|---|---|"
    return "\n".join([head, *lines]) if lines else "Not run."


def rows(result, title=None):
    """The lines of the table for one record; the last one compares with the goals."""
    found = result["recompute"]
    lines = [f"| **{title or TITLES[result['backend']]}** |  |  |  |"]
    for number in found["kept"]:
        cells = [_cell(found[way][number]) for way in WAYS]
        lines.append(f"| {number} | {' | '.join(cells)} | {found['gradients'][number]:.0e} |")
    few, *_, many = found["kept"]
    ratios = [_ratio(found[way][many], found[way][few]) for way in WAYS]
    goals = f"goal: ≤ {GOALS['memory']:g}×", f"goal: ≤ {GOALS['gradients']:.0e}"
    lines.append(f"| {many} against {few} | {ratios[0]} | {ratios[1]} ({goals[0]}) | {goals[1]} |")
    return lines


def _cell(found):
    planned = f" (planned by XLA: {found['planned_bytes'] / 2**20:,.0f})" if "planned_bytes" in found else ""
    return f"{found['bytes']['median'] / 2**20:,.0f} MiB{planned}, {found['seconds']['median']:.2f} s"


def _ratio(many, few):
    planned = f" (planned: {many['planned_bytes'] / few['planned_bytes']:.2f}×)" if "planned_bytes" in many else ""
    return f"{many['bytes']['median'] / few['bytes']['median']:.2f}×{planned}"
