"""The base of the diffusion layers: the explicit update with a learned time step, eq. (4.6)."""

from collections.abc import Callable
from typing import Any

import keras
from keras import initializers, ops

from diffnet_tf.base import checks
from diffnet_tf.base.backend import fused
from diffnet_tf.base.recompute import recomputed
from diffnet_tf.base.types import Boundary, Shape, Tensor
from diffnet_tf.networks.convolution import state_dtype
from diffnet_tf.networks.estimator import check_input
from diffnet_tf.physics import stencil
from diffnet_tf.physics.neighbourhood import check_boundary


class Update(keras.layers.Layer):
    """The base of both diffusion layers: the learned time step and the update u⁺ = u + δt S(ζ)u, eq. (4.6)."""

    channels = 1  # of the image
    recompute = False  # see `ImageModel.recompute`

    def __init__(self, initial_time_step: float, boundary: Boundary, **kwargs: Any) -> None:
        # Keras must not cast the input image to the compute dtype.
        super().__init__(**{**kwargs, "autocast": False})
        checks.positive(initial_time_step, "initial_time_step")
        check_boundary(boundary, image=False)
        self.initial_time_step, self.boundary = initial_time_step, boundary

    def __call__(self, u: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if hasattr(u, "shape"):
            check_input(u.shape, self.channels)
        return super().__call__(u, *args, **kwargs)

    def build(self, input_shape: Shape) -> None:
        check_input(input_shape, self.channels)
        self.time_step = self.add_weight(
            shape=(),
            initializer=initializers.Constant(self.initial_time_step),
            dtype=state_dtype(self.dtype_policy),
            autocast=False,
            name="time_step",
        )

    @property
    def step_size(self) -> Tensor:
        """The time step δt that the update takes."""
        return self.time_step

    @property
    def reach(self) -> int:
        """How far away, in pixels along an axis, the pixels are that an output pixel depends on."""
        return 1

    def filters(self, u: Tensor, noise_map: Tensor | None = None) -> Tensor:
        """The filters ζ that this layer applies to an image.

        Args:
            u: (batch, height, width, channels).
            noise_map: σ of the noise at every pixel, (batch, height, width, 1), for a layer with a noise map.

        Returns:
            (batch or 1, height, width, points), ordered as `stencil.OFFSETS`; of a `DiffusionLayer` with mixing (batch,
            height, width, channels, channels, points).
        """
        return self.coefficients(u, noise_map)[0]

    def coefficients(self, u: Tensor, noise_map: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The filters ζ, and the rate ρ of the reaction (batch, height, width, 1), None without it; see `filters`."""
        u = ops.convert_to_tensor(u)
        if not self.built:
            self.build(tuple(u.shape))
        return self._coefficients(ops.cast(u, self.time_step.dtype), noise_map)

    def _coefficients(self, u: Tensor, noise_map: Tensor | None) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError

    def call(
        self, u: Tensor, noise_map: Tensor | None = None, data: Tensor | None = None, training: bool = False
    ) -> Tensor:
        def step(u: Tensor, noise_map: Tensor | None = None, data: Tensor | None = None) -> Tensor:
            filters, rate = self._coefficients(u, noise_map)
            return self.update(u, filters, training, rate=rate, data=data)

        again = training and self.recompute
        return (recomputed(step, self) if again else step)(
            ops.cast(u, self.time_step.dtype), noise_map=noise_map, data=data
        )

    def update(
        self,
        u: Tensor,
        filters: Tensor,
        training: bool = False,
        *,
        rate: Tensor | None = None,
        data: Tensor | None = None,
    ) -> Tensor:
        """u + δt S(ζ)u with given filters, or u + δt (S(ζ)u + ρ (data − u)) with the rate ρ of a reaction."""
        u = ops.cast(u, self.time_step.dtype)
        apply = fused(self._apply) if training else self._apply
        change = apply(u, ops.cast(filters, u.dtype), self.boundary)
        if rate is not None:
            if data is None:
                raise ValueError("A layer with a reaction takes the data as a third argument. Call it with data=....")
            change = change + ops.cast(rate, u.dtype) * (ops.cast(data, u.dtype) - u)
        return u + self.step_size * change

    @property
    def _apply(self) -> Callable[..., Tensor]:
        return stencil.apply

    def compute_output_spec(
        self, u: Tensor, noise_map: Tensor | None = None, data: Tensor | None = None, training: bool = False
    ) -> keras.KerasTensor:
        return keras.KerasTensor(u.shape, dtype=state_dtype(self.dtype_policy))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {"initial_time_step": self.initial_time_step, "boundary": self.boundary}
        return {**super().get_config(), **own}
