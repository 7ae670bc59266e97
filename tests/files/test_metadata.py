"""What files say beside their pixels is kept between equal formats; what cannot be kept is named in one line."""

import io
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from diffnet_tf.files import image_files
from tests.files.deep_png import deep_png
from tests.files.table import encoded, flat, make, smooth, tiff

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GEO = {
    33550: (12, 3, (10.0, 10.0, 0.0)),
    33922: (12, 6, (0.0, 0.0, 0.0, 500_000.0, 4_000_000.0, 0.0)),
    34735: (3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)),
    34736: (12, 2, (6378137.0, 298.257223563)),
    34737: (2, 8, "WGS 84|"),
    42112: (2, 0, "<GDALMetadata><Item name='a'>b</Item></GDALMetadata>"),
    42113: (2, 0, "-9999"),
}
GEO_TAGS = [(code, *entry, True) for code, entry in GEO.items()]


def again(folder, content, suffix, to=None, dtype=None):
    """The path of a file, and of what is written with its metadata."""
    first, second = folder / f"first{suffix}", folder / f"second{to or suffix}"
    first.write_bytes(content)
    image = image_files.open_image(first)
    with image_files.writing(second, image.pixels.shape, dtype or image.pixels.dtype, image) as out:
        out[...] = image.pixels
    return first, second


def exif(orientation=6):
    found = Image.Exif()
    found[0x0112], found[0x010F] = orientation, "Maker"
    found.get_ifd(0x8769).update({0x9003: "2026:01:02 03:04:05", 0xA002: 18, 0xA003: 21})
    return found


# ---- PNG and JPEG ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_colour_profile_resolution_and_exif(tmp_path, suffix):
    options = {"icc_profile": ICC, "dpi": (300, 150), "exif": exif(), "xmp": b'<x tiff:Orientation="6"/>'}
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", options["xmp"].decode())
    kind = {".png": "PNG", ".jpg": "JPEG"}[suffix]
    content = encoded(Image.fromarray(smooth(3)).save, kind, pnginfo=info, **options)
    _, path = again(tmp_path, content, suffix)
    with Image.open(path) as image:
        assert image.size == (21, 18)  # turned, and so is the resolution
        assert image.info["icc_profile"] == ICC
        assert image.info["dpi"] == pytest.approx((150, 300), abs=0.02)
        assert b'Orientation="1"' in image.info["xmp"]
        found = image.getexif()
        assert found.get(0x0112, 1) == 1 and found[0x010F] == "Maker"
        assert found.get_ifd(0x8769) == {0x9003: "2026:01:02 03:04:05", 0xA002: 21, 0xA003: 18}


def test_jpeg_keeps_its_comment_and_pixels_per_centimetre(tmp_path):
    content = bytearray(encoded(Image.fromarray(smooth(1)[..., 0]).save, "JPEG", comment=b"hello", dpi=(254, 508)))
    content[13:18] = b"\x02\x00\x64\x00\xc8"  # 100 and 200 in a centimetre
    _, path = again(tmp_path, bytes(content), ".jpg")
    with Image.open(path) as image:
        assert image.info["comment"] == b"hello" and image.info["dpi"] == (254, 508)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_chunks_of_png(tmp_path, dtype):
    """Of every depth: TensorFlow, which writes 16-bit colours, keeps none."""
    pytest.importorskip("tensorflow")
    kept = [
        (b"gAMA", (45455).to_bytes(4, "big")),
        (b"sRGB", b"\0"),
        (b"tEXt", b"Title\0A name"),
        (b"iTXt", b"Comment\0\0\0de\0\0" + "Größe".encode()),
    ]
    others = [(b"tIME", bytes(7)), (b"sBIT", bytes([5, 5, 5])), (b"pHYs", (2835).to_bytes(4, "big") * 2 + b"\1")]
    _, path = again(tmp_path, deep_png(make(dtype, 3), kept + others), ".png")
    content = path.read_bytes()
    assert all(content.count(name + data) == 1 for name, data in kept + others[2:])
    assert b"tIME" not in content and b"sBIT" not in content  # of the pixels as they were
    with Image.open(path) as image:
        image.load()
        assert image.text == {"Title": "A name", "Comment": "Größe"} and image.info["gamma"] == 0.45455


