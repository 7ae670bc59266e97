"""Training pairs, made on the fly: crop → augment → batch → diffuse → add noise. `plan` says how one batch is made."""

import inspect
from typing import Any

import keras
import numpy as np

from diffnet_tf.base.backend import compiled
from diffnet_tf.base.types import Array, Tensor
from diffnet_tf.data import degrading
from diffnet_tf.data.examples import tensorflow_arrays
from diffnet_tf.data.plan import Images, Plan, opened, planned


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

    plan, xp = planned(arguments, options), tensorflow_arrays()
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
        self._plan = planned(arguments, options)
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
