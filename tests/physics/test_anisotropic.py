"""Edge-enhancing diffusion against a loop in NumPy, and the laws that it obeys."""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import gaussian_filter

from diffnet_tf.base import backend
from diffnet_tf.physics import anisotropic, diffusion

SHAPES = [(3, 3), (9, 9), (7, 12)]


def image(shape, seed=0):
    return np.random.default_rng(seed).random(shape)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def apply(u, tensor):
    """∇·(D∇u) of one image by the code under test."""
    cells = [ops.convert_to_tensor(entry[None, :, :, None]) for entry in tensor]
    return numpy(anisotropic.divergence(ops.convert_to_tensor(u[None, :, :, None]), cells))[0, ..., 0]


def constant(shape, angle, across):
    """D with the eigenvalue `across` in the direction of an angle and 1 perpendicular to it, in all cells."""
    x, y = np.cos(angle), np.sin(angle)
    entries = (1 - (1 - across) * x * x, -(1 - across) * x * y, 1 - (1 - across) * y * y)
    return [np.full((shape[0] + 1, shape[1] + 1), entry) for entry in entries]


def oracle(u, steps, dt, contrast, sigma):
    """Cell by cell: the energy ½ Σ weights (difference)² of a cell and its derivative. SciPy smooths."""
    u = u.astype("float64")
    for _ in range(steps):
        # Far smaller than the image, the kernel of SciPy and the exact Gaussian agree where σ is large enough.
        smooth = np.pad(u if sigma == 0 else exact_gaussian(u, sigma), 1, mode="edge")
        extended, change = np.pad(u, 1, mode="edge"), np.zeros((u.shape[0] + 2, u.shape[1] + 2))
        for i in range(u.shape[0] + 1):
            for j in range(u.shape[1] + 1):
                corner = smooth[i : i + 2, j : j + 2]
                p = np.array([corner[:, 1].mean() - corner[:, 0].mean(), corner[1].mean() - corner[0].mean()])
                length = np.hypot(*p)
                d = np.eye(2)
                if length > 0:
                    g = 1 - np.exp(-3.31488 / (length / contrast) ** 8)
                    normal = p / length
                    along = np.array([-normal[1], normal[0]])
                    d = g * np.outer(normal, normal) + np.outer(along, along)
                a, b, c = d[0, 0], d[0, 1], d[1, 1]
                pairs = [((0, 0), (0, 1), (a - abs(b)) / 2), ((1, 0), (1, 1), (a - abs(b)) / 2)]
                pairs += [((0, 0), (1, 0), (c - abs(b)) / 2), ((0, 1), (1, 1), (c - abs(b)) / 2)]
                pairs += [((0, 0), (1, 1), max(b, 0)), ((0, 1), (1, 0), max(-b, 0))]
                for (k, m), (r, s), weight in pairs:
                    flux = weight * (extended[i + r, j + s] - extended[i + k, j + m])
                    change[i + k, j + m] += flux
                    change[i + r, j + s] -= flux
        u = u + dt * change[1:-1, 1:-1]
    return u


def exact_gaussian(u, sigma):
    """exp(−k²σ²/2) in the cosine basis, with the basis written out as matrices."""
    for axis, n in enumerate(u.shape):
        k, x = np.arange(n)[:, None], np.arange(n)[None, :]
        basis = np.cos(np.pi * k * (x + 0.5) / n) * np.where(k == 0, np.sqrt(1 / n), np.sqrt(2 / n))
        kernel = basis.T @ np.diag(np.exp(-((np.pi * np.arange(n) / n) ** 2) * sigma**2 / 2)) @ basis
        u = np.moveaxis(np.tensordot(kernel, u, axes=(1, axis)), 0, axis)
    return u


