"""Classical inverses of explicit Perona–Malik diffusion beyond the plain fixed point: they know the scheme.

All solve PM(u) = y, or with noise a regularised form of it, for images (batch, height, width, 1) or (height, width):

| function | equation, and how it is solved |
|---|---|
| `diffusion.fixed_point_inverse` | u ← u + (y − PM(u)), stopped early |
| `stepwise_inverse` | the same for each explicit step alone, from the last to the first |
| `newton_inverse` | PM(u) + α(u − y) = y (Lavrentiev's form) by Newton's method, with the exact derivative |
| `plug_and_play` | u ← D(u + (y − PM(u))), D any denoiser |

A step alone shrinks no pattern below 1 − 8 δt, 1/5 with the paper's settings; four at once, below 1/625. So its fixed
point is reached in tens of iterations, while that of all four takes thousands for the finest patterns:

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> diffused = dn.diffusion.perona_malik(image)
>>> undone = dn.inverses.stepwise_inverse(diffused, iterations=40)
>>> bool(dn.metrics.psnr(image, undone)[0] > 90)
True
"""

import itertools
from collections.abc import Callable, Iterator

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, Boundary, Tensor
from diffnet_tf.physics import diffusion, diffusivity, stencil
from diffnet_tf.physics.steps import check_stability, dot, ratio

Linear = Callable[[Tensor], Tensor]

# ---- One step of the scheme, and its derivative ----------------------------------------------------------------------


def _step(u: Tensor, dt: float, contrast: float, boundary: Boundary) -> tuple[Tensor, Linear]:
    """u⁺ = u + δt ∇·(γ∇u), and its derivative at u: δ⁺ = δ + δt (∇·(γ∇δ) + ∇·(γ'(s) δs ∇u)).

    Here s = |∇u|² with the derivative δs = 2 ∇u·∇δ, and γ = 1/(1 + s/λ²), so γ' = −γ²/λ².
    """
    gamma = diffusivity.get("perona_malik_1")(diffusion.squared_gradient(u, boundary), contrast)
    slope = -(gamma * gamma) / contrast**2
    down, right = diffusion.gradient(u, boundary)

    def derivative(delta: Tensor) -> Tensor:
        delta_down, delta_right = diffusion.gradient(delta, boundary)
        delta_gamma = slope * 2.0 * (down * delta_down + right * delta_right)
        change = diffusion.divergence(delta, gamma, boundary) + diffusion.divergence(u, delta_gamma, boundary)
        return delta + dt * change

    return diffusion.explicit_step(u, dt, gamma, boundary), derivative


def _check(steps: int, dt: float, contrast: float, boundary: Boundary) -> None:
    """What `diffusion.perona_malik` refuses."""
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    checks.positive(contrast, "contrast")
    checks.one_of(boundary, "boundary", stencil.BOUNDARIES)
    check_stability(dt, diffusivity.get("perona_malik_1").stability_bound(contrast), "perona_malik_1", False)


def linearise(
    u: Tensor, steps: int = 4, dt: float = 0.1, contrast: float = 0.2, boundary: Boundary = "neumann"
) -> tuple[Tensor, Linear]:
    """PM(u) and its derivative there.

    Args:
        u: (batch, height, width, 1).
        steps, dt, contrast, boundary: the diffusion, see `diffusion.perona_malik`.

    Returns:
        (PM(u), a function from a direction δ of u's shape to J δ, J the Jacobian of the scheme at u).

    Raises:
        ValueError: for a step beyond the stability bound, or an argument out of range.
    """
    _check(steps, dt, contrast, boundary)
    derivatives = []
    for _ in range(steps):
        u, derivative = _step(u, float(dt), float(contrast), boundary)
        derivatives.append(derivative)

    def product(delta: Tensor) -> Tensor:
        for derivative in derivatives:
            delta = derivative(delta)
        return delta

    return u, product


# ---- Linear equations ------------------------------------------------------------------------------------------------


