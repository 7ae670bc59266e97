"""Applying and splitting stencils of 5, 9 and 13 points, against sparse matrices built entry by entry."""

import numpy as np
import pytest
from keras import ops

from diffnet_tf.physics import diffusion, stencil

OFFSETS = {"centre": (0, 0), "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
FURTHER = [(-1, -1), (-1, 1), (1, -1), (1, 1), (-2, 0), (2, 0), (0, -2), (0, 2)]


def mirrored(place, length):
    """The place that np.pad's "symmetric" mode repeats there."""
    return np.pad(np.arange(length), 2, mode="symmetric")[place + 2]


def wrapped(place, length):
    return np.pad(np.arange(length), 2, mode="wrap")[place + 2]


def matrix(filters, boundary):
    """The SSD matrix of Def. 2.7, one entry at a time."""
    height, width, points = filters.shape
    offsets = ([OFFSETS[name] for name in stencil.ORDER] + FURTHER)[:points]
    dense = np.zeros((height * width,) * 2)
    for i in range(height):
        for j in range(width):
            for k, (down, right) in enumerate(offsets):
                row, column = i + down, j + right
                if boundary != "dirichlet":
                    inside = mirrored if boundary == "neumann" else wrapped
                    row, column = inside(row, height), inside(column, width)
                elif not (0 <= row < height and 0 <= column < width):
                    continue
                dense[i * width + j, row * width + column] += filters[i, j, k]
    return dense


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
@pytest.mark.parametrize(
    ("points", "shape"), [(5, (3, 3)), (5, (5, 8)), (5, (1, 4)), (9, (3, 3)), (9, (5, 8)), (13, (3, 3)), (13, (6, 5))]
)
def test_apply_and_operator_are_the_matrix(float64, rng, points, shape, boundary):
    u, filters = rng.standard_normal((2, *shape, 1)), rng.standard_normal((2, *shape, points))
    result = ops.convert_to_numpy(stencil.apply(u, filters, boundary))
    for b in range(2):
        expected = matrix(filters[b], boundary)
        np.testing.assert_allclose(result[b].ravel(), expected @ u[b].ravel(), atol=1e-13)
        operator = stencil.operator(filters[b], 0.3, boundary)
        np.testing.assert_allclose(operator.stencil_matrix.toarray(), expected, atol=1e-14)


@pytest.mark.parametrize("points", stencil.POINTS)
def test_mixing_channels_is_a_sum_of_stencils(float64, rng, points):
    u, filters = rng.standard_normal((2, 5, 6, 3)), rng.standard_normal((2, 5, 6, 3, 3, points))
    result = ops.convert_to_numpy(stencil.apply_mixing(u, filters))
    for c in range(3):
        expected = sum(stencil.apply(u[..., d : d + 1], filters[:, :, :, c, d]) for d in range(3))
        np.testing.assert_allclose(result[..., c : c + 1], expected, atol=1e-13)
    with pytest.raises(ValueError, match="the channels of the filters has shape"):
        stencil.apply_mixing(u[..., :2], filters)


def test_split_is_mean_free_plus_smoothing(float64, rng):
    u, filters = rng.standard_normal((2, 6, 7, 1)), rng.standard_normal((2, 6, 7, 5))
    mean_free, smoothing = stencil.split(ops.convert_to_tensor(filters))
    whole = stencil.apply(u, filters)
    np.testing.assert_allclose(stencil.apply(u, mean_free) + smoothing * u, whole, atol=1e-13)
    np.testing.assert_allclose(stencil.apply(np.ones_like(u), mean_free), 0, atol=1e-13)
    np.testing.assert_allclose(ops.convert_to_numpy(smoothing)[..., 0], filters.sum(-1), atol=1e-13)
    np.testing.assert_array_equal(ops.convert_to_numpy(mean_free)[..., 1:], filters[..., 1:])


@pytest.mark.parametrize("boundary", stencil.BOUNDARIES)
def test_stencil_of_a_diffusivity_is_the_divergence(float64, rng, boundary):
    """Eq. (4.4) as a stencil and as differences of fluxes: the same operator."""
    u, gamma = rng.standard_normal((2, 5, 6, 1)), ops.convert_to_tensor(rng.random((2, 5, 6, 1)))
    filters = stencil.from_diffusivity(gamma, boundary)
    expected = diffusion.divergence(ops.convert_to_tensor(u), gamma, boundary)
    np.testing.assert_allclose(stencil.apply(u, filters, boundary), expected, atol=1e-13)
    np.testing.assert_allclose(stencil.smoothing(filters), 0, atol=1e-14)


def test_channels_share_the_filters(rng):
    u, filters = rng.random((2, 5, 5, 3), "float32"), rng.random((2, 5, 5, 5), "float32")
    together = ops.convert_to_numpy(stencil.apply(u, filters))
    for c in range(3):
        np.testing.assert_allclose(together[..., c : c + 1], stencil.apply(u[..., c : c + 1], filters), rtol=1e-6)


def test_wrong_shapes_are_refused(rng):
    u = rng.random((2, 5, 5, 1), "float32")
    with pytest.raises(ValueError, match=r"filters have shape \(2, 5, 5, 4\); expected \(batch, height, width, 5\)"):
        stencil.apply(u, np.zeros((2, 5, 5, 4), "float32"))
    with pytest.raises(ValueError, match=r"u has shape \(5, 5\)"):
        stencil.apply(u[0, :, :, 0], np.zeros((2, 5, 5, 5), "float32"))
    with pytest.raises(ValueError, match="boundary='wrap'"):
        stencil.apply(u, np.zeros((2, 5, 5, 5), "float32"), "wrap")
