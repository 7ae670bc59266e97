"""The pixels of a stencil: how they are ordered, how far they reach, and what stands there in an image."""

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
"""(rows, columns) from a pixel to those of its stencil: the first five are `ORDER`, the first nine the 3×3 square."""
BOUNDARIES: tuple[Boundary, ...] = ("neumann", "dirichlet")


def reach(points: int) -> int:
    """How far a stencil of so many points reaches, in pixels: 1 for 5 and 9, 2 for 13."""
    if points not in POINTS:
        raise ValueError(f"points={points!r}; expected one of {', '.join(map(str, POINTS))}.")
    return max(abs(row) for row, _ in OFFSETS[:points])


def pad(u: Tensor, boundary: Boundary = "neumann", width: int = 1) -> Tensor:
    """Put a frame of pixels around images: the image mirrored (Neumann) or zeros (Dirichlet).

    Args:
        u: (batch, height, width, channels).
        boundary: "neumann" or "dirichlet".
        width: of the frame in pixels; a frame of one pixel repeats the border.

    Returns:
        (batch, height + 2 width, width + 2 width, channels).
    """
    checks.one_of(boundary, "boundary", BOUNDARIES)
    if boundary == "neumann" and width > 1 and keras.backend.backend() == "torch":
        # There Keras's "symmetric" repeats the border, which is the mirror image for a frame of one pixel only.
        u = ops.concatenate([ops.flip(u[:, :width], 1), u, ops.flip(u[:, -width:], 1)], 1)
        return ops.concatenate([ops.flip(u[:, :, :width], 2), u, ops.flip(u[:, :, -width:], 2)], 2)
    mode = "symmetric" if boundary == "neumann" else "constant"
    return ops.pad(u, [[0, 0], [width, width], [width, width], [0, 0]], mode=mode)


def neighbours(u: Tensor, boundary: Boundary = "neumann", points: int = 5) -> tuple[Tensor, ...]:
    """The images of neighbours: at every pixel the value above, below, to the left and to the right, and so on.

    Args:
        u: (batch, height, width, channels).
        boundary: what lies outside, see the module.
        points: of the stencil, 5, 9 or 13.

    Returns:
        points − 1 tensors of u's shape, in the order of `OFFSETS`.
    """
    frame = reach(points)
    padded = pad(u, boundary, frame)
    part = {k: slice(frame + k, k - frame or None) for k in range(-frame, frame + 1)}  # shifted by k
    return tuple(padded[:, part[row], part[column]] for row, column in OFFSETS[1:points])
