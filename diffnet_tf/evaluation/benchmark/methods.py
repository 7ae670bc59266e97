"""The package's own methods as solvers of the benchmark: the input itself, presets, and tuned classical methods.

The parameters of classical methods are chosen on photographs that are not part of the benchmark, for each task anew.
"""

import functools
from collections.abc import Iterator, Mapping

import numpy as np
from skimage import restoration

from diffnet_tf import data
from diffnet_tf.base.types import Array
from diffnet_tf.evaluation import classical
from diffnet_tf.evaluation.benchmark import solvers, tasks
from diffnet_tf.evaluation.benchmark.solvers import Solver
from diffnet_tf.evaluation.benchmark.tasks import Task
from diffnet_tf.networks import presets

TUNING = 8  # training images on which parameters are chosen
WIENER = 400  # training images from which the Wiener filter is made
# σ → the preset that was trained for it.
NETWORKS = {0.0: "inverse", 0.001: "inverse-0.1pct", 0.01: "inverse-1pct"}


def ours(chosen: Mapping[str, Task] = tasks.TASKS) -> list[Solver]:
    """All methods, ready to be measured on some tasks. Parameters are tuned when a method is first used."""
    found = [Solver("input", "the input", "input", lambda image, task: image, 0), _network()]
    of_tasks = {name: _methods(task) for name, task in chosen.items()}
    names = dict.fromkeys(name for methods in of_tasks.values() for name in methods)
    return found + [_tuned(name, {task: of[name] for task, of in of_tasks.items() if name in of}) for name in names]


def _network() -> Solver:
    """The presets as one solver: the network that was trained for the noise of the task."""
    loaded = functools.cache(lambda name: solvers.of_model(presets.from_preset(name)))

    def restore(image: Array, task: Task) -> Array:
        return loaded(NETWORKS[task.noise])(image, task)

    parameters = presets.from_preset(NETWORKS[0.0]).count_params()
    return Solver("diffnet", "DiffNet, preset for σ", "network", restore, parameters)


# ---- Classical methods -----------------------------------------------------------------------------------------------


@functools.cache
def _training_images(number: int) -> Array:
    return data.load_images("skimage", split="train", limit=number)


def _methods(task: Task) -> dict[str, classical.Method]:
    """The classical methods for a task, by name."""
    wiener = functools.cache(lambda: classical.Wiener(*tasks.training_pairs(task, _training_images(WIENER))))
    found = classical.methods(task.noise, lambda images: wiener()(images), task.diffusion)
    grid = {"radius": (0.5, 0.7, 0.9, 1.1), "iterations": (3, 10, 30)}
    return found | {"richardson_lucy": classical.Method("Richardson–Lucy", _richardson_lucy, grid)}


def _richardson_lucy(inputs: Array, radius: float, iterations: float) -> Iterator[Array]:
    """Deconvolution for a Gaussian blur of standard deviation `radius`: where |∇u| is small, diffusion is one."""
    place = np.arange(-4, 5)
    line = np.exp(-(place**2) / (2 * radius**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    yield np.stack(
        [
            restoration.richardson_lucy(np.pad(image[..., 0], 8, "edge").clip(0), kernel, iterations, clip=False)[8:-8, 8:-8]
            for image in inputs
        ]
    )[..., None].astype(inputs.dtype)


def _tuned(name: str, methods: Mapping[str, classical.Method]) -> Solver:
    """One classical method for all tasks that it is for."""
    first = next(iter(methods.values()))

    @functools.cache
    def choice(task: Task) -> dict[str, float]:
        method = methods[task.name]
        if not method.tuned:
            return method.combinations()[0]
        return classical.tune(method, *tasks.training_pairs(task, _training_images(TUNING)))[0]

    def restore(image: Array, task: Task) -> Array:
        inputs = np.asarray(image, "float32")[None, ..., None]
        return classical.restored(methods[task.name], inputs, choice(task))[0, ..., 0]

    chosen = max(sum(len(v) > 1 for v in method.grid.values()) + (method.most > 1) for method in methods.values())
    kind = "told" if first.knows_diffusion else "untold"
    parameters = tasks.SIDE**2 if name == "wiener" else chosen  # one for each frequency
    return Solver(name, first.label, kind, restore, parameters, tuple(methods), choice)
