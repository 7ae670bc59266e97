"""Networks on images of any size in bounded memory: tile by tile, each with as much around it as its pixels depend on.

A pixel after one diffusion layer depends on the pixels within `depth` of it, which the filters see, or within the reach
of the stencil, one or two, where that is more. So a tile that is processed with that many pixels a layer around it
comes out as it would within the whole image, up to rounding; at the border of the image the tile's border is the
image's.
"""

import contextlib
import math
from collections.abc import Callable, Generator, Sequence

import numpy as np
from keras import ops

from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array
from diffnet_tf.networks import presets
from diffnet_tf.networks.models import DiffNet
from diffnet_tf.networks.precision import exact
from diffnet_tf.physics import stencil
from diffnet_tf.restoration.overlap import ahead


def reach(model: DiffNet) -> int:
    """How far, in pixels, an output pixel of a chain of diffusion layers depends on the input.

    Raises:
        TypeError: for a model whose reach is not known.
        ValueError: for one of colour images.
    """
    if not isinstance(model, DiffNet):
        raise checks.InputTypeError(
            f"The model is a {type(model).__name__}; expected a DiffNet, whose reach is known. Call it on whole images."
        )
    channels = model.diffusion_layers[0].channels
    if channels != 1:
        raise ValueError(
            f"The model is one of images with {channels} channels; expected one of gray images. Call the model itself."
        )
    return sum(max(layer.estimator.depth, stencil.reach(layer.points)) for layer in model.diffusion_layers)


# Along one axis: the tile, the tile with its surroundings, and where the one is in the other.
_Extent = tuple[slice, slice, slice]


class Tiled:
    """A network that is applied to images piece by piece.

    Args:
        model: a `models.DiffNet`.
        tile: side of the tiles in pixels, without what is processed around them. About 400 bytes a pixel of one tile
            are in use at a time.
        noise: σ of the noise in the image as the network gets it, for a network with a noise map, and only for one.
        precision: "float32", "bfloat16" or "auto", see `networks.precision`; None for the network's own dtype.

    Raises:
        TypeError, ValueError: for a model whose reach is not known, a σ that is missing or of no use, or a precision
            that is unknown or given for a network that is not in float32.
    """

    def __init__(
        self, model: DiffNet, tile: int = 512, noise: float | None = None, precision: str | None = None
    ) -> None:
        checks.count(tile, "tile")
        reach(model)  # refuses other models
        model = model if precision is None else presets.in_precision(model, precision)
        self.model, self.tile, self.reach, self.noise = model, tile, reach(model), noise
        if noise is None and model.diffusion_layers[0].noise_map:
            raise ValueError("The network has to be told the noise; expected noise=0.03 for 3 % of the maximum.")
        if noise is not None:
            checks.noise_level(noise, "noise")
            if not model.diffusion_layers[0].noise_map:
                raise ValueError(f"noise={noise:g} is for a network that can be told it; expected none for this one.")
        self._function = exact(backend.compiled(lambda u: model(u, training=False)))

    def count(self, shape: Sequence[int]) -> int:
        """The number of tiles of an image (height, width)."""
        return math.prod(-(-side // self.tile) for side in shape[:2])

    def __call__(
        self, read: Callable[[slice, slice], Array], shape: tuple[int, int], waiting: int = 1
    ) -> Generator[tuple[slice, slice, Array], None, None]:
        """The network's output, tile by tile.

        Args:
            read: (slice of rows, slice of columns) → that part of the image, float (rows, columns). It is called in a
                thread of its own, while the network computes.
            shape: (height, width) of the image.
            waiting: how many tiles are read ahead.

        Yields:
            (slice of rows, slice of columns, float32 array of the output there).
        """
        height, width = shape
        smaller = max(1, self.tile // 2)
        too_large = f"The memory does not hold a tile of {self.tile}×{self.tile} pixels. Try tile={smaller}."
        extents = [
            (self._extent(row, height), self._extent(column, width))
            for row in range(0, height, self.tile)
            for column in range(0, width, self.tile)
        ]

        def prepare(extent: tuple[_Extent, _Extent]) -> Array:
            (_, rows, _), (_, columns, _) = extent
            part = np.asarray(read(rows, columns), "float32")[None, ..., None]
            if self.noise is not None:
                part = np.concatenate([part, np.full_like(part, self.noise)], axis=-1)
            return part

        with contextlib.closing(ahead(prepare, extents, waiting)) as parts:
            for part, ((rows, _, inner_rows), (columns, _, inner_columns)) in zip(parts, extents):
                with backend.memory_errors(too_large):
                    output = ops.convert_to_numpy(self._function(part))[0, ..., 0]
                yield rows, columns, output[inner_rows, inner_columns]

    def _extent(self, start: int, size: int) -> _Extent:
        stop = min(start + self.tile, size)
        first, last = max(0, start - self.reach), min(size, stop + self.reach)
        return slice(start, stop), slice(first, last), slice(start - first, stop - first)
