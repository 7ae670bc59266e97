"""Explicit nonlinear diffusion of a batch in which every image has a contrast λ, a time T and a diffusivity of its own.

It is `diffusion.nonlinear` for every image, in one computation: all images do the same number of steps, and those after
the time of an image have length 0.

>>> import diffnet_tf as dn
>>> images = dn.data.load_images("skimage", split="test", limit=2)
>>> diffused = dn.diffusion.per_image(images, contrast=[0.1, 0.4], time=[0.2, 0.8])
>>> alone = dn.diffusion.perona_malik(images[1:], steps=8, dt=0.1, contrast=0.4)
>>> bool(abs(diffused[1:] - alone).numpy().max() < 1e-6)
True
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor
from diffnet_tf.physics import diffusivity as diffusivities
from diffnet_tf.physics.diffusivity import Diffusivity
from diffnet_tf.physics.neighbourhood import check_boundary
from diffnet_tf.physics.steps import SCHEMES, as_batch, check_stability, explicit_step, squared_gradient

STEPS, DT = 10, 0.1
"""The most steps, and their length in pixels², if nothing else is given: times up to 1."""
NEAR = 1e-4  # how far a number of steps may be above a whole one: times are rounded


def per_image(
    u: Tensor,
    contrast: float | Sequence[float] | Tensor,
    time: float | Sequence[float] | Tensor,
    diffusivity: str | Diffusivity | Sequence[str | Diffusivity] = "perona_malik_1",
    kind: int | Sequence[int] | Tensor = 0,
    *,
    steps: int = STEPS,
    dt: float = DT,
    boundary: Boundary = "neumann",
    scheme: str = "one-sided",
) -> Tensor:
    """Explicit diffusion (2.10) with a different contrast, time and diffusivity for every image of a batch.

    If the time of an image is a multiple of dt, its result equals `nonlinear(u, time / dt, dt, contrast, diffusivity,
    boundary, scheme=scheme)` up to rounding. Otherwise its last step is shorter. The result can be differentiated with
    respect to images, contrasts and times.

    Args:
        u: images, (batch, height, width, 1) or (height, width), floating point.
        contrast: λ in gray values per pixel, above 0: one number, or one for each image, (batch,) or (batch, 1, 1, 1).
        time: T in pixels², from 0 to steps · dt: one number, or one for each image, likewise.
        diffusivity: one for all images, or several to choose from; see `diffusivity.DIFFUSIVITIES`. Not
            "regularised_tv", whose largest stable step depends on the contrast.
        kind: with several diffusivities, the number of that of each image, counted from 0: one number, or one for each
            image, likewise.
        steps: number of steps that are computed. Those after the time of an image do not change it.
        dt: length of a step in pixels², above 0, at most 1/4.
        boundary, scheme: see `nonlinear`.

    Returns:
        The diffused images, of u's shape and dtype.

    Raises:
        ValueError: for an argument out of range. (The values of times and contrasts are checked in numbers and arrays,
            not in tensors.)
        TypeError: if the images are not floating point.
    """
    checks.count(steps, "steps")
    checks.positive(dt, "dt")
    check_boundary(boundary)
    checks.one_of(scheme, "scheme", SCHEMES)
    several = [diffusivity] if isinstance(diffusivity, (str, Diffusivity)) else list(diffusivity)
    functions = [diffusivities.get(each) for each in several]
    if not functions:
        raise ValueError("diffusivity is empty; expected at least one.")
    for each in functions:
        if each.maximum(1.0) != each.maximum(2.0):
            raise ValueError(f"diffusivity={each.name!r}, whose stability bound depends on λ; expected another one.")
        check_stability(dt, each.stability_bound(1.0), each.name, False)
    u, restore = as_batch(u)
    contrast, time, kind = _checked(contrast, time, kind, steps, float(dt), len(functions))
    contrast, time, kind = (_of_images(value, u, name) for value, name in zip((contrast, time, kind), _NAMES))
    return restore(repeated(step_of(functions, boundary, scheme), u, contrast, time, kind, steps, dt))


Step = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def step_of(functions: Sequence[Diffusivity], boundary: Boundary = "neumann", scheme: str = "one-sided") -> Step:
    """One step as a function (u, length, contrast, kind) → u⁺ of tensors; all but u are (batch, 1, 1, 1)."""

    def step(u: Tensor, length: Tensor, contrast: Tensor, kind: Tensor) -> Tensor:
        s2 = squared_gradient(u, boundary, scheme)
        gamma = functions[0](s2, contrast)
        for k, function in enumerate(functions[1:], 1):
            gamma = ops.where(kind == k, function(s2, contrast), gamma)
        return explicit_step(u, length, gamma, boundary)

    return step


def repeated(step: Step, u: Tensor, contrast: Tensor, time: Tensor, kind: Tensor, steps: int, dt: float) -> Tensor:
    """All steps of `per_image`, whose checks were made before."""
    for k in range(steps):
        u = step(u, ops.clip(time - k * float(dt), 0.0, float(dt)), contrast, kind)
    return u


_NAMES = ("contrast", "time", "kind")


def number_of_steps(time: float, steps: int = STEPS, dt: float = DT) -> int:
    """The number of steps of a diffusion time, of which the last one may be shorter.

    Raises:
        TypeError, ValueError: unless the time is at least 0 and at most steps · dt.
    """
    checks.not_negative(time, "time")
    number = math.ceil(time / dt - NEAR)
    if number > steps:
        raise ValueError(f"time={time:g}; expected at most {steps * dt:g}, {steps} steps of {dt:g}.")
    return number


def _checked(contrast: Any, time: Any, kind: Any, steps: int, dt: float, kinds: int) -> tuple[Any, Any, Any]:
    """The same values; those of numbers and arrays are checked."""
    for value in _known(contrast):
        checks.positive(value, "contrast")
    for value in _known(time):
        number_of_steps(value, steps, dt)
    for value in _known(kind):
        if value not in range(kinds):
            raise ValueError(f"kind={value:g}; expected a number of one of the {kinds} diffusivities, from 0.")
    return contrast, time, kind


def _known(value: Any) -> list[float]:
    if ops.is_tensor(value) or isinstance(value, keras.KerasTensor):
        return []
    return [float(each) for each in np.ravel(np.asarray(value, "float64"))]


def _of_images(value: Any, u: Tensor, name: str) -> Tensor:
    """Numbers of the images as (1 or batch, 1, 1, 1), in u's dtype."""
    dtype = keras.backend.standardize_dtype(u.dtype)
    value = value if isinstance(value, keras.KerasTensor) else ops.convert_to_tensor(value)
    value = ops.cast(value, dtype)
    shape = tuple(value.shape)
    if math.prod(side or 1 for side in shape[1:]) != 1 or (shape and checks.differ(shape[:1], u.shape[:1])):
        raise ValueError(
            f"{name} has shape {shape} and u {tuple(u.shape)}; expected one number, or one for each image, (batch,) "
            "or (batch, 1, 1, 1)."
        )
    return ops.reshape(value, (-1, 1, 1, 1))
