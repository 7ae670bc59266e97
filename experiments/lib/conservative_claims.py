"""What the record of `conservative` is checked for."""

import numpy as np

from experiments.lib import verdicts
from experiments.lib.conservative_laws import PAIRS
from experiments.lib.ledger import Claim
from experiments.lib.options import OWN_SPLIT

FORWARD = 85.0  # dB
COST = 0.5  # dB that the laws may cost a denoiser
ROUND_TRIP = 1e-5  # of gray values in [0, 1]
OUTSIDE = 1e-4  # beyond [0, 1] after 1,000 iterations: their rounding


def laws(record, arrays):
    """No random weights break a law."""
    found = _part(record, "laws")
    ours, free = (sum(found[name].values()) for name in ("conservative", "free"))
    text = f"{ours} laws broken by {found['pairs']:,} random layers; {free:,} by free layers"
    answer = verdicts.HOLDS if not ours else verdicts.FAILS
    if found["pairs"] < PAIRS and not ours:
        answer = verdicts.Unsure(f"fewer than {PAIRS:,}")
    return verdicts.finding(record, text, answer, exact=True, **_source(found))


def forward(record, arrays):
    """Mean PSNR of the learned diffusion."""
    runs, psnr = trained(record, arrays, "forward", 5)
    found = verdicts.mean(psnr)
    return verdicts.finding(
        record, f"{found} dB", verdicts.reaches(found, FORWARD), verdicts.count(psnr.shape[-1], runs), runs
    )


def denoise(record, arrays):
    """The best denoiser with laws, by validation images, against the free one; both trained alike."""
    free, theirs = trained(record, arrays, "denoise", 5, conservative=False)
    numbers = sorted({run["layers"] for run in record["runs"] if run["part"] == "denoise" and run["conservative"]})
    if not numbers:
        raise verdicts.NotRun("no denoiser with laws")
    candidates = [trained(record, arrays, "denoise", number) for number in numbers]
    runs, ours = max(candidates, key=lambda found: np.mean([run["validation_psnr"] for run in found[0]]))
    gap = verdicts.difference(ours, theirs)
    text = f"{gap:+.2f} dB with {runs[0]['layers']} layers"
    answer = verdicts.reaches(gap, -COST, runs, free)
    if record.get("test_data") == OWN_SPLIT and len(numbers) > 1:
        answer = verdicts.Unsure("the number of layers was chosen on the test images")
    return verdicts.compared(record, runs, free, text, answer, verdicts.count(ours.shape[-1], [*runs, *free]))


def stable(record, arrays):
    """Values stay in the range of the images in 1,000 iterations."""
    found = _part(record, "iterations")
    texts = []
    for name in ("conservative", "free"):
        largest, smallest = found[name]["largest"][-1], found[name]["smallest"][-1]
        inside = f"{smallest:.3g} to {largest:.3g}" if None not in (largest, smallest) else "not finite"
        texts.append(f"{name}: {inside}")
    largest, smallest = found["conservative"]["largest"], found["conservative"]["smallest"]
    inside = None not in (*largest, *smallest) and max(largest) <= 1 + OUTSIDE and min(smallest) >= -OUTSIDE
    random = found["random"]
    inside = inside and not random["conservative"]
    text = f"{'; '.join(texts)} after {found['iterations'][-1]:,}; with random weights {random['conservative']} and "
    text += f"{random['free']} of {random['layers']} layers leave the range"
    return verdicts.finding(record, text, inside, f"{found['photographs']} images", _trainings(record, found))


def round_trip(record, arrays):
    """The largest error of any pixel of any test image."""
    found = _part(record, "inverse")
    error = found["round_trip"]["largest"]
    text, n = f"{error:.1e}", f"{found['images']} images"
    return verdicts.finding(record, text, error <= ROUND_TRIP, n, _trainings(record, found))


def random_inverse(record, arrays):
    """How many random layers are not undone: the iteration fails, or finds another image with the same output."""
    found = _part(record, "random-inverse")
    wrong = [sum(pair) for pair in zip(found["failed"], found["another"])]
    of = [f"{count} of {found['layers']} at {scale:g}" for scale, count in zip(found["scales"], wrong)]
    text = f"not found, by the standard deviation of the weights: {', '.join(of)}; another image with the same output "
    text += f"is found in {sum(found['another'])} of these cases"
    return verdicts.finding(record, text, not any(wrong), exact=True, **_source(found))


def _source(part):
    """Where a part comes from that depends on no training."""
    return {"commit": verdicts.shorten(part.get("commit") or "")}


def _trainings(record, part):
    """The training whose network a part measures.

    Raises:
        verdicts.NotRun: when it is not in the record.
    """
    runs = [run for run in record["runs"] if run["name"] == part.get("of")]
    if not runs:
        raise verdicts.NotRun("no training of the network that was measured")
    return runs


def _part(record, name):
    if name not in record:
        raise verdicts.NotRun(f"no part {name}")
    return record[name]


def trained(record, arrays, part, layers, conservative=True):
    """The trainings of all seeds of this part with so many layers, and the PSNR of every image (seeds, n).

    Raises:
        verdicts.NotRun: when there is none.
    """
    wanted = {"part": part, "layers": layers, "conservative": conservative}
    runs = [run for run in record["runs"] if all(run[key] == value for key, value in wanted.items())]
    if not runs:
        raise verdicts.NotRun(f"no training {part} with {layers} layers")
    return runs, np.stack([arrays[f"psnr_{run['name']}"] for run in runs])


CLAIMS = (
    Claim("conservative layers break no law, whatever the weights", "0 of 1,000", laws),
    Claim("a conservative DiffNet learns the diffusion", f"≥ {FORWARD:g} dB", forward),
    Claim("denoising at σ = 25: the laws cost little, with as many layers as needed", f"≥ −{COST} dB", denoise),
    Claim("1,000 iterations of a trained conservative DiffNet leave values between 0 and 1", "0 to 1", stable),
    Claim(
        "a trained network of small conservative steps is inverted by the fixed-point iteration",
        "round trip ≤ 1e-5",
        round_trip,
    ),
    Claim(
        "the fixed-point iteration inverts every layer of small conservative steps, whatever its weights",
        "all random layers",
        random_inverse,
        answers=verdicts.EXACT,
    ),
)
