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

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import keras
from keras import initializers, ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Boundary, Shape, Tensor
from diffnet_tf.networks import convolution
from diffnet_tf.networks.convolution import PACKAGE, state_dtype
from diffnet_tf.networks.estimator import FilterEstimator
from diffnet_tf.networks.reaction import ReactionDiffusionLayer
from diffnet_tf.networks.update import Update
from diffnet_tf.physics import stencil, symmetric

__all__ = ["DiffusionLayer", "FilterEstimator", "LinearDiffusionLayer", "ReactionDiffusionLayer"]


def check_conservative(points: int, mixing: bool, reaction: bool, boundary: Boundary) -> None:
    """Refuse what would break the laws of a conservative layer.

    Raises:
        ValueError: for more than 5 points, mixing, a reaction, or a boundary through which something flows.
    """
    others = {"points": (points, 5), "mixing": (bool(mixing), False), "reaction": (bool(reaction), False)}
    if wrong := [f"{name}={given!r}" for name, (given, allowed) in others.items() if given != allowed]:
        raise ValueError(f"{', '.join(wrong)} with conservative=True; expected a 5-point stencil alone.")
    symmetric.check_closed(boundary)


@keras.saving.register_keras_serializable(PACKAGE)
class DiffusionLayer(Update):
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
        dilations: see `FilterEstimator`.
        reaction: also estimate a rate ρ for every pixel, at which the image returns to the data f:
            u⁺ = u + δt (S(ζ)u + ρ(u) (f − u)). Call the layer with f, of the image's shape, as a third argument `data`.
            Reaction–diffusion is for denoising (Chen & Pock, arXiv:1508.02848).
        conservative: instead of filters, estimate diffusivities g in [0, 1] on the edges between pixels, two for every
            pixel: u⁺ = u + δt ∇·(g ∇u). Where δt breaks the CFL bound, the weights are reduced
            (`stencil.within_cfl`). So for any weights of the network: constant images stay as they are, the mean is
            kept, S is symmetric and negative semi-definite, no value leaves the range of the image (maximum–minimum
            principle), and the step is stable. With the boundaries "neumann" and "periodic" only.
        courant: with `conservative`, the share of the CFL bound that a step may use, above 0 and at most 1. Below 1/2,
            Id + δt S can be inverted for the diffusivities that the layer estimated, see `inverses.undo`.
        maps: number of further channels that the estimator sees as they are, such as the settings of a diffusion. Call
            the layer with them as its second argument, behind σ if there is a noise map.

    Input and output: (batch, height, width, channels), any height and width. A noise map is (batch, height, width, 1),
    with further maps (batch, height, width, 1 + maps).

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
        dilations: Sequence[int] | None = None,
        reaction: bool = False,
        conservative: bool = False,
        courant: float = 1.0,
        maps: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(initial_time_step, boundary, **kwargs)
        stencil.reach(points)  # raises for other numbers
        if conservative:
            check_conservative(points, mixing, reaction, boundary)
        elif courant != 1:
            raise ValueError(f"courant={courant!r} without conservative=True; expected both.")
        checks.share(courant, "courant")
        checks.count(channels, "channels")
        self.points, self.channels, self.mixing, self.noise_map = points, channels, bool(mixing), bool(noise_map)
        checks.count(maps, "maps", minimum=0)
        self.reaction, self.maps = bool(reaction), int(maps)
        self.conservative, self.courant = bool(conservative), courant
        filters = 2 if conservative else (points * channels**2 if mixing else points) + self.reaction
        self.estimator = FilterEstimator(
            depth,
            width,
            initial_scale,
            filters=filters,
            channels=channels + self.noise_map + self.maps,
            dilations=dilations,
            trainable=bool(train_estimator) and self.trainable,
            dtype=self.dtype_policy,
            name="estimator",
        )

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self.estimator.build((*input_shape[:-1], self.estimator.channels))

    @property
    def reach(self) -> int:
        if self.conservative:  # the CFL bound of a neighbour depends on the edge to its neighbour
            return self.estimator.reach + 2
        return max(self.estimator.reach, stencil.reach(self.points))

    @property
    def step_size(self) -> Tensor:
        return ops.abs(self.time_step) if self.conservative else self.time_step

    def _coefficients(self, u: Tensor, noise_map: Tensor | None) -> tuple[Tensor, Tensor | None]:
        number = self.noise_map + self.maps
        if (number > 0) != (noise_map is not None):
            expected = "two arguments, image and noise map" if number else "an image alone"
            raise ValueError(f"A layer with noise_map={self.noise_map} takes {expected}. Call it with these.")
        if noise_map is not None:
            maps = ops.cast(noise_map, u.dtype)
            if self.noise_map:
                # The root, since convolutions hardly see whether σ is 0 or 0.001, where it matters most.
                level = ops.sqrt(ops.maximum(maps[..., :1], 0.0))
                maps = ops.concatenate([level, maps[..., 1:]], axis=-1) if self.maps else level
            u = ops.concatenate([u, maps], axis=-1)
        filters, rate = self.estimator(u), None
        if self.conservative:
            # An estimator that overflows, as in half precision, may give ∞ − ∞; the laws hold for any diffusivity.
            filters = ops.where(ops.isnan(filters), ops.zeros_like(filters), filters)
            edges = stencil.from_edges(ops.sigmoid(filters), self.boundary)
            return stencil.within_cfl(edges, self.step_size, self.boundary, self.courant), None
        if self.reaction:
            filters, rate = filters[..., :-1], filters[..., -1:]
        if self.mixing:
            filters = ops.reshape(filters, (*ops.shape(filters)[:-1], self.channels, self.channels, self.points))
        return filters, rate

    @property
    def _apply(self) -> Callable[..., Tensor]:
        if self.conservative:
            return stencil.apply_differences
        return stencil.apply_mixing if self.mixing else stencil.apply

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> NoReturn:
        """Not supported.

        Raises:
            ValueError: always. The message says what to use instead.
        """
        convolution.refuse_to_quantize(self, mode)

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self.estimator, name) for name in ("depth", "width", "initial_scale", "dilations")}
        own |= {name: getattr(self, name) for name in ("points", "channels", "mixing", "noise_map", "reaction")}
        # Only if they are not the defaults: older checkpoints lack them.
        later = {"maps": 0, "conservative": False, "courant": 1.0}
        own |= {name: getattr(self, name) for name, value in later.items() if getattr(self, name) != value}
        return {**super().get_config(), **own, "train_estimator": self.estimator.trainable}


@keras.saving.register_keras_serializable(PACKAGE)
class LinearDiffusionLayer(Update):
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

    def _coefficients(self, u: Tensor, noise_map: Tensor | None) -> tuple[Tensor, None]:
        kernel = ops.convert_to_tensor(self.kernel)[None]
        return (kernel if self.generalised else stencil.with_centre(kernel)), None

    def get_config(self) -> dict[str, Any]:
        own = {"generalised": self.generalised, "filters_initializer": initializers.serialize(self.filters_initializer)}
        return {**super().get_config(), **own}
