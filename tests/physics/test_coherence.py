"""Coherence-enhancing diffusion: its tensor against SciPy, and the laws that it obeys."""

import numpy as np
import pytest
from keras import ops
from scipy.ndimage import fourier_gaussian

from diffnet_tf.base import backend
from diffnet_tf.physics import anisotropic, diffusion
from tests.conftest import mostly_slow

SYMMETRIES = [lambda u, k=k, flip=flip: np.rot90(u[::-1] if flip else u, k) for k in range(4) for flip in (False, True)]


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def smoothed(u, sigma):
    """A periodic image after convolution with a Gaussian."""
    return np.fft.ifft2(fourier_gaussian(np.fft.fft2(u), sigma)).real


def odd(u):
    """Zero before and after the image, then the image mirrored with the opposite sign."""
    for axis in (0, 1):
        zero = np.zeros_like(np.take(u, [0], axis))
        u = np.concatenate([zero, u, zero, -np.flip(u, axis)], axis)
    return u


PERIODS = {  # boundary → one period of the image that it continues, and where the image starts in it
    "neumann": (lambda u: np.block([[u, u[:, ::-1]], [u[::-1], u[::-1, ::-1]]]), 0),
    "periodic": (lambda u: u, 0),
    "dirichlet": (odd, 1),
}


def tensors(u, contrast, sigma, rho, alpha, boundary):
    """D in every cell by eigenvectors, from one period of the continued image: (height + 1, width + 1, 2, 2)."""
    period, first = PERIODS[boundary]
    smooth = smoothed(period(u), sigma)
    # Cell (i, j) of the period lies between the pixels i − 1, i and j − 1, j.
    before = [[np.roll(smooth, (r, c), (0, 1)) for c in (1, 0)] for r in (1, 0)]
    right = (before[0][1] - before[0][0] + before[1][1] - before[1][0]) / 2
    down = (before[1][0] - before[0][0] + before[1][1] - before[0][1]) / 2
    entries = {k: smoothed(v, rho) for k, v in {"a": right**2, "b": right * down, "c": down**2}.items()}
    result = np.zeros((u.shape[0] + 1, u.shape[1] + 1, 2, 2))
    for i, j in np.ndindex(result.shape[:2]):
        at = (i + first) % smooth.shape[0], (j + first) % smooth.shape[1]
        a, b, c = (entries[k][at] for k in "abc")
        (low, high), vectors = np.linalg.eigh([[a, b], [b, c]])
        along = alpha + (1 - alpha) * np.exp(-(contrast**4) / (high - low) ** 2) if high > low else alpha
        result[i, j] = vectors @ np.diag([along, alpha]) @ vectors.T
    return result


@pytest.mark.parametrize("boundary", PERIODS)
def test_the_tensor_agrees_with_scipy_in_all_cells(float64, boundary):
    u, (contrast, sigma, rho, alpha) = image((8, 11)), (0.05, 0.8, 1.5, 0.01)
    structure = anisotropic.structure_tensor(ops.convert_to_tensor(u[None, :, :, None]), sigma, rho, boundary)
    result = [numpy(entry)[0, ..., 0] for entry in anisotropic.coherence_tensor(structure, contrast, alpha)]
    expected = tensors(u, contrast, sigma, rho, alpha, boundary)
    for entry, (row, column) in zip(result, ((0, 0), (0, 1), (1, 1))):
        np.testing.assert_allclose(entry, expected[..., row, column], atol=1e-10)
    assert np.abs(result[1]).max() > 0.1 and result[0].max() > 0.5
    # Both eigenvalues are between α and 1, so the stability bound is that of the Laplacian.
    eigenvalues = np.linalg.eigvalsh(expected)
    assert eigenvalues.min() > alpha - 1e-12 and eigenvalues.max() <= 1


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
def test_mean_is_kept_variance_falls_constants_stay(float64, boundary):
    v = u = image((11, 8))
    for _ in range(3):
        w = numpy(diffusion.coherence_enhancing(v, 1, 0.25, 0.05, 0.5, 1.5, boundary=boundary))
        np.testing.assert_allclose(w.mean(), u.mean(), atol=1e-14)
        assert w.var() < v.var()
        v = w
    flat = np.full((5, 6), 0.3)
    np.testing.assert_array_equal(numpy(diffusion.coherence_enhancing(flat, 3, boundary=boundary)), flat)


