"""SOAP against Algorithm 3 of its paper in plain NumPy, and against Adam where curvatures differ."""

import keras
import numpy as np
import pytest
from keras import ops

from diffnet_tf.training.soap import SOAP
from tests.conftest import BACKEND, slow, slow_on_jax

of_hundreds = pytest.mark.skipif(BACKEND == "jax", reason="outside of a compiled step JAX compiles each of many anew")


def algorithm_3(gradients, shape, rate, beta_1, beta_2, shampoo_beta, epsilon, refresh_every):
    """The trajectory of a variable from zero, in float64, straight from the paper."""
    w = np.zeros((int(np.prod(shape[:-1])), shape[-1]))
    m, v = np.zeros_like(w), np.zeros_like(w)
    left, right = np.zeros((len(w), len(w))), np.zeros((w.shape[1], w.shape[1]))
    p, q = np.eye(len(w)), np.eye(w.shape[1])
    for t, gradient in enumerate(gradients):
        g = gradient.reshape(w.shape).astype("float64")
        m = beta_1 * m + (1 - beta_1) * g
        left = shampoo_beta * left + (1 - shampoo_beta) * g @ g.T
        right = shampoo_beta * right + (1 - shampoo_beta) * g.T @ g
        if t == 0:
            p, q = (np.linalg.eigh(a)[1][:, ::-1] for a in (left, right))
        elif t % refresh_every == 0:
            rows, columns = np.argsort(-np.diag(p.T @ left @ p)), np.argsort(-np.diag(q.T @ right @ q))
            p, q = np.linalg.qr((left @ p)[:, rows])[0], np.linalg.qr((right @ q)[:, columns])[0]
            v = v[np.ix_(rows, columns)]
        v = beta_2 * v + (1 - beta_2) * (p.T @ g @ q) ** 2
        corrected = (p.T @ m @ q) / (1 - beta_1 ** (t + 1))
        direction = corrected / (np.sqrt(v / (1 - beta_2 ** (t + 1))) + epsilon)
        w = w - rate * p @ direction @ q.T
    return w.reshape(shape)


@pytest.mark.parametrize("refresh_every", [1, 4])
def test_it_is_algorithm_3(rng, float64, refresh_every):
    """Signs of eigenvectors are free, so the variable is compared, not the bases. Square, so that the averages have
    full rank: the null space of a singular one is rounding."""
    shape = (2, 2, 4)
    options = {"beta_1": 0.9, "beta_2": 0.8, "shampoo_beta": 0.7, "epsilon": 1e-6, "refresh_every": refresh_every}
    scale = np.logspace(0, -0.6, 4)[:, None] * np.logspace(0, -0.6, 4)
    gradients = [rng.normal(size=(4, 4)) * scale for _ in range(12)]
    kernel = keras.Variable(np.zeros(shape), dtype="float64", name="kernel")
    optimizer = SOAP(0.1, **options)
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient.reshape(shape))], [kernel])
    expected = algorithm_3(gradients, shape, 0.1, **options)
    np.testing.assert_allclose(ops.convert_to_numpy(kernel), expected, rtol=1e-5)


def test_a_bias_is_one_more_row_of_its_kernel(rng, float64):
    layer = keras.layers.Conv2D(4, (1, 3), dtype="float64")
    layer.build((None, 5, 5, 1))
    alone = keras.Variable(np.zeros((4, 4)), dtype="float64", name="together")
    layer.kernel.assign(np.zeros((1, 3, 1, 4)))
    apart, together = SOAP(0.1, refresh_every=2), SOAP(0.1, refresh_every=2)
    for _ in range(6):
        gradient = rng.normal(size=(4, 4))
        kernel, bias = (ops.convert_to_tensor(g) for g in (gradient[:3].reshape(1, 3, 1, 4), gradient[3]))
        apart.apply([kernel, bias], layer.trainable_variables)
        together.apply([ops.convert_to_tensor(gradient)], [alone])
    moved = [ops.convert_to_numpy(v).reshape(-1, 4) for v in (layer.kernel, layer.bias)]
    np.testing.assert_allclose(np.concatenate(moved), ops.convert_to_numpy(alone), rtol=1e-9)


