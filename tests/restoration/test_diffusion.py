"""The estimate of the diffusion: λ, T and σ from an image alone; and `restore` with it."""

import warnings

import keras
import numpy as np
import pytest
import skimage.data
from PIL import Image

import diffnet_tf as dn
from diffnet_tf.__main__ import main
from diffnet_tf.restoration import diffusion, tiles
from tests.conftest import slow

SETTINGS = [(0.1, 0.4, 0.005), (0.2, 0.8, 0.002), (0.3, 0.3, 0.01)]


def diffused(images, contrast, time, sigma, seed=0):
    images = np.asarray(dn.diffusion.per_image(images, contrast, time))[..., 0]
    return images + np.random.default_rng(seed).normal(scale=sigma, size=images.shape)


@pytest.fixture(scope="module")
def image():
    return diffused(dn.data.load_images("skimage", split="test", limit=1), 0.2, 0.5, 0.01)[0]


def test_it_finds_the_diffusion_of_photographs():
    """Those of scikit-image, which the network was not trained on."""
    images = dn.data.load_images("skimage", split="test", limit=12)
    errors = []
    for setting in SETTINGS:
        for each in diffused(images, *setting):
            errors.append(np.abs(np.array(diffusion.estimate_diffusion(each)) / setting - 1))
    contrast, time, noise = np.median(errors, axis=0)
    assert contrast < 0.25 and time < 0.25 and noise < 0.1


@slow
def test_it_follows_each_of_the_three():
    """The other two stay: what is found is not one blur."""
    clean = dn.data.load_images("skimage", split="test", limit=8)
    middle = {"contrast": 0.2, "time": 0.5, "sigma": 0.005}

    def found(**changes):
        estimates = [diffusion.estimate_diffusion(each) for each in diffused(clean, **{**middle, **changes})]
        return np.median(estimates, axis=0)

    for number, (name, low, high) in enumerate([("contrast", 0.1, 0.4), ("time", 0.2, 1.0), ("sigma", 0.002, 0.03)]):
        ratios = found(**{name: high}) / found(**{name: low})
        others = np.delete(ratios, number)
        assert ratios[number] > 1.8 and np.abs(np.log(others)).max() < 0.4, (name, ratios)


def test_a_factor_of_the_image_is_one_of_contrast_and_noise(image):
    contrast, time, noise = diffusion.estimate_diffusion(image)
    found = diffusion.estimate_diffusion(1000 * image)
    np.testing.assert_allclose(found, (1000 * contrast, time, 1000 * noise), rtol=1e-4)
    assert found._fields == ("contrast", "time", "noise") and found.time == found[1]


def test_a_flip_is_an_equal_image_only_if_it_is_transposed(image):
    found = diffusion.estimate_diffusion(image)
    np.testing.assert_allclose(diffusion.estimate_diffusion(image.T), found, rtol=1e-5)
    assert diffusion.estimate_diffusion(image.copy()) == found
    # The scheme is one-sided, so a flip is no image that was diffused in this way; but nearly.
    np.testing.assert_allclose(diffusion.estimate_diffusion(image[::-1]), found, rtol=0.5)


def test_the_size_hardly_matters(image):
    """A mosaic of mirror images has the statistics of one of them, also where it is seen in squares."""
    found = diffusion.estimate_diffusion(image)
    mosaic = np.pad(image, ((0, 200), (0, 100)), mode="wrap")
    assert min(mosaic.shape) > 128
    np.testing.assert_allclose(diffusion.estimate_diffusion(mosaic), found, rtol=0.15)
    np.testing.assert_allclose(diffusion.estimate_diffusion(image[:-3, :-2]), found, rtol=0.15)


def test_integers_and_floats_alike(image):
    sixteen = np.round(np.clip(image, 0, None) * 50_000).astype("uint16")
    found = diffusion.estimate_diffusion(sixteen)
    np.testing.assert_allclose(found, diffusion.estimate_diffusion(sixteen / 1.0), rtol=1e-6)


