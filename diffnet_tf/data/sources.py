"""Sources of images. Each gives gray (or colour) images, each divided by its own maximum.

| source | what | train / test |
|---|---|---|
| `skimage` | crops of photographs that come with scikit-image (default, no download) | disjoint photographs |
| `stl10` | STL-10's unlabelled images, prepared by TensorFlow Datasets | first 90 % / last 10 % |
| `stl10_binary` | the official `unlabeled_X.bin`, memory-mapped | first 90 % / last 10 % |
| `mat` | the authors' MATLAB files (HDF5) with `imagesInput` | first 90 % / last 10 % |
| `npy` | `gray.npy`: gray images (n, height, width), written by `GrayImages.save` | first 90 % / last 10 % |
| `folder` | PNG, JPEG and TIFF files, sorted by name | first 90 % / last 10 % |

STL-10's 100,000 images are thus split into 90,000 / 10,000, as in the paper.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.choices import SCALES, SOURCES, SPLITS
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.data import binary, light
from diffnet_tf.data.colour import ColourImages, to_colour
from diffnet_tf.data.gray import GRAY_NAME, Convert, GrayImages, check_light, to_gray
from diffnet_tf.data.matlab import open_mat
from diffnet_tf.data.mixed import MixedImages
from diffnet_tf.files import image_files, reading

SIZE, BINARY_NAME = binary.SIZE, binary.NAME
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

# Photographs that come with every installation of scikit-image; textures and astronomy add variety. Test images and
# training images come from different photographs.
SKIMAGE_TRAIN = ("astronaut", "camera", "rocket", "retina", "moon", "brick", "gravel", "grass", "hubble_deep_field")
SKIMAGE_TEST = ("chelsea", "coffee", "coins")


def _split_range(number: int, split: str, limit: int | None, where: PathLike = "The source") -> tuple[int, int]:
    """(first, last) of a split of `number` images: the last tenth (at least one image) is the test set."""
    checks.one_of(split, "split", SPLITS)
    if split != "all" and number < 2:
        raise ValueError(
            f"{where} holds {number} image(s), too few to split into train and test; give at least 2, or split='all'."
        )
    test = max(1, number // 10)
    first, last = {"train": (0, number - test), "test": (number - test, number), "all": (0, number)}[split]
    return first, last if limit is None else min(last, first + limit)


def _required_directory(source: str, data_dir: PathLike | None) -> Path:
    if data_dir is None:
        raise ValueError(f"source={source!r} needs data_dir=...; give the folder that holds the images.")
    path = Path(data_dir).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"data_dir {path} does not exist; expected the folder with the images of source {source!r}."
        )
    return path


def _required_file(source: str, data_dir: PathLike | None, name: str, what: str) -> Path:
    """The file of a source: `name` in the folder `data_dir`, or `data_dir` itself if it is a file."""
    path = _required_directory(source, data_dir)
    path = path / name if path.is_dir() else path
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected {what}.")
    return path


# ---- One reader for each source: (data_dir, split, limit, size, to) → (n, height, width[, 3]) ------------------------


def _crops(photograph: Array, size: int, stride: int) -> list[Array]:
    rows, columns = (range(0, n - size + 1, stride) for n in photograph.shape[:2])
    return [photograph[row : row + size, column : column + size] for row in rows for column in columns]


def _read_skimage(data_dir: PathLike | None, split: str, limit: int | None, size: int, to: Convert) -> Array:
    if data_dir is not None:  # without this check, a forgotten source would silently use other images
        raise ValueError(
            f"data_dir={str(data_dir)!r} with source='skimage', which needs no data_dir. "
            f"Give the source of your images: {', '.join(name for name in READERS if name != 'skimage')}."
        )
    import skimage.data
    from skimage.transform import rescale

    names = {"train": SKIMAGE_TRAIN, "test": SKIMAGE_TEST, "all": SKIMAGE_TRAIN + SKIMAGE_TEST}[split]
    crops = []
    for name in names:
        photograph = to(getattr(skimage.data, name)())
        axis = -1 if photograph.ndim == 3 else None
        half = rescale(photograph, 0.5, anti_aliasing=True, preserve_range=True, channel_axis=axis)
        crops += _crops(np.rint(half).astype("uint8"), size, size // 2)  # about as detailed as STL-10
        if name in SKIMAGE_TRAIN:
            crops += _crops(photograph, size, size)  # smoother
    images = np.stack([crop for crop in crops if crop.max() > 0])
    # Shuffled, so that the first images of a limited set show different photographs.
    return images[np.random.Generator(np.random.PCG64(9)).permutation(len(images))][:limit]


def _read_stl10_binary(
    data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert
) -> Array:
    what = f"STL-10's binary file {BINARY_NAME} there (from stl10_binary.tar.gz on STL-10's web page)"
    path = _required_file("stl10_binary", data_dir, BINARY_NAME, what)
    stored = binary.opened(path)
    first, last = _split_range(len(stored), split, limit, path)
    images = _empty(last - first, to)
    for start in range(first, last, 1000):  # to hold the colours of only 1,000 images in memory at a time
        part = stored[start : min(start + 1000, last)]
        images[start - first : start - first + len(part)] = to(part)
    return images


def _empty(number: int, to: Convert) -> Array:
    return np.empty((number, *to(np.zeros((SIZE, SIZE, 3), "uint8")).shape), "uint8")


def _read_stl10(data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert) -> Array:
    try:
        import tensorflow_datasets as tfds
    except ModuleNotFoundError as error:
        raise ValueError(
            "source='stl10' needs TensorFlow and TensorFlow Datasets, which are not installed. Use the same images in "
            "STL-10's own format with source='stl10_binary' (docs/data.md), or: pip install tensorflow "
            "tensorflow-datasets"
        ) from error

    root = Path(data_dir or "~/tensorflow_datasets").expanduser()
    # If nothing is prepared, tfds.load contacts the network even with download=False. So check first.
    prepared = sorted(root.glob("stl10/*/dataset_info.json")) or sorted(root.glob("dataset_info.json"))
    if not prepared:
        raise FileNotFoundError(
            f"STL-10 is not prepared under {root}; expected {root}/stl10/<version>/dataset_info.json. Prepare it with "
            f"tfds.load('stl10', data_dir='{root}') (a download of 2.6 GB), or use source='stl10_binary'."
        )
    builder = tfds.builder_from_directory(str(prepared[-1].parent))
    number = builder.info.splits["unlabelled"].num_examples
    first, last = _split_range(number, split, limit, root)
    dataset = builder.as_dataset(split=f"unlabelled[{first}:{last}]", shuffle_files=False)
    images = _empty(last - first, to)
    for i, example in enumerate(tfds.as_numpy(dataset)):
        images[i] = to(example["image"])
    return images


def _read_npy(data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert) -> Array:
    what = "an array of gray images, written by GrayImages.save"
    path = _required_file("npy", data_dir, GRAY_NAME, what)
    stored = reading.array(path, advice="write it again")
    if stored.ndim != 3 or stored.dtype not in (np.uint8, np.float32):
        raise ValueError(
            f"{path} has shape {stored.shape} and dtype {stored.dtype}; expected gray images (n, height, width), uint8 "
            "or float32."
        )
    first, last = _split_range(len(stored), split, limit, path)
    return np.array(stored[first:last])


def _read_mat(data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert) -> Array:
    path = _required_directory("mat", data_dir)
    if path.is_dir():
        files = sorted(path.glob("*.mat"))
        if len(files) != 1:
            raise FileNotFoundError(f"{path} holds {len(files)} .mat files; expected one. Give the file itself.")
        path = files[0]
    with open_mat(path) as (clean, _):
        first, last = _split_range(len(clean), split, limit, path)
        with reading.decoding(path, "images", "save it again"):
            images = clean[first:last].transpose(0, 2, 1)
    return images if images.dtype == np.uint8 else images.astype("float32")


def read_image(path: PathLike, to: Convert = to_gray) -> Array:
    """Read an image file as gray (height, width), or as RGB with `to_colour`: uint8 or float32, without noise below 0.

    Raises:
        ValueError: if it cannot be decoded, or its values cannot be light; see `light.pixels`.
    """
    return to(light.pixels(image_files.open_image(path), path))


def _read_folder(
    data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert
) -> Array | GrayImages:
    root = _required_directory("folder", data_dir)
    paths = sorted(p for p in root.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    if not paths:
        raise FileNotFoundError(f"{root} contains no images; expected files ending in {', '.join(IMAGE_SUFFIXES)}.")
    found = len(paths)
    first, last = _split_range(found, split, limit, root)
    paths = paths[first:last]

    if size is None:
        return MixedImages(((path, read_image(path, to)) for path in paths), f"{root}: the images").of_one_size()
    images, reduced = [], 0
    for path in paths:
        whole = read_image(path, to)
        images.append(_to_size(whole, size, path))
        reduced += images[-1].shape != whole.shape
        check_light(images[-1], path)
    if reduced:
        images_of = f"{len(paths)} of {found} image{'s' * (found != 1)}"
        print(
            f"{root}, split {split!r}: {images_of}; {reduced} cropped and reduced to {size}×{size} pixels; size=None "
            "keeps their sizes.",
            file=sys.stderr,
        )
    return np.stack(images)


def _to_size(image: Array, size: int, path: Path) -> Array:
    """The largest centred square, reduced to size × size pixels, as in STL-10."""
    from skimage.transform import resize

    side = min(image.shape[:2])
    if side < size:
        raise ValueError(
            f"{path} has {image.shape[0]}×{image.shape[1]} pixels; expected at least {size} on each side. "
            "Give a smaller size, or remove the file."
        )
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side]
    if side == size:
        return square
    # Cubic interpolation overshoots, but light cannot be negative.
    reduced = resize(square, (size, size), order=3, anti_aliasing=True, preserve_range=True)
    return np.clip(reduced, 0, None).astype("float32")


def _in_white(to: Convert) -> Convert:
    """As `to`, with bytes divided by 255: the bytes of a reduced image are floats, which do not say what white is.

    Floats above 1 are refused here, because interpolation overshoots a little, which is no fault of the image.
    """

    def converted(array: Array) -> Array:
        image = to(array)
        if image.dtype == np.uint8:
            return image.astype("float32") / np.float32(255)
        if image.max() > 1:
            raise ValueError(f"An image reaches {image.max():g}; expected floats in [0, 1] with scale='white'.")
        return image

    return converted


READERS: dict[str, Callable[..., Array | GrayImages]] = {
    "skimage": _read_skimage,
    "stl10": _read_stl10,
    "stl10_binary": _read_stl10_binary,
    "mat": _read_mat,
    "npy": _read_npy,
    "folder": _read_folder,
}


def open_images(
    source: str = "skimage",
    data_dir: PathLike | None = None,
    split: str = "train",
    limit: int | None = None,
    size: int | None = SIZE,
    colour: bool = False,
    scale: str = "maximum",
) -> GrayImages:
    """Like `load_images`, but returns images in a compact form for `pairs` and `fit`: bytes if the source has bytes.

    Args:
        source, data_dir, split, limit, size, colour, scale: see `load_images`. size=None keeps the files of "folder" at
            their own sizes.

    Returns:
        A `GrayImages`, or with `colour` a `ColourImages`. If the images differ in size, a `MixedImages`, from which a
        training takes crops at the images' own resolution.

    Raises:
        FileNotFoundError, ValueError: see `load_images`.
    """
    checks.one_of(source, "source", SOURCES)
    checks.one_of(split, "split", SPLITS)
    checks.one_of(scale, "scale", SCALES)
    if limit is not None:
        checks.count(limit, "limit")
    if size is not None:
        checks.count(size, "size", minimum=checks.MINIMUM_SIZE)
    elif source == "skimage":
        raise ValueError(
            "size=None; expected a number of pixels for source 'skimage', whose photographs differ in size."
        )
    where = source if data_dir is None else data_dir
    if colour and source in ("mat", "npy"):
        raise ValueError(f"colour=True with source={source!r}, which holds gray images; expected another source.")
    to = to_colour if colour else to_gray
    reduced = scale == "white" and source == "folder" and size is not None
    images = READERS[source](data_dir, split, limit, size, _in_white(to) if reduced else to)
    if reduced and not isinstance(images, GrayImages):
        images = np.minimum(images, 1)  # what cubic interpolation overshoots
    if not isinstance(images, GrayImages):
        images = (ColourImages if colour else GrayImages)(images, f"{where}: the images")
    return images.in_white() if scale == "white" else images


def load_images(
    source: str = "skimage",
    data_dir: PathLike | None = None,
    split: str = "train",
    limit: int | None = None,
    size: int | None = SIZE,
    colour: bool = False,
    scale: str = "maximum",
) -> Array:
    """Load gray or colour images as an array. Each image is divided by its own maximum over all channels, or by white.

    Args:
        source: "skimage", "stl10", "stl10_binary", "mat", "npy" or "folder"; see `data.sources`.
        data_dir: the folder with the images. Not for "skimage". For "stl10", the data folder of TensorFlow Datasets, by
            default ~/tensorflow_datasets.
        split: "train", "test" or "all".
        limit: load only this many images, the first of the split.
        size: for "skimage" and "folder", the side of the square images in pixels. Files are cropped to their centred
            square and reduced; a line on stderr says how many. For "folder", None keeps the files at their own sizes,
            which must be equal here; use `open_images` if they differ. Other sources have a fixed size, STL-10 96
            pixels.
        colour: RGB instead of gray; not for "mat" and "npy".
        scale: "maximum" divides each image by its own maximum, as networks that undo diffusion need; "white" divides
            bytes by 255 and keeps floats, as denoising needs, whose σ is a share of white.

    Returns:
        float32 (n, height, width, 1), or (n, height, width, 3) with `colour`, in [0, 1]; with scale="maximum" each
        image has maximum 1.

    Raises:
        FileNotFoundError: if the folder or file is missing, or the folder contains no images.
        ValueError: for an unknown source or split, a file of the wrong length, or an image that is unreadable or black;
            the message names the file.
    """
    images = open_images(source, data_dir, split, limit, size, colour, scale)
    return images.take(np.arange(len(images)))
