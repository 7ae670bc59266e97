"""The networks of the paper, as Keras models with gray images in and out: (batch, height, width, 1).

| model | paper | parameters |
|---|---|---|
| `DiffNet` | Fig. 2, Section 4.3 | 101,310 with 5 layers of depth 4 |
| `LinearDiffNet` | Fig. 1 | 5n² + 1 (or 4n² + 1) a layer |
| `UNet` | the baseline of Section 5 | 34,512,705 |
| `ConvNet` | K-layer CNN, eq. (3.5) | |
| `ResNet` | eq. (3.6)–(3.7) | |
"""

import keras
from keras import layers, ops

from diffnet_tf import checks
from diffnet_tf.layers import PACKAGE, DiffusionLayer, LinearDiffusionLayer, state_dtype


class _ImageModel(keras.Model):
    """A functional model from its own arguments: it is saved as these, not as a graph of layers."""

    def __init__(self, build, image_shape=(None, None), dtype=None, **kwargs):
        policy = keras.dtype_policies.get(dtype)
        image = keras.Input((*image_shape, 1), dtype=state_dtype(policy), name="image")
        super().__init__(inputs=image, outputs=build(image, policy), **kwargs)
        self._policy = policy

    def get_config(self):
        policy = keras.dtype_policies.serialize(self._policy)
        return {"name": self.name, "trainable": self.trainable, "dtype": policy, **self._arguments}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


class _StencilModel(_ImageModel):
    """A chain of diffusion layers that can be looked into."""

    @property
    def diffusion_layers(self):
        """The diffusion layers in order."""
        return [layer for layer in self.layers if isinstance(layer, (DiffusionLayer, LinearDiffusionLayer))]

    @property
    def time_steps(self):
        """The learned time steps δt, one a layer, as floats."""
        return [float(ops.convert_to_numpy(layer.time_step)) for layer in self.diffusion_layers]

    def states(self, u):
        """The image after each diffusion layer (before the final ReLU).

        Args:
            u: input images, (batch, height, width, 1).

        Returns:
            A list of one (batch, height, width, 1) a layer.
        """
        states = []
        for layer in self.diffusion_layers:
            u = layer(u)
            states.append(u)
        return states

    def filters(self, u):
        """The filters that each layer applies to its input, without the time step.

        Args:
            u: input images, (batch, height, width, 1).

        Returns:
            A list of one (batch or 1, height, width, 5) a layer, ordered as `stencil.ORDER`.
        """
        inputs = [ops.convert_to_tensor(u), *self.states(u)]
        return [layer.filters(v) for layer, v in zip(self.diffusion_layers, inputs)]


@keras.saving.register_keras_serializable(PACKAGE)
class DiffNet(_StencilModel):
    """DiffNet (Fig. 2): diffusion layers whose filters are estimated from their input, and a final ReLU.

    Args:
        num_layers: number of diffusion layers.
        estimator_depth: convolutions of each filter estimator.
        width: channels of their hidden convolutions.
        initial_scale: see `layers.FilterEstimator`; 1 is the authors' initialisation.
        initial_time_step: where the learned time steps start.
        boundary: what lies outside the image for the updates, "neumann" or "dirichlet".
        dtype: a dtype policy; images and time steps are float32 or wider under any.

    Input and output: (batch, height, width, 1) in [0, 1], any height and width of at least 1.
    """

    def __init__(
        self,
        num_layers=5,
        estimator_depth=4,
        width=32,
        initial_scale=1.0,
        initial_time_step=0.2,
        boundary="neumann",
        **kwargs,
    ):
        checks.count(num_layers, "num_layers")

        def build(u, policy):
            for i in range(num_layers):
                u = DiffusionLayer(
                    estimator_depth,
                    width,
                    initial_scale,
                    initial_time_step,
                    boundary,
                    dtype=policy,
                    name=f"diffusion{i + 1}",
                )(u)
            return layers.ReLU(dtype=state_dtype(policy), name="relu")(u)

        super().__init__(build, **kwargs)
        self._arguments = {
            "num_layers": num_layers,
            "estimator_depth": estimator_depth,
            "width": width,
            "initial_scale": initial_scale,
            "initial_time_step": initial_time_step,
            "boundary": boundary,
        }


@keras.saving.register_keras_serializable(PACKAGE)
class LinearDiffNet(_StencilModel):
    """The linear diffusion network (Fig. 1): the filters of every layer are its parameters, for one image size.

    Args:
        image_shape: (height, width).
        num_layers: number of diffusion layers.
        generalised: the stencil (4.7) with a free centre; False for the mean-free (4.4).
        filters_initializer, initial_time_step, boundary: see `layers.LinearDiffusionLayer`.
        dtype: a dtype policy.
    """

    def __init__(
        self,
        image_shape,
        num_layers=5,
        generalised=True,
        filters_initializer="zeros",
        initial_time_step=0.2,
        boundary="neumann",
        **kwargs,
    ):
        checks.count(num_layers, "num_layers")
        image_shape = tuple(image_shape)[:2]
        filters_initializer = keras.initializers.get(filters_initializer)

        def build(u, policy):
            for i in range(num_layers):
                u = LinearDiffusionLayer(
                    generalised,
                    filters_initializer.clone(),
                    initial_time_step,
                    boundary,
                    dtype=policy,
                    name=f"diffusion{i + 1}",
                )(u)
            return u

        super().__init__(build, image_shape, **kwargs)
        self._arguments = {
            "image_shape": list(image_shape),
            "num_layers": num_layers,
            "generalised": generalised,
            "filters_initializer": keras.initializers.serialize(filters_initializer),
            "initial_time_step": initial_time_step,
            "boundary": boundary,
        }


