"""Names for types in signatures that have none of their own: tensors of Keras, which are untyped, and a few unions."""

import os
from typing import Any, Literal

import numpy as np

Tensor = Any
"""What `keras.ops` takes and gives: a tensor of the backend, a symbolic one of Keras, a variable or an array."""

Array = np.ndarray
"""A NumPy array or memory map, of the shape and dtype that the docstring says."""

Shape = tuple[int | None, ...]
"""A shape as Keras hands it to layers, None where any size will do."""

PathLike = str | os.PathLike[str]
"""The name of a file or folder."""

Boundary = Literal["neumann", "dirichlet"]
"""What lies outside the image: its border repeated, or zeros."""
