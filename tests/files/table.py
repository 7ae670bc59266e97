"""Image files of every format, depth, number of channels, packing, byte order and order of axes, in small.

Each comes from an array that it was made of, by Pillow, tifffile, imageio or NumPy.
"""

import dataclasses
import functools
import io
import itertools
import re
from collections.abc import Iterator

import imageio.v3 as imageio
import numpy as np
import tifffile
from PIL import Image

from diffnet_tf.base.types import Array
from tests.files.deep_png import deep_png

TYPES = ("uint8", "uint16", "float32", "float64")
SIZE = (21, 18)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A file.

    Attributes:
        name: with the suffix of its format.
        content: its bytes.
        pixels: (height, width, channels) that it was made of; None where it has to be refused.
        alpha: whether the last channel is alpha.
        tolerance: of the mean difference, for what packs with loss.
        refusal: the decisive words, where it has to be refused.
    """

    name: str
    content: bytes
    pixels: Array | None = None
    alpha: bool = False
    tolerance: float = 0
    refusal: str = ""


def make(dtype: str, channels: int = 1, top: float | None = None) -> Array:
    """Half of it noise, half of it smooth: every bit is used."""
    rng = np.random.default_rng(channels)
    values = rng.random((*SIZE, channels))
    values[: SIZE[0] // 2] = np.linspace(0, 1, SIZE[1])[None, :, None]
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    return np.rint(values * (top or np.iinfo(dtype).max)).astype(dtype)


def smooth(channels: int) -> Array:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([40 + (4 + c) * rows + 3 * columns for c in range(channels)], -1).astype("uint8")


def encoded(write, *arguments, **options) -> bytes:
    buffer = io.BytesIO()
    write(buffer, *arguments, **options)
    return buffer.getvalue()


def flat(pixels: Array) -> Array:
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def tiff(pixels: Array, **options) -> bytes:
    """As tifffile writes it; channels may come first."""
    first = options.get("planarconfig") == "separate"
    channels = pixels.shape[2]
    defaults = {"metadata": None, "photometric": "rgb" if channels > 2 else "minisblack"}
    if channels > 1:
        defaults |= {"planarconfig": "contig"}
    if channels in (2, 4):
        defaults |= {"extrasamples": ["unassalpha"]}
    return encoded(tifffile.imwrite, np.moveaxis(pixels, -1, 0) if first else flat(pixels), **{**defaults, **options})


def packed(pixels: Array, bits: int, order: str = "<") -> bytes:
    """A TIFF of so many bits a sample; each row begins at a byte, the first bit is the highest."""
    rows = (pixels.reshape(len(pixels), -1, 1) >> np.arange(bits)[::-1]) & 1
    data = np.packbits(rows.reshape(len(pixels), -1).astype("uint8"), axis=1).tobytes()
    height, width, channels = pixels.shape
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 8), (277, 3, 1, channels), (278, 3, 1, height), (279, 4, 1, len(data))]
    sign = "little" if order == "<" else "big"
    entries = b"".join(
        tag.to_bytes(2, sign) + kind.to_bytes(2, sign) + count.to_bytes(4, sign)
        + (value.to_bytes(2, sign) + bytes(2) if kind == 3 else value.to_bytes(4, sign))
        for tag, kind, count, value in tags
    )  # fmt: skip
    start = 8 + len(data) + len(data) % 2
    head = (b"II*\0" if order == "<" else b"MM\0*") + start.to_bytes(4, sign)
    return head + data + bytes(len(data) % 2) + len(tags).to_bytes(2, sign) + entries + bytes(4)


def tiffs() -> Iterator[Case]:
    layouts = {"strips": {"rowsperstrip": 5}, "tiles": {"tile": (16, 16)}, "planes": {"planarconfig": "separate"}}
    packings = ("none", "zlib", "lzma", "packbits", "lzw", "zstd")
    for packing, dtype, channels, order, layout in itertools.product(packings, TYPES, (1, 2, 3, 4), "<>", layouts):
        if layout == "planes" and channels == 1:
            continue
        for predictor in (None, 2, 3) if packing in ("zlib", "lzw") else (None,):
            if (predictor == 3) != (dtype in ("float32", "float64")) and predictor:
                continue
            options = {"compression": packing, "predictor": predictor} if packing != "none" else {}
            pixels = make(dtype, channels)
            content = tiff(pixels, byteorder=order, **options, **layouts[layout])
            name = f"{packing} {predictor or ''} {dtype} {channels} {order} {layout}.tif"
            yield Case(name, content, pixels, channels in (2, 4))
    for dtype, order in itertools.product(TYPES, "<>"):
        yield Case(f"big {dtype} {order}.tif", tiff(make(dtype), bigtiff=True, byteorder=order), make(dtype))
    for channels, layout in itertools.product((1, 3), ("strips", "tiles")):
        options = {"compression": "jpeg", "compressionargs": {"level": 95}} | (
            {"tile": (32, 32)} if layout == "tiles" else {}
        )
        yield Case(f"jpeg {channels} {layout}.tif", tiff(smooth(channels), **options), smooth(channels), tolerance=3)
    deep = make("uint16", 1, 4095)
    yield Case("jpeg of 12 bits.tif", tiff(deep, compression="jpeg"), deep, tolerance=60)
    for dtype, packing in itertools.product(("uint8", "uint16"), ("jpeg2000", "jpegxl", "webp", "lerc", "png")):
        if not (packing == "webp" and dtype == "uint16"):
            options = {"compressionargs": {"lossless": True}} if packing in ("jpegxl", "webp") else {}
            yield Case(
                f"{packing} {dtype}.tif",
                tiff(make(dtype, 3), compression=packing, **options),
                make(dtype, 3),
            )
    for extra, alpha in {"unspecified": False, "assocalpha": True, "unassalpha": True}.items():
        for channels in (2, 4):
            for packing in (None, "lzw"):
                content = tiff(make("uint8", channels), extrasamples=[extra], compression=packing)
                yield Case(f"{extra} {channels} {packing}.tif", content, make("uint8", channels), alpha)
    for packing in (None, "zlib", "lzw"):  # as many channels as rows and columns
        small = make("uint8", 3)[9:12, :3]
        yield Case(f"lzw, 3 of 3, {packing}.tif", tiff(small, planarconfig="separate", compression=packing), small)
    yield Case(
        "bands.tif", tiff(make("uint16", 4), photometric="minisblack", extrasamples=(0, 0, 0)), make("uint16", 4)
    )


def bits() -> Iterator[Case]:
    for depth, order in itertools.product((1, 2, 4, 10, 12, 14), "<>"):
        dtype = "uint8" if depth < 8 else "uint16"
        pixels = make(dtype, 1, 2**depth - 1)
        stands_for = pixels * (255 // (2**depth - 1) if depth < 8 else 1)
        yield Case(f"{depth} bits {order}.tif", packed(pixels, depth, order), stands_for)
    yield Case("6 bits.tif", packed(make("uint8", 1, 63), 6), refusal="samples of 6 bits; expected 1, 2, 4")


def by_pillow() -> Iterator[Case]:
    packings = (None, "tiff_lzw", "zstd", "tiff_adobe_deflate", "packbits")
    for mode, channels in {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}.items():
        image = Image.fromarray(flat(make("uint8", channels)))
        yield Case(f"Pillow {mode}.png", encoded(image.save, "PNG"), make("uint8", channels), "A" in mode)
        for packing in packings:
            content = encoded(image.save, "TIFF", compression=packing)
            yield Case(f"Pillow {mode} {packing}.tif", content, make("uint8", channels), "A" in mode)
    for mode, channels in {"L": 1, "RGB": 3}.items():
        content = encoded(Image.fromarray(flat(smooth(channels))).save, "JPEG", quality=95)
        yield Case(f"Pillow {mode}.jpg", content, smooth(channels), tolerance=3)
    bilevel = make("uint8", 1, 1)
    for kind, suffix in {"PNG": "png", "TIFF": "tif"}.items():
        for packing in (None, "group4", "tiff_lzw") if kind == "TIFF" else (None,):
            options = {"compression": packing} if packing else {}
            content = encoded(Image.fromarray(flat(bilevel).astype(bool)).save, kind, **options)
            yield Case(f"Pillow 1 {packing}.{suffix}", content, bilevel * 255)
        yield Case(f"Pillow 16.{suffix}", encoded(Image.fromarray(flat(make("uint16"))).save, kind), make("uint16"))


def transparent() -> Iterator[Case]:
    """PNGs in which a colour is named transparent."""
    for pixels in (make("uint8"), make("uint8", 3), make("uint16"), make("uint16", 3), make("uint8", 1, 1)):
        channels, top = pixels.shape[2], pixels.max()
        key = pixels[13, 4]
        opaque = (pixels != key).any(-1, keepdims=True)
        if top == 1:
            image = Image.fromarray(flat(pixels).astype(bool))
            content, pixels = encoded(image.save, "PNG", transparency=int(key[0])), pixels * 255
        else:
            content = deep_png(pixels, [(b"tRNS", key.astype(">u2").tobytes())])
        alpha = opaque.astype(pixels.dtype) * np.iinfo(pixels.dtype).max
        yield Case(f"transparent {channels} {top}.png", content, np.concatenate([pixels, alpha], -1), True)
    palette = Image.fromarray(make("uint8", 3)).quantize(5)
    colours = np.asarray(palette.convert("RGB"))
    yield Case("palette.png", encoded(palette.save, "PNG"), colours)
    for alphas in ((0, 50, 100, 200, 255), (255, 0, 255, 255, 255)):
        alpha = np.array(alphas, "uint8")[np.asarray(palette)][..., None]
        content = encoded(palette.save, "PNG", transparency=bytes(alphas))
        yield Case(f"palette {alphas}.png", content, np.concatenate([colours, alpha], -1), True)


def by_imageio() -> Iterator[Case]:
    for dtype, channels, suffix in itertools.product(TYPES, (1, 2, 3, 4), (".png", ".tiff")):
        if suffix == ".png" and (np.dtype(dtype).kind == "f" or (dtype == "uint16" and channels > 1)):
            continue  # it writes none, or drops the lower byte
        pixels = make(dtype, channels)
        options = {"metadata": {"axes": "YXS"}, "photometric": "rgb"} if suffix == ".tiff" and channels > 2 else {}
        if suffix == ".tiff" and channels == 2:
            options = {"photometric": "minisblack", "planarconfig": "contig"}
        content = imageio.imwrite("<bytes>", flat(pixels), extension=suffix, **options)
        yield Case(
            f"imageio {dtype} {channels}{suffix}",
            content,
            pixels,
            channels == 4 or (channels == 2 and suffix == ".png"),
        )
    content = imageio.imwrite("<bytes>", smooth(3), extension=".jpg", quality=95)
    yield Case("imageio.jpg", content, smooth(3), tolerance=3)


def arrays() -> Iterator[Case]:
    for dtype, channels, order, fortran in itertools.product(TYPES, (1, 2, 3, 4), "<>", (False, True)):
        pixels = make(dtype, channels)
        stored = np.asarray(flat(pixels), pixels.dtype.newbyteorder(order), order="F" if fortran else "C")
        yield Case(f"{dtype} {channels} {order} {fortran}.npy", encoded(np.save, stored), pixels, channels in (2, 4))
    for shape in ((1, *SIZE), (*SIZE, 1), (1, 1, *SIZE), (1, *SIZE, 1)):
        yield Case(f"{shape}.npy", encoded(np.save, make("uint8").reshape(shape)), make("uint8"))


def refused() -> Iterator[Case]:
    for dtype in ("int8", "int16", "int32", "uint32", "uint64", "float16", "complex64"):
        pixels = make("uint8").astype(dtype)
        yield Case(f"{dtype}.tif", tiff(pixels), refusal=f"samples of {dtype}; expected uint8")
        yield Case(f"{dtype}.npy", encoded(np.save, pixels), refusal=f"samples of {dtype}; expected uint8")
    cmyk = Image.fromarray(make("uint8", 4), "CMYK")
    for kind, words in {"JPEG": "mode CMYK; expected gray", "TIFF": "SEPARATED TIFF; expected gray"}.items():
        yield Case(f"cmyk.{'jpg' if kind == 'JPEG' else 'tif'}", encoded(cmyk.save, kind), refusal=words)
    palette = Image.fromarray(make("uint8", 3)).quantize(5)
    yield Case("palette.tif", encoded(palette.save, "TIFF"), refusal="PALETTE TIFF; expected gray or RGB")
    yield Case("lab.tif", encoded(Image.fromarray(make("uint8", 3)).convert("LAB").save, "TIFF"), refusal="CIELAB TIFF")
    yield Case("white.tif", tiff(make("uint8"), photometric="miniswhite"), refusal="zero is white")
    stack = make("uint8", 3).transpose(2, 0, 1)
    stacks = {"pages": {}, "ImageJ": {"imagej": True}, "one IFD": {"truncate": True}}
    for name, options in stacks.items():
        content = encoded(tifffile.imwrite, stack, photometric="minisblack", **options)
        yield Case(f"{name}.tif", content, refusal="holds 3 pages; expected a single image")
    for channels in (5, 7):
        content = tiff(make("uint8", channels), photometric="minisblack")
        yield Case(f"{channels} bands.tif", content, refusal=re.escape(f"{channels})") + "; expected one")
    wrong = tiff(make("uint8", 3), photometric="minisblack", extrasamples=("unassalpha", "unspecified"))
    yield Case("alpha inside.tif", wrong, refusal="expected alpha as the last")
    wrong = tiff(make("uint8", 4), photometric="minisblack", extrasamples=("unassalpha", "unspecified", "unspecified"))
    yield Case("alpha second.tif", wrong, refusal="expected alpha as the last")


def turned() -> Iterator[Case]:
    """Files whose first row is not the top one."""
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for channels, packing, dtype in ((1, None, "uint16"), (3, "lzw", "uint8"), (3, "zlib", "uint16")):
            pixels = make(dtype, channels)
            content = tiff(pixels, compression=packing, extratags=[(274, 3, 1, orientation, True)])
            yield Case(f"turned {orientation} {packing} {dtype}.tif", content, upright(pixels, orientation))
        for packing in (None, "lzw"):
            xmp = b'<x tiff:Orientation="%d"/>' % orientation
            content = tiff(make("uint8"), compression=packing, extratags=[(700, 1, len(xmp), xmp, True)])
            yield Case(f"turned by XMP {orientation} {packing}.tif", content, upright(make("uint8"), orientation))
        for dtype in ("uint8", "uint16"):
            content = deep_png(make(dtype, 3), [(b"eXIf", exif.tobytes()[6:])])
            yield Case(f"turned {orientation} {dtype}.png", content, upright(make(dtype, 3), orientation))
        content = encoded(Image.fromarray(flat(smooth(1))).save, "JPEG", exif=exif, quality=95)
        yield Case(f"turned {orientation}.jpg", content, upright(smooth(1), orientation), tolerance=3)


WAYS = (None, "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")


def upright(pixels: Array, orientation: int) -> Array:
    """As Pillow turns each channel."""
    if orientation == 1:
        return pixels
    way = Image.Transpose[WAYS[orientation - 1]]
    channels = (Image.fromarray(channel.astype("int32")).transpose(way) for channel in np.moveaxis(pixels, -1, 0))
    return np.stack(list(channels), -1).astype(pixels.dtype)


@functools.cache
def cases() -> tuple[Case, ...]:
    parts = (tiffs, bits, by_pillow, transparent, by_imageio, arrays, refused, turned)
    return tuple(case for part in parts for case in part())