# ---- The networks to compare with ------------------------------------------------------------------------------------


def _conv(channels, policy, activation="relu", **kwargs):
    return layers.Conv2D(channels, 3, padding="same", activation=activation, dtype=policy, **kwargs)


@keras.saving.register_keras_serializable(PACKAGE)
class PadToMultiple(layers.Layer):
    """Repeats the last row and column until height and width are multiples of a number.

    Args:
        multiple: the number.

    Input: (batch, height, width, channels). Output: the same with height and width rounded up.
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, u):
        for axis in (1, 2):
            size = ops.shape(u)[axis]
            padded = size + (-size) % self.multiple
            u = ops.take(u, ops.minimum(ops.arange(padded), size - 1), axis=axis)
        return u

    def compute_output_shape(self, input_shape):
        sides = (None if n is None else n + (-n) % self.multiple for n in input_shape[1:3])
        return (input_shape[0], *sides, input_shape[3])

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable(PACKAGE)
class CropLike(layers.Layer):
    """Crops its first input at the bottom and the right to the height and width of the second."""

    def call(self, inputs):
        u, like = inputs
        shape = ops.shape(like)
        return u[:, : shape[1], : shape[2]]

    def compute_output_shape(self, input_shape):
        u, like = input_shape
        return (u[0], *like[1:3], u[3])


@keras.saving.register_keras_serializable(PACKAGE)
class UNet(_ImageModel):
    """The U-Net baseline: 34,512,705 parameters with the widths of the paper.

    Two 3×3 convolutions a scale, max pooling, 3×3 transposed convolutions up, skip concatenation, a final 3×3
    convolution to one channel, biases, no normalisation, and the input added to the output. Images whose sides are no
    multiples of 2^(scales − 1) are padded and cropped back inside.

    Args:
        widths: channels of each scale, from fine to coarse.
        dtype: a dtype policy; the final addition to the image is in float32 or wider under any.

    Input and output: (batch, height, width, 1), any height and width.
    """

    def __init__(self, widths=(64, 128, 256, 512, 1024), **kwargs):
        widths = tuple(widths)

        def build(image, policy):
            u, skips = PadToMultiple(2 ** (len(widths) - 1), dtype=state_dtype(policy), name="pad")(image), []
            for scale, channels in enumerate(widths):
                if scale:
                    u = layers.MaxPooling2D(dtype=policy)(u)
                u = _conv(channels, policy)(_conv(channels, policy)(u))
                skips.append(u)
            for channels, skip in zip(widths[-2::-1], skips[-2::-1]):
                u = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", dtype=policy)(u)
                u = layers.Concatenate(dtype=policy)([skip, u])
                u = _conv(channels, policy)(_conv(channels, policy)(u))
            u = CropLike(dtype=policy, name="crop")([_conv(1, policy, activation=None)(u), image])
            return layers.Add(dtype=state_dtype(policy), name="residual")([image, u])

        super().__init__(build, **kwargs)
        self._arguments = {"widths": list(widths)}


@keras.saving.register_keras_serializable(PACKAGE)
class ConvNet(_ImageModel):
    """A K-layer CNN, eq. (3.5): 3×3 convolutions with ReLU; the last one to one channel, without.

    Args:
        depth: the number K of convolutions.
        width: channels of the hidden ones.
        dtype: a dtype policy.
    """

    def __init__(self, depth=5, width=32, **kwargs):
        checks.count(depth, "depth")

        def build(u, policy):
            for _ in range(depth - 1):
                u = _conv(width, policy)(u)
            return layers.Activation("linear", dtype=state_dtype(policy))(_conv(1, policy, activation=None)(u))

        super().__init__(build, **kwargs)
        self._arguments = {"depth": depth, "width": width}


@keras.saving.register_keras_serializable(PACKAGE)
class ResNet(_ImageModel):
    """A K-block residual network, eq. (3.6)–(3.7).

    A lifting convolution with ReLU, K residual blocks (convolution with ReLU, convolution without, addition), and a
    projecting convolution to one channel.

    Args:
        blocks: the number K of residual blocks.
        width: channels between lifting and projection.
        dtype: a dtype policy.
    """

    def __init__(self, blocks=5, width=32, **kwargs):
        checks.count(blocks, "blocks")

        def build(u, policy):
            u = _conv(width, policy, name="lift")(u)
            for _ in range(blocks):
                u = layers.Add(dtype=policy)([u, _conv(width, policy, activation=None)(_conv(width, policy)(u))])
            u = _conv(1, policy, activation=None, name="project")(u)
            return layers.Activation("linear", dtype=state_dtype(policy))(u)

        super().__init__(build, **kwargs)
        self._arguments = {"blocks": blocks, "width": width}