def solve(matrix: Linear, right: Tensor, iterations: int) -> Tensor:
    """x with matrix(x) = right by BiCGStab (van der Vorst 1992), from x = 0: one run an image, each to its own end.

    Args:
        matrix: a linear function of (batch, height, width, 1), on each image apart; it need not be symmetric.
        right: the right-hand sides, (batch, height, width, 1).
        iterations: of two products each.
    """

    # Of the squared residual: beyond it float32 has nothing left to gain, and quotients of rounding errors blow up.
    end = 1e-14 * dot(right, right)

    def iteration(_: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, residual, direction, energy = state
        image = matrix(direction)
        length = ratio(energy, dot(right, image))
        half = residual - length * image
        again = matrix(half)
        weight = ratio(dot(again, half), dot(again, again))
        after = half - weight * again
        new_energy = dot(right, after)
        onward = after + ratio(new_energy * length, energy * weight) * (direction - weight * image)
        new = (x + length * direction + weight * half, after, onward, new_energy)
        going = dot(residual, residual) > end
        return tuple(ops.where(going, n, old) for n, old in zip(new, state))

    start = (ops.zeros_like(right), right, right, dot(right, right))
    return ops.fori_loop(0, iterations, iteration, start)[0]


# ---- Inverses --------------------------------------------------------------------------------------------------------


def stepwise_inverse(
    y: Tensor,
    iterations: int = 40,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
) -> Tensor:
    """Undo the explicit steps one after the other, from the last to the first, each by its own fixed-point iteration.

    Args:
        y: diffused images, (batch, height, width, 1) or (height, width), floating point.
        iterations: for every step.
        steps, dt, contrast, boundary: the diffusion to undo, see `diffusion.perona_malik`.

    Returns:
        The images before diffusion, of y's shape and dtype.
    """
    checks.count(steps, "steps", minimum=0)
    for _ in range(steps):
        y = diffusion.fixed_point_inverse(y, iterations, 1, dt, contrast, boundary)
    return y


def newton_inverse(
    y: Tensor,
    iterations: int = 10,
    inner: int = 20,
    alpha: float | Tensor = 0.0,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
) -> Tensor:
    """Solve PM(u) + α(u − y) = y by Newton's method from u = y: (J + αId) δ = y − PM(u) − α(u − y), u ← u + δ.

    With α = 0 it is the inverse itself, and amplifies noise as that does. α > 0 is Lavrentiev's regularisation: of a
    pattern that the diffusion shrinks by a factor κ it makes (1 + α)/(κ + α) of what is in y, at most 1 + 1/α.

    Args:
        y: diffused images, (batch, height, width, 1) or (height, width), floating point.
        iterations: Newton steps.
        inner: iterations of BiCGStab in each, see `solve`.
        alpha: weight of the regularisation, at least 0; a tensor spares compiling anew for every value.
        steps, dt, contrast, boundary: the diffusion to undo, see `diffusion.perona_malik`.

    Returns:
        The images before diffusion, of y's shape and dtype.

    Raises:
        ValueError: for a step beyond the stability bound, or an argument out of range.
    """
    checks.count(iterations, "iterations", minimum=0)
    checks.count(inner, "inner")
    _check(steps, dt, contrast, boundary)
    if not ops.is_tensor(alpha):
        checks.not_negative(alpha, "alpha")
        alpha = float(alpha)
    y, restore = diffusion.as_batch(y)

    def iteration(_: Tensor, u: Tensor) -> Tensor:
        value, product = linearise(u, steps, dt, contrast, boundary)
        return u + solve(lambda delta: product(delta) + alpha * delta, y - value - alpha * (u - y), inner)

    return restore(ops.fori_loop(0, iterations, iteration, y))


def plug_and_play(
    y: Tensor,
    denoise: Callable[[Array], Tensor],
    iterations: int = 5,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
    start: Tensor | None = None,
) -> Array:
    """The fixed-point iteration with a denoiser D in it: u ← D(u + (y − PM(u))) (Venkatakrishnan et al. 2013).

    Args:
        y: diffused and noisy images, (batch, height, width, 1) or (height, width), floating point.
        denoise: D, from a NumPy array of y's shape to the same.
        iterations: at least 0; they are a parameter of the method, since noise is amplified less by few.
        steps, dt, contrast, boundary: the diffusion to undo, see `diffusion.perona_malik`.
        start: where to start instead of y: an earlier result to go on from.

    Returns:
        The images before diffusion, a NumPy array of y's shape.
    """
    checks.count(iterations, "iterations", minimum=0)

    def step(y: Tensor, u: Tensor) -> Tensor:
        return diffusion.fixed_point_inverse(y, 1, steps, dt, contrast, boundary, u)

    results = plugged(y, denoise, step, start)
    return ops.convert_to_numpy(next(itertools.islice(results, iterations, None)))


def plugged(
    y: Tensor, denoise: Callable[[Array], Tensor], step: Callable[[Tensor, Tensor], Tensor], start: Tensor | None = None
) -> Iterator[Tensor]:
    """The results of `plug_and_play` after 0, 1, 2, … iterations: step is (y, u) → u + (y − PM(u)), compiled or not."""
    u = y if start is None else start
    while True:
        yield u
        u = denoise(ops.convert_to_numpy(step(y, u)))
