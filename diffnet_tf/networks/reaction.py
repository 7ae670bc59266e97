"""TNRD, trainable nonlinear reaction diffusion, as a Keras layer: one step with learned filters and functions.

Y. Chen & T. Pock, Trainable Nonlinear Reaction Diffusion, IEEE Trans. Pattern Anal. Mach. Intell. 39 (2017) 1256–1272,
arXiv:1508.02848. `models.ReactionDiffusionNet` is a chain of these layers.

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> layer = dn.layers.ReactionDiffusionLayer(size=5)
>>> layer(image).shape == image.shape and layer.count_params()
2089
>>> layer.kernels.shape, tuple(layer.influence([0.0, 0.1]).shape)
((5, 5, 24), (2, 24))
"""

import math
from typing import Any

import keras
import numpy as np
from keras import initializers, ops

from diffnet_tf.base import checks
from diffnet_tf.base.backend import fused, narrows_float32
from diffnet_tf.base.recompute import recomputed
from diffnet_tf.base.types import Array, Shape, Tensor
from diffnet_tf.networks import convolution, influence
from diffnet_tf.networks.convolution import PACKAGE, state_dtype
from diffnet_tf.physics import neighbourhood

GAMMA = 10 / 255
"""The paper's distance between centres, and standard deviation of its Gaussians, for images in [0, 1]."""


def cosines(size: int) -> Array:
    """The orthonormal basis of the discrete cosine transform of size×size pixels, without the constant.

    Returns:
        (size² − 1, size²), low frequencies first. Every row has mean 0.
    """
    places = np.arange(size)
    rows = np.cos(math.pi * np.outer(places, places + 0.5) / size) * math.sqrt(2 / size)
    rows[0] /= math.sqrt(2)
    order = sorted(((i, j) for i in range(size) for j in range(size)), key=lambda pair: (sum(pair), pair))
    return np.array([np.outer(rows[i], rows[j]).ravel() for i, j in order[1:]])


def mirrored(u: Tensor, width: int) -> Tensor:
    """Images of any size, continued by their mirror images in a frame of some width."""
    if all(side is not None and side >= width for side in u.shape[1:3]):
        return neighbourhood.pad(u, "neumann", width)
    for axis in (1, 2):
        side = ops.shape(u)[axis]
        place = ops.mod(ops.arange(-width, side + width), 2 * side)
        u = ops.take(u, ops.minimum(place, 2 * side - 1 - place), axis=axis)
    return u


@keras.saving.register_keras_serializable(PACKAGE)
class _Tapered(initializers.Initializer):
    """Weights whose function is about s·z/(1 + (z/b)²), the influence function of the Student-t penalty.

    Args:
        slope: s.
        peak: b, where the function is largest, in units of the distance between centres.
    """

    def __init__(self, slope: float, peak: float) -> None:
        self.slope, self.peak = slope, peak

    def __call__(self, shape: Shape, dtype: str | None = None) -> Tensor:
        z = np.array(influence.centres(int(shape[0] or 0)))
        values = self.slope * z / (1 + (z / self.peak) ** 2) / math.sqrt(2 * math.pi)  # the integral of a Gaussian
        return ops.cast(np.repeat(values[:, None], int(shape[1] or 0), 1), dtype or "float32")

    def get_config(self) -> dict[str, Any]:
        return {"slope": self.slope, "peak": self.peak}


