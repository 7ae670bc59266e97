"""The readers of files that are fuzzed, with unharmed files for each, and how mutated ones are laid before it."""

import dataclasses
import functools
import hashlib
import io
import json
import random
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.mutations import changed_json, mutate

Files = dict[str, bytes]
"""Contents by name."""


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        seeds: gives unharmed files, each a set that is read together.
        lay: (generator, seeds, folder, whether to mutate) → what reads the files that it has put into the folder.
    """

    seeds: Callable[[], list[Files]]
    lay: Callable[[random.Random, list[Files], Path, bool], Callable[[], object]]


def without_keras() -> None:
    """Let the package be imported as where there is no Keras; its data readers need NumPy alone."""
    if "diffnet_tf" not in sys.modules:
        sys.modules["keras"] = sys.modules["tensorflow"] = None  # type: ignore[assignment]
        package = types.ModuleType("diffnet_tf.data")
        package.__path__ = [str(Path(__file__).resolve().parent.parent / "diffnet_tf" / "data")]
        sys.modules["diffnet_tf.data"] = package


def _mutated(rng: random.Random, seeds: list[Files]) -> Files:
    """One of the seeds with one of its files changed."""
    files = dict(rng.choice(seeds))
    name = rng.choice(sorted(files))
    kind = Path(name).suffix[1:]
    others = [content for seed in seeds for n, content in seed.items() if Path(n).suffix == Path(name).suffix]
    return {**files, name: mutate(rng, kind, files[name], rng.choice(others))}


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


# ---- Images ----------------------------------------------------------------------------------------------------------


def _pixels(dtype: str, *shape: int) -> Any:
    rng = np.random.default_rng(0)
    values = rng.random(shape) * (1 if dtype.startswith("float") else np.iinfo(dtype).max - 1) + 0.5
    values[..., : shape[1] // 2, :] = values.flat[0]  # half of it is easily compressed
    return values.astype(dtype)


def _encoded(write: Callable[..., object], *arguments: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *arguments, **options)
    return buffer.getvalue()


def _pngs() -> list[bytes]:
    from PIL import Image, PngImagePlugin

    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "nothing " * 40, zip=True)
    text.add_itxt("Comment", "ä" * 20, zip=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    gray, colour = _pixels("uint8", 24, 21), _pixels("uint8", 24, 21, 3)
    save = [
        (gray, {}),
        (_pixels("uint16", 24, 21), {}),
        (colour, {"pnginfo": text, "icc_profile": bytes(range(256)), "exif": exif, "dpi": (72, 72)}),
        (_pixels("uint8", 24, 21, 2), {"optimize": True}),
        (_pixels("uint8", 64, 50, 4), {}),
    ]
    found = [_encoded(Image.fromarray(pixels).save, format="PNG", **options) for pixels, options in save]
    palette = Image.fromarray(colour).quantize(7)
    found.append(_encoded(palette.save, format="PNG", transparency=0))
    found.append(_encoded(Image.fromarray(gray).convert("1").save, format="PNG"))
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - gray)]}
    return [*found, _encoded(Image.fromarray(gray).save, format="PNG", **frames)]


def _deep_pngs() -> list[bytes]:
    """PNGs of 16-bit colours, which Pillow cannot write."""
    import tensorflow as tf

    return [tf.io.encode_png(_pixels("uint16", 24, 21, channels)).numpy() for channels in (2, 3, 4)]


def _jpegs() -> list[bytes]:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    gray, colour = (Image.fromarray(_pixels("uint8", 40, 33, *channels)) for channels in ((), (3,)))
    return [
        _encoded(gray.save, format="JPEG"),
        _encoded(colour.save, format="JPEG", exif=exif, quality=95),
        _encoded(colour.save, format="JPEG", progressive=True, subsampling=0, icc_profile=bytes(200)),
        _encoded(colour.save, format="JPEG", restart_marker_rows=1, comment=b"none"),
        _encoded(gray.save, format="JPEG", progressive=True),
    ]


def _tiffs() -> list[bytes]:
    import tifffile

    gray, colour = _pixels("uint8", 24, 21), _pixels("uint8", 40, 33, 3)
    save = [
        (gray, {}),
        (_pixels("uint16", 24, 21), {"byteorder": ">"}),
        (_pixels("float32", 24, 21), {"bigtiff": True}),
        (_pixels("float64", 24, 21), {"compression": "zlib", "rowsperstrip": 5}),
        (colour, {"photometric": "rgb", "compression": "zlib", "tile": (16, 16)}),
        (colour, {"photometric": "rgb", "byteorder": ">", "description": "{}", "resolution": (72, 72)}),
        (np.moveaxis(colour, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
        (_pixels("uint16", 24, 21, 4), {"photometric": "rgb", "compression": "lzma", "extrasamples": ["unassalpha"]}),
    ]
    return [_encoded(tifffile.imwrite, pixels, **{"metadata": None, **options}) for pixels, options in save]


def _npys() -> list[bytes]:
    shapes = [("uint8", 24, 21), ("uint16", 24, 21, 1), ("float32", 24, 21, 3), ("float64", 9, 8, 4)]
    arrays = [_pixels(*shape) for shape in shapes]
    arrays += [arrays[2].astype(">f4"), np.asfortranarray(arrays[0])]
    return [_encoded(np.save, array) for array in arrays]


@functools.cache
def _images() -> list[Files]:
    kinds = {"png": _pngs(), "jpg": _jpegs(), "tif": _tiffs(), "npy": _npys()}
    return [{f"image.{kind}": content} for kind, contents in kinds.items() for content in contents]


def _lay_image(rng: random.Random, seeds: list[Files], folder: Path, mutated: bool) -> Callable[[], object]:
    from diffnet_tf import image_files

    files = _mutated(rng, seeds) if mutated else seeds[0]
    (name, content), *_ = files.items()
    if mutated and rng.random() < 0.03:  # of another format than its name says
        name = f"image.{rng.choice(('png', 'jpg', 'tif', 'npy'))}"
    _write(folder, {name: content})

    def read() -> None:
        pixels = image_files.read(folder / name)
        assert pixels.ndim == 3 and pixels.dtype.name in image_files.DTYPES
        pixels.max()  # looks at every one

    return read


# ---- Sources of images -----------------------------------------------------------------------------------------------


def _lay_source(source: str, sizes: tuple[int | None, ...] = (None,)) -> Callable[..., Callable[[], object]]:
    def lay(rng: random.Random, seeds: list[Files], folder: Path, mutated: bool) -> Callable[[], object]:
        from diffnet_tf.data import sources

        files = _mutated(rng, seeds) if mutated else seeds[0]
        if source == "folder":  # with an unharmed one
            files = {**{f"a_{name}": content for name, content in seeds[0].items()}, **files}
        _write(folder, files)
        size = rng.choice(sizes)
        path = folder if source == "folder" else folder / next(iter(files))
        split = rng.choice(sources.SPLITS) if mutated else "all"

        def read() -> None:
            images = sources.open_images(source, path, split, size=size)
            assert np.isfinite(images.take([0])).all()

        return read

    return lay


def _binaries() -> list[Files]:
    return [{"unlabeled_X.bin": _pixels("uint8", number, 3 * 96 * 96).tobytes()} for number in (1, 3)]


def _arrays() -> list[Files]:
    shapes = [("uint8", 5, 12, 11), ("float32", 4, 8, 9)]
    return [{"gray.npy": _encoded(np.save, _pixels(*shape))} for shape in shapes]


def _hdf5(build: Callable[[Any], object], **options: Any) -> Files:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        build(file)
    return {"images.mat": buffer.getvalue()}


def _mats() -> list[Files]:
    """As MATLAB writes them, and in the other ways of HDF5."""
    pixels = _pixels("uint8", 6, 12, 11)
    matlab = {"userblock_size": 512}
    packed = {"chunks": (2, 12, 11), "compression": "gzip", "shuffle": True}

    def both(file: Any) -> None:
        for name in ("imagesInput", "imagesDiff"):
            file.create_dataset(name, data=pixels / 255, **packed).attrs["MATLAB_class"] = np.bytes_("double")

    return [
        _hdf5(both, **matlab),
        _hdf5(lambda file: file.create_dataset("imagesInput", data=pixels), **matlab),
        _hdf5(lambda file: file.create_dataset("imagesInput", data=pixels, **packed)),
        _hdf5(lambda file: file.create_dataset("imagesInput", data=pixels.astype(">f4"), fletcher32=True)),
        _hdf5(both, libver="latest"),
        _hdf5(lambda file: file.create_dataset("imagesInput", data=pixels, maxshape=(None, 12, 11)), libver="latest"),
    ]


# ---- Checkpoints, presets, records -----------------------------------------------------------------------------------


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sealed(rng: random.Random, text: bytes, weights: bytes, seal: str | None = None) -> bytes:
    """A JSON with the hash of the weights, perhaps with a changed value, and its own hash under the name `seal`."""
    try:
        described = json.loads(text)
        if rng.random() < 0.5:
            changed_json(rng, described)
        described["sha256"] = _sha256(weights)
        if seal:
            described.pop(seal, None)
            described[seal] = _sha256(json.dumps(described, sort_keys=True).encode())
        return json.dumps(described).encode()
    except Exception:  # an earlier change has left no structure
        return text


def _records() -> list[Files]:
    arrays = {"psnr": _pixels("float64", 7, 3), "images": _pixels("uint8", 4, 9)}
    record = {"experiment": "fig06", "results": {"diffnet": {"psnr": {"mean": 65.0}}}, "versions": {"python": "3"}}
    text = json.dumps(record).encode()
    return [{"record.json": text, "arrays.npz": _encoded(save, **arrays)} for save in (np.savez, np.savez_compressed)]


def _lay_record(rng: random.Random, seeds: list[Files], folder: Path, mutated: bool) -> Callable[[], object]:
    from diffnet_tf import records

    _write(folder, _mutated(rng, seeds) if mutated else seeds[0])

    def read() -> None:
        record, arrays = records.load(folder)
        assert isinstance(record, dict) and all(isinstance(array, np.ndarray) for array in arrays.values())

    return read


CONFIGURATION = {"steps": 9, "recipe": {"name": "fast"}}


def _checkpoints() -> list[Files]:
    import tempfile

    import keras

    from diffnet_tf import checkpoint

    found = []
    for width in (2, 3):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(width)])
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        with tempfile.TemporaryDirectory() as folder:
            checkpoint.save(folder, model, 2, {"best": 1.5, "patience": [1, 2]}, CONFIGURATION)
            found.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return found


def _lay_checkpoint(rng: random.Random, seeds: list[Files], folder: Path, mutated: bool) -> Callable[[], object]:
    from diffnet_tf import checkpoint

    files = _mutated(rng, seeds) if mutated else seeds[0]
    text, weights = sorted(files)
    if mutated and rng.random() < 0.6:
        files[text] = _sealed(rng, files[text], files[weights], "manifest_sha256")
    _write(folder, files)

    def read() -> None:
        found = checkpoint.load(folder, CONFIGURATION)
        assert found.step == 2 and isinstance(found.state, dict)
        assert all(isinstance(array, np.ndarray) for array in found.arrays.values())

    return read


def _presets() -> list[Files]:
    import tempfile

    from diffnet_tf import models, presets

    found = []
    for depth in (1, 2):
        model = models.DiffNet(num_layers=1, estimator_depth=depth, width=2)
        with tempfile.TemporaryDirectory() as folder:
            presets.save("inverse", model, {"problem": "inverse", "limits": "none"}, folder)
            found.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return found


def _lay_preset(rng: random.Random, seeds: list[Files], folder: Path, mutated: bool) -> Callable[[], object]:
    import keras

    from diffnet_tf import presets

    files = _mutated(rng, seeds) if mutated else seeds[0]
    if mutated and rng.random() < 0.6:
        files["inverse.json"] = _sealed(rng, files["inverse.json"], files["inverse.npz"])
    _write(folder, files)
    presets.FOLDER = folder
    keras.utils.clear_session()

    def read() -> None:
        model = presets.from_preset("inverse")
        assert model.count_params() > 0

    return read


def _with_suffix(suffix: str, contents: list[bytes]) -> list[Files]:
    return [{f"image.{suffix}": content} for content in contents]


def _small_images() -> list[Files]:
    return [files for files in _images() if "image.npy" not in files]


NEEDS_KERAS = ("deep_png", "checkpoint", "preset")
READERS = {
    "image": Reader(_images, _lay_image),
    "deep_png": Reader(lambda: _with_suffix("png", _deep_pngs()), _lay_image),
    "folder": Reader(_small_images, _lay_source("folder", (8, 20, None))),
    "stl10_binary": Reader(_binaries, _lay_source("stl10_binary")),
    "npy": Reader(_arrays, _lay_source("npy")),
    "mat": Reader(_mats, _lay_source("mat")),
    "record": Reader(_records, _lay_record),
    "checkpoint": Reader(_checkpoints, _lay_checkpoint),
    "preset": Reader(_presets, _lay_preset),
}
