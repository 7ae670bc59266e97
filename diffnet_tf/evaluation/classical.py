"""Classical restoration methods, with and without knowledge of the diffusion. Parameters are tuned on training images.

The denoisers and the unsharp mask come from scikit-image. A `Method` yields the results after successive iterations. If
only the number of iterations regularises, it is tuned like any other parameter.

>>> import diffnet_tf as dn
>>> from diffnet_tf.evaluation import classical
>>> image = dn.data.load_images("skimage", split="test", limit=2)
>>> inputs, targets = dn.data.paired_arrays(image, noise=0.01)
>>> method = classical.methods(0.01)["fixed_point"]
>>> choice, tried = classical.tune(method, inputs, targets)
>>> choice, len(tried)
({'iterations': 1}, 10)
>>> classical.restored(method, inputs, choice).shape
(2, 96, 96, 1)
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import fft
from skimage import filters, restoration

from diffnet_tf import metrics
from diffnet_tf.base import backend, checks
from diffnet_tf.base.types import Array, Tensor
from diffnet_tf.physics import diffusion, inverses

BATCH = 16  # number of images in a compiled call

# ---- Without knowledge of the diffusion -----------------------------------------------------------------------------


def _each(function: Callable[[Array], Array], images: Array) -> Array:
    """Apply a function of one image (height, width) to each of (n, height, width, 1)."""
    return np.stack([function(image[..., 0]) for image in np.asarray(images)])[..., None].astype(images.dtype)


def unsharp_mask(images: Array, radius: float = 1.0, amount: float = 1.0) -> Array:
    """u + amount · (u − G u), with G a Gaussian filter of standard deviation `radius` pixels; (n, height, width, 1)."""
    return _each(lambda u: filters.unsharp_mask(u, radius, amount, preserve_range=True), images)


def total_variation(images: Array, strength: float) -> Array:
    """Total variation denoising by Chambolle of (n, height, width, 1); `strength` is scikit-image's weight."""
    return _each(lambda u: restoration.denoise_tv_chambolle(u, strength, eps=1e-5), images)


def wavelets(images: Array, strength: float) -> Array:
    """Wavelet denoising: soft BayesShrink thresholds for σ = `strength`, averaged over shifts by 0 and 1 pixel."""
    options = {"sigma": strength, "wavelet": "db2", "method": "BayesShrink", "rescale_sigma": False}

    def denoised(u: Array) -> Array:
        return restoration.cycle_spin(u, restoration.denoise_wavelet, max_shifts=1, func_kw=options, workers=1)

    return _each(denoised, images)


def nonlocal_means(images: Array, strength: float) -> Array:
    """Non-local means for noise σ = `strength`, with the cut-off that scikit-image recommends."""
    options = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "sigma": strength, "h": 0.8 * strength}
    return _each(lambda u: restoration.denoise_nl_means(u, **options), images)


class Wiener:
    """The best linear filter in the cosine basis: a factor ⟨x̂ ŷ⟩ / ⟨ŷ²⟩ for each frequency, from training pairs.

    Args:
        inputs, targets: the training pairs y and x, (n, height, width, 1). Images to filter must have the same size.

    Raises:
        ValueError: if the shapes differ.
    """

    def __init__(self, inputs: Array, targets: Array) -> None:
        checks.same_shape(inputs.shape, targets.shape, ("inputs", "targets"))
        y, x = (fft.dctn(np.asarray(a, "float64"), axes=(1, 2), norm="ortho") for a in (inputs, targets))
        power = np.sum(y * y, axis=0)
        self.factors = np.divide(np.sum(x * y, axis=0), power, out=np.zeros_like(power), where=power > 0)

    def __call__(self, images: Array) -> Array:
        checks.same_shape(images.shape[1:], self.factors.shape, ("images", "the training images"))
        spectrum = self.factors * fft.dctn(images, axes=(1, 2), norm="ortho")
        return fft.idctn(spectrum, axes=(1, 2), norm="ortho").astype(images.dtype)


