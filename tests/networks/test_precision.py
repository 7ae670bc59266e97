"""Presets in float32, bfloat16, or what the device and the card allow."""

import keras
import numpy as np
import pytest

import diffnet_tf as dn
from diffnet_tf.base import backend
from diffnet_tf.networks import precision, presets
from diffnet_tf.restoration import tiles
from tests.conftest import BACKEND

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


@pytest.fixture(params=[True, False])
def device(request, monkeypatch):
    """A device that has bfloat16, and one that has not."""
    monkeypatch.setattr(backend, "has_bfloat16", lambda: request.param)
    return request.param


@pytest.mark.parametrize("name", POLICIES)
def test_a_precision_is_a_dtype_policy(name):
    assert dn.from_preset("inverse-1pct", precision=name).dtype_policy.name == POLICIES[name]


def test_float32_is_the_default():
    model = dn.from_preset("inverse")
    assert model.dtype_policy.name == "float32" and model.exact
    assert not dn.from_preset("inverse", dtype="float32").exact


@pytest.mark.parametrize(("cost", "free"), [(0.02, True), (0.021, False), (-1.0, True), (None, False)])
def test_auto_takes_bfloat16_where_it_is_there_and_free(device, cost, free):
    assert precision.policy("auto", cost) == ("mixed_bfloat16" if device and free else "float32")


def test_auto_goes_by_the_card(monkeypatch):
    monkeypatch.setattr(backend, "has_bfloat16", lambda: True)
    chosen = {name: dn.from_preset(name, precision="auto").dtype_policy.name for name in dn.list_presets()}
    assert chosen == {
        "denoise": "float32",  # its card does not say
        "denoise-colour": "float32",  # its card does not say
        "inverse-any-noise": "float32",  # its card does not say
        "forward": "float32",
        "inverse": "float32",
        "inverse-0.1pct": "mixed_bfloat16",
        "inverse-1pct": "mixed_bfloat16",
        "deconvolution": "float32",  # its card does not say
    }


@pytest.mark.parametrize(
    ("card", "cost"),
    [
        ({}, None),
        ({"quality": {"precision": {"auto": {"cost": 0.5}, "bfloat16": {"cost": 0.1}}}}, 0.5),
        ({"quality": {"precision": {"bfloat16": {"cost": 0.1}}}}, None),
        ({"quality": {"precision": {"auto": {"cost": "much"}}}}, None),
        ({"quality": {"precision": 3}}, None),
    ],
)
def test_the_cost_on_a_card(card, cost):
    assert precision.cost(card) == cost


def test_auto_compensates_the_last_convolutions(monkeypatch, photographs):
    """They are in bfloat16 then: rounded alone, they would cost ten times as much as compensated."""
    monkeypatch.setattr(backend, "has_bfloat16", lambda: True)
    model = dn.from_preset("inverse-1pct", precision="auto")
    lasts = [layer.estimator.convolutions[-1] for layer in model.diffusion_layers]
    assert all(last.compensated for last in lasts)
    other = presets.in_precision(dn.from_preset("inverse-1pct"), "auto")
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(m(photographs[:1])) for m in (model, other)))
    half = dn.from_preset("inverse-1pct", precision="bfloat16")
    assert not any(layer.estimator.convolutions[-1].compensated for layer in half.diffusion_layers)


def test_compensated_filters_are_the_filters_but_for_rounding(rng):
    """In float32 exactly; in bfloat16 each is rounded, and their sum is not."""
    u = rng.random((1, 6, 6, 1), "float32")
    for policy, each, together in (("float32", 1e-5, 1e-5), ("mixed_bfloat16", 2e-2, 4e-3)):
        estimator = dn.layers.FilterEstimator(depth=2, width=8, dtype=policy)
        wanted = keras.ops.convert_to_numpy(estimator(u))
        last = estimator.convolutions[-1]
        kernel = keras.ops.convert_to_numpy(last.kernel)
        kernel[..., 0] = 0.01 * kernel[..., 0] - kernel[..., 1:].sum(-1)  # nearly mean-free, as trained ones are
        last.kernel.assign(kernel)
        last.bias.assign([-4.0, 1.0, 1.0, 1.0, 1.0])
        wanted = keras.ops.convert_to_numpy(estimator(u))
        last.compensated = True
        found = keras.ops.convert_to_numpy(estimator(u))
        assert np.abs(found - wanted).max() < each
        assert np.abs(found.sum(-1) - wanted.sum(-1)).max() < together


