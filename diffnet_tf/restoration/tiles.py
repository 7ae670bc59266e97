"""Apply networks to images of any size in bounded memory: tile by tile, each with a margin around it.

After one diffusion layer, a pixel depends on pixels within a distance of `depth`, which the filters see, or within the
reach of the stencil (one or two), whichever is larger. So a tile with that margin for each layer gives the same result
as the whole image, up to rounding. At the border of the image there is no margin.

For other networks this reach is not known, so they process the whole image.
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
    """The distance, in pixels, within which an output pixel of a `models.DiffNet` depends on the input; else None."""
    if not isinstance(model, DiffNet):
        return None
    return sum(max(layer.estimator.depth, stencil.reach(layer.points)) for layer in model.diffusion_layers)


def _shape(model: keras.Model) -> tuple[int | None, int | None, int]:
    """(height, width, channels) of the images that a network takes, without a noise map; None for any size.

    Raises:
        TypeError, ValueError: unless it is a model from gray or colour images to the same.
    """
    if not isinstance(model, keras.Model):
        raise checks.InputTypeError(f"The model is a {type(model).__name__}; expected a Keras model.")
    shapes: list[Any] = [getattr(model, kind, None) for kind in ("input_shape", "output_shape")]
    mapped = isinstance(model, DiffNet) and model.diffusion_layers[0].noise_map
    channels = [shape[-1] if isinstance(shape, tuple) and len(shape) == 4 else None for shape in shapes]
    fits = channels[1] in (1, 3) and channels[0] == channels[1] + mapped
    if not fits or checks.differ(shapes[0][1:3], shapes[1][1:3]):
        raise ValueError(
            f"The model is from {shapes[0]} to {shapes[1]}; expected one from images (batch, height, width, 1 or 3) to "
            "the same. Call the model itself."
        )
    return (*shapes[0][1:3], channels[1])


# Along one axis: the tile, the tile with its margin, and the position of the first in the second.
_Extent = tuple[slice, slice, slice]


class Tiled:
    """A network that is applied to images tile by tile.

    Args:
        model: a network from gray or colour images to the same.
        tile: side of the tiles in pixels, without the margin, for a `models.DiffNet`. It takes about 400 bytes of
            memory for each pixel of a tile. Other networks process the whole image.
        noise: only for a network with a noise map: σ of the noise in its input.
        precision: "float32", "bfloat16" or "auto", see `networks.precision`; None for the network's own dtype.

    Raises:
        TypeError, ValueError: if the model does not map images to images; if σ is missing, or given for a network
            without a noise map; if the precision is unknown, or the network is not a float32 network of this package.

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
        mapped = model.input_shape[-1] > self.channels
        if noise is None and mapped:
            raise ValueError(
                "The network has a noise map; give the noise, for example noise=0.03 (--noise 0.03) for 3 %."
            )
        if noise is not None:
            checks.noise_level(noise, "noise")
            if not mapped:
                raise ValueError(f"noise={noise:g} is only for a network with a noise map; leave it out for this one.")
        self._function = exact(backend.compiled(lambda u: model(u, training=False)))

    def count(self, shape: Sequence[int]) -> int:
        """The number of tiles of an image (height, width)."""
        return 1 if self.reach is None else math.prod(-(-side // self.tile) for side in shape[:2])

    def check(self, shape: Sequence[int], name: PathLike = "The image") -> None:
        """Raise a ValueError if the network takes images of another size than (height, width)."""
        if checks.differ(self._size, shape[:2]):
            height, width = self._size
            raise ValueError(
                f"{name} has {shape[0]}×{shape[1]} pixels; the network takes {height}×{width}. Crop it to that size."
            )

    def __call__(
        self, read: Callable[[slice, slice], Array], shape: tuple[int, int], waiting: int = 1
    ) -> Generator[tuple[slice, slice, Array], None, None]:
        """Compute the network's output, tile by tile.

        Args:
            read: (slice of rows, slice of columns) → that part of the image, float (rows, columns), or (rows, columns,
                3) for colour images. It is called in another thread, while the network computes.
            shape: (height, width) of the image.
            waiting: how many tiles are read ahead.

        Yields:
            (slice of rows, slice of columns, float32 array of the output there).

        Raises:
            MemoryError: if a tile does not fit into memory.
        """
        height, width = shape
        tile, margin = (max(shape), 0) if self.reach is None else (self.tile, self.reach)
        too_large = f"A tile of {tile}×{tile} pixels does not fit into memory. Try tile={max(1, tile // 2)}."
        if self.reach is None:
            too_large = (
                f"An image of {height}×{width} pixels does not fit into memory, and this network cannot process it in "
                "tiles. Cut it into parts."
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
