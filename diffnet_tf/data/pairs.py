"""Pairs to learn from, made on the fly: crop → augment → batch → diffuse → noise.

The clean image is cropped and flipped first and diffused then, so that a crop's border is a real border and the
one-sided discretisation sees every image the same way. Whole batches are diffused.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.backend import compiled
from diffnet_tf.base.types import Array, PathLike, Tensor
from diffnet_tf.data.examples import Drawn, Examples, tensorflow_arrays
from diffnet_tf.data.gray import GrayImages
from diffnet_tf.data.ranges import Range
from diffnet_tf.data.sources import READERS, open_images
from diffnet_tf.physics import diffusion

PROBLEMS = ("inverse", "forward")

Images = GrayImages | str | Array
"""What can be given as images, see `as_gray_images`."""


def as_gray_images(images: Images, **source_options: Any) -> GrayImages:
    """`GrayImages` from what callers give: these, the name of a source, or float images (n, height, width[, 1])."""
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
    return GrayImages(checks.images(array[..., None] if array.ndim == 3 else array)[..., 0])


class _Plan:
    """What a sequence of pairs is made of, whichever framework runs it."""

    def __init__(
        self,
        images: GrayImages,
        problem: str,
        noise: Range,
        degrade: Callable[..., Tensor] | None,
        batch_size: int,
        epochs: int | None,
        start: int,
        noise_map: bool,
        parameter: tuple[float, float] | None,
        **options: Any,
    ) -> None:
        checks.one_of(problem, "problem", PROBLEMS)
        checks.count(batch_size, "batch_size")
        checks.count(start, "start", minimum=0)
        if epochs is not None:
            checks.count(epochs, "epochs")
        if problem == "forward" and (noise or noise_map):
            given = f"noise={noise!r}" if noise else "noise_map=True"
            raise ValueError(f"{given} with problem='forward'; expected none: noise is added to diffused inputs.")
        if parameter is not None and degrade is None:
            raise ValueError(
                f"parameter={parameter!r} without degrade; expected a function degrade(u, parameter) that takes it."
            )
        if batch_size > len(images):
            raise ValueError(
                f"batch_size={batch_size} is larger than the {len(images)} image(s) of the data set; "
                f"expected at most {len(images)}. Give a smaller batch or more images."
            )
        self.examples = Examples(images, noise=noise, parameter=parameter, **options)
        self.noise_map = noise_map
        # Not every function can be fused: a caller's is run as it is.
        default = diffusion.perona_malik if images.shape[-1] == 1 else diffusion.vector_valued
        self.problem, self.degrade = problem, degrade or compiled(default, fused=True)
        self.batch_size, self.first = batch_size, start
        self.last = None if epochs is None else epochs * len(images)

    @property
    def num_batches(self) -> int | None:
        return None if self.last is None else max(0, math.ceil((self.last - self.first) / self.batch_size))

    def part(self, index: int, count: int) -> slice:
        """The index-th of `count` equal parts of a batch, as a slice."""
        checks.count(count, "shard[1]")
        checks.count(index, "shard[0]", minimum=0)
        whole = self.last is None or (self.last - self.first) % self.batch_size == 0
        if index >= count or self.batch_size % count or (count > 1 and not whole):
            raise ValueError(
                f"shard=({index}, {count}) with batches of {self.batch_size}; expected an index below the count, and "
                "batches, the last one too, that split into that many equal parts."
            )
        size = self.batch_size // count
        return slice(index * size, (index + 1) * size)

    def batch(self, number: int) -> Drawn:
        """One batch; the last of all may be smaller."""
        first = self.first + int(number) * self.batch_size
        stop = first + self.batch_size if self.last is None else min(first + self.batch_size, self.last)
        return self.examples.batch(first, stop - first)

    def pair(self, clean: Tensor, noise: Tensor, sigma: Tensor, parameter: Tensor) -> tuple[Tensor, Tensor]:
        """(input, target) tensors from what was drawn."""
        clean, noise, sigma, parameter = map(keras.ops.convert_to_tensor, (clean, noise, sigma, parameter))
        diffused = self.degrade(clean) if self.examples.parameter is None else self.degrade(clean, parameter)
        checks.same_shape(clean.shape, diffused.shape, ("clean", "what degrade makes of it"))
        if self.problem == "forward":
            return clean, diffused
        if self.noise_map:
            return keras.ops.concatenate(
                [diffused + noise, sigma + keras.ops.zeros_like(noise[..., :1])], axis=-1
            ), clean
        return diffused + noise, clean


def pairs(
    images: Images = "skimage",
    problem: str = "inverse",
    noise: Range = 0.0,
    seed: int = 0,
    *,
    batch_size: int = 16,
    crop: int | None = None,
    augment: bool = False,
    shuffle: bool = True,
    epochs: int | None = 1,
    start: int = 0,
    degrade: Callable[..., Tensor] | None = None,
    noise_map: bool = False,
    parameter: tuple[float, float] | None = None,
    parallel_calls: int | None = None,
    shard: tuple[int, int] = (0, 1),
    data_dir: PathLike | None = None,
    split: str = "train",
    limit: int | None = None,
) -> Any:
    """Pairs (input, target) as a `tf.data.Dataset`, for Keras's TensorFlow backend.

    Args:
        images: float images (n, height, width, 1) in [0, 1], a `GrayImages` or `ColourImages`, or the name of a source
            (then data_dir, split and limit as in `load_images`).
        problem: "inverse": (diffused + noise, clean); "forward": (clean, diffused).
        noise: standard deviation σ of the Gaussian noise on the diffused image, range 1: 0.01 is the paper's 1 %. Or
            (low, high): each example draws its own σ, uniformly in √σ; see `data.ranges`.
        seed: the k-th example of epoch e depends on (seed, e, k) alone.
        batch_size: images a batch, at most n.
        crop: side of random square crops in pixels, cut before diffusing; None for whole images.
        augment: flip and transpose the clean images at random.
        shuffle: a new order of the images each epoch.
        epochs: passes over the images; None for endless.
        start: the number of the first example: resume after s batches with start = s · batch_size.
        degrade: any function of clean images (batch, height, width, 1) in `keras.ops`; None for
            `diffusion.perona_malik` with the paper's settings, for colours `diffusion.vector_valued`.
        noise_map: give the inputs a second channel, the last, that holds the example's σ at every pixel.
        parameter: (low, high): each example draws a number, uniformly, and degrade is called with these as a second
            argument, float32 (batch, 1, 1, 1): a contrast, a time or a scale that the network is not told.
        parallel_calls: batches made at the same time; None leaves it to tf.data. It changes no example.
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

    images = as_gray_images(images, data_dir=data_dir, split=split, limit=limit)
    options = {"crop": crop, "augment": augment, "shuffle": shuffle, "seed": seed}
    plan = _Plan(images, problem, noise, degrade, batch_size, epochs, start, noise_map, parameter, **options)
    calls = parallel_calls or tf.data.AUTOTUNE
    part = plan.part(*shard)

    examples, xp = plan.examples, tensorflow_arrays()
    pixels, maxima = tf.constant(images.pixels), tf.constant(images.maxima)
    first_epoch, skipped = divmod(start, len(images))

    def numbers_of(epoch: Tensor) -> Any:
        k = tf.range(len(images), dtype=tf.int64)
        return tf.data.Dataset.from_tensor_slices((tf.fill(k.shape, epoch), k, examples.order(epoch, xp)))

    def pair(*numbers: Tensor) -> tuple[Tensor, Tensor]:
        epoch, k, index = (column[part] for column in numbers)
        return plan.pair(*examples.make(epoch, k, index, pixels, maxima, xp))

    passes = tf.data.Dataset.range(first_epoch, tf.int64.max if epochs is None else epochs)
    numbers = passes.flat_map(numbers_of).skip(skipped).batch(batch_size)
    dataset = numbers.map(pair, calls, deterministic=True).prefetch(tf.data.AUTOTUNE)
    number = tf.data.INFINITE_CARDINALITY if plan.num_batches is None else plan.num_batches
    return dataset.apply(tf.data.experimental.assert_cardinality(number))


