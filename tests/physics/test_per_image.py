"""A diffusion of its own for every image of a batch: that of `nonlinear`, image by image."""

import numpy as np
import pytest
from keras import ops

from diffnet_tf.base import backend
from diffnet_tf.physics import diffusion
from diffnet_tf.physics.diffusivity import DIFFUSIVITIES
from diffnet_tf.physics.per_image import number_of_steps
from tests.conftest import BACKEND

FOUR = ("perona_malik_1", "perona_malik_2", "charbonnier", "weickert")
CONTRAST = np.array([0.1, 0.15, 0.2, 0.4, 0.3])
TIME = np.array([0.2, 1.0, 0.0, 0.7, 0.4])


@pytest.fixture
def images(photographs):
    return photographs[:5, :24, :20]


def one_by_one(images, names, **options):
    return np.concatenate(
        [
            ops.convert_to_numpy(diffusion.nonlinear(u[None], round(10 * time), 0.1, contrast, name, **options))
            for u, contrast, time, name in zip(images, CONTRAST, TIME, names)
        ]
    )


@pytest.mark.parametrize("name", FOUR)
def test_it_is_the_diffusion_of_every_image(images, name):
    expected = one_by_one(images, [name] * 5)
    result = ops.convert_to_numpy(diffusion.per_image(images, CONTRAST, TIME, name))
    np.testing.assert_allclose(result, expected, atol=3e-7)
    np.testing.assert_array_equal(result[2], images[2])  # T = 0
    assert np.abs(result[1] - images[1]).max() > 0.01


def test_every_image_may_have_another_diffusivity(images):
    kind = [3, 0, 1, 2, 1]
    expected = one_by_one(images, [FOUR[k] for k in kind])
    result = diffusion.per_image(images, CONTRAST, TIME, FOUR, kind)
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, atol=3e-7)


@pytest.mark.parametrize("options", [{"boundary": "dirichlet"}, {"boundary": 0.3}, {"scheme": "symmetric"}])
def test_options_are_those_of_nonlinear(images, options):
    result = diffusion.per_image(images, CONTRAST, TIME, **options)
    expected = one_by_one(images, ["perona_malik_1"] * 5, **options)
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, atol=3e-7)


def test_numbers_may_have_any_shape_and_may_be_one_for_all(images):
    expected = ops.convert_to_numpy(diffusion.per_image(images, CONTRAST, TIME))
    shaped = diffusion.per_image(images, *(value.reshape(5, 1, 1, 1).astype("float32") for value in (CONTRAST, TIME)))
    np.testing.assert_array_equal(ops.convert_to_numpy(shaped), expected)
    one = ops.convert_to_numpy(diffusion.per_image(images[0, ..., 0], 0.1, 0.2))
    np.testing.assert_allclose(one, expected[0, ..., 0], atol=1e-7)


def test_the_last_step_of_other_times_is_shorter(images):
    before = diffusion.perona_malik(images, steps=3, contrast=0.2)
    expected = diffusion.nonlinear(before, 1, 0.04, 0.2)
    result = diffusion.per_image(images, 0.2, 0.34)
    np.testing.assert_allclose(ops.convert_to_numpy(result), ops.convert_to_numpy(expected), atol=3e-7)
    assert [number_of_steps(time) for time in (0.0, 0.05, 0.1, np.float32(0.7), 0.71, 1.0)] == [0, 1, 1, 7, 8, 10]


def test_compiled_for_tensors(images):
    function = backend.compiled(lambda u, contrast, time: diffusion.per_image(u, contrast, time), fused=True)
    contrast, time = (value.astype("float32") for value in (CONTRAST, TIME))
    expected = one_by_one(images, ["perona_malik_1"] * 5)
    np.testing.assert_allclose(np.asarray(function(images, contrast, time)), expected, atol=3e-7)


@pytest.mark.parametrize("name", FOUR)
def test_its_gradient_is_right(images, float64, name):
    """Against a difference quotient in float64, with respect to images, contrasts and times."""
    u = images.astype("float64")
    contrast = CONTRAST.reshape(5, 1, 1, 1)
    rng = np.random.default_rng(1)
    weights, du = rng.normal(size=(2, *u.shape))
    dc, dt = 0.01 * rng.normal(size=contrast.shape), np.array([1.0, -2.0, 0.0, 1.0, 3.0]).reshape(5, 1, 1, 1)

    def value(u, contrast, time):
        return ops.sum(diffusion.per_image(u, contrast, time, name) * ops.convert_to_tensor(weights))

    time = np.array([0.25, 0.93, 0.0, 0.66, 0.41]).reshape(5, 1, 1, 1)  # no multiples of a step, where it has a kink
    given = [ops.convert_to_tensor(each) for each in (u, contrast, time)]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(given)
            total = value(*given)
        slopes = tape.gradient(total, given)
    elif BACKEND == "jax":
        import jax

        slopes = jax.grad(value, argnums=(0, 1, 2))(*given)
    else:
        given = [each.clone().requires_grad_() for each in given]
        value(*given).backward()
        slopes = [each.grad for each in given]
    h = 1e-6
    ends = [float(value(*map(ops.convert_to_tensor, (u + s * du, contrast + s * dc, time + s * dt)))) for s in (h, -h)]
    quotient = (ends[0] - ends[1]) / (2 * h)
    slope = sum(float(np.sum(ops.convert_to_numpy(g) * d)) for g, d in zip(slopes, (du, dc, dt)))
    assert slope == pytest.approx(quotient, rel=1e-3)  # PyTorch's maximum, in one of them, is float32
    assert all(np.isfinite(ops.convert_to_numpy(g)).all() for g in slopes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time": [0.2, 1.1, 0.2, 0.2, 0.2]}, "time=1.1; expected at most 1, 10 steps of 0.1"),
        ({"time": -0.1}, "time"),
        ({"contrast": 0.0}, "contrast"),
        ({"contrast": [0.1, 0.2]}, r"contrast has shape \(2,\) and u \(5, 24, 20, 1\)"),
        ({"diffusivity": "regularised_tv"}, "depends on λ"),
        ({"diffusivity": ()}, "at least one"),
        ({"kind": 1}, "kind=1"),
        ({"dt": 0.3, "time": 0.3}, "stability bound"),
        ({"steps": 0}, "steps"),
        ({"scheme": "central"}, "scheme"),
    ],
)
def test_what_it_refuses(images, changes, message):
    with pytest.raises(ValueError, match=message):
        diffusion.per_image(images, **{"contrast": 0.2, "time": 0.4, **changes})


def test_all_diffusivities_but_one_fit():
    assert set(FOUR) | {"regularised_tv"} == set(DIFFUSIVITIES)
