"""Files keep what images are; what cannot be kept, or is no image, is refused by name."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from diffnet_tf.files import image_files
from tests.conftest import tensorflow_only


def make(dtype, channels, shape=(7, 5)):
    rng = np.random.default_rng(0)
    top = 1 if dtype.startswith("float") else np.iinfo(dtype).max
    return (rng.random((*shape, channels)) * top).astype(dtype)


def save(path, pixels):
    with image_files.writing(path, pixels.shape, pixels.dtype) as array:
        array[...] = pixels
    return path


LOSSLESS = [
    (suffix, dtype, channels)
    for suffix, dtypes in ((".png", ("uint8", "uint16")), (".tif", image_files.DTYPES), (".npy", image_files.DTYPES))
    for dtype in dtypes
    for channels in (1, 2, 3, 4)
]


@pytest.mark.parametrize(("suffix", "dtype", "channels"), LOSSLESS)
def test_what_is_written_is_read(tmp_path, suffix, dtype, channels):
    pixels = make(dtype, channels)
    if suffix == ".png" and dtype == "uint16" and channels > 1:
        pytest.importorskip("tensorflow")
    again = image_files.read(save(tmp_path / f"image{suffix}", pixels))
    assert again.dtype == pixels.dtype
    np.testing.assert_array_equal(again, pixels)
    assert [path.name for path in tmp_path.iterdir()] == [f"image{suffix}"]


@pytest.mark.parametrize(("suffix", "dtype", "channels"), [case for case in LOSSLESS if case[0] != ".npy"])
def test_others_read_what_is_written(tmp_path, suffix, dtype, channels):
    """Pillow and tifffile see the same pixels, and alpha as alpha. (Pillow cannot show 16-bit colours.)"""
    pixels = make(dtype, channels)
    path = save(tmp_path / f"image{suffix}", pixels)
    if suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            np.testing.assert_array_equal(file.asarray().reshape(pixels.shape), pixels)
            assert file.pages[0].photometric.name == ("RGB" if channels > 2 else "MINISBLACK")
            assert [e.name for e in file.pages[0].extrasamples] == ["UNASSALPHA"] * (channels in (2, 4))
    elif dtype == "uint8" or channels == 1:
        with Image.open(path) as image:
            assert image.mode == ("I;16" if dtype == "uint16" else {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels])
            np.testing.assert_array_equal(np.asarray(image).reshape(pixels.shape), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_close(tmp_path, channels):
    smooth = np.linspace(20, 220, 64 * 48 * channels).reshape(64, 48, channels).astype("uint8")
    again = image_files.read(save(tmp_path / "image.jpg", smooth))
    assert again.shape == smooth.shape
    assert np.abs(again.astype(int) - smooth).mean() < 3


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_large_files_are_mapped(tmp_path, suffix):
    path = save(tmp_path / f"image{suffix}", make("uint16", 1))
    mapped = image_files.read(path, max_pixels=1)
    while not isinstance(mapped, np.memmap):
        mapped = mapped.base
        assert mapped is not None, "the whole file was read"


def test_other_tiffs_are_read(tmp_path):
    pixels = make("uint8", 3, (40, 30))
    variants = {
        "compressed": {"compression": "zlib"},
        "tiled": {"tile": (16, 16)},
        "big endian": {"byteorder": ">"},
        "planes": {"planarconfig": "separate"},
    }
    for name, options in variants.items():
        stored = np.moveaxis(pixels, -1, 0) if name == "planes" else pixels
        tifffile.imwrite(tmp_path / "image.tif", stored, photometric="rgb", **options)
        np.testing.assert_array_equal(image_files.read(tmp_path / "image.tif"), pixels, err_msg=name)
    tifffile.imwrite(tmp_path / "image.tif", make("uint16", 1)[..., 0], byteorder=">")
    np.testing.assert_array_equal(image_files.read(tmp_path / "image.tif"), make("uint16", 1))


def test_the_other_byte_order(tmp_path):
    pixels = make("float32", 1)[..., 0]
    np.save(tmp_path / "image.npy", pixels.astype(">f4"))
    again = image_files.read(tmp_path / "image.npy")
    assert again.dtype == np.float32 and again.dtype.isnative
    np.testing.assert_array_equal(again[..., 0], pixels)


def test_palettes_and_bits_become_colours(tmp_path):
    pixels = make("uint8", 1)[..., 0]
    Image.fromarray(pixels).convert("1").save(tmp_path / "bits.png")
    assert set(np.unique(image_files.read(tmp_path / "bits.png"))) <= {0, 255}
    palette = Image.fromarray(make("uint8", 3)).quantize(4)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(image_files.read(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))
    palette.save(tmp_path / "clear.png", transparency=0)
    alpha = image_files.read(tmp_path / "clear.png")[..., 3]
    np.testing.assert_array_equal(alpha == 0, np.asarray(palette) == 0)


def test_a_photograph_that_lies_on_its_side_is_turned(tmp_path):
    pixels = np.zeros((40, 80, 3), "uint8")
    pixels[:, :40] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    Image.fromarray(pixels).save(tmp_path / "image.jpg", exif=exif)
    turned = image_files.read(tmp_path / "image.jpg")
    assert turned.shape == (80, 40, 3)
    assert turned[:40].mean() > 200 > 50 > turned[40:].mean()


def png(width, height):
    """A PNG of any size in a few bytes: the header alone."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = width.to_bytes(4) + height.to_bytes(4)
    import zlib

    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4)
    return bytes(content)


