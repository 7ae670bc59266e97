"""The experiment `longer_times`: what is gathered."""

from experiments import longer_times


def test_a_short_try_does_not_stand_beside_long_trainings():
    common = {"problem": "inverse", "seed": 0, "psnr": [30.0], "ssim": [0.9], "source": "s", "data": "d", "commit": "0"}
    given = (
        ("ten", "cpu", 85_000),
        ("shared-10", "cpu", 80_000),
        ("shared-10", "quick", 700),
        ("shared-20", "quick", 400),
    )
    runs = [
        {**common, "name": f"inverse-{method}", "method": method, "budget": budget, "steps": steps, "file": method}
        for method, budget, steps in given
    ]
    runs.append({**common, "name": "inverse-fixed-point", "method": "fixed-point", "budget": "quick", "steps": 0})
    found = longer_times.gather(runs, None)
    names = ["inverse-fixed-point", "inverse-shared-10", "inverse-ten"]
    assert [run["name"] for run in found.record["runs"]] == names
    assert sorted(found.arrays) == [f"psnr_{name}" for name in names]
    assert [run["steps"] for run in found.record["runs"]] == [0, 80_000, 85_000]