def test_the_first_of_several_pictures_says_that_it_is_not_all(tmp_path):
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - smooth(1)[..., 0])]}
    (tmp_path / "a.png").write_bytes(encoded(Image.fromarray(smooth(1)[..., 0]).save, "PNG", **frames))
    image = image_files.open_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, smooth(1))
    assert "1 further picture(s)" in image_files.lost(image, "b.png")
    frames["append_images"] = [Image.fromarray(smooth(3))]
    (tmp_path / "a.jpg").write_bytes(encoded(Image.fromarray(smooth(3)).save, "MPO", **frames))
    image = image_files.open_image(tmp_path / "a.jpg")
    assert image.pixels.shape == smooth(3).shape and "1 further" in image_files.lost(image, "b.jpg")


def test_damaged_exif_does_not_refuse_a_whole_image(tmp_path):
    (tmp_path / "a.png").write_bytes(deep_png(make("uint8", 3), [(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff")]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = image_files.open_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.pixels, make("uint8", 3))
    assert "Exif, which is damaged" in image_files.lost(image, "b.png")


# ---- TIFF ------------------------------------------------------------------------------------------------------------


def pages(path):
    with tifffile.TiffFile(path) as file:
        return file.pages[0], {tag.code: tag.value for tag in file.pages[0].tags.values()}, file


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("options", [{"byteorder": ">"}, {"compression": "lzw"}, {"bigtiff": True}])
def test_geotiff(tmp_path, caplog, dtype, options):
    content = tiff(make("uint16"), extratags=GEO_TAGS, iccprofile=ICC, resolution=((7, 3), (5, 2)), **options)
    first, second = again(tmp_path, content, ".tif", dtype=dtype)
    assert not caplog.records  # tifffile would say that -9999 is no number of 16 bits
    before, after = pages(first)[1], pages(second)[1]
    for code in (*GEO, 34675, 282, 283, 296):
        assert after[code] == before[code], code
    assert pages(second)[2].geotiff_metadata == pages(first)[2].geotiff_metadata is not None
    assert image_files.open_image(second).nodata == -9999


def test_the_resolution_is_turned_with_the_image(tmp_path):
    _, path = again(tmp_path, tiff(make("uint8"), resolution=(300, 150), extratags=[(274, 3, 1, 8, True)]), ".tif")
    assert pages(path)[0].get_resolution() == (150, 300)


def test_map_coordinates_of_an_image_that_was_turned_are_named(tmp_path):
    """They say where the rows and columns of the file are."""
    first, second = again(tmp_path, tiff(make("uint8"), extratags=[*GEO_TAGS, (274, 3, 1, 3, True)]), ".tif")
    tags = pages(second)[1]
    assert not {274, 33550, 33922, 34735} & tags.keys() and 42113 in tags
    assert "map coordinates, since the image was turned" in image_files.lost(image_files.open_image(first), second)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_imagej(tmp_path, byteorder):
    options = {
        "unit": "micron",
        "min": 3.0,
        "max": 4000.0,
        "Labels": ["Zelle"],
        "LUTs": [np.arange(768, dtype="uint8").reshape(3, 256)],
    }
    content = encoded(
        tifffile.imwrite,
        flat(make("uint16")),
        imagej=True,
        resolution=(4.25, 4.25),
        metadata=options,
        byteorder=byteorder,
    )
    first, second = again(tmp_path, content, ".tif")
    (page, _, before), (_, _, after) = pages(first), pages(second)
    assert str(after.imagej_metadata) == str(before.imagej_metadata) and after.imagej_metadata["unit"] == "micron"
    assert pages(second)[0].get_resolution() == page.get_resolution() == (4.25, 4.25)
    _, wider = again(tmp_path, content, ".tif", dtype="float32")
    assert not {"min", "max"} & pages(wider)[2].imagej_metadata.keys()  # another black and white


def test_ome(tmp_path):
    metadata = {"axes": "YX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "SignificantBits": 12}
    content = encoded(tifffile.imwrite, flat(make("uint16")), ome=True, metadata=metadata)
    first, second = again(tmp_path, content, ".tif")
    assert pages(second)[2].ome_metadata == pages(first)[2].ome_metadata
    _, wider = again(tmp_path, content, ".tif", dtype="float32")
    text = pages(wider)[2].ome_metadata
    assert 'Type="float"' in text and "SignificantBits" not in text and 'PhysicalSizeX="0.25"' in text
    turned = tiff(make("uint16"), description=text.encode(), extratags=[(274, 3, 1, 6, True)])
    first, second = again(tmp_path, turned, ".tif")
    assert "OME-XML, since" in image_files.lost(image_files.open_image(first), second)


@pytest.mark.parametrize(("extra", "alpha"), [("unspecified", False), ("assocalpha", True), ("unassalpha", True)])
@pytest.mark.parametrize("channels", [2, 4])
def test_what_the_last_channel_is(tmp_path, extra, alpha, channels):
    first, second = again(tmp_path, tiff(make("uint8", channels), extrasamples=[extra]), ".tif", dtype="uint16")
    assert [e.name.lower() for e in pages(second)[0].extrasamples] == [extra]
    image = image_files.open_image(first)
    assert image.alpha == alpha == image_files.open_image(second).alpha
    if extra == "unassalpha":
        assert image_files.lost(image, "a.npy") == image_files.lost(image, "a.png") == ""
    else:
        with pytest.raises(ValueError, match=rf"a.png: the last of {channels} channels of a PNG is alpha.* Use TIFF"):
            image_files.check_writable("a.png", "uint8", channels, image)
        assert "not plain alpha" in image_files.lost(image, "a.npy")


def test_alpha_of_other_formats_becomes_alpha(tmp_path):
    _, path = again(tmp_path, deep_png(make("uint8", 4)), ".png", ".tif")
    assert [e.name for e in pages(path)[0].extrasamples] == ["UNASSALPHA"]


@pytest.mark.parametrize(
    ("text", "dtype", "value"),
    [
        ("-9999", "uint16", -9999),
        ("-9999 ", "float32", -9999),
        ("3.4028234663852886e+38", "float32", float(np.float32(3.4028235e38))),
        ("9.969209968386869e+36", "float32", float(np.float32(9.969209968386869e36))),
        ("0.1", "float32", float(np.float32(0.1))),
        ("0.1", "float64", 0.1),
        ("none", "float32", None),
    ],
)
def test_nodata_is_what_pixels_can_have(tmp_path, text, dtype, value):
    (tmp_path / "a.tif").write_bytes(tiff(make(dtype), extratags=[(42113, 2, 0, text, True)]))
    assert image_files.open_image(tmp_path / "a.tif").nodata == value


def test_nodata_may_be_nan_or_missing(tmp_path):
    for tags in ([(42113, 2, 0, "nan", True)], []):
        (tmp_path / "a.tif").write_bytes(tiff(make("float32"), extratags=tags))
        found = image_files.open_image(tmp_path / "a.tif").nodata
        assert np.isnan(found) if tags else found is None


def test_tags_that_cannot_be_written_are_named_and_not_tried_after_the_work(tmp_path):
    tags = [(270, 3, 1, 7, True), (33723, 6, 1, -1, True), (65000, 3, 1, 7, True), (315, 2, 0, "Somebody", True)]
    first, second = again(tmp_path, tiff(make("uint8"), extratags=tags), ".tif")
    assert pages(second)[1][315] == "Somebody"
    line = image_files.lost(image_files.open_image(first), second)
    assert "tag 33723" in line and "tag 270" in line and "tag 65000" in line and "315" not in line


# ---- Between formats -------------------------------------------------------------------------------------------------

SAYS = {
    "geo.tif": lambda: tiff(make("uint8"), extratags=GEO_TAGS, iccprofile=ICC, resolution=(300, 300)),
    "imagej.tif": lambda: encoded(
        tifffile.imwrite, flat(make("uint8")), imagej=True, resolution=(3, 3), metadata={"unit": "micron"}
    ),
    "photo.jpg": lambda: encoded(Image.fromarray(smooth(3)).save, "JPEG", exif=exif(1), icc_profile=ICC, comment=b"hi"),
    "text.png": lambda: encoded(Image.fromarray(smooth(3)).save, "PNG", pnginfo=text(), dpi=(300, 300)),
}


def text():
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A name")
    return info


LOST = [
    ("geo.tif", ".png", "map coordinates (GeoTIFF); GDAL's tags"),
    ("geo.tif", ".jpg", "map coordinates (GeoTIFF); GDAL's tags"),
    ("geo.tif", ".npy", "ICC profile; resolution; map coordinates (GeoTIFF); GDAL's tags"),
    ("imagej.tif", ".png", "resolution; ImageJ's description"),
    ("photo.jpg", ".png", "comment"),
    ("photo.jpg", ".tif", "Exif; comment"),
    ("text.png", ".jpg", "texts"),
    ("text.png", ".npy", "resolution; texts"),
    ("text.png", ".png", ""),
    ("photo.jpg", ".jpg", ""),
    ("geo.tif", ".tif", ""),
]


@pytest.mark.parametrize(("name", "suffix", "names"), LOST)
def test_one_line_says_what_is_lost(tmp_path, name, suffix, names):
    (tmp_path / name).write_bytes(SAYS[name]())
    image = image_files.open_image(tmp_path / name)
    line = image_files.lost(image, f"out{suffix}")
    kind = {".tif": "TIFF", ".jpg": "JPEG"}.get(suffix, suffix[1:].upper())
    assert line == (f"out{suffix}: {kind} cannot keep these facts of the input: {names}." if names else "")


@pytest.mark.parametrize("to", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_colour_profile_and_resolution_go_between_formats(tmp_path, suffix, to):
    kind = {".png": "PNG", ".jpg": "JPEG", ".tif": "TIFF"}[suffix]
    content = encoded(Image.fromarray(smooth(3)).save, kind, icc_profile=ICC, dpi=(300, 150))
    _, path = again(tmp_path, content, suffix, to)
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.info["icc_profile"] == ICC
        assert tuple(map(float, image.info["dpi"])) == pytest.approx((300, 150), abs=0.02)


def test_chunks_that_would_spoil_the_file_are_left_out(tmp_path):
    """Behind the first picture, where nobody looked at them."""
    frames = {"save_all": True, "append_images": [Image.fromarray(255 - smooth(1)[..., 0])], "pnginfo": text()}
    content = encoded(Image.fromarray(smooth(1)[..., 0]).save, "PNG", **frames)
    bad = b"\0\0\0\1gAMA\0" + zlib.crc32(b"gAMA\0").to_bytes(4, "big")
    _, path = again(tmp_path, content[:-12] + bad + content[-12:], ".png")
    assert b"gAMA" not in path.read_bytes() and b"A name" in path.read_bytes()
    np.testing.assert_array_equal(image_files.read(path), smooth(1))


STATISTICS = (
    '<GDALMetadata>\n  <Item name="STATISTICS_MAXIMUM" sample="0">4000</Item>\n  <Item name="a">b</Item>\n'
    '  <Item name="STATISTICS_MEAN" sample="0">7.5</Item>\n  <Item name="OFFSET" sample="0" role="offset">3</Item>\n'
    "</GDALMetadata>\n"
)


@pytest.mark.parametrize("rescaled", [False, True])
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_what_is_said_of_values_on_another_scale_is_left_out(tmp_path, rescaled, dtype):
    """ImageJ's display range, OME's significant bits and GDAL's statistics: of another dtype, and of another scale."""
    pixels = make("uint16")
    ome = '<?xml version="1.0"?><OME><Image><Pixels Type="uint16" SignificantBits="12"/></Image></OME>'
    gone = rescaled or dtype != "uint16"
    for description, words in (("ImageJ=1.54f\nmin=0.0\nmax=4000.0\nunit=um\n", b"max="), (ome, b"SignificantBits")):
        tags = [(42112, 2, 0, STATISTICS, True)]
        content = tiff(pixels, description=description, extratags=tags)
        (tmp_path / "in.tif").write_bytes(content)
        image = image_files.open_image(tmp_path / "in.tif")
        with image_files.writing(tmp_path / "out.tif", image.pixels.shape, dtype, image, rescaled) as out:
            out[...] = 1
        with tifffile.TiffFile(tmp_path / "out.tif") as file:
            found = {tag.code: str(tag.value).encode() for tag in file.pages[0].tags.values()}
        assert (words not in found[270]) == gone and (b"unit=um" in found[270] or b"<OME>" in found[270])
        assert [word in found[42112] for word in (b"STATISTICS", b"OFFSET", b'"a">b<')] == [not gone, not gone, True]
        assert b"</GDALMetadata>" in found[42112]