class PairSequence(keras.utils.PyDataset):
    """The examples of `pairs`, without TensorFlow: a `keras.utils.PyDataset` for the JAX and PyTorch backends.

    Takes the arguments of `pairs` but parallel_calls. With epochs=None it has no length: give `fit` a
    steps_per_epoch. Item b is batch b: a pair of NumPy arrays.
    """

    def __init__(
        self,
        images: Images = "skimage",
        problem: str = "inverse",
        noise: Range = 0.0,
        seed: int = 0,
        *,
        batch_size: int = 16,
        crop: int | None = None,
        augment: bool = False,
        shuffle: bool = True,
        epochs: int | None = 1,
        start: int = 0,
        degrade: Callable[..., Tensor] | None = None,
        noise_map: bool = False,
        parameter: tuple[float, float] | None = None,
        data_dir: PathLike | None = None,
        split: str = "train",
        limit: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        images = as_gray_images(images, data_dir=data_dir, split=split, limit=limit)
        options = {"crop": crop, "augment": augment, "shuffle": shuffle, "seed": seed}
        self._plan = _Plan(images, problem, noise, degrade, batch_size, epochs, start, noise_map, parameter, **options)
        # JAX would take as long as a training step to diffuse a batch op by op; the others do not.
        self._pair = compiled(self._plan.pair) if keras.backend.backend() == "jax" else self._plan.pair

    @property
    def num_batches(self) -> int | None:
        return self._plan.num_batches

    def __len__(self) -> int:
        if self.num_batches is None:
            raise TypeError("This PairSequence is endless (epochs=None) and has no length.")
        return self.num_batches

    def __getitem__(self, number: int) -> tuple[Array, Array]:
        return tuple(keras.ops.convert_to_numpy(tensor) for tensor in self._pair(*self._plan.batch(number)))


def paired_arrays(
    images: Images,
    problem: str = "inverse",
    noise: Range = 0.0,
    seed: int = 0,
    degrade: Callable[..., Tensor] | None = None,
    batch_size: int = 16,
    noise_map: bool = False,
    parameter: tuple[float, float] | None = None,
) -> tuple[Array, Array]:
    """All images once, whole and in order, as two NumPy arrays (inputs, targets): for validation and tests.

    Args:
        images, problem, noise, seed, degrade, noise_map, parameter: see `pairs`.
        batch_size: how many images are diffused at a time; it changes nothing.

    Returns:
        (inputs, targets), float32 (n, height, width, 1); inputs with noise_map (n, height, width, 2).
    """
    images = as_gray_images(images)
    size = min(batch_size, len(images))
    options: dict[str, Any] = {"degrade": degrade, "noise_map": noise_map, "parameter": parameter}
    sequence = PairSequence(images, problem, noise, seed, batch_size=size, shuffle=False, **options)
    batches = [sequence[i] for i in range(len(sequence))]
    inputs, targets = (np.concatenate(part) for part in zip(*batches))
    return inputs, targets
