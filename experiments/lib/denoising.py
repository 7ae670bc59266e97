"""How denoisers are measured: gray photographs with white Gaussian noise of σ = 15, 25 and 50 of 255.

This is the usual benchmark of gray denoising, with the noise fixed, so that all methods get identical pairs:

- images are 8-bit PNGs, sorted by name, divided by 255;
- for each set and each σ, NumPy's `default_rng(σ)` draws the noise image by image, `rng.normal(0, σ/255, shape)` in
  float64. The sum is rounded to float32, and not clipped;
- the output is clipped to [0, 1]. The result is the mean of the images' PSNR for range 1.

A denoiser is a function (noisy image (height, width) float32, σ as a share of 255) → denoised image of the same shape.
"""

import hashlib
from pathlib import Path

import numpy as np

from experiments.lib import measure

LEVELS = (15, 25, 50)  # σ of 255
WHITE = 255
TIMED = 25  # σ at which a denoiser is timed
BESIDE = "set12"  # a second set of test images, in a folder beside that of --test-dir
OWN = "skimage"  # the set where no folder is given: photographs that scikit-image ships
PHOTOGRAPH = "camera"  # of scikit-image: what a picture shows
PART = (slice(60, 220), slice(130, 290))  # of it


# ---- Images ----------------------------------------------------------------------------------------------------------


def sets(test_dir=None, limit=None):
    """The sets of test images: those of a folder and, if there is one, of the folder `set12` beside it.

    Args:
        test_dir: a folder of PNGs; None for the photographs of scikit-image that no training on its images sees.
        limit: the first so many images of each set.

    Returns:
        Name of a folder → images as `read` gives them.

    Raises:
        FileNotFoundError, ValueError: see `read`.
    """
    if test_dir is None:
        return {OWN: photographs()[:limit]}
    folder = Path(test_dir).expanduser().resolve()
    folders = dict.fromkeys(path for path in (folder, folder.parent / BESIDE) if path == folder or path.is_dir())
    return {path.name: read(path, limit) for path in folders}


def read(folder, limit=None):
    """The images of a folder of 8-bit gray PNGs, sorted by name: a list of float32 (height, width) in [0, 1].

    Raises:
        FileNotFoundError: when there is no PNG.
        ValueError: for an image that is not gray or not of 8 bits; the message names it.
    """
    from diffnet_tf.files import image_files

    paths = sorted(path for path in Path(folder).glob("*.png") if not path.name.startswith("."))
    if not paths:
        raise FileNotFoundError(f"{folder} contains no PNG; expected a folder of gray images.")
    images = []
    for path in paths[:limit]:
        pixels = image_files.read(path)
        if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (1,)):
            raise ValueError(f"{path} has shape {pixels.shape} and dtype {pixels.dtype}; expected 8-bit gray.")
        images.append(pixels.reshape(pixels.shape[:2]).astype("float32") / np.float32(WHITE))
    return images


def photographs():
    """The test photographs of the source "skimage", in gray and whole, like `read`."""
    import skimage.data

    from diffnet_tf.data import gray, sources

    images = [gray.to_gray(getattr(skimage.data, name)()) for name in sources.SKIMAGE_TEST]
    return [np.rint(image).astype("float32") / np.float32(WHITE) for image in images]


def about(images):
    """What a record says of a set: number and sizes of the images, and the SHA-256 of their pixels.

    Hashed are for each image its height and width, as little-endian 32-bit integers, and its pixels as bytes, row by
    row.
    """
    digest, sizes = hashlib.sha256(), {}
    for image in images:
        digest.update(np.array(image.shape, "<u4").tobytes())
        digest.update(np.rint(image * WHITE).astype("uint8").tobytes())
        size = "{}×{}".format(*image.shape)
        sizes[size] = sizes.get(size, 0) + 1
    return {"count": len(images), "sizes": sizes, "sha256": digest.hexdigest()}


def noisy(images, level, seed=None):
    """The images with noise, in float32, not clipped: a list.

    Args:
        images: list of (height, width) in [0, 1].
        level: σ of 255, a whole number.
        seed: of the noise; `level`, as the benchmark wants it, if not given. Images on which something is chosen get
            another one.
    """
    rng = np.random.default_rng(level if seed is None else seed)
    return [(image + rng.normal(0.0, level / WHITE, image.shape)).astype("float32") for image in images]


# ---- Measurements ----------------------------------------------------------------------------------------------------


def psnr(images, outputs):
    """PSNR in dB, for range 1, of every output after it is clipped to [0, 1]: float64 (n,)."""
    from diffnet_tf import metrics

    return np.array([float(metrics.psnr(u, np.clip(v, 0.0, 1.0))) for u, v in zip(images, outputs, strict=True)])


