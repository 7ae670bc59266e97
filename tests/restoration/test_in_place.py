"""An output that shares memory with the image: the same bits as in memory of its own, and bounded memory."""

import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.restoration import inplace, tiles

RNG = np.random.default_rng(0)


def image(shape, dtype):
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 3
    return (RNG.random(shape) * top).astype(dtype)


@pytest.mark.parametrize(
    ("shape", "dtype", "options"),
    [
        ((60, 70), "float32", {}),
        ((60, 70, 3), "uint8", {}),
        ((60, 70, 4), "uint16", {}),
        ((60, 70, 3), "float64", {"colour": "channels"}),
        ((60, 70, 4), "uint8", {"colour": "channels", "alpha": False}),
        ((60, 70), "float32", {"black": 0.5, "white": 2.0}),
        ((60, 70), "uint8", {"nodata": 7}),
        ((60, 70, 3), "uint8", {"nodata": 7, "colour": "channels"}),
    ],
)
@pytest.mark.parametrize("tile", [3, 16, 37])  # less than the network's reach, and more
def test_an_image_may_be_its_own_output(small, shape, dtype, options, tile):
    shape = (24, 28, *shape[2:]) if tile == 3 else shape  # a few tiles
    pixels = image(shape, dtype)
    expected = dn.restore(pixels.copy(), small, tile=tile, **options)
    assert dn.restore(pixels, small, tile=tile, out=pixels, **options) is pixels
    np.testing.assert_array_equal(pixels, expected)


def test_300_by_700_pixels_have_no_seam(small):
    """In the tiles that are the default."""
    pixels = image((300, 700), "uint8")
    expected = dn.restore(pixels.copy(), small)
    np.testing.assert_array_equal(dn.restore(pixels, small, out=pixels), expected)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "views",
    [
        lambda a: (a[2:], a[:-2]),
        lambda a: (a[:-2], a[2:]),
        lambda a: (a[:, 3:], a[:, :-3]),
        lambda a: (a, a[::-1]),
        lambda a: (a[:60, :60], a[:60, :60].T),
        lambda a: (a[::2], a[1::2]),
        lambda a: (a[::2], a[::2]),
        lambda a: (a.view("float32")[..., None], a.view("float32")),
    ],
)
def test_views_may_overlap(small, views, order):
    given, out = views(np.asarray(image((60, 70), "float32"), order=order))
    out = out if given.ndim == out.ndim else out[..., None]
    expected = dn.restore(given.copy(), small, tile=16)
    np.testing.assert_array_equal(dn.restore(given, small, tile=16, out=out), expected)


@pytest.mark.parametrize("modes", [("r+", None), ("r", "r+"), ("r+", "r+"), ("c", None)])
@pytest.mark.parametrize("rows", [slice(None), slice(5, None)])
def test_memory_maps(small, modes, rows, tmp_path):
    """Of one mapping, and of two of the same file, which have different addresses."""
    pixels = image((64, 60), "float32")
    np.save(tmp_path / "a.npy", pixels)
    given = np.load(tmp_path / "a.npy", mmap_mode=modes[0])
    out = np.load(tmp_path / "a.npy", mmap_mode=modes[1]) if modes[1] else given
    expected = dn.restore(pixels[rows], small, tile=16)
    assert inplace.same(given[rows], out[rows])
    assert dn.restore(given[rows], small, tile=16, out=out[rows]).base is not None
    np.testing.assert_array_equal(out[rows], expected)
    np.testing.assert_array_equal(out[: rows.start or 0], pixels[: rows.start or 0])


@pytest.mark.parametrize("kinds", [(str, str), (Path, str), (Path, Path)])
def test_memory_maps_through_a_link(small, kinds, tmp_path):
    """One file under two names: a link to its folder, a hard link, a relative path."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    pixels = image((64, 60), "float32")
    expected = dn.restore(pixels, small, tile=16)
    names = [tmp_path / "real/a.npy", tmp_path / "link/a.npy", tmp_path / "hard.npy", tmp_path / "real/../real/a.npy"]
    np.save(names[0], pixels)
    names[2].hardlink_to(names[0])
    for name in names:
        out = np.load(kinds[1](name), mmap_mode="r+")
        out[...] = pixels
        given = np.load(kinds[0](names[0]), mmap_mode="r")
        dn.restore(given, small, tile=16, out=out)
        np.testing.assert_array_equal(out, expected, str(name))


def test_shifted_mappings_of_one_file(small, tmp_path):
    pixels = image((64, 60), "float32")
    np.save(tmp_path / "a.npy", pixels)
    given, out = (np.load(tmp_path / "a.npy", mmap_mode=mode) for mode in ("r", "r+"))
    expected = dn.restore(pixels[3:], small, tile=16)
    assert inplace.overlap(given[3:], out[:-3]) and not inplace.same(given[3:], out[:-3])
    np.testing.assert_array_equal(dn.restore(given[3:], small, tile=16, out=out[:-3]), expected)


def test_a_masked_array_may_be_its_own_output(small):
    pixels = image((60, 70), "float32")
    masked = np.ma.array(pixels, mask=RNG.random(pixels.shape) < 0.1)
    masked[8:14, 10:40] = np.ma.masked  # what fills its last rows lies above it, and is written before them
    expected = dn.restore(masked.copy(), small, tile=8)
    restored = dn.restore(masked, small, tile=8, out=masked)
    assert restored is masked
    np.testing.assert_array_equal(masked.data, expected.data)
    np.testing.assert_array_equal(masked.mask, expected.mask)


def test_reading_ahead_goes_on_in_place(small, monkeypatch):
    """Tiles are written late; reading does not wait for them."""
    tiled, asked = tiles.Tiled(small, tile=16), []
    read = inplace.late
    monkeypatch.setattr(inplace, "late", lambda *rest: asked.append(rest[1]) or read(*rest))
    pixels = image((60, 70), "float32")
    dn.restore(pixels, tiled, out=pixels)
    assert asked == [tiled.reach]


def test_memory_in_place_is_that_of_a_few_rows_of_tiles():
    """Of a long image, a small part of it: less than a copy."""
    keras.utils.set_random_seed(0)
    tiled = tiles.Tiled(dn.models.DiffNet(1, 1), tile=32)
    tiled._function = lambda part: part
    pixels = image((4000, 100), "float32")
    dn.restore(pixels[:64], tiled, out=pixels[:64])
    tracemalloc.start()
    dn.restore(pixels, tiled, out=pixels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < pixels.nbytes / 2, peak
