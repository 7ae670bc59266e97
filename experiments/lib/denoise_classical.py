"""The classical denoisers of `denoise`: parameters chosen on validation images for each σ, quality on the test images.

All are given σ. BM3D is used as it comes, in the package `bm3d`, whose licence allows non-commercial use only. Of the
others, strengths and contrasts are in units of σ. `climb` searches for the best parameters, and a diffusion is stopped
at the best time. A choice at an end of its scale is recorded: no smoothing is such an end, and no fault.
"""

import dataclasses
import functools
import importlib.metadata
import importlib.util
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from experiments.lib import denoising, study
from experiments.lib.climb import climb, scale

SEED = 1_000  # plus σ: of the noise on validation images
DT = 0.2  # pixels², of all steps of diffusions
PATIENCE = 15  # steps without a better result, after which a diffusion is stopped
SHIFTS = 3  # of the image in pixels, along each axis, over which wavelets are averaged


@dataclasses.dataclass(frozen=True)
class Method:
    """A classical denoiser.

    Attributes:
        label: its name in tables and figures.
        results: (images (n, height, width) float32, σ as a share of 255, **parameters) → the results of successive
            steps, or one result.
        scales, start: of its parameters, see `climb`.
        most: number of steps at most; 0 for one result.
        tuning: (number of validation images, side of the squares that are cut from them): fewer for slow methods.
        package: that it comes from.
    """

    label: str
    results: Callable[..., Iterator[Any]]
    scales: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    start: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    most: int = 0
    tuning: tuple[int, int] = (20, 180)
    package: str = "scikit-image"

    @property
    def chosen(self):
        """The number of parameters that are chosen on validation images for each σ."""
        return sum(len(values) > 1 for values in self.scales.values()) + bool(self.most)

    def tune(self, images, level, start=None, search=True):
        """Choose the parameters with the best mean PSNR on validation images.

        Args:
            images: (n, height, width) in [0, 1], without noise.
            level: σ of 255.
            start: parameters where the search starts, those of another σ; `start` of the method, if not given.
            search: False to take the parameters of the start, and choose only when a diffusion is stopped.

        Returns:
            (parameters, with "steps" for a diffusion; a list of all that were tried with their "psnr"; the names of
            parameters whose choice is at an end of its scale).
        """
        noisy, steps = np.stack(denoising.noisy(images, level, SEED + level)), {}

        def score(parameters):
            curve = self._curve(images, noisy, level, parameters)
            steps[tuple(parameters.values())] = 1 + int(np.argmax(curve))
            return round(float(np.max(curve)), 4)

        scales = self.scales if search else {name: (self.start[name],) for name in self.scales}
        best, tried, ends = climb(score, scales, start or self.start)

        def stopped(parameters):
            return {"steps": steps[tuple(parameters.values())]} if self.most else {}

        if self.most and stopped(best)["steps"] == self.most:
            ends.append("steps")
        return {**best, **stopped(best)}, [{**one, **stopped(one), "psnr": psnr} for one, psnr in tried], ends

    def _curve(self, images, noisy, level, parameters):
        """Mean PSNR after each step, until it has not risen for a while."""
        curve = []
        for result in itertools.islice(self.results(noisy, level / denoising.WHITE, **parameters), self.most or 1):
            curve.append(denoising.psnr(images, np.asarray(result)).mean())
            if len(curve) - int(np.argmax(curve)) > PATIENCE:
                break
        return curve

    def denoiser(self, settings):
        """The method as a denoiser, see `denoising`, with the parameters of each level: level as text → parameters."""

        def denoised(noisy, sigma):
            parameters = dict(settings[f"{denoising.WHITE * sigma:g}"])
            number = parameters.pop("steps", 1)
            results = self.results(noisy[None], sigma, **parameters)
            return np.asarray(next(itertools.islice(results, number - 1, None)))[0]

        return denoised


# ---- From packages ---------------------------------------------------------------------------------------------------


def _each(function, **fixed):
    """A function of single images as `results` of a method."""

    def results(images, sigma, **parameters):
        yield np.stack([function(image, sigma, **parameters, **fixed) for image in images])

    return results


