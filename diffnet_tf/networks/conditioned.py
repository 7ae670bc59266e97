"""A DiffNet that is given the diffusion to undo: one network for every contrast λ, time T and noise σ.

The inverse of a diffusion depends on its parameters. A `models.DiffNet` learns the inverse of one diffusion. This
network gets λ, T and σ as further input channels, and may use the diffusion itself: its layers see the residual y −
PM(u) of their image u, or return to the data y through it.

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> model = dn.models.ConditionedDiffNet(initial_scale=0.01, correction=True)
>>> inputs = model.inputs_of(image, noise=0.01, contrast=0.15, time=0.6)
>>> inputs.shape[-1], model(inputs).shape == image.shape
(4, True)
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from diffnet_tf.base import checks
from diffnet_tf.base.backend import fused
from diffnet_tf.base.recompute import recomputed
from diffnet_tf.base.types import Array, Boundary, Shape, Tensor
from diffnet_tf.networks.convolution import PACKAGE, state_dtype
from diffnet_tf.networks.estimator import check_dilations
from diffnet_tf.networks.layers import DiffusionLayer
from diffnet_tf.networks.stencil_model import StencilModel
from diffnet_tf.physics import diffusivity as known
from diffnet_tf.physics.diffusion import per_image
from diffnet_tf.physics.per_image import DT, STEPS, Step, number_of_steps, repeated, step_of

PERONA_MALIK = ("perona_malik_1",)
REACH_OF_A_STEP = 2  # pixels: γ at a neighbour, whose gradient sees the next one


@functools.cache
def _step(diffusivities: tuple[str, ...], boundary: Boundary) -> Step:
    """One step of the diffusion; the same function for all networks, so that it is compiled once."""
    return step_of([known.get(name) for name in diffusivities], boundary)


@keras.saving.register_keras_serializable(PACKAGE)
class DiffusionResidual(layers.Layer):
    """y − PM(u): what is left to explain in the data y if u is the image before the diffusion. It has no weights.

    Args:
        diffusivities: names of diffusivities, see `diffusion.per_image`.
        steps, dt, boundary: of the diffusion, likewise.

    Input: u and y, (batch, height, width, 1), and settings (batch, height, width, 2 or 3): λ, T and, with several
    diffusivities, the number of one, the same at all pixels of an image. Output: of u's shape, float32 or wider.
    """

    recompute = False  # see `ImageModel.recompute`

    def __init__(
        self,
        diffusivities: Sequence[str] = PERONA_MALIK,
        steps: int = STEPS,
        dt: float = DT,
        boundary: Boundary = "neumann",
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "autocast": False})
        self.diffusivities, self.steps, self.dt, self.boundary = tuple(diffusivities), steps, float(dt), boundary

    def call(self, u: Tensor, y: Tensor, settings: Tensor, training: bool = False) -> Tensor:
        dtype = state_dtype(self.dtype_policy)
        u, y, settings = (ops.cast(each, dtype) for each in (u, y, settings))
        one = settings[:, :1, :1]
        kind = one[..., 2:3] if len(self.diffusivities) > 1 else ops.zeros_like(one[..., :1])
        step = _step(self.diffusivities, self.boundary)
        # Step by step: the gradient of all steps, fused together, would take six times as long.
        step = fused(step) if training else step

        def diffused(u: Tensor, contrast: Tensor, time: Tensor, kind: Tensor) -> Tensor:
            return repeated(step, u, contrast, time, kind, self.steps, self.dt)

        pm = recomputed(diffused, self) if training and self.recompute else diffused
        return y - pm(u, contrast=one[..., :1], time=one[..., 1:2], kind=kind)

    def compute_output_spec(self, u: Tensor, *_: Any, **__: Any) -> keras.KerasTensor:
        return keras.KerasTensor(u.shape, dtype=state_dtype(self.dtype_policy))

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {"diffusivities": list(self.diffusivities), "steps": self.steps, "dt": self.dt, "boundary": self.boundary}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(PACKAGE)
class ConditionedDiffNet(StencilModel):
    """A DiffNet that undoes any explicit diffusion whose contrast λ, time T and noise σ it is given.

    Each filter estimator sees the image and constant maps of √σ, λ, T and, with several diffusivities, which one it is.
    The physics PM is `diffusion.per_image` with these settings, y the input image:

    - `residual`: the estimators also see r = y − PM(u) of the image u of their layer.
    - `correction`: u⁺ = u + δt (S(ζ)u + ρ r) with an estimated rate ρ for every pixel. With S = 0 and δt ρ = 1 this is
      an iteration of `diffusion.fixed_point_inverse`, so the network can learn a faster and regularised one.
    - `start`: first, so many iterations u ← u + r of the classical inverse.

    Args:
        num_layers: number of diffusion layers, at least 1.
        estimator_depth: number of convolutions in each filter estimator, at least 1.
        width: channels of the hidden convolutions.
        initial_scale, initial_time_step, points, dilations: see `layers.DiffusionLayer`.
        boundary: values outside the image in the updates and in the diffusion: "neumann", "dirichlet", "periodic" or a
            number.
        residual, correction: as above.
        start: number of iterations, at least 0.
        shared: apply one and the same layer num_layers times, instead of layers with weights of their own.
        diffusivities: names of the diffusivities that it may be given, see `diffusivity.DIFFUSIVITIES`; not
            "regularised_tv".
        steps, dt: the largest number of explicit steps, and their length in pixels².
        relu: whether the output passes a final ReLU.
        dtype: a dtype policy; images, the diffusion and time steps are always float32 or wider.

    Input: (batch, height, width, 4), or 5 with several diffusivities: the image, in [0, 1], and constant channels as in
    `conditions`; see `inputs_of`. Output: (batch, height, width, 1). Any height and width.

    Raises:
        TypeError, ValueError: for an argument out of range.
    """

    def __init__(
        self,
        num_layers: int = 5,
        estimator_depth: int = 4,
        width: int = 32,
        initial_scale: float = 1.0,
        initial_time_step: float = 0.2,
        boundary: Boundary = "neumann",
        points: int = 5,
        dilations: Sequence[int] | None = None,
        residual: bool = False,
        correction: bool = False,
        start: int = 0,
        shared: bool = False,
        diffusivities: Sequence[str] = PERONA_MALIK,
        steps: int = STEPS,
        dt: float = DT,
        relu: bool = True,
        **kwargs: Any,
    ) -> None:
        checks.count(num_layers, "num_layers")
        checks.count(start, "start", minimum=0)
        diffusivities = check_diffusivities(diffusivities)
        of_layers: dict[str, Any] = {
            "width": width,
            "initial_scale": initial_scale,
            "initial_time_step": initial_time_step,
            "boundary": boundary,
            "points": points,
            "dilations": None if dilations is None else check_dilations(dilations, estimator_depth),
        }
        self_made: dict[str, Any] = {
            "residual": bool(residual),
            "correction": bool(correction),
            "start": int(start),
            "shared": bool(shared),
            "diffusivities": diffusivities,
            "steps": int(steps),
            "dt": float(dt),
            "relu": bool(relu),
        }
        per_image(np.zeros((1, 1, 1, 1), "float32"), 1.0, 0.0, diffusivities, steps=steps, dt=dt)  # raises its errors
        maps = number_of_maps(diffusivities, bool(residual))

        def build(inputs: Tensor, policy: keras.DTypePolicy) -> Tensor:
            physics = None
            if residual or correction or start:
                physics = DiffusionResidual(diffusivities, steps, dt, boundary, dtype=policy, name="physics")
            u, given = _begin(inputs, physics, self_made)
            for i in range(num_layers):
                if i == 0 or not shared:
                    layer = DiffusionLayer(
                        estimator_depth,
                        **of_layers,
                        noise_map=True,
                        maps=maps,
                        reaction=bool(correction),
                        dtype=policy,
                        name=f"diffusion{i + 1}",
                    )
                u = layer(u, **given(u))
            return layers.ReLU(dtype=state_dtype(policy), name="relu")(u) if relu else u

        arguments = {"num_layers": num_layers, "estimator_depth": estimator_depth, **of_layers, **self_made}
        number = 1 + len(conditions(diffusivities))
        super().__init__(build, (None, None), arguments, input_channels=number, **kwargs)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What it is given beside the image, in the order of its input channels: "noise" (σ), "contrast" (λ), "time"
        (T) and, with several diffusivities, "diffusivity" (the number of its name, from 0)."""
        return conditions(self.diffusivities)

    @property
    def diffusivities(self) -> list[str]:
        """Names of the diffusivities that it can be given."""
        return list(self._arguments["diffusivities"])

    def values_of(self, noise: float, contrast: float, time: float, diffusivity: str | None = None) -> dict[str, float]:
        """The values of the `conditions` of a diffusion.

        Args:
            noise: σ of the noise, as a share of white.
            contrast: λ, as a share of white for a pixel, above 0.
            time: T in pixels², at most steps · dt.
            diffusivity: one of `diffusivities`; None for the first one.

        Raises:
            TypeError, ValueError: for an argument out of range.
        """
        checks.noise_level(noise, "noise")
        checks.positive(contrast, "contrast")
        number_of_steps(time, self._arguments["steps"], self._arguments["dt"])
        names = self.diffusivities
        checks.one_of(names[0] if diffusivity is None else diffusivity, "diffusivity", tuple(names))
        kind = 0 if diffusivity is None else names.index(diffusivity)
        values = {"noise": noise, "contrast": contrast, "time": time, "diffusivity": kind}
        return {name: float(values[name]) for name in self.conditions}

    def inputs_of(
        self, images: Array, noise: float, contrast: float, time: float, diffusivity: str | None = None
    ) -> Array:
        """The network's input for images with one and the same diffusion.

        Args:
            images: (batch, height, width, 1).
            noise, contrast, time, diffusivity: see `values_of`.

        Returns:
            float32 (batch, height, width, 1 + number of conditions).
        """
        values = self.values_of(noise, contrast, time, diffusivity)
        images = np.asarray(images, "float32")
        checks.image_channels(images.shape, 1, "images")
        return np.concatenate([images, *(np.full_like(images, value) for value in values.values())], axis=-1)

    @property
    def reach(self) -> int:
        """The distance in pixels within which an output pixel depends on the input, for the longest time."""
        return self.reach_for(None)

    def reach_for(self, time: float | None) -> int:
        """The same for diffusions of this time T; None for the longest."""
        own = self._arguments
        steps = own["steps"] if time is None else number_of_steps(time, own["steps"], own["dt"])
        physics = REACH_OF_A_STEP * steps
        reach: int = own["start"] * physics
        for layer in self.diffusion_layers:
            seen = layer.reach + physics * own["residual"]
            reach += max(seen, physics * own["correction"])
        return reach

    def _begin(self, inputs: Tensor) -> tuple[Tensor, Callable[[Tensor], dict[str, Tensor]]]:
        physics = (
            self.get_layer("physics") if any(isinstance(each, DiffusionResidual) for each in self.layers) else None
        )
        return _begin(inputs, physics, self._arguments)