@of_hundreds
def test_kernels_of_one_shape_do_not_see_each_other(rng, float64):
    """Together in one optimiser they move as each does alone: with and without biases, and of another shape between."""
    shapes = [(3, 2), (3, 2), (5, 2), (3, 2)]
    gradients = [[rng.normal(size=shape) for shape in shapes] for _ in range(3)]

    def variables():
        return [keras.Variable(np.zeros(shape), dtype="float64", name=f"v{i}") for i, shape in enumerate(shapes)]

    together, alone, optimizer = variables(), variables(), SOAP(0.1, refresh_every=1)
    others = [SOAP(0.1, refresh_every=1) for _ in shapes]
    for step in gradients:
        optimizer.apply([ops.convert_to_tensor(g) for g in step], together)
        for other, gradient, variable in zip(others, step, alone):
            other.apply([ops.convert_to_tensor(gradient)], [variable])
    for a, b in zip(together, alone):
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-6)


def test_vectors_and_scalars_are_left_to_adam(rng):
    mine, theirs = ([keras.Variable(np.zeros(s, "float32"), name="v") for s in ((3,), ())] for _ in range(2))
    soap, adam = SOAP(0.1, beta_1=0.9, beta_2=0.99), keras.optimizers.Adam(0.1, beta_1=0.9, beta_2=0.99, epsilon=1e-8)
    for _ in range(5):
        gradients = [ops.convert_to_tensor(rng.normal(size=s).astype("float32")) for s in ((3,), ())]
        soap.apply(gradients, mine)
        adam.apply(gradients, theirs)
    for a, b in zip(mine, theirs):
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-5)


@slow
@of_hundreds
def test_it_does_not_crawl_where_curvatures_differ(rng):
    """min ‖A W B − C‖², condition number 10⁴, in rotated bases: Adam at its best rate stays a hundred times behind."""

    def rotated(spectrum):
        return np.linalg.qr(rng.normal(size=(8, 8)))[0] * spectrum @ np.linalg.qr(rng.normal(size=(8, 8)))[0]

    a, b = rotated(np.logspace(0, -1, 8)), rotated(np.logspace(0, -1, 8))
    target = a @ rng.normal(size=(8, 8)) @ b

    def error(optimizer):
        w = keras.Variable(np.zeros((8, 8), "float32"), name="w")
        for _ in range(300):
            value = ops.convert_to_numpy(w)
            optimizer.apply([ops.convert_to_tensor((a.T @ (a @ value @ b - target) @ b.T).astype("float32"))], [w])
        return np.sum((a @ ops.convert_to_numpy(w) @ b - target) ** 2)

    def cosine(rate):
        return keras.optimizers.schedules.CosineDecay(rate, 300)

    adam = min(error(keras.optimizers.Adam(cosine(rate))) for rate in (0.03, 0.1, 0.3))
    assert error(SOAP(cosine(0.1))) < 0.01 * adam


@pytest.mark.parametrize("scale", slow_on_jax([0.0, 1e-12, 1e6], 1e-12))
def test_gradients_of_any_size_keep_it_finite(rng, scale):
    """Of rank one, many times: all but one direction of the averages are rounding, or nothing at all."""
    kernel = keras.Variable(np.zeros((3, 3, 4, 8), "float32"), name="kernel")
    optimizer = SOAP(0.1, refresh_every=3)
    gradient = scale * np.multiply.outer(rng.normal(size=(3, 3, 4)), rng.normal(size=8)).astype("float32")
    for _ in range(10):
        optimizer.apply([ops.convert_to_tensor(gradient)], [kernel])
    moved = np.abs(ops.convert_to_numpy(kernel)).max()
    assert np.isfinite(moved) and (moved > 0) == (scale > 0), moved


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"shampoo_beta=1; expected a number in \[0, 1\)"):
        SOAP(shampoo_beta=1)
    with pytest.raises(ValueError, match="refresh_every"):
        SOAP(refresh_every=0)
