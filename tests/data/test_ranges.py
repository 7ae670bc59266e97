"""Ranges of numbers that differ between examples, and several parameters that the network may see."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf import data
from diffnet_tf.data import ranges
from tests.conftest import slow, tensorflow_only

PARAMETERS = {"contrast": (0.1, 0.4), "time": (0.2, 1.0, 0.1)}
OPTIONS = {
    "noise": (0.001, 0.05, "log"),
    "noise_map": True,
    "parameter": PARAMETERS,
    "parameter_map": True,
    "degrade": dn.diffusion.per_image,
    "seed": 3,
}


def many(**options):
    images = np.ones((4_096, 3, 3, 1), "float32")
    return data.PairSequence(images, batch_size=4_096, seed=2, **options)._plan.batch(0)


def test_a_logarithm_is_uniform():
    from scipy.stats import kstest

    drawn = many(noise=(0.001, 0.05, "log"), parameter={"a": (0.1, 10.0, "log")}, degrade=lambda u, a: u)
    sigma, a = drawn.sigma.ravel(), drawn.parameter.ravel()
    assert 0.001 <= sigma.min() < 0.0011 < 0.049 < sigma.max() <= 0.05
    assert kstest(np.log(sigma / 0.001) / np.log(50), "uniform").pvalue > 1e-3
    assert kstest(np.log10(a) / 2 + 0.5, "uniform").pvalue > 1e-3


def test_steps_are_equally_frequent_and_have_both_ends():
    drawn = many(parameter={"b": (-1.0, 2.0), "time": (0.2, 1.0, 0.1)}, degrade=lambda u, b, time: u)
    b, time = drawn.parameter.reshape(-1, 2).T
    values, counts = np.unique(time, return_counts=True)
    np.testing.assert_allclose(values, np.arange(2, 11) / 10, atol=1e-7)
    assert abs(counts / 4_096 - 1 / 9).max() < 5 * np.sqrt(1 / 9 / 4_096)
    assert -1.0 <= b.min() < b.max() < 2.0 and abs(np.corrcoef(b, time)[0, 1]) < 5 / np.sqrt(4_096)


def test_the_first_of_several_is_drawn_as_one_alone():
    several = many(parameter={"a": (0.5, 2.0), "b": (0.0, 1.0)}, degrade=lambda u, a, b: u).parameter
    alone = many(parameter=(0.5, 2.0), degrade=lambda u, a: u).parameter
    np.testing.assert_array_equal(several[..., :1], alone)


def test_the_network_sees_what_its_image_was_diffused_with(photographs):
    """σ, λ and T are constant channels, in this order, and the image is diffused with these."""
    inputs, targets = data.paired_arrays(photographs, batch_size=3, **OPTIONS)
    assert inputs.shape == (8, 96, 96, 4) and targets.shape == (8, 96, 96, 1)
    assert np.ptp(inputs[..., 1:], axis=(1, 2)).max() == 0
    sigma, contrast, time = inputs[:, 0, 0, 1:].T
    assert len(set(contrast)) == len(set(sigma)) == 8 and len(set(time)) > 1
    diffused = np.asarray(dn.diffusion.per_image(targets, contrast, time))
    np.testing.assert_allclose((inputs[..., :1] - diffused).std((1, 2, 3)), sigma, rtol=0.05)
    without = data.paired_arrays(photographs, **{**OPTIONS, "noise_map": False, "parameter_map": False})[0]
    np.testing.assert_allclose(without, inputs[..., :1], atol=1e-6)


def test_a_number_is_the_same_for_all_examples(photographs):
    fixed = {"contrast": 0.3, "time": 0.6}
    inputs, targets = data.paired_arrays(photographs, **{**OPTIONS, "noise": 0.0, "parameter": fixed})
    np.testing.assert_array_equal(inputs[:, 0, 0, 1:], np.tile(np.float32([0.0, 0.3, 0.6]), (8, 1)))
    expected = dn.diffusion.perona_malik(targets, steps=6, contrast=0.3)
    np.testing.assert_allclose(inputs[..., :1], expected, atol=1e-6)


def test_the_forward_problem_may_be_given_parameters_too(photographs):
    options = {**OPTIONS, "noise": 0.0, "noise_map": False}
    inputs, targets = data.paired_arrays(photographs, "forward", **options)
    np.testing.assert_array_equal(inputs[..., :1], photographs)
    diffused = dn.diffusion.per_image(photographs, *inputs[:, 0, 0, 1:].T)
    np.testing.assert_allclose(targets, diffused, atol=1e-6)


@slow
@tensorflow_only
def test_both_pipelines_draw_the_same_wherever_they_start(photographs):
    expected = [np.concatenate(part) for part in zip(*data.pairs(photographs, epochs=2, batch_size=1, **OPTIONS))]
    dataset = data.pairs(photographs, epochs=2, batch_size=4, start=5, **OPTIONS)
    result = [np.concatenate(part) for part in zip(*dataset)]
    for a, b in zip(result, expected):
        np.testing.assert_array_equal(a, b[5:])
    sequence = data.PairSequence(photographs, epochs=2, batch_size=8, **OPTIONS)
    inputs = np.concatenate([sequence[i][0] for i in range(2)])
    np.testing.assert_allclose(inputs, expected[0], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"noise": (0.0, 0.1, "log")}, ValueError, "above 0, which have a logarithm"),
        ({"noise": (0.1, 0.2, 0.1)}, ValueError, 'expected σ, .low, high. or .low, high, "log".'),
        ({"noise": (0.1, 0.2, "exp")}, TypeError, "holds a str"),
        ({"parameter": {}}, ValueError, "expected names"),
        ({"parameter": {"a b": 1.0}}, ValueError, "expected names"),
        ({"parameter": {"contrast": "0.1"}}, TypeError, r"parameter\['contrast'\]"),
        ({"parameter": {"time": (0.2, 1.0, 0.3)}}, ValueError, "a whole number of steps above low"),
        ({"parameter": {"time": (0.2, 1.0, -0.1)}}, ValueError, "a whole number of steps above low"),
        ({"parameter": {"time": (1.0, 0.2)}}, ValueError, "the lower first"),
        ({"parameter": None}, ValueError, "parameter_map=True without parameter"),
        ({"degrade": None}, ValueError, "without degrade"),
    ],
)
def test_what_is_refused(photographs, options, error, message):
    with pytest.raises(error, match=message):
        data.PairSequence(photographs, batch_size=8, **{**OPTIONS, **options})


def test_plain_values_make_the_range_again():
    for given in (0.01, (0.0, 0.1), (0.001, 0.05, "log")):
        spread = ranges.of_noise(given)
        assert ranges.of_noise(spread.plain) == spread
    given = {"a": 1.0, "b": (0.0, 2.0), "c": (0.1, 0.4, "log"), "d": (0.2, 1.0, 0.1)}
    assert ranges.of_parameters(ranges.plain(given)) == ranges.of_parameters(given)
    assert ranges.plain((0.5, 0.5)) == [0.5, 0.5] and ranges.plain((0, 1)) == [0.0, 1.0]


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ({"contrast": 0.2, "time": 2.0}, "at most 1"),
        ({"contrast": 0.2, "time": (0.2, 1.5, 0.1)}, "at most 1"),
        ({"contrast": (-0.4, -0.1), "time": 0.4}, "contrast"),
        ({"contrast": (-0.1, 0.4), "time": 0.4}, "contrast"),
    ],
)
def test_a_diffusion_out_of_range_is_refused_before_the_pipeline(photographs, parameter, message):
    """A compiled pipeline cannot check values: it would show a time that is not that of the image."""
    with pytest.raises(ValueError, match=message):
        data.paired_arrays(photographs, **{**OPTIONS, "parameter": parameter})


@tensorflow_only
def test_a_function_that_takes_tensors_only_is_no_error(photographs):
    options = {**OPTIONS, "parameter": {"scale": (0.5, 1.0)}, "degrade": lambda u, scale: u * scale.numpy()}
    assert data.paired_arrays(photographs, **options)[0].shape[-1] == 3
