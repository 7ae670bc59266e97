"""The pixels of a stencil: their order, how far they reach, and the values of an image at these pixels."""

import math
import numbers
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Tensor

ORDER = ("centre", "up", "down", "left", "right")
POINTS = (5, 9, 13)
OFFSETS = (
    *((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)),
    *((-1, -1), (-1, 1), (1, -1), (1, 1)),
    *((-2, 0), (2, 0), (0, -2), (0, 2)),
)
"""(rows, columns) from a pixel to those of its stencil: the first 5 as in `ORDER`, the first 9 are the 3×3 square."""
BOUNDARIES = ("neumann", "dirichlet", "periodic")


def reach(points: int) -> int:
    """How far a stencil reaches, in pixels: 1 with 5 or 9 points, 2 with 13.

    Raises:
        ValueError: for another number of points.
    """
    if points not in POINTS:
        raise ValueError(f"points={points!r}; expected one of {', '.join(map(str, POINTS))}.")
    return max(abs(row) for row, _ in OFFSETS[:points])


def check_boundary(boundary: Boundary, number: bool = True, image: bool = True) -> None:
    """Raise an error unless this is a name in `BOUNDARIES`, or prescribed values.

    Args:
        boundary: as in `pad`.
        number, image: which kinds of prescribed values are allowed.

    Raises:
        ValueError: for an unknown name, or values that are not finite.
        TypeError: for anything else.
    """
    given: Any = boundary
    if isinstance(given, str):
        checks.one_of(given, "boundary", BOUNDARIES)
    elif number and isinstance(given, numbers.Real) and not isinstance(given, bool):
        if not math.isfinite(float(given)):
            raise ValueError(f"boundary={given!r}; expected a finite number, or one of {', '.join(BOUNDARIES)}.")
    elif not image or not hasattr(given, "shape"):
        names = ", ".join(map(repr, BOUNDARIES))
        others = ", a number" * number + ", an image with a frame of prescribed values" * image
        raise checks.InputTypeError(f"boundary is a {type(given).__name__}; expected one of {names}{others} here.")
    elif isinstance(given, np.ndarray):
        checks.finite(given, "boundary")


def is_prescribed(boundary: Boundary) -> bool:
    """Whether the boundary is given by its values, a number or an image, and not by a name."""
    return not isinstance(boundary, str)


def no_flux(boundary: Boundary) -> bool:
    """Whether nothing flows through the border of the image."""
    return isinstance(boundary, str) and boundary == "neumann"


def of_differences(boundary: Boundary) -> Boundary:
    """The boundary of a difference between two images that both have this boundary: prescribed values cancel to 0."""
    return 0.0 if is_prescribed(boundary) else boundary


def of_diffusivity(boundary: Boundary) -> Boundary:
    """How γ continues outside: beside prescribed values it repeats its border, otherwise it is treated like the image.

    With "dirichlet", γ is 0 outside, as in the authors' code. So half of γ acts at the mid-points of the border, also
    where γ is 1 inside. Prescribed values do not have this artefact.
    """
    return "neumann" if is_prescribed(boundary) else boundary


def pad(u: Tensor, boundary: Boundary = "neumann", width: int = 1) -> Tensor:
    """Add a frame of pixels around images.

    Args:
        u: (batch, height, width, channels).
        boundary: the values of the frame. "neumann": the image mirrored at its border; a frame of one pixel repeats the
            border pixels. "dirichlet": 0. "periodic": the opposite side of the image. A number: this value. An image:
            the frame of this larger image, (height + 2k, width + 2k), or with the batch and channels of u, where k is
            at least `width`; what it has in place of u itself is ignored.
        width: width of the frame in pixels.

    Returns:
        (batch, height + 2 width, width + 2 width, channels).

    Raises:
        ValueError, TypeError: for an unknown boundary, or an image whose size does not fit.
    """
    check_boundary(boundary)
    frame = [[0, 0], [width, width], [width, width], [0, 0]]
    if isinstance(boundary, numbers.Real):
        return ops.pad(u, frame, constant_values=float(boundary))
    if is_prescribed(boundary):
        return _framed(u, boundary, width)
    if boundary == "periodic":
        if any(size is not None and size < width for size in u.shape[1:3]):
            raise ValueError(
                f"u has shape {tuple(u.shape)}; expected at least {width} pixels a side, for a stencil that reaches "
                f"{width} pixels with boundary='periodic'."
            )
        u = ops.concatenate([u[:, -width:], u, u[:, :width]], axis=1)
        return ops.concatenate([u[:, :, -width:], u, u[:, :, :width]], axis=2)
    if boundary == "neumann" and width > 1 and keras.backend.backend() == "torch":
        # On PyTorch, Keras's "symmetric" repeats the border, which is the mirror image only for a frame of one pixel.
        u = ops.concatenate([ops.flip(u[:, :width], 1), u, ops.flip(u[:, -width:], 1)], 1)
        return ops.concatenate([ops.flip(u[:, :, :width], 2), u, ops.flip(u[:, :, -width:], 2)], 2)
    mode = "symmetric" if boundary == "neumann" else "constant"
    return ops.pad(u, frame, mode=mode)


def _framed(u: Tensor, boundary: Tensor, width: int) -> Tensor:
    """u in the frame of a larger image."""
    outer = ops.cast(ops.convert_to_tensor(boundary), keras.backend.standardize_dtype(u.dtype))
    if len(outer.shape) == 2:
        outer = outer[None, :, :, None]
    shape, sizes = tuple(boundary.shape), u.shape[1:3]
    fits = len(outer.shape) == 4 and None not in (*sizes, *outer.shape[1:3])
    frame = (outer.shape[1] - sizes[0]) // 2 if fits else 0
    if frame < width or checks.differ(outer.shape[1:3], [size + 2 * frame for size in sizes]):
        raise ValueError(
            f"boundary has shape {shape} and u {tuple(u.shape)}; expected a name, a number, or an image with a frame "
            f"of at least {width} pixel(s) around u, such as np.pad(image, {width})."
        )
    for axis, name in ((0, "images"), (3, "channels")):
        if outer.shape[axis] not in (1, u.shape[axis], None) and u.shape[axis] is not None:
            raise ValueError(
                f"boundary has shape {shape} and u {tuple(u.shape)}; expected as many {name} in both, or one boundary."
            )
    skip = frame - width
    outer = outer[:, skip : outer.shape[1] - skip, skip : outer.shape[2] - skip]
    outer = ops.broadcast_to(outer, (ops.shape(u)[0], *outer.shape[1:3], ops.shape(u)[3]))
    inner = slice(width, -width)
    middle = ops.concatenate([outer[:, inner, :width], u, outer[:, inner, -width:]], axis=2)
    return ops.concatenate([outer[:, :width], middle, outer[:, -width:]], axis=1)


def neighbours(u: Tensor, boundary: Boundary = "neumann", points: int = 5) -> tuple[Tensor, ...]:
    """Shifted copies of images: at every pixel the value of its neighbour above, below, left, right, and so on.

    Args:
        u: (batch, height, width, channels).
        boundary: the values outside the image, see `pad`.
        points: number of points of the stencil, 5, 9 or 13.

    Returns:
        points − 1 tensors of u's shape, in the order of `OFFSETS`.
    """
    frame = reach(points)
    padded = pad(u, boundary, frame)
    part = {k: slice(frame + k, k - frame or None) for k in range(-frame, frame + 1)}  # shifted by k
    return tuple(padded[:, part[row], part[column]] for row, column in OFFSETS[1:points])
