"""Networks to compare DiffNet with: the U-Net, and the K-layer CNN and ResNet of Section 3."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Shape, Tensor
from diffnet_tf.networks import convolution
from diffnet_tf.networks.convolution import PACKAGE, state_dtype
from diffnet_tf.networks.image_model import ImageModel

LAST = {"data_format": "channels_last"}  # whatever Keras's default


def _conv(channels: int, policy: keras.DTypePolicy, name: str, activation: str | None = "relu", **ends: bool) -> Any:
    return convolution.make(channels, activation=activation, dtype=policy, name=name, **ends)


@keras.saving.register_keras_serializable(PACKAGE)
class PadToMultiple(layers.Layer):
    """Repeats the last row and column until height and width are multiples of a number.

    Args:
        multiple: the number.

    Input: (batch, height, width, channels). Output: the same with height and width rounded up to multiples.
    """

    def __init__(self, multiple: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, u: Tensor) -> Tensor:
        for axis in (1, 2):
            size = ops.shape(u)[axis]
            padded = size + (-size) % self.multiple
            u = ops.take(u, ops.minimum(ops.arange(padded), size - 1), axis=axis)
        return u

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sides = (None if n is None else n + (-n) % self.multiple for n in input_shape[1:3])
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable(PACKAGE)
class CropLike(layers.Layer):
    """Crops its first input, at the bottom and the right, to the height and width of the second.

    Input: two tensors (batch, height, width, channels). Output: the first one, cropped.
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        u, like = inputs
        shape = ops.shape(like)
        return u[:, : shape[1], : shape[2]]

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        u, like = input_shape
        return (u[0], *like[1:3], u[3])


@keras.saving.register_keras_serializable(PACKAGE)
class UNet(ImageModel):
    """The U-Net baseline, with 34,512,705 parameters for the widths of the paper.

    Two 3×3 convolutions at each scale, max pooling, 3×3 transposed convolutions to go up, skip concatenation, a final
    3×3 convolution to one channel, biases, no normalisation; the input is added to the output. Images whose sides are
    not multiples of 2^(scales − 1) are padded first and cropped at the end.

    Args:
        widths: channels at each scale, from fine to coarse.
        dtype: a dtype policy; the final addition to the image is always in float32 or wider.

    Input and output: (batch, height, width, 1), any height and width.
    """

    def __init__(self, widths: Sequence[int] = (64, 128, 256, 512, 1024), **kwargs: Any) -> None:
        widths = tuple(widths)

        def build(image: Tensor, policy: keras.DTypePolicy) -> Tensor:
            u, skips = PadToMultiple(2 ** (len(widths) - 1), dtype=state_dtype(policy), name="pad")(image), []
            for scale, channels in enumerate(widths):
                if scale:
                    u = layers.MaxPooling2D(dtype=policy, name=f"pool{scale}", **LAST)(u)
                u = _conv(channels, policy, f"down{scale + 1}_conv1", first=scale == 0)(u)
                u = _conv(channels, policy, f"down{scale + 1}_conv2")(u)
                skips.append(u)
            for scale in reversed(range(len(widths) - 1)):
                channels, up = widths[scale], {"strides": 2, "padding": "same", "name": f"up{scale + 1}"}
                u = layers.Conv2DTranspose(channels, 3, dtype=policy, **up, **LAST)(u)
                u = layers.Concatenate(dtype=policy, name=f"skip{scale + 1}")([skips[scale], u])
                u = _conv(channels, policy, f"up{scale + 1}_conv1")(u)
                u = _conv(channels, policy, f"up{scale + 1}_conv2")(u)
            u = _conv(1, policy, "project", activation=None, last=True)(u)
            u = CropLike(dtype=state_dtype(policy), name="crop")([u, image])
            return layers.Add(dtype=state_dtype(policy), name="residual")([image, u])

        super().__init__(build, (None, None), {"widths": list(widths)}, **kwargs)


@keras.saving.register_keras_serializable(PACKAGE)
class ConvNet(ImageModel):
    """A K-layer CNN, eq. (3.5): 3×3 convolutions with ReLU; the last one has one channel and no activation.

    Args:
        depth: the number K of convolutions, at least 1.
        width: channels of the hidden convolutions.
        noise_map: the input has an additional last channel with σ of the noise at every pixel; the first convolution
            sees the image and √σ, as the estimators of `DiffNet`.
        skip: add the input image to the output, as DnCNN does (Zhang et al., arXiv:1608.03981).
        dtype: a dtype policy.

    Input and output: (batch, height, width, 1), any height and width; the input has two channels with a noise map.
    """

    def __init__(
        self, depth: int = 5, width: int = 32, noise_map: bool = False, skip: bool = False, **kwargs: Any
    ) -> None:
        checks.count(depth, "depth")

        def build(inputs: Tensor, policy: keras.DTypePolicy) -> Tensor:
            image, u = inputs[..., :1], inputs
            if noise_map:
                u = ops.concatenate([image, ops.sqrt(ops.maximum(inputs[..., 1:], 0.0))], axis=-1)
            for i in range(depth - 1):
                u = _conv(width, policy, f"conv{i + 1}", first=i == 0)(u)
            u = _conv(1, policy, f"conv{depth}", activation=None, first=depth == 1, last=True)(u)
            if skip:
                return layers.Add(dtype=state_dtype(policy), name="residual")([image, u])
            return layers.Activation("linear", dtype=state_dtype(policy), name="output")(u)

        arguments: dict[str, Any] = {"depth": depth, "width": width}
        arguments |= {
            name: True for name, given in (("noise_map", noise_map), ("skip", skip)) if given
        }  # older lack it
        super().__init__(build, (None, None), arguments, input_channels=1 + bool(noise_map), **kwargs)


@keras.saving.register_keras_serializable(PACKAGE)
class ResNet(ImageModel):
    """A K-block residual network, eq. (3.6)–(3.7).

    A lifting convolution with ReLU, K residual blocks (convolution with ReLU, convolution without ReLU, addition), and
    a projecting convolution to one channel.

    Args:
        blocks: the number K of residual blocks, at least 1.
        width: channels between lifting and projection.
        dtype: a dtype policy.

    Input and output: (batch, height, width, 1), any height and width.
    """

    def __init__(self, blocks: int = 5, width: int = 32, **kwargs: Any) -> None:
        checks.count(blocks, "blocks")

        def build(u: Tensor, policy: keras.DTypePolicy) -> Tensor:
            u = _conv(width, policy, "lift", first=True)(u)
            for i in range(blocks):
                v = _conv(width, policy, f"block{i + 1}_conv1")(u)
                v = _conv(width, policy, f"block{i + 1}_conv2", activation=None)(v)
                u = layers.Add(dtype=policy, name=f"block{i + 1}_add")([u, v])
            u = _conv(1, policy, "project", activation=None, last=True)(u)
            return layers.Activation("linear", dtype=state_dtype(policy), name="output")(u)

        super().__init__(build, (None, None), {"blocks": blocks, "width": width}, **kwargs)
