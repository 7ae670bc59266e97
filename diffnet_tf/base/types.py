"""Names for types in signatures: Keras's tensors, which are untyped, and a few unions."""

import os
from typing import Any, Literal

import numpy as np

Tensor = Any
"""What `keras.ops` takes and returns: a tensor of the backend, a symbolic tensor of Keras, a variable or an array."""

Array = np.ndarray
"""A NumPy array or memory map; the docstring gives its shape and dtype."""

Shape = tuple[int | None, ...]
"""A shape as Keras passes it to layers; None stands for any size."""

PathLike = str | os.PathLike[str]
"""The name of a file or folder."""

Boundary = Literal["neumann", "dirichlet", "periodic"] | float | Tensor
"""The values outside the image: its border repeated ("neumann"), zeros ("dirichlet"), the opposite side ("periodic"),
or prescribed values: one number, or an image with a frame of them. See `physics.neighbourhood.pad`."""
