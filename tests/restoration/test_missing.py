"""Missing pixels: masked, or with the value of nodata. The others come out as if these were none; these stay."""

import keras
import numpy as np
import pytest
import skimage.data

import diffnet_tf as dn
from diffnet_tf.restoration import source, tiles

RNG = np.random.default_rng(0)
CAMERA = skimage.data.camera()[100:220, 150:270].astype("float32")
CAMERA /= CAMERA.max()
DIFFUSED = np.asarray(dn.diffusion.perona_malik(CAMERA[None, ..., None]))[0, ..., 0]
SCATTERED = RNG.random(CAMERA.shape) < 0.25
BLOCK = np.zeros(CAMERA.shape, bool)
BLOCK[30:70, 40:90] = True


def psnr(restored, where):
    return -10 * np.log10(np.mean((np.asarray(restored)[where] - CAMERA[where]) ** 2))


VALUES = [np.nan, -9999.0, 9.969209968386869e36, 3.4028234663852886e38, -3.4028234663852886e38, 0.0, 1e20, np.inf]


@pytest.mark.parametrize("missing", [SCATTERED, BLOCK], ids=["scattered", "block"])
def test_a_mask_is_kept_and_the_valid_pixels_are_restored(inverse, missing):
    image = np.ma.array(np.where(missing, np.nan, DIFFUSED), mask=missing, fill_value=-1)
    restored = dn.restore(image, inverse)
    assert isinstance(restored, np.ma.MaskedArray) and restored.fill_value == -1
    np.testing.assert_array_equal(restored.mask, missing)
    assert restored.mask is not image.mask and not np.shares_memory(restored.mask, image.mask)
    np.testing.assert_array_equal(restored.data[missing], image.data[missing])
    assert np.isfinite(restored.compressed()).all()
    before, after = psnr(DIFFUSED, ~missing), psnr(restored.data, ~missing)
    # With zeros in their place it would be 20 and 35 dB.
    assert after > (30 if missing is SCATTERED else 45) and (missing is SCATTERED or after > before + 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", VALUES)
def test_a_value_of_missing_pixels_is_as_a_mask(small, value, dtype):
    image = np.where(BLOCK, value, np.maximum(DIFFUSED, 0.01)).astype(dtype)
    restored = dn.restore(image, small, nodata=value)
    masked = dn.restore(np.ma.array(image, mask=BLOCK), small)
    np.testing.assert_array_equal(restored, masked.data)
    np.testing.assert_array_equal(restored[BLOCK], image[BLOCK])
    assert np.isfinite(restored[~BLOCK]).all() and restored.dtype == dtype and type(restored) is np.ndarray


def test_as_exact_as_what_is_written_in_files(small):
    """--nodata 9.96921e36 means what NetCDF has, 9.969209968386869e36; 254.999 is not 255."""
    for dtype in ("float32", "float64"):
        image = np.where(BLOCK, 9.969209968386869e36, DIFFUSED).astype(dtype)
        assert np.isfinite(dn.restore(image, small, nodata=9.96921e36)[~BLOCK]).all()
        of = source.Source(np.array([[254.999, 255.0, 255.0]], dtype), None, 255)
        assert of.missing(slice(None), slice(None), slice(0, 1)).tolist() == [[False, True, True]]


def test_beyond_the_reach_of_missing_pixels_nothing_changes(small):
    """To the last bit, though the fill differs."""
    reach = tiles.reach(small)
    restored = dn.restore(np.where(BLOCK, np.nan, DIFFUSED), small, nodata=np.nan, white=1.0)
    plain = dn.restore(DIFFUSED, small, white=1.0)
    far = np.ones_like(BLOCK)
    far[30 - reach : 70 + reach, 40 - reach : 90 + reach] = False
    np.testing.assert_array_equal(restored[far], plain[far])
    assert np.abs(restored - plain)[~far & ~BLOCK].max() > 1e-3


LINES = np.zeros_like(BLOCK)
LINES[:, 60:63] = LINES[10] = LINES[80:120, :25] = True


@pytest.mark.parametrize("missing", [SCATTERED, BLOCK, LINES, SCATTERED | BLOCK | LINES])
@pytest.mark.parametrize("tile", [16, 40])
def test_tiles_give_the_whole_image(small, missing, tile):
    """However large a gap is: what fills a tile is looked for around it."""
    image = np.ma.array(DIFFUSED, mask=missing)
    whole, pieces = (dn.restore(image, small, tile=size) for size in (512, tile))
    np.testing.assert_allclose(pieces.data, whole.data, atol=2e-6)
    noisy = dn.restore(image + 0.5 * RNG.random(image.shape, "float32") * missing, small, tile=tile)
    np.testing.assert_array_equal(noisy.data[~missing], pieces.data[~missing])  # what is masked is never looked at


def test_the_margin_is_as_small_as_it_may_be(small, monkeypatch):
    image = np.ma.array(DIFFUSED, mask=SCATTERED | BLOCK)
    whole = dn.restore(image, small)
    monkeypatch.setattr("diffnet_tf.restoration.arrays.fill_margin", lambda reach: 1)
    assert np.abs(dn.restore(image, small, tile=16).data - whole.data).max() > 1e-4


def test_fills_are_made_of_neighbours():
    row, column = np.mgrid[:60, :60].astype("float32") / 60
    plane = row + 2 * column
    scattered = RNG.random(plane.shape) < 0.2
    filled = source.fill(np.where(scattered, 0, plane), scattered)
    assert np.abs(filled - plane)[5:-5, 5:-5].max() < 0.02  # interpolated
    block = np.zeros(plane.shape, bool)
    block[20:40, 20:40] = True
    filled = source.fill(np.where(block, 0, plane), block)
    np.testing.assert_allclose(filled[30, 20:22], plane[30, 19])  # the nearest
    np.testing.assert_array_equal(filled[~block], plane[~block])
    assert not source.fill(plane, np.ones_like(block)).any()


@pytest.mark.parametrize("colour", ["luminance", "channels"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_colour_pixels_are_missing_as_a_whole(small, colour, dtype):
    """In integers where all channels have the value: a pure red has zeros, too. In floats where any has it."""
    image = skimage.data.astronaut()[100:160, 200:260]
    image = image if dtype == "uint8" else (image / np.float32(255)).astype(dtype)
    image = np.maximum(image, image.dtype.type(0.1 if dtype == "float32" else 1))
    nodata = 0 if dtype == "uint8" else -9999
    image[10:20, 10:20] = nodata
    image[40, 40, 0] = nodata
    restored = dn.restore(image, small, colour=colour, nodata=nodata)
    np.testing.assert_array_equal(restored[10:20, 10:20], image[10:20, 10:20])
    kept = np.array_equal(restored[40, 40], image[40, 40])
    assert kept == (dtype == "float32")
    assert not (restored == nodata).all(axis=-1)[20:].any()
    missing = (image == nodata).all(axis=-1) if dtype == "uint8" else (image == nodata).any(axis=-1)
    assert np.abs(restored[~missing].astype("float64") - image[~missing]).max() < 0.8 * image.max()


def test_masks_of_single_channels_and_alpha(small):
    image = np.ma.array(RNG.random((40, 40, 4)).astype("float32"), mask=np.zeros((40, 40, 4), bool))
    image.mask[5, 5, 1], image.mask[..., 3] = True, True
    restored = dn.restore(image, small)
    np.testing.assert_array_equal(restored.mask, image.mask)
    np.testing.assert_array_equal(restored.data[5, 5], image.data[5, 5])
    np.testing.assert_array_equal(restored.data[..., 3], image.data[..., 3])
    assert np.abs(restored.data - image.data)[5, 6, :3].min() > 0


@pytest.mark.parametrize(("nodata", "moved"), [(0, 1), (255, 254), (100, 99)])
def test_no_valid_integer_becomes_nodata(small, nodata, moved):
    image = RNG.integers(0, 256, (60, 60)).astype("uint8")
    missing = np.zeros(image.shape, bool)
    missing[20:30, 20:30] = True
    image[image == nodata] = moved
    image[missing] = nodata
    restored = dn.restore(image, small, nodata=nodata)
    np.testing.assert_array_equal(restored == nodata, missing)
    free = dn.restore(np.ma.array(image, mask=missing), small).data
    np.testing.assert_array_equal(restored, np.where(missing, nodata, np.where(free == nodata, moved, free)))
    assert ((free == nodata) & ~missing).any()


@pytest.mark.parametrize("nodata", [0, 255])
@pytest.mark.parametrize("colour", ["luminance", "channels"])
def test_a_channel_of_a_valid_colour_may_equal_nodata(small, colour, nodata):
    """Only a pixel whose channels all do is missing, and only such a one may be moved."""
    image = skimage.data.astronaut()[:60, 100:160].copy()
    image[20:30, 20:30] = nodata
    image[40:50, ::7, 1], image[50:, :30] = nodata, abs(nodata - 2)  # pure colours, and what is near to it
    image[50:, 30:] = (nodata, abs(nodata - 2), nodata)
    missing = (image == nodata).all(axis=-1)
    restored = dn.restore(image, small, colour=colour, nodata=nodata)
    free = dn.restore(np.ma.array(image, mask=np.dstack([missing] * 3)), small, colour=colour).data
    moved = (restored != free).any(axis=-1)
    np.testing.assert_array_equal(moved, (free == nodata).all(axis=-1) & ~missing)
    np.testing.assert_array_equal((restored == nodata).all(axis=-1), missing)
    assert ((free == nodata).any(axis=-1) & ~moved & ~missing).sum() > 5


def test_values_that_a_dtype_cannot_have_are_not_missing(small):
    image = RNG.integers(1, 255, (30, 30)).astype("uint8")
    plain = dn.restore(image, small)
    for nodata in (-9999, np.nan, 3.5, 1e300, 256):
        np.testing.assert_array_equal(dn.restore(image, small, nodata=nodata), plain)
    np.testing.assert_array_equal(dn.restore(image / np.float32(255), small, nodata=1e300).shape, plain.shape)


def test_an_output_of_another_dtype_has_to_hold_nodata(small):
    image = np.where(BLOCK, -9999, DIFFUSED).astype("float64")
    with pytest.raises(ValueError, match="nodata=-9999 does not fit into uint8; expected a dtype that can hold it"):
        dn.restore(image, small, nodata=-9999, out=np.empty(image.shape, "uint8"))
    with pytest.raises(ValueError, match=r"nodata=1e\+300 does not fit into float32"):
        dn.restore(np.where(BLOCK, 1e300, image), small, nodata=1e300, out=np.empty(image.shape, "float32"))
    restored = dn.restore(image, small, nodata=-9999, out=np.empty(image.shape, "float32"))
    assert (restored[BLOCK] == -9999).all()
    byte = np.where(BLOCK, 255, np.minimum(255 * DIFFUSED, 254)).astype("uint8")
    wide = dn.restore(byte, small, nodata=255, out=np.empty(byte.shape, "uint16"))
    np.testing.assert_array_equal(wide == 255, BLOCK)  # the value, not the scale, is what a file's tag says


def test_masked_pixels_of_another_dtype_are_on_its_scale(small):
    image = np.ma.array(np.where(BLOCK, 0.5, DIFFUSED), mask=BLOCK)
    image = image.astype("float64")
    image.data[31, 41], image.data[32, 42] = np.nan, 1e300
    out = np.ma.empty(image.shape, "uint8")
    assert dn.restore(image, small, out=out) is out
    np.testing.assert_array_equal(out.mask, BLOCK)
    assert out.data[35, 50] == 128 and out.data[31, 41] == 0 and out.data[32, 42] == 255
    plain = np.empty(image.shape, "float32")
    assert dn.restore(image, small, out=plain) is plain and plain[35, 50] == 0.5


def test_an_image_of_which_all_is_missing_stays(small):
    for image in (np.full((20, 20), np.nan), np.full((20, 20, 3), np.nan, "float32")):
        np.testing.assert_array_equal(dn.restore(image, small, nodata=np.nan), image)
    empty = np.ma.masked_all((20, 20))
    assert dn.restore(empty, small).mask.all()


def test_infinity_that_is_not_nodata_is_refused_and_so_is_another_fill(small):
    image = np.where(BLOCK, np.nan, DIFFUSED)
    image[0, 0] = np.inf
    with pytest.raises(ValueError, match=r"1 value\(s\) that are NaN or infinite, the first at index \(0, 0\)"):
        dn.restore(image, small, nodata=np.nan)
    image[0, 0] = 9.97e36
    with pytest.raises(ValueError, match=r"contains 1 value\(s\) beyond"):
        dn.restore(image, small, nodata=np.nan)


def test_extra_channels_are_gray_images_by_themselves(small):
    """Red, green, blue and near infrared, and two channels: alpha is only what is said to be."""
    image = RNG.random((40, 50, 4)).astype("float32")
    image[..., 3] *= 7
    restored = dn.restore(image, small, alpha=False)
    np.testing.assert_array_equal(restored[..., :3], dn.restore(image[..., :3].copy(), small))
    np.testing.assert_array_equal(restored[..., 3], dn.restore(image[..., 3].copy(), small))
    np.testing.assert_array_equal(dn.restore(image, small, alpha=True), dn.restore(image, small))
    two = dn.restore(image[..., 2:].copy(), small, alpha=False)
    for k in (0, 1):
        np.testing.assert_array_equal(two[..., k], dn.restore(image[..., 2 + k].copy(), small))
    image[4, 5, 3] = -9999
    restored = dn.restore(image, small, alpha=False, nodata=-9999)
    assert restored[4, 5, 3] == -9999 and (restored[4, 5, :3] != image[4, 5, :3]).all()


def test_alpha_has_no_missing_pixels_and_is_finite(small):
    image = RNG.random((20, 20, 2)).astype("float32") + 0.1
    image[3, 3, 1] = np.nan
    with pytest.raises(ValueError, match="The alpha channel of The image contains NaN or infinity"):
        dn.restore(image, small)
    image[3, 3, 1] = -9999
    assert dn.restore(image, small, nodata=-9999)[3, 3, 1] == -9999


def test_an_equation_of_the_network_holds_at_valid_pixels():
    """The fill and nothing else is what the network gets in place of missing pixels."""
    model = dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4)
    image = np.ma.array(DIFFUSED / DIFFUSED.max(), mask=BLOCK)
    filled = source.fill(np.where(BLOCK, 0, image.data), BLOCK)
    top = image.max()
    expected = top * keras.ops.convert_to_numpy(model(filled[None, ..., None] / top))[0, ..., 0]
    np.testing.assert_allclose(dn.restore(image, model).data[~BLOCK], expected[~BLOCK], atol=1e-6)
