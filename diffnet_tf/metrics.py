"""The quality of a reconstruction (PSNR, SSIM and relative ℓ2 error of each image), and the losses of training.

Images are (batch, height, width, 1), or single images (height, width), with range 1. A perfect image has infinite PSNR:
`summary` counts perfect images and averages the others; the `PSNR` metric averages the others.

>>> import numpy as np
>>> import diffnet_tf as dn
>>> target = np.ones((2, 8, 8, 1), "float32")
>>> values = dn.metrics.psnr(target, target - np.float32([0.1, 0.0]).reshape(2, 1, 1, 1))
>>> dn.metrics.summary(values)
{'n': 2, 'perfect': 1, 'mean': 20.0, 'std': 0.0, 'median': 20.0, 'min': 20.0, 'max': 20.0}
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.backend import at_least_float32
from diffnet_tf.base.types import Array, Tensor

PACKAGE = "diffnet_tf"
_SSIM_WINDOW = 11


def _wide(target: Tensor, output: Tensor) -> list[Tensor]:
    """Both as tensors of the wider dtype, at least float32: in half precision, rounding would dominate the mean.

    Raises:
        InputTypeError: if one is not floating point: differences of bytes would wrap around.
        ValueError: if the shapes differ: broadcasting would compare one image with all others.
    """
    arrays = [a if hasattr(a, "dtype") else np.asarray(a) for a in (target, output)]
    for array, name in zip(arrays, ("targets", "outputs")):
        checks.float_dtype(array, name)
    checks.same_shape(arrays[0].shape, arrays[1].shape, ("target", "output"))
    tensors = [ops.convert_to_tensor(a) for a in arrays]
    dtypes = {at_least_float32(keras.backend.standardize_dtype(t.dtype)) for t in tensors}
    return [ops.cast(t, max(dtypes)) for t in tensors]  # "float64" comes after "float32"


def _batches(target: Tensor, output: Tensor) -> tuple[list[Tensor], Callable[[Tensor], Tensor]]:
    """Both as batches (batch, height, width, channels), and a function that makes the values of one image a scalar.

    Raises:
        ValueError, InputTypeError: see `_wide`; also for other shapes.
    """
    shapes = [tuple(np.shape(array)) for array in (target, output)]
    if any(not (len(s) in (2, 4) or (len(s) == 3 and s[2] in (1, 3))) or len(s) != len(shapes[0]) for s in shapes):
        raise ValueError(
            f"target has shape {shapes[0]} and output {shapes[1]}; expected both (batch, height, width, 1), or both "
            "(height, width). Add the missing axes with array[None, ..., None]."
        )
    images, rank = _wide(target, output), len(shapes[0])
    if rank == 4:
        return images, lambda values: values
    return [image[None] if rank == 3 else image[None, ..., None] for image in images], lambda values: values[0]


def mean_squared_error(target: Tensor, output: Tensor) -> Tensor:
    """The mean squared error of each image.

    Args:
        target, output: (batch, height, width, channels), or one image each, see `psnr`; floating point.

    Returns:
        (batch,), or a scalar for one image.

    Raises:
        ValueError: if the shapes differ, or are not as above.
        TypeError: if an array is not floating point.
    """
    (target, output), result = _batches(target, output)
    return result(ops.mean(ops.square(target - output), axis=(1, 2, 3)))


def psnr(target: Tensor, output: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image for range 1: −10 log10(MSE) dB.

    Args:
        target, output: (batch, height, width, channels), or one image each, (height, width) or (height, width, 1 or 3
            channels); floating point.

    Returns:
        (batch,) in dB, or a scalar for one image; infinite for a perfect image.

    Raises:
        ValueError: if the shapes differ, or are not as above.
        TypeError: if an array is not floating point.
    """
    return -10.0 * ops.log10(mean_squared_error(target, output))


