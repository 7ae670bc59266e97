"""Keras layers of the diffusion networks: the filter estimator, and the explicit update with a learned time step.

Under every dtype policy, images, time steps, and the first and last convolution of each estimator are float32 or wider
(see `networks.convolution`). Only the other convolutions run in the compute dtype of the policy. Rounding an image to
bfloat16 would limit its PSNR to 61 dB, to half precision to 79 dB.

>>> import keras
>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> layer = dn.layers.DiffusionLayer(depth=4, width=32)
>>> layer(image).shape == image.shape and layer.count_params()
20262
>>> layer.filters(image).shape
TensorShape([1, 96, 96, 5])
"""

from collections.abc import Callable
from typing import Any, NoReturn

import keras
from keras import initializers, ops

from diffnet_tf.base import checks
from diffnet_tf.base.backend import fused
from diffnet_tf.base.types import Boundary, Shape, Tensor
from diffnet_tf.networks import convolution
from diffnet_tf.networks.convolution import PACKAGE, state_dtype
from diffnet_tf.physics import stencil
from diffnet_tf.physics.neighbourhood import check_boundary


def _check_input(shape: Shape, channels: int = 1) -> None:
    if len(shape) != 4 or shape[-1] != channels:
        expected = "gray images (batch, height, width, 1)" if channels == 1 else f"(batch, height, width, {channels})"
        raise ValueError(
            f"This layer takes {expected}; received an input of shape {tuple(shape)}. Move channels last, and convert "
            "colour to gray or make a layer for that number of channels."
        )


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
        # Glorot-uniform is variance scaling with factor 1, fan_avg and a uniform distribution. The variance is
        # proportional to the square of `initial_scale`.
        last = initializers.VarianceScaling(initial_scale**2, mode="fan_avg", distribution="uniform")
        self.convolutions = []
        for i in range(depth):
            ends = {"first": i == 0, "last": i == depth - 1}
            kind = {"kernel_initializer": last} if ends["last"] else {"activation": "relu"}
            channels_out = filters if ends["last"] else width
            shared = {"dtype": self.dtype_policy, "trainable": self.trainable, "name": f"conv{i + 1}"}
            self.convolutions.append(convolution.make(channels_out, **ends, **kind, **shared))

    def build(self, input_shape: Shape) -> None:
        _check_input(input_shape, self.channels)
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
        own = {name: getattr(self, name) for name in ("depth", "width", "initial_scale", "filters", "channels")}
        return {**super().get_config(), **own}