def conditions(diffusivities: Sequence[str]) -> tuple[str, ...]:
    """See `ConditionedDiffNet.conditions`."""
    return ("noise", "contrast", "time", "diffusivity")[: 4 if len(diffusivities) > 1 else 3]


def number_of_maps(diffusivities: Sequence[str], residual: bool) -> int:
    """How many channels an estimator sees beside the image and √σ."""
    return 2 + residual + (len(diffusivities) if len(diffusivities) > 1 else 0)


def check_diffusivities(names: Sequence[str]) -> list[str]:
    """The names of diffusivities as a list.

    Raises:
        TypeError, ValueError: unless they are different names, at least one.
    """
    if isinstance(names, str) or not isinstance(names, Sequence):
        kind = type(names).__name__
        raise checks.InputTypeError(f"diffusivities={names!r:.200} is a {kind}; expected a list of names.")
    if not names or len(set(names)) < len(names):
        raise ValueError(f"diffusivities={names!r:.200}; expected different names, at least one.")
    for name in names:
        checks.one_of(name, "diffusivities", tuple(known.DIFFUSIVITIES))
    return list(names)


def _begin(
    inputs: Tensor, physics: DiffusionResidual | None, own: dict[str, Any]
) -> tuple[Tensor, Callable[[Tensor], dict[str, Tensor]]]:
    """See `StencilModel._begin`."""
    y, settings = inputs[..., :1], inputs[..., 2:]
    maps = [inputs[..., 1:4]]
    if (number := len(own["diffusivities"])) > 1:
        maps.append(ops.one_hot(ops.cast(settings[..., 2], "int32"), number, dtype=y.dtype))

    def residual(u: Tensor) -> Tensor:
        assert physics is not None
        return physics(u, y, settings)

    def given(u: Tensor) -> dict[str, Tensor]:
        if not (own["residual"] or own["correction"]):
            return {"noise_map": ops.concatenate(maps, axis=-1)}
        r = residual(u)
        more = {"data": u + r} if own["correction"] else {}  # of which the layer takes u away again
        return {"noise_map": ops.concatenate([*maps, r] if own["residual"] else maps, axis=-1), **more}

    u = y
    for _ in range(own["start"]):
        u = u + residual(u)
    return u, given
