"""Where images come from: every source becomes gray images of one size, scaled each by its own maximum.

| source | what | train / test |
|---|---|---|
| `skimage` | crops of photographs that come with scikit-image (default, nothing to download) | disjoint photographs |
| `stl10` | STL-10's unlabelled images, prepared by TensorFlow Datasets | first 90 % / last 10 % |
| `stl10_binary` | the official `unlabeled_X.bin`, memory-mapped | first 90 % / last 10 % |
| `mat` | the authors' MATLAB files (HDF5) with `imagesInput` | first 90 % / last 10 % |
| `npy` | `gray.npy`: gray images (n, height, width), as `GrayImages.save` writes them | first 90 % / last 10 % |
| `folder` | PNG, JPEG and TIFF files, in the order of their names | first 90 % / last 10 % |

For STL-10's 100,000 images that is the paper's 90,000 / 10,000. NumPy only, but for the reader of TensorFlow Datasets.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffnet_tf.base import checks
from diffnet_tf.base.choices import SOURCES, SPLITS
from diffnet_tf.base.types import Array, PathLike
from diffnet_tf.data import binary, light
from diffnet_tf.data.colour import ColourImages, to_colour
from diffnet_tf.data.gray import GRAY_NAME, Convert, GrayImages, check_light, to_gray
from diffnet_tf.data.matlab import open_mat
from diffnet_tf.data.mixed import MixedImages
from diffnet_tf.files import image_files, reading

SIZE, BINARY_NAME = binary.SIZE, binary.NAME
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

# Photographs that every scikit-image installation holds; textures and astronomy for variety. No test image shares a
# photograph with a training image.
SKIMAGE_TRAIN = ("astronaut", "camera", "rocket", "retina", "moon", "brick", "gravel", "grass", "hubble_deep_field")
SKIMAGE_TEST = ("chelsea", "coffee", "coins")


def _split_range(number: int, split: str, limit: int | None, where: PathLike = "The source") -> tuple[int, int]:
    """The slice of `number` images that a split is: the last tenth (at least one image) is the test set."""
    checks.one_of(split, "split", SPLITS)
    if split != "all" and number < 2:
        raise ValueError(
            f"{where} holds {number} image(s), which cannot be split into train and test; give at least 2, or "
            "split='all'."
        )
    test = max(1, number // 10)
    first, last = {"train": (0, number - test), "test": (number - test, number), "all": (0, number)}[split]
    return first, last if limit is None else min(last, first + limit)


def _required_directory(source: str, data_dir: PathLike | None) -> Path:
    if data_dir is None:
        raise ValueError(f"source={source!r} needs data_dir=...: the folder that holds the images. None was given.")
    path = Path(data_dir).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"data_dir {path} does not exist; expected the folder with the images of source {source!r}."
        )
    return path


def _required_file(source: str, data_dir: PathLike | None, name: str, what: str) -> Path:
    """The file that a source is: `name` within the folder, or the file that was given itself."""
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
    if data_dir is not None:  # else a forgotten source would train or test on other images than those named
        raise ValueError(
            f"data_dir={str(data_dir)!r} with source='skimage'; expected none. "
            f"Name the source of your images: {', '.join(name for name in READERS if name != 'skimage')}."
        )
    import skimage.data
    from skimage.transform import rescale

    names = {"train": SKIMAGE_TRAIN, "test": SKIMAGE_TEST, "all": SKIMAGE_TRAIN + SKIMAGE_TEST}[split]
    crops = []
    for name in names:
        photograph = to(getattr(skimage.data, name)())
        axis = -1 if photograph.ndim == 3 else None
        half = rescale(photograph, 0.5, anti_aliasing=True, preserve_range=True, channel_axis=axis)
        crops += _crops(np.rint(half).astype("uint8"), size, size // 2)  # as much in an image as STL-10 has
        if name in SKIMAGE_TRAIN:
            crops += _crops(photograph, size, size)  # smoother
    images = np.stack([crop for crop in crops if crop.max() > 0])
    # Mixed, so that the first images of a limited set show different photographs.
    return images[np.random.Generator(np.random.PCG64(9)).permutation(len(images))][:limit]


def _read_stl10_binary(
    data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert
) -> Array:
    what = f"STL-10's binary file {BINARY_NAME} there (it comes in stl10_binary.tar.gz from the STL-10 page)"
    path = _required_file("stl10_binary", data_dir, BINARY_NAME, what)
    stored = binary.opened(path)
    first, last = _split_range(len(stored), split, limit, path)
    images = _empty(last - first, to)
    for start in range(first, last, 1000):  # keeps the colours of 1,000 images in memory at a time
        part = stored[start : min(start + 1000, last)]
        images[start - first : start - first + len(part)] = to(part)
    return images


def _empty(number: int, to: Convert) -> Array:
    return np.empty((number, *to(np.zeros((SIZE, SIZE, 3), "uint8")).shape), "uint8")


def _read_stl10(data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert) -> Array:
    import tensorflow_datasets as tfds

    root = Path(data_dir or "~/tensorflow_datasets").expanduser()
    # The usual tfds.load asks the network even with download=False when nothing is prepared: look for ourselves.
    prepared = sorted(root.glob("stl10/*/dataset_info.json")) or sorted(root.glob("dataset_info.json"))
    if not prepared:
        raise FileNotFoundError(
            f"No prepared STL-10 under {root}; expected {root}/stl10/<version>/dataset_info.json. Prepare it once with "
            f"tfds.load('stl10', data_dir='{root}') (2.6 GB of download), or use source='stl10_binary'."
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
    what = "an array of gray images, as GrayImages.save writes it"
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
            raise FileNotFoundError(f"{path} holds {len(files)} .mat files; expected one. Name the file itself.")
        path = files[0]
    with open_mat(path) as (clean, _):
        first, last = _split_range(len(clean), split, limit, path)
        with reading.decoding(path, "images", "save it again"):
            images = clean[first:last].transpose(0, 2, 1)
    return images if images.dtype == np.uint8 else images.astype("float32")


def read_image(path: PathLike, to: Convert = to_gray) -> Array:
    """One image file as gray, (height, width) of uint8 or float32, or RGB, by `to_colour`; noise below 0 becomes 0.

    Raises:
        ValueError: naming the file, when it cannot be decoded, or holds what `light.pixels` refuses.
    """
    return to(light.pixels(image_files.open_image(path), path))


def _read_folder(
    data_dir: PathLike | None, split: str, limit: int | None, size: int | None, to: Convert
) -> Array | GrayImages:
    root = _required_directory("folder", data_dir)
    paths = sorted(p for p in root.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    if not paths:
        raise FileNotFoundError(f"{root} holds no image; expected files ending in {', '.join(IMAGE_SUFFIXES)}.")
    first, last = _split_range(len(paths), split, limit, root)
    paths = paths[first:last]

    if size is None:
        return MixedImages(((path, read_image(path, to)) for path in paths), f"{root}: the images").of_one_size()
    images = []
    for path in paths:
        images.append(_to_size(read_image(path, to), size, path))
        check_light(images[-1], path)
    return np.stack(images)


def _to_size(image: Array, size: int, path: Path) -> Array:
    """The largest centred square, reduced to size × size pixels (as STL-10 was made)."""
    from skimage.transform import resize

    side = min(image.shape[:2])
    if side < size:
        raise ValueError(
            f"{path} has {image.shape[0]}×{image.shape[1]} pixels; expected at least {size} on each side. "
            "Give a smaller size, or remove it."
        )
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side]
    if side == size:
        return square
    # Cubic interpolation overshoots; negative light does not exist.
    reduced = resize(square, (size, size), order=3, anti_aliasing=True, preserve_range=True)
    return np.clip(reduced, 0, None).astype("float32")


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
) -> GrayImages:
    """Like `load_images`, but kept in the form in which `pairs` takes them from: bytes where the source has bytes.

    Returns:
        A `GrayImages`; with `colour` a `ColourImages`. With size=None, files of different sizes are a `MixedImages`, of
        which trainings take crops at the images' own resolution.
    """
    checks.one_of(source, "source", SOURCES)
    checks.one_of(split, "split", SPLITS)
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
        raise ValueError(f"colour=True with source={source!r}; expected another: it holds gray images.")
    images = READERS[source](data_dir, split, limit, size, to_colour if colour else to_gray)
    if isinstance(images, GrayImages):
        return images
    return (ColourImages if colour else GrayImages)(images, f"{where}: the images")


def load_images(
    source: str = "skimage",
    data_dir: PathLike | None = None,
    split: str = "train",
    limit: int | None = None,
    size: int | None = SIZE,
    colour: bool = False,
) -> Array:
    """Load gray or colour images, each divided by its own maximum, over all of its channels.

    Args:
        source: "skimage", "stl10", "stl10_binary", "mat", "npy" or "folder", see the module.
        data_dir: the folder that holds the images; not needed for "skimage"; for "stl10" the data folder of TensorFlow
            Datasets, ~/tensorflow_datasets if not given.
        split: "train", "test" or "all".
        limit: take only the first ones of the split.
        size: for "skimage" and "folder", the side of the square images in pixels. Files are cropped to their centred
            square and reduced. For "folder", None keeps them as they are: `load_images` takes one size for all then,
            `open_images` any. STL-10 has 96 pixels.
        colour: RGB instead of gray; not for "mat" and "npy".

    Returns:
        float32 (n, height, width, 1), or 3 channels, in [0, 1], each image with maximum 1.

    Raises:
        FileNotFoundError: for a missing folder or file, or a folder without images.
        ValueError: for an unknown source or split, a file of the wrong length, an image that is unreadable (named) or
            black.
    """
    images = open_images(source, data_dir, split, limit, size, colour)
    return images.take(np.arange(len(images)))