def _bm3d(image, sigma):
    import bm3d

    return bm3d.bm3d(image, sigma).astype("float32")


def _nonlocal_means(image, sigma, strength, patch, distance, fast):
    from skimage import restoration

    options = {"patch_size": patch, "patch_distance": distance, "fast_mode": fast}
    return restoration.denoise_nl_means(image, sigma=sigma, h=strength * sigma, **options)


def _wavelets(image, sigma, strength, wavelet, method):
    from skimage import restoration

    options = {"wavelet": wavelet, "method": method, "sigma": strength * sigma, "rescale_sigma": False}
    return restoration.cycle_spin(image, restoration.denoise_wavelet, SHIFTS, workers=1, func_kw=options)


def _total_variation(image, sigma, strength):
    from skimage import restoration

    return restoration.denoise_tv_chambolle(image, strength * sigma, eps=1e-5)


# ---- Diffusions of this package --------------------------------------------------------------------------------------


def _linear(images, sigma, time):
    from diffnet_tf.physics import diffusion

    yield np.asarray(diffusion.isotropic(images[..., None], time, 1, "fourier"))[..., 0]


def _diffused(images, sigma, contrast, smoothing, diffusivity=""):
    """Yield the images after each step of Perona–Malik or, without a diffusivity, of edge-enhancing diffusion."""
    step, u = _step(smoothing, diffusivity), images[..., None]
    given = np.full((len(images), 1, 1, 1), contrast * sigma, "float32")
    while True:
        u = step(u, given)
        yield u[..., 0]


@functools.cache
def _step(smoothing, diffusivity):
    """One compiled step: (images, λ of each) → images."""
    from diffnet_tf.base import backend
    from diffnet_tf.physics import anisotropic, diffusion

    def isotropic(u, contrast):
        return diffusion.nonlinear(u, 1, DT, contrast, diffusivity, scheme="symmetric", sigma=smoothing)

    def edge_enhancing(u, contrast):
        return u + DT * anisotropic.divergence(u, anisotropic.diffusion_tensor(u, contrast, smoothing))

    return backend.compiled(isotropic if diffusivity else edge_enhancing, fused=True)


# ---- All -------------------------------------------------------------------------------------------------------------

_STRENGTHS = scale(0.1, 6)
_PATCHES = (3, 5, 7, 9, 11, 13)
_WAVELETS = ("db1", "db2", "db4", "sym4", "coif1")
_STOPPED = {"contrast": scale(0.02, 20), "smoothing": (0.0, *scale(0.25, 4, 2**0.5))}
_START = {"contrast": 0.7, "smoothing": 0.7}
METHODS = {
    "input": Method("noisy image", lambda images, sigma: iter([images]), package="numpy"),
    "bm3d": Method("BM3D", _each(_bm3d), package="bm3d"),
    "nlm": Method(
        "non-local means, fast",
        _each(_nonlocal_means, fast=True),
        {"strength": _STRENGTHS, "patch": _PATCHES, "distance": (2, 3, 4, 6, 8, 10, 12, 16)},
        {"strength": 0.6, "patch": 5, "distance": 6},
        tuning=(10, 180),
    ),
    "nlm-accurate": Method(
        "non-local means, accurate",
        _each(_nonlocal_means, fast=False, distance=6),
        {"strength": _STRENGTHS, "patch": _PATCHES},
        {"strength": 0.8, "patch": 5},
        tuning=(10, 96),
    ),
    "wavelets-bayes": Method(
        "wavelets, BayesShrink",
        _each(_wavelets, method="BayesShrink"),
        {"strength": _STRENGTHS, "wavelet": _WAVELETS},
        {"strength": 1.0, "wavelet": "db1"},
    ),
    "wavelets-visu": Method(
        "wavelets, VisuShrink",
        _each(_wavelets, method="VisuShrink"),
        {"strength": _STRENGTHS, "wavelet": _WAVELETS},
        {"strength": 0.4, "wavelet": "db2"},
    ),
    "tv": Method("total variation", _each(_total_variation), {"strength": _STRENGTHS}, {"strength": 0.8}),
    "linear": Method("linear diffusion", _linear, {"time": scale(0.05, 20)}, {"time": 0.5}, package="diffnet_tf"),
    "perona-malik": Method(
        "Perona–Malik diffusion",
        _diffused,
        {**_STOPPED, "diffusivity": ("perona_malik_1", "perona_malik_2")},
        {**_START, "diffusivity": "perona_malik_1"},
        most=500,
        tuning=(12, 128),
        package="diffnet_tf",
    ),
    "edge-enhancing": Method(
        "edge-enhancing diffusion",
        _diffused,
        _STOPPED,
        _START,
        most=500,
        tuning=(12, 128),
        package="diffnet_tf",
    ),
}
_MODULES = {"bm3d": ("bm3d", "bm3d"), "wavelets-bayes": ("pywt", "PyWavelets"), "wavelets-visu": ("pywt", "PyWavelets")}


