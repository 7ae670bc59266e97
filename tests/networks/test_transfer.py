"""Networks made of others: the same outputs, and the new part learns."""

import numpy as np
import pytest
from keras import ops

import diffnet_tf as dn
from diffnet_tf.networks import transfer


@pytest.mark.slow
def test_a_noise_map_has_no_effect_until_it_is_trained(photographs, rng):
    model = dn.from_preset("inverse-1pct")
    wider = transfer.with_noise_map(model)
    expected = ops.convert_to_numpy(model(photographs))
    level = rng.uniform(0, 0.1, photographs.shape).astype("float32")
    np.testing.assert_allclose(wider(np.concatenate([photographs, level], axis=-1)), expected, atol=1e-6)
    recipe = dn.training.Recipe(batch_size=4, crop=16, loss="log", learning_rate=1e-3)
    dn.training.fit(wider, photographs, recipe, steps=2, noise=(0.0, 0.1), noise_map=True, verbose=False)
    for layer in wider.diffusion_layers:
        assert np.abs(ops.convert_to_numpy(layer.estimator.convolutions[0].kernel)[:, :, 1]).max() > 0
    np.testing.assert_allclose(model(photographs), expected, atol=1e-7)  # and it learns in weights of its own


def test_what_has_no_weights_to_give_is_refused():
    with pytest.raises(ValueError, match="already has a noise map"):
        transfer.with_noise_map(dn.models.DiffNet(1, 2, 4, noise_map=True))
    with pytest.raises(TypeError, match="model is a UNet; expected a DiffNet"):
        transfer.with_noise_map(dn.models.UNet((4, 8)))
