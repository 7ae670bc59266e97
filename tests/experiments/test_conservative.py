"""The measurements of `conservative` against cases whose answers are known."""

import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from experiments.lib import conservative_laws, conservative_record, conservative_undone
from tests.conftest import slow


def test_the_jacobian_is_that_of_finite_differences():
    image = np.random.default_rng(0).uniform(size=(1, 10, 11, 1)).astype("float32")

    def function(u):
        return u * u + 0.5 * ops.roll(u, 1, axis=1) * u

    found = conservative_undone.jacobian(conservative_undone.gradient_of(function), image)
    delta = np.random.default_rng(1).normal(size=image.shape).astype("float32")
    after, before = (ops.convert_to_numpy(function(ops.convert_to_tensor(image + s * 1e-2 * delta))) for s in (1, -1))
    np.testing.assert_allclose(found @ delta.ravel(), (after - before).ravel() / 2e-2, atol=1e-4)


class _Images:
    maxima = [1.0, 1.0]

    def __len__(self):
        return 2

    def image(self, k):
        return np.random.default_rng(k).uniform(0.4, 0.5, size=(30, 40)).astype("float32")


@slow
def test_the_gain_of_a_network_that_is_undone_is_that_of_its_inverse(monkeypatch):
    monkeypatch.setattr(conservative_undone, "SIDE", 12)
    monkeypatch.setattr(conservative_undone, "PRESETS", {})
    found = conservative_undone.gains(lambda u: 0.25 * u, _Images())
    np.testing.assert_allclose(found["gains"]["undone"], [4.0, 4.0], rtol=1e-4)
    # The exact inverse: four steps shrink the finest pattern by 1/5 each at most.
    assert all(100 < value <= 625 for value in found["gains"]["exact"])


@pytest.mark.parametrize(
    ("function", "broken"),
    [
        (lambda u: u, set()),
        (lambda u: u + 0.5, {"mean", "maximum", "constant", "stable"}),
        (lambda u: 1.5 * u, {"mean", "maximum", "minimum", "constant", "stable"}),
        (lambda u: u.mean() + 0 * u, set()),
        (lambda u: np.nan * u, {"mean", "maximum", "minimum", "constant", "stable"}),
    ],
)
def test_broken_laws_are_seen(function, broken):
    image = np.random.default_rng(2).uniform(-1, 2, size=(1, 8, 8, 1)).astype("float32")
    found = conservative_laws._violations(function, image, np.ones_like(image))
    assert {law for law, violated in found.items() if violated} == broken


def test_broken_laws_of_a_matrix_are_seen():
    smooth = np.zeros((6, 6, 5))
    smooth[..., 1:] = 1.0
    smooth[..., 0] = -4.0

    def broken(filters, dt):
        found = conservative_laws._of_matrix(dn.stencil.operator(filters, dt, "periodic"))
        return {law for law, violated in found.items() if violated}

    assert broken(smooth, 0.25) == set()
    assert broken(smooth, 0.26) == {"semi-definite"} == broken(-smooth, 0.1) == broken(smooth + 0.1, 0.1)
    transport = smooth.copy()
    transport[..., 3] += 0.5
    transport[..., 4] -= 0.5
    assert broken(transport, 0.1) == {"symmetric"}


def test_free_layers_leave_the_range_and_conservative_ones_do_not(monkeypatch):
    monkeypatch.setattr(conservative_laws, "RANDOM", 4)
    monkeypatch.setattr(conservative_laws, "ITERATIONS", (1, 30))
    assert conservative_laws._left(True) == 0 < conservative_laws._left(False)


def test_long_trainings_and_other_parts_than_those_of_smoke_are_kept():
    common = {"data": "x", "test_data": "y", "source": "z", "commit": "0"}
    run = {**common, "name": "forward", "part": "forward", "conservative": True, "layers": 5, "seed": 0, "ssim": [1]}
    runs = [
        {**run, "steps": 9, "budget": "cpu", "psnr": [2.0]},
        {**run, "steps": 1, "budget": "smoke", "psnr": [1.0]},
        *({**common, "name": "laws", "pairs": pairs, "budget": budget} for pairs, budget in ((9, "cpu"), (1, "smoke"))),
    ]
    found = conservative_record.gather(runs, None)
    assert found.record["laws"]["pairs"] == 9 and [run["steps"] for run in found.record["runs"]] == [9]
    np.testing.assert_array_equal(found.arrays["psnr_forward"], [2.0])
