"""Noise as a camera makes it: it depends on the signal, and demosaicing correlates it.

A pixel of the sensor counts electrons. With N electrons at white and reading noise of r electrons, the linear light
L ∈ [0, 1] has noise of variance L / N + (r / N)². What is above white or below black is cut off. Then come the curve of
sRGB and the rounding to 8 bits. So on the scale of the photograph, noise is strong in shadows and weak in highlights.

With `mosaic`, each pixel of the sensor sees one colour (Bayer's pattern), and the others are interpolated from its
neighbours. This makes the noise alike in neighbouring pixels.
"""

import dataclasses

import numpy as np

from experiments.lib import colour, denoising
from experiments.lib.climb import climb, scale

READING = 3.0  # electrons
DRAWS = 32  # of the noise, from which its local σ is computed
SHADOW = 0.25  # mean of the channels, below which a pixel is in shadow: 5 % of the light of white
COARSE = 4.0  # pixels: σ of the Gaussian that keeps the blotches of an error


SEED, SEED_OF_SIGMA = 7, 8  # of the noise that is denoised, and of that from which its σ is computed
GLOBAL = scale(1, 55, 2**0.25)  # σ of 255 among which the best one is chosen
APART = 3  # pixels: at this distance, demosaiced noise is hardly alike
SIGMAS = ("true", "auto", "apart", "best")  # the rms of the true σ, and the single σ that are given to the network
# Method → how σ is given to the network, in words.
METHODS = {
    "input": "not denoised",
    "auto": "σ estimated",
    "apart": "σ estimated from every third pixel",
    "best": "the best single σ",
    "local": "the true σ of each pixel",
}


@dataclasses.dataclass(frozen=True)
class Camera:
    """A setting of a camera: its name, electrons at white, and whether it has a mosaic of colours."""

    name: str
    electrons: float
    mosaic: bool = False


CAMERAS = (
    Camera("ISO 1,600", 1_600),
    Camera("ISO 6,400", 400),
    Camera("ISO 25,600", 100),
    Camera("ISO 6,400, demosaiced", 400, mosaic=True),
)

EXAMPLE, EXAMPLES_PART = "astronaut", (slice(0, 300), slice(60, 420))  # for the README
EXAMPLES_CAMERA = CAMERAS[1]


def taken(image, camera, seed=None):
    """The photograph that a camera takes of a scene.

    Args:
        image: (height, width, 3) in [0, 1], in sRGB.
        camera: a `Camera`.
        seed: of the noise; None for no noise, and no rounding either.

    Returns:
        float32 of the same shape, in [0, 1], rounded to 8 bits.
    """
    light = _linear(image.astype("float64"))
    if seed is not None:
        sigma = np.sqrt(light / camera.electrons + (READING / camera.electrons) ** 2)
        light = light + sigma * np.random.default_rng(seed).normal(size=light.shape)
    light = np.clip(light, 0, 1)
    if camera.mosaic:
        light = _demosaiced(light)
    result = _encoded(light)
    return (result if seed is None else np.rint(255 * result) / 255).astype("float32")


def local_sigma(image, camera, seed):
    """The true σ of a camera's noise in each pixel, rms over the channels: (height, width), from `DRAWS` draws."""
    total, squares = 0.0, 0.0
    for k in range(DRAWS):
        each = taken(image, camera, (seed, k)).astype("float64")
        total, squares = total + each, squares + each**2
    variance = (squares - total**2 / DRAWS) / (DRAWS - 1)
    return np.sqrt(np.maximum(variance, 0).mean(axis=-1)).astype("float32")


