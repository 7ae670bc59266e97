"""Metrics and losses, with scikit-image as the oracle."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from diffnet_tf import metrics


@pytest.fixture
def noisy(photographs, rng):
    return (photographs + 0.02 * rng.standard_normal(photographs.shape)).astype("float32")


def test_psnr_is_scikit_images(photographs, noisy):
    from skimage.metrics import peak_signal_noise_ratio

    expected = [peak_signal_noise_ratio(t, o, data_range=1) for t, o in zip(photographs, noisy)]
    np.testing.assert_allclose(metrics.psnr(photographs, noisy), expected, rtol=1e-5)


def test_ssim_is_scikit_images(photographs, noisy):
    """Keras leaves the border out (a "valid" window); so does this comparison."""
    from skimage.metrics import structural_similarity

    settings = {"data_range": 1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = []
    for target, output in zip(photographs, noisy):
        _, full = structural_similarity(target[..., 0], output[..., 0], win_size=11, full=True, **settings)
        expected.append(full[5:-5, 5:-5].mean())
    np.testing.assert_allclose(metrics.ssim(photographs, noisy), expected, atol=2e-4)


def test_authors_psnr_is_their_formula(photographs, noisy):
    dark = 0.5 * photographs
    mse = np.mean((dark.astype("float64") - noisy) ** 2)
    expected = 20 * np.log10(dark.max() - dark.min()) - 10 * np.log10(mse)
    assert float(metrics.authors_psnr(dark, noisy)) == pytest.approx(expected, rel=1e-5)


def test_relative_l2(photographs, noisy):
    expected = [np.linalg.norm(t - o) / np.linalg.norm(t) for t, o in zip(photographs, noisy)]
    np.testing.assert_allclose(metrics.relative_l2(photographs, noisy), expected, rtol=1e-4)


def test_half_precision_images_are_measured_in_float32(photographs, noisy):
    half = ops.cast(noisy, "float16")
    expected = metrics.psnr(photographs, ops.cast(half, "float32"))
    np.testing.assert_array_equal(metrics.psnr(ops.convert_to_tensor(photographs), half), expected)
    # An error too small for float16 to square.
    zero, small = np.zeros((1, 8, 8, 1), "float16"), np.full((1, 8, 8, 1), 1e-5, "float16")
    assert float(metrics.psnr(zero, small)[0]) == pytest.approx(100, abs=0.5)


def test_perfect_images_are_counted_not_averaged(photographs, noisy):
    noisy[2] = photographs[2]
    values = ops.convert_to_numpy(metrics.psnr(photographs, noisy))
    assert np.isposinf(values[2])
    summary, others = metrics.summary(values), np.delete(values, 2)
    assert (summary["n"], summary["perfect"]) == (8, 1)
    assert summary["mean"] == pytest.approx(others.mean())
    assert (summary["min"], summary["max"]) == (others.min(), others.max())
    metric = metrics.PSNR()
    metric.update_state(photographs[:5], noisy[:5])
    metric.update_state(photographs[5:], noisy[5:])
    assert float(metric.result()) == pytest.approx(others.mean(), rel=1e-5)
    assert metrics.summary(np.full(3, np.inf))["mean"] is None


def test_nan_shows(photographs, noisy):
    noisy[1] = np.nan
    metric = metrics.PSNR()
    metric.update_state(photographs, noisy)
    assert np.isnan(float(metric.result()))
    assert np.isnan(metrics.summary(ops.convert_to_numpy(metrics.psnr(photographs, noisy)))["mean"])


def test_sample_weights(photographs, noisy):
    metric = metrics.PSNR()
    metric.update_state(photographs, noisy, sample_weight=np.eye(8)[3])
    assert float(metric.result()) == pytest.approx(float(metrics.psnr(photographs, noisy)[3]), rel=1e-5)
    with pytest.raises(ValueError, match="no sample weights"):
        metrics.NormLoss()(photographs, noisy, sample_weight=np.ones(8))
    with pytest.raises(ValueError, match="reduction='sum_over_batch_size'"):
        metrics.NormLoss(reduction="sum_over_batch_size")


def test_shapes_that_would_broadcast_are_refused(photographs):
    with pytest.raises(ValueError, match=r"output \(96, 96\); expected both \(batch, height, width, 1\)"):
        metrics.psnr(photographs, photographs[0, :, :, 0])


@pytest.mark.parametrize("measure", [metrics.mean_squared_error, metrics.psnr, metrics.ssim, metrics.relative_l2])
def test_one_image_needs_no_other_axes(photographs, noisy, measure):
    """And gives a scalar: the value that it has in a batch, gray or colour."""
    expected = float(measure(photographs, noisy)[3])
    for one in ((3, ..., 0), (3,)):
        value = measure(photographs[one], noisy[one])
        assert len(value.shape) == 0 and float(value) == pytest.approx(expected, rel=1e-5)
    colours = [np.moveaxis(images[:3, ..., 0], 0, -1) for images in (photographs, noisy)]
    expected = float(measure(*(image[None] for image in colours))[0])
    assert float(measure(*colours)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r"\(8, 96, 96\).*expected both"):
        measure(photographs[..., 0], noisy[..., 0])


def test_the_summary_of_one_image(photographs, noisy):
    value = metrics.psnr(photographs[0], noisy[0])
    assert metrics.summary(value)["n"] == 1 and metrics.summary(value)["mean"] == pytest.approx(float(value))


def test_norm_loss_is_the_authors(photographs, noisy):
    target = photographs - 0.3  # partly negative: the authors take the ReLU of the target
    expected = np.linalg.norm((np.maximum(target, 0) - noisy).ravel()) / 8
    assert float(metrics.NormLoss()(target, noisy)) == pytest.approx(expected, rel=1e-5)


def test_log_loss_is_the_mean_psnr_in_other_units(photographs, noisy, rng):
    strength = 10.0 ** rng.uniform(-1.5, 0, (8, 1, 1, 1)).astype("float32")
    output = photographs + strength * (noisy - photographs)
    expected = -np.log(10) / 20 * np.asarray(metrics.psnr(photographs, output)).mean()
    assert float(metrics.LogLoss()(photographs, output)) == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(float(metrics.LogLoss()(photographs, photographs)))


def test_a_perfect_fit_has_a_finite_gradient(photographs):
    """The root of zero has none."""
    u = keras.Input((96, 96, 1))
    model = keras.Model(u, keras.layers.DepthwiseConv2D(1, use_bias=False, depthwise_initializer="ones")(u))
    model.compile("sgd", metrics.NormLoss())
    model.fit(photographs, photographs, verbose=0)
    np.testing.assert_allclose(ops.convert_to_numpy(model.weights[0]), 1.0)


def test_a_summary_is_printed_to_five_digits_and_kept_whole():
    values = np.array([31.123456789, 42.987654321, np.inf])
    found = metrics.summary(values)
    assert (
        repr(found)
        == str(found)
        == ("{'n': 3, 'perfect': 1, 'mean': 37.056, 'std': 5.9321, 'median': 37.056, 'min': 31.123, 'max': 42.988}")
    )
    assert found["max"] == 42.987654321 and json.loads(json.dumps(found)) == found
