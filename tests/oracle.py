"""An independent implementation of the paper's equations: float64 sparse matrices in SciPy, one image at a time.

Written from the formulas with difference matrices, not from the code under test: L(γ) = −Dᵀ diag(γ at mid-points) D,
where D takes differences between neighbouring pixels. Under Neumann boundaries D has a row for every pair of pixels
inside the image, under other boundaries also one for each border pixel and the value outside. Prescribed values are an
image (height + 2, width + 2) with a frame of them; they add a constant, so that L(γ)u is A u + b.
"""

import numpy as np
import scipy.sparse as sp
from scipy.signal import correlate2d
from scipy.sparse.linalg import spsolve
from scipy.special import eval_legendre

DIFFUSIVITIES = {
    "perona_malik_1": lambda s, k: k**2 / (s**2 + k**2),
    "perona_malik_2": lambda s, k: np.exp(-((s / k) ** 2)),
    "regularised_tv": lambda s, k: (s**2 + k**2) ** -0.5,
    "charbonnier": lambda s, k: (1 + (s / k) ** 2) ** -0.5,
}


def weickert(s, k):
    with np.errstate(divide="ignore"):
        return np.where(s > 0, 1 - np.exp(-3.31488 / (s / k) ** 8), 1.0)


DIFFUSIVITIES["weickert"] = weickert


def _extension(n, boundary):
    """From n pixels to n + 2 with the ones outside: copies of the border, of the opposite side, or zeros."""
    inner = sp.lil_matrix((n + 2, n))
    for i in range(n):
        inner[i + 1, i] = 1
    if isinstance(boundary, str) and boundary == "neumann":
        inner[0, 0] = inner[n + 1, n - 1] = 1
    if isinstance(boundary, str) and boundary == "periodic":
        inner[0, n - 1] = inner[n + 1, 0] = 1
    return inner.tocsr()


def _constant(shape, axis, boundary):
    """What prescribed values put into the n + 2 pixels along an axis: (n + 2, width) or (height, n + 2)."""
    height, width = shape
    values = np.zeros((height + 2, width + 2))
    if not isinstance(boundary, str):
        values[:] = boundary
        values[1:-1, 1:-1] = 0
    return values[:, 1:-1] if axis == 0 else values[1:-1]


def _difference(n):
    """Differences of n + 2 values at the n + 1 mid-points."""
    return sp.diags([-np.ones(n + 1), np.ones(n + 1)], [0, 1], shape=(n + 1, n + 2))


def _average(n):
    return abs(_difference(n)) / 2


def gradient_magnitude(u, boundary, scheme="one-sided"):
    squares = 0.0
    for axis, n in enumerate(u.shape):
        wide = np.moveaxis(_extension(n, boundary) @ np.moveaxis(u, axis, 0), 0, axis) + _constant(
            u.shape, axis, boundary
        )
        difference = np.diff(wide, axis=axis)
        backward, forward = (np.take(difference, np.arange(n) + k, axis) ** 2 for k in (0, 1))
        squares = squares + (backward if scheme == "one-sided" else (backward + forward) / 2)
    return np.sqrt(squares)


def operators(gamma, boundary):
    """L(γ)u along both axes as [(A, b), (A, b)]: the sum of all A u + b, on the flattened image."""
    height, width = gamma.shape
    eye_h, eye_w = sp.identity(height), sp.identity(width)
    parts = []
    for axis, n, lift in ((0, height, lambda m: sp.kron(m, eye_w)), (1, width, lambda m: sp.kron(eye_h, m))):
        difference = lift(_difference(n) @ _extension(n, boundary))
        of_gamma = boundary if isinstance(boundary, str) else "neumann"
        middle = lift(_average(n) @ _extension(n, of_gamma)) @ gamma.ravel()
        outward = -lift(_extension(n, "dirichlet")).T @ lift(_difference(n)).T @ sp.diags(middle)
        constant = lift(_difference(n)) @ _constant(gamma.shape, axis, boundary).ravel()
        parts.append((outward @ difference, outward @ constant))
    return parts


def operator(gamma, boundary):
    """The matrix of L(γ) on the flattened image."""
    return sum(matrix for matrix, _ in operators(gamma, boundary))


def laplacian(shape, boundary):
    """γ = 1, at the mid-points of the border too."""
    height, width = shape
    parts = []
    for n in (height, width):
        parts.append(_extension(n, "dirichlet").T @ (-_difference(n).T @ _difference(n)) @ _extension(n, boundary))
    return sp.kron(parts[0], sp.identity(width)) + sp.kron(sp.identity(height), parts[1])


def step(u, matrix, dt, method):
    identity = sp.identity(u.size)
    if method == "explicit":
        return ((identity + dt * matrix) @ u.ravel()).reshape(u.shape)
    return spsolve((identity - dt * matrix).tocsc(), u.ravel()).reshape(u.shape)