def measured(function, photographs, cameras=CAMERAS):
    """How well a network that is given σ removes the noise of cameras.

    The best single σ is chosen with the true image at hand, so it is a bound. The target is the photograph that the
    camera takes without noise.

    Args:
        function: a denoiser, see `denoising`, that also takes σ of each pixel.
        photographs: name → image.
        cameras: the `Camera`s.

    Returns:
        A list with a dict for each camera: "name", "electrons", "mosaic"; "sigma", for each of `SIGMAS` a list over
        photographs, of 255; and "results", method → lists over photographs of "psnr" and of what `errors` gives.
    """
    found = []
    for camera in cameras:
        sigmas, results = {name: [] for name in SIGMAS}, {method: [] for method in METHODS}
        for number, image in enumerate(photographs.values()):
            noisy, target = taken(image, camera, (SEED, number)), taken(image, camera)
            local = local_sigma(image, camera, (SEED_OF_SIGMA, number))
            given = {"auto": colour.estimate(noisy), "apart": colour.estimate(noisy, APART), "local": local}
            given["best"] = best_sigma(function, noisy, target, given["auto"])
            sigmas["true"].append(float(np.sqrt(np.mean(local**2))))
            for name in SIGMAS[1:]:
                sigmas[name].append(given[name])
            for method in METHODS:
                output = function(noisy, given[method]) if method in given else noisy
                psnr = float(denoising.psnr([target], [output])[0])
                results[method].append({"psnr": psnr, **errors(target, output)})
        lists = {method: {key: _rounded(each[key] for each in of) for key in of[0]} for method, of in results.items()}
        about = {"name": camera.name, "electrons": camera.electrons, "mosaic": camera.mosaic}
        sigma = {name: _rounded(255 * value for value in values) for name, values in sigmas.items()}
        found.append({**about, "sigma": sigma, "results": lists})
    return found


def restored(model, photographs):
    """A photograph as a camera takes it, and as `restore` denoises it with σ estimated.

    Args:
        model: a network of scale "white" for colour images, which is given σ.
        photographs: name → image; `EXAMPLE` or, if it is not there, the first one is taken.

    Returns:
        Arrays "before" and "after", bytes: a part of the photograph.
    """
    from diffnet_tf import restoration

    name = EXAMPLE if EXAMPLE in photographs else next(iter(photographs))
    before = colour.as_bytes(taken(photographs[name], EXAMPLES_CAMERA, SEED))
    after = restoration.restore(before, model, white="full", noise="auto")
    part = EXAMPLES_PART if name == EXAMPLE else slice(None)
    return {"before": before[part], "after": after[part]}


def best_sigma(function, noisy, target, start):
    """The single σ, as a share of white, with the best PSNR on the scale `GLOBAL`."""

    def score(sigma):
        return float(denoising.psnr([target], [function(noisy, sigma / 255)])[0])

    best, _, _ = climb(lambda parameters: score(**parameters), {"sigma": GLOBAL}, {"sigma": 255 * start})
    return best["sigma"] / 255


def _rounded(values):
    return [None if value is None else round(value, 4) for value in values]


def errors(target, output):
    """What is wrong with a photograph: rms errors in units of 1/255, in shadows and elsewhere, and of its blotches.

    Blotches are coarse errors of colour: the error without its mean over the channels, blurred.

    Returns:
        "shadows" (None if there are none), "elsewhere", "blotches".
    """
    from scipy import ndimage

    error = 255 * (np.clip(output, 0, 1).astype("float64") - target)
    shadows = target.mean(axis=-1) < SHADOW
    colour = error - error.mean(axis=-1, keepdims=True)
    coarse = ndimage.gaussian_filter(colour, (COARSE, COARSE, 0))
    return {"shadows": _rms(error[shadows]), "elsewhere": _rms(error[~shadows]), "blotches": _rms(coarse)}


def _rms(values):
    return float(np.sqrt(np.mean(values**2))) if values.size else None


def _linear(image):
    """The light of an image in sRGB."""
    return np.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)


def _encoded(light):
    """Light in sRGB."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def _demosaiced(light):
    """The colours of a sensor with red and green in its even rows and green and blue in its odd ones, interpolated."""
    from scipy import ndimage

    seen = np.zeros(light.shape)
    seen[::2, ::2, 0] = seen[::2, 1::2, 1] = seen[1::2, ::2, 1] = seen[1::2, 1::2, 2] = 1.0
    weights = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])[..., None]  # bilinear, where divided by those that are seen
    values, counts = (ndimage.convolve(each, weights, mode="mirror") for each in (light * seen, seen))
    return np.where(seen > 0, light, values / counts)
