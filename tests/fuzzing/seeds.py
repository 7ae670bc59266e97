"""Unharmed files, of every kind that is read, in small."""

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Files = dict[str, bytes]
"""Contents by name."""


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
    named = {"transparency": 3}, {"transparency": (1, 2, 3)}, {"exif": exif, "xmp": b'<x tiff:Orientation="8"/>'}
    found += [_encoded(Image.fromarray(p).save, format="PNG", **o) for p, o in zip((gray, colour, colour), named)]
    palette = Image.fromarray(colour).quantize(7)
    found.append(_encoded(palette.save, format="PNG", transparency=0))
    found.append(_encoded(Image.fromarray(gray).convert("1").save, format="PNG"))
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - gray)]}
    return [*found, _encoded(Image.fromarray(gray).save, format="PNG", **frames)]


def deep_pngs() -> list[Files]:
    """PNGs of 16-bit colours, which Pillow cannot write."""
    import tensorflow as tf

    pixels = [_pixels("uint16", 24, 21, channels) for channels in (2, 3, 4)]
    return [{"image.png": tf.io.encode_png(image).numpy()} for image in pixels]


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
    from PIL import Image

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
    deep = _pixels("uint16", 24, 21)
    for packing in ("lzw", "zstd", "jpeg", "jpeg2000", "webp", "lerc"):
        save.append((colour, {"photometric": "rgb", "compression": packing}))
        if packing != "webp":
            save.append((deep // 16, {"compression": packing, "extratags": [(274, 3, 1, 6, True)]}))
    save += [
        (_pixels("float32", 24, 21), {"compression": "lzw", "predictor": 3}),
        (_pixels("float64", 24, 21), {"compression": "zstd", "predictor": 3, "tile": (16, 16)}),
        (deep // 16, {"bitspersample": 12}),
        (deep // 16, {"compression": "packbits", "predictor": 2}),
        (deep, {"imagej": True, "resolution": (3, 3), "metadata": {"unit": "micron", "Labels": ["a"], "min": 3.0}}),
        (deep, {"metadata": {"axes": "YX", "PhysicalSizeX": 0.1}, "ome": True}),
        (_pixels("float32", 24, 21), {"extratags": _GEO, "iccprofile": bytes(200), "resolution": (300, 300)}),
    ]
    found = [_encoded(tifffile.imwrite, pixels, **{"metadata": None, **options}) for pixels, options in save]
    bits = Image.fromarray(gray > 99)
    return found + [_encoded(bits.save, format="TIFF", compression=packing) for packing in ("group3", "group4")]


_GEO = [
    (33550, 12, 3, (10.0, 10.0, 0.0), True),
    (33922, 12, 6, (0.0, 0.0, 0.0, 5e5, 4e6, 0.0), True),
    (34735, 3, 4, (1, 1, 0, 0), True),
    (42113, 2, 0, "-9999", True),
    (700, 1, 27, b'<x tiff:Orientation="3"/>  ', True),
]


def _npys() -> list[bytes]:
    shapes = [("uint8", 24, 21), ("uint16", 24, 21, 1), ("float32", 24, 21, 3), ("float64", 9, 8, 4)]
    arrays = [_pixels(*shape) for shape in shapes]
    arrays += [arrays[2].astype(">f4"), np.asfortranarray(arrays[0])]
    return [_encoded(np.save, array) for array in arrays]


def _bands() -> bytes:
    """A TIFF whose last channel is no colour: `restore` takes it, training does not."""
    import tifffile

    options = {"photometric": "rgb", "extrasamples": ["unspecified"], "compression": "lzw", "metadata": None}
    return _encoded(tifffile.imwrite, _pixels("uint8", 24, 21, 4), **options)


def images() -> list[Files]:
    """Image files of every format."""
    return [*decoded_images(), {"image.tif": _bands()}, *({"image.npy": content} for content in _npys())]


def binaries() -> list[Files]:
    """STL-10 in its binary format."""
    return [{"unlabeled_X.bin": _pixels("uint8", number, 3 * 96 * 96).tobytes()} for number in (1, 3)]


def arrays() -> list[Files]:
    """Gray images as `GrayImages.save` writes them."""
    shapes = [("uint8", 5, 12, 11), ("float32", 4, 8, 9)]
    return [{"gray.npy": _encoded(np.save, _pixels(*shape))} for shape in shapes]


def _hdf5(build: Callable[[Any], object], **options: Any) -> Files:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        build(file)
    return {"images.mat": buffer.getvalue()}


def mats() -> list[Files]:
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


def records() -> list[Files]:
    """As `records.save` writes them."""
    arrays = {"psnr": _pixels("float64", 7, 3), "images": _pixels("uint8", 4, 9)}
    record = {"experiment": "fig06", "results": {"diffnet": {"psnr": {"mean": 65.0}}}, "versions": {"python": "3"}}
    text = json.dumps(record).encode()
    return [{"record.json": text, "arrays.npz": _encoded(save, **arrays)} for save in (np.savez, np.savez_compressed)]


CONFIGURATION = {"steps": 9, "recipe": {"name": "fast"}}


def checkpoints() -> list[Files]:
    """Two checkpoints in a folder, of different models."""
    import keras

    from diffnet_tf.training import checkpoint

    found = []
    for width in (2, 3):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(width)])
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        with tempfile.TemporaryDirectory() as folder:
            for step in (1, 2):
                checkpoint.save(folder, model, step, {"best": 1.5, "patience": [1, 2]}, CONFIGURATION)
            found.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return found


def presets() -> list[Files]:
    """A card and weights, of different networks."""
    from diffnet_tf.networks import models, presets

    described = {"problem": "inverse", "quality": {"output": {"mean": 60.5}}}

    found = []
    for depth in (1, 2):
        model = models.DiffNet(num_layers=1, estimator_depth=depth, width=2)
        with tempfile.TemporaryDirectory() as folder:
            presets.save("inverse", model, described, folder)
            found.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return found


def shared_presets() -> list[Files]:
    """Folders that `save_to_preset` writes, of different networks."""
    from diffnet_tf.networks import models, presets

    described = {"description": "It sharpens.", "author": "A", "license": "mit", "data": "D", "limits": "L"}
    described |= {"noise": [0.0, 0.1], "images": {"kind": "cells"}, "quality": {"output": {"mean": 60.5}}}
    found = []
    for model in (models.DiffNet(1, 1, 2, noise_map=True), models.UNet((2,)), models.LinearDiffNet((4, 4), 1)):
        with tempfile.TemporaryDirectory() as folder:
            presets.save_to_preset(model, folder, {**described, "name": "mine"})
            found.append({path.name: path.read_bytes() for path in Path(folder).iterdir()})
    return found


def decoded_images() -> list[Files]:
    """Those that a folder of images may hold."""
    kinds = {"png": _pngs(), "jpg": _jpegs(), "tif": _tiffs()}
    return [{f"image.{kind}": content} for kind, contents in kinds.items() for content in contents]
