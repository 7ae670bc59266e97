"""What would be unstable or out of range is refused or warned of, and what is not is not."""

import warnings

import numpy as np
import pytest

import diffnet_tf as dn
from tests.conftest import tensorflow_only
from tests.hostile.common import GRAY, RNG, check

pytestmark = tensorflow_only


@pytest.mark.parametrize("name", dn.diffusivity.DIFFUSIVITIES)
def test_explicit_steps_are_stable_or_refused(name):
    """At the bound the extrema stay; beyond it the call is refused, and the same step would amplify a checkerboard."""
    gamma, contrast = dn.diffusivity.get(name), 0.5
    bound = gamma.stability_bound(contrast)
    noise = RNG.uniform(0.4, 0.6, (1, 16, 16, 1))
    stepped = np.asarray(dn.diffusion.nonlinear(noise, 20, bound, contrast, name))
    assert noise.min() - 1e-9 <= stepped.min() and stepped.max() <= noise.max() + 1e-9
    for steps in (0, 1, 20):
        with pytest.raises(ValueError) as error:
            dn.diffusion.nonlinear(noise, steps, 1.001 * bound, contrast, name)
        check(
            error,
            ValueError,
            f"dt={1.001 * bound:g} breaks the stability bound of the explicit scheme for {name}: dt ≤ 1/(4 max γ) = "
            f"{bound:g}. Take more, smaller steps, or method='implicit'.",
        )
    board = 0.5 + 1e-6 * (-1.0) ** np.add.outer(np.arange(16), np.arange(16))[None, ..., None]
    beyond = dn.diffusion.explicit_step(board, 2.002 * bound, gamma(dn.diffusion.squared_gradient(board), contrast))
    assert np.ptp(np.asarray(beyond)) > np.ptp(board)
    dn.diffusion.nonlinear(noise, 1, 1.001 * bound, contrast, name, method="implicit")


def test_isotropic_steps_are_stable_or_refused():
    with pytest.raises(ValueError) as error:
        dn.diffusion.isotropic(GRAY, time=1.0, steps=3)
    check(
        error,
        ValueError,
        "dt=0.333333 breaks the stability bound of the explicit scheme for γ = 1: dt ≤ 1/(4 max γ) = 0.25. Take more, "
        "smaller steps, or method='implicit'.",
    )


def test_0_to_255_into_a_network_is_warned_of(model):
    for call in (model, lambda u: model.predict(u, verbose=0), model.states):
        with pytest.warns(UserWarning, match="inputs reach 2.*; the networks expect images with white at 1"):
            call(255 * GRAY)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(1.5 * GRAY)


def test_mirrored_without_devices_is_refused(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(
        tf.config,
        "list_logical_devices",
        lambda kind: [tf.config.LogicalDevice("/device:CPU:0", "CPU")] if kind == "CPU" else [],
    )
    with pytest.raises(ValueError) as error:
        dn.distribute.scope("mirrored")
    check(
        error,
        ValueError,
        "strategy='mirrored' found no GPU and only one CPU; expected several devices. Install TensorFlow with GPU "
        "support, or use strategy='none'.",
    )
