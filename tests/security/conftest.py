"""A file that no payload may change, and a small network."""

import pytest

import diffnet_tf as dn

UNTOUCHED = "untouched"


@pytest.fixture
def canary(tmp_path):
    """A file that must be the same after the test as before."""
    path = tmp_path / "canary.txt"
    path.write_text(UNTOUCHED)
    yield path
    assert path.read_text() == UNTOUCHED


@pytest.fixture
def network():
    return dn.models.DiffNet(num_layers=1, estimator_depth=2, width=4)
