"""What a file is, and which of its pages the image is: by its content, whatever its name says."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from diffnet_tf.files import image_files
from tests.files import table
from tests.files.test_image_files import make, npy, tiff

# ---- What a file is --------------------------------------------------------------------------------------------------

KINDS = {
    ".png": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "PNG"),
    ".jpg": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "JPEG"),
    ".tif": lambda: tiff(make("uint8", 3), photometric="rgb", compression="zlib"),
    ".npy": lambda: npy(make("uint8", 3)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", KINDS)
def test_the_content_counts_and_not_the_name(tmp_path, kind, suffix):
    (tmp_path / f"a{kind}").write_bytes(KINDS[kind]())
    (tmp_path / f"b{suffix}").write_bytes(KINDS[kind]())
    expected = image_files.read(tmp_path / f"a{kind}")
    np.testing.assert_array_equal(image_files.read(tmp_path / f"b{suffix}"), expected)


OTHERS = {
    "a GIF": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "GIF"),
    "a BMP": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "BMP"),
    "a WebP": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "WEBP"),
    "a PPM": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "PPM"),
    "a JPEG 2000": lambda: table.encoded(Image.fromarray(make("uint8", 3)).save, "JPEG2000"),
    "a ZIP": lambda: table.encoded(np.savez, make("uint8", 3)),
    "an HDF5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(100),
    "a DICOM": lambda: bytes(128) + b"DICM" + bytes(100),
    "a FITS": lambda: b"SIMPLE  =                    T" + bytes(100),
    "a PDF": lambda: b"%PDF-1.7",
    "an XML or HTML": lambda: b"<!DOCTYPE html><html>Not found</html>",
    "a Git LFS pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_whole_file_of_another_kind_is_named(tmp_path, kind):
    (tmp_path / "a.tif").write_bytes(OTHERS[kind]())
    with pytest.raises(ValueError, match=rf"a.tif is {kind}.* file; expected PNG, JPEG, TIFF or NPY. Convert"):
        image_files.read(tmp_path / "a.tif")


def cut(content, share):
    return content[: int(len(content) * share)]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"compression": "lzw"}, {"compression": "jpeg"}])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_tiffs_are_called_truncated(tmp_path, options, share):
    pixels = np.random.default_rng(0).integers(0, 255, (50, 40, 3), "uint8")
    content = tiff(pixels, photometric="rgb", rowsperstrip=10, **options)
    (tmp_path / "a.tif").write_bytes(cut(content, share))
    with pytest.raises(ValueError, match="a.tif .*truncated: replace it"):
        image_files.read(tmp_path / "a.tif")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.96])
def test_cut_tiffs_whose_directory_is_at_the_end(tmp_path, share):
    (tmp_path / "a.tif").write_bytes(cut(table.packed(make("uint8", 1), 8), share))
    with pytest.raises(ValueError, match="a.tif .*truncated: replace it"):
        image_files.read(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [".png", ".jpg", ".npy"])
@pytest.mark.parametrize("share", [0, 0.02, 0.1, 0.5, 0.9])
def test_cut_files_are_called_truncated(tmp_path, kind, share):
    pixels = np.random.default_rng(0).integers(0, 255, (50, 40, 3), "uint8")
    content = (
        npy(pixels)
        if kind == ".npy"
        else table.encoded(Image.fromarray(pixels).save, {".png": "PNG", ".jpg": "JPEG"}[kind])
    )
    (tmp_path / f"a{kind}").write_bytes(cut(content, share))
    with pytest.raises(ValueError, match=f"a{kind} .*truncated: replace it"):
        image_files.read(tmp_path / f"a{kind}")


@pytest.mark.parametrize("kind", [".png", ".jpg", ".tif"])
def test_damaged_files_are_not_called_truncated(tmp_path, kind):
    content = bytearray(KINDS[kind]())
    where = {".png": b"IDAT", ".jpg": b"\xff\xc0", ".tif": b"\x78"}[kind]
    place = content.index(where)
    content[place + 8 : place + 16] = b"\xff" * 8
    (tmp_path / f"a{kind}").write_bytes(content)
    with pytest.raises(ValueError, match=f"a{kind} ") as refused:
        image_files.read(tmp_path / f"a{kind}")
    assert "It is truncated" not in str(refused.value)


# ---- Pages of TIFF ---------------------------------------------------------------------------------------------------


def pages(*images):
    """A TIFF of pages, each of (pixels, options)."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for pixels, options in images:
            file.write(pixels, metadata=None, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("first", [True, False])
def test_smaller_copies_of_an_image_are_passed_over(tmp_path, compression, first):
    """Overviews of a cloud-optimised GeoTIFF stand behind the image, previews before it."""
    pixels = make("uint8", 3, (32, 48))
    whole = (pixels, {"compression": compression, "photometric": "rgb"})
    small = [(pixels[::step, ::step], {**whole[1], "subfiletype": 1}) for step in (2, 4)]
    (tmp_path / "a.tif").write_bytes(pages(*([whole, *small] if first else [*small, whole])))
    np.testing.assert_array_equal(image_files.read(tmp_path / "a.tif"), pixels)


def test_a_mask_in_a_page_of_its_own_is_refused(tmp_path):
    mask = (np.zeros((7, 5), bool), {"subfiletype": 4, "photometric": "mask"})
    (tmp_path / "a.tif").write_bytes(pages((make("uint8", 1)[..., 0], {}), mask))
    with pytest.raises(ValueError, match="a.tif has a mask in a page of its own.*GDAL_NODATA"):
        image_files.read(tmp_path / "a.tif")


def test_tiles_that_are_left_out_are_no_damage(tmp_path):
    """As GDAL does where nothing was measured: they are 0, or what GDAL_NODATA says."""
    pixels = np.zeros((8192, 8192), "uint8")
    pixels[:4, :4] = 7
    content = bytearray(tiff(pixels, tile=(2048, 2048), compression="zstd"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = [file.pages[0].tags[code] for code in (324, 325)]
        end = file.pages[0].dataoffsets[1]
    for tag in tags:
        width = tag.valuebytecount // tag.count
        content[tag.valueoffset + width : tag.valueoffset + tag.valuebytecount] = bytes(tag.valuebytecount - width)
    (tmp_path / "a.tif").write_bytes(content[:end])
    found = image_files.read(tmp_path / "a.tif")
    assert found.shape == (8192, 8192, 1) and (found[:4, :4] == 7).all() and np.count_nonzero(found) == 16


def test_a_tile_larger_than_what_is_decoded_is_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(make("uint8", 1)[..., 0], tile=(1024, 1024), compression="zlib"))
    assert image_files.read(tmp_path / "a.tif").shape == (7, 5, 1)
    with pytest.raises(ValueError, match="a.tif has 1,024×1,024 pixels, more than the 1,000 that are decoded"):
        image_files.read(tmp_path / "a.tif", max_pixels=1000)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_files_of_any_size_stay_mapped(tmp_path, orientation):
    (tmp_path / "a.tif").write_bytes(tiff(make("uint16", 1), extratags=[(274, 3, 1, orientation, True)]))
    mapped = image_files.read(tmp_path / "a.tif", max_pixels=1)
    while not isinstance(mapped, np.memmap):
        mapped = mapped.base
        assert mapped is not None, "the whole file was read"