@keras.saving.register_keras_serializable(PACKAGE)
class ReactionDiffusionLayer(keras.layers.Layer):
    """One stage of TNRD: u⁺ = u − Σ_i k̄_i ∗ φ_i(k_i ∗ u) − λ(u − f), where f is the noisy image.

    Learned are the filters k_i, the functions φ_i of one variable and the number λ. k̄_i is k_i rotated by 180°. At
    the border u is continued by its mirror image, and the stage is computed as if it were on the whole plane.

    - A filter is a combination of cosines (the basis of the discrete cosine transform) without the constant, divided by
      its Euclidean norm. So its mean is 0 and its norm 1. At the start, the filters are the cosines.
    - φ_i(z) = γ/size² Σ_j w_ij exp(−(z − c_j)²/2γ²), with equidistant centres c_j, at a distance γ and around 0. For
      |z| far beyond the last centre it vanishes, so such edges stay. At the start, φ_i is the influence function of the
      Student-t penalty. The factor γ/size², which is not in the paper, makes w of order 1, like the filters'
      coefficients and λ, so that one learning rate suits them all.

    Args:
        size: side of the filters in pixels, odd, at least 3; 7 and 5 in the paper.
        filters: number of filters, at most size² − 1, which is the default.
        centres: number of centres; 63 in the paper.
        gamma: γ, for images in [0, 1]; 10/255 in the paper.
        initial_reaction: initial value of λ, at least 0.

    Input: u, (batch, height, width, 1) in [0, 1], of any height and width, and as a second argument f of the same
    shape; f is u if it is left out. Output: of the same shape. Images and all variables are float32 or wider under
    every dtype policy.

    Raises:
        ValueError: for an argument out of range, or an input of another shape.
    """

    recompute = False  # see `ImageModel.recompute`

    def __init__(
        self,
        size: int = 7,
        filters: int | None = None,
        centres: int = 63,
        gamma: float = GAMMA,
        initial_reaction: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "autocast": False})  # Keras must not cast the image to the compute dtype
        checks.count(size, "size", minimum=3)
        if size % 2 == 0:
            raise ValueError(f"size={size}; expected an odd number, since filters have a centre.")
        filters = size**2 - 1 if filters is None else filters
        checks.count(filters, "filters")
        if filters > size**2 - 1:
            raise ValueError(f"filters={filters}; expected at most size² − 1 = {size**2 - 1}.")
        checks.count(centres, "centres")
        checks.positive(gamma, "gamma")
        checks.not_negative(initial_reaction, "initial_reaction")
        self.size, self.filters, self.centres, self.gamma = size, filters, centres, gamma
        self.initial_reaction = initial_reaction

    @property
    def reach(self) -> int:
        """The distance in pixels within which an output pixel depends on u."""
        return 2 * (self.size // 2)

    def build(self, input_shape: Shape, *_: Any) -> None:
        checks.image_channels(input_shape, 1, "inputs")

        def variable(name: str, shape: tuple[int, ...], initializer: initializers.Initializer) -> keras.Variable:
            options = {"dtype": state_dtype(self.dtype_policy), "autocast": False, "name": name}
            return self.add_weight(shape=shape, initializer=initializer, **options)

        self.coefficients = variable("coefficients", (self.size**2 - 1, self.filters), initializers.Identity())
        self.influence_weights = variable("influence_weights", (self.centres, self.filters), _Tapered(1.0, 3.0))
        self.reaction = variable("reaction", (), initializers.Constant(self.initial_reaction))

    def _kernels(self) -> Tensor:
        """(size, size, 1, filters)"""
        coefficients = ops.convert_to_tensor(self.coefficients)
        basis = ops.cast(cosines(self.size).T, self.coefficients.dtype)
        norms = ops.sqrt(ops.sum(ops.square(coefficients), 0, keepdims=True) + keras.config.epsilon() ** 2)
        kernels = basis @ (coefficients / norms)  # ops.matmul would narrow float64 on PyTorch
        return ops.reshape(kernels, (self.size, self.size, 1, self.filters))

    def _weights(self) -> Tensor:
        """The weights of φ, (centres, filters)."""
        return self.influence_weights * (self.gamma / self.size**2)

    @property
    def kernels(self) -> Array:
        """The filters k_i, an array (size, size, filters). They are applied as correlations: not rotated."""
        self._make()
        return ops.convert_to_numpy(self._kernels())[:, :, 0]

    def influence(self, z: Tensor) -> Tensor:
        """The functions φ_i, at the same places for all filters.

        Args:
            z: an array of any shape: responses of a filter to an image in [0, 1].

        Returns:
            (…, filters), on the scale of images in [0, 1].
        """
        self._make()
        z = ops.cast(ops.convert_to_tensor(z), self.reaction.dtype) / self.gamma
        z = ops.broadcast_to(z[..., None], (*z.shape, self.filters))
        return influence.evaluate(z, self._weights())

    def _make(self) -> None:
        if not self.built:
            self.build((None, None, None, 1))

    def call(self, u: Tensor, noisy: Tensor | None = None, training: bool = False) -> Tensor:
        stage = recomputed(self._stage, self) if training and self.recompute else self._stage
        return stage(ops.cast(u, self.reaction.dtype), noisy=noisy)

    def _stage(self, u: Tensor, noisy: Tensor | None = None) -> Tensor:
        dtype = self.reaction.dtype
        kernels, image = self._kernels(), mirrored(u, self.reach)
        seen = kernels / self.gamma
        if dtype == "float32" and narrows_float32():
            image, seen = convolution.tf32_parts(image, -1), ops.concatenate([seen, seen], axis=2)
        z = ops.conv(image, seen, padding="valid", data_format="channels_last")
        flow = fused(influence.evaluate)(z, self._weights())
        # The transposed convolution is the one with rotated filters. XLA is many times as fast with it on a CPU.
        change = ops.conv_transpose(flow, kernels, padding="same", data_format="channels_last")
        inside = slice(self.size // 2, -(self.size // 2))
        change = change[:, inside, inside]
        noisy = u if noisy is None else ops.cast(noisy, dtype)  # λ takes part anyway: Keras warns of unused variables
        return u - change - self.reaction * (u - noisy)

    def compute_output_spec(self, u: Tensor, noisy: Tensor | None = None, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(u.shape, dtype=state_dtype(self.dtype_policy))

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("size", "filters", "centres", "gamma", "initial_reaction")}
        return {**super().get_config(), **own}
