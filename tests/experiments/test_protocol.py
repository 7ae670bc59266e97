"""The paper's protocol: trainings in two precisions that start alike, and what their record says."""

import numpy as np

from experiments import protocol
from tests.conftest import slow
from tests.small_experiments import execute


@slow
def test_both_precisions_are_trained_and_measured_in_float32(tmp_path):
    found, psnr = execute(protocol, tmp_path)
    assert [run["precision"] for run in found["runs"]] == ["bfloat16", "float32"]
    assert [run["dtype"] for run in found["runs"]] == ["mixed_bfloat16", "float32"]
    assert found["runs"][0]["recipe"]["batch_size"] == 8 and found["runs"][0]["recipe"]["crop"] is None
    # Alike at the start, and a few steps later: precision is all that differs.
    np.testing.assert_allclose(psnr["psnr_bfloat16"], psnr["psnr_float32"], atol=2.0)
    assert not np.array_equal(psnr["psnr_bfloat16"], psnr["psnr_float32"])
