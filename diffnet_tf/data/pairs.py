"""Pairs to learn from, made on the fly: crop → augment → batch → diffuse → noise.

The clean image is cropped and flipped first and diffused then, so that a crop's border is a real border and the
one-sided discretisation sees every image the same way. Whole batches are diffused.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.backend import compiled
from diffnet_tf.base.choices import PROBLEMS
from diffnet_tf.base.types import Array, PathLike, Tensor
from diffnet_tf.data import degrading
from diffnet_tf.data.colour import ColourImages
from diffnet_tf.data.examples import Drawn, Examples, tensorflow_arrays
from diffnet_tf.data.gray import GrayImages
from diffnet_tf.data.ranges import Range
from diffnet_tf.data.sources import READERS, open_images
from diffnet_tf.physics import diffusion

Images = GrayImages | str | Array
"""What can be given as images, see `as_gray_images`."""


def as_gray_images(images: Images, **source_options: Any) -> GrayImages:
    """`GrayImages` from what callers give: these, the name of a source, or float images (n, height, width[, 1 or 3]).

    Three channels are colours: a `ColourImages`.
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


@functools.cache
def _default(channels: int) -> Callable[..., Tensor]:
    """The diffusion of gray or colour images, compiled once for all pipelines."""
    return compiled(diffusion.perona_malik if channels == 1 else diffusion.vector_valued, fused=True)


@dataclasses.dataclass(eq=False)
class Plan:
    """What pairs are made of, whichever framework makes them: the options of `pairs`, checked. It makes nothing yet."""

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
    parameter: tuple[float, float] | None = None
    redraw: bool = True
    parallel_calls: int | None = None
    shard: tuple[int, int] = (0, 1)
    data_dir: PathLike | None = None
    split: str = "train"
    limit: int | None = None

    def __post_init__(self) -> None:
        images = as_gray_images(self.images, data_dir=self.data_dir, split=self.split, limit=self.limit)
        checks.one_of(self.problem, "problem", PROBLEMS)
        checks.count(self.batch_size, "batch_size")
        checks.count(self.start, "start", minimum=0)
        if self.epochs is not None:
            checks.count(self.epochs, "epochs")
        if self.problem == "forward" and (self.noise or self.noise_map):
            given = f"noise={self.noise!r}" if self.noise else "noise_map=True"
            raise ValueError(f"{given} with problem='forward'; expected none: noise is added to diffused inputs.")
        if self.parameter is not None and self.degrade is None:
            raise ValueError(
                f"parameter={self.parameter!r} without degrade; expected a function degrade(u, parameter) that takes "
                "it."
            )
        if self.epochs is not None and self.batch_size > len(images):  # endless, a batch takes of several epochs
            raise ValueError(
                f"batch_size={self.batch_size} is larger than the {len(images)} image(s) of the data set; "
                f"expected at most {len(images)}. Give a smaller batch, more images, or epochs=None."
            )
        drawing = (self.crop, self.augment, self.shuffle, self.noise, self.seed, self.parameter, self.redraw)
        self.examples = Examples(images, *drawing)
        # Not every function can be fused: a caller's is run as it is.
        self.diffuse = self.degrade or _default(images.shape[-1])
        self.last = None if self.epochs is None else self.epochs * len(images)
        self.part = self._part(*self.shard)

    @property
    def num_batches(self) -> int | None:
        return None if self.last is None else max(0, math.ceil((self.last - self.start) / self.batch_size))

    def _part(self, index: int, count: int) -> slice:
        """The index-th of `count` equal parts of a batch, as a slice."""
        checks.count(count, "shard[1]")
        checks.count(index, "shard[0]", minimum=0)
        whole = self.last is None or (self.last - self.start) % self.batch_size == 0
        if index >= count or self.batch_size % count or (count > 1 and not whole):
            raise ValueError(
                f"shard=({index}, {count}) with batches of {self.batch_size}; expected an index below the count, and "
                "batches, the last one too, that split into that many equal parts."
            )
        size = self.batch_size // count
        return slice(index * size, (index + 1) * size)

    def batch(self, number: int) -> Drawn:
        """One batch, or its part; the last of all may be smaller."""
        first = self.start + int(number) * self.batch_size
        stop = first + self.batch_size if self.last is None else min(first + self.batch_size, self.last)
        numbers = range(first, stop)[self.part]
        return self.examples.batch(numbers.start, len(numbers))

    @functools.cached_property
    def compiles(self) -> bool:
        """Whether what makes a pair can be compiled: not with every `degrade`, see `degrading`."""
        if self.degrade is None:
            return True
        drawn = self.batch(0)
        given = (drawn.clean,) if self.parameter is None else (drawn.clean, drawn.parameter)
        return degrading.compiles(self.degrade, given)

    def pair(self, clean: Tensor, noise: Tensor, sigma: Tensor, parameter: Tensor) -> tuple[Tensor, Tensor]:
        """(input, target) tensors from what was drawn."""
        clean, noise, sigma, parameter = map(keras.ops.convert_to_tensor, (clean, noise, sigma, parameter))
        diffused = self.diffuse(clean) if self.parameter is None else self.diffuse(clean, parameter)
        diffused = keras.ops.cast(keras.ops.convert_to_tensor(diffused), clean.dtype)  # NumPy makes float64 easily
        checks.same_shape(clean.shape, diffused.shape, ("clean", "what degrade makes of it"))
        if self.problem == "forward":
            return clean, diffused
        if self.noise_map:
            return keras.ops.concatenate(
                [diffused + noise, sigma + keras.ops.zeros_like(noise[..., :1])], axis=-1
            ), clean
        return diffused + noise, clean