# ---- Methods and their parameters ------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Method:
    """A restoration method, with parameters to choose from.

    Attributes:
        label: its name in tables and figures.
        results: results(inputs, **parameters) yields the results after 1, 2, … iterations, or one result.
        grid: the values to try for each parameter, in all combinations.
        knows_diffusion: whether it uses the diffusion that is to be undone.
        most: maximum number of iterations to try; 0 if there is only one result.
    """

    label: str
    results: Callable[..., Iterator[Array]]
    grid: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    knows_diffusion: bool = False
    most: int = 0

    @property
    def tuned(self) -> bool:
        """Whether there is more than one choice of parameters."""
        return self.most > 1 or any(len(values) > 1 for values in self.grid.values())

    def combinations(self) -> list[dict[str, float]]:
        """All combinations of the parameter values in the grid."""
        return [dict(zip(self.grid, values)) for values in itertools.product(*self.grid.values())]


def tune(method: Method, inputs: Array, targets: Array) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Try all parameters, and choose those with the best mean PSNR on training pairs.

    Args:
        method: a `Method`.
        inputs, targets: training pairs, (n, height, width, 1).

    Returns:
        (the chosen parameters, all tried parameters with their "psnr" in dB).
    """
    tried: list[dict[str, float]] = []
    for parameters in method.combinations():
        for number, result in enumerate(itertools.islice(method.results(inputs, **parameters), method.most or 1), 1):
            iterations = {"iterations": number} if method.most else {}
            psnr = round(float(np.mean(metrics.psnr(targets, result))), 4)
            tried.append({**parameters, **iterations, "psnr": psnr})
    best = max(tried, key=lambda one: one["psnr"])
    return {name: value for name, value in best.items() if name != "psnr"}, tried


def restored(method: Method, inputs: Array, choice: Mapping[str, float]) -> Array:
    """Restore images (n, height, width, 1) with the chosen parameters. Returns the same shape."""
    parameters = {name: value for name, value in choice.items() if name in method.grid}
    results = method.results(inputs, **parameters)
    number = int(choice["iterations"]) if method.most else 1
    return next(itertools.islice(results, number - 1, None))


# ---- The methods -------------------------------------------------------------------------------------------------


def _batched(function: Callable[..., Tensor], *arrays: Array) -> Array:
    """Apply a compiled function in batches. Fills up the last of several, because another size would compile again."""
    count = len(arrays[0])
    size = min(count, BATCH)
    filled = [np.concatenate([a, np.repeat(a[-1:], -count % size, axis=0)]) for a in arrays]
    batches = [function(*(a[i : i + size] for a in filled)) for i in range(0, len(filled[0]), size)]
    return np.concatenate([np.asarray(batch) for batch in batches])[:count]


@functools.cache
def _known(function: Callable[..., Tensor], **parameters: float) -> Callable[..., Tensor]:
    return backend.compiled(functools.partial(function, **parameters), fused=True)


def _one(y: Tensor, u: Tensor, **known: Any) -> Tensor:
    return diffusion.fixed_point_inverse(y, 1, start=u, **known)


def fixed_point(
    inputs: Array,
    denoise: Callable[..., Array] = lambda u: u,
    known: Mapping[str, Any] | None = None,
    **parameters: float,
) -> Iterator[Array]:
    """Yield the results of the fixed-point iteration; with a denoiser, of its plug-and-play version.

    Args:
        inputs: diffused images, (n, height, width, 1).
        denoise: (images, **parameters) → images.
        known: the diffusion to undo, see `methods`.
        parameters: those of the denoiser.
    """
    step = functools.partial(_batched, _known(_one, **(known or {})))
    return itertools.islice(inverses.plugged(inputs, functools.partial(denoise, **parameters), step), 1, None)


def _whole(function: Callable[..., Tensor], inputs: Array, **parameters: float) -> Iterator[Array]:
    """Yield the one result of an inverse that knows the diffusion."""
    yield _batched(_known(function, **parameters), inputs)


def _lavrentiev(inputs: Array, alpha: float, **parameters: float) -> Iterator[Array]:
    function, weight = _known(inverses.newton_inverse, **parameters), np.asarray(alpha, "float32")
    yield _batched(lambda y: function(y, alpha=weight), inputs)


def _sharpened(denoise: Callable[..., Array] | None, inputs: Array, **parameters: float) -> Iterator[Array]:
    """Denoise if a denoiser is given, then sharpen. This needs no knowledge of the diffusion."""
    if denoise is not None:
        inputs = denoise(inputs, parameters.pop("strength"))
    yield unsharp_mask(inputs, **parameters)


DENOISERS = {
    "tv": ("total variation", total_variation, (0.002, 0.004, 0.006, 0.008, 0.011, 0.016)),
    "wavelets": ("wavelets", wavelets, (0.005, 0.01, 0.015, 0.02, 0.03, 0.04)),
    "nlm": ("non-local means", nonlocal_means, (0.005, 0.01, 0.015, 0.02, 0.03)),
}
SHARPEN: dict[str, tuple[float, ...]] = {
    "radius": (0.4, 0.5, 0.75, 1.0, 1.5),
    "amount": (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0),
}
_LESS: dict[str, tuple[float, ...]] = {"radius": (0.5, 0.75, 1.0), "amount": (0.0, 0.5, 1.0, 1.5)}
_ALPHA = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.3)


def methods(
    noise: float, wiener: Callable[[Array], Array] | None = None, known: Mapping[str, Any] | None = None
) -> dict[str, Method]:
    """The methods for undoing diffusion with noise σ on the diffused images, by short names.

    Args:
        noise: σ ≥ 0. If it is 0, inverses that know the diffusion iterate until they converge, and there are no
            denoisers.
        wiener: a fitted `Wiener` to include.
        known: steps, dt and contrast of the Perona–Malik diffusion, for the inverses that know it. Default: the
            paper's, those of `diffusion.perona_malik`.
    """
    result: dict[str, Method] = {}
    known = known or {}
    if not noise:
        newton = functools.partial(_whole, inverses.newton_inverse, **known)
        whole = functools.partial(_whole, diffusion.fixed_point_inverse, **known)
        stepwise = functools.partial(_whole, inverses.stepwise_inverse, **known)
        result["fixed_point"] = Method("fixed point", whole, {"iterations": (200,)}, knows_diffusion=True)
        result["stepwise"] = Method("step by step", stepwise, {"iterations": (40,)}, knows_diffusion=True)
        result["newton"] = Method("Newton", newton, {"iterations": (10,), "inner": (20,)}, knows_diffusion=True)
    else:
        stopped = functools.partial(fixed_point, known=known)
        lavrentiev = functools.partial(_lavrentiev, **known)
        result["fixed_point"] = Method("fixed point, stopped", stopped, knows_diffusion=True, most=10)
        grid = {"iterations": (6,), "inner": (10,), "alpha": _ALPHA}
        result["newton"] = Method("Newton, Lavrentiev", lavrentiev, grid, knows_diffusion=True)
        for name, (label, denoise, strengths) in DENOISERS.items():
            results = functools.partial(stopped, denoise=denoise)
            result[f"pnp_{name}"] = Method(f"fixed point with {label}", results, {"strength": strengths}, True, 8)
    result["unsharp"] = Method("unsharp mask", functools.partial(_sharpened, None), SHARPEN)
    if wiener is not None:
        result["wiener"] = Method("Wiener filter", lambda inputs: iter([wiener(inputs)]))
    if noise:
        for name, (label, denoise, strengths) in DENOISERS.items():
            results = functools.partial(_sharpened, denoise)
            result[name] = Method(f"{label}, sharpened", results, {"strength": strengths, **_LESS})
    return result
