"""64-bit numbers as two halves, on JAX: NumPy's uint64 bit for bit, and the host's examples."""

import numpy as np
import pytest

from diffnet_tf import data
from diffnet_tf.data import examples, halves
from diffnet_tf.data.examples import Examples
from diffnet_tf.data.halves import Halves
from tests.conftest import BACKEND

pytestmark = pytest.mark.skipif(BACKEND != "jax", reason="TensorFlow has 64-bit numbers; the host draws for PyTorch")
EXTREMES = np.array([0, 1, 2**16, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53, 2**63, 2**64 - 1], "uint64")


@pytest.fixture
def numbers(rng):
    """Pairs of numbers: random ones of all sizes, and every extreme with every other."""
    a, b = (rng.integers(0, 2**64, 100_000, "uint64") >> rng.integers(0, 64, 100_000, "uint64") for _ in range(2))
    n = len(EXTREMES)
    return np.concatenate([a, EXTREMES.repeat(n)]), np.concatenate([b, np.tile(EXTREMES, n)])


def on_device(x):
    import jax.numpy as jnp

    wide = Halves.of(x)
    return Halves(jnp.asarray(wide.high), jnp.asarray(wide.low))


def whole(x):
    return np.asarray(x.high).astype("uint64") << np.uint64(32) | np.asarray(x.low)


@pytest.mark.parametrize("of", [Halves.of, on_device], ids=["NumPy", "JAX"])
def test_arithmetic_is_that_of_64_bits(numbers, of):
    a, b = numbers
    x, y = map(of, numbers)
    np.testing.assert_array_equal(whole(x), a)
    np.testing.assert_array_equal(whole(x + y), a + b)
    np.testing.assert_array_equal(whole(x * y), a * b)
    np.testing.assert_array_equal(whole(x ^ y), a ^ b)
    for by in (1, 11, 27, 30, 31):
        np.testing.assert_array_equal(whole(x >> by), a >> np.uint64(by))
    for divisor in (1, 2, 8, 73, 1_000, 65_535, halves.LARGEST_DIVISOR):
        np.testing.assert_array_equal(x % divisor, a % np.uint64(divisor))
    np.testing.assert_allclose(np.asarray(x.float32()), a.astype("float64"), rtol=2e-7)


@pytest.mark.parametrize("seed", [0, 3, 2**40 + 5])
def test_random_bits_are_the_hosts(seed):
    import jax

    key = np.arange(7, dtype="int32")
    drawn = jax.jit(lambda epoch, k: vars(examples.bits(halves.jax_arrays(), 50, seed, 2, epoch, k, first=9)))(key, key)
    np.testing.assert_array_equal(whole(Halves(**drawn)), examples.bits(examples.NUMPY, 59, seed, 2, key, key)[:, 9:])


def test_floats_are_accurate_at_both_ends():
    """Where u is nearly 0, 1 − u is rounded to 1, and where it is nearly 1, to 0."""
    steps = np.uint64(1) << np.arange(64, dtype="uint64")
    edges = np.concatenate([steps, steps - np.uint64(1), np.uint64(0) - steps, EXTREMES, np.uint64(2**64 - 1) - steps])
    host = examples.NUMPY
    np.testing.assert_allclose(halves.log_rest(on_device(edges)), host.log_rest(edges), rtol=3e-7)
    np.testing.assert_allclose(halves.cos_turn(on_device(edges)), host.cos_turn(edges), atol=2e-7)
    length = np.sqrt(-2.0 * np.asarray(halves.log_rest(on_device(edges))))
    np.testing.assert_allclose(length, np.sqrt(-2.0 * host.log_rest(edges)), atol=1e-6)


def test_normal_numbers_are_the_hosts(rng):
    lengths, angles = rng.integers(0, 2**64, (2, 300_000), "uint64")
    mine = examples.normal(halves.jax_arrays(), on_device(lengths), on_device(angles))
    np.testing.assert_allclose(mine, examples.normal(examples.NUMPY, lengths, angles), atol=1e-6)


def drawn(made, first, count):
    """(what the host draws, what the device does)."""
    import jax

    xp, numbers = halves.jax_arrays(), [column.astype("int32") for column in made.numbers(first, count)]
    make = jax.jit(lambda numbers, *images: made.make(*numbers, *images, xp=xp))
    return made.batch(first, count), make(numbers, *jax.device_put((made.images.pixels, made.images.maxima)))


@pytest.mark.parametrize("kind", ["uint8", "float32", "colour"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"augment": True},
        {"crop": 17, "augment": True, "noise": 0.01, "seed": 5},
        {"crop": 17, "noise": (0.0, 0.5), "parameter": (-2.0, 3.0)},
        {"crop": 17, "noise": (0.0, 0.5), "parameter": (-2.0, 3.0), "redraw": False},
        {"crop": 17, "noise": (0.001, 0.5, "log"), "parameter": {"a": (0.1, 2.0, "log"), "b": (0.2, 1.0, 0.1)}},
    ],
    ids=["whole", "flips", "crops", "range", "stored", "several"],
)
def test_examples_are_the_hosts(rng, kind, options):
    """Clean crops to the bit, of pictures that are not square, in the third epoch as in the first."""
    pixels = rng.integers(1, 255, (9, 31, 29, *([3] if kind == "colour" else [])), "uint8")
    images = {
        "uint8": data.GrayImages,
        "float32": lambda p: data.GrayImages((p / 255).astype("float32")),
        "colour": data.ColourImages,
    }[kind](pixels)
    made = Examples(images, **options)
    for first in (0, 25):
        host, device = drawn(made, first, 7)
        assert [part.dtype for part in device] == ["float32"] * 4
        np.testing.assert_array_equal(device.clean, host.clean)
        np.testing.assert_allclose(device.noise, host.noise, atol=1e-6)
        np.testing.assert_allclose(device.sigma, host.sigma, rtol=3e-7)
        np.testing.assert_allclose(device.parameter, host.parameter, atol=1e-6)
        assert (np.std(device.noise) > 0) == bool(options.get("noise"))
