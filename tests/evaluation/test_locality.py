"""The matrix of a diffusion and its cut inverse: against the diffusion itself and NumPy."""

import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.evaluation import locality


@pytest.fixture
def image(rng):
    return rng.random((7, 9))


@pytest.mark.parametrize("boundary", dn.stencil.BOUNDARIES)
def test_the_matrix_is_the_diffusion(float64, image, boundary):
    settings = {"steps": 3, "dt": 0.2, "contrast": 0.3, "boundary": boundary}
    matrix = locality.diffusion_matrix(image, **settings)
    expected = dn.diffusion.perona_malik(image, **settings)
    np.testing.assert_allclose((matrix @ image.ravel()).reshape(image.shape), expected, atol=1e-13)
    inverse = np.linalg.inv(matrix.toarray())
    np.testing.assert_allclose(inverse @ np.asarray(expected).ravel(), image.ravel(), atol=1e-11)


def test_with_all_pixels_the_inverse_is_exact(float64, image):
    matrix = locality.diffusion_matrix(image, steps=2)
    inverse = locality.local_inverse(matrix, image.shape, 1000)
    np.testing.assert_allclose(inverse.toarray(), np.linalg.inv(matrix.toarray()), atol=1e-8)


def test_filters_reach_as_far_as_they_may(float64, image):
    matrix = locality.diffusion_matrix(image, steps=2)
    for radius_squared, points in ((0, 1), (1, 5), (2, 9), (4, 13), (5, 21), (8, 25)):
        assert locality.points_within(radius_squared) == points
        row = locality.local_inverse(matrix, image.shape, radius_squared).toarray()[3 * 9 + 4]
        places = np.flatnonzero(row)
        assert len(places) == points
        assert ((places // 9 - 3) ** 2 + (places % 9 - 4) ** 2).max() == radius_squared


def test_the_filters_are_the_best_of_their_reach(float64, image, rng):
    """On random images with the covariance that is assumed, any other filters of the same reach do worse."""
    matrix = locality.diffusion_matrix(image, steps=4)
    best = locality.local_inverse(matrix, image.shape, 1)
    root = np.linalg.cholesky(locality._covariance(image.shape))
    u = root @ rng.standard_normal((63, 4_000))

    def error(inverse):
        return np.mean((inverse @ (matrix @ u) - u) ** 2)

    truth = error(best)
    for _ in range(5):
        other = best.copy()
        other.data = other.data + 0.02 * rng.standard_normal(len(other.data))
        assert error(other) > truth


def test_wrong_images_are_refused():
    with pytest.raises(ValueError, match=r"u have shape \(1, 2, 9, 1\); expected a height and width of at least 3"):
        locality.diffusion_matrix(np.zeros((2, 9)))
    with pytest.raises(TypeError, match="u have dtype int64"):
        locality.diffusion_matrix(np.zeros((9, 9), int))