def test_estimates_are_inside_the_ranges():
    noise = np.random.default_rng(0).random((64, 64))
    ramp = np.add.outer(np.linspace(0, 1, 64), np.linspace(0, 1, 64))
    for each in (noise, ramp, skimage.data.camera()):
        contrast, time, sigma = diffusion.estimate_diffusion(each)
        values = {"contrast": contrast / each.max(), "time": time, "noise": sigma / each.max()}
        for name, (low, high) in diffusion.RANGES.items():
            assert low * (1 - 1e-6) <= values[name] <= high * (1 + 1e-6)


def test_missing_pixels_are_left_out(image):
    holes = image.copy()
    holes[20:40, 30:50] = np.nan
    found = diffusion.estimate_diffusion(holes)
    np.testing.assert_allclose(found, diffusion.estimate_diffusion(image), rtol=0.2)
    masked = np.ma.masked_array(np.where(np.isnan(holes), 1e9, holes), np.isnan(holes))
    assert diffusion.estimate_diffusion(masked) == found


def test_an_output_that_a_missing_pixel_touches_does_not_count(image):
    """The pooled values are those of the other outputs, wherever the missing pixel is."""
    weights = {"scales": np.ones(1, "float32")}
    weights |= {f"filters{k}": np.ones((3, 3, 2 if k == 1 else 1, 1), "float32") for k in (1, 2, 3)}
    weights |= {f"offsets{k}": np.full(1, 30.0, "float32") for k in (1, 2, 3)}
    weights |= {"dense1": np.eye(6, dtype="float32"), "dense2": np.eye(6, dtype="float32")}
    weights |= {"dense3": np.eye(6, dtype="float32"), "bias1": 0, "bias2": 0, "bias3": 0}
    ramp = np.add.outer(np.arange(64.0), np.arange(64.0)).astype("float32") / 126
    whole = diffusion.output([ramp], weights)
    ramp[30, 31] = np.nan
    np.testing.assert_allclose(diffusion.output([ramp], weights), whole, rtol=1e-5)  # all outputs are alike
    ramp[30, 31] = 5.0
    assert np.abs(diffusion.output([ramp], weights) - whole).max() > 0.01


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda u: u > 0.5, TypeError, "dtype bool"),
        (lambda u: u.astype("complex64"), TypeError, "dtype complex64"),
        (lambda u: u[..., None], ValueError, r"shape \(96, 96, 1\)"),
        (lambda u: u[:31], ValueError, "at least 32 pixels a side"),
        (lambda u: 0 * u + 0.3, ValueError, "0.3 to 0.3; expected different ones"),
        (lambda u: u - 10, ValueError, "some are above 0"),
        (lambda u: np.where(u > 0.5, np.inf, u), ValueError, "contains infinity"),
        (lambda u: np.full_like(u, np.nan), ValueError, "Too few neighbouring pixels are known"),
        (lambda u: np.where(np.indices(u.shape)[0] % 4 == 0, np.nan, u), ValueError, "Too few neighbouring pixels"),
    ],
)
def test_what_is_refused(image, change, error, message):
    with pytest.raises(error, match=message):
        diffusion.estimate_diffusion(change(image))


# ---- restore ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return dn.models.ConditionedDiffNet(1, 2, 4, residual=True, start=1, initial_time_step=0.5)


def given(model, image, scale, contrast, time, noise):
    inputs = model.inputs_of((image / scale)[None, ..., None], noise, contrast / scale, time)
    return scale * keras.ops.convert_to_numpy(model(inputs))[0, ..., 0]


def test_auto_is_the_estimate(model, image):
    image = image.astype("float32")
    found = dn.estimate_diffusion(image)
    result = dn.restore(image, model, contrast="auto", time="auto", noise=0.01)
    np.testing.assert_allclose(
        result, given(model, image, image.max(), found.contrast, found.time, 0.01), atol=2e-5 * image.max()
    )
    half = dn.restore(image, model, contrast="auto", time=0.7, noise=0.01)
    np.testing.assert_allclose(half, given(model, image, image.max(), found.contrast, 0.7, 0.01), atol=2e-5)
    assert np.abs(half - result).max() > 1e-3