def measured(function, tests, levels=LEVELS):
    """Measure a denoiser on all sets at all levels.

    Args:
        function: a denoiser, see above.
        tests: name → images, as `sets` gives them.
        levels: σ of 255.

    Returns:
        What the record of a part holds:

        - "sets": set → `about` its images;
        - "levels";
        - "psnr": set → for each level the PSNR of every image, rounded to 0.0001 dB;
        - "results": set → level as text → "psnr" → mean, std, median, n and so on;
        - "milliseconds_per_image": of `milliseconds`, for the first image of the first set.

    Raises:
        ValueError: when an output has another shape than its input, or values that are not finite.
    """
    from diffnet_tf import metrics

    values = {name: [_of_level(function, images, level) for level in levels] for name, images in tests.items()}
    results = {
        name: {str(level): {"psnr": metrics.summary(of)} for level, of in zip(levels, of_set)}
        for name, of_set in values.items()
    }
    first = next(iter(tests.values()))[0]
    return {
        "sets": {name: about(images) for name, images in tests.items()},
        "levels": list(levels),
        "psnr": {name: [of.round(4).tolist() for of in of_set] for name, of_set in values.items()},
        "results": results,
        "milliseconds_per_image": milliseconds({"": function}, first)[""],
    }


def _of_level(function, images, level):
    inputs = noisy(images, level)
    outputs = [np.asarray(function(each, level / WHITE)) for each in inputs]
    for each, output in zip(inputs, outputs):
        if output.shape != each.shape or not np.isfinite(output).all():
            raise ValueError(
                f"The denoiser made {output.shape} from {each.shape} at σ = {level}, with "
                f"{int((~np.isfinite(output)).sum())} values that are not finite; expected the same shape, all finite."
            )
    return psnr(images, outputs)


def milliseconds(denoisers, image):
    """The times for one image at σ = 25, measured in turns, so that other work on the machine meets all alike.

    Args:
        denoisers: name → denoiser.
        image: (height, width) in [0, 1].

    Returns:
        Name → median, extremes and number as in `measure.milliseconds`, and "size".
    """
    (each,) = noisy([image], TIMED)

    def of_batch(function):
        return lambda batch: function(batch[0], TIMED / WHITE)

    found = measure.milliseconds({name: of_batch(function) for name, function in denoisers.items()}, each[None])
    return {name: {**times, "size": list(image.shape)} for name, times in found.items()}


def photographed(denoisers, level=TIMED):
    """What denoisers make of a part of a photograph that is in no test set.

    Args:
        denoisers: name → (label, denoiser), in the order of the picture.
        level: σ of 255.

    Returns:
        ({"photograph": name of the photograph, level, part, and "images": name → label and PSNR of the whole
        photograph}, arrays photograph_NAME, bytes) with "clean" and "noisy" before the denoisers.
    """
    import skimage.data

    clean = getattr(skimage.data, PHOTOGRAPH)().astype("float32") / np.float32(WHITE)
    (each,) = noisy([clean], level)
    images = {"clean": ("original", clean), "noisy": ("noisy", each)}
    images |= {name: (label, function(each, level / WHITE)) for name, (label, function) in denoisers.items()}
    found, arrays = {}, {}
    for name, (label, image) in images.items():
        value = None if name == "clean" else round(float(psnr([clean], [image])[0]), 3)
        found[name] = {"label": label, "psnr": value}
        arrays[f"photograph_{name}"] = np.rint(np.clip(image[PART], 0, 1) * WHITE).astype("uint8")
    corners = [[side.start, side.stop] for side in PART]
    return {"photograph": {"name": PHOTOGRAPH, "level": level, "part": corners, "images": found}}, arrays


# ---- Networks as denoisers -------------------------------------------------------------------------------------------


def of_network(model, estimate=None):
    """A network as a denoiser of one image, in float32; for colour, images are (height, width, 3).

    Args:
        model: a Keras model that maps (batch, height, width, channels) to images of 1 or 3 channels; with one channel
            more at its input, that is σ at every pixel. The denoiser then takes σ of each pixel, too, (height, width).
        estimate: a function noisy image → σ, which then takes the place of the true σ. Its time is part of the
            denoiser's.

    Raises:
        ValueError: for another number of channels, or an estimate for a network that is not given σ.
    """
    channels, colours = model.input_shape[-1], model.output_shape[-1]
    given = channels == colours + 1
    if colours not in (1, 3) or channels not in (colours, colours + 1) or (estimate and not given):
        both = f"{colours + 1}, image and σ"
        raise ValueError(
            f"The network has {channels} channels; expected {both if estimate else f'{colours}, or {both}'}."
        )
    function = measure.applied(model)

    def denoised(noisy, sigma):
        inputs = noisy.reshape(1, *noisy.shape[:2], colours)
        if given:
            sigma = np.float32(estimate(noisy) if estimate else sigma)
            sigma = np.broadcast_to(sigma.reshape(1, *sigma.shape, 1), (*inputs.shape[:-1], 1))
            inputs = np.concatenate([inputs, sigma], axis=-1)
        return np.asarray(function(inputs)).reshape(noisy.shape)

    return denoised