@pytest.mark.parametrize("sigma", [0.0, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_agrees_with_a_loop(float64, shape, sigma):
    u, settings = image(shape), {"steps": 2, "dt": 0.2, "contrast": 0.1, "sigma": sigma}
    expected = oracle(u, **settings)
    result = diffusion.edge_enhancing(u, **settings)
    assert keras.backend.standardize_dtype(result.dtype) == "float64"
    np.testing.assert_allclose(numpy(result), expected, atol=1e-12)
    single = diffusion.edge_enhancing(u.astype("float32"), **settings)
    assert keras.backend.standardize_dtype(single.dtype) == "float32"
    np.testing.assert_allclose(numpy(single), expected, atol=1e-5)


def test_mean_is_kept_variance_falls_constants_stay(float64):
    u = image((11, 8))
    v = u
    for _ in range(5):
        w = numpy(diffusion.edge_enhancing(v, 1, anisotropic.STABILITY_BOUND, 0.05, 0.7))
        np.testing.assert_allclose(w.mean(), u.mean(), atol=1e-14)
        assert w.var() < v.var()
        v = w
    flat = np.full((5, 6), 0.3)
    np.testing.assert_array_equal(numpy(diffusion.edge_enhancing(flat, 3)), flat)


def test_a_contrast_above_all_gradients_is_isotropic_diffusion(float64):
    u = image((9, 7))
    expected = numpy(diffusion.isotropic(u, 0.4, 4))
    np.testing.assert_allclose(numpy(diffusion.edge_enhancing(u, 4, 0.1, 1e3)), expected, atol=1e-14)


def matrix(shape, tensor):
    """∇·(D∇·) as a dense matrix."""
    columns = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    return np.stack([apply(column, tensor).ravel() for column in columns], axis=1)


def random_tensors(shape, rng, least=0.0):
    angle, across = rng.uniform(0, np.pi, (shape[0] + 1, shape[1] + 1)), rng.uniform(least, 1, (1, 1))
    angle[[0, -1]], angle[:, [0, -1]] = np.pi * rng.integers(0, 2) / 2, 0.0  # beyond the border: along the axes
    x, y = np.cos(angle), np.sin(angle)
    return [1 - (1 - across) * x * x, -(1 - across) * np.where(abs(x * y) < 1e-12, 0, x * y), 1 - (1 - across) * y * y]


def test_symmetric_never_growing_and_not_faster_than_the_laplacian(float64, rng):
    """Whatever D varies to, with eigenvalues in [0, 1]: spectrum in [−8, 0], so that dt = 1/4 is stable."""
    shape = (6, 5)
    laplacian = np.linalg.eigvalsh(-matrix(shape, constant(shape, 0.0, 1.0)))
    for _ in range(5):
        m = matrix(shape, random_tensors(shape, rng))
        np.testing.assert_allclose(m, m.T, atol=1e-14)
        np.testing.assert_allclose(m.sum(axis=0), 0, atol=1e-14)
        eigenvalues = np.linalg.eigvalsh(-m)
        assert eigenvalues.min() > -1e-13
        assert np.all(eigenvalues <= laplacian + 1e-13) and laplacian.max() < 8


def test_weights_are_negative_only_beyond_the_stated_anisotropy(float64, rng):
    """g ≥ 3 − 2√2 keeps grey values within their extremes at any angle; less does not at 22.5°."""
    shape = (5, 5)
    limit = 3 - 2 * np.sqrt(2)

    def least_weight(angle, across):
        m = matrix(shape, constant(shape, angle, across))
        return (m - np.diag(np.diag(m)))[12].min()

    for angle in np.linspace(0, np.pi, 17):
        assert least_weight(angle, limit) > -1e-14
    assert least_weight(np.pi / 8, 0.5 * limit) < -0.01
    u = np.round(image((9, 9)))
    for _ in range(4):
        v = u + 0.25 * apply(u, random_tensors((9, 9), rng, least=limit))
        assert v.min() >= u.min() - 1e-14 and v.max() <= u.max() + 1e-14
        u = v


@pytest.mark.parametrize("angle", [0.0, np.pi / 2, np.pi / 4, -np.pi / 4])
def test_a_step_edge_is_kept(float64, angle):
    """Across an edge along an axis or a diagonal next to nothing diffuses, where the heat equation blurs it."""
    x, y = np.meshgrid(np.arange(24.0), np.arange(24.0))
    place = (x - 11.5) * np.cos(angle) + (y - 11.5) * np.sin(angle)
    edge = (place > 1e-9).astype(float)
    kept = numpy(diffusion.edge_enhancing(edge, 10, 0.1, 0.05, 1.0))
    blurred = numpy(diffusion.isotropic(edge, 1.0, 10))
    inside = np.s_[6:-6, 6:-6]
    assert np.abs(kept - edge)[inside].max() < 0.02 < 0.2 < np.abs(blurred - edge)[inside].max()


def test_along_and_across(float64):
    """Constant D at 45°, eigenvalues 0 across and 1 along: of two waves only that along the direction decays."""
    n, k = 16, 2 * np.pi / 8
    x, y = np.meshgrid(np.arange(float(n)), np.arange(float(n)))
    tensor = constant((n, n), np.pi / 4, 0.0)  # across: to the lower right
    inside = np.s_[2:-2, 2:-2]
    across, along = (np.cos(k * (x + sign * y)) for sign in (1, -1))
    np.testing.assert_allclose(apply(across, tensor)[inside], 0, atol=1e-13)
    np.testing.assert_allclose(apply(along, tensor)[inside], -2 * (1 - np.cos(2 * k)) / 2 * along[inside], atol=1e-13)


def test_consistent_at_second_order(float64):
    """∇·(D∇u) with a D that turns, against its derivatives by hand, on finer and finer grids."""
    errors = []
    for n in (16, 32, 64):
        h = 1 / n
        at = (np.arange(n + 1)) * h
        x, y = np.meshgrid(at, at)
        t = x + 2 * y
        tensor = [1 - 0.5 * np.cos(t) ** 2, -0.5 * np.cos(t) * np.sin(t), 1 - 0.5 * np.sin(t) ** 2]
        at = (np.arange(n) + 0.5) * h
        x, y = np.meshgrid(at, at)
        t, u = x + 2 * y, np.sin(2 * x + y)
        ux, uy, uxx, uxy, uyy = 2 * np.cos(2 * x + y), np.cos(2 * x + y), -4 * u, -2 * u, -u
        ax, bx = 0.5 * np.sin(2 * t), -0.5 * np.cos(2 * t)
        by, cy = -np.cos(2 * t), -np.sin(2 * t)
        a, b, c = 1 - 0.5 * np.cos(t) ** 2, -0.5 * np.cos(t) * np.sin(t), 1 - 0.5 * np.sin(t) ** 2
        exact = a * uxx + 2 * b * uxy + c * uyy + (ax + by) * ux + (bx + cy) * uy
        inside = np.s_[2:-2, 2:-2]
        errors.append(np.abs(apply(u, tensor) / h**2 - exact)[inside].max())
    # Where b changes its sign, |b| has a kink; there the error is of first order.
    assert errors[1] < 0.6 * errors[0] and errors[2] < 0.6 * errors[1]


def test_smoothing_is_scipys_gaussian(float64):
    u = np.zeros((31, 31))
    u[12:19, 12:19] = gaussian_filter(image((7, 7)), 1.0)
    u = gaussian_filter(u, 1.0)
    a, _, _ = anisotropic.diffusion_tensor(ops.convert_to_tensor(u[None, :, :, None]), 0.05, 1.5)
    b, _, _ = anisotropic.diffusion_tensor(
        ops.convert_to_tensor(gaussian_filter(u, 1.5, truncate=9)[None, :, :, None]), 0.05, 0.0
    )
    np.testing.assert_allclose(numpy(a), numpy(b), atol=1e-5)
    assert numpy(a).min() < 0.5


def test_bad_arguments_are_refused():
    u = np.zeros((4, 4), "float32")
    with pytest.raises(ValueError, match=r"dt=0\.3 breaks the stability bound.*0\.25"):
        diffusion.edge_enhancing(u, dt=0.3)
    for arguments in ({"steps": -1}, {"dt": 0.0}, {"contrast": 0.0}, {"sigma": -1.0}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            diffusion.edge_enhancing(u, **arguments)


def test_compiled_is_the_same():
    u = image((2, 12, 10, 1)).astype("float32")
    eager = numpy(diffusion.edge_enhancing(u))
    fused = backend.compiled(diffusion.edge_enhancing, fused=True)(ops.convert_to_tensor(u))
    np.testing.assert_allclose(numpy(fused), eager, atol=1e-6)
