"""The tf.data pipeline: the same examples as `PairSequence`, at any parallelism, and a good citizen of Keras."""

import numpy as np
import pytest

from diffnet_tf import data, models
from tests.conftest import run_python, tensorflow_only

pytestmark = tensorflow_only
OPTIONS = {"noise": 0.01, "crop": 20, "augment": True, "seed": 3}


def collect(dataset, count):
    batches = list(dataset)
    return tuple(np.concatenate(part)[:count] for part in zip(*batches))


@pytest.mark.parametrize("parallel_calls", [1, 4, None])
@pytest.mark.parametrize("batch_size", [1, 7, 8])
def test_examples_depend_on_neither_batch_nor_parallelism(photographs, batch_size, parallel_calls):
    sequence = data.PairSequence(photographs, batch_size=8, epochs=3, **OPTIONS)
    expected = tuple(np.concatenate(part) for part in zip(*(sequence[i] for i in range(3))))
    dataset = data.pairs(photographs, batch_size=batch_size, epochs=3, parallel_calls=parallel_calls, **OPTIONS)
    result = collect(dataset, 24)
    np.testing.assert_array_equal(result[1], expected[1])
    np.testing.assert_allclose(result[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("start", [5, 8, 17])
def test_a_pipeline_goes_on_from_any_start(photographs, start):
    whole = collect(data.pairs(photographs, batch_size=4, epochs=3, **OPTIONS), 24)
    rest = collect(data.pairs(photographs, batch_size=4, epochs=3, start=start, **OPTIONS), 24 - start)
    np.testing.assert_array_equal(rest[1], whole[1][start:])


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


def test_a_process_ends_while_an_endless_pipeline_is_still_at_work():
    assert run_python(ENDLESS).strip() == "done"