def test_precision_and_dtype_are_refused_together():
    with pytest.raises(ValueError, match="dtype='float64' and precision='auto'; expected only one"):
        dn.from_preset("inverse", dtype="float64", precision="auto")
    with pytest.raises(ValueError, match="precision='half'; expected one of 'float32', 'auto', 'bfloat16'"):
        dn.from_preset("inverse", precision="half")


def test_restore_takes_a_precision(photographs):
    """As the preset in that precision, whether it is given with the network or when it is applied."""
    image = photographs[0, ..., 0] / photographs[0].max()
    model = dn.from_preset("inverse-1pct")
    restored = {name: dn.restore(image, model, precision=name) for name in POLICIES}
    np.testing.assert_array_equal(restored["float32"], dn.restore(image, model))
    given = dn.from_preset("inverse-1pct", precision="bfloat16")
    np.testing.assert_array_equal(restored["bfloat16"], dn.restore(image, given))
    difference = np.abs(restored["bfloat16"] - restored["float32"]).max()
    assert 0 < difference < 0.01
    assert model.dtype_policy.name == "float32"


def test_a_network_with_a_dtype_of_its_own_takes_no_precision(photographs):
    model = dn.models.DiffNet(1, 2, 4, dtype="mixed_bfloat16")
    image = photographs[0, ..., 0]
    with pytest.raises(ValueError, match="precision='float32' for a network of dtype 'mixed_bfloat16'"):
        dn.restore(image, model, precision="float32")
    with pytest.raises(ValueError, match="precision='auto' with a Tiled; expected None"):
        dn.restore(image, tiles.Tiled(model), precision="auto")


def test_what_is_on_the_card_is_kept_in_another_precision():
    model = dn.from_preset("inverse")
    other = presets.in_precision(model, "bfloat16")
    assert other is not model and presets.in_precision(model, "float32") is model
    assert presets.psnr_on_card(other) == presets.psnr_on_card(model) > 60


def test_tiles_give_the_whole_image_in_bfloat16():
    """The same convolutions see the same pixels. Sums that differ in their order round apart now and then."""
    image = np.random.default_rng(1).random((65, 50)).astype("float32")
    image[1, 1] = 1.0
    model = dn.from_preset("inverse-1pct", precision="bfloat16")
    whole = keras.ops.convert_to_numpy(model(image[None, ..., None]))[0, ..., 0]
    assert dn.metrics.psnr(whole[None, ..., None], dn.restore(image, model, tile=32)[None, ..., None])[0] > 60


def test_tf32_is_off_inside_and_as_before_after():
    """What the frameworks say of themselves."""

    def switch():
        if BACKEND == "jax":
            import jax

            return jax.config.jax_default_matmul_precision
        if BACKEND == "torch":
            import torch

            return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        import tensorflow as tf

        return tf.config.experimental.tensor_float_32_execution_enabled()

    off = {"jax": "float32", "torch": (False, False), "tensorflow": False}[BACKEND]
    before, seen = switch(), []
    assert before != off
    assert precision.exact(lambda: seen.append(switch()) or 1)() == 1
    with pytest.raises(KeyError), backend.without_tf32():
        raise KeyError
    assert seen == [off] and switch() == before


def test_calls_of_a_preset_are_made_without_tf32(monkeypatch, photographs):
    calls = []
    monkeypatch.setattr(backend, "without_tf32", lambda: calls.append(1) or backend.memory_errors(""))
    model = dn.from_preset("inverse")
    model(photographs[:1])
    assert calls == [1]
    model(photographs[:1], training=True)  # TF32 may serve training
    dn.models.DiffNet(1, 2, 4)(photographs[:1])
    assert calls == [1]