def authors_psnr(target: Tensor, output: Tensor) -> Tensor:
    """The PSNR of the authors' code: one value for a whole batch, relative to the range of its targets.

    20 log10(max target − min target) − 10 log10(MSE). The mean PSNR of the images is about 1 dB higher.

    Args:
        target, output: arrays of the same shape, floating point.

    Returns:
        A scalar in dB.

    Raises:
        ValueError: if the shapes differ.
        TypeError: if an array is not floating point.
    """
    target, output = _wide(target, output)
    spread = ops.max(target) - ops.min(target)
    return 20.0 * ops.log10(spread) - 10.0 * ops.log10(ops.mean(ops.square(target - output)))


def ssim(target: Tensor, output: Tensor) -> Tensor:
    """Structural similarity of each image for range 1 (Gaussian window of 11 pixels with σ = 1.5), accurate to 5e-5.

    Args:
        target, output: (batch, height, width, channels), or one image each, see `psnr`; floating point, at least 11
            pixels a side.

    Returns:
        (batch,), or a scalar for one image; 1 for a perfect image.

    Raises:
        ValueError: if the shapes differ, or an image is smaller than the window.
        TypeError: if an array is not floating point.
    """
    (target, output), result = _batches(target, output)
    if any(side is not None and side < _SSIM_WINDOW for side in target.shape[1:3]):
        raise ValueError(
            f"target has shape {tuple(target.shape)}; expected at least {_SSIM_WINDOW} pixels a side, the window of "
            "SSIM."
        )
    return result(ops.image.ssim(target, output, max_val=1.0, data_format="channels_last"))


def relative_l2(target: Tensor, output: Tensor) -> Tensor:
    """‖target − output‖₂ / ‖target‖₂ of each image.

    Args:
        target, output: (batch, height, width, channels), or one image each, see `psnr`; floating point.

    Returns:
        (batch,), or a scalar for one image.

    Raises:
        ValueError: if the shapes differ.
        TypeError: if an array is not floating point.
    """
    (target, output), result = _batches(target, output)
    error = ops.sum(ops.square(target - output), axis=(1, 2, 3))
    return result(ops.sqrt(error / ops.sum(ops.square(target), axis=(1, 2, 3))))


class _Shown(dict[str, Any]):
    """A dict that prints its numbers with five digits. The stored numbers are not rounded."""

    def __repr__(self) -> str:
        shown = (f"{k!r}: {float(f'{v:.5g}') if isinstance(v, float) else v!r}" for k, v in self.items())
        return f"{{{', '.join(shown)}}}"


def summary(values: Array) -> dict[str, Any]:
    """Mean, spread and extremes of values for several images; perfect images are counted separately.

    Args:
        values: (n,) array, or a scalar for one image; infinite for a perfect image.

    Returns:
        A dict of plain numbers: n, perfect (the number of perfect images), mean, std, median, min and max of the other
        values (None if there are none). It prints with five digits.
    """
    values = np.atleast_1d(np.asarray(values, "float64"))
    perfect = np.isposinf(values)
    finite = values[~perfect]  # NaN is kept, so that it shows in the result
    result: dict[str, Any] = {"n": len(values), "perfect": int(perfect.sum())}
    for name, function in (("mean", np.mean), ("std", np.std), ("median", np.median), ("min", np.min), ("max", np.max)):
        result[name] = float(function(finite)) if finite.size else None
    return _Shown(result)


