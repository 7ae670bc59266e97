"""The 3×3 convolutions of all networks, and those of them that low precision must not touch.

A network that corrects an image sees small differences between large gray values. Rounding the image before the first
convolution destroys them, and so, to a lesser degree, does rounding the kernel of the last one. These two are a tenth
of the arithmetic. `Conv2D` here computes them in float32 under every dtype policy. A GPU may compute a float32
convolution in TF32, which keeps 11 significant bits of its operands, without a word. There the image goes in as the
sum of two images, and the kernel of the last convolution as the sum of two kernels, of which TF32 leaves the first as
it is. A processor does not narrow float32, so there they are plain convolutions, with the bits they have always had.
"""

from typing import Any, NoReturn

import keras
from keras import ops

from diffnet_tf.base.backend import at_least_float32, narrows_float32
from diffnet_tf.base.types import Tensor

PACKAGE = "diffnet_tf"
_GRID = 2.0**-9  # multiples of it up to 4 have at most 11 significant bits


def state_dtype(policy: str | keras.DTypePolicy) -> str:
    """The dtype of images and time steps under a dtype policy: that of its variables, at least float32."""
    return at_least_float32(keras.dtype_policies.get(policy).variable_dtype)


def _parts(x: Tensor, axis: int) -> Tensor:
    """x as two parts that sum to it, behind each other along an axis; all of the gradient goes through the second.

    Values between −4 and 4 lose nothing of the first part in TF32, and less than 2⁻²² of the second.
    """
    coarse = ops.stop_gradient(ops.round(x * (1 / _GRID)) * _GRID)
    return ops.concatenate([coarse, x - coarse], axis=axis)


def refuse_to_quantize(what: object, mode: Any) -> NoReturn:
    """Say why integers are no use here. Keras skips convolutions, so it would change nothing, without a word.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f"{type(what).__name__}.quantize came with mode {mode!r}; expected no call of it: Keras quantizes no "
        "convolutions, of which the networks consist, and an image that is rounded to 8 bits has 59 dB at most. For "
        "speed, take a preset with from_preset(name, precision='bfloat16'), or make the network with "
        "dtype='mixed_bfloat16'."
    )


@keras.saving.register_keras_serializable(PACKAGE)
class Conv2D(keras.layers.Conv2D):
    """Keras's `Conv2D`, computed in float32 or wider under any dtype policy, also where TF32 is used.

    Its variables are those of Keras's, in the policy's variable dtype. Its output is float32 or wider. The class has
    Keras's name since saved models call variables by the names of classes.

    Args:
        filters, kernel_size, kwargs: of Keras's.
        split_input: the input is not rounded to TF32: for convolutions that see an image.
        split_kernel: the kernel is not rounded to TF32: for convolutions that give an image or its filters.
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
        self.compensated = False  # see `_compensated`; a choice of whoever applies the network, not saved with it

    def add_weight(self, *args: Any, **kwargs: Any) -> keras.Variable:
        # Keras narrows the variables of the outermost layer even where that has autocast=False.
        return super().add_weight(*args, **{**kwargs, "autocast": False})

    def call(self, u: Tensor) -> Tensor:
        dtype = state_dtype(self.dtype_policy)
        if self.compensated:
            return self._compensated(u, dtype)
        u, kernel = ops.cast(u, dtype), ops.cast(self.kernel, dtype)
        split = dtype == "float32" and narrows_float32()
        if split and self.split_input:
            u, kernel = _parts(u, -1), ops.concatenate([kernel, kernel], axis=2)
        if split and self.split_kernel:
            kernel = _parts(kernel, -1)
        output = self.convolution_op(u, kernel)
        if split and self.split_kernel:
            output = output[..., : self.filters] + output[..., self.filters :]
        if self.use_bias:
            output = output + ops.cast(self.bias, dtype)
        return self.activation(output)

    def _compensated(self, u: Tensor, dtype: str) -> Tensor:
        """The last convolution in the policy's compute dtype, of filters whose rounding the centre makes up for.

        It gives the sum of a pixel's filters, which is small, in the place of the centre. The centre is the sum
        without the others. So what these are rounded by multiplies differences of gray values, not gray values.
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
    """A 3×3 convolution of a network, zero padded, channels last whatever Keras is set to.

    Args:
        channels: of its output.
        first: it sees the image.
        last: it gives the image, or the filters.
        kwargs: of `keras.layers.Conv2D`.
    """
    kwargs = {"padding": "same", "data_format": "channels_last", **kwargs}
    if first or last:
        return Conv2D(channels, 3, split_input=first, split_kernel=last, **kwargs)
    return keras.layers.Conv2D(channels, 3, **kwargs)
