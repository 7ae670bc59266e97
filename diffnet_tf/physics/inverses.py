"""Classical inverses of explicit Perona–Malik diffusion, which need its exact parameters but no training.

All solve PM(u) = y, or with noise a regularised form of it, for images (batch, height, width, 1) or (height, width):

| function | equation, and how it is solved |
|---|---|
| `diffusion.fixed_point_inverse` | u ← u + (y − PM(u)), stopped early |
| `stepwise_inverse` | the same for each explicit step separately, from the last to the first |
| `newton_inverse` | PM(u) + α(u − y) = y (Lavrentiev's form) by Newton's method, with the exact derivative |
| `undo` | u ← u + (y − f(u)) for every function f of a chain, such as the layers of a conservative DiffNet |
| `plug_and_play` | u ← D(u + (y − PM(u))) with any denoiser D |

One step multiplies a pattern by a factor of at least 1 − 8 δt, which is 1/5 with the paper's settings; four steps
together, by at least 1/625. So the fixed point of one step is reached in tens of iterations, while that of all four
steps together takes thousands for the finest patterns:

>>> import diffnet_tf as dn
>>> image = dn.data.load_images("skimage", split="test", limit=1)
>>> diffused = dn.diffusion.perona_malik(image)
>>> undone = dn.inverses.stepwise_inverse(diffused, iterations=40)
>>> bool(dn.metrics.psnr(image, undone)[0] > 90)
True
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

from keras import ops

from diffnet_tf.base import checks
from diffnet_tf.base.types import Array, Boundary, Tensor
from diffnet_tf.physics import diffusion, diffusivity
from diffnet_tf.physics.neighbourhood import check_boundary, of_differences
from diffnet_tf.physics.steps import check_stability, dot, gradient_product, ratio

Linear = Callable[[Tensor], Tensor]

# ---- One step of the scheme, and its derivative ----------------------------------------------------------------------


def _step(u: Tensor, dt: float, contrast: float, boundary: Boundary, scheme: str) -> tuple[Tensor, Linear]:
    """u⁺ = u + δt ∇·(γ∇u), and its derivative at u: δ⁺ = δ + δt (∇·(γ∇δ) + ∇·(γ'(s) δs ∇u)).

    Here s = |∇u|² with the derivative δs = 2 ∇u·∇δ, and γ = 1/(1 + s/λ²), so γ' = −γ²/λ².
    """
    gamma = diffusivity.get("perona_malik_1")(diffusion.squared_gradient(u, boundary, scheme), contrast)
    slope = -(gamma * gamma) / contrast**2
    gradient = diffusion.gradient(u, boundary, scheme)
    homogeneous = of_differences(boundary)

    def derivative(delta: Tensor) -> Tensor:
        delta_gradient = diffusion.gradient(delta, homogeneous, scheme)
        delta_gamma = slope * 2.0 * gradient_product(gradient, delta_gradient)
        change = diffusion.divergence(delta, gamma, homogeneous) + diffusion.divergence(u, delta_gamma, boundary)
        return delta + dt * change

    return diffusion.explicit_step(u, dt, gamma, boundary), derivative


def _check(steps: int, dt: float, contrast: float, boundary: Boundary, scheme: str) -> None:
    """The checks of `diffusion.perona_malik`."""
    checks.count(steps, "steps", minimum=0)
    checks.positive(dt, "dt")
    checks.positive(contrast, "contrast")
    check_boundary(boundary)
    checks.one_of(scheme, "scheme", diffusion.SCHEMES)
    check_stability(dt, diffusivity.get("perona_malik_1").stability_bound(contrast), "perona_malik_1", False)


def linearise(
    u: Tensor,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
    scheme: str = "one-sided",
) -> tuple[Tensor, Linear]:
    """Compute PM(u) and its derivative at u.

    Args:
        u: (batch, height, width, 1).
        steps, dt, contrast, boundary, scheme: settings of the diffusion, see `diffusion.perona_malik`.

    Returns:
        (PM(u), product). `product` maps a direction δ of u's shape to J δ, where J is the Jacobian of the scheme at u.

    Raises:
        ValueError: if the time step exceeds the stability bound, or an argument is out of range.
    """
    _check(steps, dt, contrast, boundary, scheme)
    derivatives = []
    for _ in range(steps):
        u, derivative = _step(u, float(dt), float(contrast), boundary, scheme)
        derivatives.append(derivative)

    def product(delta: Tensor) -> Tensor:
        for derivative in derivatives:
            delta = derivative(delta)
        return delta

    return u, product


# ---- Linear equations ------------------------------------------------------------------------------------------------


def solve(matrix: Linear, right: Tensor, iterations: int) -> Tensor:
    """Solve matrix(x) = right by BiCGStab (van der Vorst 1992), starting from x = 0, for each image independently.

    Args:
        matrix: a linear function on (batch, height, width, 1) that acts on each image separately; not necessarily
            symmetric.
        right: the right-hand sides, (batch, height, width, 1).
        iterations: number of iterations; each calls `matrix` twice.

    Returns:
        x, of the shape of `right`.
    """

    # Bound of the squared residual. Below it float32 cannot gain more, and quotients of rounding errors blow up.
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
    scheme: str = "one-sided",
) -> Tensor:
    """Undo the explicit steps one by one, from the last to the first, each by its own fixed-point iteration.

    Args:
        y: diffused images, (batch, height, width, 1) or (height, width), floating point.
        iterations: for each step, at least 0.
        steps, dt, contrast, boundary, scheme: settings of the diffusion to undo, see `diffusion.perona_malik`.

    Returns:
        An estimate of the images before diffusion, of y's shape and dtype.

    Raises:
        ValueError, TypeError: see `diffusion.nonlinear`.
    """
    checks.count(steps, "steps", minimum=0)
    for _ in range(steps):
        y = diffusion.fixed_point_inverse(y, iterations, 1, dt, contrast, boundary, scheme=scheme)
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
    scheme: str = "one-sided",
) -> Tensor:
    """Solve PM(u) + α(u − y) = y by Newton's method from u = y: (J + αId) δ = y − PM(u) − α(u − y), u ← u + δ.

    α = 0 gives the exact inverse, which amplifies noise. α > 0 is Lavrentiev's regularisation: if the diffusion shrinks
    a pattern by a factor κ, the result has (1 + α)/(κ + α) times the pattern in y, at most 1 + 1/α times.

    Args:
        y: diffused images, (batch, height, width, 1) or (height, width), floating point.
        iterations: number of Newton steps, at least 0.
        inner: iterations of BiCGStab in each Newton step, at least 1; see `solve`.
        alpha: weight of the regularisation, at least 0. If it is a tensor, compiled functions serve all its values.
        steps, dt, contrast, boundary, scheme: settings of the diffusion to undo, see `diffusion.perona_malik`.

    Returns:
        An estimate of the images before diffusion, of y's shape and dtype.

    Raises:
        ValueError: if the time step exceeds the stability bound, or an argument is out of range.
    """
    checks.count(iterations, "iterations", minimum=0)
    checks.count(inner, "inner")
    _check(steps, dt, contrast, boundary, scheme)
    if not ops.is_tensor(alpha):
        checks.not_negative(alpha, "alpha")
        alpha = float(alpha)
    y, restore = diffusion.as_batch(y)

    def iteration(_: Tensor, u: Tensor) -> Tensor:
        value, product = linearise(u, steps, dt, contrast, boundary, scheme)
        return u + solve(lambda delta: product(delta) + alpha * delta, y - value - alpha * (u - y), inner)

    return restore(ops.fori_loop(0, iterations, iteration, y))


def undo(
    functions: Sequence[Callable[[Tensor], Tensor]], y: Tensor, iterations: int = 200, tolerance: float = 1e-7
) -> tuple[Tensor, Tensor]:
    """Invert a chain of functions, from the last to the first, each by the fixed-point iteration u ← u + (y − f(u)).

    It looks for an image with this output. The iteration converges near an image where all eigenvalues of f's
    derivative lie within a distance of 1 from 1. For the layers of `DiffNet(conservative=True, courant=c)` with c below
    1/2, those of Id + δt S lie in [1 − 2c, 1]. But how the diffusivities change with the image is not bounded: for some
    weights the iteration fails, or finds another image with the same output. The residual that is returned says how
    exactly the result has this output. It does not say that there is no other such image.

    Args:
        functions: functions from images to images, in the order in which they are applied, such as
            `model.diffusion_layers`.
        y: their output, (batch, height, width, channels), or (height, width) for gray, floating point.
        iterations: for each function, at most, at least 0.
        tolerance: a function is left when no value of |y − f(u)| is above this share of the largest |y| of its image,
            at least 0. An image that diverges does not stop the others.

    Returns:
        (u, residual): images of y's shape, in the dtype of the functions' results; and the largest |y − f(u)| of the
        whole chain for every image, (batch,), in y's unit. It is NaN where the iteration diverged.

    Raises:
        ValueError, TypeError: for a number out of range, or images of another shape or dtype.
    """
    checks.count(iterations, "iterations", minimum=0)
    checks.not_negative(tolerance, "tolerance")
    functions = list(functions)
    y, restore = diffusion.as_batch(y, None)
    u = y
    for function in reversed(functions):
        u = _fixed_point(function, u, iterations, tolerance)
    output = u
    for function in functions:
        output = function(output)
    return restore(u), ops.max(ops.abs(ops.cast(y, output.dtype) - output), axis=(1, 2, 3))


def _fixed_point(function: Callable[[Tensor], Tensor], y: Tensor, iterations: int, tolerance: float) -> Tensor:
    """u with function(u) = y."""
    first = function(y)
    y = ops.cast(y, first.dtype)  # a layer computes in float32, also for images in float64
    allowed = tolerance * ops.max(ops.abs(y), axis=(1, 2, 3), keepdims=True)

    def going(index: Tensor, u: Tensor, change: Tensor) -> Tensor:
        # NaN is not above anything: an image that diverged counts as done.
        return ops.logical_and(index < iterations, ops.any(ops.abs(change) > allowed))

    def iteration(index: Tensor, u: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        u = u + change
        return index + 1, u, y - function(u)

    return ops.while_loop(going, iteration, (ops.convert_to_tensor(0, "int32"), y, y - first))[1]


def plug_and_play(
    y: Tensor,
    denoise: Callable[[Array], Tensor],
    iterations: int = 5,
    steps: int = 4,
    dt: float = 0.1,
    contrast: float = 0.2,
    boundary: Boundary = "neumann",
    start: Tensor | None = None,
    scheme: str = "one-sided",
) -> Array:
    """The fixed-point iteration with a denoiser D: u ← D(u + (y − PM(u))) (Venkatakrishnan et al. 2013).

    Args:
        y: diffused and noisy images, (batch, height, width, 1) or (height, width), floating point.
        denoise: the function D. It takes a NumPy array of y's shape and returns one of the same shape.
        iterations: at least 0. Their number regularises: fewer iterations amplify noise less.
        steps, dt, contrast, boundary, scheme: settings of the diffusion to undo, see `diffusion.perona_malik`.
        start: images of y's shape to start from instead of y, such as an earlier result.

    Returns:
        An estimate of the images before diffusion, a NumPy array of y's shape.

    Raises:
        ValueError, TypeError: see `diffusion.nonlinear`.
    """
    checks.count(iterations, "iterations", minimum=0)

    def step(y: Tensor, u: Tensor) -> Tensor:
        return diffusion.fixed_point_inverse(y, 1, steps, dt, contrast, boundary, u, scheme)

    results = plugged(y, denoise, step, start)
    return ops.convert_to_numpy(next(itertools.islice(results, iterations, None)))


def plugged(
    y: Tensor, denoise: Callable[[Array], Tensor], step: Callable[[Tensor, Tensor], Tensor], start: Tensor | None = None
) -> Iterator[Tensor]:
    """Yield the results of `plug_and_play` after 0, 1, 2, … iterations; `step` is (y, u) → u + (y − PM(u))."""
    u = y if start is None else start
    while True:
        yield u
        u = denoise(ops.convert_to_numpy(step(y, u)))
