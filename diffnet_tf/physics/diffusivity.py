"""Diffusivities γ(|∇u|²): how strongly an image diffuses at each pixel, eq. (2.6).

Each is a decreasing function of the squared gradient, with a contrast parameter λ in gray values per pixel. Where |∇u|
is well below λ, the image is smoothed; where it is above λ, edges are kept. Each has a known maximum, which gives the
stability bound δt ≤ 1 / (4 max γ) of the explicit scheme (2.10) in two dimensions.

>>> import diffnet_tf as dn
>>> gamma = dn.diffusivity.get("perona_malik_1")
>>> round(gamma(0.04, contrast=0.2), 3), gamma.stability_bound(contrast=0.2)  # at |∇u| = λ
(0.5, 0.25)
"""

from collections.abc import Callable
from dataclasses import dataclass

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Tensor


@dataclass(frozen=True)
class Diffusivity:
    """A diffusivity γ(s²; λ) and its largest value.

    Attributes:
        name: the name that the functions of `diffusion` take.
        function: (squared gradient, contrast) → γ, elementwise.
        maximum: contrast → max γ over all gradients (its value at s = 0).
    """

    name: str
    function: Callable[[Tensor, float], Tensor]
    maximum: Callable[[float], float]

    def __call__(self, squared_gradient: Tensor, contrast: float) -> Tensor:
        return self.function(squared_gradient, contrast)

    def stability_bound(self, contrast: float) -> float:
        """The largest stable time step of the explicit scheme, 1 / (4 max γ)."""
        return 1.0 / (4.0 * self.maximum(contrast))


def _weickert(s2: Tensor, contrast: float) -> Tensor:
    # γ is 1 at s = 0. The lower bound avoids a division by zero there.
    ratio = ops.maximum(s2 / contrast**2, 1e-4)
    return 1.0 - ops.exp(-3.31488 / ratio**4)


def _one(contrast: float) -> float:
    return 1.0


DIFFUSIVITIES = {
    d.name: d
    for d in (
        # Perona & Malik 1990, rational; the paper uses it with λ = 0.2.
        Diffusivity("perona_malik_1", lambda s2, c: 1.0 / (1.0 + s2 / c**2), _one),
        # Perona & Malik 1990, exponential.
        Diffusivity("perona_malik_2", lambda s2, c: ops.exp(-s2 / c**2), _one),
        # Total variation flow 1/|∇u|, regularised: the contrast parameter is ε in 1/√(|∇u|² + ε²).
        Diffusivity("regularised_tv", lambda s2, c: 1.0 / ops.sqrt(s2 + c**2), lambda c: 1.0 / c),
        # Weickert 1998, eq. (1.32) with m = 4: the flux grows up to |∇u| = λ and decreases above it.
        Diffusivity("weickert", _weickert, _one),
        # Charbonnier et al. 1994: the flux never decreases, so the problem is well posed.
        Diffusivity("charbonnier", lambda s2, c: 1.0 / ops.sqrt(1.0 + s2 / c**2), _one),
    )
}


def get(name: str | Diffusivity) -> Diffusivity:
    """The diffusivity with this name; a `Diffusivity` is returned unchanged.

    Raises:
        ValueError: if the name is unknown. The message lists the known names.
    """
    if isinstance(name, Diffusivity):
        return name
    checks.one_of(name, "diffusivity", tuple(DIFFUSIVITIES))
    return DIFFUSIVITIES[name]