def names():
    """The methods whose packages are installed; prints which are left out, and how to get them."""
    lacking = {name: package for name, (module, package) in _MODULES.items() if not importlib.util.find_spec(module)}
    for name, package in lacking.items():
        print(f"{METHODS[name].label} is left out: pip install {package}")
    return [name for name in METHODS if name not in lacking]


def parts(tests, validation, levels=denoising.LEVELS, search=True):
    """A part for each method: "classical-tv" and so on, a list of `study.Part`.

    Args:
        tests, validation: functions without arguments that return the images, see `measured`.
        levels, search: see `measured`.
    """

    def do(name):
        return measured(name, tests(), validation(), levels, search)

    return [study.Part(f"classical-{name}", functools.partial(do, name)) for name in names()]


def measured(name, tests, validation, levels=denoising.LEVELS, search=True):
    """Choose the parameters of a method on validation images, and measure it on test images: a part's `study.Result`.

    Args:
        name: of `METHODS`.
        tests: sets of test images, see `denoising.sets`.
        validation: images (height, width) in [0, 1].
        levels: σ of 255.
        search: see `Method.tune`.
    """
    method, settings, tried, ends = METHODS[name], {}, {}, {}
    images, start = squares(validation, *method.tuning), None
    for level in map(str, levels if method.chosen else ()):
        settings[level], tried[level], ends[level] = method.tune(images, int(level), start, search)
        start = settings[level]
    record = {**described(name, method, settings, ends, images), "tried": tried}
    function = method.denoiser(settings or {str(level): {} for level in levels})
    return study.Result({**record, **denoising.measured(function, tests, levels)})


def described(name, method, settings, ends, images):
    """What the record of a classical method says of it, before its measurements.

    Args:
        name, method: a key and a value of `METHODS`.
        settings, ends: level as text → the chosen parameters, and those at an end of their scale.
        images: on which they were chosen, (n, height, width, …).
    """
    record = {
        "method": name,
        "kind": "classical" if name != "input" else "input",
        "label": method.label,
        "parameters": method.chosen,
        "seed": 0,
        "steps": 0,
        "settings": settings,
        "at_an_end": ends,
        "package": f"{method.package} {importlib.metadata.version(method.package)}",
    }
    if method.chosen:
        record["tuning"] = {"images": len(images), "side": images.shape[1], "seed": SEED}
    return record


def tuned(runs, *methods):
    """Denoisers with the parameters in the records of finished parts: method → (label, denoiser).

    Args:
        runs: records of parts, see `study.finished`.
        methods: those wanted; the ones that have no record are left out.
    """
    settings = {run["method"]: run["settings"] for run in runs if "settings" in run}
    without = {str(level): {} for level in denoising.LEVELS}
    return {
        name: (METHODS[name].label, METHODS[name].denoiser(settings[name] or without))
        for name in methods
        if name in settings
    }


def squares(images, number, side):
    """Some of the images, evenly spaced, cut to equal squares around their middle: (number, side, side) at most."""
    places = np.linspace(0, len(images) - 1, min(number, len(images))).round().astype(int)
    side = min(side, *(length for place in places for length in images[place].shape))
    corners = [[(length - side) // 2 for length in images[place].shape] for place in places]
    return np.stack([images[k][y : y + side, x : x + side] for k, (y, x) in zip(places, corners)]).astype("float32")
