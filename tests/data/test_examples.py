"""Training examples: a function of (seed, epoch, k) alone, and made in the right order."""

import hashlib

import keras
import numpy as np
import pytest
from keras import ops

from diffnet_tf import data
from diffnet_tf.data import examples
from diffnet_tf.physics import diffusion
from tests.conftest import BACKEND

OPTIONS = {"noise": 0.01, "crop": 20, "augment": True, "seed": 3, "epochs": None}


def stream(sequence, count):
    """The first examples of a PairSequence, whatever its batches: (inputs, targets)."""
    batches = [sequence[i] for i in range(-(-count // len(sequence[0][0])))]
    return tuple(np.concatenate(part)[:count] for part in zip(*batches))


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_examples_do_not_depend_on_the_batch(photographs, batch_size):
    """21 examples are more than two epochs of 8 images: batches reach over the ends of epochs."""
    expected = stream(data.PairSequence(photographs, batch_size=8, **OPTIONS), 21)
    result = stream(data.PairSequence(photographs, batch_size=batch_size, **OPTIONS), 21)
    np.testing.assert_array_equal(result[1], expected[1])
    np.testing.assert_allclose(result[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("start", [1, 8, 13])
def test_a_stream_goes_on_from_any_start(photographs, start):
    whole = stream(data.PairSequence(photographs, batch_size=4, **OPTIONS), 24)
    rest = stream(data.PairSequence(photographs, batch_size=4, start=start, **OPTIONS), 24 - start)
    np.testing.assert_array_equal(rest[1], whole[1][start:])


def test_every_epoch_has_every_image_once_in_a_new_order(photographs):
    sequence = data.PairSequence(photographs, batch_size=8, seed=1, epochs=3)
    assert len(sequence) == 3
    orders = []
    for i in range(3):
        _, targets = sequence[i]
        orders.append([int(np.argmin(np.abs(photographs - t).sum((1, 2, 3)))) for t in targets])
        np.testing.assert_array_equal(targets, photographs[orders[-1]])
        assert sorted(orders[-1]) == list(range(8))
    assert len({tuple(o) for o in orders}) == 3


def test_seeds_and_epochs_give_different_examples(photographs):
    first = stream(data.PairSequence(photographs, batch_size=8, **OPTIONS), 16)
    other = stream(data.PairSequence(photographs, batch_size=8, **{**OPTIONS, "seed": 4}), 8)
    assert not np.array_equal(first[1][:8], other[1])
    assert not np.array_equal(first[1][:8], first[1][8:])


def test_crop_then_augment_then_diffuse_then_noise(photographs):
    """The input is the diffused target plus noise: the target's own border is the border that was diffused."""
    inputs, targets = data.PairSequence(photographs, batch_size=8, **{**OPTIONS, "noise": 0.0})[0]
    assert targets.shape == (8, 20, 20, 1)
    np.testing.assert_allclose(inputs, diffusion.perona_malik(targets), atol=1e-6)
    noisy, same = data.PairSequence(photographs, batch_size=8, **OPTIONS)[0]
    np.testing.assert_array_equal(same, targets)
    noise = noisy - inputs
    assert noise.std() == pytest.approx(0.01, rel=0.05)
    assert abs(noise.mean()) < 4 * 0.01 / np.sqrt(noise.size)
    assert not np.allclose(noise[0], noise[1])


def test_every_crop_is_a_symmetry_of_a_part_of_an_image(rng):
    """All 8 symmetries and all places occur; the pixels are distinct, so each crop tells where it came from."""
    image = (np.arange(1, 37).reshape(1, 6, 6, 1) / 36).astype("float32")
    sequence = data.PairSequence(image, batch_size=1, crop=4, augment=True, epochs=None, degrade=lambda u: u)
    seen = set()
    for i in range(300):
        crop = np.rint(36 * sequence[i][1][0, :, :, 0]).astype(int)
        places = {}
        for top in range(3):
            for left in range(3):
                part = np.rint(36 * image[0, top : top + 4, left : left + 4, 0]).astype(int)
                for turns in range(4):
                    places[np.rot90(part, turns).tobytes()] = (top, left, turns, False)
                    places[np.rot90(part.T, turns).tobytes()] = (top, left, turns, True)
        assert crop.tobytes() in places
        seen.add(places[crop.tobytes()])
    assert len(seen) == 72


def test_forward_pairs_are_inverse_pairs_turned_round(photographs):
    inverse = data.PairSequence(photographs, "inverse", batch_size=8)[0]
    forward = data.PairSequence(photographs, "forward", batch_size=8)[0]
    np.testing.assert_array_equal(forward[0], inverse[1])
    np.testing.assert_array_equal(forward[1], inverse[0])


def test_any_degradation_can_be_learned(photographs):
    inputs, targets = data.PairSequence(photographs, batch_size=8, degrade=lambda u: ops.square(u))[0]
    np.testing.assert_allclose(inputs, targets**2, atol=1e-7)


def test_paired_arrays_are_all_images_in_order(photographs):
    inputs, targets = data.paired_arrays(photographs, noise=0.1, seed=5, batch_size=3)
    np.testing.assert_array_equal(targets, photographs)
    again = data.paired_arrays(photographs, noise=0.1, seed=5, batch_size=8)[0]
    np.testing.assert_allclose(inputs, again, atol=1e-6)
    assert (inputs - ops.convert_to_numpy(diffusion.perona_malik(photographs))).std() == pytest.approx(0.1, rel=0.02)


LEVELS = {**OPTIONS, "noise": (0.0, 0.1), "degrade": lambda u: u}


def test_levels_of_noise_are_uniform_in_their_root():
    """Of 4,096 examples; none is outside the range, and σ has nothing to do with the other draws."""
    from scipy.stats import kstest

    images = np.ones((4_096, 3, 3, 1), "float32")
    options = {"seed": 2, "degrade": lambda u, p: u, "parameter": (-1.0, 3.0)}
    drawn = data.PairSequence(images, noise=(0.01, 0.09), batch_size=4_096, **options)._plan.batch(0)
    sigma, parameter = drawn.sigma.ravel(), drawn.parameter.ravel()
    assert 0.01 <= sigma.min() < sigma.max() <= 0.09 and -1.0 <= parameter.min() < parameter.max() < 3.0
    assert kstest((np.sqrt(sigma) - 0.1) / 0.2, "uniform").pvalue > 1e-3
    assert kstest((parameter + 1.0) / 4.0, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(sigma, parameter)[0, 1]) < 5 / np.sqrt(4_096)


def test_the_noise_of_an_example_has_the_level_in_its_map(photographs):
    inputs, targets = stream(data.PairSequence(photographs, batch_size=8, noise_map=True, **LEVELS), 24)
    assert inputs.shape == (24, 20, 20, 2) and targets.shape == (24, 20, 20, 1)
    noise, sigma = inputs[..., 0] - targets[..., 0], inputs[..., 1]
    np.testing.assert_array_equal(sigma, np.broadcast_to(sigma[:, :1, :1], sigma.shape))
    assert len(np.unique(sigma)) == 24
    # The standard deviation of 400 pixels is known to 3.5 %.
    np.testing.assert_allclose(noise.std((1, 2)), sigma[:, 0, 0], rtol=0.18)
    plain = stream(data.PairSequence(photographs, batch_size=8, **LEVELS), 24)
    np.testing.assert_array_equal(plain[0], inputs[..., :1])
    np.testing.assert_array_equal(plain[1], targets)


def test_a_level_that_is_drawn_changes_nothing_but_the_level(photographs):
    """Crops, flips and the noise but for its strength are those of a fixed σ."""
    drawn = data.PairSequence(photographs, batch_size=8, **LEVELS)._plan.batch(0)
    fixed = data.PairSequence(photographs, batch_size=8, **{**LEVELS, "noise": 0.05})._plan.batch(0)
    np.testing.assert_array_equal(drawn.clean, fixed.clean)
    np.testing.assert_allclose(drawn.noise / drawn.sigma, fixed.noise / fixed.sigma, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(fixed.sigma, np.full((8, 1, 1, 1), 0.05, "float32"))


def test_degrade_is_given_the_parameter_of_each_example(photographs):
    options = {"degrade": lambda u, p: u * p, "parameter": (0.5, 1.0), "seed": 4}
    inputs, targets = data.paired_arrays(photographs, batch_size=3, **options)
    found = (inputs / np.maximum(targets, 1e-6)).max((1, 2, 3))
    assert len(np.unique(found)) == 8 and found.min() >= 0.5 and found.max() <= 1.0
    again = data.paired_arrays(photographs, batch_size=8, **options)[0]
    np.testing.assert_array_equal(inputs, again)
    other = data.paired_arrays(photographs, batch_size=8, **{**options, "seed": 5})[0]
    assert not np.allclose(other, again)


def test_a_fixed_level_is_that_times_normal_numbers(photographs):
    """Bit for bit, so that trainings with a fixed σ go on as they did before levels could be drawn."""
    drawn = data.PairSequence(photographs, batch_size=8, **OPTIONS)._plan.batch(1)
    random_bits = examples.bits(examples.NUMPY, 4 + 2 * 20 * 20, 3, examples._EXAMPLE, np.ones(8, int), np.arange(8))
    lengths, angles = random_bits[:, 4:404], random_bits[:, 404:]
    expected = (0.01 * examples.normal(examples.NUMPY, lengths, angles)).astype("float32")
    np.testing.assert_array_equal(drawn.noise.reshape(8, -1), expected)


def test_random_bits_are_splitmix64():
    """Against the published generator, and uniform: the mean of many bits, and all bits differ between keys."""
    state = int(examples._mix(np.array([examples._GOLDEN], "uint64"), examples.NUMPY)[0])
    expected, z = [], state
    for _ in range(5):
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        x = z
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        expected.append(x ^ (x >> 31))
    assert examples.bits(examples.NUMPY, 5, 0).tolist() == [expected]
    many = examples.bits(examples.NUMPY, 200_000, 1, 2, 3)[0]
    for bit in range(64):
        assert abs(((many >> np.uint64(bit)) & np.uint64(1)).mean() - 0.5) < 5 * 0.5 / np.sqrt(many.size)


def test_normal_numbers_are_normal():
    from scipy.stats import kstest

    lengths, angles = examples.bits(examples.NUMPY, 200_000, 7).reshape(2, -1)
    numbers = examples.normal(examples.NUMPY, lengths, angles)
    assert kstest(numbers, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 5 / np.sqrt(numbers.size)


# SHA-256 of the first 21 examples (inputs, targets) of OPTIONS, from bytes that every machine makes alike.
DRAWN = "4f53267adecdc5ac4389730130e708e91d48f14a43d17108b9c0e6ae36ac2f98"


def test_examples_are_equal_on_all_backends():
    """Bit for bit: the suites of TensorFlow and of JAX meet at this number, and so do both pipelines of TensorFlow."""
    pixels = (np.arange(8 * 31 * 29) * 2_654_435_761 % 2**32 // 2**24).astype("uint8").reshape(8, 31, 29)
    options = {**OPTIONS, "batch_size": 7, "degrade": lambda u: u}
    found = {"PairSequence": stream(data.PairSequence(data.GrayImages(pixels), **options), 21)}
    if BACKEND == "tensorflow":
        batches = data.pairs(data.GrayImages(pixels), **options).take(3)
        found["pairs"] = [np.concatenate(part) for part in zip(*batches)]
    digests = {
        name: hashlib.sha256(b"".join(map(np.ndarray.tobytes, arrays))).hexdigest() for name, arrays in found.items()
    }
    assert digests == dict.fromkeys(found, DRAWN)


def test_pairs_needs_the_tensorflow_backend(photographs, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="use data.PairSequence"):
        data.pairs(photographs)
