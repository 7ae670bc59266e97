"""The paper's protocol: trainings in two precisions that start alike, and what their record says."""

import numpy as np
import pytest

from experiments import protocol
from experiments.lib import verdicts
from tests.conftest import slow
from tests.small_experiments import execute


def record(steps=(10, 10)):
    """Made up: bfloat16 twice as fast, with one slow interval."""
    runs = [
        {"precision": name, "steps": count, "times": times, "history": [{"step": 5}, {"step": 10}]}
        for name, count, times in zip(("bfloat16", "float32"), steps, ([1.0, 9.0], [2.0, 4.0]))
    ]
    return {"runs": runs, "budget": "cpu", "data": "a", "test_data": "b", "commit": "c", "source": "skimage"}


def arrays(loss):
    return {"psnr_float32": np.full(3, 60.0), "psnr_bfloat16": np.full(3, 60.0 - loss)}


@pytest.mark.parametrize(
    ("loss", "verdict"), [(0.29, verdicts.REPRODUCED), (-1.0, verdicts.REPRODUCED), (0.31, verdicts.NOT_REPRODUCED)]
)
def test_the_claim_gets_each_verdict(loss, verdict):
    finding = protocol.CLAIMS[0].check(record(), arrays(loss))
    assert finding.verdict == verdict and finding.ours.endswith("200 ms a step instead of 400")


def test_trainings_of_other_lengths_are_not_compared():
    with pytest.raises(verdicts.NotRun, match="as many steps"):
        protocol.CLAIMS[0].check(record((10, 5)), arrays(0.0))
    alone = record()
    del alone["runs"][1]
    with pytest.raises(verdicts.NotRun, match="one of the trainings"):
        protocol.CLAIMS[0].check(alone, arrays(0.0))


@slow
def test_both_precisions_are_trained_and_measured_in_float32(tmp_path):
    found, psnr = execute(protocol, tmp_path)
    assert [run["precision"] for run in found["runs"]] == ["bfloat16", "float32"]
    assert [run["dtype"] for run in found["runs"]] == ["mixed_bfloat16", "float32"]
    assert found["runs"][0]["recipe"]["batch_size"] == 8 and found["runs"][0]["recipe"]["crop"] is None
    # Alike at the start, and a few steps later: precision is all that differs.
    np.testing.assert_allclose(psnr["psnr_bfloat16"], psnr["psnr_float32"], atol=2.0)
    assert not np.array_equal(psnr["psnr_bfloat16"], psnr["psnr_float32"])
