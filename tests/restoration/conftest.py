"""A small network with strong filters, whose reach tiles would show, and a preset."""

import keras
import pytest

import diffnet_tf as dn


@pytest.fixture(scope="package")
def small():
    keras.utils.set_random_seed(3)
    return dn.models.DiffNet(num_layers=2, estimator_depth=2, width=4, initial_time_step=0.5)


@pytest.fixture(scope="package")
def inverse():
    return dn.from_preset("inverse")
