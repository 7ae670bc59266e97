"""What the record of `denoise_colour` is checked for."""

import functools

from experiments.lib import denoise_record, verdicts
from experiments.lib.colour import SET
from experiments.lib.colour_record import AUTO, OURS
from experiments.lib.ledger import Claim

LEVELS = (15, 25, 50)
AUTOMATIC = 0.1  # dB that estimating σ may cost


def ahead(record, arrays, others, method=OURS, bound=1e-9):
    """The paired difference to each of some rows of the record is at least a bound at all levels."""
    used, texts, answers = denoise_record.trainings(record, OURS), [], []
    for other in others:
        sides = () if OURS in (method, other) and AUTO in (method, other) else (used,)  # of one training: no chance
        values = [[denoise_record.psnr(record, arrays, row, level, SET) for row in (method, other)] for level in LEVELS]
        gaps = [verdicts.difference(*pair) for pair in values]
        answers += [verdicts.reaches(gap, bound, *sides) for gap in gaps]
        listed = ", ".join(f"{gap.value:+.2f} at {level}" for gap, level in zip(gaps, LEVELS))
        texts.append(f"{record['methods'][other]['label']}: {listed} dB" if len(others) > 1 else f"{listed} dB")
    n = verdicts.count(record["sets"][SET]["count"], used)
    data = f"{record['data']} → photographs of scikit-image"
    return verdicts.finding(record, "; ".join(texts), verdicts.agreed(answers), n, used, data=data)


CLAIMS = (
    Claim(
        "`denoise-colour` is ahead of BM3D for colour, at σ = 15, 25 and 50",
        "> 0 dB at all levels",
        functools.partial(ahead, others=("bm3d",)),
    ),
    Claim(
        "`denoise-colour` is ahead of non-local means, wavelets and total variation",
        "> 0 dB at all levels",
        functools.partial(ahead, others=("nlm", "wavelets", "tv")),
    ),
    Claim(
        f'`noise="auto"` costs `denoise-colour` at most {AUTOMATIC} dB',
        f"≥ −{AUTOMATIC} dB at all levels",
        functools.partial(ahead, others=(OURS,), method=AUTO, bound=-AUTOMATIC),
    ),
)
