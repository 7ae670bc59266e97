"""The filter estimator: a small convolutional network that estimates a stencil for every pixel of an image (Fig. 3)."""

from collections.abc import Sequence
from typing import Any, NoReturn

import keras
from keras import initializers

from diffnet_tf.base import checks
from diffnet_tf.base.types import Shape, Tensor
from diffnet_tf.networks import convolution
from diffnet_tf.networks.convolution import PACKAGE


def check_input(shape: Shape, channels: int = 1) -> None:
    """Refuse an input that is not (batch, height, width, channels).

    Raises:
        ValueError: in this case.
    """
    if len(shape) != 4 or shape[-1] != channels:
        expected = "gray images (batch, height, width, 1)" if channels == 1 else f"(batch, height, width, {channels})"
        raise ValueError(
            f"This layer takes {expected}; received an input of shape {tuple(shape)}. Move channels last, and convert "
            "colour to gray or make a layer for that number of channels."
        )


def check_dilations(dilations: Sequence[int], depth: int) -> list[int]:
    """The dilations as a list.

    Raises:
        TypeError, ValueError: unless they are `depth` whole numbers of at least 1.
    """
    if isinstance(dilations, str) or not isinstance(dilations, Sequence):
        kind = type(dilations).__name__
        raise checks.InputTypeError(f"dilations={dilations!r} is a {kind}; expected None or {depth} whole numbers.")
    if len(dilations) != depth:
        raise ValueError(f"dilations={dilations!r}; expected {depth} numbers, one for each convolution, or None.")
    for number in dilations:
        checks.count(number, "dilations")
    return [int(number) for number in dilations]


@keras.saving.register_keras_serializable(PACKAGE)
class FilterEstimator(keras.layers.Layer):
    """Estimates a 5-point stencil for every pixel of an image (Fig. 3) by `depth` 3×3 convolutions with zero padding.

    All convolutions but the last have `width` channels and a ReLU. The last has one channel for each filter and no
    activation. At depth 4 there are 20,261 parameters. The first and the last convolution run in float32 or wider under
    every dtype policy.

    Args:
        depth: number of convolutions, at least 1.
        width: channels of the hidden convolutions, at least 1.
        initial_scale: factor on the initial Glorot-uniform kernel of the last convolution, above 0. The authors use 1.
            With a small factor the network starts near the identity, and trains faster.
        filters: number of filter images in the output.
        channels: number of channels of the input.
        dilations: the distance in pixels between the points of each 3×3 kernel, `depth` numbers of at least 1. Larger
            numbers see further with as many parameters. None: 1 for all.

    Input: (batch, height, width, channels). Output: (batch, height, width, filters), ordered as `stencil.ORDER`.

    Raises:
        ValueError: for an argument out of range, or an input of another shape.
    """

    def __init__(
        self,
        depth: int = 4,
        width: int = 32,
        initial_scale: float = 1.0,
        filters: int = 5,
        channels: int = 1,
        dilations: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "autocast": False})  # the first convolution must see the unrounded image
        checks.count(depth, "depth")
        checks.count(width, "width")
        checks.positive(initial_scale, "initial_scale")
        checks.count(filters, "filters")
        checks.count(channels, "channels")
        self.depth, self.width, self.initial_scale = depth, width, initial_scale
        self.filters, self.channels = filters, channels
        self.dilations = None if dilations is None else check_dilations(dilations, depth)
        # Glorot-uniform is variance scaling with factor 1, fan_avg and a uniform distribution. The variance is
        # proportional to the square of `initial_scale`.
        last = initializers.VarianceScaling(initial_scale**2, mode="fan_avg", distribution="uniform")
        self.convolutions = []
        for i in range(depth):
            ends = {"first": i == 0, "last": i == depth - 1}
            kind = {"kernel_initializer": last} if ends["last"] else {"activation": "relu"}
            channels_out = filters if ends["last"] else width
            shared = {"dtype": self.dtype_policy, "trainable": self.trainable, "name": f"conv{i + 1}"}
            if self.dilations:
                shared["dilation_rate"] = self.dilations[i]
            self.convolutions.append(convolution.make(channels_out, **ends, **kind, **shared))

    @property
    def reach(self) -> int:
        """How far away, in pixels along an axis, the pixels are that an estimated filter depends on."""
        return sum(self.dilations or [1] * self.depth)

    def build(self, input_shape: Shape) -> None:
        check_input(input_shape, self.channels)
        for layer in self.convolutions:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def call(self, u: Tensor) -> Tensor:
        for layer in self.convolutions:
            u = layer(u)
        return u

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.filters)

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> NoReturn:
        """Not supported.

        Raises:
            ValueError: always. The message says what to use instead.
        """
        convolution.refuse_to_quantize(self, mode)

    def get_config(self) -> dict[str, Any]:
        names = ("depth", "width", "initial_scale", "filters", "channels", "dilations")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
