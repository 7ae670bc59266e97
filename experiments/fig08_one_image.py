"""Figure 8: one image, diffused without noise, and restored by DiffNet and by the U-Net.

Paper, for the image of a ship: DiffNet 65.34 dB, U-Net 61.08 dB.

    python -m experiments.fig08_one_image --budget quick  # about 3 min on 2 cores, if a U-Net must be trained
    python -m experiments.fig08_one_image --budget cpu --source stl10_binary --data-dir DIR --image -1
"""

import functools

from experiments.lib import one_image, unets, verdicts
from experiments.lib.ledger import Claim
from experiments.lib.measure import Task
from experiments.lib.options import IMAGES, TRAINING
from experiments.lib.run import main

NAME = "fig08"
TITLE = "Figure 8"
OPTIONS = (*TRAINING, *IMAGES, "image")
PAPER = {"diffnet": 65.34, "unet": 61.08}
BUDGETS = unets.BUDGETS
compute = functools.partial(one_image.compute, Task("inverse", 0.0), PAPER)
draw, caption, alt = one_image.draw, one_image.caption, one_image.alt


def parameter_ratio(record, arrays):
    """DiffNet's parameters in per cent of the U-Net's, to two digits."""
    diffnet, unet = (record["parameters"][name] for name in ("diffnet", "unet"))
    share = f"{100 * diffnet / unet:.2f}"
    return verdicts.finding(record, f"{share} % of {unet:,}", share == "0.29", exact=True, budget="", data="")


CLAIMS = (
    Claim(
        "the number of DiffNet's parameters as a share of the U-Net's",
        "0.29 % of 34,512,705",
        parameter_ratio,
        "Sec. 6",
        answers=verdicts.EXACT,
    ),
    *one_image.claims("Fig. 8", 0.0, PAPER),
)

if __name__ == "__main__":
    main(__file__)
