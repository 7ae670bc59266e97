"""The tf.data pipeline: the same examples as `PairSequence`, at any parallelism, and a good citizen of Keras."""

import functools
import itertools

import numpy as np
import pytest

from diffnet_tf import data
from diffnet_tf.networks import models
from tests.conftest import mostly_slow, run_python, slow, tensorflow_only

pytestmark = tensorflow_only
OPTIONS = {"noise": 0.01, "crop": 20, "augment": True, "seed": 3}
DRAWN = {  # an example's own σ, shown to the network, and its own parameter
    **OPTIONS,
    "noise": (0.0, 0.1),
    "noise_map": True,
    "parameter": (0.5, 2.0),
    "degrade": lambda u, parameter: u**parameter,
}


def collect(dataset, count):
    batches = list(dataset)
    return tuple(np.concatenate(part)[:count] for part in zip(*batches))


@pytest.fixture(scope="module")
def images(photographs):
    return np.concatenate([photographs, photographs[:, ::-1]])


@pytest.fixture(scope="module")
def one_by_one(images):
    """The examples of three epochs, made one by one in one thread."""
    return collect(data.pairs(images, batch_size=1, epochs=3, parallel_calls=1, **OPTIONS), 48)


WAYS = list(itertools.product([1, 7, 16], [1, 4, None], [0, 5, 16, 41]))


@pytest.mark.parametrize(
    ("batch_size", "parallel_calls", "start"), mostly_slow(WAYS, (1, 4, 16), (7, 4, 5), (16, None, 41))
)
def test_an_example_is_the_same_in_any_batch_thread_and_part(images, one_by_one, batch_size, parallel_calls, start):
    """Bit for bit, wherever the run was stopped and taken up again."""
    options = {"batch_size": batch_size, "parallel_calls": parallel_calls, "start": start}
    result = collect(data.pairs(images, epochs=3, **options, **OPTIONS), 48 - start)
    for part, expected in zip(result, one_by_one):
        np.testing.assert_array_equal(part, expected[start:])


@pytest.fixture(scope="module")
def drawn_one_by_one(images):
    return collect(data.pairs(images, batch_size=1, epochs=3, parallel_calls=1, **DRAWN), 48)


@pytest.mark.parametrize(
    ("batch_size", "parallel_calls", "start"),
    mostly_slow(list(itertools.product([1, 7, 16], [1, 4], [0, 21])), (7, 4, 21)),
)
def test_what_an_example_draws_is_the_same_too(images, drawn_one_by_one, batch_size, parallel_calls, start):
    """σ, its map and the parameter: bit for bit, wherever the run was stopped and taken up again."""
    options = {"batch_size": batch_size, "parallel_calls": parallel_calls, "start": start}
    result = collect(data.pairs(images, epochs=3, **options, **DRAWN), 48 - start)
    for part, expected in zip(result, drawn_one_by_one):
        np.testing.assert_array_equal(part, expected[start:])


def test_keras_sequence_draws_the_same(images, drawn_one_by_one):
    sequence = data.PairSequence(images, batch_size=16, epochs=3, **DRAWN)
    inputs, targets = (np.concatenate(part) for part in zip(*(sequence[i] for i in range(3))))
    np.testing.assert_array_equal(targets, drawn_one_by_one[1])
    np.testing.assert_array_equal(inputs[..., 1], drawn_one_by_one[0][..., 1])
    np.testing.assert_allclose(inputs, drawn_one_by_one[0], atol=1e-6)


def test_keras_sequence_gives_the_same_examples(images, one_by_one):
    sequence = data.PairSequence(images, batch_size=16, epochs=3, **OPTIONS)
    inputs, targets = (np.concatenate(part) for part in zip(*(sequence[i] for i in range(3))))
    np.testing.assert_array_equal(targets, one_by_one[1])
    np.testing.assert_allclose(inputs, one_by_one[0], atol=1e-6)


def test_cardinality_and_shapes_are_known(photographs):
    dataset = data.pairs(photographs, batch_size=3, epochs=2)
    assert int(dataset.cardinality()) == len(list(dataset)) == 6
    assert [tuple(spec.shape) for spec in dataset.element_spec] == [(None, 96, 96, 1)] * 2
    assert int(data.pairs(photographs, batch_size=3, epochs=None).cardinality()) == -1


