"""Apply a network to images of any size in bounded memory: tile by tile, each with a margin.

After one diffusion layer, a pixel depends on its neighbours within `depth` pixels (seen by the filter estimator) or
within the reach of the stencil (one or two pixels), whichever is larger. The margin of a tile is the sum of these over
all layers, so its result equals that of the whole image, up to rounding. At the image border there is no margin.

A network that is given the diffusion computes it in each layer, which reaches two pixels further in each of its steps.

After one stage of TNRD, a pixel depends on its neighbours within twice the radius of a filter. For other networks the
reach is not known, so they get the whole image. A DiffNet with periodic boundaries gets it, too: its first pixels
depend on the last ones.
"""

import contextlib
import math
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.networks import cards, presets
from diffnet_tf.networks.conditioned import ConditionedDiffNet
from diffnet_tf.networks.image_model import ImageModel
from diffnet_tf.networks.models import DiffNet
from diffnet_tf.networks.precision import exact
from diffnet_tf.networks.tnrd import ReactionDiffusionNet
from diffnet_tf.restoration import diffusion
from diffnet_tf.restoration import noise as estimation
from diffnet_tf.restoration.overlap import ahead
from diffnet_tf.restoration.settings import AUTO, settings


def reach(model: keras.Model, time: float | None = None) -> int | None:
    """The distance in pixels within which an output pixel depends on the input.

    Known for a `models.DiffNet`, a `models.ConditionedDiffNet` and a `models.ReactionDiffusionNet`. None for other
    networks, and for periodic boundaries.

    Args:
        model: the network.
        time: T of the diffusion that a `models.ConditionedDiffNet` is given; None for the longest.
    """
    if isinstance(model, ReactionDiffusionNet):
        return model.reach
    if not isinstance(model, (DiffNet, ConditionedDiffNet)):
        return None
    if any(layer.boundary == "periodic" for layer in model.diffusion_layers):
        return None
    if isinstance(model, ConditionedDiffNet):
        return model.reach_for(time)
    return sum(layer.reach for layer in model.diffusion_layers)


def image_shape(model: keras.Model) -> tuple[int | None, int | None, int]:
    """(height, width, channels) of a network's images: None for any height or width; without maps of σ and others.

    Raises:
        TypeError, ValueError: if the model does not map gray or colour images to images of the same shape.
    """
    if not isinstance(model, keras.Model):
        raise checks.InputTypeError(
            f"The model is a {type(model).__name__}; expected a Keras model, such as dn.from_preset('inverse')."
        )
    shapes: list[Any] = [getattr(model, kind, None) for kind in ("input_shape", "output_shape")]
    maps = int(isinstance(model, DiffNet) and model.diffusion_layers[0].noise_map)
    maps = len(model.conditions) if isinstance(model, ConditionedDiffNet) else maps
    channels = [shape[-1] if isinstance(shape, tuple) and len(shape) == 4 else None for shape in shapes]
    if channels[1] not in (1, 3) or channels[0] != channels[1] + maps or checks.differ(shapes[0][1:3], shapes[1][1:3]):
        raise ValueError(
            f"The model maps {shapes[0]} to {shapes[1]}; expected images (batch, height, width, 1 or 3) for both. Call "
            f"the "
            "model directly instead."
        )
    return (*shapes[0][1:3], channels[1])


# Along one axis: the tile, the tile with its margin, and the position of the tile in that.
_Extent = tuple[slice, slice, slice]


