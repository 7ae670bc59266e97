"""The pixels of a stencil: their order, how far they reach, and the values of an image at these pixels."""

import keras
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
BOUNDARIES: tuple[Boundary, ...] = ("neumann", "dirichlet")


def reach(points: int) -> int:
    """How far a stencil reaches, in pixels: 1 with 5 or 9 points, 2 with 13.

    Raises:
        ValueError: for another number of points.
    """
    if points not in POINTS:
        raise ValueError(f"points={points!r}; expected one of {', '.join(map(str, POINTS))}.")
    return max(abs(row) for row, _ in OFFSETS[:points])


def pad(u: Tensor, boundary: Boundary = "neumann", width: int = 1) -> Tensor:
    """Add a frame of pixels around images: mirrored at the border (Neumann) or zero (Dirichlet).

    Args:
        u: (batch, height, width, channels).
        boundary: "neumann" or "dirichlet".
        width: width of the frame in pixels. With Neumann boundaries, a frame of one pixel repeats the border pixels.

    Returns:
        (batch, height + 2 width, width + 2 width, channels).
    """
    checks.one_of(boundary, "boundary", BOUNDARIES)
    if boundary == "neumann" and width > 1 and keras.backend.backend() == "torch":
        # On PyTorch, Keras's "symmetric" repeats the border, which is the mirror image only for a frame of one pixel.
        u = ops.concatenate([ops.flip(u[:, :width], 1), u, ops.flip(u[:, -width:], 1)], 1)
        return ops.concatenate([ops.flip(u[:, :, :width], 2), u, ops.flip(u[:, :, -width:], 2)], 2)
    mode = "symmetric" if boundary == "neumann" else "constant"
    return ops.pad(u, [[0, 0], [width, width], [width, width], [0, 0]], mode=mode)


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
