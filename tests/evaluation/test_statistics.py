"""The statistics of an ensemble, against ensembles that are calibrated by construction and some that are not."""

import numpy as np
import pytest

from diffnet_tf.evaluation import statistics


def ensemble(rng, members, pixels, common=0.0):
    """Outputs (members, pixels) and a truth drawn as one more of them; the truth differs by `common` from all."""
    width = rng.uniform(0.01, 0.1, pixels)
    centre = rng.normal(size=pixels)
    outputs = centre + width * rng.standard_normal((members, pixels))
    return outputs, centre + width * rng.standard_normal(pixels) + common * rng.standard_normal(pixels)


def judged(outputs, truth, **options):
    return statistics.judged(statistics.spread(outputs), outputs.mean(0) - truth, **options)


@pytest.mark.parametrize("members", [2, 5, 30])
def test_a_calibrated_ensemble_is_found_to_be_one(rng, members):
    """Its spread is its error and its coverage the nominal one, of few members as of many."""
    found = judged(*ensemble(rng, members, 100_000))
    assert found["rms_spread"] == pytest.approx(found["rms_error"], rel=0.02)
    assert found["coverage"] == pytest.approx(statistics.nominal_coverage(members), abs=0.005)


def test_the_curve_of_a_calibrated_ensemble_is_the_diagonal(rng):
    found = judged(*ensemble(rng, 200, 100_000), bins=10)
    curve = found["calibration"]
    np.testing.assert_allclose(curve["spread"], curve["error"], rtol=0.05)
    assert curve["spread"] == sorted(curve["spread"]) and len(curve["spread"]) == 10


def test_what_the_members_share_is_not_in_their_spread(rng):
    """An error common to all makes the ensemble overconfident; a factor fitted on other pixels repairs the size."""
    outputs, truth = ensemble(rng, 5, 100_000, common=0.1)
    first, second = slice(0, 50_000), slice(50_000, None)
    spread, error = statistics.spread(outputs), outputs.mean(0) - truth
    factor = statistics.scale(spread[first], error[first])
    # E[error²] = common² + (1 + 1/5) E[width²], and E[width²] of a uniform width is 0.0037.
    assert factor == pytest.approx(np.sqrt(1 + 0.1**2 / (1.2 * 0.0037)), rel=0.02)
    before, after = statistics.judged(spread[second], error[second]), judged(outputs, truth, factor=factor)
    assert before["coverage"] < 0.7 < after["coverage"]
    assert after["rms_spread"] == pytest.approx(after["rms_error"], rel=0.02)


def test_nominal_coverage_is_students():
    """Of 2 members, Cauchy's distribution; of many, the normal one."""
    assert statistics.nominal_coverage(2, 1.0) == pytest.approx(0.5)
    assert statistics.nominal_coverage(100_000) == pytest.approx(0.9545, abs=1e-4)


def test_ranks(rng):
    spread = rng.uniform(size=1_000)
    assert statistics.rank_correlation(spread, -(spread**3)) == pytest.approx(1.0)
    assert abs(statistics.rank_correlation(spread, rng.normal(size=1_000))) < 0.15


def test_one_member_has_no_spread():
    with pytest.raises(ValueError, match=r"members has shape \(1, 4\); expected at least 2"):
        statistics.spread(np.ones((1, 4)))
