"""Training pairs, made on the fly: crop → augment → batch → diffuse → add noise.

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
from diffnet_tf.data.examples import Drawn, Examples, tensorflow_arrays
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


def _plan(arguments: tuple[Any, ...], options: dict[str, Any]) -> Plan:
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


def pairs(*arguments: Any, **options: Any) -> Any:
    """Training pairs (input, target) as a `tf.data.Dataset`, for Keras's TensorFlow backend.

    Args:
        images: float images (n, height, width, 1 or 3) in [0, 1]; the result of `open_images`; or the name of a source
            (then with data_dir, split and limit as in `load_images`, on the scale of white for "denoise").
        problem: "inverse": (diffused + noise, clean); "forward": (clean, diffused); "denoise": (clean + noise, clean).
        noise: standard deviation σ of the Gaussian noise on the diffused image, for range 1: 0.01 is the 1 % of the
            paper. Or (low, high): each example has its own σ, drawn uniformly in √σ; or (low, high, "log"): in log σ.
            See `data.ranges`.
        seed: the k-th example of epoch e depends only on (seed, e, k).
        batch_size: images in a batch, at most n; with epochs=None a batch may be larger and span several epochs.
        crop: side of random square crops in pixels, cut before diffusing; None for whole images.
        augment: flip and transpose the clean images at random.
        shuffle: a new order of the images in each epoch.
        epochs: number of passes over the images; None for endless pairs.
        start: number of the first example. To resume after s batches, give start = s · batch_size.
        degrade: a function from clean images (batch, height, width, channels) to degraded images of the same shape.
            None is `diffusion.perona_malik` with the paper's settings, or `diffusion.vector_valued` for colours. A
            function in `keras.ops` is compiled. A function that calls NumPy or SciPy
            (`lambda u: gaussian_filter(np.asarray(u), (0, 2, 2, 0))`), or is random, is called in Python for each
            batch, with tensors that have values.
        noise_map: add a last channel to the inputs that holds the σ of the example at every pixel.
        parameter: (low, high): each example draws a number uniformly, and degrade gets the numbers of the batch as a
            second argument, float32 (batch, 1, 1, 1). It may be a contrast, a time or a scale. Or a dict of several:
            then degrade gets them by their names. `{"contrast": (0.1, 0.4), "time": (0.2, 1.0, 0.1)}` fits
            `dn.diffusion.per_image`. With "log" or a step as a third value, see `data.ranges`; a number is the same
            for all examples.
        parameter_map: add further last channels to the inputs, after that of σ, which hold the parameters of the
            example at every pixel, in the order of the dict. Otherwise the network does not see them.
        redraw: draw new crops, flips, noise, σ and parameters in each epoch. False draws them once for each image, so
            that all epochs have the same pairs in a new order (if `degrade` is not random), like a stored data set.
        parallel_calls: number of batches that tf.data makes at the same time; None lets tf.data choose. The examples
            do not depend on it.
        shard: (index, count): yield only the index-th of `count` equal parts of every batch, for one of several
            workers.

    Returns:
        A `tf.data.Dataset` of (input, target), float32 (batch, height, width, channels); with noise_map and
        parameter_map, inputs have more channels. The last batch may be smaller.

    Raises:
        TypeError, ValueError: for images of a wrong dtype, shape or range, or an argument out of range.
        RuntimeError: on another backend of Keras; use `PairSequence` there.
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
        plan.diffuse, calls = degrading.in_python(plan.diffuse), 1  # parallel calls would share a random generator
    examples, images = plan.examples, plan.examples.images
    mapped = isinstance(images.pixels, np.memmap)  # may be larger than the memory
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
    """The examples of `pairs` as a `keras.utils.PyDataset`, for all backends; it does not need TensorFlow.

    Args:
        arguments, options: those of `pairs`. With epochs=None the sequence has no length: give `fit` a steps_per_epoch.
        workers, use_multiprocessing, max_queue_size: see `keras.utils.PyDataset`.

    Item b is batch b, a pair of NumPy arrays (inputs, targets), float32 (batch, height, width, channels).

    Raises:
        TypeError, ValueError: see `pairs`.
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
        # Without compiling, JAX would take as long for a batch as for a training step. The other backends do not.
        compiles = keras.backend.backend() == "jax" and self._plan.compiles
        self._pair = compiled(self._plan.pair) if compiles else self._plan.pair

    @property
    def num_examples(self) -> int | None:
        """The number of pairs in all epochs, counted from the very first; None for endless pairs."""
        return self._plan.last

    @property
    def num_batches(self) -> int | None:
        """The number of batches from `start` on; None for endless pairs."""
        return self._plan.num_batches

    def __len__(self) -> int:
        if self.num_batches is None:
            raise TypeError("This PairSequence is endless (epochs=None) and has no length.")
        return self.num_batches

    def __getitem__(self, number: int) -> tuple[Array, Array]:
        return tuple(keras.ops.convert_to_numpy(tensor) for tensor in self._pair(*self._plan.batch(number)))


def in_order(images: Images, *arguments: Any, batch_size: int = 16, **options: Any) -> PairSequence:
    """A `PairSequence` of all images in order. The batch size may be larger than the number of images."""
    source = {name: options.pop(name) for name in ("data_dir", "split", "limit") if name in options}
    problem = arguments[0] if arguments else options.get("problem", "inverse")
    images = opened(images, problem, **source)
    return PairSequence(images, *arguments, batch_size=min(batch_size, len(images)), **{"shuffle": False, **options})


def paired_arrays(images: Images, *arguments: Any, **options: Any) -> tuple[Array, Array]:
    """All pairs as two NumPy arrays, for validation and tests: by default each image once, whole and in order.

    Args:
        images, arguments, options: see `pairs`. The batch size is the number of images that are diffused at a time. It
            may be larger than the number of images, and does not change the result.

    Returns:
        (inputs, targets), float32 (n, height, width, channels); with noise_map and parameter_map, inputs have more.

    Raises:
        TypeError, ValueError: see `pairs`.
    """
    sequence = in_order(images, *arguments, **options)
    inputs, targets = (np.concatenate(part) for part in zip(*(sequence[i] for i in range(len(sequence)))))
    return inputs, targets