class _Update(keras.layers.Layer):
    """The base of both diffusion layers: the learned time step and the update u⁺ = u + δt S(ζ)u, eq. (4.6)."""

    channels = 1  # of the image

    def __init__(self, initial_time_step: float, boundary: Boundary, **kwargs: Any) -> None:
        # Keras must not cast the input image to the compute dtype.
        super().__init__(**{**kwargs, "autocast": False})
        checks.positive(initial_time_step, "initial_time_step")
        check_boundary(boundary, image=False)
        self.initial_time_step, self.boundary = initial_time_step, boundary

    def __call__(self, u: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if hasattr(u, "shape"):
            _check_input(u.shape, self.channels)
        return super().__call__(u, *args, **kwargs)

    def build(self, input_shape: Shape) -> None:
        _check_input(input_shape, self.channels)
        self.time_step = self.add_weight(
            shape=(),
            initializer=initializers.Constant(self.initial_time_step),
            dtype=state_dtype(self.dtype_policy),
            autocast=False,
            name="time_step",
        )

    def filters(self, u: Tensor, noise_map: Tensor | None = None) -> Tensor:
        """The filters ζ that this layer applies to an image.

        Args:
            u: (batch, height, width, channels).
            noise_map: σ of the noise at every pixel, (batch, height, width, 1), for a layer with a noise map.

        Returns:
            (batch or 1, height, width, points), ordered as `stencil.OFFSETS`; of a `DiffusionLayer` with mixing (batch,
            height, width, channels, channels, points).
        """
        u = ops.convert_to_tensor(u)
        if not self.built:
            self.build(tuple(u.shape))
        return self._filters(ops.cast(u, self.time_step.dtype), noise_map)

    def call(self, u: Tensor, noise_map: Tensor | None = None, training: bool = False) -> Tensor:
        u = ops.cast(u, self.time_step.dtype)
        return self.update(u, self._filters(u, noise_map), training)

    def update(self, u: Tensor, filters: Tensor, training: bool = False) -> Tensor:
        """u + δt S(ζ)u with given filters; of u's shape."""
        u = ops.cast(u, self.time_step.dtype)
        apply = fused(self._apply) if training else self._apply
        return u + self.time_step * apply(u, ops.cast(filters, u.dtype), self.boundary)

    @property
    def _apply(self) -> Callable[..., Tensor]:
        return stencil.apply

    def compute_output_spec(
        self, u: Tensor, noise_map: Tensor | None = None, training: bool = False
    ) -> keras.KerasTensor:
        return keras.KerasTensor(u.shape, dtype=state_dtype(self.dtype_policy))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {"initial_time_step": self.initial_time_step, "boundary": self.boundary}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(PACKAGE)
class DiffusionLayer(_Update):
    """One layer of DiffNet (Fig. 2): estimates filters from an image and applies them as an explicit diffusion step.

    u⁺ = u + δt Σ_k ζ_k(u) · (u shifted by k), eq. (4.6)–(4.7), with a learned time step δt. Under mixed dtype policies
    only the inner convolutions of the estimator run in half precision.

    Args:
        depth, width, initial_scale: settings of the `FilterEstimator` that estimates the filters.
        initial_time_step: initial value of δt, above 0; 0.2 in the authors' code.
        boundary: values outside the image in the update: "neumann" (the paper), "dirichlet" (the authors' code),
            "periodic" (only the update: the estimator sees zeros outside) or a number.
        train_estimator: False freezes the estimator, so that only the time step is trained.
        points: number of points of the stencil: 5 (the paper), 9 or 13, see `stencil.OFFSETS`.
        channels: number of image channels. The filters are estimated from all channels and shared by them (Remark 4.2).
        mixing: instead, estimate separate filters from every channel to every channel (`stencil.apply_mixing`).
        noise_map: the estimator also sees √σ of the noise. Call the layer with σ at every pixel as a second argument.

    Input and output: (batch, height, width, channels), any height and width. A noise map is (batch, height, width, 1).

    Raises:
        ValueError: for an argument out of range, an input of another shape, or a missing or unexpected noise map.
    """

    def __init__(
        self,
        depth: int = 4,
        width: int = 32,
        initial_scale: float = 1.0,
        initial_time_step: float = 0.2,
        boundary: Boundary = "neumann",
        train_estimator: bool = True,
        points: int = 5,
        channels: int = 1,
        mixing: bool = False,
        noise_map: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(initial_time_step, boundary, **kwargs)
        stencil.reach(points)  # raises for other numbers
        checks.count(channels, "channels")
        self.points, self.channels, self.mixing, self.noise_map = points, channels, bool(mixing), bool(noise_map)
        self.estimator = FilterEstimator(
            depth,
            width,
            initial_scale,
            filters=points * channels**2 if mixing else points,
            channels=channels + self.noise_map,
            trainable=bool(train_estimator) and self.trainable,
            dtype=self.dtype_policy,
            name="estimator",
        )

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.estimator.build((*input_shape[:-1], self.estimator.channels))

    def _filters(self, u: Tensor, noise_map: Tensor | None) -> Tensor:
        if self.noise_map != (noise_map is not None):
            expected = "two arguments, image and noise map" if self.noise_map else "an image alone"
            raise ValueError(f"A layer with noise_map={self.noise_map} takes {expected}. Call it with these.")
        if noise_map is not None:
            # The root, since convolutions hardly see whether σ is 0 or 0.001, where it matters most.
            level = ops.sqrt(ops.maximum(ops.cast(noise_map, u.dtype), 0.0))
            u = ops.concatenate([u, level], axis=-1)
        filters = self.estimator(u)
        if not self.mixing:
            return filters
        return ops.reshape(filters, (*ops.shape(filters)[:-1], self.channels, self.channels, self.points))

    @property
    def _apply(self) -> Callable[..., Tensor]:
        return stencil.apply_mixing if self.mixing else stencil.apply

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> NoReturn:
        """Not supported.

        Raises:
            ValueError: always. The message says what to use instead.
        """
        convolution.refuse_to_quantize(self, mode)

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self.estimator, name) for name in ("depth", "width", "initial_scale")}
        own |= {name: getattr(self, name) for name in ("points", "channels", "mixing", "noise_map")}
        return {**super().get_config(), **own, "train_estimator": self.estimator.trainable}


@keras.saving.register_keras_serializable(PACKAGE)
class LinearDiffusionLayer(_Update):
    """One layer of the linear diffusion network (Fig. 1): its parameters are the filters themselves.

    For images of n×n pixels it has 4n² + 1 parameters with the mean-free stencil (4.4), and 5n² + 1 with the
    generalised stencil (4.7), whose centre is free. The image size is fixed.

    Args:
        generalised: also learn the centre.
        filters_initializer: initial values of the filters; with zeros, the layer starts as the identity.
        initial_time_step: initial value of δt, above 0.
        boundary: values outside the image, "neumann", "dirichlet", "periodic" or a number.

    Input and output: (batch, height, width, 1) with known height and width.

    Raises:
        ValueError: for an argument out of range, or an input of another shape or unknown size.
    """

    def __init__(
        self,
        generalised: bool = True,
        filters_initializer: str | keras.Initializer = "zeros",
        initial_time_step: float = 0.2,
        boundary: Boundary = "neumann",
        **kwargs: Any,
    ) -> None:
        super().__init__(initial_time_step, boundary, **kwargs)
        self.generalised = bool(generalised)
        self.filters_initializer = initializers.get(filters_initializer)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if None in input_shape[1:3]:
            raise ValueError(
                "LinearDiffusionLayer learns a filter for every pixel, so it needs a fixed image size; "
                f"received {tuple(input_shape)}. Give the input a height and a width, or use DiffusionLayer."
            )
        self.input_spec = keras.layers.InputSpec(shape=(None, *input_shape[1:]))
        self.kernel = self.add_weight(
            shape=(*input_shape[1:3], 5 if self.generalised else 4),
            initializer=self.filters_initializer,
            dtype=state_dtype(self.dtype_policy),
            autocast=False,
            name="filters",
        )

    def _filters(self, u: Tensor, noise_map: Tensor | None) -> Tensor:
        kernel = ops.convert_to_tensor(self.kernel)[None]
        return kernel if self.generalised else stencil.with_centre(kernel)

    def get_config(self) -> dict[str, Any]:
        own = {"generalised": self.generalised, "filters_initializer": initializers.serialize(self.filters_initializer)}
        return {**super().get_config(), **own}