def stability_function(method, bound, dt):
    """R(z) of one step of a linear equation, as a function of z = δt λ."""
    if method == "implicit":
        return lambda z: 1 / (1 - z)
    if method == "fed":  # the steps of Grewenig et al. one after the other
        n = next(n for n in range(1, 99) if bound * (n * n + n) / 3 >= dt - 1e-12)
        shares = 3 / (n * n + n) / (2 * np.cos(np.pi * (2 * np.arange(n) + 1) / (4 * n + 2)) ** 2)
        return lambda z: np.prod([1 + share * z for share in shares], axis=0)
    n = next(n for n in range(3, 99) if bound * (n * n + n - 2) / 4 >= dt - 1e-12)
    b = (n * n + n - 2) / (2 * n * (n + 1))
    return lambda z: 1 - b + b * eval_legendre(n, 1 + 4 / (n * n + n - 2) * z)


def affine_step(u, parts, dt, method, bound):
    """A step of u_t = Σ A u + b, where the A are symmetric, by their eigenvalues."""
    if method == "explicit":  # by the matrix itself: large images have too many eigenvalues
        return u + dt * sum(a @ u.ravel() + b for a, b in parts).reshape(u.shape)
    if method == "aos":
        return sum(affine_step(u, [part], 2 * dt, "implicit", bound) for part in parts) / 2
    matrix, constant = sum(a.toarray() for a, _ in parts), sum(b for _, b in parts)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    z = dt * np.minimum(values, -1e-9)
    factor = (stability_function(method, bound, dt)(z) - 1) / z
    change = vectors @ (factor * (vectors.T @ (dt * (matrix @ u.ravel() + constant))))
    return u + change.reshape(u.shape)


def nonlinear(u, steps, dt, contrast, diffusivity, boundary, method, scheme="one-sided"):
    u = np.asarray(u, "float64")
    bound = contrast / 4 if diffusivity == "regularised_tv" else 1 / 4

    def parts(u):
        return operators(DIFFUSIVITIES[diffusivity](gradient_magnitude(u, boundary, scheme), contrast), boundary)

    for _ in range(steps):
        middle = affine_step(u, parts(u), dt / 2, "fed", bound) if method == "rkl2" else u
        u = affine_step(u, parts(middle), dt, method, bound)
    return u


# (rows down, columns to the right) of the points of a stencil: centre, up, down, left, right, the corners, two away.
POINTS = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
POINTS += [(-1, -1), (-1, 1), (1, -1), (1, 1), (-2, 0), (2, 0), (0, -2), (0, 2)]


def diffnet(u, weights, num_layers, sigma=None, points=5, reaction=False, relu=True, dilations=None):
    """DiffNet (Fig. 2) on one image under Neumann boundaries, from arrays named as in `presets`; σ for a noise map.

    The image is (height, width), or (height, width, channels) with filters that the channels share.
    """
    data = u = np.atleast_3d(np.asarray(u, "float64"))
    height, width, _ = u.shape
    for i in range(1, num_layers + 1):
        features, j = list(np.moveaxis(u, -1, 0)), 1
        features += [] if sigma is None else [np.full(u.shape[:2], np.sqrt(sigma))]
        while f"diffusion{i}/conv{j}/kernel" in weights:
            kernel, bias = (np.asarray(weights[f"diffusion{i}/conv{j}/{n}"], "float64") for n in ("kernel", "bias"))
            if dilations:
                apart = dilations[j - 1]
                wide = np.zeros((2 * apart + 1, 2 * apart + 1, *kernel.shape[2:]))
                wide[::apart, ::apart] = kernel
                kernel = wide
            last = f"diffusion{i}/conv{j + 1}/kernel" not in weights
            features = [
                sum(correlate2d(f, kernel[:, :, a, b], mode="same") for a, f in enumerate(features)) + bias[b]
                for b in range(kernel.shape[3])
            ]
            features = features if last else np.maximum(features, 0)
            j += 1
        padded = np.pad(u, ((2, 2), (2, 2), (0, 0)), mode="symmetric")
        change = sum(
            f[..., None] * padded[2 + down : 2 + down + height, 2 + right : 2 + right + width]
            for f, (down, right) in zip(features, POINTS[:points], strict=False)
        )
        if reaction:
            change = change + features[points][..., None] * (data - u)
        u = u + float(weights[f"diffusion{i}/time_step"]) * change
    return (np.maximum(u, 0) if relu else u).squeeze()


def isotropic(u, time, steps, boundary, method):
    for _ in range(steps):
        u = step(u, laplacian(u.shape, boundary), time / steps, method)
    return u
