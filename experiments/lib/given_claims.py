"""What the record of `inverse_any` is checked for. `given_record` says what it holds."""

import numpy as np

from experiments.lib import conditions, given_record, verdicts
from experiments.lib.given_diffusion import LARGEST, NAMES, PRESETS, SPECIALISTS
from experiments.lib.given_record import OURS, PRESET, SPECIALIST, psnr, trainings
from experiments.lib.ledger import Claim

OF_SPECIALISTS = 0.5  # dB behind a specialist
OF_PRESETS = {"inverse-0.1pct": 0.5, "inverse-1pct": 0.2}  # dB behind a preset, at its own setting


def _specialists(record, arrays):
    """Within some dB of a specialist at each setting that has one; all were trained for as many steps."""
    texts, answers, used = [], [], trainings(record, OURS)
    for setting in SPECIALISTS:
        ours, theirs = (psnr(record, arrays, row, setting.name) for row in (OURS, SPECIALIST))
        gap, of = verdicts.difference(ours, theirs), trainings(record, SPECIALIST, setting.name)
        fair = len({conditions.size(run) for run in [*trainings(record, OURS), *of]}) == 1
        answers.append(_beyond(gap, -OF_SPECIALISTS, _chance(ours, theirs)) if fair else _UNFAIR)
        texts.append(f"{gap.value:+.2f} at {setting.words}")
        used += of
    return _finding(record, arrays, f"difference in dB: {'; '.join(texts)}", answers, used)


def _presets(record, arrays):
    """At the settings of the presets for one diffusion."""
    texts, answers = [], []
    for name, preset in PRESETS.items():
        gap = verdicts.difference(*(psnr(record, arrays, row, name) for row in (OURS, PRESET)))
        answers.append(verdicts.reaches(gap, -OF_PRESETS[preset]))
        texts.append(f"{gap:+.2f} dB against {preset}")
    return _finding(record, arrays, "; ".join(texts), answers)


def _classical(record, arrays):
    """Ahead of every classical method at every setting."""
    if not (rows := given_record.classical(record)):
        raise verdicts.NotRun("no classical method")
    gaps = {
        (row, name): verdicts.difference(*(psnr(record, arrays, each, name) for each in (OURS, row)))
        for name in NAMES
        for row in rows
    }
    (row, name), least = min(gaps.items(), key=lambda each: each[1].value)
    text = f"smallest lead {least:+.2f} dB, over {record['methods'][row]['label']} at {NAMES[name].words}"
    answers = [verdicts.ahead(gap) for gap in gaps.values()]
    ahead = sum(answer == verdicts.HOLDS for answer in answers)
    text += f"; ahead in {ahead} of {len(gaps)} comparisons"
    if ends := sum(bool(of["at_an_end"]) for method in record.get("choices", {}).values() for of in method.values()):
        text += f"; a parameter chosen at an end of its scale in {ends}"
    return _finding(record, arrays, text, answers)


def _small(record, arrays):
    """The number of parameters."""
    if not (runs := trainings(record, OURS)):
        raise verdicts.NotRun(f"no run of {OURS}")
    number = max(run["parameters"] for run in runs)
    return verdicts.finding(record, f"{number:,}", number <= LARGEST, exact=True)


_UNFAIR = verdicts.Unsure("not trained equally")


def _chance(ours, theirs):
    """dB by which another seed may change a difference: as much as those of the other side differ."""
    few = [values for values in (ours, theirs) if len(values) < conditions.SEEDS]
    enough = [values for values in (ours, theirs) if len(values) >= conditions.SEEDS]
    if not few:
        return 0.0
    return max((float(np.ptp(values.mean(axis=1))) for values in enough), default=verdicts.CHANCE)


def _beyond(gap, bound, chance):
    """As `verdicts.reaches`, with another chance of seeds."""
    if gap.low >= bound + chance:
        return verdicts.HOLDS
    if gap.high < bound - chance:
        return verdicts.FAILS
    return verdicts.Unsure("the bound lies in the interval, or another seed may change the answer")


def _finding(record, arrays, text, answers, used=None):
    used = used or trainings(record, OURS)
    n = verdicts.count(arrays[f"psnr_{OURS}"].shape[-1], trainings(record, OURS))
    return verdicts.finding(record, text, verdicts.agreed(answers), n, used)


CLAIMS = (
    Claim(
        f"`inverse-any` is within {OF_SPECIALISTS} dB of networks that were trained for one setting each, as long",
        f"≥ −{OF_SPECIALISTS} dB at 6 settings",
        _specialists,
    ),
    Claim(
        "`inverse-any` is close to the presets for one diffusion, at theirs",
        "; ".join(f"≥ −{bound} dB against {preset}" for preset, bound in OF_PRESETS.items()),
        _presets,
    ),
    Claim(
        "`inverse-any` is ahead of every classical method that is given as much",
        f"> 0 dB at {len(NAMES)} settings",
        _classical,
    ),
    Claim("`inverse-any` is small", f"≤ {LARGEST:,} parameters", _small, answers=verdicts.EXACT),
)
