"""Every file of the table is read right, against the array that it was made of, or refused with the reason."""

import collections
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from diffnet_tf.files import image_files
from tests.files import table

READ, REFUSED = "read", "refused"


def outcome(case, folder):
    """What comes of a file, compared with what should."""
    path = folder / f"image{Path(case.name).suffix}"
    path.unlink(missing_ok=True)
    path.write_bytes(case.content)
    try:
        image = image_files.open_image(path)
    except ValueError as error:
        assert str(path) in str(error) and "truncated" not in str(error)
        return REFUSED if case.refusal and re.search(case.refusal, str(error)) else str(error)
    if case.refusal:
        return f"{image.pixels.shape}, expected: {case.refusal}"
    if image.alpha != case.alpha or (image.pixels.shape, image.pixels.dtype) != (case.pixels.shape, case.pixels.dtype):
        return f"{image.pixels.shape}, {image.pixels.dtype}, alpha {image.alpha}"
    difference = np.abs(image.pixels.astype("float64") - case.pixels).mean()
    return READ if difference <= case.tolerance else f"differs by {difference:g}"


def outcomes(folder):
    return {case.name: outcome(case, folder) for case in table.cases()}


def test_all_are_read_right_or_refused_with_the_reason(tmp_path):
    found = outcomes(tmp_path)
    assert len(found) == len(table.cases()) >= 900
    assert {name: what for name, what in found.items() if what not in (READ, REFUSED)} == {}
    assert collections.Counter(found.values())[REFUSED] == sum(bool(case.refusal) for case in table.cases()) >= 20


@pytest.fixture
def without_imagecodecs(monkeypatch):
    """As where it is not installed."""
    import tifffile._imagecodecs

    table.cases()  # written before
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    monkeypatch.setattr(tifffile.tifffile, "imagecodecs", tifffile._imagecodecs)
    for name, codec in {"DECOMPRESSORS": "CompressionCodec", "UNPREDICTORS": "PredictorCodec"}.items():
        monkeypatch.setitem(vars(tifffile.TIFF), name, getattr(tifffile.tifffile, codec)(encode=False))


def test_without_imagecodecs_the_same_or_the_advice_to_install_it(tmp_path, without_imagecodecs):
    found = outcomes(tmp_path)
    advised = [name for name, what in found.items() if "pip install imagecodecs" in what]
    assert {name: what for name, what in found.items() if what not in (READ, REFUSED) and name not in advised} == {}
    packed = ("lzw", "zstd", "zlib 3", "jpeg", "webp", "lerc", "png ", "turned", "Pillow RGBA", "Pillow LA")
    assert [
        name for name in advised if not name.startswith(packed) and " lzw" not in name and " bits " not in name
    ] == []
    for name in (  # what Pillow keeps whole
        "lzw  uint8 3 < strips.tif",
        "lzw  uint8 3 > tiles.tif",
        "lzw 2 uint16 1 > strips.tif",
        "zstd  uint16 1 < tiles.tif",
        "zstd  uint8 4 < planes.tif",
        "lzw 3 float32 1 < strips.tif",
        "jpeg 3 strips.tif",
        "12 bits <.tif",
        "Pillow 1 group4.tif",
    ):
        assert found[name] == READ, name
    for name in (
        "lzw  uint16 3 < strips.tif",
        "zstd  float64 1 < strips.tif",
        "14 bits <.tif",
        "zlib 3 float64 1 < tiles.tif",
    ):
        assert name in advised, name


def test_without_imagecodecs_means_without(tmp_path, without_imagecodecs):
    """Else the test above would pass by what it hides."""
    (case,) = (case for case in table.cases() if case.name == "lzw  uint16 3 < strips.tif")
    (tmp_path / "a.tif").write_bytes(case.content)
    with tifffile.TiffFile(tmp_path / "a.tif") as file, pytest.raises(ValueError, match="imagecodecs"):
        file.asarray()


def test_what_is_written_like_another_is_the_same(tmp_path):
    """Files written again in their own format: pixels, the meaning of channels, metadata."""
    for case in table.cases()[::4]:  # some of every kind: each waits for the disk
        suffix = Path(case.name).suffix
        if case.refusal or suffix == ".jpg":
            continue
        path, again = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        path.unlink(missing_ok=True)
        path.write_bytes(case.content)
        image = image_files.open_image(path)
        with image_files.writing(again, image.pixels.shape, image.pixels.dtype, image) as out:
            out[...] = image.pixels
        second = image_files.open_image(again)
        np.testing.assert_array_equal(second.pixels, case.pixels if not case.tolerance else image.pixels)
        assert (second.alpha, second.metadata) == (image.alpha, image.metadata), case.name
        assert image_files.lost(image, again) == "", case.name
