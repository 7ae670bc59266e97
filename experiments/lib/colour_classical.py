"""The classical denoisers of colour in `denoise_colour`: parameters chosen on training crops, quality on photographs.

They are used and tuned like those of gray images, see `denoise_classical`.
"""

import numpy as np

from experiments.lib import denoise_classical, denoising, study
from experiments.lib.climb import scale
from experiments.lib.denoise_classical import SHIFTS, Method

TUNED = 20  # crops that parameters are chosen on
_STRENGTHS = scale(0.1, 6)
_COLOURS = ("rgb", "ycbcr")


def _each(function):
    """A function of single images (height, width, 3) as `results` of a `Method`."""

    def results(images, sigma, **parameters):
        yield np.stack([function(image, sigma, **parameters) for image in images])

    return results


def _bm3d(image, sigma):
    import bm3d

    return bm3d.bm3d_rgb(image.astype("float64"), sigma).astype("float32")


def _nonlocal_means(image, sigma, strength, patch, distance):
    from skimage import restoration

    options = {"patch_size": patch, "patch_distance": distance, "fast_mode": True, "channel_axis": -1}
    return restoration.denoise_nl_means(image, sigma=sigma, h=strength * sigma, **options)


def _wavelets(image, sigma, strength, wavelet, colours):
    from skimage import restoration

    options = {"wavelet": wavelet, "convert2ycbcr": colours == "ycbcr", "channel_axis": -1}
    options |= {"method": "BayesShrink", "sigma": strength * sigma, "rescale_sigma": True}
    spun = {"func_kw": options, "workers": 1, "channel_axis": -1}
    return restoration.cycle_spin(image, restoration.denoise_wavelet, SHIFTS, **spun)


def _total_variation(image, sigma, strength):
    from skimage import restoration

    return restoration.denoise_tv_chambolle(image, strength * sigma, eps=1e-5, channel_axis=-1)


METHODS = {
    "input": Method("noisy image", lambda images, sigma: iter([images]), package="numpy"),
    "bm3d": Method("BM3D for colour", _each(_bm3d), package="bm3d"),
    "nlm": Method(
        "non-local means",
        _each(_nonlocal_means),
        {"strength": _STRENGTHS, "patch": (3, 5, 7, 9, 11), "distance": (2, 3, 4, 6, 8, 10, 12)},
        {"strength": 0.6, "patch": 5, "distance": 6},
    ),
    "wavelets": Method(
        "wavelets, BayesShrink",
        _each(_wavelets),
        {"strength": _STRENGTHS, "wavelet": ("db1", "db2", "db4", "sym4"), "colours": _COLOURS},
        {"strength": 1.0, "wavelet": "db2", "colours": "ycbcr"},
    ),
    "tv": Method("total variation", _each(_total_variation), {"strength": _STRENGTHS}, {"strength": 0.8}),
}


def names():
    """The methods whose packages are installed; prints which are left out."""
    installed = {*denoise_classical.names()}
    return [name for name in METHODS if {"wavelets": "wavelets-bayes"}.get(name, name) in installed]


def places(number):
    """The places of the crops that parameters are chosen on, evenly spaced among so many."""
    return np.linspace(0, number - 1, min(TUNED, number)).round().astype(int)


def denoiser(name, record):
    """A method as a denoiser, see `denoising`, with the parameters in the record of its part."""
    settings = record["settings"] or {str(level): {} for level in record["levels"]}
    return METHODS[name].denoiser(settings)


def measured(name, tests, crops, levels=denoising.LEVELS):
    """Choose the parameters of a method on training crops, and measure it on test images: a part's `study.Result`.

    Args:
        name: of `METHODS`.
        tests: sets of images (height, width, 3) in [0, 1].
        crops: to choose on, (n, height, width, 3) in [0, 1].
        levels: σ of 255.
    """
    method, settings, ends, start = METHODS[name], {}, {}, None
    for level in levels if method.chosen else ():
        start, _, ends[str(level)] = method.tune(crops, level, start)
        settings[str(level)] = start
    record = {**denoise_classical.described(name, method, settings, ends, crops), "levels": list(levels)}
    return study.Result({**record, **denoising.measured(denoiser(name, record), tests, levels)})