def _plan(arguments: tuple[Any, ...], options: dict[str, Any]) -> Plan:
    """The plan of what was given; a mistake in it is one in the arguments of `pairs`, which users know."""
    try:
        inspect.signature(Plan).bind(*arguments, **options)
    except TypeError as error:
        known = [field.name for field in dataclasses.fields(Plan)]
        nearest = next(
            (hint for name in options if name not in known if (hint := checks.did_you_mean(name, known))), ""
        )
        raise TypeError(f"{error}; expected the arguments of data.pairs.{nearest}") from None
    return Plan(*arguments, **options)


def pairs(*arguments: Any, **options: Any) -> Any:
    """Pairs (input, target) as a `tf.data.Dataset`, for Keras's TensorFlow backend.

    Args:
        images: float images (n, height, width, 1 or 3) in [0, 1], what `open_images` gives, or the name of a source
            (then data_dir, split and limit as in `load_images`).
        problem: "inverse": (diffused + noise, clean); "forward": (clean, diffused).
        noise: standard deviation σ of the Gaussian noise on the diffused image, range 1: 0.01 is the paper's 1 %. Or
            (low, high): each example draws its own σ, uniformly in √σ; see `data.ranges`.
        seed: the k-th example of epoch e depends on (seed, e, k) alone.
        batch_size: images a batch; at most n, but for epochs=None, where a batch may take of several epochs.
        crop: side of random square crops in pixels, cut before diffusing; None for whole images.
        augment: flip and transpose the clean images at random.
        shuffle: a new order of the images each epoch.
        epochs: passes over the images; None for endless.
        start: the number of the first example: resume after s batches with start = s · batch_size.
        degrade: any function of clean images (batch, height, width, 1) to such; None for `diffusion.perona_malik` with
            the paper's settings, for colours `diffusion.vector_valued`. One in `keras.ops` is compiled. One that calls
            NumPy or SciPy (`lambda u: gaussian_filter(np.asarray(u), (0, 2, 2, 0))`), or does not repeat itself, is
            called in Python, a batch at a time: it is given tensors with values.
        noise_map: give the inputs a second channel, the last, that holds the example's σ at every pixel.
        parameter: (low, high): each example draws a number, uniformly, and degrade is called with these as a second
            argument, float32 (batch, 1, 1, 1): a contrast, a time or a scale that the network is not told.
        redraw: draw crop, flip, noise, σ and parameter anew for each example. False draws them once for each image: all
            epochs have the same pairs, in new orders, as a stored data set has, if `degrade` repeats itself.
        parallel_calls: batches that tf.data makes at the same time; None leaves it to tf.data. It changes no example.
        shard: (index, count): only the index-th of `count` equal parts of every batch: one worker's of several.

    Returns:
        A `tf.data.Dataset` of (input, target), float32 (batch, height, width, 1), inputs with noise_map (batch,
        height, width, 2). The last batch may be smaller.

    Raises:
        TypeError, ValueError: for images of a wrong dtype, shape or range, or an argument out of range.
        RuntimeError: on another Keras backend; there, use `PairSequence`.
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"pairs() makes a tf.data pipeline, but Keras runs on {keras.backend.backend()}; "
            "use data.PairSequence there: it gives the same examples."
        )
    import tensorflow as tf

    plan, xp = _plan(arguments, options), tensorflow_arrays()
    calls = plan.parallel_calls or tf.data.AUTOTUNE
    if not plan.compiles:
        plan.diffuse, calls = degrading.in_python(plan.diffuse), 1  # two at a time would draw from one generator
    examples, images = plan.examples, plan.examples.images
    mapped = isinstance(images.pixels, np.memmap)  # which may be more than the memory holds
    pixels, maxima = images.pixels if mapped else tf.constant(images.pixels), tf.constant(images.maxima)
    first_epoch, skipped = divmod(plan.start, len(images))

    def numbers_of(epoch: Tensor) -> Any:
        k = tf.range(len(images), dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((tf.fill(k.shape, epoch), k, examples.order(epoch, xp)))

    def pair(*numbers: Tensor) -> tuple[Tensor, Tensor]:
        epoch, k, index = (column[plan.part] for column in numbers)
        return plan.pair(*examples.make(epoch, k, index, pixels, maxima, xp))

    passes = tf.data.Dataset.range(first_epoch, tf.int64.max if plan.epochs is None else plan.epochs)
    numbers = passes.flat_map(numbers_of).skip(skipped).batch(plan.batch_size)
    dataset = numbers.map(pair, calls, deterministic=True).prefetch(tf.data.AUTOTUNE)
    number = tf.data.INFINITE_CARDINALITY if plan.num_batches is None else plan.num_batches
    return dataset.apply(tf.data.experimental.assert_cardinality(number))


pairs.__signature__ = inspect.signature(Plan).replace(return_annotation=Any)  # type: ignore[attr-defined]


class PairSequence(keras.utils.PyDataset):
    """The examples of `pairs`, without TensorFlow: a `keras.utils.PyDataset` for the JAX and PyTorch backends.

    Takes the arguments of `pairs`, and those of `keras.utils.PyDataset`. With epochs=None it has no length: give `fit`
    a steps_per_epoch. Item b is batch b: a pair of NumPy arrays.
    """

    def __init__(
        self,
        *arguments: Any,
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
        **options: Any,
    ) -> None:
        super().__init__(workers, use_multiprocessing, max_queue_size)
        self._plan = _plan(arguments, options)
        # JAX would take as long as a training step to diffuse a batch op by op; the others do not.
        compiles = keras.backend.backend() == "jax" and self._plan.compiles
        self._pair = compiled(self._plan.pair) if compiles else self._plan.pair

    @property
    def num_examples(self) -> int | None:
        """Pairs in all batches together when none is left out; None for endless."""
        return self._plan.last

    @property
    def num_batches(self) -> int | None:
        return self._plan.num_batches

    def __len__(self) -> int:
        if self.num_batches is None:
            raise TypeError("This PairSequence is endless (epochs=None) and has no length.")
        return self.num_batches

    def __getitem__(self, number: int) -> tuple[Array, Array]:
        return tuple(keras.ops.convert_to_numpy(tensor) for tensor in self._pair(*self._plan.batch(number)))


def in_order(images: Images, *arguments: Any, batch_size: int = 16, **options: Any) -> PairSequence:
    """A `PairSequence` of all images in order, of batches that may be larger than there are images."""
    source = {name: options.pop(name) for name in ("data_dir", "split", "limit") if name in options}
    images = as_gray_images(images, **source)
    return PairSequence(images, *arguments, batch_size=min(batch_size, len(images)), **{"shuffle": False, **options})


def paired_arrays(images: Images, *arguments: Any, **options: Any) -> tuple[Array, Array]:
    """All images once, whole and in order, as two NumPy arrays (inputs, targets): for validation and tests.

    Args:
        images, arguments, options: see `pairs`. The batch size is how many images are diffused at a time, and may be
            larger than their number; it changes nothing.

    Returns:
        (inputs, targets), float32 (n, height, width, 1); inputs with noise_map (n, height, width, 2).
    """
    sequence = in_order(images, *arguments, **options)
    inputs, targets = (np.concatenate(part) for part in zip(*(sequence[i] for i in range(len(sequence)))))
    return inputs, targets
