"""The package's own methods as solvers of the benchmark: the input itself, presets, and tuned classical methods.

The parameters of classical methods are chosen on photographs that are not part of the benchmark, for each task anew.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping

import numpy as np
from skimage import restoration

from diffnet_tf.base.types import Array
from diffnet_tf.evaluation import classical
from diffnet_tf.evaluation.benchmark import solvers, tasks
from diffnet_tf.evaluation.benchmark.solvers import Solver
from diffnet_tf.evaluation.benchmark.tasks import Task
from diffnet_tf.networks import presets
from diffnet_tf.restoration import estimate_noise

TUNING = 16  # training images on which parameters are chosen; the Wiener filter is made from all
# Parameters to try instead of those in `classical`.
GRIDS = {
    ("newton", "alpha"): (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.3, 2.0, 3.0),
    ("unsharp", "radius"): (0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
    ("fixed_point", "iterations"): (1000,),  # without noise; 200 are too few to converge
}
DECONVOLUTION = {"radius": (0.4, 0.5, 0.6, 0.7, 0.9, 1.1), "iterations": (1, 2, 3, 5, 10, 20, 30)}
_PAD = 8  # pixels around an image for Richardson–Lucy
# σ → the preset that was trained for it.
NETWORKS = {0.0: "inverse", 0.001: "inverse-0.1pct", 0.01: "inverse-1pct"}


def ours(chosen: Mapping[str, Task] = tasks.TASKS) -> list[Solver]:
    """All methods, ready to be measured on some tasks. Parameters are tuned when a method is first used."""
    found = [Solver("input", "the input", "input", lambda image, task: image, 0), _network(), _any_noise()]
    methods = {name: of(task) for name, task in chosen.items()}
    names = dict.fromkeys(name for each in methods.values() for name in each)
    return found + [
        _tuned(name, {task: each[name] for task, each in methods.items() if name in each}) for name in names
    ]


def _network() -> Solver:
    """The presets as one solver: the network that was trained for the noise of the task."""
    loaded = functools.cache(lambda name: solvers.of_model(presets.from_preset(name)))

    def restore(image: Array, task: Task) -> Array:
        return loaded(NETWORKS[task.noise])(image, task)

    parameters = presets.from_preset(NETWORKS[0.0]).count_params()
    return Solver("diffnet", "DiffNet, preset for σ", "network", restore, parameters)


def _any_noise() -> Solver:
    """One network for all tasks, which estimates σ from the image."""
    model = presets.from_preset("inverse-any-noise")
    apply = solvers.of_model(model)

    def restore(image: Array, task: Task) -> Array:
        return apply(image, dataclasses.replace(task, noise=estimate_noise(image)))

    label = "DiffNet, any noise, σ estimated"
    return Solver("any_noise", label, "network", restore, model.count_params(), knows_task=False)


# ---- Classical methods -----------------------------------------------------------------------------------------------


def _pairs(task: Task, number: int | None = None) -> list[Array]:
    """(inputs, targets) that parameters are chosen on, (n, height, width, 1)."""
    return [array[..., None] for array in tasks.training_pairs(task, number)]


def of(task: Task) -> dict[str, classical.Method]:
    """The classical methods for a task, by name, with grids that are wide enough for its noise and its diffusion."""
    wiener = functools.cache(lambda: classical.Wiener(*_pairs(task)))
    found = classical.methods(task.noise, lambda images: wiener()(images), task.diffusion)
    found["richardson_lucy"] = classical.Method("Richardson–Lucy", _richardson_lucy, DECONVOLUTION)
    for name, method in found.items():
        grid = {key: GRIDS.get((name, key), values) for key, values in method.grid.items()}
        if "strength" in grid and task.noise < 0.01:
            grid["strength"] = tuple(0.1 * value for value in grid["strength"]) + grid["strength"][:2]
        most = 3 * method.most if task.noise < 0.01 else method.most
        found[name] = dataclasses.replace(method, grid=grid, most=most)
    return found


def _richardson_lucy(inputs: Array, radius: float, iterations: float) -> Iterator[Array]:
    """Deconvolution for a Gaussian blur of standard deviation `radius`: where |∇u| is small, diffusion is one."""
    place = np.arange(-4, 5)
    line = np.exp(-(place**2) / (2 * radius**2))
    kernel = np.outer(line, line) / line.sum() ** 2

    def deblurred(image: Array) -> Array:
        padded = np.pad(image, _PAD, "edge").clip(0)  # the method needs light, and assumes zeros outside
        return restoration.richardson_lucy(padded, kernel, iterations, clip=False)[_PAD:-_PAD, _PAD:-_PAD]

    yield np.stack([deblurred(image[..., 0]) for image in inputs])[..., None].astype(inputs.dtype)


def _tuned(name: str, methods: Mapping[str, classical.Method]) -> Solver:
    """One classical method for all tasks that it is for."""
    first = next(iter(methods.values()))

    @functools.cache
    def choice(task: Task) -> dict[str, float]:
        method = methods[task.name]
        if not method.tuned:
            return method.combinations()[0]
        return classical.tune(method, *_pairs(task, TUNING))[0]

    def restore(image: Array, task: Task) -> Array:
        inputs = np.asarray(image, "float32")[None, ..., None]
        return classical.restored(methods[task.name], inputs, choice(task))[0, ..., 0]

    chosen = max(sum(len(v) > 1 for v in method.grid.values()) + (method.most > 1) for method in methods.values())
    kind = "told" if first.knows_diffusion else "untold"
    parameters = tasks.SIDE**2 if name == "wiener" else chosen  # one for each frequency
    return Solver(name, first.label, kind, restore, parameters, tuple(methods), choice)