def test_all_three_may_be_auto(model, image):
    tiled = tiles.Tiled(model, contrast="auto", time="auto", noise="auto")
    assert tiled.reach == tiles.reach(model)  # of the longest time
    for each in (image, 0.5 * image):  # estimated for each image anew
        dn.restore(each.astype("float32"), tiled)
        (settings,), (sigma,) = tiled.diffusions, tiled.estimates
        found = dn.estimate_diffusion(each.astype("float32"))
        np.testing.assert_allclose(settings["contrast"], found.contrast / each.max(), rtol=1e-4)
        np.testing.assert_allclose(settings["time"], found.time, rtol=1e-4)
        np.testing.assert_allclose(sigma, found.noise / each.max(), rtol=1e-4)


def test_missing_pixels_do_not_mislead_it(model, image):
    """They are filled for the network, but smoothly."""
    holes = image.astype("float32")
    holes[20:32, 40:50] = np.nan
    tiled = tiles.Tiled(model, contrast=0.2, time="auto", noise=0.01)
    dn.restore(holes, tiled, nodata=np.nan)
    (settings,) = tiled.diffusions
    assert settings.keys() == {"time"}
    np.testing.assert_allclose(settings["time"], dn.estimate_diffusion(holes).time, rtol=1e-4)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda u: u[:31], {}, "31×96 pixels; expected at least 32 a side to estimate its diffusion. Give λ and T"),
        (lambda u: 0 * u + 0.5, {}, "cannot be estimated"),
        (lambda u: u, {"contrast": "Auto"}, "contrast='Auto'; expected a number or 'auto'"),
        (lambda u: u, {"time": "0.4"}, "time='0.4'; expected a number or 'auto'"),
        (lambda u: u, {"contrast": None}, 'or "auto" to estimate them'),
    ],
)
def test_what_restore_refuses(model, image, change, options, message):
    with pytest.raises(ValueError, match=message):
        dn.restore(
            change(image.astype("float32")), model, **{"contrast": "auto", "time": "auto", "noise": 0, **options}
        )


def test_the_estimate_is_for_one_diffusivity(image):
    several = dn.models.ConditionedDiffNet(1, 1, 2, diffusivities=["perona_malik_1", "weickert"])
    dn.restore(image.astype("float32"), several, contrast="auto", time=0.4)
    with pytest.raises(ValueError, match="contrast='auto' with diffusivity='weickert'; expected 'perona_malik_1'"):
        dn.restore(image.astype("float32"), several, contrast="auto", time=0.4, diffusivity="weickert")


def test_a_network_for_shorter_times_says_so(image):
    short = dn.models.ConditionedDiffNet(1, 1, 2, steps=1)
    with pytest.raises(ValueError, match="time=.*; expected at most 0.1"):
        dn.restore(image.astype("float32"), short, contrast=0.2, time="auto")


@slow
def test_the_command_estimates_and_says_what(model, image, tmp_path, capsys):
    model.save(tmp_path / "own.keras")
    Image.fromarray((255 * np.clip(image / image.max(), 0, 1)).astype("uint8")).save(tmp_path / "cat.png")
    command = [
        "restore",
        str(tmp_path / "cat.png"),
        str(tmp_path / "out.png"),
        "--weights",
        str(tmp_path / "own.keras"),
    ]
    assert main([*command, "--contrast", "auto", "--time", "auto", "--noise", "auto"]) == 0
    found = dn.estimate_diffusion(np.asarray(Image.open(tmp_path / "cat.png")))
    printed = capsys.readouterr().out
    assert f"Diffusion, estimated: λ = {found.contrast / 255:.2g} of white, T = {found.time:.2g} pixels²" in printed
    assert "σ of the noise, estimated" in printed
    assert main([*command, "--contrast", "some", "--time", "auto"]) == 2
    assert "auto" in capsys.readouterr().err


def test_an_estimate_at_the_end_of_its_range_is_said(model, image, monkeypatch):
    """An image that was not diffused has the shortest time that can be estimated."""
    found = diffusion.DiffusionEstimate(0.2, diffusion.RANGES["time"][0], 0.01)
    monkeypatch.setattr(diffusion, "of_squares", lambda *_: found)
    with pytest.warns(UserWarning, match="an end of the range 0.2 to 1 that can be"):
        dn.restore(image.astype("float32"), model, contrast=0.2, time="auto", noise=0.01)
    monkeypatch.setattr(diffusion, "of_squares", lambda *_: found._replace(time=0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dn.restore(image.astype("float32"), model, contrast=0.2, time="auto", noise=0.01)