class Tiled:
    """A compiled network that processes images tile by tile.

    Args:
        model: a network that maps gray or colour images to images of the same shape.
        tile: side of the tiles in pixels, without the margin, at least 1. Only for networks whose `reach` is known;
            others get the whole image. Processing takes about 400 bytes of memory for each pixel of a tile.
        noise: for a network with a noise map: σ of the noise as a share of white, or "auto" (also if it is None) to
            estimate it from each image, see `dn.estimate_noise`. For other networks None.
        precision: "float32", "bfloat16" or "auto", see `networks.precision`; None for the network's own dtype.
        contrast, time, diffusivity: for a network that is given the diffusion, see `settings.settings`.

    Raises:
        TypeError: if the model is not a Keras model.
        ValueError: if the model does not map images to images; if noise or the diffusion is out of range, missing or
            not needed; if the precision is unknown, or the network is not a float32 network from this package.

    Attributes:
        channels: channels of the images, 1 or 3.
        reach: see `reach`.
        noise: σ, "auto", or None for a network without a noise map.
        settings: the further numbers that the network is given, by name; "auto" for those that are estimated.
        scale: "maximum" or "white", as the network's card says (`presets.card`); None for a network without a card.
        estimates: the σ that were estimated for the last image, as shares of white: one for each part that is
            processed separately.
        diffusions: the same for the settings: a dict of those that were estimated.
    """

    def __init__(
        self,
        model: keras.Model,
        tile: int = 512,
        noise: float | str | None = None,
        precision: str | None = None,
        *,
        contrast: float | str | None = None,
        time: float | str | None = None,
        diffusivity: str | None = None,
    ) -> None:
        checks.count(tile, "tile")
        *self._size, self.channels = image_shape(model)
        if precision is not None and not isinstance(model, ImageModel):
            raise ValueError(
                f"precision={precision!r} for a {type(model).__name__}; expected None, or a network from this package."
            )
        model = model if precision is None else presets.in_precision(model, precision)
        self.settings = settings(model, contrast, time, diffusivity)
        self.model, self.tile, self.estimates, self.diffusions = model, tile, list[float](), list[dict[str, float]]()
        self.reach = reach(model, time if isinstance(time, (int, float)) else None)
        noise_map = model.input_shape[-1] > self.channels
        if noise is not None and not noise_map:
            raise ValueError(
                f"noise={noise!r} for a network without a noise map; expected None. Leave out noise (--noise)."
            )
        if isinstance(noise, str):
            checks.one_of(noise, "noise", ("auto",))
        elif noise is not None:
            checks.noise_level(noise, "noise")
            noise = float(noise)
        self.noise = "auto" if noise is None and noise_map else noise
        described = presets.card_of(self.model)
        self.scale = None if described is None else cards.scale(described)
        self._function = exact(backend.compiled(lambda u: model(u, training=False)))

    def count(self, shape: Sequence[int]) -> int:
        """The number of tiles for an image of this shape, (height, width, …)."""
        return 1 if self.reach is None else math.prod(-(-side // self.tile) for side in shape[:2])

    def check(self, shape: Sequence[int], name: PathLike = "The image") -> None:
        """Refuse an image whose shape (height, width, …) does not fit a network with a fixed image size."""
        if checks.differ(self._size, shape[:2]):
            height, width = self._size
            raise ValueError(
                f"{name} has {shape[0]}×{shape[1]} pixels; expected {height}×{width}, the size of the network. Crop "
                f"the image."
            )

    def estimate(self, read: Callable[[slice, slice], Array], shape: tuple[int, int], kind: str | None = None) -> float:
        """Estimate σ of the noise in an image from parts of it, and remember it in `estimates`.

        For colour, it is the root mean square of the channels' σ.

        Args:
            read, shape: see `__call__`. NaN marks pixels to leave out.
            kind: see `noise.estimate_noise`; None for "photograph" if the scale of the network is "white", else
                "diffused".

        Raises:
            ValueError: if the image is too small.
        """
        if min(shape) < estimation.SMALLEST:
            raise ValueError(
                f"The image has {shape[0]}×{shape[1]} pixels; expected at least {estimation.SMALLEST} a side to "
                "estimate its noise. Give σ as a share of white, such as noise=0.03 (--noise 0.03)."
            )
        kind = kind or (estimation.PHOTOGRAPH if self.scale == "white" else estimation.DIFFUSED)
        squares = [np.atleast_3d(read(*place)) for place in estimation.patches(shape)]
        variances = []
        for channel in range(self.channels):
            variances.append(estimation.of_squares([square[..., channel] for square in squares], kind) ** 2)
        sigma = math.sqrt(sum(variances) / len(variances))
        if sigma >= 1:
            raise ValueError(
                f"σ of the noise, estimated: {sigma:.3g} times white; expected less than white. Give the value that is "
                "white, such as white=255 (--white 255) for floats up to 255."
            )
        self.estimates.append(sigma)
        return sigma

    def estimate_settings(
        self, read: Callable[[slice, slice], Array], shape: tuple[int, int]
    ) -> tuple[float | None, dict[str, float]]:
        """Estimate those settings that are "auto" from an image, and remember them in `diffusions`.

        The same estimate gives σ if it is "auto", too, and remembers it in `estimates`.

        Args:
            read, shape: see `__call__`. NaN marks pixels to leave out.

        Returns:
            (σ, or None if it is not estimated here; all settings).

        Raises:
            ValueError: if the image is too small, or constant, or was diffused for longer than the network can undo.
        """
        unknown = [name for name, value in self.settings.items() if value == AUTO]
        found: dict[str, float] = {}
        sigma = None
        if unknown:
            if min(shape) < diffusion.SMALLEST:
                raise ValueError(
                    f"The image has {shape[0]}×{shape[1]} pixels; expected at least {diffusion.SMALLEST} a side to "
                    "estimate its diffusion. Give λ and T, such as contrast=0.2, time=0.4 (--contrast 0.2 --time 0.4)."
                )
            squares = [np.asarray(read(*place), "float64") for place in estimation.patches(shape)]
            estimate = diffusion.of_squares(squares)
            found = {name: getattr(estimate, name) for name in unknown}
            self.model.values_of(**{"noise": 0.0, "contrast": 1.0, "time": 0.0, **found})  # raises its errors
            self.diffusions.append(found)
            if self.noise == AUTO:
                sigma = estimate.noise
                self.estimates.append(sigma)
        return sigma, {name: float(found.get(name, value)) for name, value in self.settings.items()}

    def __call__(
        self,
        read: Callable[[slice, slice], Array],
        shape: tuple[int, int],
        waiting: int = 1,
        noise: float | None = None,
        settings: Mapping[str, float] | None = None,
    ) -> Generator[tuple[slice, slice, Array], None, None]:
        """Apply the network tile by tile.

        Args:
            read: read(slice of rows, slice of columns) returns this part of the image, float (rows, columns), or
                (rows, columns, 3) for colour. It is called in a second thread while the network computes.
            shape: (height, width) of the image.
            waiting: number of tiles to read ahead.
            noise: σ where the attribute `noise` is "auto"; None estimates it from the whole image.
            settings: the same for all of `settings`.

        Yields:
            (slice of rows, slice of columns, float32 output there, shaped like the result of `read`).
        """
        height, width = shape
        sigma = self.noise
        if settings is None:
            found, settings = self.estimate_settings(read, shape)
            noise = found if noise is None else noise
        if sigma == "auto":
            sigma = self.estimate(read, shape) if noise is None else noise
        tile, margin = (max(shape), 0) if self.reach is None else (self.tile, self.reach)
        too_large = f"Not enough memory for a tile of {tile}×{tile} pixels. Try tile={max(1, tile // 2)}."
        if self.reach is None:
            too_large = (
                f"Not enough memory for an image of {height}×{width} pixels. This network needs the whole image, "
                f"because "
                "its reach is not known. Cut the image into parts."
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
            maps = [] if sigma is None else [sigma, *settings.values()]
            return np.concatenate([part, *(np.full_like(part[..., :1], value) for value in maps)], axis=-1)

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
