"""What pairs are made of: images, the problem, noise and degradation, all checked; and how one batch is made.

The clean image is cropped and flipped before it is diffused. So the border of a crop is the border of the diffusion,
and the one-sided discretisation treats all images alike. Whole batches are diffused at once.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.backend import compiled
from diffnet_tf.base.choices import PROBLEMS
from diffnet_tf.base.types import Array, PathLike, Tensor
from diffnet_tf.data import degrading
from diffnet_tf.data.colour import ColourImages
from diffnet_tf.data.examples import Drawn, Examples
from diffnet_tf.data.gray import GrayImages
from diffnet_tf.data.ranges import Range
from diffnet_tf.data.sources import READERS, open_images
from diffnet_tf.physics import diffusion

Images = GrayImages | str | Array
"""The kinds of images that functions take, see `as_gray_images`."""


def as_gray_images(images: Images, **source_options: Any) -> GrayImages:
    """Convert images to a `GrayImages`, or to a `ColourImages` if they have three channels.

    Args:
        images: a `GrayImages`, the name of a source, or an array (n, height, width) or (n, height, width, 1 or 3) in
            [0, 1], floating point.
        source_options: arguments of `open_images`, if `images` is the name of a source.

    Raises:
        TypeError, ValueError: for an array of a wrong dtype, shape or range; also see `open_images`.
    """
    if isinstance(images, GrayImages):
        return images
    if isinstance(images, str):
        return open_images(images, **source_options)
    given = {name: value for name, value in source_options.items() if value not in (None, "train")}
    if given:
        raise ValueError(
            f"{', '.join(given)} only go with the name of a source ({', '.join(READERS)}), not with an array."
        )
    array = np.asarray(images)
    if array.ndim == 4 and array.shape[-1] == 3 and array.shape[1] not in (1, 3):
        checks.float_dtype(array)
        checks.finite(array)
        checks.unit_range(array)
        return ColourImages(array.astype("float32", copy=False))
    return GrayImages(checks.images(array[..., None] if array.ndim == 3 else array)[..., 0])


def opened(images: Images, problem: str, **source_options: Any) -> GrayImages:
    """As `as_gray_images`. A source that is named is on the scale that the problem needs."""
    if problem == "denoise" and isinstance(images, str):
        source_options["scale"] = "white"
    return as_gray_images(images, **source_options)


@functools.cache
def _default(channels: int) -> Callable[..., Tensor]:
    """The default diffusion of gray or colour images, compiled once for all pipelines."""
    return compiled(diffusion.perona_malik if channels == 1 else diffusion.vector_valued, fused=True)


def _unchanged(images: Tensor) -> Tensor:
    return images


def _by_name(degrade: Callable[..., Tensor], names: tuple[str, ...], clean: Tensor, parameter: Tensor) -> Tensor:
    """Give a function its parameters, (batch, 1, 1, number), by their names."""
    return degrade(clean, **{name: parameter[..., k : k + 1] for k, name in enumerate(names)})


@dataclasses.dataclass(eq=False)
class Plan:
    """The options of `pairs`, checked. `pairs` and `PairSequence` make the pairs."""

    images: Images = "skimage"
    problem: str = "inverse"
    noise: Range = 0.0
    seed: int = 0
    degrade: Callable[..., Tensor] | None = None
    _: dataclasses.KW_ONLY
    batch_size: int = 16
    crop: int | None = None
    augment: bool = False
    shuffle: bool = True
    epochs: int | None = 1
    start: int = 0
    noise_map: bool = False
    parameter: Range | Mapping[str, Range] | None = None
    parameter_map: bool = False
    redraw: bool = True
    parallel_calls: int | None = None
    shard: tuple[int, int] = (0, 1)
    data_dir: PathLike | None = None
    split: str = "train"
    limit: int | None = None

    def __post_init__(self) -> None:
        images = opened(self.images, self.problem, data_dir=self.data_dir, split=self.split, limit=self.limit)
        checks.one_of(self.problem, "problem", PROBLEMS)
        checks.count(self.batch_size, "batch_size")
        checks.count(self.start, "start", minimum=0)
        if self.epochs is not None:
            checks.count(self.epochs, "epochs")
        if self.problem == "forward" and (self.noise or self.noise_map):
            given = f"noise={self.noise!r}" if self.noise else "noise_map=True"
            raise ValueError(
                f"{given} with problem='forward'; expected none: noise is only added to the inputs of 'inverse'."
            )
        if self.problem == "denoise" and self.degrade is not None:
            raise ValueError("degrade with problem='denoise'; expected none: only noise is added. Use 'inverse'.")
        if self.problem == "denoise" and not np.any(self.noise):
            raise ValueError("problem='denoise' without noise; expected σ above 0, such as noise=25/255 (--noise 0.1).")
        if self.parameter is not None and self.degrade is None:
            raise ValueError(
                f"parameter={self.parameter!r} without degrade; expected also a function degrade(u, parameter)."
            )
        if self.parameter_map and self.parameter is None:
            raise ValueError("parameter_map=True without parameter; expected also the ranges of the parameters.")
        if self.epochs is not None and self.batch_size > len(images):  # with epochs=None, a batch may span epochs
            raise ValueError(
                f"batch_size={self.batch_size} is larger than the {len(images)} image(s) of the data set; "
                f"expected at most {len(images)}. Give a smaller batch, more images, or epochs=None."
            )
        drawing = (self.crop, self.augment, self.shuffle, self.noise, self.seed, self.parameter, self.redraw)
        self.examples = Examples(images, *drawing)
        # Not every function can be fused, so a caller's function is not compiled here.
        usual: Callable[..., Tensor] = _unchanged if self.problem == "denoise" else _default(images.shape[-1])
        self.diffuse = self.degrade or usual
        if isinstance(self.parameter, Mapping):
            self.diffuse = functools.partial(_by_name, self.diffuse, tuple(self.parameter))
            degrading.check_ends(self.diffuse, self.examples)
        self.last = None if self.epochs is None else self.epochs * len(images)
        self.part = self._part(*self.shard)

    @property
    def num_batches(self) -> int | None:
        """The number of batches from `start` on; None for endless pairs."""
        return None if self.last is None else max(0, math.ceil((self.last - self.start) / self.batch_size))

    @property
    def maps(self) -> int:
        """The number of constant channels that the inputs have after the image."""
        return bool(self.noise_map) + len(self.examples.parameters) * bool(self.parameter_map)

    def _part(self, index: int, count: int) -> slice:
        """The index-th of `count` equal parts of a batch, as a slice."""
        checks.count(count, "shard[1]")
        checks.count(index, "shard[0]", minimum=0)
        whole = self.last is None or (self.last - self.start) % self.batch_size == 0
        if index >= count or self.batch_size % count or (count > 1 and not whole):
            raise ValueError(
                f"shard=({index}, {count}) with batches of {self.batch_size}; expected an index below {count}, and "
                f"batches (also the last one) that split into {count} equal parts."
            )
        size = self.batch_size // count
        return slice(index * size, (index + 1) * size)

    def batch(self, number: int) -> Drawn:
        """The random numbers and clean images of one batch, or of its `shard`; the last batch may be smaller."""
        first = self.start + int(number) * self.batch_size
        stop = first + self.batch_size if self.last is None else min(first + self.batch_size, self.last)
        numbers = range(first, stop)[self.part]
        return self.examples.batch(numbers.start, len(numbers))

    @functools.cached_property
    def compiles(self) -> bool:
        """Whether `pair` can be compiled, which depends on `degrade`; see `degrading`."""
        if self.degrade is None:
            return True
        drawn = self.batch(0)
        return degrading.compiles(self.diffuse, self.given(drawn.clean, drawn.parameter))

    def given(self, clean: Tensor, parameter: Tensor) -> tuple[Tensor, ...]:
        """The arguments of `diffuse`."""
        return (clean,) if self.parameter is None else (clean, parameter)

    def pair(self, clean: Tensor, noise: Tensor, sigma: Tensor, parameter: Tensor) -> tuple[Tensor, Tensor]:
        """(input, target) tensors from the clean images and random numbers of `batch`."""
        clean, noise, sigma, parameter = map(keras.ops.convert_to_tensor, (clean, noise, sigma, parameter))
        diffused = self.diffuse(*self.given(clean, parameter))
        diffused = keras.ops.cast(keras.ops.convert_to_tensor(diffused), clean.dtype)  # NumPy often returns float64
        checks.same_shape(clean.shape, diffused.shape, ("clean", "the output of degrade"))
        inputs, targets = (clean, diffused) if self.problem == "forward" else (diffused + noise, clean)
        maps = [sigma] * bool(self.noise_map) + [parameter] * bool(self.parameter_map)
        if maps:
            constant = [each + keras.ops.zeros_like(noise[..., :1]) for each in maps]
            inputs = keras.ops.concatenate([inputs, *constant], axis=-1)
        return inputs, targets


def planned(arguments: tuple[Any, ...], options: dict[str, Any]) -> Plan:
    """The `Plan` with these options. Errors in the arguments name `data.pairs`, which users call, and not `Plan`."""
    try:
        inspect.signature(Plan).bind(*arguments, **options)
    except TypeError as error:
        known = [field.name for field in dataclasses.fields(Plan)]
        nearest = next(
            (hint for name in options if name not in known if (hint := checks.did_you_mean(name, known))), ""
        )
        raise TypeError(f"{error}; expected the arguments of data.pairs.{nearest}") from None
    return Plan(*arguments, **options)
