"""The 3×3 convolutions of all networks, with protection against low precision for the first and the last one.

A restoring network must see small differences between large gray values. Rounding the image before the first
convolution destroys them; rounding the kernel of the last convolution does so to a lesser degree. These two
convolutions are a tenth of the arithmetic, and `Conv2D` computes them in float32 under every dtype policy. GPUs may
silently compute float32 convolutions in TF32, which keeps 11 significant bits of the operands. There the image (and
the kernel of the last convolution) is split into a sum of two parts, of which TF32 does not round the first. CPUs do
not narrow float32, so there nothing is split.
"""

from typing import Any, NoReturn

import keras
from keras import ops

from diffnet_tf.base.backend import at_least_float32, narrows_float32
from diffnet_tf.base.types import Tensor

PACKAGE = "diffnet_tf"
_GRID = 2.0**-9  # multiples up to 4 have at most 11 significant bits


def state_dtype(policy: str | keras.DTypePolicy) -> str:
    """The dtype of images and time steps under a dtype policy: the dtype of its variables, at least float32."""
    return at_least_float32(keras.dtype_policies.get(policy).variable_dtype)


def tf32_parts(x: Tensor, axis: int) -> Tensor:
    """Split x into two parts whose sum is x, concatenated along an axis. The gradient goes through the second part.

    For values between −4 and 4, TF32 does not change the first part, and the second by less than 2⁻²².
    """
    coarse = ops.stop_gradient(ops.round(x * (1 / _GRID)) * _GRID)
    return ops.concatenate([coarse, x - coarse], axis=axis)


def refuse_to_quantize(what: object, mode: Any) -> NoReturn:
    """Refuse `quantize`. Keras's own silently skips convolutions, so it would not change anything.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f"{type(what).__name__}.quantize({mode!r}) is not supported: Keras does not quantize convolutions, and an "
        "image rounded to 8 bits has at most 59 dB. For speed, use from_preset(name, precision='bfloat16'), or make "
        "the network with dtype='mixed_bfloat16'."
    )


@keras.saving.register_keras_serializable(PACKAGE)
class Conv2D(keras.layers.Conv2D):
    """Keras's `Conv2D`, computed in float32 or wider under every dtype policy, and protected from TF32.

    It has the same variables, in the policy's variable dtype. Its output is float32 or wider. The class has the name of
    Keras's class, since the names of variables in saved models contain it.

    Args:
        filters, kernel_size, kwargs: see `keras.layers.Conv2D`.
        split_input: protect the input from rounding to TF32, for convolutions that see an image.
        split_kernel: protect the kernel from rounding to TF32, for convolutions that return an image or filters.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        split_input: bool = True,
        split_kernel: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, **{**kwargs, "autocast": False})
        self.split_input, self.split_kernel = bool(split_input), bool(split_kernel)
        self.compensated = False  # see `_compensated`; chosen when a network is loaded, and not saved

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        # Keras casts the variables of the outermost layer, even if it has autocast=False.
        return super().add_weight(*args, **{**kwargs, "autocast": False})

    def call(self, u: Tensor) -> Tensor:
        dtype = state_dtype(self.dtype_policy)
        if self.compensated:
            return self._compensated(u, dtype)
        u, kernel = ops.cast(u, dtype), ops.cast(self.kernel, dtype)
        split = dtype == "float32" and narrows_float32()
        if split and self.split_input:
            u, kernel = tf32_parts(u, -1), ops.concatenate([kernel, kernel], axis=2)
        if split and self.split_kernel:
            kernel = tf32_parts(kernel, -1)
        output = self.convolution_op(u, kernel)
        if split and self.split_kernel:
            output = output[..., : self.filters] + output[..., self.filters :]
        if self.use_bias:
            output = output + ops.cast(self.bias, dtype)
        return self.activation(output)

    def _compensated(self, u: Tensor, dtype: str) -> Tensor:
        """The last convolution in the policy's compute dtype, with compensation for the rounding of its filters.

        Instead of the centre filter, it computes the sum of a pixel's filters, which is small. The centre is then this
        sum minus the other filters. So their rounding errors multiply differences of gray values, and not gray values.
        """

        def summed(x: Tensor) -> Tensor:
            return ops.concatenate([ops.sum(x, axis=-1, keepdims=True), x[..., 1:]], axis=-1)

        half = self.compute_dtype
        output = self.convolution_op(ops.cast(u, half), ops.cast(summed(ops.cast(self.kernel, dtype)), half))
        output = ops.cast(output, dtype) + summed(ops.cast(self.bias, dtype))
        others = output[..., 1:]
        return ops.concatenate([output[..., :1] - ops.sum(others, axis=-1, keepdims=True), others], axis=-1)

    def compute_output_spec(self, u: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(u.shape), dtype=state_dtype(self.dtype_policy))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "split_input": self.split_input, "split_kernel": self.split_kernel}


def make(channels: int, first: bool = False, last: bool = False, **kwargs: Any) -> keras.layers.Layer:
    """Make a 3×3 convolution of a network, with zero padding and channels last (whatever Keras's default).

    Args:
        channels: number of channels of the output.
        first: whether its input is an image.
        last: whether its output is an image, or the filters.
        kwargs: see `keras.layers.Conv2D`.
    """
    kwargs = {"padding": "same", "data_format": "channels_last", **kwargs}
    if first or last:
        return Conv2D(channels, 3, split_input=first, split_kernel=last, **kwargs)
    return keras.layers.Conv2D(channels, 3, **kwargs)