@keras.saving.register_keras_serializable(PACKAGE)
class PSNR(keras.metrics.Metric):
    """A Keras metric: the mean PSNR in dB, for range 1, of all images that are not perfect; 0 before the first.

    Targets and outputs are (batch, height, width, channels). Sample weights are optional.
    """

    def __init__(self, name: str = "psnr", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._direction = "up"  # for Keras's callbacks with mode "auto": higher is better
        self.total = self.add_variable((), "zeros", name="total", dtype="float32")
        self.images = self.add_variable((), "zeros", name="images", dtype="float32")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> None:
        values = ops.cast(psnr(y_true, y_pred), "float32")
        perfect = ops.isposinf(values)  # NaN does not count as perfect, so that it shows in the result
        weights = ops.cast(ops.logical_not(perfect), "float32")
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        self.total.assign_add(ops.sum(weights * ops.where(perfect, ops.zeros_like(values), values)))
        self.images.assign_add(ops.sum(weights))

    def result(self) -> Tensor:
        return ops.divide_no_nan(self.total, self.images)


@keras.saving.register_keras_serializable(PACKAGE)
class NormLoss(keras.losses.Loss):
    """The authors' loss: ‖ReLU(target) − output‖₂ / batch size, with the norm (not squared) over the whole batch.

    The length of its gradient does not depend on the error, so steps do not shrink when the error does. The loss is one
    number for the batch: sample weights and other reductions are not possible.

    The loss grows with the number of pixels in an image, so batches of different shapes are not on the same scale:
    whole images in validation had 7 times the loss of training crops with the same error. `batch_shape` corrects this.

    Args:
        name: name of the loss.
        reduction: only "sum", for compatibility with Keras.
        batch_shape: (images, height, width, channels). For every batch, return the loss that a batch of this shape
            would have with the same mean error. None: no correction.

    Raises:
        ValueError: for another reduction; when called, if shapes differ or sample weights are given.
    """

    def __init__(
        self,
        name: str = "norm_loss",
        reduction: str = "sum",
        batch_shape: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        checks.one_of(reduction, "reduction", ("sum",))
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.batch_shape = None if batch_shape is None else tuple(batch_shape)

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        if sample_weight is not None:
            raise ValueError("NormLoss is one number for the whole batch; expected no sample weights. Use loss='mse'.")
        return super().__call__(y_true, y_pred)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.of_squares(_squares_of_relu(y_true, y_pred), ops.shape(y_true))

    def of_squares(self, squares: Tensor, shape: Tensor) -> Tensor:
        """The loss of a batch of the given shape, from the sum of its squared errors."""
        if self.batch_shape is None:
            return _norm(squares, shape)
        # For training batches the factor is exactly 1.
        pixels = [math.prod(self.batch_shape), shape[0] * shape[1] * shape[2] * shape[3]]
        wanted, given = (ops.cast(number, squares.dtype) for number in pixels)
        return _norm(squares * (wanted / given), self.batch_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | ({"batch_shape": self.batch_shape} if self.batch_shape else {})


def _squares_of_relu(target: Tensor, output: Tensor) -> Tensor:
    checks.same_shape(target.shape, output.shape, ("target", "output"))
    return ops.sum(ops.square(ops.relu(target) - output))


def _norm(squares: Tensor, shape: Tensor) -> Tensor:
    # The root has no derivative at 0; 1e-20 is far below the square of a float32 rounding error.
    return ops.sqrt(squares + 1e-20) / ops.cast(shape[0], squares.dtype)


@keras.saving.register_keras_serializable(PACKAGE)
class LogLoss(keras.losses.Loss):
    """½ log MSE, averaged over the images of a batch: −0.115 times the mean PSNR in dB.

    Use it if the noise level differs between images: each image then counts by its relative error. In the norm or the
    mean square of a batch, an image with 10 % noise has fifty times the weight of one with 0.1 %.
    """

    def __init__(self, name: str = "log_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return _half_logs(y_true, y_pred)


def _half_logs(target: Tensor, output: Tensor) -> Tensor:
    # 1e-12 is 120 dB: nothing is gained above that.
    return 0.5 * ops.log(mean_squared_error(target, output) + 1e-12)


LOSSES = {"norm": NormLoss, "mse": keras.losses.MeanSquaredError, "log": LogLoss}
# The same losses in two steps: a sum over the parts of a batch, then the loss of a batch from that sum and its shape.
SUMMED: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "norm": (_squares_of_relu, _norm),
    "mse": (
        lambda target, output: ops.sum(ops.square(target - output)),
        lambda squares, shape: squares / ops.cast(shape[0] * shape[1] * shape[2] * shape[3], squares.dtype),
    ),
    "log": (
        lambda target, output: ops.sum(_half_logs(target, output)),
        lambda total, shape: total / ops.cast(shape[0], total.dtype),
    ),
}