def cmyk():
    buffer = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(buffer, "JPEG")
    return buffer.getvalue()


def tiff(pixels, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def truncated():
    buffer = io.BytesIO()
    Image.fromarray(make("uint8", 3, (64, 64))).save(buffer, "PNG")
    return buffer.getvalue()[:3000]


BAD = {
    "empty.png": (lambda: b"", "cannot be read as an image"),
    "text.png": (lambda: b"no picture", "cannot be read as an image"),
    "truncated.png": (truncated, "cannot be read as an image .*truncated"),
    "bomb.png": (lambda: png(60_000, 60_000), "60,000×60,000 pixels, more than the 100,000,000 .*--max-pixels"),
    "cmyk.jpg": (cmyk, "colours of mode CMYK; expected gray or RGB"),
    "pages.tif": (
        lambda: tiff(np.zeros((3, 8, 9), "uint8"), photometric="minisblack"),
        "holds 3 pages; expected a sin",
    ),
    "white.tif": (lambda: tiff(np.zeros((8, 9), "uint8"), photometric="miniswhite"), "zero is white"),
    "bomb.tif": (lambda: tiff(np.zeros((11_000, 10_000), "uint8"), compression="zlib"), "11,000×10,000 pixels, more"),
    "signed.tif": (lambda: tiff(np.zeros((8, 9), "int16")), "samples of int16; expected uint8"),
    "complex.npy": (lambda: npy(np.zeros((8, 9), complex)), "samples of complex128; expected uint8"),
    "pickle.npy": (lambda: npy(np.array([print])), "cannot be read as an image .*Python objects"),
    "volume.npy": (lambda: npy(np.zeros((8, 9, 7))), r"shape \(8, 9, 7\); expected one image"),
    "nothing.npy": (lambda: npy(np.zeros((0, 9))), r"shape \(0, 9\)"),
    "cut.npy": (lambda: npy(np.zeros((80, 90)))[:500], "cannot be read as an image"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused(tmp_path, name):
    content, message = BAD[name]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(ValueError, match=f"{name} {message}|{name}.*{message}"):
        image_files.read(tmp_path / name)


def test_a_file_with_another_suffix_or_none_at_all(tmp_path):
    with pytest.raises(ValueError, match=r"ends in '.bmp'; expected one of .png"):
        image_files.read(tmp_path / "image.bmp")
    with pytest.raises(FileNotFoundError, match="image.png does not exist"):
        image_files.read(tmp_path / "image.png")
    (tmp_path / "image.png").mkdir()
    with pytest.raises(FileNotFoundError, match="image.png is not a file; expected an image file"):
        image_files.read(tmp_path / "image.png")


@pytest.mark.parametrize(
    ("name", "dtype", "channels", "message"),
    [
        ("a.jpg", "uint16", 1, "JPEG holds 8-bit gray or RGB, not uint16"),
        ("a.jpg", "uint8", 4, r"not uint8 with 4 channel\(s\)"),
        ("a.png", "float32", 3, "PNG holds 8- or 16-bit samples, not float32"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, name, dtype, channels, message):
    with pytest.raises(ValueError, match=message):
        save(tmp_path / name, make(dtype, channels))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_a_failure_leaves_nothing_and_keeps_what_was_there(tmp_path, suffix):
    path = save(tmp_path / f"image{suffix}", make("uint8", 1))
    before = path.read_bytes()
    with pytest.raises(RuntimeError), image_files.writing(path, (5, 5, 1), "uint8") as array:
        array[:3] = 1
        raise RuntimeError
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@tensorflow_only
def test_tiffs_above_four_gigabytes_can_be_made(tmp_path):
    """Sparse: it takes no room."""
    with image_files.writing(tmp_path / "image.tif", (50_000, 50_000, 1), "uint16") as array:
        array[-1, -1] = 7
    assert image_files.read(tmp_path / "image.tif")[-1, -1, 0] == 7
