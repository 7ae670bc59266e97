"""An independent implementation of the paper's equations: float64 sparse matrices in SciPy, one image at a time.

Written from the formulas with difference matrices, not from the code under test: L(γ) = −Dᵀ diag(γ at mid-points) D,
where D takes differences between neighbouring pixels. Under Neumann boundaries D has a row for every pair of pixels
inside the image, under Dirichlet boundaries also one for each border pixel and the zero outside.
"""

import numpy as np
import scipy.sparse as sp
from scipy.signal import correlate2d
from scipy.sparse.linalg import spsolve

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
    """From n pixels to n + 2 with the ones outside: copies of the border or zeros."""
    inner = sp.lil_matrix((n + 2, n))
    for i in range(n):
        inner[i + 1, i] = 1
    if boundary == "neumann":
        inner[0, 0] = inner[n + 1, n - 1] = 1
    return inner.tocsr()


def _difference(n):
    """Differences of n + 2 values at the n + 1 mid-points."""
    return sp.diags([-np.ones(n + 1), np.ones(n + 1)], [0, 1], shape=(n + 1, n + 2))


def _average(n):
    return abs(_difference(n)) / 2


def gradient_magnitude(u, boundary):
    height, width = u.shape
    rows = _difference(height) @ _extension(height, boundary) @ u
    columns = (_difference(width) @ _extension(width, boundary) @ u.T).T
    return np.hypot(rows[:height], columns[:, :width])


def operator(gamma, boundary):
    """The matrix of L(γ) on the flattened image."""
    height, width = gamma.shape
    eye_h, eye_w = sp.identity(height), sp.identity(width)
    total = sp.csr_matrix((height * width,) * 2)
    for n, lift in ((height, lambda m: sp.kron(m, eye_w)), (width, lambda m: sp.kron(eye_h, m))):
        difference = lift(_difference(n) @ _extension(n, boundary))
        middle = lift(_average(n) @ _extension(n, boundary)) @ gamma.ravel()
        outward = lift(_extension(n, "dirichlet")).T @ lift(_difference(n)).T
        total = total - outward @ sp.diags(middle) @ difference
    return total


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


def nonlinear(u, steps, dt, contrast, diffusivity, boundary, method):
    u = np.asarray(u, "float64")
    for _ in range(steps):
        gamma = DIFFUSIVITIES[diffusivity](gradient_magnitude(u, boundary), contrast)
        u = step(u, operator(gamma, boundary), dt, method)
    return u


def diffnet(u, weights, num_layers, sigma=None):
    """DiffNet (Fig. 2) on one image under Neumann boundaries, from arrays named as in `presets`; σ for a noise map."""
    u = np.asarray(u, "float64")
    for i in range(1, num_layers + 1):
        features, j = [u] if sigma is None else [u, np.full_like(u, np.sqrt(sigma))], 1
        while f"diffusion{i}/conv{j}/kernel" in weights:
            kernel, bias = (np.asarray(weights[f"diffusion{i}/conv{j}/{n}"], "float64") for n in ("kernel", "bias"))
            last = f"diffusion{i}/conv{j + 1}/kernel" not in weights
            features = [
                sum(correlate2d(f, kernel[:, :, a, b], mode="same") for a, f in enumerate(features)) + bias[b]
                for b in range(kernel.shape[3])
            ]
            features = features if last else np.maximum(features, 0)
            j += 1
        padded = np.pad(u, 1, mode="edge")
        up, down, left, right = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
        time_step = float(weights[f"diffusion{i}/time_step"])
        u = u + time_step * sum(f * v for f, v in zip(features, (u, up, down, left, right)))
    return np.maximum(u, 0)


def isotropic(u, time, steps, boundary, method):
    for _ in range(steps):
        u = step(u, laplacian(u.shape, boundary), time / steps, method)
    return u