@pytest.mark.parametrize("boundary", ["neumann", "periodic", "dirichlet", 0.5])
def test_it_commutes_with_flips_and_rotations(boundary):
    u = image((9, 12)).astype("float32")

    def diffused(u):
        return numpy(diffusion.coherence_enhancing(u.copy(), 4, 0.2, 0.05, 0.5, 2.0, boundary=boundary))

    result = diffused(u)
    assert np.abs(result - u).max() > 0.1
    assert max(np.abs(diffused(g(u)) - g(result)).max() for g in SYMMETRIES) < 1e-6


@pytest.mark.parametrize("angle", mostly_slow([0.0, 0.4, np.pi / 4], 0.4))
def test_a_gap_in_stripes_is_closed(angle):
    """Stripes with a gray disk of 5 pixels in the middle: how much of the stripes is there afterwards."""
    x, y = np.meshgrid(np.arange(32.0) - 15.5, np.arange(32.0) - 15.5)
    stripes = 0.3 * np.cos(2 * np.pi / 8 * (x * np.cos(angle) + y * np.sin(angle)))
    gap, rest = x**2 + y**2 < 2.5**2, (x**2 + y**2 > 64) & (np.maximum(abs(x), abs(y)) < 12)
    u = (0.5 + np.where(gap, 0.0, stripes)).astype("float32")

    def share(v, where):
        return ((numpy(v) - 0.5) * stripes)[where].sum() / (stripes**2)[where].sum()

    step = backend.compiled(lambda u: diffusion.coherence_enhancing(u, 10, 0.2), fused=True)
    closed = ops.convert_to_tensor(u)
    for _ in range(5):  # up to T = 10
        closed = step(closed)
    assert share(u, gap) == 0 and share(closed, gap) > 0.6 and share(closed, rest) > 0.9
    blurred = diffusion.isotropic(u, 10.0, 1, "fourier")
    assert share(blurred, gap) < 0.05 and share(blurred, rest) < 0.05


def test_alpha_1_is_isotropic_diffusion(float64):
    u = image((9, 7))
    expected = numpy(diffusion.isotropic(u, 0.4, 4))
    np.testing.assert_allclose(numpy(diffusion.coherence_enhancing(u, 4, 0.1, alpha=1.0)), expected, atol=1e-14)


def test_without_coherence_only_alpha_is_left(float64):
    """A contrast above all gradients: nothing counts as a stripe."""
    u, alpha = image((9, 7)), 0.1
    expected = numpy(diffusion.isotropic(u, 4 * 0.1 * alpha, 4))
    np.testing.assert_allclose(numpy(diffusion.coherence_enhancing(u, 4, 0.1, 1e3, alpha=alpha)), expected, atol=1e-14)


def test_bad_arguments_are_refused():
    u = np.zeros((4, 4), "float32")
    with pytest.raises(ValueError, match=r"dt=0\.3 breaks the stability bound.*0\.25"):
        diffusion.coherence_enhancing(u, dt=0.3)
    for name, value in {"steps": -1, "dt": 0.0, "contrast": 0.0, "sigma": -1.0, "rho": -1.0, "alpha": 0.0}.items():
        with pytest.raises(ValueError, match=name):
            diffusion.coherence_enhancing(u, **{name: value})
    with pytest.raises(ValueError, match="alpha=2; expected at most 1"):
        diffusion.coherence_enhancing(u, alpha=2.0)
