"""Degradations of the user's own that nothing can compile: SciPy, values, random numbers."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import gaussian_filter

import diffnet_tf as dn
from diffnet_tf import data
from diffnet_tf.data.plan import Plan
from tests.conftest import BACKEND, mostly_slow, tensorflow_only

OPTIONS = {"batch_size": 3, "crop": 12, "epochs": None}


def to_numpy(u):
    return ops.convert_to_numpy(u)


IN_PYTHON = {
    "SciPy": lambda u: gaussian_filter(np.asarray(u), (0, 1, 1, 0)),
    "float64": lambda u: np.sqrt(np.asarray(u, "float64")),
    "values": lambda u: u * float(ops.max(u)),
    "branches": lambda u: u if bool(to_numpy(ops.max(u)) > 0.5) else 0.5 * u,
    "a list": lambda u: [0.5 * image for image in to_numpy(u)],
    "a loop": lambda u: np.stack([image / image.max() for image in to_numpy(u)]),
}


def batches(images, degrade, number=2, **options):
    if BACKEND == "tensorflow":
        return [tuple(map(to_numpy, pair)) for pair in data.pairs(images, degrade=degrade, **options).take(number)]
    sequence = data.PairSequence(images, degrade=degrade, **options)
    return [sequence[k] for k in range(number)]


@pytest.mark.parametrize("case", mostly_slow(list(IN_PYTHON), list(IN_PYTHON)[1]))
def test_what_cannot_be_compiled_is_called_in_python(photographs, case):
    """The pairs are (degrade(clean), clean), of known shape; compiled pipelines hold what they can."""
    degrade = IN_PYTHON[case]
    for inputs, targets in batches(photographs, degrade, **OPTIONS):
        assert inputs.dtype == targets.dtype == np.float32 and inputs.shape == (3, 12, 12, 1)
        expected = np.asarray([to_numpy(part) for part in degrade(ops.convert_to_tensor(targets))])
        np.testing.assert_allclose(inputs, expected, atol=1e-6)
    inputs, targets = data.paired_arrays(photographs[:2], degrade=degrade)
    assert inputs.shape == targets.shape == (2, 96, 96, 1)
    if BACKEND != "torch":
        compiles = case == "values" and BACKEND == "tensorflow"  # whose autograph knows float
        assert Plan(photographs, degrade=degrade, **OPTIONS).compiles == compiles
        assert Plan(photographs, degrade=lambda u: 0.5 * ops.square(u), **OPTIONS).compiles


@tensorflow_only
def test_its_shape_is_known(photographs):
    dataset = data.pairs(photographs, degrade=IN_PYTHON["SciPy"], noise_map=True, **OPTIONS)
    assert [tuple(spec.shape) for spec in dataset.element_spec] == [(None, 12, 12, 2), (None, 12, 12, 1)]


@pytest.mark.parametrize("case", mostly_slow(["SciPy", "a parameter"], "SciPy"))
def test_fit_runs_it(photographs, case):
    """With the validation, whose images are whole."""
    options = {"degrade": IN_PYTHON["SciPy"]}
    if case == "a parameter":
        options = {"degrade": lambda u, p: np.asarray(u) * np.asarray(p), "parameter": (0.5, 1.0)}
    recipe = dn.training.Recipe(batch_size=2, crop=12, schedule="constant")
    model = dn.models.DiffNet(1, 1, 2)
    trained = dn.training.fit(
        model, photographs[:4], recipe, steps=2, validation=photographs[4:5], verbose=False, **options
    )
    assert trained.finished and np.isfinite(trained.history[-1]["val_psnr"])


class Counting:
    """A callable that draws from a generator made anew at every call, of a seed that it counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self, u):
        self.calls += 1
        return u + np.random.default_rng(self.calls).normal(size=(3, 12, 12, 1)).astype("float32")


def by_chance(chance):
    """A function that acts now and then: whole calls go by in which nothing is seen of that."""
    generator = np.random.default_rng(0)
    return lambda u: 0.5 * u if generator.random() > 1 - chance else u


def draws():
    generator = np.random.default_rng(0)
    of_keras = keras.random.SeedGenerator(0)
    return {
        "a fresh generator": lambda u: u + np.random.default_rng().normal(size=(3, 12, 12, 1)).astype("float32"),
        "a counter": Counting(),
        "numpy.random": lambda u: u + np.random.normal(size=(3, 12, 12, 1)).astype("float32"),
        "a generator": lambda u: u + generator.normal(size=(3, 12, 12, 1)).astype("float32"),
        "keras.random": lambda u: u + keras.random.normal((3, 12, 12, 1)),
        "Keras's generator": lambda u: u + keras.random.normal((3, 12, 12, 1), seed=of_keras),
    }


@pytest.mark.parametrize("case", draws())
def test_random_numbers_are_new_in_every_batch(photographs, case):
    """Compiled, those of NumPy would be the constant that was drawn then."""
    (first, clean), (second, other) = batches(photographs, draws()[case], **OPTIONS)
    noise = np.stack([first - clean, second - other])
    assert noise.std(axis=(1, 2, 3, 4)) == pytest.approx(1, abs=0.2)
    assert abs(np.corrcoef(noise.reshape(2, -1))[0, 1]) < 0.25


@pytest.mark.parametrize("state", ["held", "counted"])
def test_what_acts_now_and_then_does_so_in_the_pipeline(photographs, state):
    """One call in twelve: of a generator that is held it is seen that it was drawn from; a counter differs in time."""
    if state == "held":
        degrade = by_chance(1 / 12)
    else:
        calls = itertools.count(1)

        def degrade(u):
            return 0.5 * u if next(calls) % 4 == 0 else u

    ratios = [np.max(inputs) / np.max(targets) for inputs, targets in batches(photographs, degrade, 40, **OPTIONS)]
    assert set(np.round(ratios, 3)) == {0.5, 1.0}


@tensorflow_only
def test_keras_random_numbers_follow_its_seed_and_a_degrade_is_left_as_it_was(photographs):
    """In the pipeline's threads it draws what it would draw here."""

    def noise(u):
        return keras.random.normal((3, 12, 12, 1))

    keras.utils.set_random_seed(5)
    expected = np.stack([to_numpy(noise(None)) for _ in range(3)])
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal([inputs for inputs, _ in batches(photographs, noise, 3, **OPTIONS)], expected)
    generator, same = np.random.default_rng(7), np.random.default_rng(7)
    assert not Plan(photographs, degrade=lambda u: u * generator.random(), **OPTIONS).compiles
    assert generator.random() == same.random()


def test_mistakes_of_the_function_are_told_as_they_are(photographs):
    """Before any work, and not as what a compiler makes of them."""

    def wrong(u):
        raise KeyError("my own mistake")

    options = {"steps": 1, "verbose": False, "recipe": dn.training.Recipe(batch_size=2, crop=12)}
    with pytest.raises(KeyError, match="my own mistake"):
        dn.training.fit(dn.models.DiffNet(1, 1, 2), photographs[:4], degrade=wrong, **options)
    with pytest.raises(ValueError, match=r"clean has shape \(2, 12, 12, 1\) and the output of degrade \(2, 6, 12, 1\)"):
        dn.training.fit(dn.models.DiffNet(1, 1, 2), photographs[:4], degrade=lambda u: np.asarray(u)[:, ::2], **options)
