"""The test photographs of `denoise_colour`, and what else is particular to colour."""

import numpy as np

from experiments.lib import denoising

SET = denoising.OWN  # the name of the test set in records
PHOTOGRAPHS = {  # of scikit-image, the smallest first: name → what it shows
    "chelsea": "a cat",
    "coffee": "a cup of coffee",
    "astronaut": "an astronaut",
    "rocket": "a rocket",
    "stereo_motorcycle": "a motorcycle",
}
SHOWN = "chelsea"  # in the picture
PART = (slice(40, 200), slice(115, 275))  # of it
SMALL = 64  # pixels: the side of the photographs of budget smoke


def photographs(source, small=False):
    """The test photographs, none of which was trained on: name → float32 (height, width, 3) in [0, 1].

    Args:
        source: of the training images. Those of scikit-image are not tested if it is "skimage".
        small: whether only a small square of the first one is taken.
    """
    import skimage.data

    from diffnet_tf.data import sources

    found = {}
    for name in list(PHOTOGRAPHS)[: 1 if small else None]:
        if source != "skimage" or name not in sources.SKIMAGE_TRAIN:
            image = getattr(skimage.data, name)()
            image = image[0] if isinstance(image, tuple) else image  # the left one of a stereo pair
            image = image[PART][:SMALL, :SMALL] if small else image
            found[name] = image.astype("float32") / np.float32(denoising.WHITE)
    return found


def estimate(noisy, apart=1):
    """σ of the noise in a colour photograph as a share of white, as `restore` estimates it.

    Args:
        noisy: (height, width, 3).
        apart: distance in pixels of those that are compared: above 1, noise may be alike in neighbours.
    """
    from diffnet_tf import estimate_noise

    channels = np.moveaxis(noisy, -1, 0)
    grids = [channel[y::apart, x::apart] for channel in channels for y in range(apart) for x in range(apart)]
    variances = [estimate_noise(grid, "photograph") ** 2 for grid in grids]
    return float(np.sqrt(np.mean(variances)))


def part(function, tests):
    """The part that is shown after a denoiser at σ = 25: arrays with "part", bytes."""
    place = list(tests).index(SHOWN)
    noisy = denoising.noisy(tests.values(), denoising.TIMED)[place]
    return {"part": as_bytes(cut(function(noisy, denoising.TIMED / denoising.WHITE)))}


def cut(image):
    """The part of the shown photograph; all of a small one."""
    return image if image.shape[0] <= SMALL else image[PART]


def as_bytes(image):
    """An image in [0, 1] as 8 bits."""
    return np.rint(np.clip(image, 0, 1) * denoising.WHITE).astype("uint8")
