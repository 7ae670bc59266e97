"""Networks on images of any size in bounded memory: tile by tile, each with as much around it as its pixels depend on.

A pixel after one diffusion layer depends on the pixels within `depth` of it, which the filters see, or within the reach
of the stencil, one or two, where that is more. So a tile that is processed with that many pixels a layer around it
comes out as it would within the whole image, up to rounding; at the border of the image the tile's border is the
image's.

Of other networks the reach is not known: they see images whole.
"""

import contextlib
import math
from collections.abc import Callable, Generator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.networks import presets
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.networks.models import DiffNet
from diffnet_tf.networks.precision import exact
from diffnet_tf.physics import stencil
from diffnet_tf.restoration.overlap import ahead


def reach(model: keras.Model) -> int | None:
    """How far, in pixels, an output pixel of a `models.DiffNet` depends on the input; None for other networks."""
    if not isinstance(model, DiffNet):
        return None
    return sum(max(layer.estimator.depth, stencil.reach(layer.points)) for layer in model.diffusion_layers)


def _shape(model: keras.Model) -> tuple[int | None, int | None, int]:
    """Height and width of the images that a network takes, None for any, and their channels without a noise map.

    Raises:
        TypeError, ValueError: for a model that is not from gray or colour images to the same.
    """
    if not isinstance(model, keras.Model):
        raise checks.InputTypeError(f"The model is a {type(model).__name__}; expected a Keras model.")
    shapes: list[Any] = [getattr(model, kind, None) for kind in ("input_shape", "output_shape")]
    told = isinstance(model, DiffNet) and model.diffusion_layers[0].noise_map
    channels = [shape[-1] if isinstance(shape, tuple) and len(shape) == 4 else None for shape in shapes]
    if channels[1] not in (1, 3) or channels[0] != channels[1] + told or checks.differ(shapes[0][1:3], shapes[1][1:3]):
        raise ValueError(
            f"The model is from {shapes[0]} to {shapes[1]}; expected one from images (batch, height, width, 1 or 3) to "
            "the same. Call the model itself."
        )
    return (*shapes[0][1:3], channels[1])


# Along one axis: the tile, the tile with its surroundings, and where the one is in the other.
_Extent = tuple[slice, slice, slice]


class Tiled:
    """A network that is applied to images piece by piece.

    Args:
        model: a network from gray or colour images to the same.
        tile: side of the tiles in pixels, without what is processed around them, for a `models.DiffNet`. About 400
            bytes a pixel of one tile are in use at a time. Other networks see the image whole.
        noise: σ of the noise in the image as the network gets it, for a network with a noise map, and only for one.
        precision: "float32", "bfloat16" or "auto", see `networks.precision`; None for the network's own dtype.

    Raises:
        TypeError, ValueError: for a model of other arrays than images, a σ that is missing or of no use, or a precision
            that is unknown or given for a network that is not in float32 or not of this package.

    Attributes:
        channels: of the images, 1 or 3.
    """

    def __init__(
        self, model: keras.Model, tile: int = 512, noise: float | None = None, precision: str | None = None
    ) -> None:
        checks.count(tile, "tile")
        *self._size, self.channels = _shape(model)
        if precision is not None and not isinstance(model, ImageModel):
            raise ValueError(
                f"precision={precision!r} for a {type(model).__name__}; expected a network of this package, or None."
            )
        model = model if precision is None else presets.in_precision(model, precision)
        self.model, self.tile, self.reach, self.noise = model, tile, reach(model), noise
        told = model.input_shape[-1] > self.channels
        if noise is None and told:
            raise ValueError("The network has to be told the noise; expected noise=0.03 for 3 % of the maximum.")
        if noise is not None:
            checks.noise_level(noise, "noise")
            if not told:
                raise ValueError(f"noise={noise:g} is for a network that can be told it; expected none for this one.")
        self._function = exact(backend.compiled(lambda u: model(u, training=False)))

    def count(self, shape: Sequence[int]) -> int:
        """The number of tiles of an image (height, width)."""
        return 1 if self.reach is None else math.prod(-(-side // self.tile) for side in shape[:2])

    def check(self, shape: Sequence[int], name: PathLike = "The image") -> None:
        """Refuse images (height, width) of another size than the network's, if it has one."""
        if checks.differ(self._size, shape[:2]):
            height, width = self._size
            raise ValueError(
                f"{name} has {shape[0]}×{shape[1]} pixels; the network takes {height}×{width}. Cut it to that size."
            )

    def __call__(
        self, read: Callable[[slice, slice], Array], shape: tuple[int, int], waiting: int = 1
    ) -> Generator[tuple[slice, slice, Array], None, None]:
        """The network's output, tile by tile.

        Args:
            read: (slice of rows, slice of columns) → that part of the image, float (rows, columns), of colour images
                (rows, columns, 3). It is called in a thread of its own, while the network computes.
            shape: (height, width) of the image.
            waiting: how many tiles are read ahead.

        Yields:
            (slice of rows, slice of columns, float32 array of the output there, of the shape that `read` gives).
        """
        height, width = shape
        tile, margin = (max(shape), 0) if self.reach is None else (self.tile, self.reach)
        too_large = f"The memory does not hold a tile of {tile}×{tile} pixels. Try tile={max(1, tile // 2)}."
        if self.reach is None:
            too_large = (
                f"The memory does not hold an image of {height}×{width} pixels, which this network has to see whole, "
                "since its reach is not known. Cut it."
            )
        extents = [
            (_extent(row, height, tile, margin), _extent(column, width, tile, margin))
            for row in range(0, height, tile)
            for column in range(0, width, tile)
        ]

        def prepare(extent: tuple[_Extent, _Extent]) -> Array:
            (_, rows, _), (_, columns, _) = extent
            part = np.asarray(read(rows, columns), "float32")[None]
            part = part[..., None] if self.channels == 1 else part
            if self.noise is not None:
                part = np.concatenate([part, np.full_like(part[..., :1], self.noise)], axis=-1)
            return part

        with contextlib.closing(ahead(prepare, extents, waiting)) as parts:
            for part, ((rows, _, inner_rows), (columns, _, inner_columns)) in zip(parts, extents):
                with backend.memory_errors(too_large):
                    output = ops.convert_to_numpy(self._function(part))[0]
                output = output[..., 0] if self.channels == 1 else output
                yield rows, columns, output[inner_rows, inner_columns]


def _extent(start: int, size: int, tile: int, margin: int) -> _Extent:
    stop = min(start + tile, size)
    first, last = max(0, start - margin), min(size, stop + margin)
    return slice(start, stop), slice(first, last), slice(start - first, stop - first)