def test_keras_fits_on_it(photographs):
    model = models.DiffNet(1, 2, 4)
    model.compile("adam", "mse")
    history = model.fit(data.pairs(photographs, batch_size=4, crop=24, epochs=1), epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]


def test_a_misspelt_option_is_named_with_the_nearest(photographs, tmp_path):
    """By all functions that take the options of `pairs`, which their users know."""
    written = functools.partial(data.make_pairs, path=tmp_path / "x.npz")
    for function in (data.pairs, data.PairSequence, data.paired_arrays, written):
        with pytest.raises(TypeError, match=r"'nois'; expected the arguments of data\.pairs\. Did you mean 'noise'\?"):
            function(photographs, nois=0.1)
    with pytest.raises(TypeError, match=r"too many positional arguments; expected the arguments of data\.pairs"):
        data.PairSequence(photographs, "inverse", 0.0, 0, None, 4)


def test_paired_arrays_takes_the_degradation_by_place(photographs):
    inputs, targets = data.paired_arrays(photographs[:2], "inverse", 0.0, 0, lambda u: 0.5 * u)
    np.testing.assert_array_equal(inputs, 0.5 * targets)


def test_source_names_are_taken():
    inputs, targets = next(iter(data.pairs("skimage", split="test", limit=4, batch_size=2)))
    assert inputs.shape == targets.shape == (2, 96, 96, 1)


ENDLESS = """
import numpy as np, diffnet_tf as dn
dataset = iter(dn.data.pairs(np.ones((4, 32, 32, 1), "float32"), batch_size=2, noise=0.1, epochs=None))
for _ in range(50):
    next(dataset)
print("done")
"""


@slow
def test_a_process_ends_while_an_endless_pipeline_is_still_at_work():
    assert run_python(ENDLESS).strip() == "done"


@slow
@pytest.mark.parametrize("start", mostly_slow([0, 5], 5))
def test_pairs_that_are_not_drawn_anew_are_those_of_a_stored_set(images, start):
    """Every epoch has the same pairs in another order, and no two images have one noise."""
    drawn = {**DRAWN, "redraw": False, "batch_size": 8, "epochs": 3}
    inputs, targets = collect(data.pairs(images, start=start, **drawn), 48 - start)
    sequence = data.PairSequence(images, start=start, **drawn)
    others = tuple(np.concatenate(part) for part in zip(*(sequence[k] for k in range(len(sequence)))))
    np.testing.assert_allclose(inputs, others[0], atol=1e-6)
    np.testing.assert_array_equal(targets, others[1])
    epochs = [inputs[16 * e - start :][:16] for e in (1, 2)]
    assert not np.array_equal(*epochs)
    order = [np.lexsort(epoch.reshape(16, -1).T) for epoch in epochs]
    np.testing.assert_array_equal(*(epoch[k] for epoch, k in zip(epochs, order)))
    assert len(np.unique(inputs[..., 0, 0, 1])) == 16 == len(np.unique(targets[:, 0, 0]))
    anew = collect(data.pairs(images, **{**drawn, "redraw": True}), 48)[0]
    assert len(np.unique(anew[..., 0, 0, 1])) == 48


def test_tiles_are_the_squares_of_an_image_on_its_scale(rng):
    pixels = rng.integers(0, 200, (3, 9, 13), "uint8")
    pixels[:, 0, 0] = 255, 128, 64
    pixels[0, 4:8, 4:8] = 0  # a tile may be black
    tiles = data.GrayImages(pixels).tiles(4)
    assert tiles.shape == (18, 4, 4, 1) and len(tiles.maxima) == 18
    whole = data.GrayImages(pixels).take(np.arange(3))
    places = [(image, 4 * row, 4 * column) for image in range(3) for row in range(2) for column in range(3)]
    for found, (image, row, column) in zip(tiles.take(np.arange(18)), places):
        np.testing.assert_array_equal(found, whole[image, row : row + 4, column : column + 4])
    colours = data.ColourImages(rng.integers(1, 255, (2, 8, 8, 3), "uint8"))
    np.testing.assert_array_equal(colours.tiles(4).pixels[3], colours.pixels[0, 4:, 4:])
    with pytest.raises(ValueError, match="side=10 and images have 9×13 pixels"):
        data.GrayImages(pixels).tiles(10)
    mixed = data.MixedImages([("a", pixels[0]), ("b", pixels[1, :8])])
    with pytest.raises(ValueError, match="differ in size"):
        mixed.tiles(4)
